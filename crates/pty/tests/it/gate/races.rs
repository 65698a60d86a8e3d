//! The words of an exec are changed between the check and the exec. Nothing forbidden runs; that the
//! second check had to kill some shows that the race is live.

use std::time::Duration;

use bastide_pty::gate::Profile;

use super::desk::{Desk, compiled, folder, setup};
use crate::terminals::program;

const TRIES: usize = 1000;

/// A machine that does other things at the same time needs a minute.
const PATIENCE: Duration = Duration::from_secs(110);

const RULES: &str = r#"{"version":1,"rules":[
    {"id":"no-evil","priority":10,"action":"deny","match":{"arguments":["EVIL"]}},
    {"id":"no-id","priority":11,"action":"deny","match":{"programs":["id"]}}]}"#;

/// What `race` says.
#[derive(Debug, Default)]
struct Count {
    ran: usize,
    killed: usize,
    refused: usize,
    fine: usize,
}

async fn race(mode: &str, tries: usize, attached: bool) -> Count {
    let folder = folder();
    let race = compiled(folder.path(), "race", include_str!("race.c"), &["-pthread"]);
    std::os::unix::fs::symlink("/usr/bin/true", folder.path().join("a")).unwrap();
    std::os::unix::fs::symlink("/usr/bin/id", folder.path().join("b")).unwrap();
    let tries = tries.to_string();
    let place = folder.path().to_str().unwrap();
    let mut asked = setup(program(race.to_str().unwrap(), &[mode, &tries, place]), Profile::Workbench, RULES);
    asked.confinement.writable.push(folder.path().to_owned());
    asked.attached = attached;
    let mut desk = Desk::open(asked).await;
    let output = desk.watch(PATIENCE, |text, _| text.contains("fine=") && text.contains('\n')).await;
    let mut count = Count::default();
    for part in output.split_whitespace() {
        let (name, number) = part.split_once('=').unwrap_or_else(|| panic!("{mode}: {output}"));
        let number = number.parse().unwrap();
        match name {
            "ran" => count.ran = number,
            "killed" => count.killed = number,
            "refused" => count.refused = number,
            _ => count.fine = number,
        }
    }
    count
}

async fn nothing_forbidden_runs(mode: &str) {
    let count = race(mode, TRIES, false).await;
    assert_eq!(count.ran, 0, "{mode}: {count:?}");
    assert!(count.killed > 0 && count.fine > 0, "{mode}: {count:?}");
    let old = race(mode, TRIES / 10, true).await;
    assert_eq!(old.ran, 0, "{mode}, attached: {old:?}");
}

#[tokio::test]
async fn another_thread_changes_the_arguments() {
    nothing_forbidden_runs("thread").await;
}

#[tokio::test]
async fn a_process_with_the_same_memory_changes_the_arguments() {
    nothing_forbidden_runs("vm").await;
}

#[tokio::test]
async fn the_arguments_lie_in_a_shared_page() {
    nothing_forbidden_runs("shared").await;
}

#[tokio::test]
async fn the_path_is_changed() {
    nothing_forbidden_runs("path").await;
}

#[tokio::test]
async fn a_link_is_changed() {
    nothing_forbidden_runs("link").await;
}
