//! The daemon's side: a supervisor is started, and what it says is read.

use std::collections::VecDeque;
use std::io::{self, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::path::PathBuf;
use std::time::Duration;

use rustix::fs::{MemfdFlags, SealFlags};
use rustix::net::RecvFlags;
use rustix::process::{Pid, PidfdFlags, WaitId, WaitIdOptions};
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

use super::layers::{Label, Layer, Layers};
use super::watched::Watched;
use super::wire::{self, Exits, Job, MESSAGE_BYTES, Order, Report};
use super::{Confinement, Profile, Rules, Supervisor};
use crate::child::{argv, candidates, environment};
use crate::{Child, Error, Master, Process, Spawn, account};

/// From the start of a supervisor to its first word: namespaces, filter, and the program's exec.
const START_LIMIT: Duration = Duration::from_secs(30);

/// Reports before the program runs: there is one program start, which looks in a few directories.
const EARLY: usize = 64;

/// A program to start under the gate.
#[derive(Debug, Clone)]
pub struct Setup {
    pub spawn: Spawn,
    pub profile: Profile,
    pub confinement: Confinement,
    pub rules: Rules,
    /// How long a held program start waits before it is refused.
    pub review_limit: Duration,
    /// The session's own program is not asked of the rules, only of the gate: for login shells.
    pub entry_is_allowed: bool,
    /// bash, zsh and fish are made to tell the lines that they run ([`Report::Line`]).
    pub tells_lines: bool,
    /// Without these it is not started.
    pub required: Vec<Layer>,
    /// Use the slower way of kernels before 5.19; for tests.
    pub attached: bool,
    pub supervisor: Supervisor,
}

/// A program on its terminal, under the gate.
#[derive(Debug)]
pub struct Gated {
    pub child: Child,
    pub control: Control,
    pub layers: Layers,
    pub label: Label,
}

/// Starts a supervisor and the program under it. When this future is dropped early, both end.
pub async fn spawn(setup: Setup) -> Result<Gated, Error> {
    let size = setup.spawn.size;
    if size.is_empty() {
        return Err(Error::Size { cols: size.cols, rows: size.rows });
    }
    account::may_run_as(&setup.spawn.account)?;
    let (profile, asked) = (setup.profile, setup.spawn.clone());
    let begun = tokio::task::spawn_blocking(move || start(&setup))
        .await
        .unwrap_or_else(|stopped| Err(Error::Start { cause: io::Error::other(stopped) }))?;
    let Started { control, exits, supervisor } = begun;
    let at = |cause| Error::Start { cause };
    let ends_early = EndsEarly(Some(supervisor.try_clone().map_err(at)?));
    reap(supervisor.try_clone().map_err(at)?).map_err(at)?;
    let mut control = Control::new(control).map_err(at)?;

    let first = tokio::time::timeout(START_LIMIT, control.begun()).await;
    let first = first.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into())).map_err(at)?;
    let (pid, pts, layers, descriptors) = match first {
        Some((Report::Started { pid, pts, layers }, descriptors)) => (pid, pts, layers, descriptors),
        Some((Report::Failed { step, errno, text }, _)) => return Err(explain(&step, errno, &text, &asked)),
        _ => return Err(at(io::ErrorKind::UnexpectedEof.into())),
    };
    let [master, pidfd]: [OwnedFd; 2] =
        descriptors.try_into().map_err(|_| at(io::ErrorKind::InvalidData.into()))?;
    let master = Master::new(master).map_err(|cause| Error::Terminal { cause })?;
    let pid = Pid::from_raw(pid).ok_or_else(|| at(io::ErrorKind::InvalidData.into()))?;
    let watched = Watched::new(exits, pidfd, supervisor).map_err(at)?;
    ends_early.passed();
    let label = layers.label(profile);
    Ok(Gated { child: Child::of(master, Process::watched(pid, watched), pts), control, layers, label })
}

struct Started {
    control: OwnedFd,
    exits: OwnedFd,
    supervisor: OwnedFd,
}

