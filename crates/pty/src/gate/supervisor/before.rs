//! The first check: what somebody asks to run.

use std::io;
use std::time::{Duration, Instant};

use super::super::LINE_PATH;
use bastide_policy::Action;

use super::super::facts::{Decision, Facts, shown};
use super::super::kernel::{self, Notification};
use super::super::link::Hearing;
use super::super::refusals::{refusal, rule};
use super::super::target::{self, Asked};
use super::super::wire::{Report, SHOWN_ARGUMENTS, SHOWN_ARGV_BYTES, Start, Verdict};
use super::{Gate, Supervisor};

/// Longest claimed line that is told.
const LINE_BYTES: usize = 16 * 1024;

/// A program start between its question and its exec.
#[derive(Debug)]
pub(super) struct Flight {
    /// What has to be loaded.
    pub(super) facts: Facts,
    pub(super) leave: Leave,
    pub(super) since: Instant,
    /// Of that, how long it was held.
    pub(super) held: Duration,
}

/// On whose word it runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Leave {
    Rules,
    /// A reviewer approved exactly these facts.
    Reviewer,
    /// It is the session's own program.
    Entry,
}

impl Gate {
    pub(super) fn decide(&self, facts: &Facts, leave: Leave) -> Decision {
        if let Some(refusal) = refusal(facts, self.profile, &self.machine) {
            return refusal;
        }
        if leave == Leave::Entry {
            return Decision::by(Action::Allow, rule::SESSION);
        }
        let decision = self.judge.decide(facts);
        if leave == Leave::Reviewer && decision.action == Action::Review {
            return Decision {
                action: Action::Allow,
                rule: decision.rule.or(Some(rule::APPROVED.to_owned())),
                ..decision
            };
        }
        decision
    }
}

impl Supervisor {
    pub(super) fn on_question(&mut self) {
        let Some(listener) = &self.listener else {
            return;
        };
        // Withdrawn meanwhile, or nothing there after all.
        let Ok(question) = kernel::receive(listener) else {
            return;
        };
        let since = Instant::now();
        match self.link.hearing() {
            Hearing::Heard | Hearing::Waits if !self.tree.is_ending() => {}
            Hearing::Unheard => {
                self.link.count_untold();
                return self.refuse(question.id, libc::EPERM);
            }
            _ => return self.refuse(question.id, libc::EPERM),
        }
        match self.look(&question) {
            Ok((asked, facts)) => self.judge_question(question, &asked, facts, since),
            // What the kernel would have said: no such file, too long a name, a bad pointer.
            Err(errno) => self.refuse(question.id, errno),
        }
    }

    fn look(&mut self, question: &Notification) -> Result<(Asked, Facts), i32> {
        let asked = target::asked(question)?;
        if asked.execfn == LINE_PATH.as_bytes() {
            self.claimed_line(question, &asked);
            return Err(libc::ENOENT);
        }
        let expected = self.gate.heads.expected(question.tid, &asked)?;
        let is_program = |mode: u32| mode & libc::S_IFMT == libc::S_IFREG && mode & 0o111 != 0;
        if !is_program(expected.exe.mode) || expected.script.as_ref().is_some_and(|it| !is_program(it.mode)) {
            return Err(libc::EACCES);
        }
        let relations = target::relations(question.tid);
        let facts = Facts {
            exe: expected.exe,
            script: expected.script,
            execfn: asked.execfn.clone(),
            argv: expected.argv,
            // One read for each variable here, one for all after the exec.
            environment: Vec::new(),
            uid: relations.euid,
            cwd: target::cwd(question.tid),
            ppid: relations.ppid,
            pgid: relations.pgid,
        };
        Ok((asked, facts))
    }

    fn judge_question(&mut self, question: Notification, asked: &Asked, facts: Facts, since: Instant) {
        let leave = self.leave(question.tid, asked);
        let decision = self.gate.decide(&facts, leave);
        match decision.action {
            Action::Deny => {
                self.report(question.tid, &facts, decision, (false, since.elapsed()));
                self.refuse(question.id, libc::EACCES);
            }
            _ if asked.only_asks => self.let_run(question.id),
            Action::Review => self.hold(question, facts, decision, since),
            Action::Allow | Action::Alert => {
                self.launch(&question, Flight { facts, leave, since, held: Duration::ZERO });
            }
        }
    }

    /// The first exec of the session's first process with the session's own words is its entry.
    fn leave(&self, tid: i32, asked: &Asked) -> Leave {
        let entry = self.start.is_some()
            && tid == self.tree.shell()
            && self.gate.entry.as_ref().is_some_and(|argv| *argv == asked.argv);
        if entry { Leave::Entry } else { Leave::Rules }
    }

