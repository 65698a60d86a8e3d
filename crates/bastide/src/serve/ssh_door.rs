//! The SSH door of `bastide serve`.

use std::net::SocketAddr;
use std::path::Path;

use anyhow::Context;
use bastide_app::App;
use bastide_gate::HostKey;
use tokio::net::TcpListener;

use super::config::SshDoor;
use crate::cli::exit::Failure;

/// A socket and a key.
pub(super) struct Door {
    listener: TcpListener,
    address: SocketAddr,
    key: HostKey,
}

/// Takes the port. One that nobody asked for may be in use: then there is no door, and the log says so.
pub(super) async fn listen(door: &SshDoor) -> Result<Option<TcpListener>, Failure> {
    let Some(address) = door.listen else { return Ok(None) };
    match TcpListener::bind(address).await {
        Ok(listener) => Ok(Some(listener)),
        Err(error) if door.wanted => Err(Failure::text(format!(
            "cannot listen on {address} for ssh: {error}; choose another port with --ssh-listen, or off"
        ))),
        Err(error) => {
            tracing::warn!(%error, %address, "no ssh door: choose its port with --ssh-listen, or off");
            Ok(None)
        }
    }
}

/// Reads or makes the key.
pub(super) fn open(listener: Option<TcpListener>, directory: &Path) -> Result<Option<Door>, Failure> {
    let Some(listener) = listener else { return Ok(None) };
    let key = HostKey::of(directory).map_err(anyhow::Error::from)?;
    let address = listener.local_addr().context("the ssh listener")?;
    tracing::info!(%address, host_key = key.fingerprint(), "the ssh door is open");
    Ok(Some(Door { listener, address, key }))
}

impl Door {
    /// Where it listens.
    pub(super) fn address(&self) -> SocketAddr {
        self.address
    }

    pub(super) async fn serve(self, app: App) {
        bastide_gate::serve(self.listener, app, self.key).await;
    }
}
