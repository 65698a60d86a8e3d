//! Verdicts and reviews, with reports that are made up: the kernel's are tested where the program is.

use std::sync::Arc;
use std::time::Duration;

use bastide_policy::{Action, Bundle, RuleSet};
use bastide_pty::gate::{Decision, Held, Report, Start, Verdict};
use bastide_wire::control::{CommandNotice, Control, ReviewReply, VerdictEntry, label};
use bastide_wire::event::Event;
use bastide_wire::spec::Subject;
use bastide_wire::{Code, Reply};
use tokio::sync::mpsc;
use uuid::Uuid;

use super::live::{Client, Live, Setup, WATCHER, Wish, within};
use super::together::Page;
use crate::guard::{Ordered, Scripted};
use crate::{Command, Controlled, Controlling, EndReason, Happening};

const WRITER: Wish = Wish { viewer: Some(1), write: true, credit: 100_000_000 };

fn bundle(action: &str) -> Arc<Bundle> {
    let set = format!(
        r#"{{"version":1,"rules":[{{"id":"the-rule","priority":1,"action":"{action}","match":{{"programs":["rm"]}}}}]}}"#
    );
    Arc::new(Bundle::new(&RuleSet::parse(set.as_bytes()).unwrap()).unwrap())
}

fn start(pid: i32, argv: &[&str]) -> Start {
    Start {
        pid,
        ppid: 1,
        pgid: pid,
        uid: 1000,
        argv: argv.iter().map(|word| (*word).to_owned()).collect(),
        argv_is_cut: false,
        exe: format!("/usr/bin/{}", argv[0]),
        script: None,
        cwd: "/tmp".into(),
    }
}

fn verdict(pid: i32, argv: &[&str], action: Action) -> Report {
    let decision = Decision::by(action, "the-rule");
    let start = start(pid, argv);
    Report::Verdict(Verdict { start, decision, loaded: false, rules: "d1".into(), took: 7, untold: 0 })
}

fn held(id: u64, pid: i32) -> Report {
    Report::Held(Held {
        id,
        start: start(pid, &["rm", "-rf", "x"]),
        decision: Decision::by(Action::Review, "the-rule"),
        hash: format!("hash-{id}"),
        limit: Duration::from_secs(60),
    })
}

/// A session, and its supervisor's place.
struct Guarded {
    live: Live,
    reports: Option<mpsc::Sender<Report>>,
    orders: mpsc::Receiver<Ordered>,
}

impl Guarded {
    async fn open(limit: Option<u64>) -> Self {
        let (reports, heard) = mpsc::channel(16);
        let (sender, orders) = mpsc::channel(16);
        let mut setup = Setup::new();
        setup.spec.subject = Some(Subject { user: "ada".into(), ..Subject::default() });
        setup.spec.control = Some(Control { review_limit: limit, ..Control::default() });
        let scripted = Scripted { reports: heard, orders: sender };
        let live = setup.guarded("exec sleep 1000", scripted, bundle("deny")).await;
        Self { live, reports: Some(reports), orders }
    }

    async fn reports(&self, report: Report) {
        self.reports.as_ref().unwrap().send(report).await.unwrap();
    }

    async fn controlled(&mut self, what: &str, is: impl Fn(&Controlled) -> bool) -> Controlled {
        let is = |happening: &Happening| matches!(happening, Happening::Controlled { what, .. } if is(what));
        let Happening::Controlled { what, .. } = self.live.happens(what, is).await else { unreachable!() };
        *what
    }

    async fn entry(&mut self) -> VerdictEntry {
        match self.controlled("a verdict", |what| matches!(what, Controlled::Verdict(_))).await {
            Controlled::Verdict(entry) => entry,
            _ => unreachable!(),
        }
    }

    /// Its review, with the limit's text.
    async fn opened(&mut self) -> bastide_wire::control::ReviewOpenedEntry {
        match self.controlled("a review", |what| matches!(what, Controlled::ReviewOpened(_))).await {
            Controlled::ReviewOpened(entry) => entry,
            _ => unreachable!(),
        }
    }

