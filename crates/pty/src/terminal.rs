//! A pair of a pseudo-terminal, before any program runs on it. Behaviour: pty(7), ioctl_tty(2).

use std::ffi::OsStr;
use std::io;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;

use rustix::fs::OFlags;
use rustix::pty::OpenptFlags;
use rustix::termios::{InputModes, OptionalActions, Winsize};

/// A terminal's size in character cells; both at least 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Size {
    pub cols: u16,
    pub rows: u16,
}

impl Size {
    pub(crate) fn winsize(self) -> Winsize {
        Winsize { ws_row: self.rows, ws_col: self.cols, ws_xpixel: 0, ws_ypixel: 0 }
    }

    pub(crate) fn is_empty(self) -> bool {
        self.cols == 0 || self.rows == 0
    }
}

/// Both ends of a new terminal, every descriptor close-on-exec.
pub(crate) struct Pair {
    /// Our end, non-blocking.
    pub(crate) master: OwnedFd,
    /// The program's end; its number is above 2, so that it can be put on 0, 1 and 2.
    pub(crate) slave: OwnedFd,
    /// `/dev/pts/N`.
    pub(crate) path: PathBuf,
}

/// Opens a terminal of `size`. `owner` (a uid) gets the device file when it is not ours already.
pub(crate) fn open(size: Size, owner: Option<u32>) -> io::Result<Pair> {
    let flags = OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC;
    let master = rustix::pty::openpt(flags)?;
    rustix::pty::unlockpt(&master)?;
    let name = rustix::pty::ptsname(&master, Vec::new())?;
    // Opened through the master, never by name: another mount namespace may show another device
    // under the same path.
    let slave = above_stdio(rustix::pty::ioctl_tiocgptpeer(&master, flags)?)?;

    // The kernel starts without IUTF8: an erase of one wide character would take one byte only.
    let mut modes = rustix::termios::tcgetattr(&slave)?;
    modes.input_modes |= InputModes::IUTF8;
    rustix::termios::tcsetattr(&slave, OptionalActions::Now, &modes)?;
    rustix::termios::tcsetwinsize(&slave, size.winsize())?;
    if let Some(uid) = owner {
        // As login(1) does: or programs of that account could not open /dev/tty's device again.
        let uid = rustix::fs::Uid::from_raw(uid);
        rustix::fs::fchown(&slave, Some(uid), None)?;
    }
    let status = rustix::fs::fcntl_getfl(&master)?;
    rustix::fs::fcntl_setfl(&master, status | OFlags::NONBLOCK)?;
    Ok(Pair { path: PathBuf::from(OsStr::from_bytes(name.as_bytes())), master, slave })
}

/// A daemon started with closed standard descriptors gets 0, 1 or 2 from the next open.
fn above_stdio(fd: OwnedFd) -> io::Result<OwnedFd> {
    if fd.as_raw_fd() > 2 {
        return Ok(fd);
    }
    Ok(rustix::io::fcntl_dupfd_cloexec(fd.as_fd(), 3)?)
}
