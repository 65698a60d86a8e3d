//! What a session may use and see, with and without the gate.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use bastide_pty::cgroup::{Cgroups, Controller, GroupLimits};
use bastide_pty::gate::{Layer, Profile};
use bastide_pty::{Account, Limits, Spawn, View, environment, spawn};

use crate::gate::desk::{Desk, NO_RULES, folder, setup};
use crate::terminals::{program, read_to_end, read_until, soon};

fn sh(script: &str) -> Spawn {
    program("/bin/sh", &["-c", script])
}

fn is_root() -> bool {
    nix::unistd::geteuid().is_root()
}

async fn ungated(spawned: Spawn) -> String {
    let child = spawn(spawned).await.unwrap();
    String::from_utf8(read_to_end(&child.master).await).unwrap().replace('\r', "")
}

async fn gated(spawned: Spawn) -> String {
    Desk::open(setup(spawned, Profile::Workbench, NO_RULES)).await.finish().await.0
}

/// What `script` says, without and with the gate.
async fn both(change: impl Fn(&mut Spawn), script: &str) -> [String; 2] {
    let mut asked = sh(script);
    change(&mut asked);
    [ungated(asked.clone()).await, gated(asked).await]
}

#[tokio::test]
async fn each_limit_is_that_of_the_program() {
    let limits = Limits {
        open_files: Some(77),
        processes: Some(4321),
        memory: Some(1 << 30),
        file_size: Some(1 << 20),
        cpu_seconds: Some(55),
        umask: Some(0o077),
    };
    let script = "umask; ulimit -n; ulimit -u 2>/dev/null || ulimit -p; ulimit -v; ulimit -f; ulimit -t";
    let expected = "0077\n77\n4321\n1048576\n2048\n55\n";
    for said in both(|spawn| spawn.limits = limits, script).await {
        // dash counts file sizes in blocks of 512 bytes.
        assert_eq!(said, expected);
    }
}

#[tokio::test]
async fn a_file_beyond_the_limit_is_not_written() {
    let limits = Limits { file_size: Some(1024), ..Limits::default() };
    let script = "cd \"$(mktemp -d)\"; (head -c 5000 /dev/zero >f) 2>/dev/null; wc -c <f";
    for said in both(|spawn| spawn.limits = limits, script).await {
        assert!(said.trim_end().ends_with("1024"), "{said}");
    }
}

#[tokio::test]
async fn another_account_has_its_groups_and_no_others_also_under_the_gate() {
    if !is_root() {
        return;
    }
    // Root's own groups must not come along, and those of the account all must.
    let daemon = Account::named("daemon").unwrap();
    let groups = vec![daemon.gid, 4, 24];
    let change = |spawn: &mut Spawn| {
        spawn.account = Account { groups: groups.clone(), ..daemon.clone() };
        spawn.env = environment(&spawn.account, &Default::default()).unwrap();
    };
    for said in both(change, "id -u; id -g; id -G; grep ^CapEff /proc/self/status").await {
        let lines: Vec<_> = said.lines().collect();
        assert_eq!(lines[0], daemon.uid.to_string());
        assert_eq!(lines[1], daemon.gid.to_string());
        assert_eq!(lines[2], format!("{} 4 24", daemon.gid));
        assert_eq!(lines[3], "CapEff:\t0000000000000000");
    }
}

#[tokio::test]
async fn a_private_tmp_is_empty_and_leaves_nothing_behind() {
    if !is_root() {
        return;
    }
    let outside = tempfile::Builder::new().prefix("outside").tempdir_in("/tmp").unwrap();
    let name = outside.path().file_name().unwrap().to_str().unwrap();
    let script =
        format!("ls /tmp /var/tmp; echo x >/tmp/of-{name}; echo x >/var/tmp/of-{name}; cat /tmp/of-{name}");
    let change = |spawn: &mut Spawn| spawn.view = View { private_tmp: true, read_only: Vec::new() };
    for said in both(change, &script).await {
        assert_eq!(said, "/tmp:\n\n/var/tmp:\nx\n");
    }
    assert!(
        !Path::new(&format!("/tmp/of-{name}")).exists()
            && !Path::new(&format!("/var/tmp/of-{name}")).exists()
    );
}

#[tokio::test]
async fn read_only_paths_are_read_and_not_written_by_root_neither() {
    if !is_root() {
        return;
    }
    // Not below /tmp, which is private under the gate.
    let kept = tempfile::tempdir_in("/opt").unwrap();
    std::fs::set_permissions(kept.path(), std::fs::Permissions::from_mode(0o777)).unwrap();
    let (closed, open) = (kept.path().join("closed"), kept.path().join("open"));
    for directory in [&closed, &open] {
        std::fs::create_dir_all(directory.join("below")).unwrap();
        std::fs::write(directory.join("below/file"), "text\n").unwrap();
    }
    let script = format!(
        "cd {}; cat closed/below/file; for d in closed open; do \
         (echo new >$d/below/file) 2>/dev/null && echo $d written; rm -f $d/below/file 2>/dev/null && echo $d removed; \
         (echo back >$d/below/file) 2>/dev/null; done; true",
        kept.path().display()
    );
    let mut asked = sh(&script);
    asked.view.read_only = vec![closed.clone()];
    assert_eq!(ungated(asked.clone()).await, "text\nopen written\nopen removed\n");
    let mut setup = setup(asked, Profile::Workbench, NO_RULES);
    setup.confinement.writable = vec![kept.path().to_owned()];
    let mut desk = Desk::open(setup).await;
    assert!(desk.gated.layers.has(Layer::Mounts));
    assert_eq!(desk.finish().await.0, "text\nopen written\nopen removed\n");
    assert_eq!(std::fs::read_to_string(closed.join("below/file")).unwrap(), "text\n");
    // Outside nothing has changed.
    std::fs::write(closed.join("below/file"), "mine\n").unwrap();
}