    async fn closed(&mut self) -> String {
        match self.controlled("its end", |what| matches!(what, Controlled::ReviewClosed(_))).await {
            Controlled::ReviewClosed(entry) => entry.outcome,
            _ => unreachable!(),
        }
    }

    async fn order(&mut self) -> Ordered {
        within("an order", self.orders.recv()).await.unwrap()
    }

    async fn decide(
        &self,
        client: &mut Client,
        review: Uuid,
        (approve, hash, by): (bool, &str, &str),
    ) -> Reply {
        let said = ReviewReply {
            uid: Uuid::nil(),
            review,
            approve,
            hash: hash.into(),
            by: by.into(),
            reason: "because".into(),
        };
        let asked = Controlling::Decide(said, client.responder(9));
        self.live.send(Command::Control(Box::new(asked))).await;
        client.reply().await
    }
}

fn notices(client: &Client) -> Vec<(String, CommandNotice)> {
    let of = |event: &Event| match event {
        Event::Notice(notice) => Some((notice.text.clone(), notice.command.as_deref()?.clone())),
        _ => None,
    };
    client.events.iter().filter_map(of).collect()
}

fn refused(reply: &Reply, code: Code) -> bool {
    matches!(reply, Reply::Error(error) if error.code == code.as_str())
}

#[tokio::test]
async fn a_refused_command_is_logged_and_told_to_viewers_and_not_to_the_program() {
    let mut guarded = Guarded::open(None).await;
    let mut client = Client::new(1);
    guarded.live.attach(&mut client, WATCHER).await;
    guarded.reports(verdict(5, &["rm", "-rf", "x"], Action::Deny)).await;
    let entry = guarded.entry().await;
    assert_eq!((entry.door.as_str(), entry.label.as_str()), ("exec", label::GATED));
    assert_eq!((entry.decided.action.as_str(), entry.decided.digest.as_str()), ("deny", "d1"));
    assert_eq!((entry.command.program.as_str(), entry.command.argv.len()), ("rm", 3));
    client.until("the notice", |client| !notices(client).is_empty()).await;
    let (text, command) = notices(&client).remove(0);
    assert_eq!(text, "command refused: rm -rf x (the-rule)");
    assert_eq!((command.level.as_str(), command.zh.as_str()), ("error", "命令被拦截: rm -rf x（the-rule）"));
    assert!(client.output.is_empty(), "it is no output");
    let info = guarded.live.describe().await.control.unwrap();
    assert_eq!((info.label.as_str(), info.failure), (label::GATED, None));
}

#[tokio::test]
async fn who_typed_in_the_session_does_not_approve_what_waits_in_it() {
    let mut guarded = Guarded::open(None).await;
    let mut rob = Page::open(&guarded.live, 1, "rob", true).await;
    rob.types(&guarded.live, "rm -rf x\r").await;
    guarded.reports(held(3, 10)).await;
    let opened = guarded.opened().await;
    let mut other = Client::new(2);
    let own = guarded.decide(&mut other, opened.review, (true, &opened.hash, "rob")).await;
    assert!(refused(&own, Code::InvalidArgument), "{own:?}");
    let by = guarded.decide(&mut other, opened.review, (true, &opened.hash, "grace")).await;
    assert!(matches!(by, Reply::Ok(_)), "{by:?}");
}

#[tokio::test]
async fn verdicts_keep_their_order_and_the_line_that_they_came_from() {
    let mut guarded = Guarded::open(None).await;
    let line = Report::Line { shell: 1, text: "make && ls".into(), decision: Decision::allow() };
    guarded.reports(line).await;
    for pid in [10, 11, 12] {
        guarded.reports(verdict(pid, &["cc"], Action::Allow)).await;
    }
    assert_eq!(guarded.entry().await.door, "line");
    for pid in [10, 11, 12] {
        let entry = guarded.entry().await;
        assert_eq!((entry.process.unwrap().pid, entry.command.line.as_deref()), (pid, Some("make && ls")));
    }
}

