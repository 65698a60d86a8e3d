//! How sessions end, and what is left when the supervisor or the daemon is gone.

use std::time::Duration;

use bastide_pty::gate::{Layer, Profile, Report, spawn as start};
use bastide_pty::{Fault, Signal};

use super::desk::{Desk, NO_RULES, at_prompt, compiled, folder, set, setup};
use crate::terminals::{program, read_until, soon, write_all};

#[tokio::test]
async fn exit_codes_and_signals_are_those_of_the_program() {
    for (script, code, signal) in
        [("exit 7", 7, None), ("kill -9 $$", 137, Some(9)), ("kill -TERM $$", 143, Some(15))]
    {
        let mut desk = Desk::bash(Profile::Closed, NO_RULES, script).await;
        let (_, exit) = desk.finish().await;
        assert_eq!((exit.code, exit.signal), (code, signal));
        // Any number of waits see it.
        assert_eq!(desk.gated.child.process.exited().unwrap(), Some(exit));
        assert_eq!(soon(desk.gated.child.wait()).await.unwrap(), exit);
    }
}

#[tokio::test]
async fn a_program_that_cannot_start_is_the_callers_fault_with_its_reason() {
    let none = program("/nowhere/x", &[]);
    let error = start(setup(none, Profile::Closed, NO_RULES)).await.expect_err("there is none");
    assert_eq!(error.fault(), Fault::Caller);
    assert!(error.to_string().contains("No such file"), "{error}");
    let mut lost = program("/bin/true", &[]);
    lost.cwd = "/nowhere".into();
    let error = start(setup(lost, Profile::Closed, NO_RULES)).await.expect_err("no directory");
    assert!(error.to_string().contains("/nowhere"), "{error}");
    let mut refused = setup(program("/usr/bin/id", &[]), Profile::Closed, &set("deny", &["id"]));
    refused.entry_is_allowed = false;
    let error = start(refused).await.expect_err("it is refused");
    assert!(error.to_string().contains("Permission denied"), "{error}");
}

#[tokio::test]
async fn without_a_required_layer_or_readable_rules_there_is_no_session() {
    let mut asked = setup(program("/bin/true", &[]), Profile::Workbench, NO_RULES);
    asked.required = vec![Layer::Notifier, Layer::Memory];
    let error = start(asked).await.expect_err("the workbench does not have it");
    assert!(error.to_string().contains("memory"), "{error}");
    let mut asked = setup(program("/bin/true", &[]), Profile::Workbench, NO_RULES);
    asked.rules.bundle = "{".to_owned();
    let error = start(asked).await.expect_err("no rules");
    assert!(error.to_string().contains("rules"), "{error}");
}

/// A shell that tells its parent's number, which is the supervisor's.
async fn shell() -> (Desk, rustix::process::Pid) {
    let mut desk = Desk::open(setup(at_prompt(), Profile::Workbench, NO_RULES)).await;
    desk.until("$ ").await;
    desk.type_in("echo $PPID | sed 's/.*/parent=&=end/'\r").await;
    let seen = desk.until("=end\r\n").await;
    let number = seen.rsplit("parent=").next().unwrap().split('=').next().unwrap().parse().unwrap();
    (desk, rustix::process::Pid::from_raw(number).unwrap())
}

#[tokio::test]
async fn without_its_supervisor_a_session_starts_no_program() {
    let (desk, supervisor) = shell().await;
    rustix::process::kill_process(supervisor, rustix::process::Signal::KILL).unwrap();
    let exit = soon(desk.gated.child.wait()).await.unwrap();
    // How it ended is not known, only that nobody watches it any more.
    assert_eq!(exit.signal, Some(9));
    desk.type_in("/bin/true; echo status=$?\r").await;
    let seen = read_until(desk.master(), "status=126").await;
    assert!(seen.contains("Function not implemented"), "{seen}");
    desk.gated.child.process.signal(Signal::Kill).unwrap();
}

#[tokio::test]
async fn without_the_daemon_a_session_starts_no_program() {
    let (desk, _) = shell().await;
    let Desk { gated, .. } = desk;
    drop(gated.control);
    // Until the supervisor has seen that we are gone.
    write_all(&gated.child.master, b"while /bin/true; do :; done; /bin/true; echo status=$?\r").await;
    let seen = read_until(&gated.child.master, "status=126").await;
    assert!(seen.contains("Operation not permitted"), "{seen}");
}