fn start(setup: &Setup) -> Result<Started, Error> {
    let job = job(setup)?;
    let at = |cause| Error::Start { cause };
    let job = sealed("bastide-gate-job", &serde_json::to_vec(&job).map_err(|error| at(error.into()))?);
    let job = job.map_err(at)?;
    let (control, theirs) = wire::pair().map_err(at)?;
    let (exits, their_exits) = wire::pair().map_err(at)?;
    wire::send(&control, &Exits {}, &[their_exits.as_fd()]).map_err(at)?;
    let pid = setup.supervisor.supervisor(&theirs, &job).map_err(at)?;
    // Not reaped before `reap`, so the number is still its own.
    let supervisor =
        rustix::process::pidfd_open(pid, PidfdFlags::empty()).map_err(|error| at(error.into()))?;
    Ok(Started { control, exits, supervisor })
}

fn job(setup: &Setup) -> Result<Job, Error> {
    let Setup { spawn, .. } = setup;
    let other = !spawn.account.is_own();
    let mut confinement = setup.confinement.clone();
    confinement.read_only.extend(spawn.view.read_only.iter().cloned());
    let mut required = setup.required.clone();
    // Its own /tmp comes with the namespace.
    if !spawn.view.is_plain() && !required.contains(&Layer::Mounts) {
        required.push(Layer::Mounts);
    }
    let bytes =
        |texts: Vec<std::ffi::CString>| texts.into_iter().map(std::ffi::CString::into_bytes).collect();
    let program = wire::Program {
        candidates: bytes(candidates(spawn)?),
        argv: bytes(argv(spawn)?),
        environment: bytes(environment(&spawn.env)?),
        directory: spawn.cwd.clone(),
        cols: spawn.size.cols,
        rows: spawn.size.rows,
        limits: spawn.limits.plan(),
        umask: spawn.limits.umask(),
        group: spawn.group.clone(),
        home: spawn.account.home.clone(),
        identity: other.then(|| (spawn.account.uid, spawn.account.gid, spawn.account.groups.clone())),
    };
    Ok(Job {
        program,
        profile: setup.profile,
        confinement,
        rules: setup.rules.clone(),
        review_limit: setup.review_limit,
        entry_is_allowed: setup.entry_is_allowed,
        tells_lines: setup.tells_lines,
        required,
        attached: setup.attached,
    })
}

/// A file in memory that nobody can change any more, at its beginning.
fn sealed(name: &str, bytes: &[u8]) -> io::Result<OwnedFd> {
    use std::io::Seek;
    let memfd = rustix::fs::memfd_create(name, MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING)?;
    let mut file = std::fs::File::from(memfd);
    file.write_all(bytes)?;
    file.rewind()?;
    rustix::fs::fcntl_add_seals(
        &file,
        SealFlags::WRITE | SealFlags::GROW | SealFlags::SHRINK | SealFlags::SEAL,
    )?;
    Ok(file.into())
}

/// Takes the supervisor's exit status when it ends, and nothing before.
fn reap(supervisor: OwnedFd) -> io::Result<()> {
    let supervisor = crate::reactor::register(supervisor, Interest::READABLE)?;
    tokio::spawn(async move {
        let how = WaitIdOptions::EXITED | WaitIdOptions::NOHANG;
        while let Ok(mut ready) = supervisor.readable().await {
            if !matches!(rustix::process::waitid(WaitId::PidFd(supervisor.as_fd()), how), Ok(None)) {
                return;
            }
            ready.clear_ready();
        }
    });
    Ok(())
}

/// Ends a supervisor whose start nobody waits for any more.
struct EndsEarly(Option<OwnedFd>);

impl EndsEarly {
    fn passed(mut self) {
        self.0 = None;
    }
}

impl Drop for EndsEarly {
    fn drop(&mut self) {
        if let Some(supervisor) = &self.0 {
            let _ = rustix::process::pidfd_send_signal(supervisor, rustix::process::Signal::TERM);
        }
    }
}

