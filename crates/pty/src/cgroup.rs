//! Control groups, cgroups(7), second version: what the processes of a session may use together.
//!
//! The daemon divides a group that was given to it: its own one when a service manager delegated that
//! (systemd, `Delegate=yes`) or a container has it for itself; one beside the others when it is root. In it
//! the daemon itself sits in a leaf, because the kernel gives controllers to groups without processes only,
//! and each session that asks for limits gets a group beside that.

mod place;

use std::fs::{self, File};
use std::io::{self, Write};
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec};
use rustix::process::{Pid, Signal};

use self::place::Place;

/// The daemon's own group below the one that it divides.
const LEAF: &str = "ptyd";
/// How groups of sessions are named, with their uid behind.
const SESSION: &str = "session-";
/// How long killed processes may take to go: some are in the middle of a write.
const GOING: Duration = Duration::from_secs(2);
/// Listing and killing, where the kernel cannot do it at once (before Linux 5.14).
const KILL_ROUNDS: usize = 8;
/// The period of `cpu.max` in µs, as the kernel has it by default.
const CPU_PERIOD: u64 = 100_000;

/// A part of the kernel that limits groups.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Controller {
    Processes,
    Memory,
    Cpu,
}

impl Controller {
    pub const ALL: [Self; 3] = [Self::Processes, Self::Memory, Self::Cpu];

    /// The kernel's name for it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Processes => "pids",
            Self::Memory => "memory",
            Self::Cpu => "cpu",
        }
    }
}

/// What all processes of a group may use together.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct GroupLimits {
    pub processes: Option<u64>,
    /// Bytes, in memory and swap.
    pub memory: Option<u64>,
    /// Of one processor.
    pub cpu_percent: Option<u64>,
}

impl GroupLimits {
    /// Each that is asked for, with the files that it is written to.
    fn files(&self) -> Vec<(Controller, Vec<(&'static str, String)>)> {
        let mut files = Vec::new();
        if let Some(processes) = self.processes {
            files.push((Controller::Processes, vec![("pids.max", processes.to_string())]));
        }
        if let Some(memory) = self.memory {
            let memory = vec![("memory.max", memory.to_string()), ("memory.swap.max", "0".to_owned())];
            files.push((Controller::Memory, memory));
        }
        if let Some(percent) = self.cpu_percent {
            let quota = percent.saturating_mul(CPU_PERIOD / 100);
            files.push((Controller::Cpu, vec![("cpu.max", format!("{quota} {CPU_PERIOD}"))]));
        }
        files
    }
}

/// A group that is ours to divide.
#[derive(Debug)]
pub struct Cgroups {
    base: PathBuf,
    controllers: Vec<Controller>,
    /// Why the others are not there, in one clause each.
    missing: Vec<(Controller, String)>,
}

/// What became of the limits that a group was to have.
pub type Outcome = Vec<(Controller, Result<(), String>)>;

impl Cgroups {
    /// Takes possession: finds the group, moves this process into its leaf, asks for the controllers, and
    /// ends what an earlier daemon of the same `node` left. Blocks, for [`GOING`] at most with each of those.
    ///
    /// # Errors
    /// Why there is no such group, in one clause.
    pub fn claim(node: &str) -> Result<Self, String> {
        let place = Place::find()?;
        let base = place.base(node)?;
        if base == place.own {
            place.is_for_us_alone()?;
        }
        let failed = |what: &Path, error: io::Error| format!("{}: {error}", what.display());
        if !base.is_dir() {
            fs::create_dir(&base).map_err(|error| failed(&base, error))?;
        }
        if base == place.own {
            let leaf = base.join(LEAF);
            if !leaf.is_dir() {
                fs::create_dir(&leaf).map_err(|error| failed(&leaf, error))?;
            }
            put(&leaf, "cgroup.procs", "0").map_err(|error| failed(&leaf, error))?;
        }
        let mut groups = Self { base, controllers: Vec::new(), missing: Vec::new() };
        groups.end_what_is_left();
        for controller in Controller::ALL {
            match groups.enable(controller) {
                Ok(()) => groups.controllers.push(controller),
                Err(why) => groups.missing.push((controller, why)),
            }
        }
        if place::is_beside(&groups.base) {
            // It is there as long as sessions are in it.
            let _ = fs::remove_dir(&groups.base);
        }
        Ok(groups)
    }

    /// What [`Self::claim`] would find, as far as can be said without doing it: the controllers of the
    /// group that would be divided.
    ///
    /// # Errors
    /// As there.
    pub fn look() -> Result<Vec<(Controller, bool)>, String> {
        let place = Place::find()?;
        place.base("")?;
        let there = words(&place.own.join("cgroup.controllers"));
        let has = |controller: Controller| there.iter().any(|name| name == controller.name());
        Ok(Controller::ALL.map(|controller| (controller, has(controller))).into())
    }

    /// In `base`, which a test has made.
    #[cfg(test)]
    fn at(base: &Path, controllers: &[Controller]) -> Self {
        Self { base: base.to_owned(), controllers: controllers.to_vec(), missing: Vec::new() }
    }

    /// Which controllers are not there, and why.
    pub fn missing(&self) -> &[(Controller, String)] {
        &self.missing
    }

