use std::io;

use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::Shutdown;

/// Shells say 128 + signal for a program that a signal ended.
const SIGNAL_EXIT_BASE: i32 = 128;

/// What SIGHUP means to a process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hangup {
    /// The same as SIGTERM.
    Drain,
    /// Nothing: a terminal that closed does not end it.
    Ignore,
}

/// A signal that asks the process to end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Received {
    Terminate,
    Interrupt,
    Hangup,
}

impl Received {
    /// The exit code when it ends the process at once, as a shell would say it.
    pub fn exit_code(self) -> i32 {
        let number = match self {
            Self::Terminate => SignalKind::terminate(),
            Self::Interrupt => SignalKind::interrupt(),
            Self::Hangup => SignalKind::hangup(),
        };
        SIGNAL_EXIT_BASE + number.as_raw_value()
    }

    fn name(self) -> &'static str {
        match self {
            Self::Terminate => "SIGTERM",
            Self::Interrupt => "SIGINT",
            Self::Hangup => "SIGHUP",
        }
    }
}

/// SIGTERM, SIGINT and SIGHUP, taken over from their defaults.
#[derive(Debug)]
pub struct Signals {
    terminate: Signal,
    interrupt: Signal,
    hangup: Signal,
    on_hangup: Hangup,
}

impl Signals {
    /// From here on the signals do nothing by themselves: do it before anything that must be
    /// cleaned up exists. Needs a tokio runtime.
    pub fn listen(on_hangup: Hangup) -> io::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
            hangup: signal(SignalKind::hangup())?,
            on_hangup,
        })
    }

    /// The next signal that asks for the end; cancel-safe.
    pub async fn next(&mut self) -> Received {
        loop {
            let received = tokio::select! {
                _ = self.terminate.recv() => Received::Terminate,
                _ = self.interrupt.recv() => Received::Interrupt,
                _ = self.hangup.recv() => Received::Hangup,
            };
            if received != Received::Hangup || self.on_hangup == Hangup::Drain {
                return received;
            }
        }
    }

    /// Drains the process at the first signal; resolves at the second with the exit code to end
    /// with at once. Run it beside the process in a `select!`.
    pub async fn drain(mut self, shutdown: &Shutdown) -> i32 {
        let first = self.next().await;
        tracing::info!(signal = first.name(), "asked to end");
        shutdown.drain();
        let second = self.next().await;
        tracing::warn!(signal = second.name(), "asked again: ending at once");
        second.exit_code()
    }
}
