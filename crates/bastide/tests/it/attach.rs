//! Attaching from a real terminal, and every way out.

use bastide_testkit::client::{AttachOptions, ViewerEvent};
use bastide_testkit::{Options, Person, Ptyd, Viewer};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::{BASTIDE, new, ptyd};

/// Ctrl-\ then d.
const LEAVE: &[u8] = b"\x1cd";
/// A program that has turned on everything that must be turned off again, and echoes lines.
const LOUD: &str = r"printf '\033[?1049h\033[?1000;1002;1003;1004;1006;2004h\033[?1;5;6h\033[?25;7l\033[3;9r\033[31m\033]0;loud\007\033]11;red\007\033[5 q\033=loud'; exec cat";

/// Attaches by a shell that notes the terminal's settings before and after, and the client's pid.
fn noting(command: &str) -> String {
    format!(
        "stty -a >before; sh -c 'echo $$ >pid; exec \"$BASTIDE\" {command}'; echo \"status $?\"; stty -a >after"
    )
}

fn pid(ptyd: &Ptyd) -> Pid {
    Pid::from_raw(std::fs::read_to_string(ptyd.dir().join("pid")).unwrap().trim().parse().unwrap())
}

/// The terminal is as before: its settings, and what the program had set on it.
fn assert_given_back(ptyd: &Ptyd, person: &Person) {
    let settings = |name: &str| std::fs::read_to_string(ptyd.dir().join(name)).unwrap();
    assert_eq!(settings("before"), settings("after"));
    let modes = person.screen().modes();
    assert!(modes.cursor_visible && modes.auto_wrap, "{modes:?}");
    assert!(!modes.alternate_screen && !modes.mouse_tracking && !modes.mouse_sgr, "{modes:?}");
    assert!(!modes.bracketed_paste && !modes.focus_reporting, "{modes:?}");
    assert!(!modes.application_cursor && !modes.application_keypad, "{modes:?}");
    assert_ne!(person.screen().title(), Some("loud"));
    let fresh = bastide_vt::Terminal::new(person.screen().size(), bastide_vt::Config::default()).state();
    assert_eq!(person.screen().state().changed_colours(), fresh.changed_colours());
}

#[tokio::test]
async fn a_new_session_is_attached_and_runs_on_after_the_detach_keys() {
    let ptyd = ptyd().await;
    let mut person =
        Person::at(&ptyd, "echo above; \"$BASTIDE\" new -n one -- cat; echo \"status $?\"").await;
    person.until("the session's own terminal", |p| !p.terminal_echoes()).await;
    person.types("hello\r").await;
    person.sees("hello\nhello").await;
    person.types(LEAVE).await;
    person.sees("[left one; it runs on: bastide attach one]").await;
    person.sees("status 0").await;
    person.leaves().await;
    assert!(person.history().contains("above"), "what stood there is in the scrollback");
    assert!(ptyd.ok(&["ls"]).await.contains("running"));
}

#[tokio::test]
async fn the_programs_exit_status_is_passed_on() {
    let ptyd = ptyd().await;
    let mut person = Person::at(&ptyd, "\"$BASTIDE\" new -n job -- sh -c 'exit 7'; echo \"status $?\"").await;
    person.sees("status 7").await;
    assert!(person.history().contains("[job ended, exit code 7]"), "{}", person.history());
    new(&ptyd, "victim", "echo here; exec cat").await;
    let mut person = Person::at(&ptyd, "\"$BASTIDE\" attach victim; echo \"status $?\"").await;
    person.sees("here").await;
    ptyd.ok(&["kill", "--signal", "TERM", "victim"]).await;
    person.sees("status 143").await;
}

/// Some of these end before this client has attached, or said its size.
#[tokio::test]
async fn a_program_that_ends_at_once_has_its_status_too() {
    let ptyd = ptyd().await;
    let twenty = "for i in $(seq 20); do \
        \"$BASTIDE\" new -- sh -c 'exit 7' 2>/dev/null; echo \"$i: $?\"; done; echo all";
    let mut person = Person::at(&ptyd, twenty).await;
    person.sees("all").await;
    for i in 1..=20 {
        let line = format!("{i}: 7");
        assert!(person.history().contains(&line), "no {line:?} in {}", person.history());
    }
}

