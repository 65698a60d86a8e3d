use std::ffi::{CString, OsStr, OsString};
use std::io;
use std::os::fd::AsFd;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::launch::{self, Failure, Identity, Plan, Step, Surroundings};
use crate::process::{Exit, Process};
use crate::{Account, Error, Master, Signal, Size, account, host, terminal};

/// Where programs are looked for when the environment has no PATH, as execvp(3) does.
const DEFAULT_PATH: &str = "/usr/local/bin:/usr/bin:/bin";

/// A program to start on a new terminal.
#[derive(Debug, Clone)]
pub struct Spawn {
    /// A path, or a name to look up in the PATH of `env`.
    pub program: OsString,
    /// Arguments after the program's own name.
    pub args: Vec<OsString>,
    /// Start it as a login shell: its own name gets a `-` in front (`-bash`).
    pub login: bool,
    /// The complete environment; see [`environment`](crate::environment).
    pub env: Vec<(OsString, OsString)>,
    pub cwd: PathBuf,
    pub size: Size,
    /// Who it runs as; see [`may_run_as`](crate::may_run_as).
    pub account: Account,
    pub limits: Limits,
    pub view: View,
    /// The [control group](crate::cgroup) that it begins in.
    pub group: Option<PathBuf>,
}

/// What it sees of the machine's files, mount_namespaces(7). Anything but the default needs a daemon of root,
/// or the [gate](crate::gate), which has namespaces of its own.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct View {
    /// `/tmp` and `/var/tmp` are empty, its own, and gone with its last process.
    pub private_tmp: bool,
    /// With everything below. Absolute, without symbolic links.
    pub read_only: Vec<PathBuf>,
}

impl View {
    /// The machine's files as they are.
    pub fn is_plain(&self) -> bool {
        *self == Self::default()
    }

    fn surroundings(&self, group: Option<&Path>) -> Result<Surroundings, Error> {
        let read_only = self.read_only.iter().map(|path| c_string(path.as_os_str(), "read-only path"));
        let private = if self.private_tmp { &PRIVATE[..] } else { &[] };
        let there = |path: &&&str| std::fs::symlink_metadata(path).is_ok_and(|metadata| metadata.is_dir());
        let private = private.iter().filter(there).map(|path| c_string(path.as_ref(), "directory"));
        let open = |path: &Path| std::fs::File::options().write(true).open(path.join("cgroup.procs"));
        let group = group.map(open).transpose();
        Ok(Surroundings {
            read_only: read_only.collect::<Result<_, _>>()?,
            private: private.collect::<Result<_, _>>()?,
            group: group.map_err(|cause| Error::Setup { step: "control group", cause })?.map(Into::into),
        })
    }
}

/// Temporary files; where one is a link to the other, once.
const PRIVATE: [&str; 2] = ["/tmp", "/var/tmp"];

/// What a program and its children may use, setrlimit(2). `None` leaves what the daemon has (for
/// open files, what a login gives). Both the soft and the hard limit are set.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Limits {
    pub open_files: Option<u64>,
    /// Of the whole account, not of this session alone.
    pub processes: Option<u64>,
    /// Address space of each process, in bytes.
    pub memory: Option<u64>,
    /// Largest file a process may write, in bytes.
    pub file_size: Option<u64>,
    /// Of each process, in seconds.
    pub cpu_seconds: Option<u64>,
    /// umask(2); [`DEFAULT_UMASK`] when `None`.
    pub umask: Option<u32>,
}

/// What a login gives; the daemon may run with a tighter one for its own files.
pub(crate) const DEFAULT_UMASK: u32 = 0o022;

impl Limits {
    pub(crate) fn plan(&self) -> Vec<(u32, u64, u64)> {
        let (soft, hard) = host::child_open_files();
        let open_files = self.open_files.map_or((soft, hard), |limit| (limit.min(hard), limit.min(hard)));
        let mut plan = vec![(libc::RLIMIT_NOFILE, open_files.0, open_files.1)];
        let others = [
            (libc::RLIMIT_NPROC, self.processes),
            (libc::RLIMIT_AS, self.memory),
            (libc::RLIMIT_FSIZE, self.file_size),
            (libc::RLIMIT_CPU, self.cpu_seconds),
        ];
        plan.extend(others.into_iter().filter_map(|(resource, limit)| limit.map(|n| (resource, n, n))));
        plan
    }

    pub(crate) fn umask(&self) -> u32 {
        self.umask.unwrap_or(DEFAULT_UMASK) & 0o777
    }
}

/// A program on its terminal.
#[derive(Debug)]
pub struct Child {
    pub master: Master,
    pub process: Process,
    pts: PathBuf,
}

impl Child {
    pub(crate) fn of(master: Master, process: Process, pts: PathBuf) -> Self {
        Self { master, process, pts }
    }

    pub fn pid(&self) -> i32 {
        self.process.pid()
    }

    /// The terminal's device, `/dev/pts/N`.
    pub fn pts(&self) -> &Path {
        &self.pts
    }

    /// See [`Process::wait`].
    pub async fn wait(&self) -> io::Result<Exit> {
        self.process.wait().await
    }

    /// To the foreground process group; see [`Master::signal`].
    pub fn signal(&self, signal: Signal) -> io::Result<()> {
        self.master.signal(self.pid(), signal)
    }

