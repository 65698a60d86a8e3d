use std::io;
use std::os::fd::OwnedFd;
use std::sync::OnceLock;
use std::time::Duration;

use rustix::io::Errno;
use rustix::process::Pid;
use rustix::termios::LocalModes;
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

use crate::{Signal, Size};

/// Our end of a terminal: non-blocking, under the reactor of the runtime it was made on.
///
/// Waiting is cancel-safe; reading and writing never wait. Dropping it hangs the terminal up: the
/// kernel sends SIGHUP and SIGCONT to the program that leads it and to the foreground group.
#[derive(Debug)]
pub struct Master {
    /// Registered for reading only. The kernel says "room to write" whenever the program has read
    /// something, which would wake us twice for every key.
    fd: AsyncFd<OwnedFd>,
    /// Another descriptor of the same terminal, registered for writing: made when a write first has
    /// to wait, which is when a program does not read what is typed.
    writing: OnceLock<AsyncFd<OwnedFd>>,
}

/// Rest where there is no descriptor left to wait with; some program ends before long.
const NO_DESCRIPTOR_REST: Duration = Duration::from_millis(50);

impl Master {
    /// `fd` must be non-blocking. Needs a tokio runtime.
    pub(crate) fn new(fd: OwnedFd) -> io::Result<Self> {
        Ok(Self { fd: crate::reactor::register(fd, Interest::READABLE)?, writing: OnceLock::new() })
    }

    /// Resolves when [`try_read`](Self::try_read) is worth a call. After that, read until
    /// `WouldBlock`: only that answer makes this wait again, however short the reads are.
    pub async fn readable(&self) -> io::Result<()> {
        self.fd.readable().await.map(drop)
    }

    /// Reads what is there, at most one kernel buffer (about 4 KB) per call. `Ok(0)` is the end:
    /// no program has the terminal open any more, and every byte before has been read (the kernel
    /// says EIO for it, pty(7)). A `buf` of no bytes gives `Ok(0)` too and means nothing.
    ///
    /// It asks the kernel even when the reactor has noticed nothing yet: after the program's end,
    /// what it wrote is here without waiting.
    pub fn try_read(&self, buf: &mut [u8]) -> io::Result<usize> {
        let read = |fd: &OwnedFd| Ok(rustix::io::read(fd, &mut *buf)?);
        match now(&self.fd, Interest::READABLE, read) {
            Err(error) if Errno::from_io_error(&error) == Some(Errno::IO) => Ok(0),
            result => result,
        }
    }

    /// Resolves when [`try_write`](Self::try_write) is worth a call. To be waited for after a write
    /// that would block.
    pub async fn writable(&self) -> io::Result<()> {
        if let Some(writing) = self.writing.get() {
            return writing.writable().await.map(drop);
        }
        let second = self.fd.get_ref().try_clone();
        match second.and_then(|fd| crate::reactor::register(fd, Interest::WRITABLE)) {
            Ok(second) => self.writing.get_or_init(|| second).writable().await.map(drop),
            Err(_) => {
                tokio::time::sleep(NO_DESCRIPTOR_REST).await;
                Ok(())
            }
        }
    }

    /// Writes as much of `bytes` as the terminal takes now and says how much that was;
    /// `WouldBlock` when it takes nothing because its program does not read.
    pub fn try_write(&self, bytes: &[u8]) -> io::Result<usize> {
        let write = |fd: &OwnedFd| Ok(rustix::io::write(fd, bytes)?);
        let written = match self.writing.get() {
            Some(writing) => now(writing, Interest::WRITABLE, write),
            None => uninterrupted(|| write(self.fd.get_ref())),
        };
        match written {
            // More than nothing was asked for: a result of 0 is a full terminal.
            Ok(0) if !bytes.is_empty() => Err(io::ErrorKind::WouldBlock.into()),
            result => result,
        }
    }

    /// Gives the terminal a new size; its foreground group gets SIGWINCH when it differs.
    /// `InvalidInput` when a side is 0.
    pub fn resize(&self, size: Size) -> io::Result<()> {
        if size.is_empty() {
            return Err(io::ErrorKind::InvalidInput.into());
        }
        Ok(rustix::termios::tcsetwinsize(&self.fd, size.winsize())?)
    }

    /// Whether the terminal itself shows what is typed (termios ECHO). Line editors switch it off
    /// to echo by themselves: for "a secret is being typed", see
    /// [`hides_typing`](Self::hides_typing).
    pub fn echo(&self) -> bool {
        self.local_modes().contains(LocalModes::ECHO)
    }

    /// Whether a whole line is read without being shown, which is how programs ask for a password:
    /// ECHO off, ICANON on. A program that reads a secret key by key cannot be told from an editor.
    pub fn hides_typing(&self) -> bool {
        let modes = self.local_modes();
        modes.contains(LocalModes::ICANON) && !modes.contains(LocalModes::ECHO)
    }

    fn local_modes(&self) -> LocalModes {
        // The question fails on no open master; a hung-up terminal reads as one that echoes.
        rustix::termios::tcgetattr(&self.fd)
            .map_or(LocalModes::ECHO | LocalModes::ICANON, |all| all.local_modes)
    }

    /// The process group in the foreground, tcgetpgrp(3); `None` when there is none now.
    pub fn foreground_group(&self) -> Option<i32> {
        let group = rustix::termios::tcgetpgrp(&self.fd).ok()?;
        // 1 and below would address other processes than a group.
        Some(group.as_raw_nonzero().get()).filter(|group| *group > 1)
    }

    /// Sends `signal` to the foreground process group, as typing Ctrl-C does; to the group of
    /// `leader` (the pid of the program started on the terminal) when no group is in front.
    /// `NotFound` when neither exists any more.
    pub fn signal(&self, leader: i32, signal: Signal) -> io::Result<()> {
        if let Some(group) = self.foreground_group().and_then(Pid::from_raw) {
            match rustix::process::kill_process_group(group, signal.raw()) {
                // The group ended since it was asked for, or the shell has not taken the terminal
                // back yet.
                Err(Errno::SRCH) => {}
                result => return Ok(result?),
            }
        }
        let leader = Pid::from_raw(leader)
            .filter(|pid| pid.as_raw_nonzero().get() > 1)
            .ok_or(io::ErrorKind::InvalidInput)?;
        match rustix::process::kill_process_group(leader, signal.raw()) {
            Err(Errno::SRCH) => Err(io::ErrorKind::NotFound.into()),
            result => Ok(result?),
        }
    }
}

/// Makes the call, whatever the reactor knows; when it would block, the reactor waits anew.
fn now(
    registered: &AsyncFd<OwnedFd>,
    what: Interest,
    mut call: impl FnMut(&OwnedFd) -> io::Result<usize>,
) -> io::Result<usize> {
    uninterrupted(|| {
        let mut made = false;
        let noted = registered.try_io(what, |fd| {
            made = true;
            call(fd)
        });
        // Not marked as ready, so there is no mark to clear: the next event sets it.
        if made { noted } else { call(registered.get_ref()) }
    })
}

/// Makes the call again as long as a signal interrupts it.
fn uninterrupted(mut call: impl FnMut() -> io::Result<usize>) -> io::Result<usize> {
    loop {
        match call() {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            result => return result,
        }
    }
}
