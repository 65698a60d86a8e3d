//! The process that supervisors are copied from.

use std::fs;

use bastide_pty::gate::{Gated, Profile};
use rustix::process::{Pid, Signal, WaitOptions};

use super::desk::{Desk, NO_RULES, at_prompt, set, setup, supervisor};

fn parent(pid: i32) -> i32 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("PPid:")).unwrap();
    line.trim().parse().unwrap()
}

fn name(pid: i32) -> String {
    fs::read_to_string(format!("/proc/{pid}/comm")).unwrap().trim().to_owned()
}

/// Children of this process with that name. Tests of one binary may run beside each other.
fn children(wanted: &str) -> Vec<i32> {
    let all = fs::read_dir("/proc").unwrap().flatten();
    let pids = all.filter_map(|entry| entry.file_name().to_str()?.parse::<i32>().ok());
    let own = i32::try_from(std::process::id()).unwrap();
    let is = |pid: &i32| {
        let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
        status.contains(&format!("\nPPid:\t{own}\n")) && status.starts_with(&format!("Name:\t{wanted}\n"))
    };
    pids.filter(is).collect()
}

fn supervisor_of(gated: &Gated) -> i32 {
    parent(gated.child.pid())
}

#[tokio::test]
async fn supervisors_are_the_daemons_children_and_copies_of_one_process() {
    let shared = supervisor();
    let mut desks = Vec::new();
    for _ in 0..3 {
        let asked = setup(at_prompt(), Profile::Workbench, &set("deny", &["id"]));
        desks.push(Desk::open(bastide_pty::gate::Setup { supervisor: shared.clone(), ..asked }).await);
    }
    let own = i32::try_from(std::process::id()).unwrap();
    for desk in &desks {
        let supervisor = supervisor_of(&desk.gated);
        assert_eq!((parent(supervisor), name(supervisor).as_str()), (own, "bastide-gate"));
    }
    // Each judges its own session and no other.
    for desk in &mut desks {
        desk.until("$ ").await;
        desk.type_in("id; echo refus''ed=$?\r").await;
        desk.until("refused=126").await;
        assert_eq!(desk.actions("id").len(), 1);
    }
    // A copy of a process with threads would have locks that nobody opens.
    for cradle in children("bastide-cradle") {
        assert!(fs::read_to_string(format!("/proc/{cradle}/status")).unwrap().contains("Threads:\t1\n"));
    }
}

#[tokio::test]
async fn sessions_go_on_when_it_is_killed_and_the_next_one_starts() {
    let shared = supervisor();
    let asked = || {
        let asked = setup(at_prompt(), Profile::Workbench, NO_RULES);
        bastide_pty::gate::Setup { supervisor: shared.clone(), ..asked }
    };
    let before = children("bastide-cradle");
    let mut first = Desk::open(asked()).await;
    let cradles = children("bastide-cradle");
    let cradle = *cradles.iter().find(|pid| !before.contains(pid)).expect("one was started");
    let pid = Pid::from_raw(cradle).unwrap();
    rustix::process::kill_process(pid, Signal::KILL).unwrap();
    rustix::process::waitpid(Some(pid), WaitOptions::empty()).unwrap();

    first.until("$ ").await;
    first.type_in("ls -d /u''sr\r").await;
    first.until("/usr").await;
    let mut second = Desk::open(asked()).await;
    second.until("$ ").await;
    second.type_in("ls -d /u''sr\r").await;
    second.until("/usr").await;
    assert!(!children("bastide-cradle").contains(&cradle));
}
