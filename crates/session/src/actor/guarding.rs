//! What becomes of commands: verdicts to log and viewers, reviews from their beginning to their end.

use std::io;
use std::sync::Arc;
use std::time::Instant;

use bastide_policy::{Action, Bundle, Judge};
use bastide_pty::gate::{Decision, Held, Report, Verdict};
use bastide_wire::Code;
use bastide_wire::control::{
    AlertEntry, CommandFacts, CommandNotice, Decided, MAX_REASON, ProcessFacts, ReviewClosedEntry,
    ReviewNotice, ReviewOpenedEntry, ReviewReply, RulesEntry, Text, VerdictEntry, label,
};
use tokio::time::timeout;
use uuid::Uuid;

use super::Session;
use crate::command::Controlling;
use crate::config::LAST_REPORTS;
use crate::event::{Controlled, Happening};
use crate::guard::watched::{Line, Next};
use crate::guard::{Door, Guard, Review, words};
use crate::outbox::Responder;
use crate::viewer::ViewerKey;

const KIND: &str = "command";

/// How a review ends.
struct Outcome {
    word: &'static str,
    by: Option<String>,
    reason: Option<String>,
}

impl Outcome {
    fn plain(word: &'static str) -> Self {
        Self { word, by: None, reason: None }
    }
}

impl Session {
    /// A report of the supervisor, or its end.
    pub(super) async fn heard(&mut self, heard: io::Result<Option<Report>>) {
        match heard {
            Ok(Some(report)) => self.report(report).await,
            Ok(None) => self.guard_gone("its supervisor has ended").await,
            Err(error) => self.guard_gone(&format!("its supervisor cannot be heard: {error}")).await,
        }
    }

    async fn report(&mut self, report: Report) {
        match report {
            Report::Verdict(verdict) => self.verdict(verdict).await,
            Report::Held(held) => self.held(held).await,
            Report::Withdrawn { id } => {
                let Some(guard) = &mut self.guard else { return };
                let review =
                    guard.reviews.iter().find(|review| review.held == Some(id)).map(|review| review.id);
                if let Some(review) = review.and_then(|review| guard.take_review(review)) {
                    self.review_over(review, Outcome::plain("cancelled")).await;
                }
            }
            Report::Line { shell, text, decision } => self.claimed(shell, &text, &decision).await,
            Report::Exited { .. } => {
                if let Some(guard) = &mut self.guard {
                    guard.told.exited = true;
                }
            }
            Report::Alert { what } => self.alert("guard_failed", what).await,
            // Only at the beginning, which has been.
            Report::Started { .. } | Report::Failed { .. } => {}
        }
    }

    async fn verdict(&mut self, verdict: Verdict) {
        let Some(guard) = &mut self.guard else { return };
        let Verdict { start, decision, loaded, rules, took, untold } = verdict;
        let review = guard.told.review_of(start.pid);
        let line = guard.claims.line_of(&start);
        let entry = VerdictEntry {
            at_ms: guard.at_ms(),
            door: "exec".to_owned(),
            label: guard.label().to_owned(),
            decided: words::decided(&decision, &rules),
            command: words::facts(&start, line.as_deref()),
            process: Some(words::process(&start)),
            took_us: took,
            loaded,
            untold,
            review,
        };
        if untold > 0 {
            let message = format!("{untold} verdicts were not told: nobody read them in time");
            self.alert("report_lost", message).await;
        }
        self.decided(entry, decision.action, words::command(&start.argv)).await;
    }

    /// To the log, and to whoever must know.
    async fn decided(&mut self, entry: VerdictEntry, action: Action, command: String) {
        let by_review = entry.review.is_some();
        let (decided, at_ms) = (entry.decided.clone(), entry.at_ms);
        self.controlled(Controlled::Verdict(entry)).await;
        if action == Action::Deny && !by_review {
            let text = words::refused(&command, &decided);
            self.mark(&text.en);
            self.tell_of_command(&text, "error", None);
        }
        if (action == Action::Deny && !by_review) || action == Action::Alert {
            let alert = AlertEntry {
                what: action.as_str().to_owned(),
                message: String::new(),
                rule: decided.rule,
                command: Some(command),
                at_ms,
            };
            self.controlled(Controlled::Alert(alert)).await;
        }
    }

