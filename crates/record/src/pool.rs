//! The writer threads and the queue of what they have to do when.

use std::cmp::Ordering;
use std::collections::BinaryHeap;
use std::path::Path;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::config::Config;
use crate::disk::{Disk, LocalDisk};
use crate::error::Error;
use crate::export::Version;
use crate::recorder::{Begin, Mode, Recorder};
use crate::recording::{Limits, Phase, Recording};
use crate::writer::{Writer, compress_header};

/// Writer threads shared by all recordings of a process. Cloning gives another handle to the same ones;
/// when the last handle and the last recorder are gone, the threads finish their work and end.
#[derive(Clone)]
pub struct Pool {
    handle: Arc<Handle>,
}

struct Handle {
    shared: Arc<Shared>,
    config: Config,
}

pub(crate) struct Shared {
    pub(crate) disk: Arc<dyn Disk>,
    pub(crate) limits: Limits,
    pub(crate) sync_every: Duration,
    pub(crate) close_within: Duration,
    queue: Mutex<Queue>,
    /// Told when the queue or the number of threads changed.
    turn: Condvar,
}

#[derive(Default)]
struct Queue {
    flushes: BinaryHeap<Job>,
    syncs: BinaryHeap<Job>,
    /// Set once: finish what is queued and end, at the latest then.
    stop: Option<Instant>,
    /// Threads that have not ended.
    threads: usize,
    busy: usize,
}

/// Something to do for a recording. Out of date when the ticket is not the planned one any more.
pub(crate) struct Job {
    pub(crate) at: Instant,
    pub(crate) ticket: u64,
    pub(crate) recording: Arc<Recording>,
}

/// What a thread got from the queue.
pub(crate) enum Task {
    Flush(Job),
    Sync(Job),
}

impl Pool {
    /// Starts the threads.
    ///
    /// # Errors
    /// [`Error::Thread`] when the system gives none.
    pub fn start(config: Config) -> Result<Pool, Error> {
        Pool::start_on(config, Arc::new(LocalDisk))
    }

    /// Starts the threads over another disk: for tests that need one which fails.
    ///
    /// # Errors
    /// As [`Pool::start`].
    pub fn start_on(config: Config, disk: Arc<dyn Disk>) -> Result<Pool, Error> {
        let writers = config.writers.max(1);
        let shared = Arc::new(Shared {
            disk,
            limits: Limits {
                buffer_bytes: config.buffer_bytes,
                frame_bytes: config.frame_bytes,
                flush_after: config.flush_after,
                give_up_after: config.give_up_after,
            },
            sync_every: config.sync_every,
            close_within: config.close_within,
            queue: Mutex::default(),
            turn: Condvar::new(),
        });
        // Made first, so that its drop stops the threads that did start if a later one does not.
        let pool = Pool { handle: Arc::new(Handle { shared, config }) };
        for index in 0..writers {
            pool.handle.shared.lock().threads += 1;
            let of_thread = Arc::clone(&pool.handle.shared);
            // Only the first also syncs: a slow fdatasync then delays no write of another recording.
            let syncs = index == 0;
            let spawned = std::thread::Builder::new()
                .name(format!("record-{index}"))
                .spawn(move || Writer::new(of_thread, syncs).run());
            if let Err(source) = spawned {
                pool.handle.shared.thread_ended();
                return Err(Error::Thread { source });
            }
        }
        Ok(pool)
    }

