//! A program start waits for a person.

use std::time::Duration;

use bastide_pty::gate::{Action, Held, Profile, Report};

use super::desk::{Desk, NO_RULES, at_prompt, rules, set, setup};
use crate::terminals::program;

async fn held(desk: &mut Desk) -> Held {
    let report = desk.report(|report| matches!(report, Report::Held(_))).await;
    let Report::Held(held) = report else { unreachable!() };
    desk.reports.retain(|report| !matches!(report, Report::Held(_)));
    held
}

fn waiting_for(programs: &[&str]) -> String {
    set("review", programs)
}

#[tokio::test]
async fn what_is_approved_runs_and_what_is_not_does_not() {
    for attached in [false, true] {
        let script = "hostname --version | head -n1; hostname || echo refused=$?";
        let mut asked =
            setup(program("/bin/bash", &["-c", script]), Profile::Workbench, &waiting_for(&["hostname"]));
        asked.attached = attached;
        let mut desk = Desk::open(asked).await;
        let first = held(&mut desk).await;
        assert_eq!(first.start.argv, ["hostname", "--version"]);
        assert_eq!(first.decision.action, Action::Review);
        assert_eq!(first.hash.len(), 64);
        desk.gated.control.answer(first.id, &first.hash, true).unwrap();
        let second = held(&mut desk).await;
        assert_ne!(first.hash, second.hash);
        desk.gated.control.answer(second.id, &second.hash, false).unwrap();
        let (output, _) = desk.finish().await;
        assert!(output.starts_with("hostname "), "{output}");
        assert!(output.contains("Operation not permitted") && output.ends_with("refused=126\n"), "{output}");
        assert_eq!(desk.actions("hostname"), [(Action::Allow, true), (Action::Deny, false)]);
    }
}

/// An approval is of exactly what was looked at.
#[tokio::test]
async fn an_approval_of_something_else_is_a_refusal() {
    let mut desk =
        Desk::bash(Profile::Workbench, &waiting_for(&["hostname"]), "hostname || echo refused=$?").await;
    let asked = held(&mut desk).await;
    desk.gated.control.answer(asked.id, &"0".repeat(64), true).unwrap();
    let (output, _) = desk.finish().await;
    assert!(output.ends_with("refused=126\n"), "{output}");
}

#[tokio::test]
async fn what_nobody_answers_is_refused_after_its_time() {
    let mut asked = setup(
        program("/bin/bash", &["-c", "hostname || echo refused=$?"]),
        Profile::Closed,
        &waiting_for(&["hostname"]),
    );
    asked.review_limit = Duration::from_millis(100);
    let mut desk = Desk::open(asked).await;
    let (output, _) = desk.finish().await;
    assert!(output.contains("Operation not permitted") && output.ends_with("refused=126\n"), "{output}");
}

#[tokio::test]
async fn ctrl_c_withdraws_it_and_others_go_on_meanwhile() {
    let mut desk = Desk::open(setup(at_prompt(), Profile::Workbench, &waiting_for(&["hostname"]))).await;
    desk.until("$ ").await;
    desk.type_in("sleep 0.2 && echo back''ground &\r").await;
    desk.type_in("hostname\r").await;
    let asked = held(&mut desk).await;
    desk.until("background").await;
    desk.type_in("\u{3}").await;
    desk.report(|report| matches!(report, Report::Withdrawn { id } if *id == asked.id)).await;
    // Late: it is nobody's question any more.
    desk.gated.control.answer(asked.id, &asked.hash, true).unwrap();
    desk.type_in("echo status=$?\r").await;
    desk.until("status=130").await;
    assert!(desk.actions("hostname").is_empty());
}

#[tokio::test]
async fn new_rules_count_from_then_on_and_bad_ones_change_nothing() {
    let mut desk = Desk::open(setup(at_prompt(), Profile::Workbench, NO_RULES)).await;
    desk.until("$ ").await;
    desk.type_in("id -u; echo first=$?\r").await;
    desk.until("first=0").await;
    desk.gated.control.set_rules(&rules(&set("deny", &["id"]))).unwrap();
    let mut bad = rules(NO_RULES);
    bad.bundle = "{}".to_owned();
    desk.gated.control.set_rules(&bad).unwrap();
    desk.report(|report| matches!(report, Report::Alert { .. })).await;
    desk.type_in("id -u; echo second=$?\r").await;
    desk.until("second=126").await;
    let is_refusal = |report: &Report| matches!(report, Report::Verdict(verdict) if verdict.decision.action == Action::Deny);
    desk.report(is_refusal).await;
    let digests: Vec<_> = desk.verdicts("id").iter().map(|verdict| verdict.rules.clone()).collect();
    assert_eq!(digests.len(), 2);
    assert_ne!(digests[0], digests[1]);
}

/// What is decided must be recorded somewhere.
#[tokio::test]
async fn nothing_starts_while_the_log_takes_nothing() {
    let mut desk = Desk::open(setup(at_prompt(), Profile::Workbench, &set("review", &["hostname"]))).await;
    desk.until("$ ").await;
    desk.type_in("/bin/echo one\n").await;
    desk.until("one\r\n\u{1b}").await;
    desk.type_in("hostname --version\n").await;
    let report = desk.report(|report| matches!(report, Report::Held(_))).await;
    let Report::Held(held) = report else { unreachable!() };
    desk.gated.control.set_log(false).unwrap();
    desk.gated.control.answer(held.id, &held.hash, true).unwrap();
    desk.until("Operation not permitted\r\n").await;
    desk.type_in("/bin/echo two\n").await;
    desk.until("Operation not permitted\r\n").await;
    desk.gated.control.set_log(true).unwrap();
    desk.type_in("/bin/echo three\n").await;
    desk.until("\rthree\r\n").await;
    let is_third = |report: &Report| matches!(report, Report::Verdict(verdict) if verdict.start.argv == ["/bin/echo", "three"]);
    let Report::Verdict(third) = desk.report(is_third).await else { unreachable!() };
    assert_eq!(third.untold, 1);
}
