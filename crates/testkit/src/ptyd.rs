//! A sessions daemon of one's own.

use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::sync::Arc;

use bastide_ptyd_client::{Client, Config};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};

use crate::within;

/// How the daemon is started.
#[derive(Debug, Clone)]
pub struct Options {
    /// The program under test: `env!("CARGO_BIN_EXE_bastide")`.
    program: PathBuf,
    env: Vec<(String, String)>,
    args: Vec<String>,
}

impl Options {
    pub fn new(program: impl Into<PathBuf>) -> Self {
        Self { program: program.into(), env: Vec::new(), args: Vec::new() }
    }

    #[must_use]
    pub fn env(mut self, name: &str, value: &str) -> Self {
        self.env.push((name.to_owned(), value.to_owned()));
        self
    }

    #[must_use]
    pub fn arg(mut self, arg: &str) -> Self {
        self.args.push(arg.to_owned());
        self
    }
}

/// A running daemon, and the directory it lives in. Dropping it kills the daemon and removes the directory.
#[derive(Debug)]
pub struct Ptyd {
    child: Child,
    options: Options,
    dir: Arc<TempDir>,
}

/// What a command has done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Output {
    pub code: i32,
    pub stdout: String,
    pub stderr: String,
}

impl Ptyd {
    /// Starts the program's daemon in a new directory and waits until it listens.
    ///
    /// # Panics
    /// When it does not.
    pub async fn start(program: impl Into<PathBuf>) -> Self {
        Self::start_with(Options::new(program)).await
    }

    /// # Panics
    /// When it does not listen.
    pub async fn start_with(options: Options) -> Self {
        let dir = tempfile::tempdir().expect("a directory can be made");
        Self::start_in(Arc::new(dir), options).await
    }

    async fn start_in(dir: Arc<TempDir>, options: Options) -> Self {
        let mut command = command(&options.program, dir.path());
        command.arg("ptyd").arg("--socket").arg(socket(dir.path()));
        command.arg("--state-dir").arg(dir.path().join("state")).args(["--ready-fd", "1"]);
        command.args(&options.args).envs(options.env.iter().map(|(name, value)| (name, value)));
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .expect("the program can be started");
        let stdout = child.stdout.take().expect("it was asked for");
        let mut line = String::new();
        let mut ready = BufReader::new(stdout);
        within("the daemon to listen", ready.read_line(&mut line)).await.expect("its output can be read");
        assert_eq!(line, "ready\n", "the daemon did not start");
        Self { child, options, dir }
    }

    /// The directory of everything.
    pub fn dir(&self) -> &Path {
        self.dir.path()
    }

    pub fn socket(&self) -> PathBuf {
        socket(self.dir.path())
    }

    pub fn token_file(&self) -> PathBuf {
        self.socket().with_extension("token")
    }

    pub fn state_dir(&self) -> PathBuf {
        self.dir.path().join("state")
    }

    /// # Panics
    /// When it has ended.
    pub fn pid(&self) -> i32 {
        i32::try_from(self.child.id().expect("it runs")).expect("pids are small")
    }

    /// A connection of its own.
    ///
    /// # Panics
    /// When the daemon refuses it.
    pub async fn client(&self) -> Client {
        Client::connect(Config::new(self.socket()).with_client_id("test")).await.expect("it listens")
    }

    /// The program, set up to find this daemon and nothing else of this machine's user.
    pub fn command(&self) -> Command {
        let mut command = command(&self.options.program, self.dir.path());
        command.env("BASTIDE_PTYD_SOCKET", self.socket()).env("BASTIDE_PTYD_STATE_DIR", self.state_dir());
        command
    }

    /// Runs the program with `args` to its end.
    ///
    /// # Panics
    /// When it does not end.
    pub async fn run(&self, args: &[&str]) -> Output {
        let mut command = self.command();
        command.args(args).stdin(Stdio::null()).kill_on_drop(true);
        let output = within("a command to end", command.output()).await.expect("it can be started");
        Output {
            code: output.status.code().unwrap_or(-1),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }

    /// As [`Ptyd::run`], for what must succeed; its standard output.
    ///
    /// # Panics
    /// When it fails.
    pub async fn ok(&self, args: &[&str]) -> String {
        let output = self.run(args).await;
        assert_eq!(output.code, 0, "{args:?}: {}{}", output.stdout, output.stderr);
        output.stdout
    }

    /// SIGTERM, and its end.
    ///
    /// # Panics
    /// When it does not end.
    pub async fn stop(&mut self) -> ExitStatus {
        self.end(Signal::SIGTERM).await
    }

    /// SIGKILL, and its end. Its directory stays.
    ///
    /// # Panics
    /// When it does not end.
    pub async fn kill9(&mut self) -> ExitStatus {
        self.end(Signal::SIGKILL).await
    }

    /// Starts it again in the same directory, after [`Ptyd::stop`] or [`Ptyd::kill9`].
    ///
    /// # Panics
    /// When it does not listen.
    pub async fn start_again(&mut self) {
        *self = Self::start_in(Arc::clone(&self.dir), self.options.clone()).await;
    }

    async fn end(&mut self, signal: Signal) -> ExitStatus {
        kill(Pid::from_raw(self.pid()), signal).expect("it is our child");
        within("the daemon to end", self.child.wait()).await.expect("it is our child")
    }
}

fn socket(dir: &Path) -> PathBuf {
    dir.join("ptyd.sock")
}

/// The program in an environment that holds nothing of the person's who runs the tests.
fn command(program: &Path, dir: &Path) -> Command {
    let mut command = Command::new(program);
    command.env_clear().env("PATH", std::env::var_os("PATH").unwrap_or_default());
    command.env("HOME", dir).env("XDG_RUNTIME_DIR", dir).env("XDG_STATE_HOME", dir.join("xdg-state"));
    command.env("TERM", "xterm-256color").env("RUST_BACKTRACE", "1").current_dir(dir);
    command
}
