//! When a session ends, and how.

use std::sync::atomic::Ordering;
use std::time::Instant;

use bastide_pty::{Sessions, Signal};
use bastide_wire::Event;
use bastide_wire::control::{CommandNotice, Text};
use bastide_wire::session::ExitStatus;
use bastide_wire::spec::Spec;
use jiff::Timestamp;

use super::together::wall;
use super::{Ended, Ending, Exited, Session};
use crate::backend::{FAILED, Gone, UNKNOWN};
use crate::command::EndReason;
use crate::config::{END_GRACE, ENDED_KEEP};
use crate::event::Happening;
use crate::guard::Guard;
use crate::open::seconds;
use crate::viewer::Viewer;

/// The earlier of lifetime and expiry. Expiry is a wall-clock time, turned into a deadline once.
pub(super) fn latest(spec: &Spec, now: Instant) -> Option<(Instant, EndReason)> {
    let lifetime = seconds(spec.max_lifetime).map(|length| (now + length, EndReason::Lifetime));
    let expiry = spec.expires_at.map(|at| {
        let left = std::time::Duration::try_from(at.duration_since(Timestamp::now())).unwrap_or_default();
        (now + left, EndReason::Expired)
    });
    [lifetime, expiry].into_iter().flatten().min_by_key(|(at, _)| *at)
}

/// The kind of what is said about the end.
const KIND: &str = "ending";

fn in_chinese(text: &Text, level: &str) -> CommandNotice {
    CommandNotice { level: level.to_owned(), zh: text.zh.clone(), ..CommandNotice::default() }
}

/// Of a program that is killed where nobody can be waited for.
const KILLED: ExitStatus = ExitStatus { code: 137, signal: Some(9) };

impl Session {
    /// The next moment at which something is due; none for most sessions most of the time.
    pub(super) fn next_deadline(&self) -> Option<Instant> {
        let unsaid = self.typed.say_at;
        if let Some(ended) = &self.life.ended {
            return [Some(ended.forget_at), unsaid].into_iter().flatten().min();
        }
        if self.life.exited.is_some() {
            return [self.patience_ends(), unsaid].into_iter().flatten().min();
        }
        let held = self.viewers.all.iter().filter_map(|viewer| viewer.filter.flush_at()).min();
        let late_input = self.typed.waiting.front().map(|(_, until)| *until);
        let kill = self.life.ending.as_ref().and_then(|ending| ending.kill_at);
        let latest = self.latest_end().map(|(at, _)| *at);
        let question = self.dialling.as_ref().and_then(|dialling| dialling.next_expiry());
        let guard = self.guard.as_ref().and_then(|guard| guard.next_deadline());
        [
            self.patience_ends(),
            held,
            unsaid,
            late_input,
            kill,
            latest,
            question,
            guard,
            self.abandoned_at().map(|(at, _)| at),
            self.announces_at(),
        ]
        .into_iter()
        .flatten()
        .min()
    }

    /// When a session in which nothing happens ends, watched or not, and one that everybody has left.
    fn abandoned_at(&self) -> Option<(Instant, EndReason)> {
        if self.life.ending.is_some() {
            return None;
        }
        let alone = Some(self.life.alone_since).filter(|_| self.viewers.all.is_empty());
        let active = alone.map_or(self.life.active, |alone| self.life.active.max(alone));
        let idle = self.life.idle_timeout.map(|limit| (active + limit, EndReason::Idle));
        let left = self.life.detach_keep.zip(alone).map(|(limit, alone)| (alone + limit, EndReason::Left));
        [idle, left].into_iter().flatten().min_by_key(|(at, _)| *at)
    }

    /// The earliest of lifetime, expiry and what people have announced; none where it ends already.
    fn latest_end(&self) -> Option<&(Instant, EndReason)> {
        let announced = self.viewers.people.announced_ends();
        let all = self.life.latest.iter().chain(announced).filter(|_| self.life.ending.is_none());
        all.min_by_key(|(at, _)| *at)
    }

    /// The end that comes next, as far as it is known.
    fn next_end(&self) -> Option<(Instant, EndReason)> {
        [self.latest_end().cloned(), self.abandoned_at()].into_iter().flatten().min_by_key(|(at, _)| *at)
    }

    /// When whoever watches is told of the next end; none when they have been.
    fn announces_at(&self) -> Option<Instant> {
        let (at, reason) = self.next_end().filter(|_| !self.viewers.all.is_empty())?;
        let announced = self.life.announced.as_ref().is_some_and(|told| *told == (at, reason));
        let before = at.checked_sub(self.config.ending_notice).unwrap_or(self.life.active);
        (!announced).then_some(before)
    }

