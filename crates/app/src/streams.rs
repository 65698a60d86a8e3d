//! Commands, file transfers and connections on servers whose bytes pass through as they come: what native `ssh`, `scp`,
//! `sftp` and `rsync` ask for.
//!
//! Each is an action of the log with a beginning, what passed, and an end. The right to it is looked at again whenever
//! it may have been taken away; then it ends.

mod agent;
mod begin;
mod destination;
mod kept;
mod places;
mod transfer;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use bastide_ssh::{Exit, Stream};
use bytes::Bytes;
use jiff::Timestamp;
use tokio::sync::{oneshot, watch};
use uuid::Uuid;

use crate::Error;
use crate::context::{About, Action, Ctx};
use crate::exec::Approval;
use crate::servers;
use crate::sessions::OnServer;

pub use agent::ClientAgent;
pub use bastide_ssh::{Exit as StreamExit, Later, Lender, Talk, ask_agent};
pub use begin::{Run, To, backwards, forward, nowhere, run, sftp};
pub(crate) use begin::{Way, way};
pub use destination::{Forbidden, USUAL as USUALLY_FORBIDDEN};
pub use transfer::{Moved, Transfer, may, moved};

pub(crate) use places::{Place, Places, place};

use kept::Kept;

/// What came, or why no more will.
#[derive(Debug)]
pub enum Chunk {
    /// Output and errors.
    Bytes(Bytes, Bytes),
    /// No more will come.
    End,
    /// The caller may not any more.
    Lost(Error),
}

/// Whether the caller still may. Clones watch by themselves.
#[derive(Debug, Clone)]
pub struct Right {
    pub(crate) ctx: Ctx,
    action: Action,
    pub(crate) on: OnServer,
    until: Option<Timestamp>,
    changes: watch::Receiver<u64>,
}

impl Right {
    /// Until it is lost; why.
    pub async fn lost(&mut self) -> Error {
        loop {
            let shown = self.ctx.person().ok().and_then(|person| person.expires());
            let until = self.until.into_iter().chain(shown).min();
            tokio::select! {
                changed = self.changes.changed() => {
                    if changed.is_err() {
                        return Error::Stopping;
                    }
                }
                () = self.ctx.clock().reaches(until) => {}
            }
            if let Err(error) = self.look().await {
                return error;
            }
        }
    }

    async fn look(&mut self) -> Result<(), Error> {
        self.ctx = self.ctx.again().await?.ok_or(Error::NotLoggedIn)?;
        let chosen = servers::choose(&self.ctx, self.action, self.on.server, self.on.credential)?;
        self.until = chosen.until;
        Ok(())
    }
}

/// Counts of one stream.
#[derive(Debug, Default)]
struct Counts {
    input: AtomicU64,
    output: AtomicU64,
    errors: AtomicU64,
}

/// What is said of it when it is over.
#[derive(Debug)]
struct Told {
    exit: Option<Exit>,
    facts: About,
}

impl Told {
    fn about(self) -> About {
        match self.exit {
            Some(Exit::Status(status)) => self.facts.with("exit_status", status),
            Some(Exit::Signal(signal)) => self.facts.with("signal", signal),
            Some(Exit::Lost(why)) => self.facts.with("lost", why),
            Some(Exit::Unsaid) | None => self.facts,
        }
    }
}

/// Takes what comes. Dropping it ends the stream.
#[derive(Debug)]
pub struct Reader {
    stream: Arc<Stream>,
    counts: Arc<Counts>,
    right: Right,
    books: Books,
    _place: Place,
}

/// What is written down of it.
#[derive(Debug)]
struct Books {
    kept: Option<Kept>,
    approval: Option<Approval>,
    recording: Option<Uuid>,
    began: Instant,
    exit: Option<Exit>,
    over: Option<oneshot::Sender<Told>>,
}

impl Reader {
    /// Where it goes, with the credential that it is logged in with.
    pub fn on(&self) -> OnServer {
        self.right.on
    }

    /// For whoever must stop also while what came is not taken.
    pub fn right(&self) -> Right {
        self.right.clone()
    }

    /// Who let it run, where somebody had to.
    pub fn approval(&self) -> Option<&Approval> {
        self.books.approval.as_ref()
    }

    /// What came since. Not cancel-safe: keep its future until it is done.
    pub async fn next(&mut self) -> Chunk {
        let taken = tokio::select! {
            taken = self.stream.next() => taken,
            why = self.right.lost() => return Chunk::Lost(why),
        };
        let Some((output, errors)) = taken else { return Chunk::End };
        self.counts.output.fetch_add(output.len() as u64, Ordering::Relaxed);
        self.counts.errors.fetch_add(errors.len() as u64, Ordering::Relaxed);
        if let Some(kept) = &mut self.books.kept {
            kept.add(&output).await;
            kept.add(&errors).await;
        }
        Chunk::Bytes(output, errors)
    }

    /// How it ended; waits for it, unless the right to it is lost meanwhile.
    ///
    /// # Errors
    /// Why the caller may not any more.
    pub async fn exit(&mut self) -> Result<Exit, Error> {
        let exit = tokio::select! {
            exit = self.stream.exit() => exit,
            why = self.right.lost() => return Err(why),
        };
        self.books.exit = Some(exit.clone());
        Ok(exit)
    }

    /// Closes the books; the recording is whole after it.
    pub async fn finish(mut self) {
        let Some(kept) = self.books.kept.take() else { return };
        kept.close(&self.right.ctx, self.books.exit.as_ref()).await;
    }

    fn facts(&self) -> About {
        let count = |count: &AtomicU64| count.load(Ordering::Relaxed);
        let recording = self.books.recording.map(|uid| uid.to_string());
        About::nothing()
            .with("server", self.right.on.server)
            .with("input_bytes", count(&self.counts.input))
            .with("output_bytes", count(&self.counts.output))
            .with("error_bytes", count(&self.counts.errors))
            .with("recording", recording)
            .with("approved_by", self.books.approval.as_ref().map(|approval| approval.by.clone()))
            .with("duration_ms", u64::try_from(self.books.began.elapsed().as_millis()).unwrap_or(u64::MAX))
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        if let Some(over) = self.books.over.take() {
            // Its task waits for exactly this.
            let _ = over.send(Told { exit: self.books.exit.take(), facts: self.facts() });
        }
    }
}

/// Sends.
#[derive(Debug, Clone)]
pub struct Writer {
    stream: Arc<Stream>,
    counts: Arc<Counts>,
}

impl Writer {
    /// Waits while the other side does not read. Not cancel-safe. False when nothing can be sent any more.
    pub async fn write(&self, bytes: Bytes) -> bool {
        let length = bytes.len() as u64;
        let sent = self.stream.write(bytes).await;
        if sent {
            self.counts.input.fetch_add(length, Ordering::Relaxed);
        }
        sent
    }

    /// No more will be sent.
    pub async fn eof(&self) {
        self.stream.eof().await;
    }

    /// By its name, with or without `SIG`.
    pub async fn signal(&self, name: &str) {
        self.stream.signal(name).await;
    }
}