#[tokio::test]
async fn a_held_command_runs_when_somebody_else_approves_exactly_it() {
    let mut guarded = Guarded::open(None).await;
    let mut client = Client::new(1);
    guarded.live.attach(&mut client, WRITER).await;
    guarded.reports(held(3, 7)).await;
    let opened = guarded.opened().await;
    assert_eq!(guarded.live.describe().await.control.unwrap().reviews, [opened.review]);
    let other = guarded.decide(&mut client, opened.review, (true, "hash-4", "grace")).await;
    assert!(refused(&other, Code::InvalidArgument), "{other:?}");
    let own = guarded.decide(&mut client, opened.review, (true, &opened.hash, "ada")).await;
    assert!(refused(&own, Code::InvalidArgument), "{own:?}");
    let reply = guarded.decide(&mut client, opened.review, (true, &opened.hash, "grace")).await;
    assert!(matches!(reply, Reply::Ok(_)), "{reply:?}");
    assert_eq!(guarded.order().await, Ordered::Answer(3, "hash-3".into(), true));
    assert_eq!(guarded.closed().await, "approved");
    let again = guarded.decide(&mut client, opened.review, (false, &opened.hash, "grace")).await;
    assert!(refused(&again, Code::NotFound), "{again:?}");
    guarded.reports(verdict(7, &["rm", "-rf", "x"], Action::Review)).await;
    assert_eq!(guarded.entry().await.review, Some(opened.review));
    client.until("both notices", |client| notices(client).len() == 2).await;
    let states: Vec<_> =
        notices(&client).into_iter().map(|(_, command)| command.review.unwrap().state).collect();
    assert_eq!(states, ["open", "approved"]);
}

#[tokio::test]
async fn nobody_in_time_is_a_refusal() {
    let mut guarded = Guarded::open(Some(0)).await;
    guarded.reports(held(3, 7)).await;
    assert_eq!(guarded.order().await, Ordered::Answer(3, "hash-3".into(), false));
    assert_eq!(guarded.closed().await, "expired");
}

#[tokio::test]
async fn who_typed_it_can_give_it_up_by_hand_and_by_ctrl_c() {
    let mut guarded = Guarded::open(None).await;
    let (mut watcher, mut writer) = (Client::new(1), Client::new(2));
    guarded.live.attach(&mut watcher, WATCHER).await;
    guarded.live.attach(&mut writer, WRITER).await;
    guarded.reports(held(3, 7)).await;
    let review = guarded.opened().await.review;
    let cancel = |client: &Client| {
        let viewer = Some(client.key(Some(1)));
        let asked = Controlling::Cancel { review, viewer, by: "ada".into(), reply: client.responder(9) };
        Command::Control(Box::new(asked))
    };
    guarded.live.send(cancel(&watcher)).await;
    assert!(refused(&watcher.reply().await, Code::ReadOnly));
    guarded.live.send(cancel(&writer)).await;
    assert!(matches!(writer.reply().await, Reply::Ok(_)));
    assert_eq!(guarded.order().await, Ordered::Answer(3, "hash-3".into(), false));
    assert_eq!(guarded.closed().await, "cancelled");
    // The supervisor says that the process of another one has ended.
    guarded.reports(held(4, 8)).await;
    guarded.opened().await;
    guarded.reports(Report::Withdrawn { id: 4 }).await;
    assert_eq!(guarded.closed().await, "cancelled");
}

#[tokio::test]
async fn a_supervisor_that_dies_is_an_alert_and_shown() {
    let mut guarded = Guarded::open(None).await;
    let mut client = Client::new(1);
    guarded.live.attach(&mut client, WATCHER).await;
    guarded.reports(held(3, 7)).await;
    guarded.opened().await;
    guarded.reports = None;
    let is_alert =
        |what: &Controlled| matches!(what, Controlled::Alert(alert) if alert.what == "supervisor_died");
    guarded.controlled("the alert", is_alert).await;
    assert_eq!(guarded.closed().await, "cancelled");
    assert!(guarded.live.describe().await.control.unwrap().failure.is_some());
    let told = |client: &Client| {
        notices(client).iter().any(|(text, _)| text.starts_with("command control has failed"))
    };
    client.until("the notice", told).await;
    let mut late = Client::new(2);
    guarded.live.attach(&mut late, WATCHER).await;
    late.until("the notice, later", told).await;
}

