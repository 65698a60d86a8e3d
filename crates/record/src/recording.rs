//! One recording as the session's task and the writer threads share it.
//!
//! `Inner` is what both touch; its lock is held for a copy, never over a system call. `FileState` belongs
//! to whichever writer thread works on the recording. Lock order: file, then inner, then the pool's queue.

use std::path::PathBuf;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::Notify;

use crate::disk::Sink;
use crate::encode::{Encoder, Record, Tag, push_record};
use crate::recorder::{Mode, State};

/// A best-effort recording makes the session wait at most this long for a full buffer, then drops.
const BEST_EFFORT_PATIENCE: Duration = Duration::from_secs(1);

pub(crate) struct Recording {
    pub(crate) path: PathBuf,
    pub(crate) mode: Mode,
    pub(crate) started: Instant,
    pub(crate) file: Mutex<FileState>,
    /// Taken away when the file is finished, which closes it.
    pub(crate) sink: Mutex<Option<Arc<dyn Sink>>>,
    /// Told whenever room, state or phase may have changed.
    pub(crate) changed: Notify,
    /// The file's name is durable.
    pub(crate) dir_synced: AtomicBool,
    inner: Mutex<Inner>,
}

/// What a writer thread keeps between two flushes.
#[derive(Default)]
pub(crate) struct FileState {
    pub(crate) encoder: Encoder,
    /// Whole frames; `unwritten_from` of their bytes are in the file.
    pub(crate) unwritten: Vec<u8>,
    pub(crate) unwritten_from: usize,
    /// Where the next byte goes.
    pub(crate) offset: u64,
    /// A buffer to hand back while output comes faster than the timer.
    pub(crate) spare: Vec<u8>,
    /// All records are encoded, and so is what the encoder carried.
    pub(crate) ended: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Phase {
    Open,
    Closing,
    Closed,
}

/// When a writer thread should look at the recording next. A job in the queue counts only while its
/// ticket is the one noted here.
#[derive(Debug, Default, Clone, Copy)]
pub(crate) struct Plan {
    pub(crate) flush: Option<(Instant, u64)>,
    pub(crate) sync: Option<(Instant, u64)>,
    /// Since when a thread is at work on it; it plans again when done.
    pub(crate) busy_since: Option<Instant>,
    tickets: u64,
}

impl Plan {
    pub(crate) fn flush_at(&mut self, at: Instant) -> u64 {
        self.tickets += 1;
        self.flush = Some((at, self.tickets));
        self.tickets
    }

    pub(crate) fn sync_at(&mut self, at: Instant) -> u64 {
        self.tickets += 1;
        self.sync = Some((at, self.tickets));
        self.tickets
    }
}

/// Errors that go on.
#[derive(Debug, Clone)]
pub(crate) struct Failing {
    pub(crate) since: Instant,
    pub(crate) attempts: u32,
    pub(crate) reason: String,
}

#[derive(Debug, Default)]
pub(crate) struct Health {
    pub(crate) write: Option<Failing>,
    pub(crate) sync: Option<Failing>,
    /// Best effort, and the disk does not even answer: bytes are dropped until a write ends.
    pub(crate) hung: bool,
    pub(crate) failed: Option<String>,
    /// Counts changes of the state.
    pub(crate) version: u64,
}

/// Bytes of a best-effort recording that found no room. Times in µs since the start.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Lost {
    pub(crate) bytes: u64,
    pub(crate) from_us: u64,
    pub(crate) to_us: u64,
}

pub(crate) struct Inner {
    /// Records that no thread has taken yet.
    pub(crate) pending: Vec<u8>,
    /// When the first of them came.
    pub(crate) pending_since: Option<Instant>,
    /// Bytes of records taken but not yet in the file.
    pub(crate) in_flight: usize,
    /// Since when there is no room; reset by every write that succeeds.
    full_since: Option<Instant>,
    lost: Option<Lost>,
    pub(crate) lost_total: u64,
    /// The last size that found no room: only the newest counts.
    late_size: Option<(u64, [u8; 4])>,
    pub(crate) phase: Phase,
    pub(crate) plan: Plan,
    pub(crate) health: Health,
    /// Size of the file when it was closed.
    pub(crate) written: u64,
    pub(crate) replaced: u64,
}

