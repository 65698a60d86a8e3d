//! The listener and its connections.

mod peer;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use bastide_app::App;
use hyper::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tower::ServiceExt;

pub(crate) use peer::PeerAddress;

use crate::routes;

/// A browser keeps some six connections and one WebSocket per terminal; a thousand people with
/// a few terminals each stay below. Each is a descriptor and some 20 KB.
const MAX_CONNECTIONS: usize = 8192;
/// Request lines and headers are under 16 KB and come in one packet or two; who takes longer is
/// stuck or means harm.
pub(crate) const HEAD_WITHIN: Duration = Duration::from_secs(10);
/// The largest body is a session's environment.
pub(crate) const MAX_BODY: usize = 256 * 1024;
/// The daemon's own deadline is 30 s; after it there is at least an answer.
pub(crate) const ANSWER_WITHIN: Duration = Duration::from_secs(35);

/// How the server is reached.
#[derive(Debug, Clone, Default)]
pub struct Config {
    /// The origin that people see, when a proxy stands before the server.
    pub public: Option<Origin>,
}

/// Scheme and authority, as a browser writes them into `Origin`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin {
    pub https: bool,
    /// `host` or `host:port`.
    pub authority: String,
}

impl Origin {
    /// Reads `https://host[:port]`, without a path.
    ///
    /// # Errors
    /// In words for whoever wrote it into the settings.
    pub fn read(text: &str) -> Result<Self, String> {
        let (scheme, rest) = text.split_once("://").ok_or("it must begin with https:// or http://")?;
        let https = match scheme {
            "https" => true,
            "http" => false,
            _ => return Err("it must begin with https:// or http://".to_owned()),
        };
        let authority = rest.strip_suffix('/').unwrap_or(rest);
        if authority.is_empty() || authority.contains(['/', '?', '#', '@']) {
            return Err("it must be scheme, host and port only".to_owned());
        }
        Ok(Self { https, authority: authority.to_ascii_lowercase() })
    }
}

/// What handlers are given.
#[derive(Debug, Clone)]
pub(crate) struct Site {
    pub(crate) app: App,
    config: Arc<Config>,
}

impl Site {
    pub(crate) fn public_authority(&self) -> Option<&str> {
        self.config.public.as_ref().map(|origin| origin.authority.as_str())
    }

    pub(crate) fn https(&self) -> bool {
        self.config.public.as_ref().is_some_and(|origin| origin.https)
    }
}

/// Serves until the process drains; then takes no more connections, finishes the requests under
/// way, and closes the WebSockets. The connections are tasks of the app's set.
pub async fn serve(listener: TcpListener, app: App, config: Config) {
    let site = Site { app: app.clone(), config: Arc::new(config) };
    let router = routes::router(site);
    let free = Arc::new(Semaphore::new(MAX_CONNECTIONS));
    let shutdown = app.shutdown().clone();
    loop {
        let place = tokio::select! {
            place = Arc::clone(&free).acquire_owned() => place.expect("the semaphore is never closed"),
            () = shutdown.draining() => return,
        };
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = shutdown.draining() => return,
        };
        match accepted {
            Ok((stream, peer)) => {
                let (router, ending) = (router.clone(), shutdown.clone());
                app.tasks().spawn("http connection", async move {
                    connection(stream, peer, router, ending).await;
                    drop(place);
                });
            }
            Err(error) => {
                tracing::warn!(%error, "cannot accept a connection");
                // Out of descriptors, most likely: others need a moment to return some.
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
    }
}

async fn connection(stream: TcpStream, peer: SocketAddr, router: Router, ending: bastide_rt::Shutdown) {
    // A keystroke is one small packet and must not wait for the next.
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, %peer, "no TCP_NODELAY");
    }
    let from = PeerAddress::of(peer);
    let service = router.map_request(move |mut request: Request<Incoming>| {
        request.extensions_mut().insert(from);
        request
    });
    let mut connection = std::pin::pin!(
        http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(HEAD_WITHIN)
            .serve_connection(TokioIo::new(stream), TowerToHyperService::new(service))
            .with_upgrades()
    );
    let served = tokio::select! {
        served = connection.as_mut() => served,
        () = ending.draining() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = served {
        tracing::debug!(%error, %peer, "connection ended");
    }
}