    /// What a shell says that it will run. The starts that follow are the facts.
    async fn claimed(&mut self, shell: i32, text: &str, decision: &Decision) {
        let Some(guard) = &mut self.guard else { return };
        guard.claims.says(shell, text);
        let entry = VerdictEntry {
            at_ms: guard.at_ms(),
            door: "line".to_owned(),
            label: guard.label().to_owned(),
            decided: words::decided(decision, guard.digest()),
            command: words::line_facts(text),
            ..VerdictEntry::default()
        };
        self.decided(entry, decision.action, words::plain(text)).await;
    }

    async fn held(&mut self, held: Held) {
        let Some(guard) = &mut self.guard else { return };
        let line = guard.claims.line_of(&held.start);
        let facts = words::facts(&held.start, line.as_deref());
        let decided = words::decided(&held.decision, guard.digest());
        let of = (words::command(&held.start.argv), facts, Some(words::process(&held.start)));
        self.begin_review(held.hash, of, (decided, "exec"), Some((held.id, held.start.pid))).await;
    }

    /// Returns the review.
    async fn begin_review(
        &mut self,
        hash: String,
        (command, facts, process): (String, CommandFacts, Option<ProcessFacts>),
        (decided, door): (Decided, &str),
        held: Option<(u64, i32)>,
    ) -> Option<Uuid> {
        let guard = self.guard.as_mut()?;
        let (at_ms, label) = (guard.at_ms(), guard.label().to_owned());
        let review = guard.open_review(hash, command, held);
        let notice = notice(review, "open", None);
        let text = words::waits(&review.command, &decided, &review.expires_at);
        let entry = ReviewOpenedEntry {
            review: review.id,
            hash: review.hash.clone(),
            at_ms,
            door: door.to_owned(),
            label,
            decided,
            command: facts,
            process,
            expires: review.expires_at.clone(),
        };
        let id = review.id;
        self.mark(&text.en);
        self.tell_of_command(&text, "warning", Some(notice));
        self.controlled(Controlled::ReviewOpened(entry)).await;
        Some(id)
    }

    /// One that has been taken from the guard's list.
    async fn review_over(&mut self, review: Review, outcome: Outcome) {
        let Outcome { word, by, reason } = outcome;
        let text = words::closed(&review.command, word, by.as_deref(), reason.as_deref());
        let level = if matches!(word, "approved" | "cancelled") { "info" } else { "error" };
        self.mark(&text.en);
        self.tell_of_command(&text, level, Some(notice(&review, word, by.clone())));
        let at_ms = self.guard.as_ref().map_or(0, |guard| guard.at_ms());
        let entry = ReviewClosedEntry { review: review.id, outcome: word.to_owned(), by, reason, at_ms };
        self.controlled(Controlled::ReviewClosed(entry)).await;
    }

    pub(super) async fn control(&mut self, asked: Controlling) {
        match asked {
            Controlling::Rules(rules, reply) => {
                let set = self.set_rules(rules).await;
                // Whoever asked may have stopped waiting.
                let _ = reply.send(set);
            }
            Controlling::Decide(said, reply) => self.decide(said, reply).await,
            Controlling::Cancel { review, viewer, by, reply } => {
                self.give_up(review, (viewer, by), reply).await;
            }
        }
    }

