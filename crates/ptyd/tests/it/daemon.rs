//! A daemon of one's own: this test binary, started again.

use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use bastide_pty::gate::Supervisor;
use bastide_ptyd::{Config, run};
use bastide_rt::config::File;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tempfile::TempDir;

use crate::client::Client;

/// No fact that a test waits for takes this long.
pub(crate) const DEADLINE: Duration = Duration::from_secs(20);

const MARK: &str = "BASTIDE_TEST_DAEMON";

/// Not a test of its own: what [`Daemon::start`] runs.
#[test]
#[ignore = "the other tests start it"]
fn the_daemon() {
    if std::env::var_os(MARK).is_none() {
        return;
    }
    let mut config = Config::load(File::None, &[]).unwrap();
    // This binary supervises nothing; sessions with rules are tested where the program is.
    config.sessions.supervisor = Supervisor::new("/bin/false", Vec::new());
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let ended = runtime.block_on(run(config, None, |_| eprintln!("ready")));
    match ended {
        Ok(code) => std::process::exit(code),
        Err(error) => {
            eprintln!("error: {error}");
            std::process::exit(1);
        }
    }
}

/// How a daemon is started.
#[derive(Clone, Default)]
pub(crate) struct Options {
    env: Vec<(&'static str, String)>,
    directory: Option<Arc<TempDir>>,
}

impl Options {
    pub(crate) fn set(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.env.push((name, value.into()));
        self
    }

    /// In the directory of an earlier one.
    pub(crate) fn after(mut self, daemon: &Daemon) -> Self {
        self.directory = Some(Arc::clone(&daemon.directory));
        self
    }

    fn spawn(self) -> (Child, Arc<TempDir>) {
        let directory = self.directory.unwrap_or_else(|| Arc::new(tempfile::tempdir().unwrap()));
        let run = directory.path().join("run");
        let child = Command::new("/bin/sh")
            // A full disk is played with a limit of file sizes: an error then, not a signal.
            .args(["-c", "trap '' XFSZ; exec \"$0\" \"$@\""])
            .arg(std::env::current_exe().unwrap())
            .args(["--ignored", "--exact", "daemon::the_daemon", "--nocapture"])
            .env_clear()
            .env("PATH", "/usr/bin:/bin")
            .env("HOME", directory.path())
            .env(MARK, "1")
            .env("BASTIDE_PTYD_SOCKET", run.join("ptyd.sock"))
            .env("BASTIDE_PTYD_STATE_DIR", directory.path().join("state"))
            .env("BASTIDE_PTYD_RECORDING_RESERVE", "1")
            .envs(self.env)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        (child, directory)
    }

    pub(crate) fn start(self) -> Daemon {
        let mut daemon = self.launch();
        daemon.wait_ready();
        daemon
    }

    /// Does not wait until it says that it takes clients.
    pub(crate) fn launch(self) -> Daemon {
        let (child, directory) = self.spawn();
        Daemon { child, directory }
    }

    /// Starts one that is to fail, and returns what it says.
    pub(crate) fn fails(self) -> String {
        let (mut child, _directory) = self.spawn();
        let mut said = String::new();
        BufReader::new(child.stderr.take().unwrap()).read_line(&mut said).unwrap();
        assert_ne!(said, "ready\n", "it started");
        child.wait().unwrap();
        said
    }
}

pub(crate) struct Daemon {
    child: Child,
    directory: Arc<TempDir>,
}

impl Daemon {
    pub(crate) fn start() -> Self {
        Options::default().start()
    }

    pub(crate) fn wait_ready(&mut self) {
        let mut stderr = BufReader::new(self.child.stderr.take().unwrap());
        let mut line = String::new();
        stderr.read_line(&mut line).unwrap();
        assert_eq!(line, "ready\n");
        // Whatever else it says must not fill the pipe.
        std::thread::spawn(move || stderr.read_to_string(&mut String::new()));
    }

    pub(crate) fn pid(&self) -> i32 {
        i32::try_from(self.child.id()).unwrap()
    }

    pub(crate) fn dir(&self) -> &Path {
        self.directory.path()
    }

    pub(crate) fn socket(&self) -> PathBuf {
        self.dir().join("run/ptyd.sock")
    }

    pub(crate) fn token(&self) -> String {
        std::fs::read_to_string(self.dir().join("run/ptyd.token")).unwrap()
    }

    /// One of our own clients.
    pub(crate) fn client(&self) -> Client {
        Client::connect(self, |handshake| {
            let all = bastide_wire::capability::ALL.iter().map(|name| (*name).to_owned());
            handshake.capabilities = Some(all.collect());
        })
    }

    /// One of the first protocol.
    pub(crate) fn seed(&self) -> Client {
        Client::connect(self, |_| {})
    }

    pub(crate) fn signal(&self, signal: Signal) {
        kill(Pid::from_raw(self.pid()), signal).unwrap();
    }

    pub(crate) fn ends(&mut self) -> ExitStatus {
        let until = Instant::now() + DEADLINE;
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status;
            }
            assert!(Instant::now() < until, "the daemon does not end");
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// What the daemon may write into one file from now on.
    pub(crate) fn limit_files(&self, bytes: Option<u64>) {
        use rustix::process::{Resource, Rlimit, prlimit};
        let pid = rustix::process::Pid::from_raw(self.pid());
        prlimit(pid, Resource::Fsize, Rlimit { current: bytes, maximum: None }).unwrap();
    }

    /// Processes it has started and not reaped.
    pub(crate) fn children(&self) -> Vec<i32> {
        let mut children = Vec::new();
        for task in std::fs::read_dir(format!("/proc/{}/task", self.pid())).unwrap() {
            let text = std::fs::read_to_string(task.unwrap().path().join("children")).unwrap_or_default();
            children.extend(text.split_ascii_whitespace().map(|pid| pid.parse::<i32>().unwrap()));
        }
        children.sort_unstable();
        children
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        // It may have ended.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Looks until `holds`.
pub(crate) fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let deadline = Instant::now() + DEADLINE;
    while !holds() {
        assert!(Instant::now() < deadline, "waited in vain for {what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}
