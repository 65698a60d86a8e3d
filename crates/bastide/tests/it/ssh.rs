//! Shells on other machines, kept by the session daemon: a real sshd, and a server for passwords and codes.

use std::path::Path;

use bastide_testkit::client::{
    Answer, AttachOptions, Client, Create, Error, LogEvent, Prompt, PromptKind, Secret, SessionInfo,
    ViewerEvent,
};
use bastide_testkit::{Person, SshServer, SshServerOptions, Sshd, SshdOptions, Viewer, within};
use bastide_wire::Code;
use bastide_wire::spec::{Spec, Subject};
use bastide_wire::ssh::{Login, Ssh};

use crate::{logged, ptyd};

async fn create(client: &Client, to: Ssh) -> u32 {
    let spec = Spec { ssh: Some(Box::new(to)), ..Spec::default() };
    let create = Create { spec: Some(spec), name: Some("far".into()), ..Create::default() };
    client.create(create).await.unwrap().session
}

async fn open(client: &Client, to: Ssh) -> Viewer {
    let session = create(client, to).await;
    Viewer::attach(client, session, AttachOptions::writer()).await
}

async fn info(client: &Client, session: u32) -> SessionInfo {
    client.list().await.unwrap().into_iter().find(|info| info.id == session).expect("it is listed")
}

/// The next question, other events having been looked at.
async fn asked(viewer: &mut Viewer) -> Prompt {
    let look = async {
        loop {
            let found = viewer.events.iter().position(|event| matches!(event, ViewerEvent::Prompt(_)));
            if let Some(ViewerEvent::Prompt(prompt)) = found.map(|index| viewer.events.remove(index)) {
                return *prompt;
            }
            assert!(viewer.look().await, "the attachment ended; said: {:?}", viewer.events);
        }
    };
    within("a question", look).await
}

async fn answer(viewer: &Viewer, prompt: &Prompt, answer: Answer) -> Result<(), Error> {
    viewer.attachment.writer().unwrap().answer(prompt.prompt_id, answer).await
}

fn said(viewer: &Viewer) -> Vec<&str> {
    let about = viewer.events.iter().filter_map(|event| match event {
        ViewerEvent::Notice { kind, text, .. } if kind == "ssh" => Some(text.as_str()),
        _ => None,
    });
    about.collect()
}

/// The entries of the daemon's log about a session, up to its end.
async fn log(client: &Client, about: &SessionInfo) -> Vec<(String, String)> {
    let mut events = client.subscribe(0).await.unwrap();
    within("the session's end in the log", async {
        let mut all = Vec::new();
        while let Some(LogEvent::Entry(entry)) = events.next().await.unwrap() {
            if entry.uid == about.uid {
                all.push((entry.kind.clone(), serde_json::to_string(&entry.fields).unwrap()));
                if entry.kind == "session_ended" {
                    return all;
                }
            }
        }
        panic!("the log ended")
    })
    .await
}

fn assert_nowhere(secret: &str, directory: &Path) {
    for entry in std::fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            assert_nowhere(secret, &path);
        } else if path.is_file() {
            let bytes = std::fs::read(&path).unwrap();
            let found = bytes.windows(secret.len()).any(|window| window == secret.as_bytes());
            assert!(!found, "a secret is in {}", path.display());
        }
    }
}

