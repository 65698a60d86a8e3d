//! One session's supervisor: a process with one thread that waits in one place.

mod after;
mod before;
mod flights;
mod held;
mod tree;

use std::fs::File;
use std::io::{self, Read};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec};
use rustix::net::RecvFlags;

use self::flights::Flights;
use self::held::Waiting;
use self::tree::Tree;
use super::child::{self, Word};
use super::facts::Decide;
use super::layers::{Layer, Layers};
use super::link::{Hearing, Link, READ_LIMIT};
use super::refusals::Machine;
use super::target::Heads;
use super::wire::{self, Job, MESSAGE_BYTES, Order, Report};
use super::{Profile, confine, cradle, hooks, kernel, layers};

/// How long reports of a tree that has ended may wait for ptyd.
const FAREWELL: Duration = Duration::from_secs(2);

/// So long after the last program start memory is given back: people who work start programs more often.
const RESTS_AFTER: Duration = Duration::from_secs(1);

struct Supervisor {
    link: Link,
    signals: File,
    tree: Tree,
    /// There once the child is under the filter.
    listener: Option<OwnedFd>,
    /// There until the session's program runs.
    start: Option<Start>,
    gate: Gate,
    flights: Flights,
    held: Waiting,
    /// When memory is given back that nothing has needed since.
    rests_at: Option<Instant>,
}

/// What decides.
struct Gate {
    judge: Box<dyn Decide>,
    profile: Profile,
    machine: Machine,
    heads: Heads,
    killable: bool,
    review_limit: Duration,
    /// The session's program as it was asked for, when that is allowed without rules.
    entry: Option<Vec<Vec<u8>>>,
}

/// The handshake with the child.
struct Start {
    /// Closed by the child's exec, or by its death.
    from_child: Option<OwnedFd>,
    /// The program was loaded and let go.
    entered: bool,
    master: OwnedFd,
    pts: std::path::PathBuf,
    layers: Layers,
}

/// What is ready, of the descriptors that are waited for.
#[derive(Default)]
struct Ready {
    signals: bool,
    orders: bool,
    room: bool,
    questions: bool,
    /// Nobody is left who could ask.
    deserted: bool,
    start: bool,
    /// Places in the list of held program starts.
    withdrawn: Vec<u64>,
}

/// The process `bastide gate`: descriptor 0 is the line to ptyd, 1 the memfd with the job. With the
/// argument `--cradle` it is the process that such ones are copied from, and with `--layers` it prints what
/// this machine offers instead.
pub fn supervise() -> ExitCode {
    if std::env::args_os().any(|argument| argument == "--layers") {
        let written = serde_json::to_writer(io::stdout(), &layers::probe());
        return if written.is_ok() { ExitCode::SUCCESS } else { ExitCode::FAILURE };
    }
    if std::env::args_os().any(|argument| argument == cradle::ARGUMENT)
        && let Err(end) = cradle::serve()
    {
        return end;
    }
    let Ok(socket) = kernel::inherited(0) else {
        return ExitCode::FAILURE;
    };
    let link = Link::new(socket, READ_LIMIT);
    match begin(&link) {
        Ok(Some(begun)) => Supervisor::new(link, begun).run(),
        // The child, which could not become the program.
        Ok(None) => ExitCode::from(127),
        Err((step, error)) => {
            let errno = error.raw_os_error().unwrap_or(libc::EIO);
            let failed = Report::Failed { step: step.to_owned(), errno, text: error.to_string() };
            // If ptyd is gone there is nobody to tell.
            let _ = link.send(&failed, &[]);
            ExitCode::FAILURE
        }
    }
}

struct Begun {
    job: Job,
    judge: Box<dyn Decide>,
    signals: File,
    exits: OwnedFd,
    shell: i32,
    start: Start,
}