    /// Creates the file and writes its header; blocks for as long as that takes the disk.
    ///
    /// # Errors
    /// [`Error::Reserve`] when a required recording finds too little free space, [`Error::Space`] and
    /// [`Error::Create`] when the directory cannot be asked or written, [`Error::ShutDown`].
    pub fn begin(&self, begin: Begin) -> Result<Recorder, Error> {
        let shared = &self.handle.shared;
        if shared.lock().stop.is_some() {
            return Err(Error::ShutDown);
        }
        if begin.mode == Mode::Required {
            self.check_reserve(&begin.path)?;
        }
        let create = |source| Error::Create { path: begin.path.clone(), source };
        let sink = shared.disk.create(&begin.path).map_err(create)?;
        let frame = compress_header(&begin.header.to_line(Version::V3)).map_err(create)?;
        let mut from = 0;
        while from < frame.len() {
            match sink.write_at(&frame[from..], from as u64) {
                Ok(n) if n > 0 => from += n,
                Err(e) if e.kind() == std::io::ErrorKind::Interrupted => {}
                other => {
                    // A file without a header is of no use to anybody.
                    let _gone_or_not = shared.disk.remove(&begin.path);
                    return Err(create(other.err().unwrap_or(std::io::ErrorKind::WriteZero.into())));
                }
            }
        }
        let offset = frame.len() as u64;
        let recording = Arc::new(Recording::new(begin.path, begin.mode, begin.started, sink, offset));
        let sync_at = Instant::now() + shared.sync_every;
        let ticket = recording.lock().plan.sync_at(sync_at);
        shared.push_sync(&recording, sync_at, ticket);
        Ok(Recorder::new(recording, self.clone()))
    }

    /// Flushes and syncs what is recorded so far, and ends the threads. Recordings should be closed
    /// before. Blocks until done.
    ///
    /// # Errors
    /// [`Error::ShutdownTimeout`] when it takes longer than `within`; the threads go on trying.
    pub fn shutdown(&self, within: Duration) -> Result<(), Error> {
        let shared = &self.handle.shared;
        let deadline = Instant::now() + within;
        shared.stop(deadline);
        let mut queue = shared.lock();
        while queue.threads > 0 {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Err(Error::ShutdownTimeout { waited: within });
            }
            queue = shared.turn.wait_timeout(queue, left).unwrap_or_else(PoisonError::into_inner).0;
        }
        Ok(())
    }

    pub(crate) fn shared(&self) -> &Shared {
        &self.handle.shared
    }

    pub(crate) fn limits(&self) -> &Limits {
        &self.handle.shared.limits
    }

    fn check_reserve(&self, path: &Path) -> Result<(), Error> {
        let dir = directory(path);
        let shared = &self.handle.shared;
        let free =
            shared.disk.free_bytes(dir).map_err(|source| Error::Space { dir: dir.to_owned(), source })?;
        let needed = self.handle.config.reserve_bytes;
        if free < needed {
            return Err(Error::Reserve { dir: dir.to_owned(), free, needed });
        }
        Ok(())
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        // Every recorder holds a handle too: what is left now is the work they queued when they ended.
        self.shared.stop(Instant::now() + self.config.close_within);
    }
}

