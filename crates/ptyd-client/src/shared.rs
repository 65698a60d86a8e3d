//! What the tasks of a connection and its handles share.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use bastide_wire::{Reply, event::FromDaemon};
use bytes::Bytes;
use tokio::sync::{Notify, oneshot};
use tokio_util::sync::CancellationToken;

use crate::mailbox::Mailbox;
use crate::{Error, ViewerEvent};

/// Every lock is held for a few instructions and never over an await.
#[derive(Debug, Default)]
pub(crate) struct Shared {
    /// One entry per call that waits for its reply.
    pending: Mutex<HashMap<u32, oneshot::Sender<Reply>>>,
    viewers: Mutex<HashMap<u32, Slot>>,
    deferred: Mutex<Deferred>,
    /// Something is in `deferred`.
    pub(crate) deferred_ready: Notify,
    /// Cancelled when the connection is over, for whatever reason.
    pub(crate) over: CancellationToken,
    why: OnceLock<String>,
}

#[derive(Debug)]
struct Slot {
    session: u32,
    mailbox: Arc<Mailbox>,
}

/// What handles want written without waiting. Bounded by the number of viewers: the newest
/// acknowledgement of each, and one farewell of each.
#[derive(Debug, Default)]
pub(crate) struct Deferred {
    /// (session, viewer) to position.
    pub(crate) acks: HashMap<(u32, u32), u64>,
    /// (session, viewer).
    pub(crate) detaches: Vec<(u32, u32)>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Shared {
    pub(crate) fn expect_reply(&self, seq: u32) -> oneshot::Receiver<Reply> {
        let (sender, receiver) = oneshot::channel();
        lock(&self.pending).insert(seq, sender);
        receiver
    }

    pub(crate) fn forget_reply(&self, seq: u32) {
        lock(&self.pending).remove(&seq);
    }

    pub(crate) fn register(&self, session: u32, viewer: u32, mailbox: Arc<Mailbox>) {
        lock(&self.viewers).insert(viewer, Slot { session, mailbox });
    }

    /// Takes a viewer out; the daemon is told when the writer gets to it.
    pub(crate) fn farewell(&self, session: u32, viewer: u32) {
        if lock(&self.viewers).remove(&viewer).is_none() {
            return;
        }
        let mut deferred = lock(&self.deferred);
        deferred.acks.remove(&(session, viewer));
        deferred.detaches.push((session, viewer));
        drop(deferred);
        self.deferred_ready.notify_one();
    }

    /// Takes a viewer out whose end the daemon knows already.
    pub(crate) fn unregister(&self, viewer: u32) {
        lock(&self.viewers).remove(&viewer);
    }

    pub(crate) fn ack(&self, session: u32, viewer: u32, pos: u64) {
        lock(&self.deferred).acks.insert((session, viewer), pos);
        self.deferred_ready.notify_one();
    }

    pub(crate) fn take_deferred(&self) -> Deferred {
        std::mem::take(&mut *lock(&self.deferred))
    }

    /// Hands one message to whom it is for.
    pub(crate) fn dispatch(&self, frame: &Bytes, message: FromDaemon<'_>) {
        use bastide_wire::event::Event;
        match message {
            FromDaemon::Reply(reply) => {
                if let Some(waiting) = lock(&self.pending).remove(&reply.seq()) {
                    // Nobody there any more: the call was given up meanwhile.
                    let _ = waiting.send(reply);
                }
            }
            FromDaemon::Output(output) => {
                let (Some(viewer), Some(pos)) = (output.viewer, output.pos) else { return };
                let data = match output.data {
                    std::borrow::Cow::Borrowed(part) => frame.slice_ref(part),
                    std::borrow::Cow::Owned(own) => Bytes::from(own),
                };
                self.deliver(viewer, ViewerEvent::Output { pos, data });
            }
            FromDaemon::Event(Event::Exit(exit)) => {
                let event = ViewerEvent::Exit { status: exit.status, pos: exit.pos };
                self.deliver_to(exit.session, exit.viewer, event);
            }
            FromDaemon::Event(Event::Resized(to)) => {
                self.deliver(to.viewer, ViewerEvent::Resized { pos: to.pos, cols: to.cols, rows: to.rows });
            }
            FromDaemon::Event(Event::Lagged(at)) => {
                self.deliver(at.viewer, ViewerEvent::Lagged { pos: at.pos });
            }
            FromDaemon::Event(Event::Resync(to)) => {
                self.deliver(to.viewer, ViewerEvent::Resync(to.snapshot));
            }
            FromDaemon::Event(Event::Notice(notice)) => {
                let event =
                    ViewerEvent::Notice { kind: notice.kind, text: notice.text, command: notice.command };
                self.deliver_to(notice.session, notice.viewer, event);
            }
            FromDaemon::Event(Event::Prompt(prompt)) => {
                self.deliver(prompt.viewer, ViewerEvent::Prompt(prompt));
            }
            FromDaemon::Event(Event::PromptClosed(closed)) => {
                self.deliver(closed.viewer, ViewerEvent::PromptClosed(closed.prompt_id));
            }
            FromDaemon::Event(Event::KeyboardMoved(moved)) => {
                self.deliver(moved.viewer, ViewerEvent::Keyboard { write: moved.write });
            }
            FromDaemon::Event(Event::ViewerEnded(ended)) => {
                self.deliver(ended.viewer, ViewerEvent::Removed { by: ended.by });
            }
            // The log is read on a connection of its own; warnings are for clients of the first protocol.
            FromDaemon::Event(Event::BackpressureWarning(_) | Event::Log(_) | Event::Truncated(_)) => {}
        }
    }

    fn deliver_to(&self, session: u32, viewer: Option<u32>, event: ViewerEvent) {
        if let Some(viewer) = viewer {
            return self.deliver(viewer, event);
        }
        let all: Vec<u32> =
            lock(&self.viewers).iter().filter(|(_, slot)| slot.session == session).map(|(v, _)| *v).collect();
        for viewer in all {
            self.deliver(viewer, event.clone());
        }
    }

    fn deliver(&self, viewer: u32, event: ViewerEvent) {
        let Some((session, mailbox)) =
            lock(&self.viewers).get(&viewer).map(|slot| (slot.session, Arc::clone(&slot.mailbox)))
        else {
            return;
        };
        if !mailbox.push(event) {
            tracing::warn!(
                session,
                viewer,
                "the daemon sent more than the credit allows; the viewer is closed"
            );
            self.farewell(session, viewer);
        }
    }

    /// The connection is over. The first reason stays.
    pub(crate) fn finish(&self, why: impl Into<String>) {
        let _ = self.why.set(why.into());
        self.over.cancel();
        lock(&self.pending).clear();
        for slot in lock(&self.viewers).drain().map(|(_, slot)| slot) {
            slot.mailbox.close();
        }
    }

    /// Why the connection is over, as the error of a call on it.
    pub(crate) fn closed(&self) -> Error {
        Error::Closed { why: self.why() }
    }

    pub(crate) fn why(&self) -> String {
        self.why.get().cloned().unwrap_or_else(|| "it was closed here".to_owned())
    }
}
