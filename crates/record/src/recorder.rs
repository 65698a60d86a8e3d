//! The handle with which a session's task writes its recording.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use crate::encode::{MAX_EVENT_BYTES, Record, Tag};
use crate::error::Error;
use crate::header::Header;
use crate::pool::Pool;
use crate::recording::{Phase, Recording};

/// What to do when the disk does not take the recording.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// Nothing is lost: the session waits, and ends when waiting does not help.
    Required,
    /// The session goes on: bytes are dropped and counted, and a marker says which.
    BestEffort,
}

/// What a recording starts from.
#[derive(Debug, Clone)]
pub struct Begin {
    /// The file, which must not exist. Its directory must.
    pub path: PathBuf,
    pub mode: Mode,
    pub header: Header,
    /// Time zero of the events. The clock is monotonic: setting the date changes nothing.
    pub started: Instant,
}

/// How a recording does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum State {
    Recording,
    /// Writes fail at the moment and are tried again.
    Stalled {
        reason: String,
    },
    /// A required recording could not be written for too long. Nothing more is recorded: end the session.
    Failed {
        reason: String,
    },
}

/// A recording that was closed in order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Closed {
    pub path: PathBuf,
    /// Size of the file.
    pub bytes_written: u64,
    /// From the start to the last event.
    pub duration: Duration,
    /// Bytes that a best-effort recording dropped.
    pub lost_bytes: u64,
    /// Invalid UTF-8 sequences that were recorded as U+FFFD.
    pub replaced: u64,
}

/// Writes one recording. Appending copies into memory and never waits; dropping the handle closes the
/// recording without waiting.
pub struct Recorder {
    recording: Arc<Recording>,
    pool: Pool,
    last_us: u64,
    seen: AtomicU64,
}

impl Recorder {
    pub(crate) fn new(recording: Arc<Recording>, pool: Pool) -> Recorder {
        Recorder { recording, pool, last_us: 0, seen: AtomicU64::new(0) }
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.recording.path
    }

    /// Bytes the terminal received. Any bytes: characters may be cut at the ends.
    pub fn output(&mut self, at: Instant, bytes: &[u8]) {
        self.append(at, Tag::Output, bytes);
    }

    /// Bytes that were typed.
    pub fn input(&mut self, at: Instant, bytes: &[u8]) {
        self.append(at, Tag::Input, bytes);
    }

    /// A new size in cells.
    pub fn resize(&mut self, at: Instant, cols: u16, rows: u16) {
        let ([c0, c1], [r0, r1]) = (cols.to_le_bytes(), rows.to_le_bytes());
        self.append(at, Tag::Resize, &[c0, c1, r0, r1]);
    }

    /// A named point in time; text past 64 KiB is cut.
    pub fn marker(&mut self, at: Instant, text: &str) {
        let end = text.floor_char_boundary(MAX_EVENT_BYTES);
        self.append(at, Tag::Marker, &text.as_bytes()[..end]);
    }

    /// The recorded program ended.
    pub fn exit(&mut self, at: Instant, status: i32) {
        self.append(at, Tag::Exit, &status.to_le_bytes());
    }

    /// Whether the buffer has room. While it has none, the caller reads nothing more from the backend;
    /// what it appends all the same is kept by a required recording and may be lost by a best-effort one.
    /// A failed recording always has room: nothing waits for it.
    pub fn has_room(&self) -> bool {
        self.recording.has_room(self.pool.limits())
    }

    /// Returns when there is room. When the disk takes nothing for
    /// [`give_up_after`](crate::Config::give_up_after), a required recording fails; a best-effort one
    /// starts dropping after a second. Cancel-safe: the time counts from when the buffer became full.
    pub async fn room(&self) {
        loop {
            let changed = self.recording.changed.notified();
            if self.has_room() {
                return;
            }
            let deadline = self.recording.patience(self.pool.limits());
            if tokio::time::timeout_at(deadline.into(), changed).await.is_err()
                && self.recording.out_of_patience(self.pool.limits(), deadline)
            {
                tracing::error!(path = %self.recording.path.display(), "recording failed: the disk takes nothing");
            }
        }
    }

    /// How the recording does now.
    pub fn state(&self) -> State {
        self.recording.state().0
    }

    /// Returns at the next change of the state that no earlier call returned. Cancel-safe.
    pub async fn state_changed(&self) -> State {
        loop {
            let changed = self.recording.changed.notified();
            let (state, version) = self.recording.state();
            if self.seen.swap(version, Ordering::Relaxed) != version {
                return state;
            }
            changed.await;
        }
    }

    /// Writes what is left, and returns when it is on disk (`fdatasync`), or with an error when
    /// [`close_within`](crate::Config::close_within) is over.
    pub async fn close(self) -> Result<Closed, Error> {
        self.pool.shared().request_close(&self.recording);
        let waited = self.pool.shared().close_within;
        if tokio::time::timeout(waited, self.closed()).await.is_err() {
            return Err(Error::CloseTimeout { path: self.recording.path.clone(), waited });
        }
        let inner = self.recording.lock();
        if let Some(reason) = &inner.health.failed {
            return Err(Error::Failed { path: self.recording.path.clone(), reason: reason.clone() });
        }
        if inner.phase != Phase::Closed {
            return Err(Error::ShutDown);
        }
        Ok(Closed {
            path: self.recording.path.clone(),
            bytes_written: inner.written,
            duration: Duration::from_micros(self.last_us),
            lost_bytes: inner.lost_total,
            replaced: inner.replaced,
        })
    }

    async fn closed(&self) {
        loop {
            let changed = self.recording.changed.notified();
            {
                let inner = self.recording.lock();
                // What failed has nothing more to wait for; the writers close the file when they can.
                if inner.phase == Phase::Closed || inner.health.failed.is_some() {
                    return;
                }
            }
            if !self.pool.shared().works() {
                return;
            }
            changed.await;
        }
    }

    fn append(&mut self, at: Instant, tag: Tag, bytes: &[u8]) {
        let since = at.saturating_duration_since(self.recording.started);
        // 2^64 µs are half a million years.
        self.last_us = u64::try_from(since.as_micros()).unwrap_or(u64::MAX).max(self.last_us);
        let record = Record { tag, at_us: self.last_us, bytes };
        if let Some((at, ticket)) = self.recording.append(record, self.pool.limits()) {
            self.pool.shared().push_flush(&self.recording, at, ticket);
        }
    }
}

impl Drop for Recorder {
    fn drop(&mut self) {
        self.pool.shared().request_close(&self.recording);
    }
}
