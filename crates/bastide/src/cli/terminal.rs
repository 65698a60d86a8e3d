//! The person's own terminal: its size, reading and writing it without ever blocking, and giving it
//! back as it was.

mod colours;
mod sequences;

use std::fs::OpenOptions;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::OpenOptionsExt;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::Context;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::termios::{self, OptionalActions, Termios};
use tokio::net::unix::pipe::{Receiver, Sender};

use super::exit::Failure;
use super::size::Size;
use colours::Colours;

/// How long giving back waits for a terminal that takes nothing before it gives up.
const GIVE_BACK_WAIT: Timespec = Timespec { tv_sec: 1, tv_nsec: 0 };

/// The terminal on standard input. It is opened anew: then it can be non-blocking without becoming so for
/// the shell, which shares standard input with us.
#[derive(Debug)]
pub(crate) struct Terminal {
    fd: OwnedFd,
    /// The same, under the reactor. Tokio's pipe ends take any descriptor that can be waited for.
    keyboard: Receiver,
    screen: Sender,
    name: PathBuf,
    before: Termios,
    colours: Colours,
    taken: Option<Taken>,
}

/// What is needed to give the terminal back, also for the panic hook.
type Taken = Arc<Mutex<Option<GiveBack>>>;

#[derive(Debug)]
struct GiveBack {
    fd: OwnedFd,
    before: Termios,
    /// Undoes what cannot be undone blindly.
    extra: Vec<u8>,
}

impl Terminal {
    /// # Errors
    /// Standard input is no terminal, or it cannot be opened.
    pub(crate) fn open() -> Result<Self, Failure> {
        let stdin = io::stdin();
        if !termios::isatty(&stdin) {
            return Err(Failure::text(
                "standard input is no terminal; see `bastide new -d`, `send-keys` and `snapshot`",
            ));
        }
        let name = termios::ttyname(&stdin, Vec::new()).context("this terminal has no name")?;
        let name = PathBuf::from(name.to_string_lossy().into_owned());
        let fd = reopen().context("cannot open this terminal")?;
        let before = termios::tcgetattr(&fd).context("cannot read this terminal's settings")?;
        let copy = || fd.try_clone().context("cannot copy this terminal's descriptor");
        let (keyboard, screen) = (copy()?, copy()?);
        let keyboard =
            Receiver::from_owned_fd_unchecked(keyboard).context("cannot wait for this terminal")?;
        let screen = Sender::from_owned_fd_unchecked(screen).context("cannot wait for this terminal")?;
        Ok(Self { fd, keyboard, screen, name, before, colours: Colours::default(), taken: None })
    }

    /// Its device, `/dev/pts/N`.
    pub(crate) fn name(&self) -> &std::path::Path {
        &self.name
    }

    /// Its size; 80x24 where it does not know.
    pub(crate) fn size(&self) -> Size {
        match termios::tcgetwinsize(&self.fd) {
            Ok(size) if size.ws_col > 0 && size.ws_row > 0 => Size { cols: size.ws_col, rows: size.ws_row },
            _ => Size { cols: 80, rows: 24 },
        }
    }

    /// Makes it the session's: every byte through, none echoed. It is given back on drop, and by a panic
    /// before its message is printed.
    pub(crate) fn take(&mut self) -> Result<(), Failure> {
        let fd = self.fd.try_clone().context("cannot copy the terminal's descriptor")?;
        let give_back = GiveBack { fd, before: self.before.clone(), extra: Vec::new() };
        match &self.taken {
            Some(taken) => *lock(taken) = Some(give_back),
            None => {
                let taken = Arc::new(Mutex::new(Some(give_back)));
                before_panics(Arc::clone(&taken));
                self.taken = Some(taken);
            }
        }
        self.make_raw()
    }

    /// Raw mode again, after something else (a shell that resumed us) has set its own.
    fn make_raw(&self) -> Result<(), Failure> {
        let mut raw = self.before.clone();
        raw.make_raw();
        Ok(termios::tcsetattr(&self.fd, OptionalActions::Now, &raw)
            .context("cannot set this terminal to raw mode")?)
    }

    /// The state a `restore` expects: everything a program can have changed is at its default, and the
    /// screen is empty. With `keep` the screen that stood there goes up into the scrollback.
    pub(crate) fn fresh(&self, keep: bool) -> Vec<u8> {
        sequences::fresh(self.size(), keep)
    }

    /// Notes what `output` changes that is only undone if it was done.
    pub(crate) fn passing(&mut self, output: &[u8]) {
        if self.colours.look(output)
            && let Some(taken) = &self.taken
            && let Some(give_back) = lock(taken).as_mut()
        {
            give_back.extra = self.colours.undo();
        }
    }

    /// Gives the terminal back: modes, screen, colours, title, settings. Unread input is thrown away: it
    /// would be typed into the shell.
    pub(crate) fn give_back(&self) {
        if let Some(taken) = &self.taken {
            give_back(taken);
        }
    }

    /// Reads what was typed; 0 is the end. Cancel-safe.
    pub(crate) async fn read(&self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            self.keyboard.readable().await?;
            match self.keyboard.try_read(buffer) {
                Err(e) if is_passing(&e) => {}
                result => return result,
            }
        }
    }

    /// Writes what the terminal takes. Cancel-safe.
    pub(crate) async fn write(&self, bytes: &[u8]) -> io::Result<usize> {
        loop {
            self.screen.writable().await?;
            match self.screen.try_write(bytes) {
                Err(e) if is_passing(&e) => {}
                result => return result,
            }
        }
    }
}

fn is_passing(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted)
}

impl Drop for Terminal {
    fn drop(&mut self) {
        self.give_back();
    }
}

fn reopen() -> io::Result<OwnedFd> {
    let flags = rustix::fs::OFlags::NONBLOCK | rustix::fs::OFlags::NOCTTY;
    let flags = i32::try_from(flags.bits()).unwrap_or_default();
    let open = |path: &str| OpenOptions::new().read(true).write(true).custom_flags(flags).open(path);
    // The device may belong to somebody else (after su); then the process's own terminal will do.
    let file = open("/proc/self/fd/0").or_else(|_| open("/dev/tty"))?;
    Ok(OwnedFd::from(file))
}

fn lock(taken: &Taken) -> std::sync::MutexGuard<'_, Option<GiveBack>> {
    taken.lock().unwrap_or_else(PoisonError::into_inner)
}

fn before_panics(taken: Taken) {
    let usual = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |info| {
        give_back(&taken);
        usual(info);
    }));
}

/// Once per taking. Every step is tried; there is nobody left to tell of one that fails.
fn give_back(taken: &Taken) {
    let Some(GiveBack { fd, before, extra }) = lock(taken).take() else { return };
    let size = termios::tcgetwinsize(&fd).map_or(80, |size| size.ws_col);
    let mut bytes = sequences::leave(size);
    bytes.extend(extra);
    let mut rest = bytes.as_slice();
    while !rest.is_empty() {
        let mut wait = [PollFd::new(&fd, PollFlags::OUT)];
        if !matches!(poll(&mut wait, Some(&GIVE_BACK_WAIT)), Ok(1..)) {
            break;
        }
        match rustix::io::write(fd.as_fd(), rest) {
            Ok(written) => rest = &rest[written..],
            Err(rustix::io::Errno::AGAIN | rustix::io::Errno::INTR) => {}
            Err(_) => break,
        }
    }
    // Flush: queries' answers that are still on their way belong to nobody.
    let _ = termios::tcsetattr(&fd, OptionalActions::Flush, &before);
}