#[tokio::test]
async fn a_shell_elsewhere_is_a_session_like_any_other() {
    let (ptyd, sshd) = (ptyd().await, Sshd::start().await);
    let client = ptyd.client().await;
    let mut viewer = open(&client, sshd.ssh()).await;
    let session = viewer.attachment.session;
    viewer.types("PS1='> '; stty size; echo \"$TERM\" $((6*7))\r").await;
    viewer.sees("24 80").await;
    viewer.sees("xterm-256color 42").await;
    let seen = info(&client, session).await;
    assert_eq!((seen.pid, seen.pts.as_str(), seen.is_alive), (0, "", true));
    let remote = seen.detail.clone().unwrap().remote.unwrap();
    assert_eq!((remote.username.as_str(), remote.port, remote.connecting), (sshd.user(), sshd.port(), false));

    viewer.attachment.resize(100, 30).await.unwrap();
    viewer.types("clear; stty size\r").await;
    viewer.sees("30 100").await;

    let waits =
        r#"sh -c 'trap "echo caught 4\$((1+1)); exit" INT; echo starts $((1+1)); while :; do sleep 1; done'"#;
    viewer.types(&format!("{waits}\r")).await;
    viewer.sees("starts 2").await;
    viewer.types("\x03").await;
    viewer.sees("caught 42").await;
    viewer.types("exit 7\r").await;
    assert_eq!(viewer.exits().await.code, 7);
    let log = log(&client, &seen).await;
    assert!(log.iter().any(|(kind, _)| kind == "ssh_connected"), "{log:?}");
    let created = &log.iter().find(|(kind, _)| kind == "session_created").unwrap().1;
    assert!(created.contains("\"logins\":[\"key\"]"), "{created}");
    let key = sshd.key();
    let line = key.lines().nth(2).unwrap();
    assert_nowhere(line, ptyd.dir());
}

#[tokio::test]
async fn an_editor_elsewhere_is_there_again_for_who_comes_back() {
    let (ptyd, sshd) = (ptyd().await, Sshd::start().await);
    let first = ptyd.client().await;
    let mut viewer = open(&first, sshd.ssh()).await;
    let session = viewer.attachment.session;
    // Without its questions to the terminal, whose answers it may be too late for when it ends at once.
    viewer.types("vim -u NONE -N -i NONE --cmd 'set t_RV='\r").await;
    viewer.sees("VIM").await;
    viewer.types("ihello from afar").await;
    viewer.sees("hello from afar").await;
    let before = viewer.text();
    drop((viewer, first));
    let second = ptyd.client().await;
    let mut again = Viewer::attach(&second, session, AttachOptions::writer()).await;
    assert_eq!(again.text(), before);
    assert!(again.screen().modes().alternate_screen);
    again.types("\x1b:q!\r").await;
    // What is typed before it has ended it would throw away.
    let left = async { while again.screen().modes().alternate_screen && again.look().await {} };
    within("the editor's end", left).await;
    again.types("echo back $((6*7))\r").await;
    again.sees("back 42").await;
}

#[tokio::test]
async fn a_client_that_is_killed_takes_nothing_along() {
    let (ptyd, sshd) = (ptyd().await, Sshd::start().await);
    let client = ptyd.client().await;
    let session = create(&client, sshd.ssh()).await;
    let mut person = Person::at(&ptyd, "sh -c 'echo $$ >pid; exec \"$BASTIDE\" attach far'").await;
    person.until("the session's terminal", |p| !p.terminal_echoes()).await;
    person.types("KEPT=$((6*7)); echo kept $KEPT\r").await;
    person.sees("kept 42").await;
    let pid = std::fs::read_to_string(ptyd.dir().join("pid")).unwrap().trim().parse().unwrap();
    nix::sys::signal::kill(nix::unistd::Pid::from_raw(pid), nix::sys::signal::Signal::SIGKILL).unwrap();
    person.leaves().await;
    let mut viewer = Viewer::attach(&client, session, AttachOptions::writer()).await;
    viewer.types("echo still $KEPT\r").await;
    viewer.sees("still 42").await;
}

#[tokio::test]
async fn bytes_that_are_no_text_arrive_as_they_are() {
    let (ptyd, sshd) = (ptyd().await, Sshd::start().await);
    let client = ptyd.client().await;
    let mut to = sshd.ssh();
    to.command = Some("printf 'a\\377\\376\\200z'; read x".into());
    let session = create(&client, to).await;
    let mut attachment = client.attach(session, AttachOptions::writer().from(Some(0))).await.unwrap();
    let mut all = attachment.snapshot.as_ref().map(|_| Vec::new()).unwrap_or_default();
    within("the bytes", async {
        while !all.ends_with(b"a\xff\xfe\x80z") {
            match attachment.next().await.expect("it runs") {
                ViewerEvent::Output { data, .. } => all.extend_from_slice(&data),
                ViewerEvent::Exit { .. } => panic!("it ended: {all:?}"),
                _ => {}
            }
        }
    })
    .await;
}

