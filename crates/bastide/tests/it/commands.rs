//! What scripts use.

use bastide_testkit::Viewer;
use bastide_testkit::client::AttachOptions;
use serde_json::Value;

use crate::{new, ptyd, session};

#[tokio::test]
async fn ls_lists_for_people_and_for_programs() {
    let ptyd = ptyd().await;
    let empty = ptyd.run(&["ls"]).await;
    assert_eq!((empty.code, empty.stdout.as_str()), (0, ""));
    assert_eq!(ptyd.ok(&["ls", "--json"]).await, "[]\n");
    let info = new(&ptyd, "one", "exec cat").await;
    let table = ptyd.ok(&["ls"]).await;
    let row: Vec<_> = table.lines().nth(1).unwrap().split_whitespace().collect();
    assert_eq!((row[0], row[2], row[4]), ("one", "running", "80x24"));
    let all: Value = serde_json::from_str(&ptyd.ok(&["ls", "--json"]).await).unwrap();
    let one = &all[0];
    assert_eq!(one["name"], "one");
    assert_eq!(one["uid"], info.uid.unwrap().to_string());
    assert_eq!(one["id"], row[1]);
    assert_eq!((&one["cols"], &one["rows"]), (&Value::from(80), &Value::from(24)));
    assert_eq!(one["command"], serde_json::json!(["sh", "-c", "exec cat"]));
    assert_eq!(one["recording"]["state"], "recording");
    assert!(one["viewers"].as_array().unwrap().is_empty());
    assert_eq!(ptyd.ok(&["ls", "--quiet"]).await, "one\n");
}

#[tokio::test]
async fn new_takes_directory_variables_size_and_names() {
    let ptyd = ptyd().await;
    let dir = ptyd.dir().join("here");
    std::fs::create_dir(&dir).unwrap();
    let args = ["--cwd", dir.to_str().unwrap(), "--env", "GREETING=hello", "--size", "100x30"];
    let script = "pwd; echo $GREETING; stty size; exec cat";
    let name = ptyd.ok(&[&["new", "-d"], &args[..], &["--", "sh", "-c", script]].concat()).await;
    assert_eq!(name, "sh\n");
    assert_eq!(ptyd.ok(&["new", "-d", "--", "sh", "-c", "exec cat"]).await, "sh-2\n");
    let mut viewer =
        Viewer::attach(&ptyd.client().await, session(&ptyd, "sh").await.id, AttachOptions::reader()).await;
    viewer.sees(&format!("{}\nhello\n30 100", dir.display())).await;
    let taken = ptyd.run(&["new", "-d", "-n", "sh"]).await;
    assert_eq!(taken.code, 1);
    assert!(taken.stderr.contains("runs already"), "{}", taken.stderr);
    assert_eq!(ptyd.ok(&["new", "-d", "-A", "-n", "sh"]).await, "sh\n");
    assert_eq!(ptyd.ok(&["ls", "-q"]).await, "sh\nsh-2\n");
}

#[tokio::test]
async fn errors_say_what_and_have_a_status() {
    let ptyd = ptyd().await;
    for (args, code, text) in [
        (&["snapshot", "nobody"][..], 3, "no session \"nobody\""),
        (&["kill", "nobody"], 3, "no session \"nobody\""),
        (&["snapshot"], 3, "no session runs"),
        (&["new", "-d", "--cwd", "/nonexistent"], 1, "/nonexistent"),
        (&["new", "-d", "--", "/nonexistent/program"], 1, "/nonexistent/program"),
        (&["attach"], 1, "no terminal"),
        (&["kill"], 2, "Usage"),
        (&["--socket", "/nonexistent/s", "ls"], 4, "no sessions daemon is running at /nonexistent/s"),
        (&["--token-file", "/nonexistent/t", "ls"], 1, "--token-file"),
    ] {
        let output = ptyd.run(args).await;
        assert_eq!(output.code, code, "{args:?}: {}", output.stderr);
        assert!(output.stderr.contains(text), "{args:?}: {}", output.stderr);
        assert_eq!(output.stdout, "");
    }
    assert_eq!(ptyd.ok(&["ls", "-q"]).await, "", "nothing was started");
}

