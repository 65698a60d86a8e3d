//! The commands that ask a server, against a real one with a certificate of its own making.

use std::path::Path;

use reqwest::redirect::Policy;
use serde_json::{Value, json};

use crate::people::{Said, at_terminal, run};
use crate::serve::{Server, output};
use crate::tls::fingerprint;

pub(crate) const PASSWORD: &str = "a long enough sentence";

pub(crate) struct World {
    dir: tempfile::TempDir,
    server: Server,
    pub(crate) address: String,
    fingerprint: String,
}

impl World {
    /// A server whose first administrator has set a password.
    pub(crate) async fn start() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let mut server = Server::start(dir.path(), &["--tls-self-signed"], &[]).await;
        let fingerprint = fingerprint(&mut server).await;
        let address = format!("https://{}", server.address().await);
        let (made, link, why) = output(dir.path(), &["login-link"]).await;
        assert!(made, "{why}");
        use_link(&link).await;
        Self { dir, server, address, fingerprint }
    }

    pub(crate) fn dir(&self) -> &Path {
        self.dir.path()
    }

    pub(crate) async fn log_in(&self, more: &[&str], password: &str) -> Said {
        let pinned = ["login", &self.address, "--fingerprint", &self.fingerprint, "--password-stdin"];
        run(self.dir(), &[&pinned, more].concat(), password).await
    }

    /// Runs what must succeed.
    pub(crate) async fn ok(&self, args: &[&str]) -> String {
        let said = run(self.dir(), args, "").await;
        assert_eq!(said.code, 0, "{args:?}: {}{}", said.out, said.err);
        said.out
    }

    pub(crate) async fn json(&self, args: &[&str]) -> Value {
        serde_json::from_str(&self.ok(args).await).unwrap()
    }

    pub(crate) async fn end(self) {
        self.server.stop().await;
        output(self.dir.path(), &["ptyd", "stop"]).await;
    }
}

/// Sets a password by a login link, as the page does.
async fn use_link(link: &str) {
    let (server, token) = link.trim().split_once("/login?token=").unwrap();
    let client = reqwest::Client::builder().tls_danger_accept_invalid_certs(true).redirect(Policy::none());
    let body = json!({ "token": token, "password": PASSWORD });
    let used =
        client.build().unwrap().post(format!("{server}/api/v1/login-links/use")).json(&body).send().await;
    let used = used.unwrap();
    assert_eq!(used.status(), 200, "{}", used.text().await.unwrap());
}

/// The names of an object's fields, sorted: its shape.
fn shape(of: &Value) -> Vec<&str> {
    let mut names: Vec<_> = of.as_object().unwrap().keys().map(String::as_str).collect();
    names.sort_unstable();
    names
}

#[tokio::test]
async fn only_the_pinned_server_and_the_right_password_log_in() {
    let world = World::start().await;
    let unknown =
        run(world.dir(), &["login", &world.address, "-u", "admin", "--password-stdin"], PASSWORD).await;
    assert_eq!(unknown.code, 1, "nobody can be asked here: {}", unknown.err);
    assert!(
        unknown.err.contains(&world.fingerprint) && unknown.err.contains("--fingerprint"),
        "{}",
        unknown.err
    );
    let script = format!("\"$BASTIDE\" login {} -u admin; echo \"status $?\"", world.address);
    let mut person = at_terminal(world.dir(), &script).await;
    person.sees("Is it the one that").await;
    person.types("yes\n").await;
    person.sees("Password of admin").await;
    person.types(&format!("{PASSWORD}\r")).await;
    person.sees("status 0").await;
    assert!(person.history().contains(&world.fingerprint[..40]), "{}", person.history());
    world.ok(&["logout"]).await;

    let other = "00:".repeat(31) + "00";
    let args = ["login", &world.address, "--fingerprint", &other, "-u", "admin", "--password-stdin"];
    let other = run(world.dir(), &args, PASSWORD).await;
    assert_eq!(other.code, 4, "{}", other.err);
    assert!(other.err.contains("not the one that is trusted"), "{}", other.err);
    let wrong = world.log_in(&["-u", "admin"], "wrong").await;
    assert_eq!((wrong.code, wrong.out.as_str()), (5, ""), "{}", wrong.err);
    assert!(wrong.err.contains("password"), "{}", wrong.err);

    let right = world.log_in(&["-u", "admin"], PASSWORD).await;
    assert_eq!(right.code, 0, "{}", right.err);
    let me = world.json(&["whoami", "--json"]).await;
    assert_eq!(shape(&me), ["address", "login", "rights", "server", "user"]);
    assert_eq!((&me["user"]["username"], &me["login"]["kind"]), (&json!("admin"), &json!("token")));
    let text = world.ok(&["whoami"]).await;
    assert!(text.contains("admin") && text.contains(&world.address), "{text}");
    world.end().await;
}

