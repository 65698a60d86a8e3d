//! The other side of one request.

use std::sync::Arc;
use std::time::Instant;

use bastide_ssh::{NobodyToAsk, Sftp};
use bastide_wire::file_name::shown;
use sha2::{Digest, Sha256};

use crate::context::{About, Action, Ctx};
use crate::sessions::OnServer;
use crate::streams::{self, Moved, Place, Right, Transfer, Way};
use crate::{Error, hex};

/// SFTP on a server, and the right to it.
#[derive(Debug)]
pub(super) struct Far {
    pub(super) sftp: Sftp,
    pub(super) right: Right,
    pub(super) account: String,
    /// Transfers count as what passes through (`streams`).
    _place: Place,
}

/// Where a request goes, once the caller may.
#[derive(Debug)]
pub(super) struct Road {
    way: Way,
    pub(super) account: String,
}

impl Road {
    /// # Errors
    /// `NotLoggedIn`, `NotFound`, `Forbidden`, `Invalid`.
    pub(super) async fn to(ctx: &Ctx, action: Action, on: OnServer) -> Result<Self, Error> {
        let way = streams::way(ctx, action, on).await?;
        let account = way.ssh.hops.last().map(|hop| hop.username.clone()).unwrap_or_default();
        Ok(Self { way, account })
    }

    /// With the credential that was chosen.
    pub(super) fn on(&self) -> OnServer {
        self.way.right.on
    }

    /// As the caller is known now.
    pub(super) fn ctx(&self) -> &Ctx {
        &self.way.right.ctx
    }

    /// For the log.
    pub(super) fn about(&self, does: &str, path: &[u8]) -> About {
        About::nothing()
            .with("server", self.way.server.id)
            .with("server_name", self.way.server.settings.name.as_str())
            .with("door", "web")
            .with("does", does)
            .with("path", shown(path))
            .with("account", self.account.as_str())
    }

    /// # Errors
    /// `Limit`, `Ssh`.
    pub(super) async fn open(self) -> Result<Far, Error> {
        let Self { way, account } = self;
        let place = streams::place(&way.right.ctx)?;
        let pool = &way.right.ctx.app().execs().pool;
        let sftp = pool.sftp(&way.ssh, Arc::new(NobodyToAsk)).await?;
        Ok(Far { sftp, right: way.right, account, _place: place })
    }
}

/// Does it for as long as the caller may.
pub(super) async fn allowed<T>(
    right: &mut Right,
    work: impl Future<Output = Result<T, Error>>,
) -> Result<T, Error> {
    tokio::select! {
        biased;
        why = right.lost() => Err(why),
        done = work => done,
    }
}

/// The same for what takes long: it also ends when this process does.
pub(super) async fn moving<T>(
    right: &mut Right,
    work: impl Future<Output = Result<T, Error>>,
) -> Result<T, Error> {
    let shutdown = right.ctx.app().shutdown().clone();
    tokio::select! {
        biased;
        () = shutdown.draining() => Err(Error::Stopping),
        done = allowed(right, work) => done,
    }
}

/// Bytes that have passed, in a row.
#[derive(Debug, Default, Clone)]
pub(super) struct Passed {
    pub(super) bytes: u64,
    digest: Sha256,
}

impl Passed {
    pub(super) fn add(&mut self, data: &[u8]) {
        self.bytes += data.len() as u64;
        self.digest.update(data);
    }

    pub(super) fn sha256(&self) -> String {
        hex::encode(self.digest.clone().finalize().as_slice())
    }
}

/// A transfer in the log.
#[derive(Debug)]
pub(super) struct Told {
    pub(super) ctx: Ctx,
    on: OnServer,
    transfer: Transfer,
    moved: Moved,
    began: Instant,
}

impl Told {
    /// Writes that it begins.
    ///
    /// # Errors
    /// `Storage`: nothing may be moved then.
    pub(super) async fn begin(
        road: &Road,
        (transfer, does): (Transfer, &'static str),
        path: &[u8],
    ) -> Result<Self, Error> {
        let (ctx, on) = (road.ctx().clone(), road.on());
        ctx.note(transfer.action(), &road.about(does, path), "begin", None).await?;
        let account = Some(road.account.clone());
        let moved = Moved { path: shown(path), does, account, ..Moved::default() };
        Ok(Self { ctx, on, transfer, moved, began: Instant::now() })
    }

    /// Where links have led; `None` where that is not known.
    pub(super) fn really(mut self, path: Option<&str>) -> Self {
        let led = path.filter(|path| *path != self.moved.path && self.moved.path.starts_with('/'));
        self.moved.to = led.map(str::to_owned);
        self
    }

    /// Writes how it ended. `sha256` where what has passed is one piece from the beginning on.
    pub(super) async fn end(self, why: Option<String>, (bytes, sha256): (u64, Option<String>)) {
        let Self { ctx, on, transfer, moved, began } = self;
        let moved = Moved { bytes, sha256, why, took: Some(began.elapsed()), ..moved };
        if let Err(error) = streams::moved(&ctx, on, (transfer, moved)).await {
            // It has happened, and its beginning is in the log.
            tracing::error!(%error, "the end of a transfer is missing in the log");
        }
    }
}
