use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::time::Duration;

use rustix::io::Errno;
use rustix::process::{Pid, WaitId, WaitIdOptions, WaitIdStatus};
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

use crate::{Sessions, Signal};

/// How often the processes of a session are listed and killed: twice is enough unless they fork
/// without end, and then no number is.
const KILL_ROUNDS: usize = 3;

/// How a program ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Exit {
    /// Its exit status, 0 to 255; 128 + signal when a signal killed it, as shells say it.
    pub code: i32,
    /// The signal that killed it.
    pub signal: Option<i32>,
}

impl Exit {
    fn of(status: &WaitIdStatus) -> Self {
        match status.terminating_signal() {
            Some(signal) => Self { code: 128 + signal, signal: Some(signal) },
            None => Self { code: status.exit_status().unwrap_or(0), signal: None },
        }
    }
}

/// A program started on a terminal: it leads a kernel session of its own (setsid(2)), whose id is
/// its pid.
///
/// It is observed through a pidfd and reaped only when this value is dropped. Until then its pid
/// cannot be given to another process, so nothing here can signal a stranger. Dropping it while it
/// runs kills it.
#[derive(Debug)]
pub struct Process {
    pid: Pid,
    /// Taken only by `drop`.
    pidfd: Option<AsyncFd<OwnedFd>>,
}

impl Process {
    /// Needs a tokio runtime.
    pub(crate) fn new(pid: Pid, pidfd: OwnedFd) -> io::Result<Self> {
        let pidfd = crate::reactor::register(pidfd, Interest::READABLE)?;
        Ok(Self { pid, pidfd: Some(pidfd) })
    }

    pub fn pid(&self) -> i32 {
        self.pid.as_raw_nonzero().get()
    }

    /// Waits for the end of the program, any number of times; cancel-safe.
    pub async fn wait(&self) -> io::Result<Exit> {
        loop {
            let mut ready = self.pidfd().readable().await?;
            if let Some(exit) = self.exited()? {
                return Ok(exit);
            }
            ready.clear_ready();
        }
    }

    /// How it ended, `None` while it runs.
    pub fn exited(&self) -> io::Result<Option<Exit>> {
        let how = WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
        let status = waitid(self.pidfd().as_fd(), how)?;
        Ok(status.as_ref().map(Exit::of))
    }

    /// Signals the program itself and nothing it started; after its end it does nothing.
    pub fn signal(&self, signal: Signal) -> io::Result<()> {
        match rustix::process::pidfd_send_signal(self.pidfd(), signal.raw()) {
            Err(Errno::SRCH) => Ok(()),
            result => Ok(result?),
        }
    }

    /// Signals every process group of the kernel session: the program, its foreground and its
    /// background jobs, whatever its leader did. Returns how many groups were there. It reads all
    /// of `/proc`: to end many at once, read [`Sessions`] once.
    pub fn signal_session(&self, signal: Signal) -> io::Result<usize> {
        Ok(Sessions::read()?.signal(self.pid(), signal))
    }

    /// Ends the whole kernel session: SIGHUP (and SIGCONT: what is stopped would not notice), then
    /// SIGKILL to what is left when the program has ended or `grace` is over. Cancel-safe: another
    /// call goes on.
    pub async fn end(&self, grace: Duration) -> io::Result<Exit> {
        let sessions = Sessions::read()?;
        sessions.signal(self.pid(), Signal::Hup);
        sessions.signal(self.pid(), Signal::Cont);
        let ended = tokio::time::timeout(grace, self.wait()).await;
        // A group may have been made while the list was read.
        for _ in 0..KILL_ROUNDS {
            if self.signal_session(Signal::Kill)? == 0 {
                break;
            }
        }
        match ended {
            Ok(exit) => exit,
            Err(_late) => self.wait().await,
        }
    }

    fn pidfd(&self) -> &AsyncFd<OwnedFd> {
        self.pidfd.as_ref().expect("only drop takes the pidfd")
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let Some(pidfd) = self.pidfd.take() else {
            return;
        };
        let reap = WaitIdOptions::EXITED | WaitIdOptions::NOHANG;
        if !matches!(waitid(pidfd.as_fd(), reap), Ok(None)) {
            return;
        }
        // Neither call can fail while the program is not reaped, but for rights it gained (sudo).
        let _ = rustix::process::pidfd_send_signal(&pidfd, Signal::Kill.raw());
        let _ = rustix::process::kill_process_group(self.pid, Signal::Kill.raw());
        // Death by SIGKILL takes a moment, and a drop must not wait for it. Outside a runtime this
        // process is about to end and init reaps instead.
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn(async move {
                while let Ok(mut ready) = pidfd.readable().await {
                    if !matches!(waitid(pidfd.as_fd(), reap), Ok(None)) {
                        return;
                    }
                    ready.clear_ready();
                }
            });
        }
    }
}

fn waitid(pidfd: impl AsFd, how: WaitIdOptions) -> io::Result<Option<WaitIdStatus>> {
    loop {
        match rustix::process::waitid(WaitId::PidFd(pidfd.as_fd()), how) {
            Err(Errno::INTR) => {}
            result => return Ok(result?),
        }
    }
}