    async fn set_rules(&mut self, rules: Arc<Bundle>) -> Option<Result<(), String>> {
        let runs = self.runs();
        let guard = self.guard.as_mut().filter(|_| runs)?;
        let set = guard.set_rules(rules);
        let entry = RulesEntry { digest: guard.digest().to_owned(), at_ms: guard.at_ms() };
        match &set {
            Ok(()) => self.controlled(Controlled::Rules(entry)).await,
            Err(why) => self.alert("rules_unreadable", why.clone()).await,
        }
        Some(set)
    }

    /// What a second person says.
    async fn decide(&mut self, said: ReviewReply, reply: Responder) {
        let id = self.id();
        let own = Some(&said.by) == self.identity().user.as_ref() || self.viewers.people.has_typed(&said.by);
        if said.approve && !said.by.is_empty() && own {
            return reply.error(Code::InvalidArgument, "Invalid argument: nobody approves their own command");
        }
        let found = self.guard.as_mut().and_then(|guard| {
            let review = guard.reviews.iter().find(|review| review.id == said.review)?;
            Some((review.hash == said.hash, review.id))
        });
        let Some((same, review)) = found else {
            return reply.error(Code::NotFound, format!("Not found: review {}", said.review));
        };
        if said.approve && !self.happenings.takes() {
            return reply.error(Code::IoError, "this cannot be recorded now; nothing is approved meanwhile");
        }
        if !same {
            let message = "Invalid argument: what waits is not what was looked at";
            return reply.error(Code::InvalidArgument, message);
        }
        let mut reason = said.reason;
        reason.truncate(reason.floor_char_boundary(MAX_REASON));
        let outcome = Outcome {
            word: if said.approve { "approved" } else { "refused" },
            by: Some(said.by).filter(|by| !by.is_empty()),
            reason: Some(reason).filter(|reason| !reason.is_empty()),
        };
        match self.settle(review, outcome).await {
            Ok(()) => reply.session(id),
            Err(why) => reply.error(Code::IoError, why),
        }
    }

    /// Whoever typed it does not want it any more.
    async fn give_up(&mut self, review: Uuid, (viewer, by): (Option<ViewerKey>, String), reply: Responder) {
        let id = self.id();
        if let Some(key) = viewer {
            let writes =
                self.viewers.all.iter().find(|viewer| viewer.key == key).map(|viewer| self.may_type(viewer));
            match writes {
                Some(true) => {}
                Some(false) => return reply.error(Code::ReadOnly, "this viewer only watches"),
                None => {
                    return reply.error(Code::NotFound, format!("Not found: viewer of session {id}"));
                }
            }
        }
        let is_open =
            self.guard.as_ref().is_some_and(|guard| guard.reviews.iter().any(|open| open.id == review));
        if !is_open {
            return reply.error(Code::NotFound, format!("Not found: review {review}"));
        }
        let outcome = Outcome { word: "cancelled", by: Some(by).filter(|by| !by.is_empty()), reason: None };
        match self.settle(review, outcome).await {
            Ok(()) => reply.session(id),
            Err(why) => reply.error(Code::IoError, why),
        }
    }

    /// Answers whoever holds the command, and closes the review.
    async fn settle(&mut self, id: Uuid, outcome: Outcome) -> Result<(), String> {
        let Some(guard) = &mut self.guard else { return Ok(()) };
        let Some(review) = guard.take_review(id) else { return Ok(()) };
        let approve = outcome.word == "approved";
        let mut failure = None;
        match &mut guard.door {
            Door::Gate(link) => {
                if let Some(held) = review.held
                    && let Err(error) = link.answer(held, &review.hash, approve)
                {
                    failure = Some(format!("its supervisor was not told: {error}"));
                }
            }
            Door::Watched { screen, .. } if screen.holds(id) => {
                self.typed.queue.push(if approve {
                    screen.pass_held(Instant::now())
                } else {
                    screen.refuse(Instant::now(), &self.screen.terminal).0
                });
            }
            Door::Watched { .. } | Door::Shut => {}
        }
        if let Some(pid) = review.pid {
            guard.told.decided(pid, id);
        }
        self.write(Ok(()));
        self.review_over(review, outcome).await;
        match failure {
            None => Ok(()),
            Some(why) => {
                self.alert("review_failed", why.clone()).await;
                Err(why)
            }
        }
    }