#[tokio::test]
async fn a_connection_that_breaks_ends_its_sessions_and_says_so() {
    let (ptyd, sshd) = (ptyd().await, Sshd::start().await);
    let client = ptyd.client().await;
    let mut viewer = open(&client, sshd.ssh()).await;
    let seen = info(&client, viewer.attachment.session).await;
    viewer.types("echo here $((6*7))\r").await;
    viewer.sees("here 42").await;
    sshd.drop_connections();
    assert_eq!(viewer.exits().await.code, 255);
    assert!(said(&viewer).iter().any(|text| text.contains("was lost")), "{:?}", viewer.events);
    let log = log(&client, &seen).await;
    assert!(log.last().unwrap().1.contains("ssh_lost"), "{log:?}");
    // Nobody else is disturbed, and a new one dials anew.
    let create = Create {
        spec: Some(Spec { ssh: Some(Box::new(sshd.ssh())), ..Spec::default() }),
        ..Create::default()
    };
    let next = client.create(create).await.unwrap().session;
    let mut next = Viewer::attach(&client, next, AttachOptions::writer()).await;
    next.types("echo anew $((6*7))\r").await;
    next.sees("anew 42").await;
}

#[tokio::test]
async fn the_daemon_tells_its_connections_and_one_can_be_ended() {
    let (ptyd, sshd) = (ptyd().await, Sshd::start().await);
    let client = ptyd.client().await;
    let mut one = open(&client, sshd.ssh()).await;
    one.types("echo here $((6*7))\r").await;
    one.sees("here 42").await;
    let spec = Spec { ssh: Some(Box::new(sshd.ssh())), ..Spec::default() };
    client.create(Create { spec: Some(spec), ..Create::default() }).await.unwrap();
    // The second opens its channel a moment later.
    let pool = within("both in one connection", async {
        loop {
            let pool = client.connections().await.unwrap();
            if pool.connections.iter().any(|connection| connection.channels == 2) {
                return pool;
            }
        }
    })
    .await;
    let [connection] = &pool.connections[..] else { panic!("one for both: {pool:?}") };
    assert_eq!((connection.username.as_str(), connection.port), (sshd.user(), sshd.port()));
    assert_eq!((pool.dials, pool.failed_dials), (1, 0));
    let other = client.connection_end(connection.id + 1).await.unwrap_err();
    assert!(other.is(Code::NotFound), "{other}");
    client.connection_end(connection.id).await.unwrap();
    assert_eq!(one.exits().await.code, 255);
    assert!(said(&one).iter().any(|text| text.contains("disconnected")), "{:?}", one.events);
    assert!(client.connections().await.unwrap().connections.is_empty());
}

#[tokio::test]
async fn a_first_host_key_is_asked_about_and_a_changed_one_is_not() {
    let (ptyd, sshd) = (ptyd().await, Sshd::start().await);
    let client = ptyd.client().await;
    let mut unknown = sshd.ssh();
    unknown.hops[0].host_keys.clear();
    unknown.hops[0].ask_host_key = true;
    let mut viewer = open(&client, unknown.clone()).await;
    let prompt = asked(&mut viewer).await;
    let key = prompt.key.clone().expect("the key is shown");
    assert_eq!((prompt.kind, key.key.as_str()), (PromptKind::HostKey, sshd.host_key()));
    assert!(key.fingerprint.starts_with("SHA256:"));
    answer(&viewer, &prompt, Answer::Accept).await.unwrap();
    viewer.types("echo in $((6*7))\r").await;
    viewer.sees("in 42").await;
    client.kill(viewer.attachment.session).await.unwrap();

    // Of another isolation key, so that the connection above is not shared.
    unknown.isolation = "refuses".into();
    let mut viewer = open(&client, unknown).await;
    let prompt = asked(&mut viewer).await;
    answer(&viewer, &prompt, Answer::Refuse).await.unwrap();
    assert_eq!(viewer.exits().await.code, 255);
    client.kill(viewer.attachment.session).await.unwrap();

    let other = Sshd::start().await;
    let mut changed = sshd.ssh();
    changed.hops[0].host_keys = vec![other.host_key().to_owned()];
    changed.hops[0].ask_host_key = true;
    changed.isolation = "changed".into();
    let mut viewer = open(&client, changed).await;
    assert_eq!(viewer.exits().await.code, 255);
    assert!(said(&viewer).iter().any(|text| text.starts_with("host key:")), "{:?}", viewer.events);
    let asks = |event: &ViewerEvent| matches!(event, ViewerEvent::Prompt(_));
    assert!(!viewer.events.iter().any(asks), "nobody may wave a changed key through");
}

