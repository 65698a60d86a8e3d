//! What waits to be written to one connection.
//!
//! Sessions put replies, events and output here without waiting; the connection's writer takes
//! them in order. Order is what makes a snapshot exact: the reply to `attach` is put in by the
//! session itself, before the first output after it. It is bounded by its parts: output by each
//! viewer's limits (see `viewer.rs`), replies by the reader, which stops reading requests while
//! too many replies wait. Events that others cause come on top: a peer that lets far too much of
//! all that wait has stopped reading, and is given up.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bastide_wire::reply::OkReply;
use bastide_wire::{Code, Event, Reply, frame};
use bytes::Bytes;
use tokio::sync::Notify;

/// Bytes of replies and events that may wait before the reader stops taking requests.
const REPLY_BYTES: usize = 8 * 1024 * 1024;

/// Bytes of replies and events that may wait at all: more than one frame of the largest size.
const GIVE_UP_BYTES: usize = 64 * 1024 * 1024;

#[derive(Debug)]
pub enum Item {
    /// A whole encoded frame: a reply or an event.
    Frame(Bytes),
    /// Output of a session.
    Output(Chunk),
    /// Everything before it is written, then the connection is closed.
    Close,
}

/// Output bytes on their way to one viewer.
#[derive(Debug)]
pub struct Chunk {
    pub session: u32,
    /// Viewer number and position of the first byte, for clients that number their viewers.
    pub numbered: Option<(u32, u64)>,
    pub data: Bytes,
    gauge: Arc<Gauge>,
}

impl Chunk {
    /// To be called when the bytes are with the kernel: the viewer has room again.
    pub fn written(&self) {
        self.gauge.take_off(self.data.len());
    }

    /// True when `next` continues this chunk for the same viewer, so that both fit one frame.
    pub fn continues(&self, length: usize, next: &Chunk) -> bool {
        Arc::ptr_eq(&self.gauge, &next.gauge)
            && match (self.numbered, next.numbered) {
                (Some((_, pos)), Some((_, following))) => pos + length as u64 == following,
                (None, None) => true,
                _ => false,
            }
    }
}

/// What waits for one viewer. Written by the session and the connection's writer, read by both.
#[derive(Debug, Default)]
pub(crate) struct Gauge {
    chunks: AtomicUsize,
    bytes: AtomicUsize,
    /// Counts writes, so that a viewer that takes something is told from one that takes nothing.
    progress: AtomicU64,
    /// The session wants to be woken by the next write.
    awaited: AtomicBool,
    wake: Arc<Notify>,
}

impl Gauge {
    pub(crate) fn new(wake: Arc<Notify>) -> Arc<Self> {
        Arc::new(Self { wake, ..Self::default() })
    }

    pub(crate) fn chunks(&self) -> usize {
        self.chunks.load(Ordering::Acquire)
    }

    pub(crate) fn bytes(&self) -> usize {
        self.bytes.load(Ordering::Acquire)
    }

    pub(crate) fn progress(&self) -> u64 {
        self.progress.load(Ordering::Acquire)
    }

    /// Asks for one wake-up at the next write. What was written before is seen by a look after.
    pub(crate) fn await_write(&self) {
        self.awaited.store(true, Ordering::SeqCst);
    }

    fn put_on(&self, length: usize) {
        self.chunks.fetch_add(1, Ordering::AcqRel);
        self.bytes.fetch_add(length, Ordering::AcqRel);
    }

    fn take_off(&self, length: usize) {
        self.chunks.fetch_sub(1, Ordering::AcqRel);
        self.bytes.fetch_sub(length, Ordering::AcqRel);
        self.progress.fetch_add(1, Ordering::AcqRel);
        if self.awaited.swap(false, Ordering::SeqCst) {
            self.wake.notify_one();
        }
    }
}

/// The queue of one connection; cheap to clone.
#[derive(Debug, Clone)]
pub struct Outbox(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    queue: Mutex<Queue>,
    filled: Notify,
    drained: Notify,
    gone: Notify,
}

#[derive(Debug, Default)]
struct Queue {
    items: VecDeque<Item>,
    reply_bytes: usize,
    closing: bool,
    closed: bool,
    /// The writer has been woken for what is there.
    told: bool,
}

impl Default for Outbox {
    fn default() -> Self {
        Self::new()
    }
}

impl Outbox {
    pub fn new() -> Self {
        Self(Arc::new(Shared::default()))
    }

    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.0.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn put(&self, item: Item) {
        self.put_and(item, true);
    }

    /// Without `wake` it goes with the next item, or at [`Self::go_on`].
    fn put_and(&self, item: Item, wake: bool) {
        let mut queue = self.queue();
        if queue.closed {
            if let Item::Output(chunk) = item {
                chunk.written();
            }
            return;
        }
        if let Item::Frame(frame) = &item {
            if queue.reply_bytes >= GIVE_UP_BYTES {
                tracing::warn!(bytes = queue.reply_bytes, "a client that does not read was given up");
                drop(queue);
                return self.shut();
            }
            queue.reply_bytes += frame.len();
        }
        let closes = matches!(item, Item::Close);
        queue.closing |= closes;
        queue.items.push_back(item);
        let wake = wake && !queue.told;
        queue.told |= wake;
        drop(queue);
        if wake {
            self.0.filled.notify_one();
        }
        if closes {
            self.0.gone.notify_waiters();
        }
    }