/// The directory of a file; the current one for a bare name.
pub(crate) fn directory(path: &Path) -> &Path {
    path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

fn due_now(jobs: BinaryHeap<Job>) -> BinaryHeap<Job> {
    let now = Instant::now();
    jobs.into_iter().map(|job| Job { at: job.at.min(now), ..job }).collect()
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether there are threads to do anything.
    pub(crate) fn works(&self) -> bool {
        self.lock().threads > 0
    }

    /// When something regular is due: at once while the pool is ending.
    pub(crate) fn due(&self, at: Instant) -> Instant {
        if self.lock().stop.is_some() { Instant::now() } else { at }
    }

    pub(crate) fn push_flush(&self, recording: &Arc<Recording>, at: Instant, ticket: u64) {
        let mut queue = self.lock();
        let job = Job { at, ticket, recording: Arc::clone(recording) };
        self.push(&mut queue, job, |queue| &mut queue.flushes);
    }

    pub(crate) fn push_sync(&self, recording: &Arc<Recording>, at: Instant, ticket: u64) {
        let mut queue = self.lock();
        let job = Job { at, ticket, recording: Arc::clone(recording) };
        self.push(&mut queue, job, |queue| &mut queue.syncs);
    }

    /// Threads wait for the earliest job: only a new earliest one has to wake them.
    fn push(&self, queue: &mut Queue, job: Job, heap: impl Fn(&mut Queue) -> &mut BinaryHeap<Job>) {
        let heap = heap(queue);
        let earliest = heap.peek().is_none_or(|first| job.at < first.at);
        heap.push(job);
        if earliest {
            self.turn.notify_all();
        }
    }

    /// Marks the recording as ending and asks for its last flush now. Once; later calls do nothing.
    pub(crate) fn request_close(&self, recording: &Arc<Recording>) {
        let request = {
            let mut inner = recording.lock();
            if inner.phase != Phase::Open {
                return;
            }
            inner.settle_debts();
            inner.phase = Phase::Closing;
            inner.request_flush(Instant::now())
        };
        if let Some((at, ticket)) = request {
            self.push_flush(recording, at, ticket);
        }
    }

    fn stop(&self, deadline: Instant) {
        let mut queue = self.lock();
        queue.stop = Some(queue.stop.map_or(deadline, |earlier| earlier.min(deadline)));
        // Everything planned is due now; what fails from here on is retried at its own time.
        queue.flushes = due_now(std::mem::take(&mut queue.flushes));
        queue.syncs = due_now(std::mem::take(&mut queue.syncs));
        self.turn.notify_all();
    }

    /// Waits for the next due job; `None` when the thread should end.
    pub(crate) fn next(&self, syncs: bool) -> Option<Task> {
        let mut queue = self.lock();
        loop {
            let now = Instant::now();
            if let Some(task) = queue.due(syncs, now) {
                queue.busy += 1;
                return Some(task);
            }
            if queue.finished(now) {
                return None;
            }
            let wake = queue.next_time(syncs);
            queue = match wake {
                None => self.turn.wait(queue).unwrap_or_else(PoisonError::into_inner),
                Some(at) => {
                    let wait = at.saturating_duration_since(now);
                    self.turn.wait_timeout(queue, wait).unwrap_or_else(PoisonError::into_inner).0
                }
            };
        }
    }

    /// A job is done, and what follows from it is queued.
    pub(crate) fn done(&self) {
        let mut queue = self.lock();
        queue.busy -= 1;
        if queue.stop.is_some() {
            self.turn.notify_all();
        }
    }

    pub(crate) fn thread_ended(&self) {
        let left_over: Vec<Job> = {
            let mut queue = self.lock();
            queue.threads -= 1;
            self.turn.notify_all();
            if queue.threads > 0 {
                return;
            }
            let queue = &mut *queue;
            queue.flushes.drain().chain(queue.syncs.drain()).collect()
        };
        // Nobody writes any more: whoever waits for these must hear it.
        for job in left_over {
            job.recording.changed.notify_waiters();
        }
    }
}

impl Queue {
    fn due(&mut self, syncs: bool, now: Instant) -> Option<Task> {
        if self.flushes.peek().is_some_and(|job| job.at <= now) {
            return self.flushes.pop().map(Task::Flush);
        }
        if syncs && self.syncs.peek().is_some_and(|job| job.at <= now) {
            return self.syncs.pop().map(Task::Sync);
        }
        None
    }

    fn next_time(&self, syncs: bool) -> Option<Instant> {
        let flush = self.flushes.peek().map(|job| job.at);
        let sync = self.syncs.peek().filter(|_| syncs).map(|job| job.at);
        [flush, sync, self.stop].into_iter().flatten().min()
    }

    fn finished(&self, now: Instant) -> bool {
        let idle = self.flushes.is_empty() && self.syncs.is_empty() && self.busy == 0;
        self.stop.is_some_and(|deadline| idle || now >= deadline)
    }
}

impl PartialEq for Job {
    fn eq(&self, other: &Job) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Job {}

impl PartialOrd for Job {
    fn partial_cmp(&self, other: &Job) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Job {
    /// Reversed: the heap gives the earliest first.
    fn cmp(&self, other: &Job) -> Ordering {
        other.at.cmp(&self.at).then(other.ticket.cmp(&self.ticket))
    }
}
