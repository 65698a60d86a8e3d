use std::io;
use std::os::fd::{AsFd, OwnedFd};

use rustix::net::RecvFlags;
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

use crate::process::Exit;

/// Bytes of an exit on the socket: code and signal (0 for none), native-endian.
pub(super) const EXIT_BYTES: usize = 8;

/// What a supervisor that died in the middle leaves: nobody saw how the program ended.
const UNKNOWN_EXIT: Exit = Exit { code: 128 + libc::SIGKILL, signal: Some(libc::SIGKILL) };

/// A session's program seen from ptyd, which is not its parent.
///
/// The supervisor writes the exit to a socket of its own, where it stays: it is looked at, not taken,
/// so any number of waits see it.
#[derive(Debug)]
pub(crate) struct Watched {
    exits: AsyncFd<OwnedFd>,
    program: OwnedFd,
    supervisor: OwnedFd,
}

impl Watched {
    /// `exits`, and pidfds of both. Needs a tokio runtime.
    pub(super) fn new(exits: OwnedFd, program: OwnedFd, supervisor: OwnedFd) -> io::Result<Self> {
        let exits = crate::reactor::register(exits, Interest::READABLE)?;
        Ok(Self { exits, program, supervisor })
    }

    pub(crate) async fn wait(&self) -> io::Result<Exit> {
        loop {
            let mut ready = self.exits.readable().await?;
            if let Some(exit) = self.exited()? {
                return Ok(exit);
            }
            ready.clear_ready();
        }
    }

    pub(crate) fn exited(&self) -> io::Result<Option<Exit>> {
        let mut bytes = [0; EXIT_BYTES];
        let flags = RecvFlags::PEEK | RecvFlags::DONTWAIT;
        match rustix::net::recv(&self.exits, &mut bytes, flags) {
            Ok((EXIT_BYTES, _)) => Ok(Some(decode(bytes))),
            Ok(_) => Ok(Some(UNKNOWN_EXIT)),
            Err(rustix::io::Errno::AGAIN | rustix::io::Errno::INTR) => Ok(None),
            Err(rustix::io::Errno::CONNRESET) => Ok(Some(UNKNOWN_EXIT)),
            Err(error) => Err(error.into()),
        }
    }

    /// The program itself.
    pub(crate) fn program(&self) -> &OwnedFd {
        &self.program
    }

    /// Kills the whole tree, whatever session or group its processes are in.
    pub(crate) fn end_tree(&self) {
        // It may have ended by itself, with the last of the tree.
        let _ = rustix::process::pidfd_send_signal(self.supervisor.as_fd(), rustix::process::Signal::TERM);
    }

    /// For one that does not do even that. How its program ended is not known then.
    pub(crate) fn kill_supervisor(&self) {
        let _ = rustix::process::pidfd_send_signal(self.supervisor.as_fd(), rustix::process::Signal::KILL);
    }
}

pub(super) fn encode(code: i32, signal: Option<i32>) -> [u8; EXIT_BYTES] {
    let mut bytes = [0; EXIT_BYTES];
    bytes[..4].copy_from_slice(&code.to_ne_bytes());
    bytes[4..].copy_from_slice(&signal.unwrap_or(0).to_ne_bytes());
    bytes
}

fn decode(bytes: [u8; EXIT_BYTES]) -> Exit {
    let [a, b, c, d, e, f, g, h] = bytes;
    let signal = i32::from_ne_bytes([e, f, g, h]);
    Exit { code: i32::from_ne_bytes([a, b, c, d]), signal: (signal != 0).then_some(signal) }
}