    pub(super) async fn guard_deadline(&mut self, now: Instant) {
        let Some(guard) = &mut self.guard else { return };
        let followed = guard.follow_zones(now);
        let expired: Vec<Uuid> =
            guard.reviews.iter().filter(|review| review.expires <= now).map(|review| review.id).collect();
        if let Err(why) = followed {
            self.alert("rules_unreadable", why).await;
        }
        for review in expired {
            // A failure has been told.
            let _ = self.settle(review, Outcome::plain("expired")).await;
        }
    }

    /// The line of a shell elsewhere: what may go on goes on.
    pub(super) async fn watch(&mut self) {
        for review in std::mem::take(&mut self.typed.given_up) {
            self.line_given_up(review).await;
        }
        if self.dialling.is_some() || !self.runs() {
            return;
        }
        let mut went = false;
        loop {
            let Some(Guard { door: Door::Watched { screen, judge }, .. }) = self.guard.as_deref_mut() else {
                return;
            };
            match screen.next(Instant::now(), &self.screen.terminal) {
                Next::Wait => break,
                Next::Send(bytes) => {
                    self.typed.queue.push(bytes);
                    went = true;
                }
                Next::Ask(line) => {
                    let verdict = strictest(judge, &line);
                    self.watched(line, &verdict).await;
                    went = true;
                }
            }
        }
        if went {
            self.write(Ok(()));
        }
    }

    async fn watched(&mut self, line: Line, verdict: &bastide_policy::Verdict) {
        let now = Instant::now();
        let decision = words::decision(verdict);
        let Some(guard) = &mut self.guard else { return };
        let decided = words::decided(&decision, guard.digest());
        let (command, facts) = (words::plain(&line.text), words::line_facts(&line.text));
        let at_ms = guard.at_ms();
        let Door::Watched { screen, .. } = &mut guard.door else { return };
        match verdict.action {
            Action::Allow | Action::Alert => self.typed.queue.push(screen.pass(now, &line)),
            // Cleared there before anybody is told.
            Action::Deny => self.typed.queue.push(screen.refuse(now, &self.screen.terminal).0),
            Action::Review => {
                let hash = screen.hash(&line);
                let of = (command, facts, None);
                let review = self.begin_review(hash, of, (decided, "watched"), None).await;
                if let Some(Guard { door: Door::Watched { screen, .. }, .. }) = self.guard.as_deref_mut()
                    && let Some(review) = review
                {
                    screen.hold(review, line);
                }
                return;
            }
        }
        self.write(Ok(()));
        let entry = VerdictEntry {
            at_ms,
            door: "watched".to_owned(),
            label: label::WATCHED.to_owned(),
            decided,
            command: facts,
            ..VerdictEntry::default()
        };
        self.decided(entry, verdict.action, command).await;
    }

    /// Ctrl-C while a line waits.
    async fn line_given_up(&mut self, review: Uuid) {
        if let Some(review) = self.guard.as_mut().and_then(|guard| guard.take_review(review)) {
            self.review_over(review, Outcome::plain("cancelled")).await;
        }
    }

    /// The program has ended: what was decided before is told before its end is.
    pub(super) async fn end_guard(&mut self) {
        while let Some(gate) =
            self.guard.as_deref_mut().filter(|guard| !guard.told.exited).and_then(Guard::gate)
        {
            match timeout(LAST_REPORTS, gate.next()).await {
                Ok(Ok(Some(report))) => self.report(report).await,
                Ok(heard) => {
                    self.heard(heard).await;
                    break;
                }
                Err(_) => break,
            }
        }
        let Some(guard) = &mut self.guard else { return };
        for review in std::mem::take(&mut guard.reviews) {
            self.review_over(review, Outcome::plain("cancelled")).await;
        }
    }

