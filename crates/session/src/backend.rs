//! What a session's bytes come from and go to: a program on a terminal here, or a shell on another machine.
//!
//! Both have the same names for the same things, and a match stands where a trait object would cost an
//! allocation for each wait. A session whose shell is still being dialled has a backend too: one that is never
//! ready.

use std::future::pending;
use std::io;

use bastide_pty::{Child, Signal};
use bastide_ssh::Shell;
use bastide_wire::session::ExitStatus;

/// Of a program whose end nobody saw.
pub(crate) const UNKNOWN: ExitStatus = ExitStatus { code: -1, signal: None };

/// Of a connection that failed or was lost, as ssh(1) says it.
pub(crate) const FAILED: ExitStatus = ExitStatus { code: 255, signal: None };

#[derive(Debug)]
pub(crate) enum Backend {
    Local(Child),
    Ssh(Shell),
    /// A shell that is being dialled: nothing comes, and what is typed waits.
    Dialling,
}

/// How a backend ended.
#[derive(Debug)]
pub(crate) enum Gone {
    Exited(ExitStatus),
    /// A signal of a name that this machine does not know.
    Signalled(String),
    /// The connection went first; why, in one clause.
    Lost(String),
    /// It has ended, and how cannot be said.
    Unknown(io::Error),
}

impl Backend {
    /// Resolves when [`Self::try_read`] is worth a call. Cancel-safe, as every wait here.
    pub(crate) async fn readable(&self) -> io::Result<()> {
        match self {
            Self::Local(child) => child.master.readable().await,
            Self::Ssh(shell) => shell.readable().await,
            Self::Dialling => pending().await,
        }
    }

    /// `Ok(0)` is the end.
    pub(crate) fn try_read(&self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Local(child) => child.master.try_read(buffer),
            Self::Ssh(shell) => shell.try_read(buffer),
            Self::Dialling => Err(io::ErrorKind::WouldBlock.into()),
        }
    }

    pub(crate) async fn writable(&self) -> io::Result<()> {
        match self {
            Self::Local(child) => child.master.writable().await,
            Self::Ssh(shell) => shell.writable().await,
            Self::Dialling => pending().await,
        }
    }

    pub(crate) fn try_write(&self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Local(child) => child.master.try_write(bytes),
            Self::Ssh(shell) => shell.try_write(bytes),
            Self::Dialling => Err(io::ErrorKind::WouldBlock.into()),
        }
    }

    /// A shell that is being dialled learns its size when it is there.
    pub(crate) fn resize(&self, cols: u16, rows: u16) -> io::Result<()> {
        match self {
            Self::Local(child) => child.master.resize(bastide_pty::Size { cols, rows }),
            Self::Ssh(shell) => {
                shell.resize(cols, rows);
                Ok(())
            }
            Self::Dialling => Ok(()),
        }
    }

    /// To the foreground process group here; to the shell there, which passes it on as it likes.
    pub(crate) fn signal(&self, signal: Signal) -> io::Result<()> {
        match self {
            Self::Local(child) => child.signal(signal),
            Self::Ssh(shell) => {
                shell.signal(ssh_name(signal)?);
                Ok(())
            }
            Self::Dialling => Err(io::Error::new(io::ErrorKind::NotConnected, "its shell is not there yet")),
        }
    }

    /// Tells the program that its terminal is gone, as gently as there is a way to.
    pub(crate) fn hang_up(&self) -> io::Result<()> {
        match self {
            Self::Local(child) => {
                // Either may be gone already; a shell passes the hang-up on to its jobs.
                // A stopped one would not notice without SIGCONT.
                let foreground = child.master.signal(child.pid(), Signal::Hup);
                let leader = child.process.signal(Signal::Hup);
                let continued = child.process.signal(Signal::Cont);
                foreground.and(leader).and(continued)
            }
            Self::Ssh(_) | Self::Dialling => self.signal(Signal::Hup),
        }
    }

    pub(crate) async fn wait(&self) -> Gone {
        match self {
            Self::Local(child) => match child.process.wait().await {
                Ok(exit) => Gone::Exited(ExitStatus { code: exit.code, signal: exit.signal }),
                Err(error) => Gone::Unknown(error),
            },
            Self::Ssh(shell) => elsewhere(shell.wait().await),
            Self::Dialling => pending().await,
        }
    }

    /// Whether a password may be being typed. The terminal of another machine does not say, so there it may
    /// always be.
    pub(crate) fn hides_typing(&self) -> bool {
        match self {
            Self::Local(child) => child.master.hides_typing(),
            Self::Ssh(_) | Self::Dialling => true,
        }
    }

    /// The program, where it is one of this machine.
    pub(crate) fn local(&self) -> Option<&Child> {
        match self {
            Self::Local(child) => Some(child),
            Self::Ssh(_) | Self::Dialling => None,
        }
    }
}

fn elsewhere(exit: bastide_ssh::Exit) -> Gone {
    match exit {
        bastide_ssh::Exit::Status(status) => {
            Gone::Exited(ExitStatus { code: i32::try_from(status).unwrap_or(i32::MAX), signal: None })
        }
        bastide_ssh::Exit::Signal(name) => match number(&name) {
            Some(signal) => Gone::Exited(ExitStatus { code: 128 + signal, signal: Some(signal) }),
            None => Gone::Signalled(name),
        },
        bastide_ssh::Exit::Unsaid => Gone::Exited(UNKNOWN),
        bastide_ssh::Exit::Lost(why) => Gone::Lost(why),
    }
}

/// The signals of RFC 4254, section 6.10.
fn ssh_name(signal: Signal) -> io::Result<&'static str> {
    Ok(match signal {
        Signal::Hup => "HUP",
        Signal::Int => "INT",
        Signal::Quit => "QUIT",
        Signal::Term => "TERM",
        Signal::Kill => "KILL",
        Signal::Usr1 => "USR1",
        Signal::Usr2 => "USR2",
        Signal::Cont | Signal::Stop | Signal::Tstp | Signal::Winch => {
            return Err(io::Error::new(
                io::ErrorKind::Unsupported,
                format!("{signal} is none of those that SSH knows"),
            ));
        }
    })
}

/// Their numbers on this machine, signal(7).
fn number(name: &str) -> Option<i32> {
    Some(match name {
        "ILL" => 4,
        "ABRT" => 6,
        "FPE" => 8,
        "SEGV" => 11,
        "PIPE" => 13,
        "ALRM" => 14,
        other => other.parse::<Signal>().ok()?.number(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn status(exit: bastide_ssh::Exit) -> Option<(i32, Option<i32>)> {
        match elsewhere(exit) {
            Gone::Exited(status) => Some((status.code, status.signal)),
            _ => None,
        }
    }

    #[test]
    fn ends_elsewhere_are_told_as_ends_here_are() {
        use bastide_ssh::Exit;
        assert_eq!(status(Exit::Status(7)), Some((7, None)));
        assert_eq!(status(Exit::Status(u32::MAX)), Some((i32::MAX, None)));
        assert_eq!(status(Exit::Signal("TERM".into())), Some((143, Some(15))));
        assert_eq!(status(Exit::Signal("SEGV".into())), Some((139, Some(11))));
        assert_eq!(status(Exit::Signal("NOVEL@example.com".into())), None);
        assert_eq!(status(Exit::Unsaid), Some((-1, None)));
        assert_eq!(status(Exit::Lost("reset".into())), None);
    }

    #[test]
    fn signals_that_ssh_does_not_know_are_refused() {
        assert_eq!(ssh_name(Signal::Int).ok(), Some("INT"));
        assert!(ssh_name(Signal::Stop).is_err());
    }
}
