//! Line mode over its WebSocket, against a real sshd: what is judged, held, run, recorded and ended.

use std::path::{Path, PathBuf};

use bastide_testkit::{Sshd, within};
use futures_util::{SinkExt, StreamExt};
use reqwest::Method;
use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::Message;

use crate::site::{Site, Stream};

const RULES: &str = r#"{"version":1,"rules":[
    {"id":"no-reboot","priority":10,"action":"deny","match":{"programs":["reboot"]},
     "reason":{"en":"not in the daytime","zh":"白天不行"}},
    {"id":"ask","priority":20,"action":"review","match":{"programs":["touch"]}}]}"#;

/// A client of line mode.
struct Line {
    socket: Stream,
    heard: Vec<Value>,
}

impl Line {
    async fn open(site: &Site, server: i64, token: &str) -> Self {
        let url = format!("ws://{}/ws/terminal/{server}?token={token}", site.address());
        let (socket, _) = within("the upgrade", tokio_tungstenite::connect_async(url)).await.unwrap();
        Self { socket, heard: Vec::new() }
    }

    async fn say(&mut self, message: Value) {
        self.socket.send(Message::text(message.to_string())).await.unwrap();
    }

    async fn types(&mut self, line: &str) {
        self.say(json!({ "type": "command", "command": line })).await;
    }

    /// The next message of this type; what comes before it is looked at by nobody.
    async fn hears(&mut self, kind: &str) -> Value {
        let hearing = async {
            loop {
                match self.socket.next().await {
                    Some(Ok(Message::Text(text))) => {
                        let message: Value = serde_json::from_str(&text).unwrap();
                        self.heard.push(message.clone());
                        if message["type"] == kind {
                            return message;
                        }
                    }
                    Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
                    other => panic!("{other:?} before {kind}: {:?}", self.heard),
                }
            }
        };
        within(kind, hearing).await
    }

    /// Runs a line to its end.
    async fn run(&mut self, line: &str) -> Value {
        self.types(line).await;
        let done = self.hears("command_output").await;
        assert_eq!(done["command"], line, "{done}");
        done
    }

    async fn is_closed(&mut self) -> Option<u16> {
        let closing = async {
            loop {
                match self.socket.next().await {
                    Some(Ok(Message::Close(frame))) => return frame.map(|frame| frame.code.into()),
                    Some(Ok(_)) => {}
                    Some(Err(_)) | None => return None,
                }
            }
        };
        within("the end", closing).await
    }
}

/// A server of an sshd, with rules.
async fn far() -> (Site, Sshd, i64) {
    let (site, sshd) = (Site::start().await, Sshd::start().await);
    let server = site.sshd("far", &sshd, json!({})).await;
    site.rules(RULES).await;
    (site, sshd, server)
}

/// Waits until a file has a whole line, and returns it.
async fn written(path: &Path) -> String {
    within("the file", async {
        loop {
            match std::fs::read_to_string(path) {
                Ok(text) if text.ends_with('\n') => return text.trim().to_owned(),
                _ => tokio::task::yield_now().await,
            }
        }
    })
    .await
}

/// Waits until a process is gone.
async fn gone(what: &str, pid: &str) {
    let path = PathBuf::from(format!("/proc/{pid}/cmdline"));
    let alive = || std::fs::read(&path).is_ok_and(|words| !words.is_empty());
    within(&format!("the end of {what}"), async {
        while alive() {
            tokio::task::yield_now().await;
        }
    })
    .await;
}

