use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::time::Duration;

use rustix::io::Errno;
use rustix::process::{Pid, WaitId, WaitIdOptions, WaitIdStatus};
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

use crate::gate::Watched;
use crate::{Sessions, Signal};

/// How often the processes of a session are listed and killed: twice is enough unless they fork
/// without end, and then no number is.
const KILL_ROUNDS: usize = 3;

/// How long a supervisor may take to kill its tree.
const SUPERVISOR_GRACE: Duration = Duration::from_secs(2);

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
/// runs kills it. One under the [gate](crate::gate) is the child of its supervisor, which says how it
/// ended; dropping it kills the whole tree.
#[derive(Debug)]
pub struct Process {
    pid: Pid,
    parent: Parent,
}

#[derive(Debug)]
enum Parent {
    /// We are; the pidfd is taken only by `drop`.
    Us(Option<AsyncFd<OwnedFd>>),
    Supervisor(Watched),
}

impl Process {
    /// Needs a tokio runtime.
    pub(crate) fn new(pid: Pid, pidfd: OwnedFd) -> io::Result<Self> {
        let pidfd = crate::reactor::register(pidfd, Interest::READABLE)?;
        Ok(Self { pid, parent: Parent::Us(Some(pidfd)) })
    }

    pub(crate) fn watched(pid: Pid, watched: Watched) -> Self {
        Self { pid, parent: Parent::Supervisor(watched) }
    }

    pub fn pid(&self) -> i32 {
        self.pid.as_raw_nonzero().get()
    }

    /// Waits for the end of the program, any number of times; cancel-safe.
    pub async fn wait(&self) -> io::Result<Exit> {
        let pidfd = match &self.parent {
            Parent::Us(pidfd) => own(pidfd.as_ref()),
            Parent::Supervisor(watched) => return watched.wait().await,
        };
        loop {
            let mut ready = pidfd.readable().await?;
            if let Some(exit) = self.exited()? {
                return Ok(exit);
            }
            ready.clear_ready();
        }
    }

    /// How it ended, `None` while it runs.
    pub fn exited(&self) -> io::Result<Option<Exit>> {
        let pidfd = match &self.parent {
            Parent::Us(pidfd) => own(pidfd.as_ref()),
            Parent::Supervisor(watched) => return watched.exited(),
        };
        let how = WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
        let status = waitid(pidfd.as_fd(), how)?;
        Ok(status.as_ref().map(Exit::of))
    }

    /// Signals the program itself and nothing it started; after its end it does nothing.
    pub fn signal(&self, signal: Signal) -> io::Result<()> {
        let pidfd = match &self.parent {
            Parent::Us(pidfd) => own(pidfd.as_ref()).as_fd(),
            Parent::Supervisor(watched) => watched.program().as_fd(),
        };
        match rustix::process::pidfd_send_signal(pidfd, signal.raw()) {
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
        if let Parent::Supervisor(watched) = &self.parent {
            return self.end_gated(watched, grace).await;
        }
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

    /// The supervisor reaps the program, so its number counts only as long as it runs.
    async fn end_gated(&self, watched: &Watched, grace: Duration) -> io::Result<Exit> {
        if watched.exited()?.is_none() {
            let sessions = Sessions::read()?;
            sessions.signal(self.pid(), Signal::Hup);
            sessions.signal(self.pid(), Signal::Cont);
            // Late or not, the rest of the tree ends as well.
            let _ = tokio::time::timeout(grace, watched.wait()).await;
        }
        watched.end_tree();
        if let Ok(exit) = tokio::time::timeout(SUPERVISOR_GRACE, watched.wait()).await {
            return exit;
        }
        // It hangs, on a dead file server most likely. What is left of its tree can start nothing.
        if watched.exited()?.is_none() {
            self.signal_session(Signal::Kill)?;
        }
        watched.kill_supervisor();
        watched.wait().await
    }
}

fn own(pidfd: Option<&AsyncFd<OwnedFd>>) -> &AsyncFd<OwnedFd> {
    pidfd.expect("only drop takes the pidfd")
}

impl Drop for Process {
    fn drop(&mut self) {
        let pidfd = match &mut self.parent {
            Parent::Us(pidfd) => pidfd.take(),
            Parent::Supervisor(watched) => return watched.end_tree(),
        };
        let Some(pidfd) = pidfd else {
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
