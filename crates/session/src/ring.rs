//! The last raw output of a session, by position.

use std::collections::VecDeque;

use bytes::{Bytes, BytesMut};

use crate::config::RING_BYTES;

/// Up to 256 KiB of raw output. Memory grows with what was written, so a quiet session costs little.
#[derive(Debug, Default)]
pub(crate) struct Ring {
    bytes: VecDeque<u8>,
    /// Position of the first byte held.
    start: u64,
    /// Where the last resize was.
    cut_at: Option<u64>,
    /// Positions after each terminal query in the held range: a replay must not ask again.
    queries: VecDeque<u64>,
}

/// Queries remembered; a program that asks more than this in 256 KiB is served by snapshots.
const QUERIES: usize = 64;

impl Ring {
    pub(crate) fn end(&self) -> u64 {
        self.start + self.bytes.len() as u64
    }

    /// Adds output; the oldest goes when the ring is full.
    pub(crate) fn push(&mut self, data: &[u8]) {
        let kept = &data[data.len().saturating_sub(RING_BYTES)..];
        let skipped = data.len() - kept.len();
        let excess = (self.bytes.len() + kept.len()).saturating_sub(RING_BYTES);
        self.bytes.drain(..excess);
        self.start += (excess + skipped) as u64;
        self.bytes.extend(kept);
        while self.queries.front().is_some_and(|at| *at <= self.start) {
            self.queries.pop_front();
        }
    }

    /// Notes that a query ended at or before the current end.
    pub(crate) fn note_query(&mut self) {
        if self.queries.len() == QUERIES {
            self.queries.pop_front();
        }
        self.queries.push_back(self.end());
    }

    /// Forgets everything before the current end: bytes before a resize mean nothing after it.
    pub(crate) fn cut(&mut self) {
        self.start = self.end();
        self.cut_at = Some(self.start);
        self.bytes.clear();
        self.queries.clear();
    }

    /// True when output from `pos` to the end is held.
    pub(crate) fn holds(&self, pos: u64) -> bool {
        (self.start..=self.end()).contains(&pos)
    }

    /// True when it is held and can be shown again to a terminal without asking it anything. Who
    /// saw everything up to a resize does not know the size of what follows.
    pub(crate) fn replays(&self, pos: u64) -> bool {
        self.holds(pos) && self.cut_at != Some(pos) && !self.queries.iter().any(|at| *at > pos)
    }

    /// At most `max` bytes from `pos` on. `pos` must be held.
    pub(crate) fn read(&self, pos: u64, max: usize) -> Bytes {
        let from = usize::try_from(pos - self.start).expect("positions held are within the ring");
        let length = (self.bytes.len() - from).min(max);
        let (front, back) = self.bytes.as_slices();
        let mut out = BytesMut::with_capacity(length);
        let in_front = front.get(from..).map_or(0, |part| part.len().min(length));
        if in_front > 0 {
            out.extend_from_slice(&front[from..from + in_front]);
        }
        let rest = length - in_front;
        if rest > 0 {
            let at = from.saturating_sub(front.len());
            out.extend_from_slice(&back[at..at + rest]);
        }
        out.freeze()
    }
}
