//! Program starts that are not a plain execve(2) of a main thread.

use bastide_pty::gate::{Action, Profile, Tcp};
use nix::sys::ptrace;

use super::desk::{Desk, NO_RULES, at_prompt, compiled, folder, set, setup};
use crate::terminals::program;

async fn odd(way: &str, path: &str) -> (String, Desk) {
    let folder = folder();
    let odd = compiled(folder.path(), "odd", include_str!("odd.c"), &["-pthread"]);
    let mut spawn = program(odd.to_str().unwrap(), &[way, path]);
    spawn.cwd = folder.path().to_owned();
    let mut desk = Desk::open(setup(spawn, Profile::Workbench, &set("deny", &["id"]))).await;
    let (output, _) = desk.finish().await;
    (output, desk)
}

#[tokio::test]
async fn an_exec_of_another_thread_is_judged_as_any() {
    for way in ["thread", "two-threads", "descriptor"] {
        let (output, desk) = odd(way, "/usr/bin/echo").await;
        assert_eq!(output, "hello\n", "{way}");
        assert!(desk.actions("echo").contains(&(Action::Allow, true)), "{way}: {:?}", desk.reports);
        let (output, desk) = odd(way, "/usr/bin/id").await;
        assert!(output.starts_with(&format!("errno={}\n", libc::EACCES)), "{way}: {output}");
        assert!(desk.actions("id").iter().all(|action| *action == (Action::Deny, false)), "{way}");
    }
}

/// The kernel asks the same question, and nothing starts.
#[tokio::test]
async fn whether_something_may_run_is_answered_truly() {
    assert_eq!(odd("question", "/usr/bin/echo").await.0, "may=0 errno=0\n");
    assert_eq!(odd("question", "/usr/bin/id").await.0, format!("may=-1 errno={}\n", libc::EACCES));
}

#[tokio::test]
async fn words_that_cannot_be_read_start_nothing() {
    assert_eq!(odd("pointers", "/usr/bin/echo").await.0, format!("errno={}\n", libc::EFAULT));
}

/// What somebody else traces cannot be seen by us.
#[tokio::test]
async fn a_program_that_is_traced_starts_nothing() {
    let mut desk = Desk::open(setup(at_prompt(), Profile::Workbench, NO_RULES)).await;
    desk.until("$ ").await;
    let shell = nix::unistd::Pid::from_raw(desk.gated.child.pid());
    let (traced, is_traced) = std::sync::mpsc::channel();
    let (end, ended) = std::sync::mpsc::channel::<()>();
    // A tracer is a thread; what it traces goes on when it ends.
    let tracer = std::thread::spawn(move || {
        ptrace::seize(shell, ptrace::Options::empty()).unwrap();
        traced.send(()).unwrap();
        ended.recv().unwrap();
    });
    is_traced.recv().unwrap();
    desk.type_in("exec /bin/true\r").await;
    desk.until("Operation not permitted").await;
    let is_refusal = |report: &bastide_pty::gate::Report| {
        matches!(report, bastide_pty::gate::Report::Verdict(verdict)
            if verdict.decision.rule.as_deref() == Some("gate:traced"))
    };
    desk.report(is_refusal).await;
    end.send(()).unwrap();
    tracer.join().unwrap();
}

#[tokio::test]
async fn tcp_ports_can_be_limited() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let script = format!("exec 3<> /dev/tcp/127.0.0.1/{port} && echo connected || echo refused");
    for (connect, expected) in [(vec![port], "connected\n"), (Vec::new(), "refused\n")] {
        let mut asked = setup(program("/bin/bash", &["-c", &script]), Profile::Closed, NO_RULES);
        asked.confinement.tcp = Some(Tcp { connect, listen: Vec::new() });
        let mut desk = Desk::open(asked).await;
        let (output, _) = desk.finish().await;
        assert!(output.ends_with(expected), "{output}");
    }
}