#[tokio::test]
async fn passwords_and_codes_are_asked_of_a_person_and_kept_nowhere() {
    let ptyd = ptyd().await;
    let server = SshServer::start(SshServerOptions::default().password("tr0ub4dor&3")).await;
    let client = ptyd.client().await;
    let mut to = server.ssh();
    to.hops[0].logins = vec![Login::AskPassword];
    let mut viewer = open(&client, to.clone()).await;
    let prompt = asked(&mut viewer).await;
    assert_eq!((prompt.kind, prompt.echo), (PromptKind::Password, false));
    assert!(info(&client, viewer.attachment.session).await.detail.unwrap().remote.unwrap().connecting);
    // What is typed meanwhile is for the shell.
    viewer.types("typed early\r").await;
    answer(&viewer, &prompt, Answer::Text(Secret::new("tr0ub4dor&3"))).await.unwrap();
    viewer.sees("typed early").await;
    let late = answer(&viewer, &prompt, Answer::Text(Secret::new("x"))).await;
    assert!(matches!(late, Err(e) if e.code() == Some("NOT_FOUND")));
    client.kill(viewer.attachment.session).await.unwrap();
    assert_nowhere("tr0ub4dor&3", ptyd.dir());

    let server =
        SshServer::start(SshServerOptions::default().question("One-time code: ", true, "123456")).await;
    let mut to = server.ssh();
    to.hops[0].logins = vec![Login::KeyboardInteractive { password: None }];
    let mut viewer = open(&client, to).await;
    let prompt = asked(&mut viewer).await;
    assert_eq!((prompt.kind, prompt.echo), (PromptKind::Question, true));
    assert!(prompt.text.contains("One-time code:"));
    answer(&viewer, &prompt, Answer::Text(Secret::new("123456"))).await.unwrap();
    viewer.types("let in\r").await;
    viewer.sees("let in").await;
}

#[tokio::test]
async fn attach_asks_on_the_terminal() {
    let ptyd = ptyd().await;
    let server = SshServer::start(SshServerOptions::default().password("s3cret")).await;
    let client = ptyd.client().await;
    let mut to = server.ssh();
    to.hops[0].logins = vec![Login::AskPassword];
    to.hops[0].host_keys.clear();
    to.hops[0].ask_host_key = true;
    let session = create(&client, to).await;
    let mut person = Person::at(&ptyd, "\"$BASTIDE\" attach far; echo \"status $?\"").await;
    person.sees("(yes/no)?").await;
    person.types("yes\r").await;
    person.until("the password's question", |p| p.history().to_lowercase().contains("password")).await;
    person.types("s3cret\r").await;
    person.sees("ready>").await;
    assert!(!person.text().contains("yes/no"), "the questions are off the program's screen");
    person.types("hello there\r").await;
    person.sees("hello there").await;
    let seen = info(&client, session).await;
    client.kill(session).await.unwrap();
    let log = log(&client, &seen).await;
    let closed: Vec<_> = log.iter().filter(|(kind, _)| kind == "prompt_closed").collect();
    assert_eq!(closed.len(), 2, "{log:?}");
    assert!(closed[0].1.contains("accepted") && closed[0].1.contains("SHA256:"), "{closed:?}");
    assert!(!person.history().contains("s3cret"), "{}", person.history());
}

#[tokio::test]
async fn attach_says_why_there_is_no_shell() {
    let (ptyd, sshd) = (ptyd().await, Sshd::start().await);
    let client = ptyd.client().await;
    let mut to = sshd.ssh();
    to.hops[0].logins = vec![Login::Password { password: Secret::new("wrong") }];
    let session = create(&client, to).await;
    let seen = info(&client, session).await;
    logged(&client, "session_ended", &seen).await;
    let mut person = Person::at(&ptyd, "\"$BASTIDE\" attach far; echo \"status $?\"").await;
    person.sees("status 255").await;
    assert!(person.history().contains("authentication:"), "{}", person.history());
    let log = log(&client, &seen).await;
    let failed = log.iter().find(|(kind, _)| kind == "ssh_failed").expect("it is logged");
    assert!(failed.1.contains("\"step\":\"authentication\"") && !failed.1.contains("wrong"), "{failed:?}");
}

