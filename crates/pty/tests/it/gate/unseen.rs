//! What would get round the gate without an exec, and what a session must not reach.

use std::os::unix::net::UnixListener;

use bastide_pty::gate::{Action, Profile};

use super::desk::{Desk, NO_RULES, compiled, folder, set, setup};
use crate::terminals::program;

/// Loads machine code into itself in one of seven ways and calls it; it prints the way's number and
/// RAN when the code ran.
const LOADER: &str = include_str!("loader.c");

async fn ways(profile: Profile) -> Vec<String> {
    let folder = folder();
    let loader = compiled(folder.path(), "loader", LOADER, &[]);
    let mut asked = setup(program("/bin/sh", &["-c", ""]), profile, NO_RULES);
    asked.confinement.executable.push(folder.path().to_owned());
    let path = loader.to_str().unwrap();
    let script = format!("cd ~; for way in 1 2 3 4 5 6 7; do {path} $way 2>/dev/null; done");
    asked.spawn = program("/bin/bash", &["-c", &script]);
    let home = tempfile::tempdir().unwrap();
    asked.spawn.account.home = home.path().to_owned();
    asked.spawn.env.retain(|(name, _)| name != "HOME");
    asked.spawn.env.push(("HOME".into(), home.path().into()));
    let mut desk = Desk::open(asked).await;
    let (output, _) = desk.finish().await;
    output.lines().filter(|line| line.ends_with("RAN")).map(str::to_owned).collect()
}

#[tokio::test]
async fn code_without_an_exec_is_refused_in_closed_and_known_to_run_on_the_workbench() {
    assert_eq!(ways(Profile::Closed).await, Vec::<String>::new());
    // That they are listed at all shows that the program works.
    assert!(ways(Profile::Workbench).await.len() >= 5);
}

#[tokio::test]
async fn sockets_of_others_and_hidden_directories_are_not_there() {
    let folder = folder();
    let (hidden, socket) = (folder.path().join("state"), folder.path().join("other.sock"));
    std::fs::create_dir(&hidden).unwrap();
    std::fs::write(hidden.join("secret"), "the token").unwrap();
    let _listener = UnixListener::bind(&socket).unwrap();
    let talk = format!(
        "cat {0}/secret; python3 -c 'import socket; s = socket.socket(1); s.connect(\"{1}\"); print(\"CONNECTED\")'; ls -A /run /tmp",
        hidden.display(),
        socket.display(),
    );
    let mut asked = setup(program("/bin/bash", &["-c", &talk]), Profile::Workbench, NO_RULES);
    let home = tempfile::tempdir().unwrap();
    asked.spawn.account.home = home.path().to_owned();
    asked.confinement.hidden.push(hidden);
    asked.confinement.writable.push(folder.path().to_owned());
    let mut desk = Desk::open(asked).await;
    let (output, _) = desk.finish().await;
    assert!(!output.contains("the token") && !output.contains("CONNECTED"), "{output}");
}

#[tokio::test]
async fn sudo_works_and_what_runs_through_it_is_judged() {
    if !rustix::process::geteuid().is_root() {
        return;
    }
    let script = "sudo -n id; echo denied=$?; sudo -n -u nobody true; echo allowed=$?; \
                  sudo -n sh -c 'echo x > /etc/cron.d/x || echo readonly'; \
                  mknod ~/disk b 8 0 || echo nodevice; for disk in /dev/sd? /dev/vd? /dev/nvme?n? /dev/mem; do \
                  [ ! -e $disk ] || ( : 3<> $disk ) && [ -e $disk ] && echo OPENED $disk; done 2>/dev/null; grep NoNewPrivs /proc/self/status";
    for profile in [Profile::Closed, Profile::Workbench] {
        let mut desk = Desk::bash(profile, &set("deny", &["id"]), script).await;
        let (output, _) = desk.finish().await;
        assert!(!output.contains("uid="), "{output}");
        assert!(output.contains("denied=1\n") && output.contains("allowed=0\n"), "{output}");
        assert!(output.contains("nodevice") && !output.contains("OPENED"), "{output}");
        assert!(output.contains("readonly") && output.contains("NoNewPrivs:\t0"), "{output}");
        assert!(desk.actions("id").iter().all(|(action, _)| *action == Action::Deny));
    }
}

#[tokio::test]
async fn what_is_preloaded_is_killed_before_its_first_instruction() {
    let script = "LD_PRELOAD=/usr/lib/x86_64-linux-gnu/libc.so.6 /bin/true; echo status=$?; LD_LIBRARY_PATH=/x /bin/true; echo status=$?";
    for (profile, expected) in
        [(Profile::Closed, "status=137\nstatus=137\n"), (Profile::Workbench, "status=137\nstatus=0\n")]
    {
        let mut desk = Desk::bash(profile, NO_RULES, script).await;
        let (output, _) = desk.finish().await;
        let statuses: String = output
            .lines()
            .filter(|line| line.starts_with("status="))
            .map(|line| format!("{line}\n"))
            .collect();
        assert_eq!(statuses, expected, "{output}");
        let verdict = desk.verdicts("true")[0].clone();
        assert_eq!(verdict.decision.rule.as_deref(), Some("gate:environment"));
        assert!(verdict.loaded);
    }
}