    fn announce_end(&mut self, now: Instant) {
        if self.announces_at().is_none_or(|due| due > now) {
            return;
        }
        self.life.announced = self.next_end();
        if let Some((text, ends)) = self.announced(now) {
            self.tell_ending(&text, "warning", ends);
        }
    }

    /// Ends were announced or stopped: says which of those that no key puts off comes first.
    pub(super) fn tell_latest_end(&mut self) {
        let now = self.config.clock.now();
        self.life.announced = self.latest_end().cloned();
        if let Some((text, ends)) = self.announced(now) {
            self.tell_ending(&text, "warning", ends);
        }
        // What is far off is said again when it is near.
        let notice = self.config.ending_notice;
        self.life.announced.take_if(|(at, _)| at.saturating_duration_since(now) > notice);
    }

    /// The words, and when it ends.
    fn announced(&self, now: Instant) -> Option<(Text, Option<String>)> {
        let (at, reason) = self.life.announced.as_ref()?;
        let left = at.saturating_duration_since(now);
        Some((reason.soon(left.as_secs_f64().round() as u64)?, wall(left)))
    }

    /// Somebody has come, typed or printed: an end for want of that is put off.
    pub(super) fn take_announcement_back(&mut self) {
        if !matches!(self.life.announced, Some((_, EndReason::Idle))) {
            return;
        }
        let text = Text { en: "this session goes on".to_owned(), zh: "会话继续".to_owned() };
        self.take_end_back(&text);
    }

    /// What was said of the next end does not hold any more.
    pub(super) fn take_end_back(&mut self, text: &Text) {
        self.life.announced = None;
        self.tell_ending(text, "info", None);
    }

    /// Whoever comes just before the end.
    pub(super) fn tell_newcomer_of_end(&self, viewer: &Viewer) {
        if let Some((text, ends)) = self.announced(self.config.clock.now()) {
            let command = CommandNotice { ends, ..in_chinese(&text, "warning") };
            viewer.notify_about(self.id(), (KIND, &text.en), Some(Box::new(command)));
        }
    }

    fn tell_ending(&self, text: &Text, level: &str, ends: Option<String>) {
        let command = CommandNotice { ends, ..in_chinese(text, level) };
        for viewer in &self.viewers.all {
            viewer.notify_about(self.id(), (KIND, &text.en), Some(Box::new(command.clone())));
        }
    }

    pub(super) async fn deadline_passed(&mut self) {
        let now = self.config.clock.now();
        self.give_up_pacing(now);
        self.say_unsaid(now);
        self.refuse_late_input(now);
        self.release_held_input(now);
        self.expire_questions(now).await;
        self.guard_deadline(now).await;
        self.announce_end(now);
        if self.life.ending.as_ref().and_then(|ending| ending.kill_at).is_some_and(|at| at <= now) {
            self.kill(true).await;
        }
        let due = self.latest_end().cloned();
        for (at, reason) in [due, self.abandoned_at()].into_iter().flatten() {
            if at <= now {
                self.begin_end(reason, false).await;
                break;
            }
        }
    }

    /// Tells the program to end. `swept`: the caller has signalled all its processes already.
    pub(super) async fn begin_end(&mut self, reason: EndReason, swept: bool) {
        let at_once = matches!(reason, EndReason::Killed | EndReason::Shutdown);
        if let Some(ended) = &mut self.life.ended {
            if at_once {
                ended.forget_at = self.config.clock.now();
            }
            return;
        }
        if self.life.exited.is_some() {
            if at_once {
                self.life.ending = Some(Ending { reason, kill_at: None });
                self.drain_and_finish().await;
            }
            return;
        }
        let kills = reason == EndReason::Killed;
        if self.life.ending.is_some() && !kills {
            return;
        }
        if let Some(text) = reason.notice() {
            self.tell_ending(&text, "warning", None);
        }
        let kill_at = (!kills).then(|| self.config.clock.now() + END_GRACE);
        self.life.ending = Some(Ending { reason, kill_at });
        self.refuse_all_input();
        if kills {
            self.kill(!swept).await;
        } else if self.dialling.is_some() {
            // There is nobody yet who could end by themselves.
            self.cut_off(FAILED).await;
        } else if let Some(backend) = &self.backend {
            let told = backend.hang_up();
            tracing::debug!(uid = %self.identity().uid, ?told, "session was hung up");
        }
    }

