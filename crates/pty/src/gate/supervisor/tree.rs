//! The session's processes, all of which come to us when their parents end: we are their reaper.

use std::fs;
use std::os::fd::OwnedFd;

use rustix::process::{Pid, PidfdFlags, Signal};

use super::super::kernel::{self, Change};
use super::super::watched;
use super::super::wire::Report;
use super::Supervisor;

/// Rounds of listing and killing: a tree that forks faster than it is killed loses its last exec with
/// us, and its processes with the cgroup that ptyd put them in.
const KILL_ROUNDS: usize = 64;

/// Kinds of signals that are waited for.
const SIGNALS: usize = 4;

pub(super) struct Tree {
    shell: i32,
    exits: OwnedFd,
    exited: Option<(i32, Option<i32>)>,
    empty: bool,
    ending: bool,
}

impl Tree {
    pub(super) fn new(shell: i32, exits: OwnedFd) -> Self {
        Self { shell, exits, exited: None, empty: false, ending: false }
    }

    pub(super) fn shell(&self) -> i32 {
        self.shell
    }

    pub(super) fn is_empty(&self) -> bool {
        self.empty
    }

    /// No program is started any more.
    pub(super) fn is_ending(&self) -> bool {
        self.ending
    }

    pub(super) fn shell_pidfd(&self) -> Option<OwnedFd> {
        rustix::process::pidfd_open(Pid::from_raw(self.shell)?, PidfdFlags::empty()).ok()
    }

    /// Kills all, in any session, group or state.
    pub(super) fn kill(&mut self) {
        self.ending = true;
        let own = i32::try_from(std::process::id()).unwrap_or(0);
        for _ in 0..KILL_ROUNDS {
            let tree = descendants(own);
            if tree.is_empty() {
                return;
            }
            for pid in tree {
                if let Some(pid) = Pid::from_raw(pid) {
                    // Ended meanwhile is as good. Nothing else reaps in our tree, so no number is reused.
                    let _ = rustix::process::kill_process(pid, Signal::KILL);
                }
            }
        }
    }

    fn shell_ended(&mut self, code: i32, signal: Option<i32>) {
        self.exited = Some((code, signal));
        // The socket takes it at once: it is the only packet ever sent there.
        let _ = rustix::net::send(
            &self.exits,
            &watched::encode(code, signal),
            rustix::net::SendFlags::NOSIGNAL | rustix::net::SendFlags::DONTWAIT,
        );
    }
}

/// Living processes below `root`, from the parents that `/proc` shows.
fn descendants(root: i32) -> Vec<i32> {
    let mut pairs = Vec::new();
    for entry in fs::read_dir("/proc").into_iter().flatten().flatten() {
        let Some(pid) = entry.file_name().to_str().and_then(|name| name.parse::<i32>().ok()) else {
            continue;
        };
        let Ok(stat) = fs::read(format!("/proc/{pid}/stat")) else {
            continue;
        };
        if let Some(parent) = living_parent(&stat) {
            pairs.push((pid, parent));
        }
    }
    let mut found = vec![root];
    let mut next = 0;
    while next < found.len() {
        let parent = found[next];
        found.extend(pairs.iter().filter(|(_, of)| *of == parent).map(|(pid, _)| *pid));
        next += 1;
    }
    found.split_off(1)
}

/// `pid (name) state ppid …`, proc_pid_stat(5); the name may hold anything.
fn living_parent(stat: &[u8]) -> Option<i32> {
    let after_name = stat.iter().rposition(|byte| *byte == b')')? + 1;
    let mut fields = std::str::from_utf8(stat.get(after_name..)?).ok()?.split_ascii_whitespace();
    if matches!(fields.next()?, "Z" | "X") {
        return None;
    }
    fields.next()?.parse().ok()
}

impl Supervisor {
    pub(super) fn on_signals(&mut self) {
        use std::io::Read;
        let mut ends = false;
        // Standard signals do not queue: there are no more than we asked for.
        let mut records = [0; SIGNALS * size_of::<libc::signalfd_siginfo>()];
        let got = self.signals.read(&mut records).unwrap_or(0);
        for record in records[..got].chunks_exact(size_of::<libc::signalfd_siginfo>()) {
            let number = record.first_chunk().map_or(0, |bytes| u32::from_ne_bytes(*bytes));
            // Ctrl-C and the like at ptyd's own terminal are not meant for us.
            ends |= number == libc::SIGTERM as u32;
        }
        if ends {
            self.tree.kill();
        }
        loop {
            match kernel::next_change() {
                Ok(Some((pid, change))) => self.on_change(pid, change),
                Ok(None) => return,
                Err(error) => {
                    self.tree.empty = error.kind() == std::io::ErrorKind::NotFound;
                    return;
                }
            }
        }
    }

    fn on_change(&mut self, pid: i32, change: Change) {
        match change {
            Change::Loaded => self.verify(pid),
            Change::Stopped(signal) => self.on_stop(pid, signal),
            Change::Signal(signal) => self.on_signal_stop(pid, signal),
            Change::Exited(_) | Change::Signalled(_) => {
                self.flights.remove(pid);
                if pid == self.tree.shell && self.tree.exited.is_none() {
                    let (code, signal) = match change {
                        Change::Signalled(signal) => (128 + signal, Some(signal)),
                        Change::Exited(code) => (code, None),
                        _ => (0, None),
                    };
                    self.shell_ended(code, signal);
                }
                if self.tree.ending {
                    // Its children came to us with its end.
                    self.tree.kill();
                }
            }
        }
    }

    fn shell_ended(&mut self, code: i32, signal: Option<i32>) {
        self.tree.shell_ended(code, signal);
        // Its last word, if it had one.
        self.hear_child();
        if self.start.is_some() {
            self.fail("run the program", libc::EIO);
            return;
        }
        self.link.tell(Report::Exited { code, signal });
    }

    /// A stop without an exec. In the usual mode we asked for it, so the exec has failed (or never
    /// began) and the thread is let go. In the attached mode it is the stop of its group.
    fn on_stop(&mut self, pid: i32, signal: i32) {
        let flew = self.flights.contains(pid);
        // Each call fails for a thread that was killed meanwhile, and then there is nothing to do.
        let _ = match (self.gate.killable, signal) {
            (false, libc::SIGTRAP) if flew => kernel::go_on(pid, 0),
            (false, _) if flew => kernel::listen(pid),
            _ => {
                self.flights.remove(pid);
                kernel::detach(pid, 0)
            }
        };
    }

    /// Stopped before a signal is delivered: it gets the signal.
    fn on_signal_stop(&mut self, pid: i32, signal: i32) {
        let _ = if !self.gate.killable && self.flights.contains(pid) {
            kernel::go_on(pid, signal)
        } else {
            self.flights.remove(pid);
            kernel::detach(pid, signal)
        };
    }
}