#[tokio::test]
async fn tokens_are_made_listed_used_and_ended() {
    let world = World::start().await;
    assert_eq!(world.log_in(&["-u", "admin"], PASSWORD).await.code, 0);
    let secret = world.ok(&["tokens", "create", "backup", "--read-only", "--expires", "7"]).await;
    assert!(secret.starts_with("bst_") && secret.lines().count() == 1, "{secret}");
    let tokens = world.json(&["tokens", "--json"]).await;
    assert_eq!(tokens.as_array().unwrap().len(), 2);
    let fields = ["created", "expires", "hint", "id", "last_used", "name", "scope", "user_id"];
    assert_eq!(shape(&tokens[0]), fields);
    let table = world.ok(&["tokens"]).await;
    assert!(
        table.starts_with("NAME ")
            && table.contains("backup")
            && (table.contains("in 7d") || table.contains("in 6d")),
        "{table}"
    );

    // The same account elsewhere, with the token that may only look.
    let elsewhere = tempfile::tempdir().unwrap();
    let args = ["login", &world.address, "--fingerprint", &world.fingerprint, "--token-stdin"];
    let said = run(elsewhere.path(), &args, &secret).await;
    assert_eq!(said.code, 0, "{}", said.err);
    assert_eq!(run(elsewhere.path(), &["sessions"], "").await.code, 0);
    let refused = run(elsewhere.path(), &["tokens", "create", "more"], "").await;
    assert!(refused.code == 5 && refused.err.contains("--read-only"), "{}", refused.err);
    world.ok(&["tokens", "rm", "backup"]).await;
    let revoked = run(elsewhere.path(), &["whoami"], "").await;
    assert!(revoked.code == 5 && revoked.err.contains("no longer logged in"), "{}", revoked.err);

    // A second login replaces the first one's token.
    assert_eq!(world.log_in(&["-u", "admin"], PASSWORD).await.code, 0);
    assert_eq!(world.json(&["tokens", "--json"]).await.as_array().unwrap().len(), 1);
    world.ok(&["logout"]).await;
    assert_eq!(run(world.dir(), &["whoami"], "").await.code, 5);
    world.end().await;
}

#[tokio::test]
async fn users_are_added_changed_and_removed() {
    let world = World::start().await;
    assert_eq!(world.log_in(&["-u", "admin"], PASSWORD).await.code, 0);
    let link = world.ok(&["users", "add", "ada", "--display-name", "Ada L."]).await;
    assert!(link.starts_with(&format!("{}/login?token=", world.address)), "{link}");
    use_link(&link).await;
    let taken = run(world.dir(), &["users", "add", "ada"], "").await;
    assert!(taken.code == 1 && taken.err.contains("ada"), "{}", taken.err);
    let users = world.json(&["users", "ls", "--json"]).await;
    let fields = [
        "account",
        "created",
        "display_name",
        "enabled",
        "id",
        "last_login",
        "password_set",
        "role",
        "second_factor",
        "single_sign_on",
        "uid",
        "username",
    ];
    let ada = users.as_array().unwrap().iter().find(|user| user["username"] == "ada").unwrap();
    assert_eq!(shape(ada), fields);
    assert_eq!((&ada["password_set"], &ada["role"]), (&json!(true), &json!("user")));

    let changed =
        world.json(&["users", "edit", "ada", "--role", "admin", "--account", "nobody", "--json"]).await;
    assert_eq!((&changed["role"], &changed["account"]), (&json!("admin"), &json!("nobody")));
    let changed = world.json(&["users", "edit", "ada", "--disable", "--account", "", "--json"]).await;
    assert_eq!((&changed["enabled"], &changed["account"]), (&json!(false), &Value::Null));
    let kept = run(world.dir(), &["users", "rm", "ada"], "").await;
    assert!(kept.code == 1 && kept.err.contains("--yes"), "{}", kept.err);
    world.ok(&["users", "rm", "ada", "--yes"]).await;
    assert_eq!(run(world.dir(), &["users", "link", "ada"], "").await.code, 3);
    let last = run(world.dir(), &["users", "rm", "admin", "--yes"], "").await;
    assert!(last.code == 1 && last.err.contains("administrator"), "{}", last.err);
    world.end().await;
}