#[tokio::test]
async fn while_the_log_takes_nothing_nothing_starts_and_nothing_is_approved() {
    let mut guarded = Guarded::open(None).await;
    let mut client = Client::new(1);
    guarded.live.attach(&mut client, WRITER).await;
    guarded.reports(held(3, 7)).await;
    let opened = guarded.opened().await;
    let log = guarded.live.setup.log_takes.clone();
    log.send_replace(false);
    assert_eq!(guarded.order().await, Ordered::Log(false));
    let is_alert = |what: &Controlled| matches!(what, Controlled::Alert(alert) if alert.what == "log_failed");
    guarded.controlled("the alert", is_alert).await;
    let reply = guarded.decide(&mut client, opened.review, (true, &opened.hash, "grace")).await;
    assert!(refused(&reply, Code::IoError), "{reply:?}");
    assert!(guarded.live.describe().await.control.unwrap().failure.is_some());
    let told = |client: &Client, words: &str| {
        notices(client).iter().any(|(text, notice)| text.contains(words) && notice.zh.contains("日志"))
    };
    client.until("the notice", |client| told(client, "no program starts")).await;
    log.send_replace(true);
    assert_eq!(guarded.order().await, Ordered::Log(true));
    assert!(guarded.live.describe().await.control.unwrap().failure.is_none());
    client.until("the other notice", |client| told(client, "start again")).await;
    let reply = guarded.decide(&mut client, opened.review, (true, &opened.hash, "grace")).await;
    assert!(matches!(reply, Reply::Ok(_)), "{reply:?}");
    // Whoever keeps the log is gone for good.
    drop(log);
    drop(std::mem::replace(&mut guarded.live.setup.log_takes, tokio::sync::watch::Sender::new(true)));
    assert_eq!(guarded.order().await, Ordered::Answer(3, "hash-3".into(), true));
    assert_eq!(guarded.order().await, Ordered::Log(false));
}

#[tokio::test]
async fn other_rules_hold_from_the_next_verdict_on() {
    let mut guarded = Guarded::open(None).await;
    let (sender, answer) = tokio::sync::oneshot::channel();
    let rules = bundle("review");
    guarded.live.send(Command::Control(Box::new(Controlling::Rules(Arc::clone(&rules), sender)))).await;
    assert_eq!(within("an answer", answer).await.unwrap(), Some(Ok(())));
    let Ordered::Rules(set) = guarded.order().await else { panic!("other orders") };
    assert_eq!(set.bundle.as_bytes(), rules.bytes());
    assert_eq!(set.subject.user, "ada");
    let changed = guarded.controlled("the entry", |what| matches!(what, Controlled::Rules(_))).await;
    let Controlled::Rules(entry) = changed else { unreachable!() };
    assert_eq!(guarded.live.describe().await.control.unwrap().rules, Some(entry.digest));
}

#[tokio::test]
async fn what_was_decided_before_the_end_is_told_before_it() {
    let mut guarded = Guarded::open(None).await;
    guarded.reports(verdict(5, &["ls"], Action::Allow)).await;
    guarded.reports(Report::Exited { code: 0, signal: None }).await;
    guarded.live.end(EndReason::Killed).await;
    assert_eq!(guarded.order().await, Ordered::End, "an explicit kill ends the whole tree");
    guarded.entry().await;
    guarded.live.happens("the end", |h| matches!(h, Happening::Ended { .. })).await;
}

#[tokio::test]
async fn a_loop_of_refusals_does_not_flood_the_viewers() {
    let mut guarded = Guarded::open(None).await;
    let mut client = Client::new(1);
    guarded.live.attach(&mut client, WATCHER).await;
    for pid in 0..100 {
        guarded.reports(verdict(pid, &["rm"], Action::Deny)).await;
        guarded.entry().await;
    }
    guarded.reports(held(3, 7)).await;
    let is_open = |client: &Client| notices(client).iter().any(|(_, command)| command.review.is_some());
    client.until("the review, told in any case", is_open).await;
    assert!(notices(&client).len() < 60, "{} notices", notices(&client).len());
}
