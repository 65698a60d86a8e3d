//! Connections to servers: those of this process, for commands and checks, and those of the session daemon, for
//! terminals. Two pools, looked at as one list.

use std::time::Duration;

use bastide_ptyd_client::{self as ptyd, PoolInfo, PooledConnection};
use bastide_ssh::ConnectionInfo;
use bastide_wire::{Code, capability};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::context::{About, Action, Ctx};
use crate::daemon;
use crate::error::{Thing, What};
use crate::{App, Error};

/// Whoever measures asks often; a daemon that is busy is left out of one measurement, and the others are not late.
const COUNTED_WITHIN: Duration = Duration::from_secs(2);

/// Whose connection it is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = ConnectionPool)]
#[serde(rename_all = "snake_case")]
pub enum Pool {
    /// The session daemon's: terminals run in it, also while the server is away.
    Terminals,
    /// The server's: commands, checks and measurements.
    #[default]
    Commands,
}

impl Pool {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Terminals => "terminals",
            Self::Commands => "commands",
        }
    }
}

/// One connection, as shown.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct Connection {
    pub pool: Pool,
    /// Unique in its pool.
    pub id: u64,
    pub server: String,
    pub host: String,
    pub port: u16,
    pub username: String,
    /// The names of the servers on the way.
    pub via: Vec<String>,
    /// Terminals or commands in it now.
    pub channels: u64,
    pub since: Option<Timestamp>,
    /// Since when nothing runs in it.
    pub idle_since: Option<Timestamp>,
}

impl From<ConnectionInfo> for Connection {
    fn from(info: ConnectionInfo) -> Self {
        let ConnectionInfo { id, server, host, port, username, via, channels, .. } = info;
        let since = Timestamp::try_from(info.since).ok();
        let idle_since = info.idle_since.and_then(|at| Timestamp::try_from(at).ok());
        let channels = u64::try_from(channels).unwrap_or(u64::MAX);
        Self { pool: Pool::Commands, id, server, host, port, username, via, channels, since, idle_since }
    }
}

impl From<PooledConnection> for Connection {
    fn from(one: PooledConnection) -> Self {
        let PooledConnection { id, server, host, port, username, via, channels, since, idle_since } = one;
        let since = since.parse().ok();
        let idle_since = idle_since.and_then(|at| at.parse().ok());
        let channels = u64::from(channels);
        Self { pool: Pool::Terminals, id, server, host, port, username, via, channels, since, idle_since }
    }
}

/// Whether the daemon's connections are in a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum TerminalConnections {
    Listed,
    /// The daemon is an older one, which does not tell. Its terminals work.
    NotTold,
    /// The daemon does not answer.
    Unreachable,
}

/// The connections of both pools.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = ConnectionList)]
pub struct Connections {
    pub connections: Vec<Connection>,
    pub terminals: TerminalConnections,
}

/// The daemon's first, then this process's, each by id.
///
/// # Errors
/// `NotLoggedIn`, `Forbidden`.
pub async fn list(ctx: &Ctx) -> Result<Connections, Error> {
    ctx.authorize(Action::ConnectionList, ())?;
    let (theirs, terminals) = match of_daemon(ctx.app()).await {
        Ok(pool) => (pool.connections, TerminalConnections::Listed),
        Err(why) => (Vec::new(), why),
    };
    let ours = ctx.app().execs().pool.connections();
    let theirs = theirs.into_iter().map(Connection::from);
    let connections = theirs.chain(ours.into_iter().map(Connection::from)).collect();
    Ok(Connections { connections, terminals })
}

async fn of_daemon(app: &App) -> Result<PoolInfo, TerminalConnections> {
    let client = app.daemon().client().map_err(|_| TerminalConnections::Unreachable)?;
    match client.connections().await {
        Ok(pool) => Ok(pool),
        Err(ptyd::Error::Unsupported { .. }) => Err(TerminalConnections::NotTold),
        Err(error) => {
            tracing::warn!(%error, "the session daemon did not tell its connections");
            Err(TerminalConnections::Unreachable)
        }
    }
}

/// Ends one connection and what runs in it.
///
/// # Errors
/// `NotLoggedIn`, `Forbidden`, `NotFound`, `Storage`; for one of the daemon's also `DaemonUnreachable` and `Daemon`.
pub async fn end(ctx: &Ctx, pool: Pool, id: u64) -> Result<(), Error> {
    ctx.authorize(Action::ConnectionEnd, ())?;
    let about = About::nothing().with("connection", id).with("pool", pool.as_str());
    match pool {
        Pool::Commands => end_own(ctx, about, id).await,
        Pool::Terminals => end_of_daemon(ctx, about, id).await,
    }
}

fn missing(id: u64) -> Error {
    Error::NotFound(What::Thing(Thing::Connection, i64::try_from(id).unwrap_or(i64::MAX)))
}

async fn end_own(ctx: &Ctx, about: About, id: u64) -> Result<(), Error> {
    let all = ctx.app().execs().pool.connections();
    let one = all.into_iter().find(|one| one.id == id).ok_or_else(|| missing(id))?;
    ctx.audited(Action::ConnectionEnd, about.with("server_name", one.server), async move |ctx| {
        match ctx.app().execs().pool.disconnect(|one| one.id == id) {
            0 => Err(missing(id)),
            _ => Ok(()),
        }
    })
    .await
}

async fn end_of_daemon(ctx: &Ctx, about: About, id: u64) -> Result<(), Error> {
    let client = ctx.app().daemon().client()?;
    let told = client.connections().await.map_err(daemon::refused)?;
    let one = told.connections.into_iter().find(|one| one.id == id).ok_or_else(|| missing(id))?;
    ctx.audited(Action::ConnectionEnd, about.with("server_name", one.server), async move |_| {
        match client.connection_end(id).await {
            Ok(()) => Ok(()),
            Err(error) if error.is(Code::NotFound) => Err(missing(id)),
            Err(error) => Err(daemon::refused(error)),
        }
    })
    .await
}

/// A pool in numbers, for metrics.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    pub connections: u64,
    pub channels: u64,
    /// Dials since its process started.
    pub dials: u64,
    /// Those that came to no connection.
    pub failed: u64,
}

/// Of this process.
pub fn own_counts(app: &App) -> Counts {
    let pool = &app.execs().pool;
    let (all, dials) = (pool.connections(), pool.dials());
    let channels: usize = all.iter().map(|one| one.channels).sum();
    Counts {
        connections: u64::try_from(all.len()).unwrap_or(u64::MAX),
        channels: u64::try_from(channels).unwrap_or(u64::MAX),
        dials: dials.begun,
        failed: dials.failed,
    }
}

/// Of the session daemon, where it tells, and at once.
pub async fn daemon_counts(app: &App) -> Option<Counts> {
    let client = app.daemon().client().ok()?;
    if !client.daemon().knows(capability::CONNECTIONS) {
        return None;
    }
    let pool = tokio::time::timeout(COUNTED_WITHIN, client.connections()).await.ok()?.ok()?;
    Some(Counts {
        connections: u64::try_from(pool.connections.len()).unwrap_or(u64::MAX),
        channels: pool.connections.iter().map(|one| u64::from(one.channels)).sum(),
        dials: pool.dials,
        failed: pool.failed_dials,
    })
}