    /// Lets it run into its second check.
    pub(super) fn launch(&mut self, question: &Notification, flight: Flight) {
        let Some(listener) = &self.listener else {
            return;
        };
        let (tid, id) = (question.tid, question.id);
        let attached_already = !self.gate.killable && self.flights.contains(tid);
        if !attached_already && let Err(error) = kernel::seize(tid) {
            // Gone, or somebody else traces it: then we could not see what it loads.
            if error.kind() == io::ErrorKind::PermissionDenied {
                let decision = Decision::deny(rule::TRACED);
                self.report(tid, &flight.facts, decision, (false, flight.since.elapsed()));
                self.refuse(id, libc::EPERM);
            }
            return;
        }
        if self.gate.killable {
            // Its stop comes when the exec has failed; after one that succeeds it is forgotten.
            let _ = kernel::interrupt(tid);
        }
        if !kernel::still_waits(listener, id) {
            // What was read may be another's. The thread stops at once and is let go.
            if !self.gate.killable {
                let _ = kernel::interrupt(tid);
            }
            self.flights.remove(tid);
            return;
        }
        self.flights.insert(tid, flight);
        if kernel::let_run(listener, id).is_err() {
            self.flights.remove(tid);
            let _ = kernel::interrupt(tid);
        }
    }

    fn let_run(&self, id: u64) {
        if let Some(listener) = &self.listener {
            let _ = kernel::let_run(listener, id);
        }
    }

    /// A question that was withdrawn needs no answer.
    pub(super) fn refuse(&self, id: u64, errno: i32) {
        if let Some(listener) = &self.listener {
            let _ = kernel::refuse(listener, id, errno);
        }
    }

    /// `how`: whether it was loaded, and what the decision took.
    pub(super) fn report(&mut self, pid: i32, facts: &Facts, decision: Decision, how: (bool, Duration)) {
        let verdict = Verdict {
            start: start(pid, facts),
            decision,
            loaded: how.0,
            rules: self.gate.judge.digest(),
            took: u64::try_from(how.1.as_micros()).unwrap_or(u64::MAX),
            untold: 0,
        };
        self.link.tell(Report::Verdict(verdict));
    }

    /// The shell says what it is about to run. A line that is refused never runs: SIGINT makes the
    /// shell drop it, builtins and all.
    fn claimed_line(&mut self, question: &Notification, asked: &Asked) {
        let Some(listener) = &self.listener else {
            return;
        };
        let shell = target::relations(question.tid).ppid;
        let line = asked.argv.get(2).map(Vec::as_slice).unwrap_or_default();
        let line = match asked.argv.get(1).map(Vec::as_slice) {
            Some(b"bash") => without_history_number(line),
            _ => line,
        };
        let text = shown(line, LINE_BYTES);
        let own = i32::try_from(std::process::id()).unwrap_or(0);
        if text.is_empty() || shell <= 1 || shell == own || !kernel::still_waits(listener, question.id) {
            return;
        }
        let decision = self.gate.judge.line(&text);
        if decision.action == Action::Deny
            && let Some(shell) = rustix::process::Pid::from_raw(shell)
        {
            let _ = rustix::process::kill_process(shell, rustix::process::Signal::INT);
        }
        self.link.tell(Report::Line { shell, text, decision });
    }
}

/// `  123  the line`, as bash's `history 1` prints it.
fn without_history_number(line: &[u8]) -> &[u8] {
    let rest = line.trim_ascii_start();
    let digits = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
    rest[digits..].strip_prefix(b"*").unwrap_or(&rest[digits..]).trim_ascii_start()
}

pub(super) fn start(pid: i32, facts: &Facts) -> Start {
    let mut left = SHOWN_ARGV_BYTES;
    let mut argv = Vec::new();
    for argument in facts.argv.iter().take(SHOWN_ARGUMENTS) {
        if left == 0 {
            break;
        }
        argv.push(shown(argument, left));
        left = left.saturating_sub(argument.len());
    }
    let bytes: usize = facts.argv.iter().map(Vec::len).sum();
    let path = |path: &std::path::Path| shown(path.as_os_str().as_encoded_bytes(), 4096);
    Start {
        pid,
        ppid: facts.ppid,
        pgid: facts.pgid,
        uid: facts.uid,
        argv_is_cut: argv.len() < facts.argv.len() || bytes > SHOWN_ARGV_BYTES,
        argv,
        exe: path(&facts.exe.path),
        script: facts.script.as_ref().map(|script| path(&script.path)),
        cwd: path(&facts.cwd),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_number_of_a_history_line_is_taken_off() {
        let line = |text: &str| String::from_utf8_lossy(without_history_number(text.as_bytes())).into_owned();
        assert_eq!(line("  123  ls -l"), "ls -l");
        assert_eq!(line("    5* rm x"), "rm x");
        assert_eq!(line(" 1000  7z x"), "7z x");
        assert_eq!(line(""), "");
    }
}
