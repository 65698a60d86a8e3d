//! What waits for one viewer.
//!
//! The connection's reader must never wait for a viewer: the other viewers are behind it. So this
//! queue takes everything, and is bounded all the same: the daemon sends a viewer no more
//! unacknowledged bytes than its credit, small neighbours are merged, and a daemon that does not
//! keep to the credit has the viewer closed instead of our memory filled.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

use bytes::{Bytes, BytesMut};
use tokio::sync::Notify;

use crate::ViewerEvent;

/// Neighbouring outputs are joined up to this size, so that a credit's worth of single bytes is a
/// few dozen entries. As small as a page: joining copies.
const MERGE_MAX: usize = 4096;
/// Entries that may wait. Merged output of the largest useful credit is far below; reaching it
/// takes thousands of notices or resizes that nobody reads.
const ENTRIES_MAX: usize = 8192;
/// How far over its credit a viewer may be sent before it is closed: one largest output frame.
const CREDIT_SLACK: usize = 64 * 1024;

#[derive(Debug)]
pub(crate) struct Mailbox {
    state: Mutex<State>,
    arrived: Notify,
    limit: usize,
}

#[derive(Debug, Default)]
struct State {
    waiting: VecDeque<ViewerEvent>,
    bytes: usize,
    /// No more will come; what waits is still delivered.
    closed: bool,
}

impl Mailbox {
    pub(crate) fn new(credit: u32) -> Self {
        let limit = usize::try_from(credit).unwrap_or(usize::MAX).saturating_add(CREDIT_SLACK);
        Self { state: Mutex::default(), arrived: Notify::new(), limit }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds an event. False: the bound is reached, and the viewer is closed after what waits.
    pub(crate) fn push(&self, event: ViewerEvent) -> bool {
        let mut state = self.lock();
        if state.closed {
            return true;
        }
        let event = match (state.waiting.back_mut(), event) {
            (
                Some(ViewerEvent::Resized { pos, cols, rows }),
                ViewerEvent::Resized { pos: p, cols: c, rows: r },
            ) => {
                (*pos, *cols, *rows) = (p, c, r);
                return true;
            }
            (Some(ViewerEvent::Output { pos, data }), ViewerEvent::Output { pos: next, data: more })
                if data.len() + more.len() <= MERGE_MAX && *pos + data.len() as u64 == next =>
            {
                state.bytes += more.len();
                if let Some(ViewerEvent::Output { data, .. }) = state.waiting.back_mut() {
                    append(data, &more);
                }
                return state.bytes <= self.limit || self.overflow(&mut state);
            }
            (_, event) => event,
        };
        if let ViewerEvent::Output { data, .. } = &event {
            state.bytes += data.len();
        }
        // Nothing follows the end.
        state.closed = matches!(event, ViewerEvent::Exit { .. } | ViewerEvent::Removed { .. });
        state.waiting.push_back(event);
        if state.waiting.len() > ENTRIES_MAX || state.bytes > self.limit {
            return self.overflow(&mut state);
        }
        drop(state);
        self.arrived.notify_one();
        true
    }

    fn overflow(&self, state: &mut State) -> bool {
        state.closed = true;
        self.arrived.notify_one();
        false
    }

    pub(crate) fn close(&self) {
        self.lock().closed = true;
        self.arrived.notify_one();
    }

    /// The next event; `None` when closed and empty. One caller at a time; cancel-safe.
    pub(crate) async fn next(&self) -> Option<ViewerEvent> {
        loop {
            {
                let mut state = self.lock();
                if let Some(event) = state.waiting.pop_front() {
                    if let ViewerEvent::Output { data, .. } = &event {
                        state.bytes -= data.len();
                    }
                    return Some(event);
                }
                if state.closed {
                    return None;
                }
            }
            self.arrived.notified().await;
        }
    }
}

/// Joins in place where `data` is ours alone, which it is from the second time on.
fn append(data: &mut Bytes, more: &Bytes) {
    let mut joined = std::mem::take(data).try_into_mut().unwrap_or_else(|shared| {
        let mut own = BytesMut::with_capacity(MERGE_MAX);
        own.extend_from_slice(&shared);
        own
    });
    joined.extend_from_slice(more);
    *data = joined.freeze();
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn output(pos: u64, data: &[u8]) -> ViewerEvent {
        ViewerEvent::Output { pos, data: Bytes::copy_from_slice(data) }
    }

    #[tokio::test]
    async fn a_credit_of_single_bytes_is_few_entries_and_arrives_whole() {
        let mailbox = Mailbox::new(256 * 1024);
        for i in 0..256 * 1024_u32 {
            assert!(mailbox.push(output(u64::from(i), &[i.to_le_bytes()[0]])));
        }
        assert!(mailbox.lock().waiting.len() <= 65);
        mailbox.close();
        let mut all = Vec::new();
        while let Some(ViewerEvent::Output { pos, data }) = mailbox.next().await {
            assert_eq!(pos, all.len() as u64);
            all.extend_from_slice(&data);
        }
        assert_eq!(all.len(), 256 * 1024);
        assert!(all.iter().zip(0_u32..).all(|(byte, i)| *byte == i.to_le_bytes()[0]));
    }

    #[tokio::test]
    async fn a_daemon_over_the_credit_closes_the_viewer() {
        let mailbox = Mailbox::new(1000);
        let chunk = vec![0; 8 * 1024];
        let mut pos = 0;
        let mut pushed = 0;
        while mailbox.push(output(pos, &chunk)) {
            pos += chunk.len() as u64;
            pushed += 1;
            assert!(pushed < 100, "never closed");
        }
        while mailbox.next().await.is_some() {}
    }

    #[tokio::test]
    async fn resizes_that_nobody_read_are_one() {
        let mailbox = Mailbox::new(1000);
        for cols in 1..=50 {
            assert!(mailbox.push(ViewerEvent::Resized { pos: 7, cols, rows: 24 }));
        }
        mailbox.close();
        assert!(matches!(mailbox.next().await, Some(ViewerEvent::Resized { pos: 7, cols: 50, rows: 24 })));
        assert!(mailbox.next().await.is_none());
    }
}