fn explain(step: &str, errno: i32, text: &str, asked: &Spawn) -> Error {
    let os = io::Error::from_raw_os_error(errno);
    match step {
        "directory" => Error::Directory { path: asked.cwd.clone(), cause: os },
        "groups" | "group" | "account" => Error::Identity { account: asked.account.name.clone(), cause: os },
        "run the program" => Error::Program { program: PathBuf::from(&asked.program), cause: os },
        "terminal" => Error::Terminal { cause: os },
        _ => Error::Setup { step: "the gate", cause: io::Error::other(format!("{step}: {text}")) },
    }
}

/// What a supervisor says, and what it is told.
#[derive(Debug)]
pub struct Control {
    socket: AsyncFd<OwnedFd>,
    buffer: Vec<u8>,
    /// What was said before the program ran: the verdict on itself.
    early: VecDeque<Report>,
}

impl Control {
    fn new(socket: OwnedFd) -> io::Result<Self> {
        let socket = crate::reactor::register(socket, Interest::READABLE)?;
        Ok(Self { socket, buffer: Vec::new(), early: VecDeque::new() })
    }

    /// The report that the program runs, or that it does not; others are kept for later.
    async fn begun(&mut self) -> io::Result<Option<(Report, Vec<OwnedFd>)>> {
        loop {
            match self.receive().await? {
                Some((report @ (Report::Started { .. } | Report::Failed { .. }), descriptors)) => {
                    return Ok(Some((report, descriptors)));
                }
                Some((report, _)) if self.early.len() < EARLY => self.early.push_back(report),
                _ => return Ok(None),
            }
        }
    }

    /// The next report; `None` when the supervisor is gone, which is when its tree is. Cancel-safe.
    ///
    /// Read it always: a session whose reports are not read cannot start programs.
    pub async fn next(&mut self) -> io::Result<Option<Report>> {
        if let Some(early) = self.early.pop_front() {
            return Ok(Some(early));
        }
        Ok(self.receive().await?.map(|(report, _)| report))
    }

    async fn receive(&mut self) -> io::Result<Option<(Report, Vec<OwnedFd>)>> {
        loop {
            let mut ready = self.socket.readable().await?;
            self.buffer.resize(MESSAGE_BYTES, 0);
            let received = wire::receive(self.socket.get_ref(), &mut self.buffer, RecvFlags::DONTWAIT);
            match received {
                Ok(message) => return Ok(Some(message)),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    // A quiet session keeps no buffer.
                    self.buffer = Vec::new();
                    ready.clear_ready();
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error)
                    if matches!(
                        error.kind(),
                        io::ErrorKind::UnexpectedEof | io::ErrorKind::ConnectionReset
                    ) =>
                {
                    return Ok(None);
                }
                Err(error) => return Err(error),
            }
        }
    }

    /// Answers a held program start. `hash` is that of the [`Held`](super::Held) that was looked at:
    /// an approval of something else is a refusal.
    pub fn answer(&self, id: u64, hash: &str, approve: bool) -> io::Result<()> {
        self.send(&Order::Answer { id, hash: hash.to_owned(), approve }, None)
    }

    /// Other rules from now on. What is already held stays so.
    pub fn set_rules(&self, rules: &Rules) -> io::Result<()> {
        let memfd = sealed("bastide-gate-rules", &serde_json::to_vec(rules)?)?;
        self.send(&Order::Rules, Some(&memfd))
    }

    /// Whether verdicts can be recorded; in the beginning they can. From now on nothing starts while they
    /// cannot, and what is held is not let go.
    pub fn set_log(&self, takes: bool) -> io::Result<()> {
        self.send(&Order::Log { takes }, None)
    }

    /// Kills the whole tree.
    pub fn end(&self) -> io::Result<()> {
        self.send(&Order::End, None)
    }

    /// Orders are few and small: a full line means a supervisor that hangs.
    fn send(&self, order: &Order, descriptor: Option<&OwnedFd>) -> io::Result<()> {
        let descriptors: Vec<_> = descriptor.iter().map(|fd| fd.as_fd()).collect();
        wire::send(self.socket.get_ref(), order, &descriptors)
    }
}