#[tokio::test]
async fn a_server_with_one_session_for_each_connection_gives_two_terminals() {
    let ptyd = ptyd().await;
    let sshd = Sshd::start_with(SshdOptions::default().max_sessions(1)).await;
    let client = ptyd.client().await;
    for _ in 0..2 {
        let spec = Spec { ssh: Some(Box::new(sshd.ssh())), ..Spec::default() };
        let create = Create { spec: Some(spec), ..Create::default() };
        let session = client.create(create).await.unwrap().session;
        let mut viewer = Viewer::attach(&client, session, AttachOptions::writer()).await;
        viewer.types("echo one $((6*7))\r").await;
        viewer.sees("one 42").await;
    }
    assert_eq!(client.list().await.unwrap().iter().filter(|info| info.is_alive).count(), 2);
}

#[tokio::test]
async fn ends_and_kills_do_not_wait_for_the_other_machine() {
    let (mut ptyd, sshd) = (ptyd().await, Sshd::start().await);
    let client = ptyd.client().await;
    let mut viewers = Vec::new();
    for _ in 0..3 {
        let spec = Spec { ssh: Some(Box::new(sshd.ssh())), ..Spec::default() };
        let create = Create { spec: Some(spec), ..Create::default() };
        let session = client.create(create).await.unwrap().session;
        let mut viewer = Viewer::attach(&client, session, AttachOptions::writer()).await;
        viewer.types("trap '' HUP; echo ready $((6*7))\r").await;
        viewer.sees("ready 42").await;
        viewers.push(viewer);
    }
    sshd.freeze_connections();
    let uid = info(&client, viewers[0].attachment.session).await.uid.unwrap();
    client.end(uid, "enough").await.unwrap();
    assert_ne!(viewers[0].exits().await.code, 0);
    client.kill(viewers[1].attachment.session).await.unwrap();
    let status = viewers[1].exits().await;
    assert_eq!((status.code, status.signal), (137, Some(9)));
    assert!(ptyd.stop().await.success(), "the daemon ends with a session that nobody answers for");
}

#[tokio::test]
async fn a_shell_elsewhere_knows_whose_it_is_and_ends_when_its_time_is_over() {
    let (ptyd, sshd) = (ptyd().await, Sshd::start().await);
    let client = ptyd.client().await;
    let subject = Subject { user: "7".into(), name: "ada".into(), ..Subject::default() };
    let ssh = Some(Box::new(sshd.ssh()));
    let spec = Spec { ssh, subject: Some(subject), max_lifetime: Some(4), ..Spec::default() };
    let env = [("LC_TIME", "C.UTF-8"), ("BASTIDE_USER", "root"), ("UNKNOWN_THERE", "x")];
    let env = env.map(|(name, value)| (name.to_owned(), value.to_owned()));
    let create = Create { spec: Some(spec), env: Some(env.into()), ..Create::default() };
    let created = client.create(create).await.unwrap();
    let mut viewer = Viewer::attach(&client, created.session, AttachOptions::writer()).await;
    viewer
        .types("echo \"$BASTIDE_USER-$BASTIDE_USER_ID-$LC_TIME-$UNKNOWN_THERE-\"; echo $BASTIDE_SESSION\r")
        .await;
    viewer.sees("ada-7-C.UTF-8--").await;
    viewer.sees(&created.uid.unwrap().to_string()).await;
    viewer.exits().await;
    let about = info(&client, created.session).await;
    let told = |event: &ViewerEvent| matches!(event, ViewerEvent::Notice { kind, text, .. } if kind == "ending" && text.contains("ends in"));
    assert!(viewer.events.iter().any(told), "{:?}", viewer.events);
    let (kind, fields) = log(&client, &about).await.pop().unwrap();
    assert!(kind == "session_ended" && fields.contains("max_lifetime"), "{fields}");
}
