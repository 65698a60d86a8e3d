//! Accepting connections.

use std::sync::Arc;

use tokio::net::UnixListener;
use tokio::sync::Semaphore;

use crate::connection;
use crate::daemon::Daemon;

/// Accepts until the daemon drains. Connections over the limit are accepted and dropped at once,
/// so that a client sees a closed socket instead of waiting for ever.
pub(crate) async fn run(daemon: Arc<Daemon>, listener: UnixListener) {
    let places = Arc::new(Semaphore::new(daemon.config.max_connections));
    let mut dropped: u64 = 0;
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = daemon.shutdown.draining() => return,
        };
        match accepted {
            Ok((socket, _)) => match Arc::clone(&places).try_acquire_owned() {
                Ok(place) => {
                    if dropped > 0 {
                        tracing::info!(dropped, "connections are taken again");
                        dropped = 0;
                    }
                    let daemon = Arc::clone(&daemon);
                    let connections = daemon.connections.clone();
                    connections.spawn("connection", async move {
                        connection::run(daemon, socket).await;
                        drop(place);
                    });
                }
                Err(_) => {
                    // Said once, or a client in a loop would fill the log.
                    if dropped == 0 {
                        tracing::warn!(
                            limit = daemon.config.max_connections,
                            "connections over the limit are dropped"
                        );
                    }
                    dropped += 1;
                }
            },
            Err(error) => {
                tracing::warn!(%error, "a connection was not accepted");
                // Out of descriptors: the next accept would fail at once again. Some connection
                // ends before long; a short rest is kinder than a spin.
                tokio::time::sleep(ACCEPT_REST).await;
            }
        }
    }
}

/// Rest after a failed accept.
const ACCEPT_REST: std::time::Duration = std::time::Duration::from_millis(100);
