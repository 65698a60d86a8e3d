//! The shell says which line it is about to run.

use bastide_pty::gate::{Action, Profile, Report, Setup};

use super::desk::{Desk, set, setup};
use crate::terminals::program;

fn telling(path: &str, args: &[&str]) -> Setup {
    let mut spawn = program(path, args);
    spawn.env.push(("PS1".into(), "$ ".into()));
    let mut asked = setup(spawn, Profile::Workbench, &set("deny", &["forbidden"]));
    asked.tells_lines = true;
    asked
}

async fn tells_lines(asked: Setup, prompt: &str) {
    let mut desk = Desk::open(asked).await;
    desk.until(prompt).await;
    desk.type_in("echo one | cat; true\r").await;
    let is_first =
        |report: &Report| matches!(report, Report::Line { text, .. } if text == "echo one | cat; true");
    let Report::Line { shell, decision, .. } = desk.report(is_first).await else { unreachable!() };
    assert_eq!(shell, desk.gated.child.pid());
    assert_eq!(decision.action, Action::Allow);
    // A builtin is in no exec; the line is.
    desk.type_in("export A=1\r").await;
    desk.report(|report| matches!(report, Report::Line { text, .. } if text == "export A=1")).await;
}

#[tokio::test]
async fn bash_tells_its_lines_and_a_refused_one_does_not_run() {
    let asked = telling("/bin/bash", &["--norc", "--noprofile", "-i"]);
    tells_lines(asked.clone(), "$ ").await;
    let mut desk = Desk::open(asked).await;
    desk.until("$ ").await;
    desk.type_in("echo by''pass; forbidden\r").await;
    let report = desk.report(|report| matches!(report, Report::Line { .. })).await;
    let Report::Line { decision, .. } = report else { unreachable!() };
    assert_eq!(decision.action, Action::Deny);
    desk.type_in("echo on''ward\r").await;
    let seen = desk.until("onward").await;
    assert!(!seen.contains("bypass"), "{seen}");
}

#[tokio::test]
async fn zsh_tells_its_lines() {
    tells_lines(telling("/usr/bin/zsh", &["-i"]), "").await;
}

#[tokio::test]
async fn fish_tells_its_lines() {
    tells_lines(telling("/usr/bin/fish", &["-i"]), "friendly").await;
}
