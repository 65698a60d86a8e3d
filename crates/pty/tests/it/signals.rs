//! Signals to programs, and never to ourselves.

use bastide_pty::{Child, Signal, spawn};
use tokio::signal::unix::{SignalKind, signal};

use crate::terminals::{alone, program, read_to_end, read_until, sh, soon, write_all};

/// A copy of this process that still had our handlers would write into the pipe that tokio's
/// handlers wake the reactor through: the signal would seem to be ours.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_signal_right_after_the_start_reaches_the_program_only() {
    if !alone("signals::a_signal_right_after_the_start_reaches_the_program_only") {
        return;
    }
    let mut ours = Vec::new();
    for kind in [SignalKind::terminate(), SignalKind::interrupt(), SignalKind::hangup()] {
        ours.push(signal(kind).unwrap());
    }
    let mut marker = signal(SignalKind::user_defined1()).unwrap();
    for round in 0..100 {
        let signal = [Signal::Term, Signal::Int, Signal::Hup][round % 3];
        let child = spawn(program("cat", &[])).await.unwrap();
        child.signal(signal).unwrap();
        let exit = soon(child.wait()).await.unwrap();
        assert_eq!(exit.signal, Some(signal.number()));
    }
    // What came through the pipe before our own marker has been noticed when the marker is.
    let own = nix::unistd::Pid::this();
    nix::sys::signal::kill(own, nix::sys::signal::Signal::SIGUSR1).unwrap();
    soon(marker.recv()).await.unwrap();
    for stream in &mut ours {
        tokio::select! {
            biased;
            _ = stream.recv() => panic!("a signal for a program came to us"),
            () = std::future::ready(()) => {}
        }
    }
}

#[tokio::test]
async fn an_interrupt_ends_what_runs_in_front_and_not_the_shell() {
    let mut bash = program("bash", &["--norc", "--noprofile", "-i"]);
    bash.env.push(("PS1".into(), "<prompt>".into()));
    let child = spawn(bash).await.unwrap();
    read_until(&child.master, "<prompt>").await;
    // One program without a handler of its own, which waits after it has said something: shells
    // lose an interrupt that comes while they start the next command.
    write_all(&child.master, b"echo up''now | cat - /dev/tty\n").await;
    read_until(&child.master, "upnow").await;
    let front = child.master.foreground_group().unwrap();
    assert_ne!(front, child.pid());
    child.signal(Signal::Int).unwrap();
    read_until(&child.master, "<prompt>").await;
    write_all(&child.master, b"echo status''=$?; exit 5\n").await;
    let rest = String::from_utf8_lossy(&read_to_end(&child.master).await).into_owned();
    assert!(rest.contains("status=130"), "{rest}");
    assert_eq!(soon(child.wait()).await.unwrap().code, 5);
}

#[tokio::test]
async fn a_stopped_program_goes_on_when_told() {
    let child = sh("echo up; read line; exit 4").await;
    read_until(&child.master, "up").await;
    child.signal(Signal::Stop).unwrap();
    write_all(&child.master, b"\n").await;
    child.signal(Signal::Cont).unwrap();
    assert_eq!(soon(child.wait()).await.unwrap().code, 4);
}

#[tokio::test]
async fn a_signal_after_the_end_is_harmless_and_reaches_nobody() {
    let child = sh("exit 0").await;
    soon(child.wait()).await.unwrap();
    read_to_end(&child.master).await;
    // Not reaped yet: its number is still its own.
    child.process.signal(Signal::Term).unwrap();
    let _ = child.signal(Signal::Term);
    assert_eq!(child.process.signal_session(Signal::Kill).unwrap(), 0);
    assert_eq!(soon(child.wait()).await.unwrap().code, 0);
}

#[tokio::test]
async fn the_program_alone_can_be_signalled() {
    let script = "trap 'echo got; exit 9' USR1; (trap - USR1; echo up; exec sleep 1000) & wait; wait";
    let child = sh(script).await;
    read_until(&child.master, "up").await;
    child.process.signal(Signal::Usr1).unwrap();
    read_until(&child.master, "got").await;
    assert_eq!(soon(child.wait()).await.unwrap().code, 9);
}

#[tokio::test]
async fn dropping_the_master_hangs_up() {
    let child = sh("echo up; exec cat").await;
    read_until(&child.master, "up").await;
    let Child { master, process, .. } = child;
    drop(master);
    assert_eq!(soon(process.wait()).await.unwrap().signal, Some(Signal::Hup.number()));
}