#[tokio::test]
async fn keys_are_sent_by_name_and_as_text() {
    let ptyd = ptyd().await;
    let info = new(&ptyd, "keys", "stty -icanon -echo -isig -icrnl -ixon; echo ready; exec od -An -c").await;
    let mut viewer = Viewer::attach(&ptyd.client().await, info.id, AttachOptions::reader()).await;
    viewer.sees("ready").await;
    // od(1) prints lines of 16 bytes.
    ptyd.ok(&["send-keys", "keys", "a b", "Enter", "C-c", "Up", "M-x", "F1", "Tab", "é"]).await;
    ptyd.ok(&["send-keys", "keys", "--enter", "-l", "Up"]).await;
    viewer.sees(r"a       b  \r 003 033   [   A 033   x 033   O   P  \t 303 251").await;
    ptyd.ok(&["send-keys", "keys", "-l", "0123456789abc"]).await;
    viewer.sees(r"U   p  \r   0   1   2   3").await;
}

#[tokio::test]
async fn snapshots_come_as_text_with_colours_and_as_json() {
    let ptyd = ptyd().await;
    let script =
        r"i=0; while [ $i -lt 30 ]; do i=$((i+1)); echo line $i; done; printf '\033[31mred'; exec cat";
    let info = new(&ptyd, "shot", script).await;
    let mut viewer = Viewer::attach(&ptyd.client().await, info.id, AttachOptions::reader()).await;
    viewer.sees("red").await;
    let text = ptyd.ok(&["snapshot", "shot"]).await;
    assert!(text.starts_with("line 8\n") && text.ends_with("line 30\nred\n"), "{text}");
    let all = ptyd.ok(&["snapshot", "--scrollback", "all", "shot"]).await;
    assert!(all.starts_with("line 1\nline 2\n"), "{all}");
    assert_eq!(ptyd.ok(&["snapshot", "--scrollback", "2", "shot"]).await.lines().next(), Some("line 6"));
    assert!(ptyd.ok(&["snapshot", "-f", "ansi", "shot"]).await.contains("\x1b[0;31mred"));
    let json: Value = serde_json::from_str(&ptyd.ok(&["snapshot", "-f", "json", "shot"]).await).unwrap();
    assert_eq!(json["cursor"], serde_json::json!({ "x": 3, "y": 23 }));
    assert_eq!(json["lines"].as_array().unwrap().len(), 24);
    assert_eq!(json["pos"], viewer.pos);
}

#[tokio::test]
async fn kill_ends_one_and_all() {
    let ptyd = ptyd().await;
    for name in ["one", "two", "three"] {
        new(&ptyd, name, "exec cat").await;
    }
    let client = ptyd.client().await;
    let one = session(&ptyd, "one").await;
    let mut viewer = Viewer::attach(&client, one.id, AttachOptions::reader()).await;
    ptyd.ok(&["kill", "one"]).await;
    assert_eq!(viewer.exits().await.signal, Some(1), "a closing terminal");
    // A word that names none: nothing is done.
    assert_eq!(ptyd.run(&["kill", "two", "nobody"]).await.code, 3);
    let two = session(&ptyd, "two").await;
    assert!(two.is_alive);
    let three = session(&ptyd, "three").await;
    let mut viewers = Vec::new();
    for info in [two, three] {
        viewers.push(Viewer::attach(&client, info.id, AttachOptions::reader()).await);
    }
    ptyd.ok(&["kill", "--all"]).await;
    for mut viewer in viewers {
        viewer.exits().await;
    }
}

#[tokio::test]
async fn help_completions_and_manual_pages_are_there() {
    let ptyd = ptyd().await;
    for command in ["new", "attach", "ls", "kill", "send-keys", "snapshot", "watch", "events", "play", "ptyd"]
    {
        let help = ptyd.ok(&[command, "--help"]).await;
        assert!(help.contains("Usage: bastide"), "{command}: {help}");
    }
    for shell in ["bash", "zsh", "fish"] {
        assert!(ptyd.ok(&["completions", shell]).await.contains("send-keys"), "{shell}");
    }
    assert!(ptyd.ok(&["man"]).await.contains(".TH"));
    let dir = ptyd.dir().join("man");
    ptyd.ok(&["man", "--dir", dir.to_str().unwrap()]).await;
    assert!(dir.join("bastide-attach.1").is_file());
    let version = ptyd.ok(&["--version"]).await;
    assert_eq!(version, format!("bastide {}\n", env!("CARGO_PKG_VERSION")));
}