#[tokio::test]
async fn all_of_the_machine_can_be_read_only() {
    if !is_root() {
        return;
    }
    let mut asked = sh("(echo x >/root-was-here) 2>/dev/null || echo refused; echo x >/tmp/x && cat /tmp/x");
    asked.view = View { private_tmp: true, read_only: vec!["/".into()] };
    assert_eq!(ungated(asked).await, "refused\nx\n");
}

/// A group of this test's own; none where the machine gives none.
fn cgroups(of: &str) -> Option<Cgroups> {
    Cgroups::claim(&format!("test-{}-{of}", std::process::id())).ok()
}

#[tokio::test]
async fn everything_a_session_starts_is_in_its_group_and_goes_with_it() {
    let Some(groups) = cgroups("all") else { return };
    let (group, _) = groups.make("one", &GroupLimits::default()).unwrap();
    let directory = group.directory().unwrap().to_owned();
    // Away from terminal, session and parent.
    let mut asked = sh("grep ^0:: /proc/self/cgroup; (setsid sleep 1000 &) ; echo up; exec cat");
    asked.group = Some(directory.clone());
    let child = spawn(asked.clone()).await.unwrap();
    let said = read_until(&child.master, "up").await;
    assert!(said.contains("/session-one"), "{said}");
    let inside = std::fs::read_to_string(directory.join("cgroup.procs")).unwrap();
    assert_eq!(inside.lines().count(), 2, "{inside}");
    assert!(tokio::task::spawn_blocking(|| group.end()).await.unwrap(), "it is empty and gone");
    assert!(!directory.exists());
    assert_eq!(soon(child.wait()).await.unwrap().signal, Some(9));

    let (group, _) = groups.make("two", &GroupLimits::default()).unwrap();
    let directory = group.directory().unwrap().to_owned();
    let script = sh("grep ^0:: /proc/self/cgroup; (setsid sleep 1000 &) ; echo up; exec cat");
    let mut desk =
        Desk::open(setup(Spawn { group: Some(directory.clone()), ..script }, Profile::Closed, NO_RULES))
            .await;
    let said = desk.until("up").await;
    assert!(said.contains("/session-two"), "{said}");
    let inside = std::fs::read_to_string(directory.join("cgroup.procs")).unwrap();
    assert_eq!(inside.lines().count(), 2, "without its supervisor: {inside}");
    // Another start of the same daemon ends what this one left.
    std::mem::forget(group);
    let _again = tokio::task::spawn_blocking(|| cgroups("all")).await.unwrap().unwrap();
    assert!(!directory.exists());
    assert_eq!(soon(desk.gated.child.wait()).await.unwrap().signal, Some(9));
    assert!(!directory.parent().unwrap().exists(), "nothing is left");
}

#[tokio::test]
async fn a_group_that_is_gone_refuses_the_program() {
    let folder = folder();
    let mut asked = sh("echo ran");
    asked.group = Some(folder.path().join("gone"));
    assert!(spawn(asked.clone()).await.unwrap_err().to_string().contains("control group"));
    let refused = bastide_pty::gate::spawn(setup(asked, Profile::Workbench, NO_RULES)).await.unwrap_err();
    assert!(refused.to_string().contains("control group"), "{refused}");
}

#[tokio::test]
async fn processes_and_memory_of_a_group_are_limited_together() {
    let Some(groups) = cgroups("limits") else { return };
    let limits = GroupLimits { processes: Some(6), memory: Some(64 << 20), cpu_percent: Some(50) };
    let (group, outcome) = groups.make("one", &limits).unwrap();
    let directory = group.directory().unwrap().to_owned();
    let held = |controller| outcome.iter().any(|(other, set)| *other == controller && set.is_ok());
    for (controller, set) in &outcome {
        assert_eq!(set.is_err(), groups.missing().iter().any(|(missing, _)| missing == controller));
    }
    if held(Controller::Processes) {
        let mut asked = sh("for i in 1 2 3 4 5 6 7 8; do sleep 100 & done 2>&1; echo end");
        asked.group = Some(directory.clone());
        let said = ungated(asked).await;
        assert!(said.contains("fork"), "the eighth child was started: {said}");
    }
    if held(Controller::Memory) {
        let mut asked = sh("head -c 200000000 /dev/zero | tail -c 150000000 | wc -c");
        asked.group = Some(directory.clone());
        assert!(!ungated(asked).await.contains("150000000"));
    }
    let base = directory.parent().unwrap().to_owned();
    assert!(tokio::task::spawn_blocking(|| group.end()).await.unwrap());
    assert!(!base.exists(), "nothing is left");
}