#[tokio::test]
async fn lines_run_where_the_one_before_left_off_and_are_a_session() {
    let (site, sshd, server) = far().await;
    let mut line = Line::open(&site, server, site.token()).await;
    line.say(json!({ "type": "get_history" })).await;
    let none = line.hears("command_history").await;
    assert_eq!((&none["history"], &none["session_id"]), (&json!([]), &Value::Null));
    // A command before `connect` connects first.
    let first = line.run("echo hello; echo sorry >&2").await;
    let kinds: Vec<_> = line.heard.iter().map(|message| message["type"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["command_history", "terminal_connected", "command_start", "command_output"]);
    let connected = &line.heard[1];
    assert_eq!(connected["device_id"], server);
    assert_eq!(connected["message"], format!("Connected to {}@far", sshd.user()), "{connected}");
    let output = first["output"].as_str().unwrap();
    assert!(output.contains("hello\n") && output.contains("sorry\n"), "{first}");
    assert_eq!((&first["status"], &first["exit_status"]), (&json!("success"), &json!(0)));
    let session = first["session_id"].as_str().unwrap().to_owned();
    assert!(line.heard[1..].iter().all(|message| message["session_id"] == session), "{:?}", line.heard);

    line.say(json!({ "type": "connect" })).await;
    assert_eq!(line.hears("terminal_connected").await["session_id"], session, "it is there already");
    let moved = line.run("cd /usr/bin/..").await;
    assert_eq!((&moved["output"], &moved["exit_status"]), (&json!(""), &json!(0)), "{moved}");
    assert!(moved["prompt"].as_str().unwrap().ends_with("@far:/usr$ "), "{moved}");
    assert_eq!(line.run("pwd").await["output"], "/usr\n");
    let failed = line.run("ls /no/such/place").await;
    assert_eq!((&failed["status"], failed["exit_status"] == 0), (&json!("error"), false), "{failed}");
    let quoted = line.run(r"printf '%s|' 'it'\''s' $((6*7)) ä").await;
    assert_eq!(quoted["output"], "it's|42|ä|");
    assert_eq!(line.run("  ").await["status"], "success");
    line.say(json!({ "type": "get_history" })).await;
    let history = line.hears("command_history").await["history"].clone();
    assert_eq!(history.as_array().unwrap().len(), 5, "{history}");

    // Listed while it runs, read when it has ended.
    let listed = site.get("/api/v1/sessions?state=running").await;
    let shown = listed["sessions"].as_array().unwrap().iter().find(|one| one["uid"] == session).unwrap();
    assert_eq!((&shown["label"], &shown["server"]["name"]), (&json!("line"), &json!("far")), "{shown}");
    site.ask(Method::DELETE, &format!("/api/v1/sessions/{session}"), None, 204).await;
    assert_eq!(line.hears("terminal_error").await["error"], "the session was ended");
    let again = line.run("pwd").await;
    assert_ne!(again["session_id"], session, "the next line begins another one");
    line.socket.close(None).await.unwrap();

    let ended = site.until_ended(&session).await;
    assert_eq!((&ended["state"], &ended["label"]), (&json!("ended"), &json!("line")), "{ended}");
    let verdicts = site.get(&format!("/api/v1/sessions/{session}/verdicts")).await;
    let verdicts = verdicts["verdicts"].as_array().unwrap().clone();
    assert_eq!(verdicts.len(), 5, "{verdicts:?}");
    assert!(verdicts.iter().all(|one| one["label"] == "line" && one["door"] == "line" && one["ran"] == true));
    let cast = site.text(&format!("/api/v1/recordings/{session}/cast")).await;
    for shown in ["pwd", "/usr", "hello", "@far:/usr$ "] {
        assert!(cast.contains(shown), "{shown:?} is not in {cast}");
    }
    site.end().await;
}

#[tokio::test]
async fn a_denied_line_never_leaves() {
    let (site, sshd, server) = far().await;
    let mark = sshd.dir().join("mark");
    let mut line = Line::open(&site, server, site.token()).await;
    let refused = line.run(&format!("echo x >{}; sudo reboot", mark.display())).await;
    assert_eq!((&refused["status"], &refused["exit_status"]), (&json!("error"), &Value::Null), "{refused}");
    let output = refused["output"].as_str().unwrap();
    assert!(output.starts_with("\u{1b}[31m命令被拦截: 白天不行\u{1b}[0m\r\n"), "{output:?}");
    assert!(output.contains("the command was refused: not in the daytime"), "{output:?}");
    assert_eq!(refused["refusal"]["zh"], "命令被拦截: 白天不行");
    assert!(!mark.exists());
    let session = refused["session_id"].as_str().unwrap();
    let verdicts = site.get(&format!("/api/v1/sessions/{session}/verdicts")).await;
    let verdict = &verdicts["verdicts"][0];
    assert_eq!(
        (&verdict["action"], &verdict["rule"], &verdict["ran"]),
        (&json!("deny"), &json!("no-reboot"), &json!(false))
    );
    // Neither a newline nor what a shell puts together gets round it.
    for hidden in ["echo a\nreboot", "$(reboot)", "/sbin/reboot", "r\"eb\"oot", "exec reboot"] {
        let refused = line.run(hidden).await;
        assert_eq!(refused["refusal"]["zh"], "命令被拦截: 白天不行", "{hidden:?}: {refused}");
    }
    site.end().await;
}

#[tokio::test]
async fn a_line_waits_for_a_second_person_and_runs_as_it_was_approved() {
    let (site, sshd, server) = far().await;
    let rob = site.reviewer("rob").await;
    let mark = sshd.dir().join("mark");
    let touch = format!("touch {}", mark.display());
    let mut line = Line::open(&site, server, site.token()).await;
    line.types(&touch).await;
    let waits = line.hears("command_review").await;
    assert_eq!((&waits["command"], &waits["review"]["rule"]), (&json!(touch), &json!("ask")), "{waits}");
    assert!(waits["review"]["message"]["zh"].as_str().unwrap().contains("等待"), "{waits}");
    let id = waits["review"]["id"].as_str().unwrap().to_owned();
    let path = |does: &str| format!("/api/v1/reviews/{id}/{does}");
    assert!(!mark.exists());
    // It holds nothing but this line: the connection answers.
    line.say(json!({ "type": "get_history" })).await;
    assert_eq!(line.hears("command_history").await["history"], json!([touch]));
    let own = site.ask(Method::POST, &path("approve"), Some(json!({})), 403).await;
    assert!(own["type"].as_str().unwrap().ends_with("own_review"), "{own}");
    let approved =
        site.ask_as(&rob, Method::POST, &path("approve"), Some(json!({ "reason": "fine" })), 200).await;
    assert_eq!(
        (&approved["state"], &approved["decided_by"]),
        (&json!("approved"), &json!("rob")),
        "{approved}"
    );
    let done = line.hears("command_output").await;
    assert_eq!(done["status"], "success", "{done}");
    assert!(mark.exists());

    // Refused, with a reason; given up with Ctrl-C, and what was typed ahead with it.
    let other = sshd.dir().join("other");
    let touch = format!("touch {}", other.display());
    line.types(&touch).await;
    let waits = line.hears("command_review").await;
    let id = waits["review"]["id"].as_str().unwrap();
    let refuse = format!("/api/v1/reviews/{id}/refuse");
    site.ask_as(&rob, Method::POST, &refuse, Some(json!({ "reason": "not \u{202e}now" })), 200).await;
    let done = line.hears("command_output").await;
    assert!(done["refusal"]["zh"].as_str().unwrap().starts_with("命令被拦截: rob 拒绝了它"), "{done}");
    line.types(&touch).await;
    line.types("echo ahead").await;
    line.hears("command_review").await;
    line.say(json!({ "type": "interrupt" })).await;
    let done = line.hears("command_output").await;
    assert!(done["error"].as_str().unwrap().contains("given up"), "{done}");
    let ahead = line.hears("command_output").await;
    assert_eq!((&ahead["command"], &ahead["error"]), (&json!("echo ahead"), &json!("not run: interrupted")));
    assert_eq!(line.run("echo next").await["output"], "next\n");

    // Whoever leaves waits no longer.
    line.types(&touch).await;
    line.hears("command_review").await;
    drop(line);
    within("the end of the review", async {
        loop {
            let open = site.get("/api/v1/reviews?state=open").await;
            if open["reviews"].as_array().unwrap().is_empty() {
                return;
            }
        }
    })
    .await;
    assert!(!other.exists());
    site.end().await;
}

#[tokio::test]
async fn what_runs_ends_with_ctrl_c_with_its_time_and_with_its_socket() {
    let (site, sshd, server) = far().await;
    let mut line = Line::open(&site, server, site.token()).await;
    let asleep = |name: &str| {
        let path = sshd.dir().join(name);
        (format!("echo $$ >{0}; sleep 1000; echo on", path.display()), path)
    };
    let (sleeps, pid) = asleep("first");
    line.types(&sleeps).await;
    let first = written(&pid).await;
    line.say(json!({ "type": "interrupt" })).await;
    let done = line.hears("command_output").await;
    assert_eq!((&done["status"], &done["error"]), (&json!("error"), &json!("interrupted")), "{done}");
    assert!(!done["output"].as_str().unwrap().contains("on"), "{done}");
    gone("the first", &first).await;

    let (sleeps, pid) = asleep("second");
    line.say(json!({ "type": "command", "command": sleeps, "timeout": 1 })).await;
    let second = written(&pid).await;
    let done = line.hears("command_output").await;
    assert!(done["error"].as_str().unwrap().contains("had not ended after 1 s"), "{done}");
    gone("the second", &second).await;

    // One that does not heed it is ended all the same.
    let stubborn = sshd.dir().join("stubborn");
    line.types(&format!("trap '' INT; echo $$ >{}; while :; do sleep 1; done", stubborn.display())).await;
    let third = written(&stubborn).await;
    line.say(json!({ "type": "cancel" })).await;
    assert_eq!(line.hears("command_output").await["error"], "interrupted");
    gone("the third", &third).await;

    let (sleeps, pid) = asleep("fourth");
    line.types(&sleeps).await;
    let fourth = written(&pid).await;
    let session = line.heard.last().unwrap()["session_id"].as_str().unwrap().to_owned();
    drop(line);
    gone("the fourth", &fourth).await;
    site.until_ended(&session).await;
    site.end().await;
}

#[tokio::test]
async fn a_bad_message_is_said_and_nothing_else_happens() {
    let (site, _sshd, server) = far().await;
    let mut line = Line::open(&site, server, site.token()).await;
    assert_eq!(line.run("echo a").await["output"], "a\n");
    for bad in [
        "",
        "{",
        "[]",
        "null",
        r#"{"type":"format"}"#,
        r#"{"type":"command"}"#,
        r#"{"type":"command","command":"\ud800"}"#,
    ] {
        line.socket.send(Message::text(bad)).await.unwrap();
        let said = line.hears("terminal_error").await;
        assert!(said["session_id"].is_string() && !said["error"].as_str().unwrap().is_empty(), "{bad:?}");
    }
    line.socket.send(Message::binary(vec![1, 2, 3])).await.unwrap();
    line.hears("terminal_error").await;
    // A line of a megabyte, one with a zero byte, a time that is none.
    line.types(&format!("echo {}", "x".repeat(1024 * 1024))).await;
    assert!(line.hears("terminal_error").await["error"].as_str().unwrap().contains("at most"));
    line.types("echo \u{0}").await;
    line.hears("terminal_error").await;
    line.say(json!({ "type": "command", "command": "true", "timeout": 0 })).await;
    line.hears("terminal_error").await;
    assert_eq!(line.run("echo b").await["output"], "b\n");
    line.say(json!({ "type": "ping" })).await;
    line.hears("pong").await;

    // Bytes that are no text, and more of it than an answer holds.
    let odd = line.run(r"printf 'a\377\303'; printf '\244b'").await;
    assert_eq!(odd["output"], "a\u{fffd}äb");
    let long = line.run("head -c 3000000 /dev/zero | tr '\\0' x").await;
    assert_eq!((&long["truncated"], long["output"].as_str().unwrap().len()), (&json!(true), 1024 * 1024));
    line.say(json!({ "type": "command", "command": "seq 200000; echo no >&2", "stream": true })).await;
    let done = line.hears("command_output").await;
    assert_eq!((&done["output"], &done["status"]), (&json!(""), &json!("success")));
    let said = |stream: &str| {
        let chunks =
            line.heard.iter().filter(|one| one["type"] == "command_chunk" && one["stream"] == stream);
        chunks.map(|one| one["data"].as_str().unwrap()).collect::<String>()
    };
    let numbers: String = (1..=200_000).map(|number| format!("{number}\n")).collect();
    assert!(said("stdout") == numbers && said("stderr") == "no\n");
    // Many at once run one after the other.
    for number in 0..20 {
        line.types(&format!("echo {number}")).await;
    }
    for number in 0..20 {
        assert_eq!(line.hears("command_output").await["output"], format!("{number}\n"));
    }
    site.end().await;
}

#[tokio::test]
async fn only_who_may_use_a_server_has_lines_on_it() {
    let (site, _sshd, server) = far().await;
    let url = |token: &str| format!("ws://{}/ws/terminal/{server}?token={token}", site.address());
    for token in ["", "bst_none"] {
        assert!(tokio_tungstenite::connect_async(url(token)).await.is_err(), "{token:?}");
    }
    let (id, token) = site.user("bob").await;
    let mut line = Line::open(&site, server, &token).await;
    line.types("echo in").await;
    let said = line.hears("terminal_error").await;
    assert!(said["error"].as_str().unwrap().contains("no server"), "{said}");
    let grant = json!({ "user_id": id, "server_id": server });
    let grant = site.make("/api/v1/grants", grant).await["id"].clone();
    assert_eq!(line.run("echo in").await["output"], "in\n");
    line.types("sleep 1000").await;
    line.hears("command_start").await;
    site.ask(Method::DELETE, &format!("/api/v1/grants/{grant}"), None, 204).await;
    assert_eq!(line.is_closed().await, Some(1008));

    let none = Line::open(&site, 4711, site.token()).await;
    let mut none = none;
    none.say(json!({ "type": "connect" })).await;
    none.hears("terminal_error").await;
    let unreachable = site.server("nobody", 1, json!({ "username": "x", "password": "y" })).await;
    let mut line = Line::open(&site, unreachable, site.token()).await;
    line.types("echo in").await;
    assert!(line.hears("terminal_error").await["session_id"].is_null());
    site.end().await;
}

#[tokio::test]
async fn a_single_command_waits_the_same_way() {
    let (site, sshd, server) = far().await;
    let rob = site.reviewer("rob").await;
    let mark = sshd.dir().join("mark");
    let body = json!({ "command": format!("touch {}; echo ran", mark.display()) });
    let path = format!("/api/v1/servers/{server}/execute");
    let decide = async {
        let id = within("the review", async {
            loop {
                let open = site.get("/api/v1/reviews?state=open").await;
                if let Some(id) = open["reviews"][0]["id"].as_str() {
                    return id.to_owned();
                }
                tokio::task::yield_now().await;
            }
        })
        .await;
        assert!(!mark.exists());
        let approve = format!("/api/v1/reviews/{id}/approve");
        site.ask_as(&rob, Method::POST, &approve, Some(json!({})), 200).await;
        id
    };
    let (ran, id) = tokio::join!(site.ask(Method::POST, &path, Some(body), 200), decide);
    assert_eq!((&ran["stdout"], &ran["approval"]["by"]), (&json!("ran\n"), &json!("rob")), "{ran}");
    assert_eq!(ran["approval"]["review"], json!(id));
    let recording = ran["recording"].as_str().unwrap();
    let verdicts = site.get(&format!("/api/v1/sessions/{recording}/verdicts")).await;
    assert_eq!(verdicts["verdicts"][0]["review"], "approved", "{verdicts}");
    assert!(mark.exists());
    site.end().await;
}
