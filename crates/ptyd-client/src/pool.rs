//! The daemon's connections to other machines.

use bastide_wire::capability;
use bastide_wire::pool::{ConnectionEnd, PoolInfo};
use bastide_wire::request::Empty;

use crate::{Client, Error};

impl Client {
    /// Connections that sessions of this daemon share, and how many dials there have been.
    ///
    /// # Errors
    /// `Unsupported` from a daemon that does not tell, or the connection's.
    pub async fn connections(&self) -> Result<PoolInfo, Error> {
        self.require(capability::CONNECTIONS)?;
        Ok(self.request("connections", Empty {}).await?.pool.map(|pool| *pool).unwrap_or_default())
    }

    /// Ends one of them with the sessions on it.
    ///
    /// # Errors
    /// `Unsupported`; `Reply` with `NOT_FOUND`; or the connection's.
    pub async fn connection_end(&self, id: u64) -> Result<(), Error> {
        self.require(capability::CONNECTIONS)?;
        self.request("connection_end", ConnectionEnd { id }).await.map(drop)
    }
}
