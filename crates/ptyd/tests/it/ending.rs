//! How the daemon ends.

use std::time::{Duration, Instant};

use bastide_wire::request::{Create, Empty};
use nix::sys::signal::Signal;

use crate::daemon::{Daemon, Options, until};

#[test]
fn it_ends_soon_with_programs_that_do_not_want_to() {
    let mut daemon = Daemon::start();
    let mut client = daemon.client();
    for _ in 0..10 {
        let session = client.run("trap '' HUP TERM INT; echo ready; while :; do sleep 1; done");
        client.attach(session);
    }
    let done = client.run("exit 0");
    client.attach(done);
    client.until("an exit", |client| client.exits() == 1);
    let asked = Instant::now();
    daemon.signal(Signal::SIGTERM);
    assert_eq!(daemon.ends().code(), Some(0));
    // Two seconds on a machine that has nothing else to do.
    assert!(asked.elapsed() < Duration::from_secs(4), "{:?}", asked.elapsed());
    // Everybody is told, and then the connection closes.
    client.until("the end", |client| client.closed);
    assert_eq!(client.exits(), 11);
    for file in ["ptyd.sock", "ptyd.token", "ptyd.pid"] {
        assert!(!daemon.dir().join("run").join(file).exists(), "{file} is left");
    }
}

#[test]
fn whatever_ended_in_order_is_in_the_log_and_not_lost() {
    let mut daemon = Daemon::start();
    let mut client = daemon.client();
    for _ in 0..60 {
        client.run("exec sleep 1000");
    }
    daemon.signal(Signal::SIGTERM);
    assert_eq!(daemon.ends().code(), Some(0));
    let next = Options::default().after(&daemon).start();
    let mut client = next.client();
    client.subscribe();
    client.until("the new start", |client| client.logged("daemon_started") == 2);
    assert_eq!((client.logged("session_ended"), client.logged("session_lost")), (60, 0));
    let order: Vec<_> = client.log().map(|entry| entry.kind.as_str()).collect();
    let stopped = order.iter().position(|kind| *kind == "daemon_stopped").unwrap();
    assert!(order[stopped..].iter().all(|kind| *kind != "session_ended"));
}

#[test]
fn sessions_of_a_daemon_that_was_killed_are_lost_once() {
    let mut daemon = Daemon::start();
    daemon.client().run("exec sleep 1000");
    daemon.signal(Signal::SIGKILL);
    daemon.ends();
    for _ in 0..2 {
        let mut next = Options::default().after(&daemon).start();
        let mut client = next.client();
        client.subscribe();
        client.until("the report", |client| client.logged("session_lost") == 1);
        next.signal(Signal::SIGTERM);
        next.ends();
    }
    let next = Options::default().after(&daemon).start();
    let mut client = next.client();
    client.subscribe();
    client.until("the starts", |client| client.logged("daemon_started") == 4);
    assert_eq!(client.logged("session_lost"), 1);
}

#[test]
fn nobody_is_served_before_the_lost_sessions_are_told() {
    // So many that telling them takes longer than a client needs to ask for a session.
    const LOST: usize = 300;
    let mut daemon = Daemon::start();
    let open = daemon.dir().join("state/open");
    daemon.signal(Signal::SIGTERM);
    daemon.ends();
    for _ in 0..LOST {
        std::fs::write(open.join(uuid::Uuid::new_v4().to_string()), "").unwrap();
    }
    let mut next = Options::default().after(&daemon).launch();
    until("the socket", || next.socket().exists() && next.dir().join("run/ptyd.token").exists());
    let mut client = next.client();
    client.run("exec sleep 1000");
    client.subscribe();
    next.wait_ready();
    client.until("the session in the log", |client| client.logged("session_created") == 1);
    client.until("the reports", |client| client.logged("session_lost") == LOST);
    let order: Vec<_> = client.log().map(|entry| entry.kind.as_str()).collect();
    let started = order.iter().rposition(|kind| *kind == "daemon_started").unwrap();
    let created = order.iter().position(|kind| *kind == "session_created").unwrap();
    assert!(started < created, "a session was made before the start was over");
}

#[test]
fn a_drained_daemon_ends_when_its_last_session_does() {
    let mut daemon = Daemon::start();
    let mut client = daemon.client();
    let session = client.run("exec sleep 1000");
    assert_eq!(client.call("drain", Empty {}).unwrap().count, Some(1));
    assert_eq!(client.create("true", Create::default()).unwrap_err().code, "DRAINING");
    assert_eq!(client.list().len(), 1);
    client.kill(session);
    assert_eq!(daemon.ends().code(), Some(0));
    assert!(!daemon.socket().exists());
}
