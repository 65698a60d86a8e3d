//! Opening, watching and typing.

use std::net::Shutdown;

use bastide_wire::Spec;
use bastide_wire::event::Event;
use bastide_wire::request::{Attach, Create, Empty, Subscribe};
use bastide_wire::spec::{Flow, RecordingMode, RecordingSpec, Subject};
use uuid::Uuid;

use crate::client::Client;
use crate::daemon::{Daemon, Options, until};

#[test]
fn one_uid_is_one_session_however_many_ask_at_once() {
    let daemon = Daemon::start();
    let uid = Uuid::now_v7();
    let mut clients: Vec<_> = (0..8).map(|_| daemon.client()).collect();
    let argv = ["/bin/sh", "-c", "exec sleep 1000"].map(str::to_owned).to_vec();
    let asked: Vec<_> = clients
        .iter_mut()
        .map(|client| {
            let create = Create { uid: Some(uid), argv: Some(argv.clone()), ..Create::default() };
            client.send("create", create)
        })
        .collect();
    let sessions: Vec<_> = clients
        .iter_mut()
        .zip(asked)
        .map(|(client, seq)| match client.reply(seq) {
            bastide_wire::Reply::Ok(ok) => ok.session.unwrap(),
            other => panic!("{other:?}"),
        })
        .collect();
    assert!(sessions.iter().all(|session| *session == sessions[0]), "{sessions:?}");
    assert_eq!(daemon.children().len(), 1);
}

#[test]
fn a_create_that_failed_gives_its_name_uid_and_place_back() {
    let daemon = Options::default().set("BASTIDE_PTYD_MAX_SESSIONS", "1").start();
    let mut client = daemon.client();
    let uid = Some(Uuid::now_v7());
    let create = |cwd: &str| Create {
        uid,
        name: Some("mine".to_owned()),
        cwd: Some(cwd.to_owned()),
        ..Create::default()
    };
    assert_eq!(client.create("true", create("/no such directory")).unwrap_err().code, "INVALID_ARGUMENT");
    client.create("exec sleep 1000", create("/")).unwrap();
    assert_eq!(client.create("true", Create::default()).unwrap_err().code, "LIMIT_REACHED");
}

#[test]
fn whoever_goes_while_a_session_opens_leaves_nothing_behind_that_is_not_on_the_list() {
    let daemon = Daemon::start();
    let mut keeper = daemon.client();
    let flood = keeper.run("while :; do echo flood; done");
    for _ in 0..30 {
        let mut hasty = daemon.seed();
        hasty.call("attach", Attach { session: flood, ..Attach::default() }).unwrap();
        hasty.send("create", Create { shell: Some("/bin/cat".to_owned()), ..Create::default() });
        hasty.socket.shutdown(Shutdown::Both).unwrap();
    }
    until("all children on the list", || {
        let mut listed: Vec<_> = keeper.list().iter().map(|session| session.pid).collect();
        listed.sort_unstable();
        listed == daemon.children()
    });
}

#[test]
fn a_client_with_two_sockets_answers_no_query_twice() {
    let daemon = Daemon::start();
    let file = daemon.dir().join("typed");
    let script = format!(
        "stty raw -echo; printf ready; head -c 1 >/dev/null; printf '\\033[6n'; cat -v >{}",
        file.display()
    );
    let session = daemon.client().run(&script);
    let pair = |role: &str| {
        Client::connect(&daemon, |handshake| {
            handshake.client_id = Some("two sockets".to_owned());
            handshake.role = Some(role.to_owned());
        })
    };
    let mut stream = pair("stream");
    let mut control = pair("control");
    until("the program", || daemon.client().attach(session).snapshot.unwrap().cursor_x == 5);
    control.call("attach", Attach { session, ..Attach::default() }).unwrap();
    control.types(session, b"x");
    stream.until("the question", |client| client.output.ends_with(b"\x1b[6n"));
    control.types(session, b"\x1b[1;6Rend");
    until("what was typed", || std::fs::read_to_string(&file).is_ok_and(|text| text.contains("end")));
    assert_eq!(std::fs::read_to_string(&file).unwrap(), "^[[1;6Rend");
}

#[test]
fn subscriptions_of_one_connection_are_bounded() {
    let daemon = Daemon::start();
    let mut client = daemon.client();
    let refused = (0..20)
        .filter_map(|_| client.call("subscribe", Subscribe { from_seq: 1_000_000 }).err())
        .inspect(|error| assert_eq!(error.code, "LIMIT_REACHED"))
        .count();
    assert!(refused > 0, "each is a task that reads the log");
}

