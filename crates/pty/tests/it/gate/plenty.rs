//! Much of something: arguments, sessions, reports, program starts that wait.

use bastide_pty::gate::{Action, Profile, Report, Setup};
use futures_util::future::join_all;

use super::desk::{Desk, at_prompt, set, setup, supervisor};
use crate::terminals::{program, soon};

const NO_EVIL: &str =
    r#"{"version":1,"rules":[{"id":"no-evil","priority":1,"action":"deny","match":{"arguments":["EVIL"]}}]}"#;

/// More than is read at once of a stack, and of a list of arguments.
#[tokio::test]
async fn a_forbidden_argument_is_found_among_ten_thousand() {
    for profile in [Profile::Closed, Profile::Workbench] {
        let script = "/bin/true $(seq 1 10000) EVIL; echo status=$?; /bin/true EVIL $(seq 1 10000); echo status=$?; \
                      /bin/true $(seq 1 10000); echo status=$?";
        let mut desk = Desk::bash(profile, NO_EVIL, script).await;
        let (output, _) = desk.finish().await;
        let statuses: Vec<_> = output.lines().filter(|line| line.starts_with("status=")).collect();
        assert_eq!(statuses, ["status=126", "status=126", "status=0"], "{output}");
        let expected = [(Action::Deny, false), (Action::Deny, false), (Action::Allow, true)];
        assert_eq!(desk.actions("true"), expected);
        assert!(desk.verdicts("true").iter().all(|verdict| verdict.start.argv_is_cut));
    }
}

/// Arguments of every length around the ends of pages and of what is read at once, whole on both sides.
#[tokio::test]
async fn arguments_are_read_whole_whatever_their_length() {
    let script = "for n in 1 127 128 129 255 256 257 4095 4096 4097 8191 8192 15000 16384 20000 70000; do \
                  a=$(head -c $n /dev/zero | tr '\\0' x); /bin/true \"$a\" || echo wrong $n; \
                  /bin/true \"$a\" EVIL 2>/dev/null && echo ran $n; A=\"$a\" /bin/true || echo wrong $n; done; echo end";
    let mut desk = Desk::bash(Profile::Closed, NO_EVIL, script).await;
    let (output, _) = desk.finish().await;
    assert_eq!(output, "end\n", "{:?}", desk.verdicts("true").last());
}

#[tokio::test]
async fn a_hundred_sessions_at_once_are_judged_each() {
    const SESSIONS: usize = 100;
    let shared = supervisor();
    let one = async |shared| {
        let script = "id; echo refused=$?; ls -d /usr; id -u; echo refused=$?";
        let asked = setup(program("/bin/bash", &["-c", script]), Profile::Closed, &set("deny", &["id"]));
        let mut desk = Desk::open(Setup { supervisor: shared, ..asked }).await;
        let (output, _) = desk.finish().await;
        assert!(!output.contains("uid="), "{output}");
        assert_eq!(output.matches("refused=126\n").count(), 2, "{output}");
        assert!(output.contains("/usr\n"), "{output}");
        assert_eq!(desk.actions("id"), [(Action::Deny, false); 2]);
        assert_eq!(desk.actions("ls"), [(Action::Allow, true)]);
    };
    join_all((0..SESSIONS).map(|_| one(shared.clone()))).await;
}

/// One place in the line of those that wait is not everybody's: past the bound they are refused.
#[tokio::test]
async fn more_program_starts_than_can_be_held_are_refused() {
    let script = "for i in $(seq 1 80); do id & done; wait; ls -d /usr";
    let asked = setup(program("/bin/bash", &["-c", script]), Profile::Workbench, &set("review", &["id"]));
    let mut desk = Desk::open(asked).await;
    let (mut held, mut refused) = (Vec::new(), 0);
    while held.len() + refused < 80 {
        match soon(desk.gated.control.next()).await.unwrap().unwrap() {
            Report::Held(one) => held.push(one),
            Report::Verdict(verdict) if verdict.decision.rule.as_deref() == Some("gate:too-many-held") => {
                refused += 1;
            }
            _ => {}
        }
    }
    assert_eq!((held.len(), refused), (64, 16));
    for one in held {
        desk.gated.control.answer(one.id, &one.hash, false).unwrap();
    }
    let (output, _) = desk.finish().await;
    assert!(output.ends_with("/usr\n") && !output.contains("uid="), "{output}");
    assert_eq!(desk.actions("id"), [(Action::Deny, false); 64]);
}

/// The text of a script is not the one that was looked at.
#[tokio::test]
async fn an_approval_counts_for_the_file_as_it_was() {
    let folder = super::desk::folder();
    let script = folder.path().join("deploy.sh");
    let write = |text: &str| {
        std::fs::write(&script, text).unwrap();
        let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
        std::fs::set_permissions(&script, mode).unwrap();
    };
    write("#!/bin/sh\necho one$((1))\n");
    let mut asked = setup(at_prompt(), Profile::Workbench, &set("review", &["deploy.sh"]));
    asked.confinement.writable.push(folder.path().to_owned());
    let mut desk = Desk::open(asked).await;
    desk.until("$ ").await;
    let mut hashes = Vec::new();
    for (changes, ends) in [(false, "one1"), (true, "sta''tus=137")] {
        desk.type_in(&format!("{}; echo sta''tus=$?\r", script.display())).await;
        let held = |report: &Report| matches!(report, Report::Held(_));
        let Report::Held(held) = desk.report(held).await else { unreachable!() };
        desk.reports.retain(|report| !matches!(report, Report::Held(_)));
        if changes {
            write("#!/bin/sh\necho t''wo\n");
        }
        desk.gated.control.answer(held.id, &held.hash, true).unwrap();
        let seen = desk.until(&ends.replace("''", "")).await;
        assert!(!seen.contains("two"), "{seen}");
        hashes.push(held.hash);
    }
    assert_eq!(hashes[0], hashes[1], "it was the same file until it was changed");
    let by: Vec<_> = desk.verdicts("sh").iter().filter_map(|verdict| verdict.decision.rule.clone()).collect();
    assert!(by.contains(&"gate:changed".to_owned()), "{by:?}");
}
