use std::fmt;
use std::future::Future;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::timeout;

use crate::Tasks;

/// Where a process is in its life; it only goes forward.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Phase {
    /// Reading settings, opening files, binding sockets.
    Starting,
    /// Taking work.
    Serving,
    /// No new work; what runs is brought to its end.
    Draining,
    /// Nothing runs; what is in memory goes to disk.
    Flushing,
    /// All done.
    Stopped,
}

impl fmt::Display for Phase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Starting => "starting",
            Self::Serving => "serving",
            Self::Draining => "draining",
            Self::Flushing => "flushing",
            Self::Stopped => "stopped",
        })
    }
}

/// How long the phases of the end may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Deadlines {
    pub draining: Duration,
    pub flushing: Duration,
}

/// How a process came to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// Every task ended and everything was flushed in time.
    Clean,
    /// Something was cut off; the log names it.
    Late,
}

/// The phase of a process, set by whoever runs it and watched by everyone. Clones are the same.
#[derive(Debug, Clone)]
pub struct Shutdown {
    phase: watch::Sender<Phase>,
}

impl Default for Shutdown {
    fn default() -> Self {
        Self::new()
    }
}

impl Shutdown {
    /// In [`Phase::Starting`].
    pub fn new() -> Self {
        Self { phase: watch::Sender::new(Phase::Starting) }
    }

    pub fn phase(&self) -> Phase {
        *self.phase.borrow()
    }

    /// Goes on to `phase`; does nothing (and says `false`) if it is reached already.
    pub fn advance(&self, phase: Phase) -> bool {
        let moved = self.phase.send_if_modified(|now| {
            let forward = *now < phase;
            *now = phase.max(*now);
            forward
        });
        if moved {
            tracing::info!(%phase, "phase");
        }
        moved
    }

    /// Asks the process to end: no new work from now on.
    pub fn drain(&self) {
        self.advance(Phase::Draining);
    }

    pub fn is_draining(&self) -> bool {
        self.phase() >= Phase::Draining
    }

    /// Waits until `phase` or a later one is reached; cancel-safe.
    pub async fn reached(&self, phase: Phase) {
        let mut phases = self.phase.subscribe();
        let reached = phases.wait_for(|now| *now >= phase).await;
        reached.expect("self keeps the channel open");
    }

    /// Waits until the process is asked to end; for a `select!` arm.
    pub async fn draining(&self) {
        self.reached(Phase::Draining).await;
    }

    /// Every phase from now on.
    pub fn subscribe(&self) -> watch::Receiver<Phase> {
        self.phase.subscribe()
    }

    /// Goes through the phases of the end: draining until `tasks` have all ended, which they do
    /// when they see the phase; flushing while `flush` runs; then stopped. What is still running
    /// at a deadline is named in the log and aborted before the end.
    pub async fn finish(
        &self,
        tasks: &Tasks,
        deadlines: Deadlines,
        flush: impl Future<Output = ()>,
    ) -> Ending {
        let mut ending = Ending::Clean;
        self.advance(Phase::Draining);
        if timeout(deadlines.draining, tasks.ended()).await.is_err() {
            ending = Ending::Late;
            tracing::warn!(
                seconds = deadlines.draining.as_secs_f64(),
                tasks = ?tasks.names(),
                "not drained in time"
            );
        }
        self.advance(Phase::Flushing);
        if timeout(deadlines.flushing, flush).await.is_err() {
            ending = Ending::Late;
            tracing::error!(
                seconds = deadlines.flushing.as_secs_f64(),
                "not flushed in time: the last bytes may be missing on disk"
            );
        }
        let aborted = tasks.abort_all();
        if !aborted.is_empty() {
            tracing::warn!(tasks = ?aborted, "aborted");
        }
        self.advance(Phase::Stopped);
        ending
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use super::*;

    const DEADLINES: Deadlines =
        Deadlines { draining: Duration::from_secs(60), flushing: Duration::from_secs(60) };
    const AT_ONCE: Deadlines = Deadlines { draining: Duration::ZERO, flushing: Duration::ZERO };

    #[tokio::test]
    async fn phases_only_go_forward_and_a_late_waiter_passes() {
        let shutdown = Shutdown::new();
        assert!(shutdown.advance(Phase::Serving));
        assert!(shutdown.advance(Phase::Flushing));
        assert!(!shutdown.advance(Phase::Draining));
        assert_eq!(shutdown.phase(), Phase::Flushing);
        shutdown.reached(Phase::Draining).await;
    }

    #[tokio::test]
    async fn tasks_end_before_the_flush_and_all_see_the_phases() {
        let (shutdown, tasks) = (Shutdown::new(), Tasks::new());
        let order = Arc::new(Mutex::new(Vec::new()));
        let note = |what: &'static str| {
            let order = Arc::clone(&order);
            move || order.lock().expect("not poisoned").push(what)
        };
        let (drained, watched) = (note("drained"), shutdown.clone());
        tasks.spawn("worker", async move {
            watched.draining().await;
            drained();
        });
        shutdown.advance(Phase::Serving);
        let flushed = note("flushed");
        let ending = shutdown.finish(&tasks, DEADLINES, async { flushed() }).await;
        assert_eq!(ending, Ending::Clean);
        assert_eq!(shutdown.phase(), Phase::Stopped);
        assert_eq!(*order.lock().expect("not poisoned"), ["drained", "flushed"]);
    }

    #[tokio::test]
    async fn what_does_not_end_is_aborted_at_the_deadline() {
        let (shutdown, tasks) = (Shutdown::new(), Tasks::new());
        let stuck = tasks.spawn("stuck", std::future::pending::<()>());
        let ending = shutdown.finish(&tasks, AT_ONCE, std::future::pending()).await;
        assert_eq!(ending, Ending::Late);
        assert_eq!(stuck.await, Err(crate::Ended::Aborted));
        assert_eq!(shutdown.phase(), Phase::Stopped);
    }
}
