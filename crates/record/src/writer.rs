//! One writer thread: takes what recordings have waiting, compresses it, writes it, syncs it.

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::Ordering;
use std::sync::{Arc, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use zstd::bulk::Compressor;
use zstd::zstd_safe::{CParameter, compress_bound};

use crate::disk::Sink;
use crate::encode::{Record, Tag, next_record, push_record};
use crate::pool::{Job, Shared, Task, directory};
use crate::recorder::Mode;
use crate::recording::{Failing, FileState, Inner, Phase, Recording};

/// Terminal text shrinks well at any level; the fastest regular one keeps a flood cheap.
const ZSTD_LEVEL: i32 = 1;
/// The first retry of a failed write comes after this, each later one after twice as long …
const RETRY_FIRST: Duration = Duration::from_millis(100);
/// … up to this: a disk that has space again is noticed soon.
const RETRY_MOST: Duration = Duration::from_secs(2);
/// Scratch that grew beyond this for one large flush is given back.
const KEEP_SCRATCH: usize = 2 * 1024 * 1024;

pub(crate) struct Writer {
    shared: Arc<Shared>,
    syncs: bool,
    /// One context per thread, not per recording: it takes most of a megabyte. Made at the first use.
    compressor: Option<Compressor<'static>>,
    text: Vec<u8>,
    frame: Vec<u8>,
}

/// The frame at the start of a file.
pub(crate) fn compress_header(line: &[u8]) -> io::Result<Vec<u8>> {
    new_compressor()?.compress(line)
}

fn new_compressor() -> io::Result<Compressor<'static>> {
    let mut compressor = Compressor::new(ZSTD_LEVEL)?;
    compressor.set_parameter(CParameter::ChecksumFlag(true))?;
    Ok(compressor)
}

impl Writer {
    pub(crate) fn new(shared: Arc<Shared>, syncs: bool) -> Writer {
        Writer { shared, syncs, compressor: None, text: Vec::new(), frame: Vec::new() }
    }

    pub(crate) fn run(mut self) {
        while let Some(task) = self.shared.next(self.syncs) {
            let (Task::Flush(job) | Task::Sync(job)) = &task;
            let recording = Arc::clone(&job.recording);
            let ended_well = catch_unwind(AssertUnwindSafe(|| match task {
                Task::Flush(job) => self.flush(&job),
                Task::Sync(job) => self.sync(&job),
            }));
            if ended_well.is_err() {
                // One recording is lost, not the writers of all.
                self.fail(&recording, "a defect in the recording writer".to_owned());
                close_file(&recording, 0);
            }
            self.shared.done();
        }
        self.shared.thread_ended();
    }

    fn flush(&mut self, job: &Job) {
        let recording = &job.recording;
        {
            let mut inner = recording.lock();
            let planned = inner.plan.flush.is_some_and(|(_, ticket)| ticket == job.ticket);
            if inner.plan.busy_since.is_some() || !planned {
                return;
            }
            inner.plan.flush = None;
            inner.plan.busy_since = Some(Instant::now());
        }
        let Some(sink) = recording.sink() else { return };
        let mut file = recording.file.lock().unwrap_or_else(PoisonError::into_inner);
        match self.write_waiting(recording, &mut file, &*sink) {
            Ok(()) => self.after_write(recording, &mut file, &*sink),
            Err(error) => self.after_failure(recording, &file, &error),
        }
        recording.changed.notify_waiters();
    }

    /// Writes what an earlier try left, then what is pending.
    fn write_waiting(
        &mut self,
        recording: &Arc<Recording>,
        file: &mut FileState,
        sink: &dyn Sink,
    ) -> io::Result<()> {
        if recording.lock().health.failed.is_some() {
            return Ok(());
        }
        write_frames(file, sink)?;
        let (mut records, closing, since) = {
            let mut inner = recording.lock();
            let earlier = inner.in_flight;
            if earlier > 0 {
                inner.wrote(earlier);
            }
            let spare = std::mem::take(&mut file.spare);
            let records = std::mem::replace(&mut inner.pending, spare);
            inner.in_flight = records.len();
            (records, inner.phase == Phase::Closing, inner.pending_since.take())
        };
        self.compress_records(&records, closing, file)?;
        write_frames(file, sink)?;

        let full = records.len() >= self.shared.limits.frame_bytes;
        let mut inner = recording.lock();
        inner.wrote(records.len());
        if full {
            records.clear();
            file.spare = records;
        } else if inner.pending.is_empty() {
            inner.pending = Vec::new();
        }
        if let (Some(since), None) = (since, inner.plan.sync) {
            self.plan_sync(recording, inner, self.shared.due(since + self.shared.sync_every));
        }
        Ok(())
    }

