//! The second check: what was loaded, before its first instruction.

use bastide_policy::Action;
use rustix::process::{Pid, Signal};

use super::super::facts::{Decision, Facts};
use super::super::kernel;
use super::super::refusals::rule;
use super::super::target;
use super::Supervisor;
use super::before::{Flight, Leave};

impl Supervisor {
    /// `pid` has just loaded a program and stands still.
    pub(super) fn verify(&mut self, pid: i32) {
        // An exec by another thread than the first gives that thread the number of the process; both
        // may have been on their way.
        let former = kernel::former_tid(pid).unwrap_or(pid);
        let flight = self.flights.remove(former);
        if former != pid {
            self.flights.remove(pid);
        }
        let Some(flight) = flight else {
            // Nobody was asked.
            return kill(pid);
        };
        let Some((facts, decision)) = self.decide_on_loaded(pid, &flight) else {
            let decision = Decision::deny(rule::UNREADABLE);
            self.tell_loaded(pid, &flight.facts, decision, &flight);
            return kill(pid);
        };
        let runs = matches!(decision.action, Action::Allow | Action::Alert);
        let entry = pid == self.tree.shell();
        // What may run does so while it is reported, which costs a sixth less: whoever reads the report would
        // be woken on the processor that the program is about to have.
        let is_let_go = runs && kernel::detach(pid, 0).is_ok();
        self.tell_loaded(pid, &facts, decision, &flight);
        if !is_let_go {
            kill(pid);
            if entry && self.start.is_some() {
                self.fail("run the program", libc::EACCES);
            }
        } else if let Some(start) = self.start.as_mut().filter(|_| entry) {
            start.entered = true;
            self.try_start();
        }
    }

    fn decide_on_loaded(&self, pid: i32, flight: &Flight) -> Option<(Facts, Decision)> {
        let loaded = target::loaded(pid).ok()?;
        let asked = &flight.facts;
        let is_changed = !loaded.exe.is_same(&asked.exe)
            || !asked.script.as_ref().is_none_or(target::is_unchanged)
            || loaded.argv != asked.argv
            || loaded.execfn != asked.execfn;
        let facts = Facts {
            exe: loaded.exe,
            script: asked.script.clone(),
            execfn: loaded.execfn,
            argv: loaded.argv,
            environment: loaded.environment,
            uid: loaded.euid,
            cwd: target::cwd(pid),
            ppid: asked.ppid,
            pgid: asked.pgid,
        };
        // The rules' own word comes first where they refuse: it says more.
        let decision = self.gate.decide(&facts, flight.leave);
        let approved_other =
            flight.leave == Leave::Reviewer && (!facts.environment.is_empty() || facts.cwd != asked.cwd);
        let decision = match decision.action {
            Action::Deny => decision,
            _ if is_changed || approved_other => Decision::deny(rule::CHANGED),
            Action::Review => Decision::deny(rule::NOT_APPROVED),
            Action::Allow | Action::Alert => decision,
        };
        Some((facts, decision))
    }

    fn tell_loaded(&mut self, pid: i32, facts: &Facts, decision: Decision, flight: &Flight) {
        let took = flight.since.elapsed().saturating_sub(flight.held);
        self.report(pid, facts, decision, (true, took));
    }
}

/// It stands in a ptrace stop: the signal is the next thing that happens to it.
fn kill(pid: i32) {
    if let Some(pid) = Pid::from_raw(pid) {
        let _ = rustix::process::kill_process(pid, Signal::KILL);
    }
}
