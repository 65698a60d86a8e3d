//! The signals that matter while the terminal is the session's.

use std::io;

use tokio::signal::unix::{self, SignalKind, signal};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Signal {
    /// The terminal has another size.
    Resized,
    /// Ctrl-Z's signal; only from outside, since raw mode has no such key.
    Stop,
    Continued,
    /// To end; its number.
    End(u8),
}

impl Signal {
    pub(crate) const HANGUP: u8 = 1;
}

pub(crate) struct Signals {
    resized: unix::Signal,
    stop: unix::Signal,
    continued: unix::Signal,
    hangup: unix::Signal,
    interrupt: unix::Signal,
    quit: unix::Signal,
    terminate: unix::Signal,
}

impl Signals {
    pub(crate) fn listen() -> io::Result<Self> {
        let stop = SignalKind::from_raw(rustix::process::Signal::TSTP.as_raw());
        let continued = SignalKind::from_raw(rustix::process::Signal::CONT.as_raw());
        Ok(Self {
            resized: signal(SignalKind::window_change())?,
            stop: signal(stop)?,
            continued: signal(continued)?,
            hangup: signal(SignalKind::hangup())?,
            interrupt: signal(SignalKind::interrupt())?,
            quit: signal(SignalKind::quit())?,
            terminate: signal(SignalKind::terminate())?,
        })
    }

    /// Cancel-safe.
    pub(crate) async fn next(&mut self) -> Signal {
        tokio::select! {
            _ = self.terminate.recv() => Signal::End(15),
            _ = self.hangup.recv() => Signal::End(Signal::HANGUP),
            _ = self.interrupt.recv() => Signal::End(2),
            _ = self.quit.recv() => Signal::End(3),
            _ = self.stop.recv() => Signal::Stop,
            _ = self.continued.recv() => Signal::Continued,
            _ = self.resized.recv() => Signal::Resized,
        }
    }

    /// Stops this process as SIGTSTP would have; returns when it is continued.
    pub(crate) fn stop_ourselves() {
        // It cannot fail for oneself.
        let _ = rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::STOP);
    }
}