    /// Encodes records and compresses them, cut into frames of whole lines.
    fn compress_records(&mut self, records: &[u8], closing: bool, file: &mut FileState) -> io::Result<()> {
        self.text.clear();
        let mut rest = records;
        while let Some(record) = next_record(&mut rest) {
            file.encoder.record(record, &mut self.text);
            if self.text.len() >= self.shared.limits.frame_bytes {
                self.compress_text(&mut file.unwritten)?;
            }
        }
        if closing {
            file.encoder.finish(&mut self.text);
            file.ended = true;
        }
        if !self.text.is_empty() {
            self.compress_text(&mut file.unwritten)?;
        }
        if self.text.capacity() > KEEP_SCRATCH {
            (self.text, self.frame) = (Vec::new(), Vec::new());
        }
        Ok(())
    }

    fn compress_text(&mut self, out: &mut Vec<u8>) -> io::Result<()> {
        let compressor = match &mut self.compressor {
            Some(compressor) => compressor,
            none => none.insert(new_compressor()?),
        };
        self.frame.clear();
        self.frame.reserve(compress_bound(self.text.len()));
        compressor.compress_to_buffer(&self.text, &mut self.frame)?;
        out.extend_from_slice(&self.frame);
        self.text.clear();
        Ok(())
    }

    /// All that was taken is in the file: plan the next flush, or finish the file.
    fn after_write(&mut self, recording: &Arc<Recording>, file: &mut FileState, sink: &dyn Sink) {
        let mut inner = recording.lock();
        if inner.phase == Phase::Closing && (file.ended || inner.health.failed.is_some()) {
            drop(inner);
            if let Err(error) = self.sync_all(recording, sink) {
                self.fail(recording, format!("could not sync: {error}"));
            }
            let mut inner = recording.lock();
            inner.replaced = file.encoder.replaced();
            drop(inner);
            close_file(recording, file.offset);
            return;
        }
        inner.plan.busy_since = None;
        let at = if inner.phase == Phase::Closing || inner.pending.len() >= self.shared.limits.frame_bytes {
            Some(Instant::now())
        } else {
            inner.pending_since.map(|since| self.shared.due(since + self.shared.limits.flush_after))
        };
        let request = at.and_then(|at| inner.request_flush(at));
        drop(inner);
        if let Some((at, ticket)) = request {
            self.shared.push_flush(recording, at, ticket);
        }
    }

    /// A write failed: try again later, or give up.
    fn after_failure(&mut self, recording: &Arc<Recording>, file: &FileState, error: &io::Error) {
        let mut inner = recording.lock();
        let now = Instant::now();
        let first = inner.health.write.is_none();
        let failing = note_failure(&mut inner.health.write, error, now);
        inner.health.version += u64::from(first);
        inner.plan.busy_since = None;
        let ends = recording.mode == Mode::Required || inner.phase == Phase::Closing;
        let give_up_at = failing.since + self.shared.limits.give_up_after;
        if ends && now >= give_up_at {
            let closing = inner.phase == Phase::Closing;
            drop(inner);
            self.fail(recording, failing.reason);
            if closing {
                close_file(recording, file.offset);
            }
            return;
        }
        let retry = now + backoff(failing.attempts);
        let at = if ends { retry.min(give_up_at) } else { retry };
        let ticket = inner.plan.flush_at(at);
        drop(inner);
        self.shared.push_flush(recording, at, ticket);
        if first {
            tracing::warn!(path = %recording.path.display(), %error, "recording stalled: a write failed");
        }
    }

    fn sync(&mut self, job: &Job) {
        let recording = &job.recording;
        {
            let mut inner = recording.lock();
            if inner.plan.sync.is_none_or(|(_, ticket)| ticket != job.ticket) {
                return;
            }
            inner.plan.sync = None;
        }
        let Some(sink) = recording.sink() else { return };
        match self.sync_all(recording, &*sink) {
            Ok(()) => self.after_sync(recording),
            Err(error) => self.after_sync_failure(recording, &error),
        }
    }

