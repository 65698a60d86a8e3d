//! What sessions may use and see, asked for over the wire.

use bastide_wire::event::Event;
use bastide_wire::request::Create;
use bastide_wire::session::LimitsInfo;
use bastide_wire::spec::{GroupLimits, Limits, Spec};
use nix::sys::signal::Signal;

use crate::client::Client;
use crate::daemon::{Daemon, Options, until};

fn create(limits: Limits) -> Create {
    Create { spec: Some(Spec { limits: Some(limits), ..Spec::default() }), ..Create::default() }
}

fn limits(client: &mut Client, session: u32) -> Option<LimitsInfo> {
    let of = |info: bastide_wire::SessionInfo| (info.id == session).then(|| info.limits.map(|it| *it));
    client.list().into_iter().find_map(of).expect("it is listed")
}

fn group() -> GroupLimits {
    GroupLimits { processes: Some(100), memory: Some(1 << 30), cpu_percent: Some(100) }
}

#[test]
fn limits_hold_and_the_session_says_which_do_not() {
    let daemon = Daemon::start();
    let mut client = daemon.client();
    let asked =
        Limits { umask: Some(0o027), open_files: Some(50), group: Some(group()), ..Limits::default() };
    let script = "read x; umask; ulimit -n; exec sleep 1000";
    let session = client.create(script, create(asked)).unwrap().session.unwrap();
    client.attach(session);
    client.types(session, b"\n");
    client.until("its limits", |client| String::from_utf8_lossy(&client.output).contains("0027\r\n50\r\n"));
    let info = limits(&mut client, session).unwrap();
    assert!(info.in_force.contains(&"umask".to_owned()) && info.in_force.contains(&"open_files".to_owned()));
    let group = |name: &&str| {
        let there = info.in_force.iter().any(|limit| limit == name);
        there != info.missing.iter().any(|missing| missing.limit == **name)
    };
    assert!(["group.processes", "group.memory", "group.cpu_percent"].iter().all(group), "{info:?}");
    let told =
        client.events.iter().any(|event| matches!(event, Event::Notice(notice) if notice.kind == "limits"));
    assert_eq!(told, !info.missing.is_empty());
    let plain = client.run("exec sleep 1000");
    assert_eq!(limits(&mut client, plain), None);
}

#[test]
fn a_session_that_requires_its_group_has_it_or_is_refused() {
    let daemon = Daemon::start();
    let mut client = daemon.client();
    let mut asked = create(Limits { group: Some(group()), ..Limits::default() });
    asked.spec.as_mut().unwrap().layers = vec!["cgroup".to_owned()];
    match client.create("exec sleep 1000", asked) {
        Ok(ok) => assert!(limits(&mut client, ok.session.unwrap()).unwrap().missing.is_empty()),
        Err(error) => assert_eq!(error.code, "NOT_GATED", "{error:?}"),
    }
    let unknown = Limits { umask: Some(0o7777), ..Limits::default() };
    assert_eq!(client.create("true", create(unknown)).unwrap_err().code, "INVALID_ARGUMENT");
}

#[test]
fn paths_are_closed_and_tmp_is_private_where_the_daemon_may_or_the_session_is_refused() {
    let daemon = Daemon::start();
    let mut client = daemon.client();
    let asked = Limits { private_tmp: true, read_only: vec!["/opt".to_owned()], ..Limits::default() };
    let cwd = |cwd: &str| Create { cwd: Some(cwd.to_owned()), ..create(asked.clone()) };
    if !nix::unistd::geteuid().is_root() {
        let refused = client.create("true", cwd("/")).unwrap_err();
        assert!(refused.code == "INVALID_ARGUMENT" && refused.message.contains("root"), "{refused:?}");
        return;
    }
    let inside = client.create("true", cwd(daemon.dir().to_str().unwrap())).unwrap_err();
    assert!(inside.message.contains("is not there when /tmp is private"), "{inside:?}");
    let script = "read x; ls -A /tmp | wc -l; (: >/opt/x) 2>/dev/null || echo closed; exec sleep 1000";
    let session = client.create(script, cwd("/")).unwrap().session.unwrap();
    client.attach(session);
    client.types(session, b"\n");
    client
        .until("what it sees", |client| String::from_utf8_lossy(&client.output).contains("0\r\nclosed\r\n"));
    assert_eq!(limits(&mut client, session).unwrap().in_force, ["private_tmp", "read_only"]);
}

/// Whatever has left terminal, process group and parent.
#[test]
fn what_a_session_leaves_in_its_group_goes_at_its_end_and_at_the_next_start() {
    let mut daemon = Daemon::start();
    let mut client = daemon.client();
    let escapes = |name: &str| {
        format!("(setsid sh -c 'echo $$ >{name}; exec sleep 1000' &); while ! [ -s {name} ]; do :; done;")
    };
    let (one, two) = (daemon.dir().join("one"), daemon.dir().join("two"));
    let limits = || create(Limits { group: Some(group()), ..Limits::default() });
    client.create(&format!("{} exit 0", escapes(one.to_str().unwrap())), limits()).unwrap();
    let session =
        client.create(&format!("{} exec sleep 1000", escapes(two.to_str().unwrap())), limits()).unwrap();
    until("both to run", || {
        [&one, &two].iter().all(|file| std::fs::read(file).is_ok_and(|text| text.ends_with(b"\n")))
    });
    let pid = |file| std::fs::read_to_string(file).unwrap().trim().to_owned();
    let group_of = |pid: &str| std::fs::read_to_string(format!("/proc/{pid}/cgroup")).unwrap_or_default();
    let (one, two) = (pid(&one), pid(&two));
    if !group_of(&two).contains("/session-") {
        // This machine gives no groups.
        for pid in [one, two] {
            let _ = std::process::Command::new("kill").args(["-9", &pid]).status();
        }
        return;
    }
    let runs = |pid: &str| group_of(pid).contains("/session-");
    until("what the first left to go", || !runs(&one));
    assert!(runs(&two) && session.session.is_some());
    daemon.signal(Signal::SIGKILL);
    daemon.ends();
    assert!(runs(&two), "nothing else ends it");
    let _again = Options::default().after(&daemon).start();
    until("what the second left to go", || !runs(&two));
}