#[tokio::test]
async fn the_terminal_is_given_back_after_the_detach_keys() {
    let ptyd = ptyd().await;
    new(&ptyd, "loud", LOUD).await;
    let mut person = Person::at(&ptyd, &noting("attach loud")).await;
    person.sees("loud").await;
    assert!(person.screen().modes().alternate_screen && person.screen().modes().mouse_tracking);
    assert_eq!(person.screen().title(), Some("loud"));
    person.types(LEAVE).await;
    person.sees("status 0").await;
    person.leaves().await;
    assert_given_back(&ptyd, &person);
}

#[tokio::test]
async fn the_terminal_is_given_back_after_the_end_of_the_program() {
    let ptyd = ptyd().await;
    let session = new(&ptyd, "loud", LOUD).await;
    let mut person = Person::at(&ptyd, &noting("attach loud")).await;
    person.sees("loud").await;
    ptyd.client().await.kill(session.id).await.unwrap();
    person.sees("status 137").await;
    person.leaves().await;
    assert_given_back(&ptyd, &person);
}

#[tokio::test]
async fn the_terminal_is_given_back_after_signals_to_the_client() {
    for (signal, status) in [(Signal::SIGTERM, 143), (Signal::SIGHUP, 129), (Signal::SIGINT, 130)] {
        let ptyd = ptyd().await;
        new(&ptyd, "loud", LOUD).await;
        let mut person = Person::at(&ptyd, &noting("attach loud")).await;
        person.sees("loud").await;
        kill(pid(&ptyd), signal).unwrap();
        person.sees(&format!("status {status}")).await;
        person.leaves().await;
        assert_given_back(&ptyd, &person);
        assert!(ptyd.ok(&["ls"]).await.contains("running"));
    }
}

#[tokio::test]
async fn the_terminal_is_given_back_when_the_daemon_is_killed() {
    let mut ptyd = ptyd().await;
    new(&ptyd, "loud", LOUD).await;
    let mut person = Person::at(&ptyd, &noting("attach loud")).await;
    person.sees("loud").await;
    ptyd.kill9().await;
    person.sees("status 1").await;
    person.leaves().await;
    assert!(person.history().contains("bastide: left loud:"), "{}", person.history());
    assert_given_back(&ptyd, &person);
}

#[tokio::test]
async fn stopped_and_continued_the_client_lends_the_terminal_and_draws_anew() {
    let ptyd = ptyd().await;
    new(&ptyd, "loud", LOUD).await;
    let script = format!("set -m; {}; fg >/dev/null; echo back", noting("attach loud"));
    let mut person = Person::at(&ptyd, &script).await;
    person.sees("loud").await;
    kill(pid(&ptyd), Signal::SIGTSTP).unwrap();
    person.until("the shell", |p| p.history().contains("status 1")).await;
    person.until("the session again", |p| p.screen().modes().alternate_screen).await;
    person.sees("loud").await;
    assert!(!person.text().contains("status"));
    person.types(LEAVE).await;
    person.sees("back").await;
    person.leaves().await;
    assert_given_back(&ptyd, &person);
}

#[tokio::test]
async fn two_people_see_the_same_and_both_may_type() {
    let ptyd = ptyd().await;
    new(&ptyd, "shared", "exec cat").await;
    let mut ada = Person::at(&ptyd, "\"$BASTIDE\" attach shared").await;
    ada.until("raw", |p| !p.terminal_echoes()).await;
    ada.types("from ada\r").await;
    ada.sees("from ada\nfrom ada").await;
    let mut bob = Person::at(&ptyd, "\"$BASTIDE\" attach shared").await;
    bob.sees("from ada\nfrom ada").await;
    bob.types("from bob\r").await;
    bob.sees("from bob\nfrom bob").await;
    ada.sees("from bob\nfrom bob").await;
    assert_eq!(ada.text(), bob.text());
}

#[tokio::test]
async fn who_only_looks_cannot_type_and_leaves_with_ctrl_c() {
    let ptyd = ptyd().await;
    let session = new(&ptyd, "show", "exec cat").await;
    let mut writer = Viewer::attach(&ptyd.client().await, session.id, AttachOptions::writer()).await;
    for command in ["watch show", "attach --read-only show"] {
        let mut person = Person::at(&ptyd, &noting(command)).await;
        writer.types("first\r").await;
        person.sees("first").await;
        person.types("typed by who only looks\r").await;
        writer.types(&format!("after {command}\r")).await;
        person.sees(&format!("after {command}\nafter {command}")).await;
        writer.sees(&format!("after {command}\nafter {command}")).await;
        assert!(!person.text().contains("only looks"), "{}", person.text());
        person.types(b"\x03").await;
        person.sees("status 0").await;
        person.leaves().await;
        assert_given_back(&ptyd, &person);
    }
    writer.types("still here\r").await;
    writer.sees("still here\nstill here").await;
}