    /// See [`Process::end`].
    pub async fn end(&self, grace: Duration) -> io::Result<Exit> {
        self.process.end(grace).await
    }
}

/// Starts a program on a new terminal; returns when it runs, or why it cannot. The program begins
/// with default signal handling, nothing blocked, and descriptors 0, 1 and 2 only.
/// Needs a tokio runtime; the work is done on its blocking pool. When this future is dropped
/// early, the program is killed.
pub async fn spawn(spawn: Spawn) -> Result<Child, Error> {
    tokio::task::spawn_blocking(move || start(&spawn))
        .await
        .unwrap_or_else(|stopped| Err(Error::Start { cause: io::Error::other(stopped) }))
}

fn start(spawn: &Spawn) -> Result<Child, Error> {
    let Size { cols, rows } = spawn.size;
    if spawn.size.is_empty() {
        return Err(Error::Size { cols, rows });
    }
    account::may_run_as(&spawn.account)?;
    let other = (!spawn.account.is_own()).then_some(&spawn.account);

    let terminal = |cause| Error::Terminal { cause };
    let pair = terminal::open(spawn.size, other.map(|account| account.uid)).map_err(terminal)?;
    let master = Master::new(pair.master).map_err(terminal)?;
    let plan = Plan {
        candidates: candidates(spawn)?,
        argv: argv(spawn)?,
        environment: environment(&spawn.env)?,
        directory: c_string(spawn.cwd.as_os_str(), "directory")?,
        slave: pair.slave.as_fd(),
        limits: spawn.limits.plan(),
        umask: spawn.limits.umask(),
        surroundings: spawn.view.surroundings(spawn.group.as_deref())?,
        identity: other.map(|account| Identity {
            uid: account.uid,
            gid: account.gid,
            groups: account.groups.clone(),
        }),
    };
    let (pid, pidfd) = launch::launch(&plan).map_err(|failure| explain(failure, spawn))?;
    let process = Process::new(pid, pidfd).map_err(|cause| Error::Start { cause })?;
    Ok(Child { master, process, pts: pair.path })
}

pub(crate) fn candidates(spawn: &Spawn) -> Result<Vec<CString>, Error> {
    let program = spawn.program.as_os_str();
    if program.as_bytes().contains(&b'/') {
        return Ok(vec![c_string(program, "program")?]);
    }
    if program.is_empty() {
        return Err(Error::Program { program: PathBuf::new(), cause: io::ErrorKind::NotFound.into() });
    }
    let path = spawn.env.iter().find(|(name, _)| name == "PATH");
    let path = path.map_or(OsStr::new(DEFAULT_PATH), |(_, value)| value.as_os_str());
    path.as_bytes()
        .split(|byte| *byte == b':')
        .map(|directory| match directory {
            // An empty entry is the working directory, execvp(3).
            b"" => Path::new(".").join(program),
            directory => Path::new(OsStr::from_bytes(directory)).join(program),
        })
        .map(|candidate| c_string(candidate.as_os_str(), "program"))
        .collect()
}

pub(crate) fn argv(spawn: &Spawn) -> Result<Vec<CString>, Error> {
    let mut own_name = spawn.program.clone();
    if spawn.login {
        let last = Path::new(&spawn.program).file_name();
        own_name = OsString::from("-");
        own_name.push(last.unwrap_or(&spawn.program));
    }
    std::iter::once(&own_name).chain(&spawn.args).map(|arg| c_string(arg, "arguments")).collect()
}

pub(crate) fn environment(env: &[(OsString, OsString)]) -> Result<Vec<CString>, Error> {
    env.iter()
        .map(|(name, value)| {
            if name.is_empty() || name.as_bytes().contains(&b'=') {
                let name = name.to_string_lossy().into_owned();
                return Err(Error::Variable { name });
            }
            let mut pair = name.clone();
            pair.push("=");
            pair.push(value);
            c_string(&pair, "environment")
        })
        .collect()
}

fn c_string(text: &OsStr, what: &'static str) -> Result<CString, Error> {
    CString::new(text.as_bytes()).map_err(|_| Error::Nul { what })
}

fn explain(failure: Failure, spawn: &Spawn) -> Error {
    let (step, cause) = match failure {
        Failure::NoProcess(cause) => return Error::Start { cause },
        Failure::Failed(step, cause) => (step, cause),
    };
    let setup = |step, cause| Error::Setup { step, cause };
    match step {
        Step::Session => setup("new session", cause),
        Step::Stdio => setup("standard descriptors", cause),
        Step::ControllingTerminal => setup("controlling terminal", cause),
        Step::Descriptors => setup("close other descriptors", cause),
        Step::Limits => setup("limits", cause),
        Step::ControlGroup => setup("control group", cause),
        Step::Namespace => setup("mount namespace", cause),
        Step::ReadOnly => setup("read-only paths", cause),
        Step::Private => setup("private /tmp", cause),
        Step::Groups | Step::Group | Step::User => {
            Error::Identity { account: spawn.account.name.clone(), cause }
        }
        Step::Directory => Error::Directory { path: spawn.cwd.clone(), cause },
        Step::Exec => Error::Program { program: PathBuf::from(&spawn.program), cause },
    }
}
