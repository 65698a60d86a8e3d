//! Where the sessions daemon is, and how it is started when it is not there.

use std::ffi::OsString;
use std::fs::{File, OpenOptions};
use std::io::{BufRead, BufReader, Read, Seek, SeekFrom};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::Duration;

use anyhow::{Context, anyhow, bail};
use bastide_ptyd_client::{Client, Config, Error};
use clap::Args;
use rustix::fs::FlockOperation;

use super::exit::Failure;
use super::output;
use crate::env;

/// What a daemon prints on the descriptor of `--ready-fd` when it listens.
pub(crate) const READY: &str = "ready";
/// A daemon starts in milliseconds; it may have to read a log that was not closed.
const START_DEADLINE: Duration = Duration::from_secs(20);
/// How much of a failed daemon's log is shown.
const SHOWN_LOG: u64 = 4096;
/// A log longer than this is set aside when a daemon starts.
const LOG_MAX: u64 = 10 * 1024 * 1024;

/// Which daemon is meant.
#[derive(Debug, Clone, Args)]
pub(crate) struct Place {
    /// Socket of the sessions daemon [env: BASTIDE_PTYD_SOCKET] [default: ptyd.sock in
    /// $XDG_RUNTIME_DIR/bastide, else in /tmp/bastide-UID]
    #[arg(long, global = true, value_name = "PATH", help_heading = "Daemon")]
    pub(crate) socket: Option<PathBuf>,
    /// File with the daemon's token [env: BASTIDE_PTYD_TOKEN_FILE] [default: beside the socket]
    #[arg(long, global = true, value_name = "PATH", help_heading = "Daemon")]
    pub(crate) token_file: Option<PathBuf>,
}

impl Place {
    /// The socket by flag, environment, or default.
    pub(crate) fn socket(&self) -> Result<PathBuf, Failure> {
        if let Some(path) = self.socket.clone().or_else(|| env::path(&env::SOCKET)) {
            return Ok(path);
        }
        let dir = bastide_rt::paths::runtime_dir().context("no directory for the daemon's socket")?;
        Ok(dir.join("ptyd.sock"))
    }

    fn token_file(&self) -> Option<PathBuf> {
        self.token_file.clone().or_else(|| env::path(&env::TOKEN_FILE))
    }

    /// Starts a daemon at this place, unless somebody else does meanwhile; `more` are further
    /// arguments for it.
    pub(crate) async fn start_where_none(&self, more: Vec<OsString>) -> Result<Option<Child>, Failure> {
        // Who starts one holds this lock; who waited for it finds the daemon that the other has started.
        let waited = tokio::task::spawn_blocking(lock_starting).await;
        let _starting = waited.context("waiting for another start")??;
        match Client::connect(self.config()?).await {
            Err(Error::NoDaemon { .. }) => {}
            done => return Ok(done.map(|_| None)?),
        }
        let mut args = vec!["ptyd".into(), "--socket".into(), self.socket()?.into_os_string()];
        if let Some(path) = self.token_file() {
            args.extend(["--token-file".into(), path.into_os_string()]);
        }
        args.extend(more);
        let started = tokio::task::spawn_blocking(move || start(args)).await;
        started.context("starting the daemon")?.map(Some)
    }

    pub(crate) fn config(&self) -> Result<Config, Failure> {
        let mut config = Config::new(self.socket()?).with_client_id(client_id());
        if let Some(path) = self.token_file() {
            config = config.with_token_file(path);
        }
        Ok(config)
    }

    /// Connects to the daemon that runs.
    pub(crate) async fn connect(&self) -> Result<Client, Failure> {
        Ok(Client::connect(self.config()?).await?)
    }

    /// As [`Place::connect`]; starts a daemon where none runs, and says so.
    pub(crate) async fn connect_or_start(&self) -> Result<Client, Failure> {
        let config = self.config()?;
        match Client::connect(config.clone()).await {
            Err(Error::NoDaemon { .. }) => {}
            done => return Ok(done?),
        }
        if let Some(daemon) = self.start_where_none(Vec::new()).await? {
            let pid = daemon.id();
            output::remark(&format!(
                "started the sessions daemon (pid {pid}) at {}; `bastide ptyd stop` ends it and its sessions",
                config.socket.display()
            ));
        }
        Ok(Client::connect(config).await?)
    }
}