    async fn guard_gone(&mut self, why: &str) {
        let Some(guard) = &mut self.guard else { return };
        if guard.told.exited {
            // The last of its processes has ended too.
            guard.door = Door::Shut;
            return;
        }
        guard.shut(why);
        let text = words::failed(why);
        self.mark(&text.en);
        self.tell_of_command(&text, "error", None);
        self.alert("supervisor_died", why.to_owned()).await;
        let Some(guard) = &mut self.guard else { return };
        for review in std::mem::take(&mut guard.reviews) {
            self.review_over(review, Outcome::plain("cancelled")).await;
        }
    }

    pub(super) async fn alert(&mut self, what: &str, message: String) {
        let at_ms = self.guard.as_ref().map_or(0, |guard| guard.at_ms());
        tracing::warn!(uid = %self.identity().uid, what, message, "command control");
        let alert = AlertEntry { what: what.to_owned(), message, rule: None, command: None, at_ms };
        self.controlled(Controlled::Alert(alert)).await;
    }

    async fn controlled(&mut self, what: Controlled) {
        let uid = self.identity().uid;
        self.happenings.tell(Happening::Controlled { uid, what: Box::new(what) }).await;
    }

    /// To every viewer, in both languages; never to the backend.
    fn tell_of_command(&mut self, text: &Text, level: &str, review: Option<ReviewNotice>) {
        let bearable = self.guard.as_mut().is_some_and(|guard| guard.told.may_notify(Instant::now()));
        // How a review goes is always told: somebody waits.
        if review.is_none() && !bearable {
            return;
        }
        let command = CommandNotice { level: level.to_owned(), zh: text.zh.clone(), review, ends: None };
        for viewer in &self.viewers.all {
            viewer.notify_about(self.id(), (KIND, &text.en), Some(Box::new(command.clone())));
        }
    }

    /// How the control itself is, which is always told.
    pub(super) fn tell_state(&self, text: &Text, level: &str) {
        let command =
            CommandNotice { level: level.to_owned(), zh: text.zh.clone(), ..CommandNotice::default() };
        for viewer in &self.viewers.all {
            viewer.notify_about(self.id(), (KIND, &text.en), Some(Box::new(command.clone())));
        }
    }

    /// What waits, and whether anything can run.
    pub(super) fn tell_newcomer_of_commands(&self, viewer: &crate::viewer::Viewer) {
        let Some(guard) = &self.guard else { return };
        for review in &guard.reviews {
            let text = words::waits(&review.command, &Decided::default(), &review.expires_at);
            let review = Some(notice(review, "open", None));
            let command = CommandNotice { level: "warning".to_owned(), zh: text.zh, review, ends: None };
            viewer.notify_about(self.id(), (KIND, &text.en), Some(Box::new(command)));
        }
        if let Some(why) = guard.describe().failure {
            let text = words::failed(&why);
            let command =
                CommandNotice { level: "error".to_owned(), zh: text.zh, ..CommandNotice::default() };
            viewer.notify_about(self.id(), (KIND, &text.en), Some(Box::new(command)));
        }
    }
}

fn notice(review: &Review, state: &str, by: Option<String>) -> ReviewNotice {
    ReviewNotice {
        review: review.id,
        state: state.to_owned(),
        command: review.command.clone(),
        expires: review.expires_at.clone(),
        by,
    }
}

/// A line may be read in more than one way: the strictest verdict counts.
fn strictest(judge: &mut Judge, line: &Line) -> bastide_policy::Verdict {
    judge.set_now(jiff::Timestamp::now().as_second());
    line.readings()
        .map(|reading| judge.line(reading))
        // Of equals the first: it is the one that people see.
        .reduce(|strictest, next| if next.action > strictest.action { next } else { strictest })
        .expect("a line has at least one reading")
}