/// Sizes that hold for every recording of a pool.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    pub(crate) buffer_bytes: usize,
    pub(crate) frame_bytes: usize,
    pub(crate) flush_after: Duration,
    pub(crate) give_up_after: Duration,
}

impl Recording {
    pub(crate) fn new(
        path: PathBuf,
        mode: Mode,
        started: Instant,
        sink: Box<dyn Sink>,
        offset: u64,
    ) -> Recording {
        Recording {
            path,
            mode,
            started,
            file: Mutex::new(FileState { offset, ..FileState::default() }),
            sink: Mutex::new(Some(Arc::from(sink))),
            changed: Notify::new(),
            dir_synced: AtomicBool::new(false),
            inner: Mutex::new(Inner {
                pending: Vec::new(),
                pending_since: None,
                in_flight: 0,
                full_since: None,
                lost: None,
                lost_total: 0,
                late_size: None,
                phase: Phase::Open,
                plan: Plan::default(),
                health: Health::default(),
                written: offset,
                replaced: 0,
            }),
        }
    }

    /// A panic while holding the lock is impossible short of memory exhaustion; the state stays usable.
    pub(crate) fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn sink(&self) -> Option<Arc<dyn Sink>> {
        self.sink.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Copies a record into the buffer. `Some((when, ticket))` asks for a job in the queue.
    pub(crate) fn append(&self, record: Record<'_>, limits: &Limits) -> Option<(Instant, u64)> {
        let mut inner = self.lock();
        if inner.write_hangs(limits) && inner.phase == Phase::Open {
            inner.stop_waiting(self.mode, limits);
            self.changed.notify_waiters();
        }
        if inner.phase != Phase::Open || inner.health.failed.is_some() {
            inner.lost_total += record.bytes.len() as u64;
            return None;
        }
        if !inner.fits(limits) {
            match record.tag {
                Tag::Resize => {
                    if let Ok(size) = record.bytes.try_into() {
                        inner.late_size = Some((record.at_us, size));
                    }
                    return None;
                }
                // The caller of a required recording waits for room before it reads more; what it has
                // read already is never dropped.
                Tag::Output | Tag::Input if self.mode == Mode::BestEffort => {
                    inner.lose(record.at_us, record.bytes.len());
                    return None;
                }
                _ => {}
            }
        } else {
            inner.settle_debts();
        }
        push_record(&mut inner.pending, record);
        inner.appended(limits)
    }

    pub(crate) fn has_room(&self, limits: &Limits) -> bool {
        let inner = self.lock();
        inner.fits(limits) || inner.health.failed.is_some() || inner.drops(self.mode)
    }

    /// Until when a caller waits for room, as long as no write ends.
    pub(crate) fn patience(&self, limits: &Limits) -> Instant {
        let wait = match self.mode {
            Mode::Required => limits.give_up_after,
            Mode::BestEffort => BEST_EFFORT_PATIENCE,
        };
        let mut inner = self.lock();
        *inner.full_since.get_or_insert_with(Instant::now) + wait
    }

    /// The patience that ended at `deadline` is over. `true` when the recording has just failed.
    pub(crate) fn out_of_patience(&self, limits: &Limits, deadline: Instant) -> bool {
        let mut inner = self.lock();
        if inner.full_since.is_none_or(|since| since > deadline) || inner.fits(limits) {
            return false;
        }
        inner.stop_waiting(self.mode, limits);
        drop(inner);
        self.changed.notify_waiters();
        self.mode == Mode::Required
    }

    pub(crate) fn state(&self) -> (State, u64) {
        let inner = self.lock();
        (inner.health.state(), inner.health.version)
    }
}

impl Health {
    fn state(&self) -> State {
        if let Some(reason) = &self.failed {
            return State::Failed { reason: reason.clone() };
        }
        if let Some(failing) = self.write.as_ref().or(self.sync.as_ref()) {
            return State::Stalled { reason: failing.reason.clone() };
        }
        if self.hung {
            return State::Stalled { reason: "the disk does not answer".to_owned() };
        }
        State::Recording
    }
}

impl Inner {
    fn fits(&self, limits: &Limits) -> bool {
        self.pending.len() + self.in_flight < limits.buffer_bytes
    }

