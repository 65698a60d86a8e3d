//! A person at a terminal: a program on a real pseudo-terminal, and eyes.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use bastide_pty::{Account, Child, Exit, Signal, Size, Spawn};
use bastide_vt::{Effects, Scrollback, Terminal};

use crate::{Ptyd, within};

const READ: usize = 64 * 1024;
/// What a person's terminal keeps above its screen.
const SCROLLBACK: usize = 1000;

/// A program on a terminal, and what stands on the terminal. Dropping it kills the program.
pub struct Person {
    child: Child,
    screen: Terminal,
    /// Every byte the program has written.
    pub output: Vec<u8>,
    ended: bool,
}

impl Person {
    /// Sits down at a terminal of 80 by 24 with `script` run by sh(1), which finds `daemon` by its environment
    /// and the program under test as `$BASTIDE`.
    ///
    /// # Panics
    /// When it cannot be started.
    pub async fn at(daemon: &Ptyd, script: &str) -> Self {
        Self::at_size(daemon, script, (80, 24)).await
    }

    /// As [`Person::at`], with columns and rows.
    ///
    /// # Panics
    /// When it cannot be started.
    pub async fn at_size(daemon: &Ptyd, script: &str, (cols, rows): (u16, u16)) -> Self {
        let command = daemon.command();
        let command = command.as_std();
        let mut env: Vec<(OsString, OsString)> = command
            .get_envs()
            .filter_map(|(name, value)| Some((name.to_owned(), value?.to_owned())))
            .collect();
        env.push(("BASTIDE".into(), command.get_program().to_owned()));
        Self::run(script, env, daemon.dir(), Size { cols, rows }).await
    }

    /// As [`Person::at`], without a daemon: `env` is everything there is.
    ///
    /// # Panics
    /// When it cannot be started.
    pub async fn run(script: &str, env: Vec<(OsString, OsString)>, dir: &Path, size: Size) -> Self {
        let child = bastide_pty::spawn(Spawn {
            program: "/bin/sh".into(),
            args: vec!["-c".into(), script.into()],
            login: false,
            env,
            cwd: PathBuf::from(dir),
            size,
            account: Account::current().expect("this process runs as somebody"),
            limits: bastide_pty::Limits::default(),
            view: bastide_pty::View::default(),
            group: None,
        });
        let child = child.await.expect("sh can be started");
        let config = bastide_vt::Config { scrollback_lines: SCROLLBACK, ..bastide_vt::Config::default() };
        let screen = Terminal::new(bastide_vt::Size { cols: size.cols, rows: size.rows }, config);
        Self { child, screen, output: Vec::new(), ended: false }
    }

    /// What stands on the screen.
    pub fn text(&self) -> String {
        self.screen.text(Scrollback::None)
    }

    /// The same and what has gone up from it.
    pub fn history(&self) -> String {
        self.screen.text(Scrollback::All)
    }

    pub fn screen(&self) -> &Terminal {
        &self.screen
    }

    /// Looks until `shown` holds.
    ///
    /// # Panics
    /// When it does not within the deadline, or the program ends before.
    pub async fn until(&mut self, what: &str, mut shown: impl FnMut(&Self) -> bool) {
        let looking = async {
            while !shown(self) {
                if !self.look().await {
                    break;
                }
            }
        };
        let looked = tokio::time::timeout(crate::DEADLINE, looking).await;
        assert!(looked.is_ok() && shown(self), "waited for {what}; on the screen is:\n{}", self.history());
    }

    /// Looks until `text` stands on the screen.
    ///
    /// # Panics
    /// When it does not.
    pub async fn sees(&mut self, text: &str) {
        self.until(&format!("{text:?}"), |person| person.text().contains(text)).await;
    }

    /// Reads what is there; false at the end.
    async fn look(&mut self) -> bool {
        if self.ended {
            return false;
        }
        self.child.master.readable().await.expect("the terminal is ours");
        let mut buffer = vec![0; READ];
        match self.child.master.try_read(&mut buffer) {
            Ok(0) => self.ended = true,
            Ok(count) => {
                self.output.extend_from_slice(&buffer[..count]);
                let mut effects = Effects::default();
                self.screen.feed(&buffer[..count], &mut effects);
            }
            Err(e) => assert_eq!(e.kind(), std::io::ErrorKind::WouldBlock, "{e}"),
        }
        !self.ended
    }

    /// Types.
    ///
    /// # Panics
    /// When the program takes nothing.
    pub async fn types(&mut self, bytes: impl AsRef<[u8]>) {
        let mut rest = bytes.as_ref();
        while !rest.is_empty() {
            match self.child.master.try_write(rest) {
                Ok(count) => rest = &rest[count..],
                Err(e) if e.kind() == std::io::ErrorKind::WouldBlock => {
                    // It may write, and wait for us to read.
                    tokio::select! {
                        result = within("room to type", self.child.master.writable()) => {
                            result.expect("the terminal is ours");
                        }
                        result = self.child.master.readable() => {
                            result.expect("the terminal is ours");
                            self.look().await;
                        }
                    }
                }
                Err(e) => panic!("cannot type: {e}"),
            }
        }
    }

    /// Pulls the window to another size.
    ///
    /// # Panics
    /// When the terminal is gone.
    pub fn resizes(&mut self, cols: u16, rows: u16) {
        self.child.master.resize(Size { cols, rows }).expect("the terminal is ours");
        self.screen.resize(bastide_vt::Size { cols, rows });
    }

    /// Sends a signal to the program in the foreground.
    ///
    /// # Panics
    /// When the terminal is gone.
    pub fn signals(&self, signal: Signal) {
        self.child.signal(signal).expect("the terminal is ours");
    }

    /// Whether what is typed is echoed by the terminal: not while it is raw.
    pub fn terminal_echoes(&self) -> bool {
        self.child.master.echo()
    }

    /// The end of the script.
    ///
    /// # Panics
    /// When it does not end.
    pub async fn leaves(&mut self) -> Exit {
        let end = async {
            while self.look().await {}
            self.child.wait().await
        };
        let looked = tokio::time::timeout(crate::DEADLINE, end).await;
        match looked {
            Ok(exit) => exit.expect("it is our child"),
            Err(_) => panic!("it did not end; on the screen is:\n{}", self.history()),
        }
    }
}