    /// Whether something waits that the writer was not woken for.
    pub(crate) fn holds_back(&self) -> bool {
        let queue = self.queue();
        !queue.told && !queue.items.is_empty()
    }

    /// Writes what is held back.
    pub(crate) fn go_on(&self) {
        let mut queue = self.queue();
        if !queue.items.is_empty() && !std::mem::replace(&mut queue.told, true) {
            drop(queue);
            self.0.filled.notify_one();
        }
    }

    pub fn reply(&self, reply: &Reply) {
        self.put(Item::Frame(frame::encode(reply)));
    }

    pub fn event(&self, event: &Event) {
        self.put(Item::Frame(frame::encode(event)));
    }

    pub(crate) fn output(&self, session: u32, numbered: Option<(u32, u64)>, data: Bytes, gauge: &Arc<Gauge>) {
        gauge.put_on(data.len());
        self.put(Item::Output(Chunk { session, numbered, data, gauge: Arc::clone(gauge) }));
    }

    /// Writes what is queued, then closes the connection.
    pub fn close_after(&self) {
        self.put(Item::Close);
    }

    /// Takes everything that waits, at most `max` items, in order. Waits while there is nothing;
    /// returns false when the outbox is shut.
    pub async fn take(&self, into: &mut VecDeque<Item>, max: usize) -> bool {
        loop {
            {
                let mut queue = self.queue();
                if queue.closed {
                    return false;
                }
                if !queue.items.is_empty() {
                    let count = queue.items.len().min(max);
                    let taken: usize = queue.items.range(..count).map(reply_bytes).sum();
                    into.extend(queue.items.drain(..count));
                    queue.reply_bytes -= taken;
                    queue.told = !queue.items.is_empty();
                    if queue.items.is_empty() && queue.items.capacity() > 1024 {
                        queue.items.shrink_to(16);
                    }
                    drop(queue);
                    self.0.drained.notify_waiters();
                    return true;
                }
            }
            self.0.filled.notified().await;
        }
    }

    /// Returns when so few replies wait that another request may be taken.
    pub async fn has_room(&self) {
        loop {
            // Before the look, so that what is taken in between is not missed. All who wait are
            // woken: each of them has its own reason to go on.
            let drained = self.0.drained.notified();
            {
                let queue = self.queue();
                if queue.closed || queue.reply_bytes < REPLY_BYTES {
                    return;
                }
            }
            drained.await;
        }
    }

    /// True when the connection is gone.
    pub fn is_shut(&self) -> bool {
        self.queue().closed
    }

    /// Returns when the connection is gone.
    pub async fn gone(&self) {
        loop {
            let gone = self.0.gone.notified();
            if self.is_shut() {
                return;
            }
            gone.await;
        }
    }

    /// Returns when the connection is to be closed, or gone.
    pub async fn closing(&self) {
        loop {
            let gone = self.0.gone.notified();
            {
                let queue = self.queue();
                if queue.closing || queue.closed {
                    return;
                }
            }
            gone.await;
        }
    }

    /// Drops what waits and takes nothing more: the connection is gone.
    pub fn shut(&self) {
        let items = {
            let mut queue = self.queue();
            queue.closed = true;
            queue.reply_bytes = 0;
            std::mem::take(&mut queue.items)
        };
        for item in items {
            if let Item::Output(chunk) = item {
                chunk.written();
            }
        }
        self.0.filled.notify_one();
        self.0.drained.notify_waiters();
        self.0.gone.notify_waiters();
    }
}

fn reply_bytes(item: &Item) -> usize {
    match item {
        Item::Frame(frame) => frame.len(),
        Item::Output(_) | Item::Close => 0,
    }
}

/// The one answer to one request.
#[derive(Debug)]
pub struct Responder {
    pub outbox: Outbox,
    pub seq: u32,
}

impl Responder {
    pub fn ok(self, reply: OkReply) {
        self.outbox.reply(&Reply::ok(OkReply { seq: self.seq, ..reply }));
    }

    /// `ok` naming the session only.
    pub fn session(self, session: u32) {
        self.outbox.reply(&Reply::session(self.seq, session));
    }

    /// The same with the next item, or at [`Outbox::go_on`] of the outbox that it returns.
    pub(crate) fn session_soon(self, session: u32) -> Outbox {
        let reply = frame::encode(&Reply::session(self.seq, session));
        self.outbox.put_and(Item::Frame(reply), false);
        self.outbox
    }

    pub fn error(self, code: Code, message: impl Into<String>) {
        self.outbox.reply(&Reply::error(self.seq, code, message));
    }
}
