//! What time it is, where the end of a session depends on it. Tests set it forward instead of waiting.

use std::time::Instant;
#[cfg(test)]
use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

/// Clones show the same time.
#[derive(Debug, Clone, Default)]
pub struct Clock {
    #[cfg(test)]
    ahead: Arc<Mutex<Duration>>,
}

#[cfg(not(test))]
impl Clock {
    pub(crate) fn now(&self) -> Instant {
        Instant::now()
    }

    /// When it will be so late, as timers count.
    pub(crate) fn timer(&self, at: Instant) -> Instant {
        at
    }
}

#[cfg(test)]
impl Clock {
    pub(crate) fn now(&self) -> Instant {
        Instant::now() + self.ahead()
    }

    pub(crate) fn timer(&self, at: Instant) -> Instant {
        at.checked_sub(self.ahead()).unwrap_or(at)
    }

    /// A session sees it with its next command.
    pub(crate) fn set_forward(&self, by: Duration) {
        *self.ahead.lock().unwrap_or_else(PoisonError::into_inner) += by;
    }

    fn ahead(&self) -> Duration {
        *self.ahead.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