type Step = (&'static str, io::Error);

/// Everything up to the fork; `None` in the child.
fn begin(link: &Link) -> Result<Option<Begun>, Step> {
    let at = |step: &'static str| move |error: io::Error| (step, error);
    let exits = exits_socket(link).map_err(at("exit socket"))?;
    let mut job: Job = read_job().map_err(at("job"))?;
    detach_from_daemon().map_err(at("descriptors"))?;
    let judge = job.rules.judge().map_err(|text| ("rules", io::Error::other(text)))?;
    if !kernel::can_notify() {
        return Err(("user notification", io::ErrorKind::Unsupported.into()));
    }
    let signals = kernel::signals_as_reads(&[libc::SIGCHLD, libc::SIGTERM, libc::SIGINT, libc::SIGHUP])
        .map_err(at("signals"))?;
    kernel::set(libc::PR_SET_CHILD_SUBREAPER, 1).map_err(at("reaper of the tree"))?;

    let size = crate::Size { cols: job.program.cols, rows: job.program.rows };
    let owner = job.program.identity.as_ref().map(|(uid, ..)| *uid);
    let pair = crate::terminal::open(size, owner).map_err(at("terminal"))?;
    let mut layers = Layers::default();
    layers.note(Layer::Notifier, Ok(()));
    layers.note(Layer::SecondCheck, Ok(()));
    let identity = job.program.identity.as_ref().map(|(uid, gid, _)| (*uid, *gid));
    let request = confine::Request {
        profile: job.profile,
        confinement: &job.confinement,
        home: &job.program.home,
        directory: &job.program.directory,
        identity,
    };
    confine::enter(&request, &mut layers);
    layers.note_landlock();
    layers.note(
        Layer::Memory,
        match job.profile {
            Profile::Closed => Ok(()),
            Profile::Workbench => Err("just-in-time compilers may run in the profile workbench".to_owned()),
        },
    );
    if job.tells_lines && layers.has(Layer::Mounts) && hooks::furnish().is_ok() {
        let shell = job.program.candidates.first().cloned().unwrap_or_default();
        hooks::add(&shell, &mut job.program.environment);
    }
    if let Some(layer) =
        job.required.iter().find(|layer| !layers.has(**layer) && **layer != Layer::KillableWait)
    {
        return Err(("required layers", io::Error::other(format!("{} is not there", layer.name()))));
    }
    // The session must not read or trace us. After the namespaces: their maps are ours to write before.
    kernel::set(libc::PR_SET_DUMPABLE, 0).map_err(at("not dumpable"))?;

    let (ours, childs) = wire::pair().map_err(at("socket pair"))?;
    let Some(shell) = kernel::fork().map_err(at("fork"))? else {
        drop(ours);
        child::become_program(&job, &pair.slave, &childs, &layers);
        return Ok(None);
    };
    let start = Start { from_child: Some(ours), entered: false, master: pair.master, pts: pair.path, layers };
    Ok(Some(Begun { job, judge, signals, exits, shell, start }))
}

/// The socket that the exit is written to waits as the first packet on the line.
fn exits_socket(link: &Link) -> io::Result<OwnedFd> {
    let socket = link.socket().ok_or(io::ErrorKind::BrokenPipe)?;
    let mut buffer = vec![0; MESSAGE_BYTES];
    let (_, mut descriptors): (wire::Exits, _) = wire::receive(socket, &mut buffer, RecvFlags::DONTWAIT)?;
    descriptors.pop().ok_or_else(|| io::ErrorKind::InvalidData.into())
}

fn read_job() -> io::Result<Job> {
    let mut text = Vec::new();
    File::from(kernel::inherited(1)?).read_to_end(&mut text)?;
    Ok(serde_json::from_slice(&text)?)
}

/// Descriptors 0 and 1 must not come to the session, and the terminal of ptyd's start not to us.
fn detach_from_daemon() -> io::Result<()> {
    let null = File::options().read(true).write(true).open("/dev/null")?;
    rustix::stdio::dup2_stdin(&null)?;
    rustix::stdio::dup2_stdout(&null)?;
    kernel::close_on_exec_from(3)?;
    // Fails for a group leader, which is away from its terminal already.
    let _ = rustix::process::setsid();
    Ok(())
}

impl Supervisor {
    fn new(link: Link, begun: Begun) -> Self {
        let Begun { job, judge, signals, exits, shell, start } = begun;
        let mut roots = vec![0];
        let own = rustix::process::geteuid().as_raw();
        if !confine::knows_root() && own != OVERFLOW_UID {
            // In such a user namespace files of root seem to belong to nobody, user_namespaces(7).
            roots.push(OVERFLOW_UID);
        }
        let entry = job.entry_is_allowed.then(|| job.program.argv.clone());
        Self {
            link,
            signals,
            tree: Tree::new(shell, exits),
            listener: None,
            start: Some(start),
            gate: Gate {
                judge,
                profile: job.profile,
                machine: Machine { roots, programs: job.confinement.executable },
                heads: Heads::default(),
                killable: false,
                review_limit: job.review_limit,
                entry,
            },
            flights: Flights::default(),
            held: Waiting::default(),
            rests_at: None,
        }
    }

    fn run(mut self) -> ExitCode {
        loop {
            let ready = match self.wait() {
                Ok(ready) => ready,
                Err(_) => return ExitCode::FAILURE,
            };
            self.rest(ready.signals || ready.questions);
            if ready.start {
                self.hear_child();
            }
            if ready.signals {
                self.on_signals();
            }
            if ready.orders {
                self.on_orders();
            }
            if ready.room {
                self.link.flush();
            }
            self.drop_withdrawn(&ready.withdrawn);
            self.expire_held();
            if ready.questions {
                self.on_question();
            } else if ready.deserted {
                self.listener = None;
            }
            if self.tree.is_empty() {
                self.farewell();
                return ExitCode::SUCCESS;
            }
        }
    }

    /// The one place to wait.
    fn wait(&self) -> io::Result<Ready> {
        // A place whose descriptor is not there now has this one, and asks nothing of it.
        let none = self.signals.as_fd();
        let place = |fd, flags| place(fd, flags, none);
        let room = if self.link.has_waiting() { PollFlags::OUT } else { PollFlags::empty() };
        let takes = self.link.hearing() != Hearing::Waits && !self.flights.is_full();
        let asks = self.listener.as_ref().filter(|_| takes);
        let from_child = self.start.as_ref().and_then(|start| start.from_child.as_ref());
        let mut places = vec![
            PollFd::from_borrowed_fd(none, PollFlags::IN),
            place(self.link.socket(), PollFlags::IN | room),
            place(asks, PollFlags::IN),
            place(from_child, PollFlags::IN),
        ];
        places.extend(self.held.watched().map(|(_, pidfd)| place(Some(pidfd), PollFlags::IN)));
        let ids: Vec<u64> = self.held.watched().map(|(id, _)| id).collect();

        let deadlines = [self.held.deadline(), self.link.deadline(), self.rests_at];
        let next = deadlines.into_iter().flatten().min();
        let timeout = next.map(|at| at.saturating_duration_since(Instant::now()));
        let timeout = timeout.and_then(|timeout| Timespec::try_from(timeout).ok());
        match rustix::event::poll(&mut places, timeout.as_ref()) {
            Ok(_) | Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
        let is = |index: usize, flags: PollFlags| places[index].revents().intersects(flags);
        let ended = PollFlags::HUP | PollFlags::ERR;
        Ok(Ready {
            signals: is(0, PollFlags::IN),
            orders: self.link.socket().is_some() && is(1, PollFlags::IN | ended),
            room: is(1, PollFlags::OUT),
            questions: asks.is_some() && is(2, PollFlags::IN),
            deserted: asks.is_some() && is(2, ended),
            start: from_child.is_some() && is(3, PollFlags::IN | ended),
            withdrawn: ids
                .into_iter()
                .zip(4..)
                .filter(|(_, at)| is(*at, PollFlags::IN))
                .map(|(id, _)| id)
                .collect(),
        })
    }

    /// There is one such process for each session, and most are quiet most of the time.
    fn rest(&mut self, is_busy: bool) {
        let now = Instant::now();
        if is_busy {
            self.rests_at = Some(now + RESTS_AFTER);
        } else if self.rests_at.take_if(|at| *at <= now).is_some() {
            kernel::trim_heap();
            kernel::forget_clean_pages();
        }
    }

    /// The child is under the filter, or has become the program, or could not.
    fn hear_child(&mut self) {
        let Some(from_child) = self.start.as_ref().and_then(|start| start.from_child.as_ref()) else {
            return;
        };
        let mut buffer = vec![0; MESSAGE_BYTES];
        match wire::receive::<Word>(from_child, &mut buffer, RecvFlags::DONTWAIT) {
            Ok((Word::Filtered { killable }, mut descriptors)) => {
                self.listener = descriptors.pop();
                self.gate.killable = killable;
                if let Some(listener) = &self.listener {
                    kernel::wake_in_turns(listener);
                }
                let killable = if killable { Ok(()) } else { Err("not in this kernel".to_owned()) };
                if let Some(start) = &mut self.start {
                    start.layers.note(Layer::KillableWait, killable);
                }
            }
            Ok((Word::Failed { step, errno }, _)) => self.fail(&step, errno),
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
                if let Some(start) = &mut self.start {
                    start.from_child = None;
                }
                self.try_start();
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Err(error) => self.fail("handshake", error.raw_os_error().unwrap_or(libc::EIO)),
        }
    }

    /// Tells that the program runs, once it does: the line to the child is closed by its exec, and what
    /// it loaded was let go.
    fn try_start(&mut self) {
        let Some(start) = self.start.take_if(|start| start.from_child.is_none() && start.entered) else {
            return;
        };
        let Some(pidfd) = self.tree.shell_pidfd() else {
            return self.fail("run the program", libc::EIO);
        };
        let report = Report::Started { pid: self.tree.shell(), pts: start.pts, layers: start.layers };
        if self.link.send(&report, &[start.master.as_fd(), pidfd.as_fd()]).is_err() {
            self.tree.kill();
        }
    }

    fn fail(&mut self, step: &str, errno: i32) {
        self.start = None;
        let text = io::Error::from_raw_os_error(errno).to_string();
        self.link.tell(Report::Failed { step: step.to_owned(), errno, text });
        self.tree.kill();
    }

    fn on_orders(&mut self) {
        while let Some((order, mut descriptors)) = self.link.order() {
            match order {
                Order::Answer { id, hash, approve } => self.answered(id, &hash, approve),
                Order::Rules => self.take_rules(descriptors.pop()),
                Order::Log { takes } => self.link.set_log(takes),
                Order::End => self.tree.kill(),
            }
        }
    }

    /// New rules that cannot be read leave the old ones in force, and say so.
    fn take_rules(&mut self, memfd: Option<OwnedFd>) {
        let judge = memfd.ok_or("no descriptor came with them".to_owned()).and_then(|memfd| {
            let mut text = Vec::new();
            let rules = File::from(memfd).read_to_end(&mut text).map_err(|error| error.to_string());
            let rules = rules.and_then(|_| {
                serde_json::from_slice::<super::Rules>(&text).map_err(|error| error.to_string())
            });
            rules?.judge()
        });
        match judge {
            Ok(judge) => self.gate.judge = judge,
            Err(cause) => self.link.tell(Report::Alert { what: format!("new rules were refused: {cause}") }),
        }
    }

    fn farewell(&mut self) {
        let until = Instant::now() + FAREWELL;
        while self.link.has_waiting() && Instant::now() < until {
            let left = Timespec::try_from(until.saturating_duration_since(Instant::now())).ok();
            let Some(socket) = self.link.socket() else {
                return;
            };
            let mut room = [PollFd::new(socket, PollFlags::OUT)];
            let _ = rustix::event::poll(&mut room, left.as_ref());
            self.link.flush();
        }
    }
}

fn place<'a>(fd: Option<&'a OwnedFd>, flags: PollFlags, none: BorrowedFd<'a>) -> PollFd<'a> {
    match fd {
        Some(fd) => PollFd::new(fd, flags),
        None => PollFd::from_borrowed_fd(none, PollFlags::empty()),
    }
}

/// `/proc/sys/kernel/overflowuid` as every distribution leaves it.
const OVERFLOW_UID: u32 = 65534;
