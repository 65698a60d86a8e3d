//! A bare terminal with a program on it: what everything else is compared with.

use std::fs::OpenOptions;
use std::os::fd::OwnedFd;
use std::os::unix::fs::OpenOptionsExt;
use std::process::{Child, Command, Stdio};

use anyhow::{Context, Result, bail};
use rustix::fs::OFlags;
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{Winsize, tcsetwinsize};

use crate::inside;
use crate::path::Path;

pub(crate) const COLS: u16 = 80;
pub(crate) const ROWS: u16 = 24;
const BUFFER: usize = 64 * 1024;

pub(crate) struct Bare {
    pub(crate) master: OwnedFd,
    /// Kept open, so that the master reads no end before the program has opened its side.
    _slave: std::fs::File,
    child: Child,
    buffer: Box<[u8]>,
    /// Whether the program is a peer's client, which counts as being in between.
    between: bool,
    /// More processes in between.
    pub(crate) others: Vec<i32>,
}

impl Bare {
    /// Starts `program` on a terminal of its own.
    pub(crate) fn start(program: &[String], environment: &[(&str, &str)]) -> Result<Self> {
        let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC)?;
        grantpt(&master)?;
        unlockpt(&master)?;
        let device = ptsname(&master, Vec::new())?.into_string().context("name of the terminal")?;
        tcsetwinsize(&master, Winsize { ws_row: ROWS, ws_col: COLS, ws_xpixel: 0, ws_ypixel: 0 })?;
        let flags = i32::try_from(OFlags::NOCTTY.bits())?;
        let slave = OpenOptions::new().read(true).write(true).custom_flags(flags).open(&device)?;
        let mut words = inside::command(&["on", &device, "--"])?;
        words.extend_from_slice(program);
        let child = Command::new(&words[0])
            .args(&words[1..])
            .env("TERM", "xterm-256color")
            .env("LC_ALL", "C.UTF-8")
            .env_remove("TMUX")
            .envs(environment.iter().copied())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .spawn()?;
        let buffer = vec![0; BUFFER].into_boxed_slice();
        Ok(Self { master, _slave: slave, child, buffer, between: false, others: Vec::new() })
    }

    /// The program is a peer's client.
    pub(crate) fn between(mut self) -> Self {
        self.between = true;
        self
    }

    pub(crate) fn pid(&self) -> i32 {
        i32::try_from(self.child.id()).unwrap_or(0)
    }
}

impl Path for Bare {
    fn send(&mut self, mut bytes: &[u8]) -> Result<()> {
        while !bytes.is_empty() {
            let written = rustix::io::write(&self.master, bytes)?;
            bytes = &bytes[written..];
        }
        Ok(())
    }

    fn receive(&mut self) -> Result<&[u8]> {
        let read = rustix::io::read(&self.master, &mut *self.buffer)?;
        if read == 0 {
            bail!("the terminal is closed");
        }
        Ok(&self.buffer[..read])
    }

    fn processes(&self) -> Vec<i32> {
        let client = self.between.then(|| self.pid());
        client.into_iter().chain(self.others.iter().copied()).collect()
    }
}

impl Drop for Bare {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