#[tokio::test]
async fn sessions_are_listed_shared_and_ended() {
    let world = World::start().await;
    assert_eq!(world.log_in(&["-u", "admin"], PASSWORD).await.code, 0);
    assert_eq!(world.ok(&["sessions"]).await, "");
    world.ok(&["new", "-d", "-n", "work", "--", "sh", "-c", "echo hello; exec cat"]).await;
    let sessions = world.json(&["sessions", "--json"]).await;
    assert_eq!((&sessions[0]["name"], &sessions[0]["state"]), (&json!("work"), &json!("running")));
    let fields = [
        "access",
        "account",
        "cols",
        "command",
        "created",
        "cwd",
        "exit",
        "label",
        "name",
        "owner",
        "pid",
        "recording",
        "rows",
        "server",
        "state",
        "title",
        "uid",
        "viewers",
    ];
    assert_eq!(shape(&sessions[0]), fields);
    let table = world.ok(&["sessions"]).await;
    let row = table.lines().nth(1).unwrap();
    assert!(row.starts_with("work  ") && row.contains("s ago") && row.contains("admin"), "{table}");
    let shared = world.json(&["sessions", "share", "work", "--expires", "2h", "--json"]).await;
    assert_eq!(shape(&shared), ["share", "url"]);
    assert_eq!(shared["share"]["access"], "watch");
    assert_eq!(run(world.dir(), &["sessions", "end", "nobody"], "").await.code, 3);
    world.ok(&["sessions", "end", "work"]).await;
    world.end().await;
}

#[tokio::test]
async fn recordings_are_fetched_and_played_from_the_server() {
    let world = World::start().await;
    assert_eq!(world.log_in(&["-u", "admin"], PASSWORD).await.code, 0);
    world.ok(&["new", "-d", "-n", "work", "--", "sh", "-c", "echo hello; exit 3"]).await;
    // The end has been written down when the daemon says so.
    let ended = async {
        while world.json(&["recordings", "--json"]).await.get(0).is_none_or(|one| one["state"] != "closed") {}
    };
    bastide_testkit::within("the recording's end", ended).await;
    let recordings = world.json(&["recordings", "--json"]).await;
    let fields = [
        "account",
        "bytes",
        "cols",
        "command",
        "duration_ms",
        "ended",
        "exit",
        "id",
        "name",
        "owner",
        "rows",
        "started",
        "state",
    ];
    assert_eq!(shape(&recordings[0]), fields);
    let id = recordings[0]["id"].as_str().unwrap().to_owned();
    assert!(world.ok(&["recordings"]).await.contains("closed"));
    let file = world.dir().join("work.cast").display().to_string();
    world.ok(&["recordings", "get", "work", "-o", &file]).await;
    assert!(std::fs::read_to_string(&file).unwrap().contains("hello"));
    let again = run(world.dir(), &["recordings", "get", "work", "-o", &file], "").await;
    assert!(again.code == 1 && again.err.contains(&file), "it is not written over: {}", again.err);
    assert!(
        world
            .ok(&["recordings", "get", &id, "--format", "v2", "-o", "-"])
            .await
            .starts_with("{\"version\":2")
    );
    assert_eq!(world.ok(&["play", "--server", &world.address, "--no-wait", &id[..13]]).await, "hello\r\n");
    let nothing = run(world.dir(), &["play", "nothing"], "").await;
    assert_eq!(nothing.code, 3, "{}", nothing.err);
    assert!(world.ok(&["sessions", "events", "work"]).await.contains("session_ended"));
    let events = world.json(&["sessions", "events", "work", "--json"]).await;
    assert_eq!(shape(&events[0]), ["at", "data", "id", "type"]);
    world.end().await;
}
