//! Sessions with rules: under the real gate, and over a real sshd.

use bastide_policy::{Bundle, RuleSet};
use bastide_testkit::client::{AttachOptions, Client, Create, Error, LogEvent, ViewerEvent};
use bastide_testkit::{Ptyd, Sshd, Viewer, within};
use bastide_wire::control::{
    AlertEntry, CommandNotice, Control, ReviewClosedEntry, ReviewOpenedEntry, ReviewReply, VerdictEntry,
    kind, label,
};
use bastide_wire::spec::{Spec, Subject};
use serde::de::DeserializeOwned;
use uuid::Uuid;

use crate::ptyd;

const RULES: &str = r#"{"version":1,"rules":[
  {"id":"no-arch","priority":1,"action":"deny","match":{"programs":["arch"]},"reason":{"en":"not here","zh":"此处不允许"}},
  {"id":"ask","priority":2,"action":"review","match":{"programs":["uname"]}}]}"#;

fn bundle(rules: &str) -> (String, Bundle) {
    let bundle = Bundle::new(&RuleSet::parse(rules.as_bytes()).unwrap()).unwrap();
    let digest = bundle.digest_hex();
    (digest, bundle)
}

async fn put(client: &Client, rules: &str) -> String {
    let (digest, bundle) = bundle(rules);
    client.put_rules(&digest, bundle.bytes()).await.unwrap();
    digest
}

fn spec(digest: &str) -> Spec {
    Spec {
        rules: Some(digest.to_owned()),
        subject: Some(Subject { user: "ada".into(), ..Subject::default() }),
        account: Some(whoami()),
        control: Some(Control::default()),
        ..Spec::default()
    }
}

