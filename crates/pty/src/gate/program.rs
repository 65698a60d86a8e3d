//! The daemon's side of the process that supervisors come from.

use std::ffi::OsString;
use std::fmt;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rustix::net::RecvFlags;
use rustix::net::sockopt::{Timeout, set_socket_timeout};
use rustix::process::Pid;

use super::cradle;
use super::wire::{self, Born, Wanted};

/// A copy of a small process is made in less than a millisecond; a machine that stands still takes longer.
const BIRTH_LIMIT: Duration = Duration::from_secs(10);

/// Bytes of an answer, which are a few.
const ANSWER_BYTES: usize = 256;

/// The program that supervises. Its copies are started from one process, which is started when the first
/// session needs it and ends with the last clone of this.
#[derive(Clone)]
pub struct Program {
    pub(super) program: PathBuf,
    pub(super) args: Vec<OsString>,
    cradle: Arc<Mutex<Option<Cradle>>>,
}

impl fmt::Debug for Program {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Program").field("program", &self.program).field("args", &self.args).finish()
    }
}

impl Program {
    pub fn new(program: impl Into<PathBuf>, args: Vec<OsString>) -> Self {
        Self { program: program.into(), args, cradle: Arc::default() }
    }

    /// This very program, as `bastide gate`; the same file also after an upgrade on disk.
    pub fn this() -> Self {
        Self::new("/proc/self/exe", vec!["gate".into()])
    }

    pub(super) fn command(&self) -> Command {
        let mut command = Command::new(&self.program);
        command.args(&self.args);
        command
    }

    /// A new supervisor, our child, with these as its descriptors 0 and 1. It blocks for a moment.
    pub(super) fn supervisor(&self, line: &OwnedFd, job: &OwnedFd) -> io::Result<Pid> {
        let mut cradle = self.cradle.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(there) = &*cradle {
            match there.bears(line, job) {
                Ok(pid) => return pid,
                // It is gone: somebody killed it, or memory was short.
                Err(_) => *cradle = None,
            }
        }
        let there = cradle.insert(Cradle::start(self)?);
        there.bears(line, job)?
    }
}

struct Cradle {
    line: OwnedFd,
    process: Child,
}

impl Cradle {
    fn start(program: &Program) -> io::Result<Self> {
        let (line, theirs) = wire::pair()?;
        set_socket_timeout(&line, Timeout::Recv, Some(BIRTH_LIMIT))?;
        let process = program
            .command()
            .arg(cradle::ARGUMENT)
            .env_clear()
            .stdin(Stdio::from(theirs))
            .stdout(Stdio::null())
            .current_dir("/")
            .spawn()?;
        Ok(Self { line, process })
    }

    /// The outer error: there is no answer, so it is of no more use.
    fn bears(&self, line: &OwnedFd, job: &OwnedFd) -> io::Result<io::Result<Pid>> {
        wire::send(&self.line, &Wanted {}, &[line.as_fd(), job.as_fd()])?;
        let mut buffer = [0; ANSWER_BYTES];
        let (Born { pid }, _) = wire::receive(&self.line, &mut buffer, RecvFlags::empty())?;
        match pid {
            Ok(pid) => Ok(Ok(Pid::from_raw(pid).ok_or(io::ErrorKind::InvalidData)?)),
            Err(errno) => Ok(Err(io::Error::from_raw_os_error(errno))),
        }
    }
}

impl Drop for Cradle {
    fn drop(&mut self) {
        // It holds nothing. Its copies do not end with it.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