    /// SIGKILL to the foreground at once, then to whatever else belongs to the terminal.
    async fn kill(&mut self, sweep: bool) {
        if let Some(ending) = &mut self.life.ending {
            ending.kill_at = None;
        }
        let Some(backend) = &self.backend else { return };
        let Some(child) = backend.local() else {
            let told = backend.signal(Signal::Kill);
            tracing::debug!(uid = %self.identity().uid, ?told, "session was killed");
            return self.cut_off(KILLED).await;
        };
        if let Some(gate) = self.guard.as_deref_mut().and_then(Guard::gate)
            && let Err(error) = gate.end()
        {
            tracing::warn!(%error, "the supervisor of a session was not told to end its processes");
        }
        let foreground = child.master.signal(child.pid(), Signal::Kill);
        let leader = child.process.signal(Signal::Kill);
        tracing::debug!(uid = %self.identity().uid, ?foreground, ?leader, "session was killed");
        if !sweep {
            return;
        }
        // Reading /proc takes a millisecond on a busy machine: not on this thread. The program is
        // not reaped while we hold it, so its number is still its own.
        match tokio::task::spawn_blocking(Sessions::read).await {
            Ok(Ok(processes)) => {
                processes.signal(child.pid(), Signal::Kill);
            }
            failed => {
                tracing::warn!(uid = %self.identity().uid, ?failed, "processes of a session were not listed");
            }
        }
    }

    /// The program has ended: its last output at the pace of those who read it, then its exit,
    /// then nothing.
    pub(super) async fn exited(&mut self, gone: Gone) {
        let status = match gone {
            Gone::Exited(status) => status,
            Gone::Signalled(name) => {
                self.notify("ssh", &format!("the program was ended by the signal {name}"));
                FAILED
            }
            Gone::Lost(why) => return self.connection_lost(why).await,
            Gone::Unknown(error) => {
                tracing::error!(uid = %self.identity().uid, %error, "exit status of a session is unknown");
                UNKNOWN
            }
        };
        self.refuse_all_input();
        self.life.exited = Some(Exited { status, drained: 0 });
        let ending = self.life.ending.as_ref().map(|ending| &ending.reason);
        if matches!(ending, Some(EndReason::Killed | EndReason::Shutdown)) {
            self.drain_and_finish().await;
        }
    }

    /// Another turn of the last output.
    pub(super) async fn drain(&mut self) {
        if !self.turn_after_exit() {
            self.finish().await;
        }
    }

    /// Without waiting for anybody.
    pub(super) async fn drain_and_finish(&mut self) {
        while self.turn_after_exit() {}
        self.finish().await;
    }

    /// All output is there.
    async fn finish(&mut self) {
        let Some(Exited { status, .. }) = self.life.exited else { return };
        self.end_guard().await;
        self.backend = None;
        self.end_group().await;
        if let Some(recorder) = &mut self.recording.recorder {
            recorder.exit(Instant::now(), status.code);
        }
        let reason = self.life.ending.take().map_or(EndReason::Exited, |ending| ending.reason);
        let killed = reason == EndReason::Killed;
        let keep =
            if killed || reason == EndReason::Shutdown { std::time::Duration::ZERO } else { ENDED_KEEP };
        let why = reason.connection().map(str::to_owned);
        self.life.ended = Some(Ended { status, why, forget_at: self.config.clock.now() + keep });
        self.handle.vitals.ended.store(true, Ordering::Release);
        self.serve_viewers();
        if killed {
            self.force_exit_events(status);
        }
        self.close_recording().await;
        let (uid, bytes) = (self.identity().uid, self.screen.ring.end());
        self.happenings.tell(Happening::Ended { uid, reason, status: Some(status), bytes }).await;
    }

    /// What its program has left behind in its group goes too.
    async fn end_group(&mut self) {
        let Some(group) = self.life.bounds.group.take() else { return };
        // It waits for the kernel to take them apart: not on this thread.
        let ended = tokio::task::spawn_blocking(move || group.end()).await;
        if !matches!(ended, Ok(true)) {
            tracing::warn!(uid = %self.identity().uid, "processes of a session do not end; its group stays");
        }
    }

    /// True while its program runs.
    pub(super) fn runs(&self) -> bool {
        self.life.exited.is_none() && self.life.ended.is_none()
    }

    /// A killed session is gone at once: also for viewers that have not read everything.
    pub(super) fn force_exit_events(&mut self, status: ExitStatus) {
        let session = self.id();
        for viewer in self.viewers.all.iter_mut().filter(|viewer| !viewer.exit_sent) {
            viewer.exit_sent = true;
            let viewer_number = viewer.number();
            viewer.outbox.event(&Event::Exit(bastide_wire::event::Exit {
                session,
                status,
                viewer: viewer_number,
                pos: viewer_number.map(|_| self.screen.ring.end()),
            }));
        }
    }

    /// True when nobody can ask for it any more.
    pub(super) fn is_over(&self) -> bool {
        self.life.ended.as_ref().is_some_and(|ended| ended.forget_at <= self.config.clock.now())
    }
}