/// Who this is, for the other viewers and the log: `name@command-line` of the OS user.
pub(super) fn client_id() -> String {
    let user = nix::unistd::User::from_uid(nix::unistd::getuid()).ok().flatten().map(|user| user.name);
    format!("{} (command line)", user.unwrap_or_else(|| nix::unistd::getuid().to_string()))
}

/// Starts this program with `args`, which begin with `ptyd`, in a session of its own and waits until it
/// listens. What it says goes to `ptyd.log` in the state directory.
pub(crate) fn start(args: Vec<OsString>) -> Result<Child, Failure> {
    let program = std::env::current_exe().context("cannot find this program's own file")?;
    let (mut log, path) = open_log()?;
    let start = log.seek(SeekFrom::End(0)).with_context(|| format!("cannot use {}", path.display()))?;
    let stderr = log.try_clone().with_context(|| format!("cannot use {}", path.display()))?;
    let mut child = Command::new(program)
        .args(args)
        .args(["--ready-fd", "1", "--own-session"])
        // It has no use for the server's secret, and sessions run beside it.
        .env_remove("BASTIDE_VAULT_KEY")
        .current_dir("/")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(stderr)
        .spawn()
        .context("cannot start the sessions daemon")?;
    let stdout = child.stdout.take().expect("it was asked for just now");
    match wait_ready(stdout) {
        Ok(()) => Ok(child),
        Err(why) => Err(failed(&mut child, log, start, &why, &path)),
    }
}

/// Where a daemon that we start has its log.
fn log_dir() -> anyhow::Result<PathBuf> {
    let dir = match env::path(&env::STATE_DIR) {
        Some(dir) => bastide_rt::paths::private_dir(&dir),
        None => bastide_rt::paths::state_dir(),
    };
    dir.context("no directory for the daemon's log")
}

/// Waits until nobody else is starting a daemon. The lock goes with the file.
fn lock_starting() -> anyhow::Result<File> {
    let path = log_dir()?.join("ptyd.starting");
    let locked = OpenOptions::new()
        .create(true)
        .truncate(false)
        .write(true)
        .mode(0o600)
        .open(&path)
        .and_then(|file| Ok(rustix::fs::flock(&file, FlockOperation::LockExclusive).map(|()| file)?));
    locked.with_context(|| format!("cannot lock {}", path.display()))
}

fn open_log() -> Result<(File, PathBuf), Failure> {
    let path = log_dir()?.join("ptyd.log");
    if std::fs::metadata(&path).is_ok_and(|meta| meta.len() > LOG_MAX) {
        let aside = path.with_extension("log.1");
        std::fs::rename(&path, &aside).with_context(|| format!("cannot set {} aside", path.display()))?;
    }
    let file = OpenOptions::new()
        .create(true)
        .append(true)
        .read(true)
        .mode(0o600)
        .open(&path)
        .with_context(|| format!("cannot write {}", path.display()))?;
    Ok((file, path))
}

/// Reads the daemon's first line, in a thread so that the wait has an end.
fn wait_ready(stdout: ChildStdout) -> anyhow::Result<()> {
    let (sender, receiver) = std::sync::mpsc::sync_channel(1);
    std::thread::spawn(move || {
        let mut line = String::new();
        let read = BufReader::new(stdout.take(SHOWN_LOG)).read_line(&mut line);
        // The other end has given up waiting: nobody needs it.
        let _ = sender.send(read.map(|_| line));
    });
    match receiver.recv_timeout(START_DEADLINE) {
        Ok(Ok(line)) if line.trim_end() == READY => Ok(()),
        Ok(Ok(_)) => bail!("it ended"),
        Ok(Err(e)) => Err(e.into()),
        Err(_) => bail!("it was not ready within {} s", START_DEADLINE.as_secs()),
    }
}

/// What a daemon that did not start has said.
fn failed(child: &mut Child, mut log: File, start: u64, why: &anyhow::Error, path: &Path) -> Failure {
    // It is ours and of no use. If it has ended already, so much the better.
    let _ = child.kill();
    let _ = child.wait();
    let mut said = String::new();
    let read = log.seek(SeekFrom::Start(start)).and_then(|_| log.take(SHOWN_LOG).read_to_string(&mut said));
    let said = said.trim();
    Failure::Other(match read {
        Ok(_) if !said.is_empty() => anyhow!("the sessions daemon did not start: {said}"),
        _ => anyhow!("the sessions daemon did not start ({why}); its log is {}", path.display()),
    })
}
