//! How many refused logins are written to the log: anybody can cause one, and the log is finite.

use std::sync::{Mutex, PoisonError};

use jiff::{SignedDuration, Timestamp};

/// A person who tries an old link a few times is seen in full.
const PER_MINUTE: u32 = 10;
const MINUTE: SignedDuration = SignedDuration::from_mins(1);

#[derive(Debug, Default)]
pub(crate) struct Refusals {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    began: Timestamp,
    written: u32,
    left_out: u64,
}

impl Refusals {
    /// Whether this one is to be written, and how many were left out since the last that was.
    pub(crate) fn note(&self, now: Timestamp) -> Option<u64> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        // A clock that was set back begins a new minute too.
        if now < state.began || now.duration_since(state.began) >= MINUTE {
            (state.began, state.written) = (now, 0);
        }
        if state.written >= PER_MINUTE {
            state.left_out += 1;
            return None;
        }
        state.written += 1;
        Some(std::mem::take(&mut state.left_out))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flood_is_counted_and_a_few_are_written() {
        let refusals = Refusals::default();
        let now = Timestamp::UNIX_EPOCH + SignedDuration::from_hours(1);
        let written = (0..1000).filter(|_| refusals.note(now).is_some()).count();
        assert_eq!(written, PER_MINUTE as usize);
        assert_eq!(refusals.note(now + MINUTE), Some(990));
        assert_eq!(refusals.note(now), Some(0), "a clock that was set back");
    }
}