    /// Makes the group of one session. What cannot be limited is told and goes unlimited. Blocks for the
    /// kernel.
    ///
    /// # Errors
    /// There is no group.
    pub fn make(&self, name: &str, limits: &GroupLimits) -> io::Result<(Group, Outcome)> {
        let directory = self.base.join(format!("{SESSION}{name}"));
        // The last session may go between the two, and the base with it.
        if let Err(error) = self.restore().and_then(|()| fs::create_dir(&directory)) {
            if error.kind() != io::ErrorKind::NotFound {
                return Err(error);
            }
            self.restore()?;
            fs::create_dir(&directory)?;
        }
        let group = Group { directory: Some(directory) };
        let outcome = limits.files().into_iter().map(|(controller, files)| {
            let why = self.missing.iter().find(|(missing, _)| *missing == controller).map(|(_, why)| why);
            let set = match why {
                Some(why) => Err(why.clone()),
                None => group.limit(&files).map_err(|error| error.to_string()),
            };
            (controller, set)
        });
        let outcome = outcome.collect();
        Ok((group, outcome))
    }

    /// Makes the base again when it has gone with its last session.
    fn restore(&self) -> io::Result<()> {
        if self.base.is_dir() {
            return Ok(());
        }
        fs::create_dir(&self.base)?;
        for controller in &self.controllers {
            self.enable(*controller).map_err(io::Error::other)?;
        }
        Ok(())
    }

    fn enable(&self, controller: Controller) -> Result<(), String> {
        let name = controller.name();
        let wanted = format!("+{name}");
        if let Some(parent) = self.base.parent().filter(|parent| parent.join("cgroup.controllers").is_file())
        {
            let offered = words(&self.base.join("cgroup.controllers"));
            if !offered.iter().any(|offered| offered == name) {
                // Where it is not ours to ask for, the look below says that it is not there.
                let _ = put(parent, "cgroup.subtree_control", &wanted);
            }
        }
        if !words(&self.base.join("cgroup.controllers")).iter().any(|offered| offered == name) {
            return Err(format!("the controller {name} is not in {}", self.base.display()));
        }
        put(&self.base, "cgroup.subtree_control", &wanted).map_err(|error| match error.raw_os_error() {
            Some(libc::EBUSY) => format!("other processes are in {}", self.base.display()),
            _ => format!("the controller {name} was not given: {error}"),
        })
    }

    fn end_what_is_left(&self) {
        for entry in fs::read_dir(&self.base).into_iter().flatten().flatten() {
            if entry.file_name().to_string_lossy().starts_with(SESSION) {
                Group { directory: Some(entry.path()) }.end();
            }
        }
    }
}

/// The group of one session. Dropping it kills what is in it; [`Self::end`] also waits for that.
#[derive(Debug)]
pub struct Group {
    /// Gone when it has ended.
    directory: Option<PathBuf>,
}

impl Group {
    /// What a program is put into; see [`Spawn`](crate::Spawn).
    pub fn directory(&self) -> Option<&Path> {
        self.directory.as_deref()
    }

    /// Kills all that is left in it and removes it. Blocks, for [`GOING`] at most; what does not go until
    /// then is found at the next start. Returns whether the group is gone.
    pub fn end(mut self) -> bool {
        let Some(directory) = self.directory.take() else { return true };
        kill(&directory);
        let until = Instant::now() + GOING;
        // Opened before the first try, so that a change after it is seen.
        let events = File::open(directory.join("cgroup.events")).ok();
        while !is_removed(&directory) {
            let left = until.saturating_duration_since(Instant::now());
            let (Some(events), Ok(left)) = (&events, Timespec::try_from(left)) else { return false };
            if left == Timespec::default() {
                return false;
            }
            // A change of `populated` is told this way, cgroups(7); reading it arms the next one.
            let mut places = [PollFd::from_borrowed_fd(events.as_fd(), PollFlags::PRI)];
            let _ = rustix::event::poll(&mut places, Some(&left));
            let _ = rustix::io::pread(events, &mut [0; 64], 0);
        }
        forget_base(&directory);
        true
    }

    fn limit(&self, files: &[(&'static str, String)]) -> io::Result<()> {
        let Some(directory) = &self.directory else { return Ok(()) };
        for (file, value) in files {
            match put(directory, file, value) {
                // A kernel without swap has nothing to limit there.
                Err(error) if error.kind() == io::ErrorKind::NotFound && file.contains("swap") => {}
                set => set?,
            }
        }
        Ok(())
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        if let Some(directory) = &self.directory {
            kill(directory);
            if is_removed(directory) {
                forget_base(directory);
            }
        }
    }
}

/// The base that was made for sessions goes with the last of them; a delegated one is not ours to remove.
fn forget_base(session: &Path) {
    let ours = session.parent().filter(|base| place::is_beside(base));
    if let Some(base) = ours {
        // Others may be in it.
        let _ = fs::remove_dir(base);
    }
}

fn kill(directory: &Path) {
    if put(directory, "cgroup.kill", "1").is_ok() {
        return;
    }
    for _ in 0..KILL_ROUNDS {
        let processes = words(&directory.join("cgroup.procs"));
        if processes.is_empty() {
            return;
        }
        for pid in processes.iter().filter_map(|pid| Pid::from_raw(pid.parse().ok()?)) {
            // In the group it is not reaped by anybody else's number.
            let _ = rustix::process::kill_process(pid, Signal::KILL);
        }
    }
}

/// With the groups that its own processes may have made in it, the deepest first.
fn is_removed(directory: &Path) -> bool {
    for entry in fs::read_dir(directory).into_iter().flatten().flatten() {
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            is_removed(&entry.path());
        }
    }
    match fs::remove_dir(directory) {
        Ok(()) => true,
        Err(error) => error.kind() == io::ErrorKind::NotFound,
    }
}

/// The kernel takes a value in one write(2).
fn put(directory: &Path, file: &str, value: &str) -> io::Result<()> {
    File::options().write(true).open(directory.join(file))?.write_all(value.as_bytes())
}

fn words(file: &Path) -> Vec<String> {
    let text = fs::read_to_string(file).unwrap_or_default();
    text.split_ascii_whitespace().map(str::to_owned).collect()
}

#[cfg(test)]
mod tests;
