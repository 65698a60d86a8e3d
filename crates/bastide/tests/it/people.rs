//! `bastide login` and the commands that ask a server.

use std::ffi::OsString;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Stdio;

use bastide_testkit::{Person, within};
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt;

use crate::serve::command;
use crate::stand_in::{Answer, StandIn};

pub(crate) struct Said {
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

/// Runs the program with `input` on standard input.
pub(crate) async fn run(dir: &Path, args: &[&str], input: &str) -> Said {
    let mut child = command(dir, args).stdin(Stdio::piped()).spawn().unwrap();
    // It may end without having read.
    child.stdin.take().unwrap().write_all(input.as_bytes()).await.ok();
    let output = within(&args.join(" "), child.wait_with_output()).await.unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    Said { code: output.status.code().unwrap_or(-1), out: text(output.stdout), err: text(output.stderr) }
}

const COOKIE: &str = "set-cookie: bastide_x=c00kie; Path=/; HttpOnly\r\n";

pub(crate) fn user(name: &str, id: i64) -> Value {
    json!({"id": id, "uid": "0199a3f2-1c4d-7aaa-8000-00000000aaaa", "username": name, "display_name": null,
        "role": "user", "account": null, "enabled": true, "password_set": true, "single_sign_on": false,
        "created": "2026-01-01T00:00:00Z", "last_login": null})
}

fn token(name: &str, hint: &str) -> Value {
    json!({"id": format!("0199a3f2-1c4d-7aaa-8000-0000{hint}"), "user_id": 1, "name": name, "scope": "full",
        "hint": format!("bst_{hint}"), "created": "2026-01-01T00:00:00Z", "expires": null, "last_used": null})
}

fn problem(kind: &str, status: u16, detail: &str) -> Value {
    json!({"type": format!("urn:bastide:problem:{kind}"), "status": status, "detail": detail})
}

fn login_answers() -> Vec<Answer> {
    vec![
        ("POST /api/v1/login ", 200, COOKIE, json!({"user": user("ada", 1), "login": {}})),
        (
            "POST /api/v1/tokens ",
            201,
            "",
            json!({"token": token("laptop", "abcd1234"), "secret": "bst_abcd1234secret"}),
        ),
        ("POST /api/v1/logout ", 204, "", Value::Null),
    ]
}

/// Logs in to a stand-in that gives these answers, too.
pub(crate) async fn logged_in(dir: &Path, answers: Vec<Answer>) -> StandIn {
    let server = StandIn::start([login_answers(), answers].concat()).await;
    let said =
        run(dir, &["login", &server.address, "-u", "ada", "--password-stdin"], "correct horse\n").await;
    assert_eq!(said.code, 0, "{}", said.err);
    server
}

#[tokio::test]
async fn login_makes_a_token_keeps_it_for_its_owner_alone_and_logout_ends_it() {
    let dir = tempfile::tempdir().unwrap();
    let server = logged_in(
        dir.path(),
        vec![("DELETE /api/v1/tokens/0199a3f2-1c4d-7aaa-8000-0000abcd1234 ", 204, "", Value::Null)],
    )
    .await;
    let asked = server.asked();
    assert_eq!(asked.len(), 3, "{asked:#?}");
    assert!(asked[0].ends_with(r#"{"username":"ada","password":"correct horse"}"#), "{}", asked[0]);
    assert!(
        asked[1].contains("cookie: bastide_x=c00kie\r\n") && asked[1].contains(r#""expires_in_days":90"#),
        "{}",
        asked[1]
    );
    assert!(asked[2].starts_with("POST /api/v1/logout "), "the password's login is not left behind");

    let file = dir.path().join("CONFIG_HOME/bastide/credentials.toml");
    assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    let kept = std::fs::read_to_string(&file).unwrap();
    assert!(
        kept.contains("bst_abcd1234secret") && !kept.contains("correct horse") && !kept.contains("c00kie")
    );

    std::fs::set_permissions(&file, PermissionsExt::from_mode(0o644)).unwrap();
    let open = run(dir.path(), &["whoami"], "").await;
    assert!(open.code == 1 && open.err.contains("may be read by others"), "{}", open.err);
    std::fs::set_permissions(&file, PermissionsExt::from_mode(0o600)).unwrap();

    let out = run(dir.path(), &["logout"], "").await;
    assert!(out.code == 0 && out.err.contains("logged out of"), "{}", out.err);
    assert!(server.asked()[3].contains("authorization: Bearer bst_abcd1234secret\r\n"));
    assert!(!std::fs::read_to_string(&file).unwrap().contains("bst_"));
    let who = run(dir.path(), &["whoami"], "").await;
    assert_eq!((who.code, who.out.as_str()), (5, ""));
    assert!(who.err.contains("`bastide login URL`"), "{}", who.err);
}

#[tokio::test]
async fn what_a_server_refuses_is_said_with_what_to_do_and_has_a_status() {
    let dir = tempfile::tempdir().unwrap();
    let server = logged_in(
        dir.path(),
        vec![
            ("GET /api/v1/me ", 401, "", problem("not_logged_in", 401, "log in first")),
            ("GET /api/v1/users?", 403, "", problem("forbidden", 403, "only administrators see users")),
            (
                "GET /api/v1/tokens?",
                200,
                "",
                json!({"tokens": [token("a", "aaaa0000"), token("b", "bbbb0000")], "next": null}),
            ),
            ("DELETE /api/v1/tokens/", 403, "", problem("read_only_token", 403, "this token may only read")),
            ("GET /api/v1/sessions?", 500, "", json!("not a problem document")),
            ("GET /api/v1/recordings?", 307, "location: https://elsewhere/?secret\r\n", Value::Null),
        ],
    )
    .await;
    for (args, code, words) in [
        (&["whoami"][..], 5, &["no longer logged in", "`bastide login http://127"][..]),
        (&["users"], 5, &["only administrators"]),
        (&["tokens", "rm", "a"], 5, &["may only read", "without --read-only"]),
        (&["tokens", "rm", "nothing"], 3, &["no token \"nothing\"", "`bastide tokens`"]),
        (&["sessions"], 1, &["answered 500"]),
        (&["recordings"], 1, &["sends to https://elsewhere/: log in there"]),
        (&["whoami", "--server", "http://127.0.0.1:1"], 5, &["not logged in to http://127.0.0.1:1"]),
        (&["whoami", "--server", "example.org"], 1, &["--server", "https://"]),
        (&["login", "http://192.0.2.1", "-u", "a", "--password-stdin"], 1, &["no TLS", "--plain-http"]),
        (
            &["login", "http://127.0.0.1:1", "-u", "a", "--password-stdin"],
            4,
            &["cannot reach http://127.0.0.1:1"],
        ),
        (&["login", "https://a", "--fingerprint", "AB"], 1, &["--fingerprint", "64 hexadecimal digits"]),
        (&["login", "https://a", "--ca", "/no/such/file"], 1, &["/no/such/file"]),
    ] {
        let said = run(dir.path(), args, "secret\n").await;
        assert_eq!(said.code, code, "{args:?}: {}", said.err);
        for word in words {
            assert!(said.err.contains(word), "{args:?}: {word:?} is not in {}", said.err);
        }
        assert_eq!(said.out, "", "{args:?}");
    }
    drop(server);
    let away = run(dir.path(), &["whoami"], "").await;
    assert!(away.code == 4 && away.err.contains("cannot reach"), "{}", away.err);
}

#[tokio::test]
async fn too_many_attempts_are_told_when_to_come_back() {
    let dir = tempfile::tempdir().unwrap();
    let late = problem("too_many_attempts", 429, "too many failed logins");
    let server = StandIn::start(vec![("POST /api/v1/login ", 429, "retry-after: 30\r\n", late)]).await;
    let said = run(dir.path(), &["login", &server.address, "-u", "ada", "--password-stdin"], "x\n").await;
    assert!(said.code == 5 && said.err.contains("try again in 30 s"), "{}", said.err);
    assert!(!dir.path().join("CONFIG_HOME/bastide/credentials.toml").exists());
}

#[tokio::test]
async fn lists_are_followed_to_their_end_and_shown_as_tables_or_as_json() {
    let dir = tempfile::tempdir().unwrap();
    let mut evil = user("mallory", 7);
    evil["display_name"] = json!("\u{1b}[2Jx");
    evil["enabled"] = json!(false);
    let server = logged_in(
        dir.path(),
        vec![
            (
                "GET /api/v1/users?limit=500&cursor=c1 ",
                200,
                "",
                json!({"users": [evil.clone()], "next": null}),
            ),
            ("GET /api/v1/users?limit=500 ", 200, "", json!({"users": [user("ada", 1)], "next": "c1"})),
            ("PATCH /api/v1/users/7 ", 200, "", user("mallory", 7)),
            (
                "POST /api/v1/users/1/login-link ",
                201,
                "",
                json!({"url": "https://h/login?token=t", "expires": "2036-01-01T00:00:00Z"}),
            ),
        ],
    )
    .await;
    let table = run(dir.path(), &["users"], "").await.out;
    let lines: Vec<_> = table.lines().collect();
    assert!(lines[0].starts_with("ID  USER     NAME"), "{table}");
    assert!(lines[1].starts_with("1   ada      -") && lines[2].contains("disabled"), "{table}");
    assert!(!table.contains('\u{1b}'), "{table:?}");
    let listed: Value = serde_json::from_str(&run(dir.path(), &["users", "--json"], "").await.out).unwrap();
    assert_eq!(listed, json!([user("ada", 1), evil]));

    let said = run(dir.path(), &["users", "edit", "mallory", "--enable", "--display-name", ""], "").await;
    assert_eq!(said.code, 0, "{}", said.err);
    assert!(server.asked().last().unwrap().ends_with(r#"{"display_name":null,"enabled":true}"#));
    assert_eq!(run(dir.path(), &["users", "edit", "mallory"], "").await.code, 2);
    let link = run(dir.path(), &["users", "link", "ada"], "").await;
    assert_eq!(link.out, "https://h/login?token=t\n", "{}", link.err);
    let removed = run(dir.path(), &["users", "rm", "9"], "").await;
    assert_eq!(removed.code, 3, "{}", removed.err);
}

/// Somebody at a terminal, with the program as `$BASTIDE` and this directory as home.
pub(crate) async fn at_terminal(dir: &Path, script: &str) -> Person {
    let command = command(dir, &[]);
    let mut env: Vec<(OsString, OsString)> = command
        .as_std()
        .get_envs()
        .filter_map(|(name, value)| Some((name.to_owned(), value?.to_owned())))
        .collect();
    env.push(("BASTIDE".into(), crate::BASTIDE.into()));
    Person::run(script, env, dir, bastide_pty::Size { cols: 100, rows: 24 }).await
}

#[tokio::test]
async fn the_password_is_asked_for_and_not_shown() {
    let dir = tempfile::tempdir().unwrap();
    let server = StandIn::start(login_answers()).await;
    let script =
        format!("\"$BASTIDE\" login {}; echo \"status $?\"; stty -a | grep -o ' echo '", server.address);
    let mut person = at_terminal(dir.path(), &script).await;
    person.sees("User name [").await;
    person.types("ada\n").await;
    person.sees("Password of ada at http://127.0.0.1").await;
    // A character of several bytes is taken back whole.
    person.types("sekrét\u{7f}\u{7f}et wörld\r").await;
    person.sees("status 0").await;
    person.sees(" echo").await;
    assert!(!person.history().contains("sek"), "{}", person.history());
    let asked = server.asked();
    assert!(asked[0].ends_with(r#"{"username":"ada","password":"sekret wörld"}"#), "{}", asked[0]);
}

#[tokio::test]
async fn an_interrupted_question_gives_the_terminal_back() {
    let dir = tempfile::tempdir().unwrap();
    let server = StandIn::start(login_answers()).await;
    let script = format!(
        "\"$BASTIDE\" login {} -u ada; echo \"status $?\"; stty -a | grep -o ' echo '",
        server.address
    );
    let mut person = at_terminal(dir.path(), &script).await;
    person.sees("Password of ada").await;
    person.types("half\u{3}").await;
    person.sees("given up").await;
    person.sees("status 1").await;
    person.sees(" echo").await;
    assert!(server.asked().is_empty());
}