    /// The file's bytes, and once its name.
    fn sync_all(&self, recording: &Recording, sink: &dyn Sink) -> io::Result<()> {
        sink.sync()?;
        if !recording.dir_synced.load(Ordering::Relaxed) {
            self.shared.disk.sync_dir(directory(&recording.path))?;
            recording.dir_synced.store(true, Ordering::Relaxed);
        }
        Ok(())
    }

    fn after_sync(&self, recording: &Arc<Recording>) {
        let mut inner = recording.lock();
        let Some(failing) = inner.health.sync.take() else { return };
        inner.health.version += 1;
        // After a failed sync the kernel may have dropped what it could not write, and a later sync does
        // not say so (fsync(2)): the recording says it itself.
        let at_us = micros_since(recording.started);
        let text = format!("recording may have gaps before this point: {}", failing.reason);
        push_record(&mut inner.pending, Record { tag: Tag::Marker, at_us, bytes: text.as_bytes() });
        inner.pending_since.get_or_insert_with(Instant::now);
        let request = inner.request_flush(Instant::now());
        drop(inner);
        recording.changed.notify_waiters();
        if let Some((at, ticket)) = request {
            self.shared.push_flush(recording, at, ticket);
        }
    }

    fn after_sync_failure(&mut self, recording: &Arc<Recording>, error: &io::Error) {
        let mut inner = recording.lock();
        if inner.phase == Phase::Closed || inner.health.failed.is_some() {
            return;
        }
        let now = Instant::now();
        let first = inner.health.sync.is_none();
        let failing = note_failure(&mut inner.health.sync, error, now);
        inner.health.version += u64::from(first);
        if recording.mode == Mode::Required && now >= failing.since + self.shared.limits.give_up_after {
            drop(inner);
            self.fail(recording, format!("could not sync: {}", failing.reason));
        } else {
            self.plan_sync(recording, inner, now + backoff(failing.attempts));
        }
        recording.changed.notify_waiters();
        if first {
            tracing::warn!(path = %recording.path.display(), %error, "recording stalled: fdatasync failed");
        }
    }

    fn plan_sync(&self, recording: &Arc<Recording>, mut inner: MutexGuard<'_, Inner>, at: Instant) {
        let ticket = inner.plan.sync_at(at);
        drop(inner);
        self.shared.push_sync(recording, at, ticket);
    }

    fn fail(&self, recording: &Recording, reason: String) {
        tracing::error!(path = %recording.path.display(), reason, "recording failed");
        recording.lock().fail(reason);
        recording.changed.notify_waiters();
    }
}

/// Writes the frames that wait, from where the last try ended: `pwrite` makes a repeat harmless.
fn write_frames(file: &mut FileState, sink: &dyn Sink) -> io::Result<()> {
    while file.unwritten_from < file.unwritten.len() {
        match sink.write_at(&file.unwritten[file.unwritten_from..], file.offset) {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(n) => {
                file.unwritten_from += n;
                file.offset += n as u64;
            }
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
            Err(e) => return Err(e),
        }
    }
    // Given back, not kept: a thousand idle recordings must not each hold their last frame.
    file.unwritten = Vec::new();
    file.unwritten_from = 0;
    Ok(())
}

fn close_file(recording: &Recording, size: u64) {
    recording.sink.lock().unwrap_or_else(PoisonError::into_inner).take();
    let mut inner = recording.lock();
    inner.phase = Phase::Closed;
    inner.written = size;
    inner.plan.busy_since = None;
    drop(inner);
    recording.changed.notify_waiters();
}

fn note_failure(slot: &mut Option<Failing>, error: &io::Error, now: Instant) -> Failing {
    let failing = slot.get_or_insert_with(|| Failing { since: now, attempts: 0, reason: String::new() });
    failing.attempts += 1;
    failing.reason = error.to_string();
    failing.clone()
}

fn backoff(attempts: u32) -> Duration {
    RETRY_FIRST.saturating_mul(1 << attempts.saturating_sub(1).min(8)).min(RETRY_MOST)
}

fn micros_since(started: Instant) -> u64 {
    u64::try_from(started.elapsed().as_micros()).unwrap_or(u64::MAX)
}