#[test]
fn a_name_of_a_client_has_a_longest_length() {
    let daemon = Daemon::start();
    let mut client = Client::stranger(&daemon);
    let handshake = bastide_wire::request::Handshake {
        token: daemon.token(),
        protocol_version: 1,
        client_id: Some("x".repeat(100_000)),
        ..Default::default()
    };
    assert_eq!(client.call("handshake", handshake).unwrap_err().code, "INVALID_HANDSHAKE");
}

#[test]
fn a_viewer_that_never_reads_is_disconnected_where_that_is_the_setting() {
    let daemon = Daemon::start();
    let mut other = daemon.client();
    let spec = Spec { flow: Some(Flow::Disconnect), ..Spec::default() };
    let create = Create { spec: Some(spec), ..Create::default() };
    let session = other.create("while :; do echo flood; done", create).unwrap().session.unwrap();
    let mut deaf = daemon.seed();
    deaf.call("attach", Attach { session, ..Attach::default() }).unwrap();
    until("the disconnection", || {
        let list = other.list();
        list[0].detail.as_ref().unwrap().viewers.is_empty()
    });
}

#[test]
fn a_required_recording_is_refused_below_the_reserve_and_leaves_nothing() {
    let daemon = Options::default().set("BASTIDE_PTYD_RECORDING_RESERVE", i64::MAX.to_string()).start();
    let mut client = daemon.client();
    let spec = |mode| {
        let recording = Some(RecordingSpec { mode, ..RecordingSpec::default() });
        Create { spec: Some(Spec { recording, ..Spec::default() }), ..Create::default() }
    };
    let refused = client.create("exec sleep 1000", spec(RecordingMode::Required)).unwrap_err();
    assert_eq!(refused.code, "IO_ERROR");
    assert!(refused.message.contains("recording is required"), "{}", refused.message);
    assert!(client.list().is_empty() && daemon.children().is_empty());
    assert_eq!(std::fs::read_dir(daemon.dir().join("state/recordings")).unwrap().count(), 0);
    assert_eq!(std::fs::read_dir(daemon.dir().join("state/open")).unwrap().count(), 0);
    client.create("exec sleep 1000", spec(RecordingMode::BestEffort)).unwrap();
}

#[test]
fn the_oldest_idle_scrollback_goes_first_when_memory_is_short() {
    let daemon = Options::default().set("BASTIDE_PTYD_SCROLLBACK_MEMORY", "2000000").start();
    let mut client = daemon.client();
    let print = "stty -echo; seq 100000 200000; echo done; exec cat";
    let lines = |client: &mut Client, session| {
        let wish = Attach { session, viewer: Some(session), scrollback: Some(u32::MAX), ..Attach::default() };
        let restore = client.call("attach", wish).unwrap().snapshot.unwrap().restore.unwrap();
        restore.iter().filter(|byte| **byte == b'\n').count()
    };
    let old = client.run(print);
    until("the first to finish", || {
        let list = client.list();
        list[0].detail.as_ref().unwrap().pos > 700_000
    });
    assert!(lines(&mut client, old) > 5_000);
    client.subscribe();
    let mut last = 0;
    for _ in 0..8 {
        last = client.run(print);
    }
    client.until("the budget", |client| {
        client.log().any(|entry| {
            entry.kind == "scrollback_dropped"
                && client.log().any(|made| {
                    made.kind == "session_created" && made.uid == entry.uid && made.fields["id"] == old
                })
        })
    });
    assert!(lines(&mut client, old) < 100, "it kept its lines");
    client.until("the notice", |client| {
        client
            .events
            .iter()
            .any(|event| matches!(event, Event::Notice(notice) if notice.kind == "scrollback"))
    });
    assert!(client.list().iter().any(|session| session.id == last));
}

#[test]
fn a_root_daemon_opens_no_root_shell_for_a_person_who_was_mapped_to_no_account() {
    if !nix::unistd::Uid::effective().is_root() {
        return;
    }
    let daemon = Daemon::start();
    let mut client = daemon.client();
    let subject = Some(Subject { user: "ada".to_owned(), ..Subject::default() });
    let create = |account: Option<&str>| {
        let account = account.map(str::to_owned);
        let spec = Spec { subject: subject.clone(), account, ..Spec::default() };
        Create { spec: Some(spec), cwd: Some("/".to_owned()), ..Create::default() }
    };
    let refused = client.create("exec sleep 1000", create(None)).unwrap_err();
    assert_eq!(refused.code, "INVALID_ARGUMENT");
    client.create("exec sleep 1000", create(Some("root"))).unwrap();
    client.create("exec sleep 1000", create(Some("nobody"))).unwrap();
    client.call("list", Empty {}).unwrap();
}
