//! The daemon's connections to other machines, as whoever looks after it sees them. Nothing here names a session, and
//! nothing is secret.

use serde::{Deserialize, Serialize};

/// What `connections` answers.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PoolInfo {
    #[serde(default)]
    pub connections: Vec<PooledConnection>,
    /// Begun since the daemon started.
    #[serde(default)]
    pub dials: u64,
    /// Of those, the ones that came to no connection. One that was given up is no failure.
    #[serde(default)]
    pub failed_dials: u64,
}

/// One connection. Times are RFC 3339, UTC.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PooledConnection {
    /// Valid within one instance of the daemon, and never used again in it.
    pub id: u64,
    /// The name of the server that is meant.
    pub server: String,
    pub host: String,
    pub port: u16,
    pub username: String,
    /// The names of the servers on the way.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub via: Vec<String>,
    /// Terminals in it now.
    pub channels: u32,
    pub since: String,
    /// Since when it has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub idle_since: Option<String>,
}

/// What is asked about them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PoolRequest {
    Connections,
    End(ConnectionEnd),
}

/// Ends one connection with all that runs in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConnectionEnd {
    pub id: u64,
}
