//! Program starts that wait for a person.

use std::os::fd::OwnedFd;
use std::time::Instant;

use rustix::process::{Pid, PidfdFlags};
use sha2::{Digest, Sha256};

use bastide_policy::Action;

use super::super::facts::{Decision, Executable, Facts};
use super::super::kernel::Notification;
use super::super::link::Hearing;
use super::super::refusals::rule;
use super::super::wire::{self, Held, Report};
use super::Supervisor;
use super::before::{Flight, Leave, start};

/// Program starts of one session that can wait at once. Each is a process that stands still.
const HELD: usize = 64;
/// Bytes of their arguments, all together.
const HELD_BYTES: usize = 4 * 1024 * 1024;

struct Entry {
    question: Notification,
    facts: Facts,
    decision: Decision,
    hash: String,
    since: Instant,
    held_since: Instant,
    until: Instant,
    /// Readable when the process has ended, so that nobody answers for nothing.
    process: Option<OwnedFd>,
}

#[derive(Default)]
pub(super) struct Waiting {
    all: Vec<Entry>,
}

impl Waiting {
    pub(super) fn watched(&self) -> impl Iterator<Item = (u64, &OwnedFd)> {
        self.all.iter().filter_map(|entry| Some((entry.question.id, entry.process.as_ref()?)))
    }

    pub(super) fn deadline(&self) -> Option<Instant> {
        self.all.iter().map(|entry| entry.until).min()
    }

    fn take(&mut self, is_wanted: impl Fn(&Entry) -> bool) -> Option<Entry> {
        let place = self.all.iter().position(is_wanted)?;
        Some(self.all.swap_remove(place))
    }
}

impl Supervisor {
    pub(super) fn hold(&mut self, question: Notification, facts: Facts, decision: Decision, since: Instant) {
        let bytes = |facts: &Facts| facts.argv.iter().map(Vec::len).sum::<usize>();
        let held: usize = self.held.all.iter().map(|entry| bytes(&entry.facts)).sum();
        if self.held.all.len() >= HELD || held + bytes(&facts) > HELD_BYTES {
            let decision = Decision::deny(rule::TOO_MANY);
            self.report(question.tid, &facts, decision, (false, since.elapsed()));
            return self.refuse(question.id, libc::EPERM);
        }
        let pid = Pid::from_raw(question.tid);
        let process = pid.and_then(|pid| rustix::process::pidfd_open(pid, PidfdFlags::empty()).ok());
        let now = Instant::now();
        let entry = Entry {
            hash: hash(&facts),
            question,
            facts,
            decision,
            since,
            held_since: now,
            until: now + self.gate.review_limit,
            process,
        };
        self.link.tell(Report::Held(Held {
            id: question.id,
            start: start(question.tid, &entry.facts),
            decision: entry.decision.clone(),
            hash: entry.hash.clone(),
            limit: self.gate.review_limit,
        }));
        self.held.all.push(entry);
    }

    /// An approval counts for the hash that it names and nothing else.
    pub(super) fn answered(&mut self, id: u64, hash: &str, approve: bool) {
        let Some(entry) = self.held.take(|entry| entry.question.id == id) else {
            return;
        };
        // Nobody would ever know who approved it.
        let is_recorded = self.link.hearing() != Hearing::Unheard;
        if approve && entry.hash == hash && is_recorded {
            let held = entry.held_since.elapsed();
            let flight = Flight { facts: entry.facts, leave: Leave::Reviewer, since: entry.since, held };
            self.launch(&entry.question, flight);
        } else {
            self.turn_away(entry);
        }
    }

    /// Their time is over, or there is nobody any more who could approve.
    pub(super) fn expire_held(&mut self) {
        let now = Instant::now();
        let alone = self.link.hearing() == Hearing::Gone;
        while let Some(entry) = self.held.take(|entry| alone || entry.until <= now) {
            self.turn_away(entry);
        }
    }

    /// Their processes have ended: Ctrl-C, most of the time.
    pub(super) fn drop_withdrawn(&mut self, ids: &[u64]) {
        for id in ids {
            if self.held.take(|entry| entry.question.id == *id).is_some() {
                self.link.tell(Report::Withdrawn { id: *id });
            }
        }
    }

    fn turn_away(&mut self, entry: Entry) {
        let decision = Decision {
            action: Action::Deny,
            rule: entry.decision.rule.or_else(|| Some(rule::NOT_APPROVED.to_owned())),
            reason: Some(wire::refused_by_reviewer()),
            dry_run: entry.decision.dry_run,
        };
        let took = entry.held_since.saturating_duration_since(entry.since);
        self.report(entry.question.tid, &entry.facts, decision, (false, took));
        self.refuse(entry.question.id, libc::EPERM);
    }
}

/// Over everything that will run, each part with its length before it.
fn hash(facts: &Facts) -> String {
    let mut hasher = Sha256::new();
    let mut part = |bytes: &[u8]| {
        hasher.update((bytes.len() as u64).to_le_bytes());
        hasher.update(bytes);
    };
    let mut file = |file: &Executable| {
        part(file.path.as_os_str().as_encoded_bytes());
        part(&file.device.to_le_bytes());
        part(&file.inode.to_le_bytes());
        part(&file.changed.0.to_le_bytes());
        part(&file.changed.1.to_le_bytes());
    };
    file(&facts.exe);
    if let Some(script) = &facts.script {
        file(script);
    }
    part(&facts.execfn);
    part(&(facts.argv.len() as u64).to_le_bytes());
    facts.argv.iter().for_each(|argument| part(argument));
    part(facts.cwd.as_os_str().as_encoded_bytes());
    part(&facts.uid.to_le_bytes());
    bastide_policy::hex(&hasher.finalize())
}