#[tokio::test]
async fn a_resized_window_resizes_the_session() {
    let ptyd = ptyd().await;
    let session = new(&ptyd, "sized", "exec sh").await;
    let mut person = Person::at_size(&ptyd, "\"$BASTIDE\" attach sized", (90, 20)).await;
    person.until("raw", |p| !p.terminal_echoes()).await;
    person.types("stty size\r").await;
    person.sees("20 90").await;
    let mut viewer = Viewer::attach(&ptyd.client().await, session.id, AttachOptions::reader()).await;
    person.resizes(100, 30);
    while !viewer.events.iter().any(|e| matches!(e, ViewerEvent::Resized { cols: 100, rows: 30, .. })) {
        assert!(bastide_testkit::within("the new size", viewer.look()).await);
    }
    person.types("stty size\r").await;
    person.sees("30 100").await;
}

#[tokio::test]
async fn a_session_of_another_size_is_drawn_as_far_as_it_fits() {
    let ptyd = ptyd().await;
    let long = "x".repeat(70);
    let session = new(&ptyd, "wide", &format!("echo {long}END; echo second; exec cat")).await;
    let mut small = Person::at_size(&ptyd, "\"$BASTIDE\" watch wide", (40, 10)).await;
    small.sees(&format!("{}>\nsecond", "x".repeat(39))).await;
    let mut large = Person::at_size(&ptyd, "\"$BASTIDE\" watch wide", (100, 40)).await;
    large.sees("[a session of 80x24]").await;
    large.sees(&format!("{long}END\nsecond")).await;
    // When the session gets this terminal's size, its bytes pass as they are.
    ptyd.client().await.resize(session.id, 100, 40).await.unwrap();
    large.until("the whole screen", |p| !p.text().contains("a session of")).await;
    large.sees(&format!("{long}END\nsecond")).await;
}

#[tokio::test]
async fn a_large_paste_arrives_whole() {
    let ptyd = ptyd().await;
    let hash = "stty raw -echo; echo ready; head -c 300000 | sha256sum; exec cat";
    new(&ptyd, "sink", hash).await;
    let mut person = Person::at(&ptyd, "\"$BASTIDE\" attach sink").await;
    person.sees("ready").await;
    let text: Vec<u8> =
        b"0123456789abcdefghijklmnopqrstuvwxyz\r".iter().copied().cycle().take(300_000).collect();
    person.types(&text).await;
    let mut sum = std::process::Command::new("sha256sum")
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    std::io::Write::write_all(&mut sum.stdin.take().unwrap(), &text).unwrap();
    let expected = String::from_utf8(sum.wait_with_output().unwrap().stdout).unwrap();
    person.sees(expected.split_whitespace().next().unwrap()).await;
}

#[tokio::test]
async fn while_the_program_does_not_read_one_can_leave_or_interrupt() {
    let options = Options::new(BASTIDE).env("RUST_PTY_INPUT_QUEUE_MAX_BYTES", "70000");
    let ptyd = Ptyd::start_with(options).await;
    new(&ptyd, "deaf", "stty raw -echo; echo ready; exec sleep 1000").await;
    let mut person = Person::at(&ptyd, "\"$BASTIDE\" attach deaf; echo \"status $?\"").await;
    person.sees("ready").await;
    person.types(vec![b'x'; 300_000]).await;
    person.types(LEAVE).await;
    person.sees("status 0").await;
    person.leaves().await;
    let mut person = Person::at(&ptyd, "\"$BASTIDE\" attach deaf; echo \"status $?\"").await;
    person.sees("ready").await;
    // Typing reads, too, where it has to wait: the bell may come while it does.
    let before = person.output.len();
    person.types(vec![b'x'; 300_000]).await;
    person.until("the bell", |p| p.output[before..].contains(&7)).await;
    person.types(b"\x03").await;
    person.sees("status 130").await;
}

#[tokio::test]
async fn a_session_cannot_be_attached_to_itself() {
    let ptyd = ptyd().await;
    let session = new(&ptyd, "self", "exec sh").await;
    let mut viewer = Viewer::attach(&ptyd.client().await, session.id, AttachOptions::writer()).await;
    viewer.types(&format!("{BASTIDE} --socket {} attach self\r", ptyd.socket().display())).await;
    viewer.sees("session \"self\" itself").await;
}