fn whoami() -> String {
    let output = std::process::Command::new("id").arg("-un").output().unwrap();
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

/// A shell with rules, and somebody at it.
async fn shell(client: &Client, spec: Spec) -> (Uuid, Viewer) {
    let create = Create {
        spec: Some(spec),
        shell: Some("/bin/bash".into()),
        env: Some([("PS1".to_owned(), "ready> ".to_owned())].into()),
        ..Create::default()
    };
    let created = client.create(create).await.unwrap();
    let mut viewer = Viewer::attach(client, created.session, AttachOptions::writer()).await;
    viewer.types("unset HISTFILE; PS1='ready> '; echo be\"gin\"s\r").await;
    viewer.sees("begins").await;
    (created.uid.unwrap(), viewer)
}

/// The first entry of this kind about the session that fits.
async fn entry<T: DeserializeOwned>(client: &Client, kind: &str, uid: Uuid, fits: impl Fn(&T) -> bool) -> T {
    let mut events = client.subscribe(0).await.unwrap();
    within(kind, async {
        while let Some(event) = events.next().await.unwrap() {
            if let LogEvent::Entry(entry) = event
                && entry.kind == kind
                && entry.uid == Some(uid)
            {
                let fields = serde_json::from_value(entry.fields.into()).unwrap();
                if fits(&fields) {
                    return fields;
                }
            }
        }
        panic!("the log ended");
    })
    .await
}

/// The next notice about a command.
async fn told(viewer: &mut Viewer) -> (String, CommandNotice) {
    let look = async {
        loop {
            let about = |event: &ViewerEvent| matches!(event, ViewerEvent::Notice { command: Some(_), .. });
            if let Some(place) = viewer.events.iter().position(about) {
                let ViewerEvent::Notice { text, command: Some(command), .. } = viewer.events.remove(place)
                else {
                    unreachable!()
                };
                return (text, *command);
            }
            assert!(viewer.look().await, "the attachment ended");
        }
    };
    within("a notice about a command", look).await
}

async fn approve(client: &Client, uid: Uuid, opened: &ReviewOpenedEntry, by: &str) -> Result<(), Error> {
    let (review, hash) = (opened.review, opened.hash.clone());
    let reply = ReviewReply { uid, review, approve: true, hash, by: by.into(), reason: String::new() };
    client.review_reply(reply).await
}

fn code(result: Result<impl std::fmt::Debug, Error>) -> String {
    match result {
        Err(Error::Reply { code, .. }) => code,
        other => panic!("not refused: {other:?}"),
    }
}

#[tokio::test]
async fn rules_that_the_daemon_does_not_have_open_no_session() {
    let ptyd = ptyd().await;
    let client = ptyd.client().await;
    let (digest, other) = bundle(RULES);
    let create = |spec| Create { spec: Some(spec), ..Create::default() };
    assert_eq!(code(client.create(create(spec(&digest))).await), "RULES_UNKNOWN");
    assert_eq!(code(client.set_rules(None, &digest).await), "RULES_UNKNOWN");
    assert_eq!(code(client.put_rules(&"0".repeat(64), other.bytes()).await), "INVALID_ARGUMENT");
    let digest = put(&client, RULES).await;
    let strange = Spec { layers: vec!["moat".into()], ..spec(&digest) };
    assert_eq!(code(client.create(create(strange)).await), "NOT_GATED");
    let gate = client.daemon().control.clone().unwrap();
    assert!(gate.layers.iter().any(|layer| layer == "notifier"), "{gate:?}");
}

#[tokio::test]
async fn a_gated_shell_is_refused_what_the_rules_refuse_and_says_so() {
    let ptyd = ptyd().await;
    let client = ptyd.client().await;
    let digest = put(&client, RULES).await;
    let (uid, mut viewer) = shell(&client, spec(&digest)).await;
    // The shell says it, and drops it.
    viewer.types("arch\r").await;
    let (text, command) = told(&mut viewer).await;
    assert_eq!(text, "command refused: arch (no-arch: not here)");
    assert_eq!(
        (command.level.as_str(), command.zh.as_str()),
        ("error", "命令被拦截: arch（no-arch: 此处不允许）")
    );
    // Nobody can tell from the text, and the kernel is asked.
    viewer.types("x=arch; $x; echo st\"ill\" here\r").await;
    viewer.sees("still here").await;
    viewer.sees("Permission denied").await;
    let denied = |entry: &VerdictEntry| entry.decided.action == "deny" && entry.door == "exec";
    let entry: VerdictEntry = entry(&client, kind::VERDICT, uid, denied).await;
    assert_eq!((entry.command.program.as_str(), entry.decided.digest.as_str()), ("arch", digest.as_str()));
    assert!(!viewer.text().contains("x86_64"), "{}", viewer.text());
    let info = client.list().await.unwrap().remove(0).control.unwrap();
    assert!([label::ENFORCED, label::GATED].contains(&info.label.as_str()), "{info:?}");
    assert_eq!(info.rules.as_ref(), Some(&digest));

    // Other rules hold from the next start on.
    let none = put(&client, r#"{"version":1}"#).await;
    assert_eq!(client.set_rules(Some(uid), &none).await.unwrap(), 1);
    viewer.types("arch\r").await;
    viewer.sees("x86_64").await;
    viewer.types("exit 3\r").await;
    assert_eq!(viewer.exits().await.code, 3);
}

#[tokio::test]
async fn a_reviewed_command_waits_for_somebody_else() {
    let ptyd = ptyd().await;
    let client = ptyd.client().await;
    let digest = put(&client, RULES).await;
    let (uid, mut viewer) = shell(&client, spec(&digest)).await;
    viewer.types("uname -s\r").await;
    let opened: ReviewOpenedEntry = entry(&client, kind::REVIEW_OPENED, uid, |_| true).await;
    assert_eq!(opened.command.argv, ["uname", "-s"]);
    assert_eq!(told(&mut viewer).await.1.review.unwrap().state, "open");
    assert_eq!(code(approve(&client, uid, &opened, "ada").await), "INVALID_ARGUMENT");
    approve(&client, uid, &opened, "grace").await.unwrap();
    viewer.sees("Linux").await;
    let closed: ReviewClosedEntry = entry(&client, kind::REVIEW_CLOSED, uid, |_| true).await;
    assert_eq!((closed.outcome.as_str(), closed.by.as_deref()), ("approved", Some("grace")));

    // Ctrl-C gives another one up, and the shell goes on.
    viewer.types("uname -m\r").await;
    let again = |entry: &ReviewOpenedEntry| entry.review != opened.review;
    let second: ReviewOpenedEntry = entry(&client, kind::REVIEW_OPENED, uid, again).await;
    viewer.types("\x03").await;
    let over = |entry: &ReviewClosedEntry| entry.review == second.review;
    let closed: ReviewClosedEntry = entry(&client, kind::REVIEW_CLOSED, uid, over).await;
    assert_eq!(closed.outcome, "cancelled");
    viewer.types("echo goes \"on\"\r").await;
    viewer.sees("goes on").await;
}

#[tokio::test]
async fn nothing_in_a_gated_session_reaches_the_daemon() {
    let ptyd = ptyd().await;
    let client = ptyd.client().await;
    let digest = put(&client, RULES).await;
    let (_, mut viewer) = shell(&client, spec(&digest)).await;
    let (socket, token) = (ptyd.socket(), ptyd.token_file());
    let (socket, token) = (socket.display(), token.display());
    viewer.types(&format!("cat {token}; echo read: $?; python3 -c 'import socket; s = socket.socket(socket.AF_UNIX); s.connect(\"{socket}\"); s.settimeout(5); print(\"got\", s.recv(1))'; echo asked: $?\r")).await;
    let secret = std::fs::read_to_string(ptyd.token_file()).unwrap();
    viewer.sees("read: ").await;
    assert!(!viewer.text().replace(['\r', '\n'], "").contains(secret.trim()), "the token was read");
    within("the answer", async {
        while !viewer.text().contains("got b''") && !viewer.text().contains("asked: 1") {
            assert!(viewer.look().await);
        }
    })
    .await;
}

async fn elsewhere(client: &Client, ptyd: &Ptyd, sshd: &Sshd, rules: &str) -> (Uuid, Viewer) {
    let _ = ptyd;
    let digest = put(client, rules).await;
    let spec = Spec { ssh: Some(Box::new(sshd.ssh())), account: None, ..spec(&digest) };
    let created = client.create(Create { spec: Some(spec), ..Create::default() }).await.unwrap();
    let mut viewer = Viewer::attach(client, created.session, AttachOptions::writer()).await;
    viewer.types("exec bash --norc\r").await;
    viewer.types("PS1='ready> '; echo be\"gin\"s\r").await;
    viewer.sees("begins").await;
    (created.uid.unwrap(), viewer)
}

#[tokio::test]
async fn a_line_elsewhere_is_read_from_the_screen_and_cleared_when_it_is_refused() {
    let (ptyd, sshd) = (ptyd().await, Sshd::start().await);
    let client = ptyd.client().await;
    let (uid, mut viewer) = elsewhere(&client, &ptyd, &sshd, RULES).await;
    viewer.types("arch; echo no\"pe\"\r").await;
    let (text, _) = told(&mut viewer).await;
    assert_eq!(text, "command refused: arch; echo no\"pe\" (no-arch: not here)");
    viewer.types("echo goes \"on\"\r").await;
    viewer.sees("goes on").await;
    assert!(!viewer.text().contains("\nnope"), "{}", viewer.text());
    let denied = |entry: &VerdictEntry| entry.decided.action == "deny";
    let denied: VerdictEntry = entry(&client, kind::VERDICT, uid, denied).await;
    assert_eq!((denied.label.as_str(), denied.door.as_str()), (label::WATCHED, "watched"));

    // From the history, in one packet, and with Ctrl-J.
    viewer.types("true; ar''ch\r").await;
    assert!(told(&mut viewer).await.0.starts_with("command refused"));
    viewer.types("arch\x0a").await;
    assert!(told(&mut viewer).await.0.starts_with("command refused"));
    // A paste of several lines: one at a time.
    viewer.types("echo fir\"st\"\rarch\recho thi\"rd\"\r").await;
    assert!(told(&mut viewer).await.0.starts_with("command refused"));
    viewer.sees("first").await;
    assert!(!viewer.text().contains("x86_64"), "{}", viewer.text());
}

#[tokio::test]
async fn a_line_elsewhere_waits_for_somebody_else_and_a_password_is_nowhere() {
    let (ptyd, sshd) = (ptyd().await, Sshd::start().await);
    let client = ptyd.client().await;
    let (uid, mut viewer) = elsewhere(&client, &ptyd, &sshd, RULES).await;
    viewer.types("uname -s\r").await;
    let opened: ReviewOpenedEntry = entry(&client, kind::REVIEW_OPENED, uid, |_| true).await;
    assert_eq!(opened.command.line.as_deref(), Some("uname -s"));
    approve(&client, uid, &opened, "grace").await.unwrap();
    viewer.sees("Linux").await;

    viewer.types("read -rsp 'Pass''word: ' it; echo; echo got ${#it}\r").await;
    viewer.sees("Password:").await;
    viewer.types("swordfish\r").await;
    viewer.sees("got 9").await;
    viewer.types("echo do\"ne\"\r").await;
    viewer.sees("done").await;
    let last = |entry: &VerdictEntry| entry.command.line.as_deref() == Some("echo do\"ne\"");
    entry::<VerdictEntry>(&client, kind::VERDICT, uid, last).await;
    let log = ptyd.state_dir().join("log");
    for file in std::fs::read_dir(log).unwrap() {
        let text = std::fs::read(file.unwrap().path()).unwrap();
        assert!(!text.windows(9).any(|window| window == b"swordfish"), "a password is in the log");
    }
}

/// Starts `/bin/true` again and again until it is refused, or is not any more.
async fn until_it(viewer: &mut Viewer, runs: bool) {
    let (not, word) = if runs { ("", "RU''NS") } else { ("! ", "REFU''SED") };
    viewer.types(&format!("until {not}/bin/true; do :; done 2>/dev/null; echo {word}\r")).await;
    viewer.sees(if runs { "RUNS" } else { "REFUSED" }).await;
}

/// A small disk of its own for the log; gone with this value.
struct SmallDisk(std::path::PathBuf);

impl SmallDisk {
    fn at(place: std::path::PathBuf) -> Self {
        let mounted = std::process::Command::new("mount")
            .args(["-t", "tmpfs", "-o", "size=8m,mode=700", "tmpfs"])
            .arg(&place)
            .status();
        assert!(mounted.unwrap().success());
        Self(place)
    }

    /// Leaves less than the daemon wants to have.
    fn fill(&self) {
        std::fs::write(self.0.join("filler"), vec![0; 6 << 20]).unwrap();
    }

    fn empty(&self) {
        std::fs::remove_file(self.0.join("filler")).unwrap();
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = std::process::Command::new("umount").arg("-l").arg(&self.0).status();
    }
}

#[tokio::test]
async fn a_log_that_is_away_starts_no_programs_until_it_is_back() {
    let ptyd = ptyd().await;
    let client = ptyd.client().await;
    let (uid, mut viewer) = shell(&client, spec(&put(&client, RULES).await)).await;
    let (log, away) = (ptyd.state_dir().join("log"), ptyd.state_dir().join("away"));
    std::fs::rename(&log, &away).unwrap();
    until_it(&mut viewer, false).await;
    std::fs::rename(&away, &log).unwrap();
    until_it(&mut viewer, true).await;
    // What was refused without a word is counted by the next verdict.
    entry(&client, kind::VERDICT, uid, |verdict: &VerdictEntry| verdict.untold > 0).await;
    entry(&client, kind::ALERT, uid, |alert: &AlertEntry| alert.what == "log_failed").await;
}

#[tokio::test]
async fn a_disk_without_room_for_the_log_starts_no_programs_until_there_is() {
    if whoami() != "root" {
        return;
    }
    let mut ptyd = ptyd().await;
    ptyd.stop().await;
    let disk = SmallDisk::at(ptyd.state_dir().join("log"));
    ptyd.start_again().await;
    let client = ptyd.client().await;
    let (_, mut viewer) = shell(&client, spec(&put(&client, RULES).await)).await;
    disk.fill();
    until_it(&mut viewer, false).await;
    disk.empty();
    until_it(&mut viewer, true).await;
    ptyd.stop().await;
}

#[tokio::test]
async fn a_gated_session_ends_when_its_time_is_over_and_all_of_it() {
    let ptyd = ptyd().await;
    let client = ptyd.client().await;
    let digest = put(&client, RULES).await;
    // Beside it one that nobody types in.
    for (spec, reason, words) in [
        (Spec { max_lifetime: Some(2), ..spec(&digest) }, "max_lifetime", "longest lifetime"),
        (Spec { idle_timeout: Some(1), ..spec(&digest) }, "idle_timeout", "press a key"),
    ] {
        let (uid, mut viewer) = shell(&client, spec).await;
        viewer.types("trap '' HUP; /bin/sleep 1000 &\r").await;
        let announced =
            |event: &ViewerEvent| matches!(event, ViewerEvent::Notice { text, .. } if text.contains(words));
        within("the announcement", async {
            while !viewer.events.iter().any(announced) {
                assert!(viewer.look().await, "it ended before");
            }
        })
        .await;
        viewer.exits().await;
        entry(&client, "session_ended", uid, |ended: &serde_json::Value| ended["reason"] == reason).await;
    }
}