    /// Whether a full buffer makes the session lose bytes instead of making it wait.
    fn drops(&self, mode: Mode) -> bool {
        mode == Mode::BestEffort && (self.health.hung || self.health.write.is_some())
    }

    /// Whether a write that began long ago has not come back. Asked at appends, so that it needs no timer:
    /// a session that adds nothing has nothing to lose.
    fn write_hangs(&self, limits: &Limits) -> bool {
        let known = self.health.failed.is_some() || self.health.hung;
        !known && self.plan.busy_since.is_some_and(|since| since.elapsed() >= limits.give_up_after)
    }

    /// The disk has not answered for too long.
    fn stop_waiting(&mut self, mode: Mode, limits: &Limits) {
        match mode {
            Mode::Required => {
                let known = self.health.write.as_ref().map(|failing| failing.reason.clone());
                let why = || format!("the disk has taken nothing for {:?}", limits.give_up_after);
                self.fail(known.unwrap_or_else(why));
            }
            Mode::BestEffort => {
                self.health.hung = true;
                self.health.version += 1;
            }
        }
    }

    fn lose(&mut self, at_us: u64, bytes: usize) {
        let lost = self.lost.get_or_insert(Lost { bytes: 0, from_us: at_us, to_us: at_us });
        lost.bytes += bytes as u64;
        lost.to_us = at_us;
        self.lost_total += bytes as u64;
    }

    /// Notes in the recording what found no room earlier.
    pub(crate) fn settle_debts(&mut self) {
        if let Some(lost) = self.lost.take() {
            let text = format!(
                "recording gap: {} bytes lost from {}.{:06} s to {}.{:06} s",
                lost.bytes,
                lost.from_us / 1_000_000,
                lost.from_us % 1_000_000,
                lost.to_us / 1_000_000,
                lost.to_us % 1_000_000
            );
            let record = Record { tag: Tag::Marker, at_us: lost.to_us, bytes: text.as_bytes() };
            push_record(&mut self.pending, record);
        }
        if let Some((at_us, size)) = self.late_size.take() {
            push_record(&mut self.pending, Record { tag: Tag::Resize, at_us, bytes: &size });
        }
    }

    fn appended(&mut self, limits: &Limits) -> Option<(Instant, u64)> {
        let first = self.pending_since.is_none();
        let full_frame = self.pending.len() >= limits.frame_bytes;
        if !first && !full_frame {
            return None;
        }
        let now = Instant::now();
        let since = *self.pending_since.get_or_insert(now);
        if self.full_since.is_none() && !self.fits(limits) {
            self.full_since = Some(now);
        }
        let at = if full_frame { now } else { since + limits.flush_after };
        self.request_flush(at)
    }

    /// Plans a flush unless a thread is at work (it plans again), writes fail (the retry is planned), or
    /// an earlier one is planned.
    pub(crate) fn request_flush(&mut self, at: Instant) -> Option<(Instant, u64)> {
        let retrying = self.health.write.is_some() && self.plan.flush.is_some();
        if self.plan.busy_since.is_some()
            || retrying
            || self.plan.flush.is_some_and(|(planned, _)| planned <= at)
        {
            return None;
        }
        Some((at, self.plan.flush_at(at)))
    }

    /// A write ended well: `done` bytes of records are in the file.
    pub(crate) fn wrote(&mut self, done: usize) {
        self.in_flight = self.in_flight.saturating_sub(done);
        self.full_since = None;
        let was_bad = self.health.write.take().is_some() || self.health.hung;
        self.health.hung = false;
        self.health.version += u64::from(was_bad);
    }

    /// The recording ends here; what it holds is given up.
    pub(crate) fn fail(&mut self, reason: String) {
        if self.health.failed.is_some() {
            return;
        }
        self.health.failed = Some(reason);
        self.health.version += 1;
        self.lost_total += self.pending.len() as u64;
        self.pending = Vec::new();
        self.pending_since = None;
        self.in_flight = 0;
    }
}