#[tokio::test]
async fn a_supervisor_that_hangs_does_not_keep_a_session() {
    let (desk, supervisor) = shell().await;
    rustix::process::kill_process(supervisor, rustix::process::Signal::STOP).unwrap();
    let exit = soon(desk.gated.child.end(Duration::from_millis(50))).await.unwrap();
    assert_eq!(exit.signal, Some(9));
}

/// Double-forked, in a session of its own, deaf to signals.
const RUNAWAY: &str = "(trap '' HUP TERM INT; setsid sleep 1000 & setsid setsid sleep 1001 & exec setsid sleep 1002) & \
                       (setsid setsid bash -c 'trap \"\" HUP TERM; while :; do sleep 1; done' &) ; echo ready; sleep 1003";

#[tokio::test]
async fn an_end_takes_the_whole_tree() {
    for by_drop in [false, true] {
        let mut desk = Desk::bash(Profile::Workbench, NO_RULES, RUNAWAY).await;
        desk.until("ready").await;
        let of_sleep = |report: &Report| matches!(report, Report::Verdict(verdict) if verdict.start.argv.last().is_some_and(|it| it == "1003"));
        desk.report(of_sleep).await;
        let Desk { gated, .. } = desk;
        let bastide_pty::gate::Gated { child, mut control, .. } = gated;
        if by_drop {
            drop(child);
        } else {
            let exit = soon(child.end(Duration::from_millis(50))).await.unwrap();
            assert!(exit.signal.is_some());
        }
        // The line ends with the supervisor, and that with the last of the tree.
        while soon(control.next()).await.unwrap().is_some() {}
    }
}

/// The tree goes on after the shell, and its programs are judged as before.
#[tokio::test]
async fn what_outlives_the_shell_is_judged_on() {
    let script = "trap '' HUP; (setsid bash -c 'while [ ! -e go ]; do :; done; /usr/bin/id; /bin/true late' &) ; exit 0";
    let folder = folder();
    let mut spawn = program("/bin/bash", &["-c", script]);
    spawn.cwd = folder.path().to_owned();
    let mut desk = Desk::open(setup(spawn, Profile::Workbench, &set("deny", &["id"]))).await;
    desk.report(|report| matches!(report, Report::Exited { code: 0, .. })).await;
    std::fs::write(folder.path().join("go"), "").unwrap();
    desk.report(|report| matches!(report, Report::Verdict(verdict) if verdict.start.argv.last().is_some_and(|it| it == "late"))).await;
    assert_eq!(desk.actions("id").len(), 1);
    while soon(desk.gated.control.next()).await.unwrap().is_some() {}
}

/// Reports that nobody reads hold program starts up; none is lost.
#[tokio::test]
async fn reports_that_wait_are_all_there_in_the_end() {
    const STARTS: usize = 3000;
    let folder = folder();
    let source = r#"
        #include <spawn.h>
        #include <stdio.h>
        #include <sys/wait.h>
        extern char **environ;
        int main(void) {
            static char filler[2000];
            for (int i = 0; i < 1999; i++) filler[i] = 'x';
            char *argv[] = {"true", filler, 0};
            for (int i = 0; i < 3000; i++) {
                int pid;
                if (posix_spawn(&pid, "/usr/bin/true", 0, 0, argv, environ)) return 1;
                waitpid(pid, 0, 0);
                if (i == 50) { puts("begun"); fflush(stdout); }
            }
            puts("all");
        }"#;
    let many = compiled(folder.path(), "many", source, &[]);
    let mut spawn = program(many.to_str().unwrap(), &[]);
    spawn.cwd = folder.path().to_owned();
    let mut desk = Desk::open(setup(spawn, Profile::Workbench, NO_RULES)).await;
    // Nobody reads reports here.
    read_until(desk.master(), "begun").await;
    assert!(desk.gated.child.process.exited().unwrap().is_none());
    desk.until("all").await;
    desk.report(|report| matches!(report, Report::Exited { .. })).await;
    assert_eq!(desk.actions("true").len(), STARTS);
    assert!(desk.verdicts("true").iter().all(|verdict| verdict.untold == 0));
}
