//! `bastide rules`, `reviews`, `alerts`, `settings`, `requests` and `reach`, against a real server.

use std::path::Path;

use bastide_testkit::within;
use serde_json::{Value, json};

use crate::people::{Said, run};
use crate::people_live::PASSWORD;
use crate::site::Site;

const RULES: &str = r#"{"version":1,"rules":[
  {"id":"no-arch","priority":1,"action":"deny","match":{"programs":["arch"]},"reason":{"en":"not here","zh":"此处不允许"}},
  {"id":"ask","priority":2,"action":"review","match":{"programs":["uname"]}}]}"#;

async fn log_in(site: &Site, dir: &Path, username: &str) {
    let args = ["login", &site.url(), "-u", username, "--password-stdin"];
    let said = run(dir, &args, PASSWORD).await;
    assert_eq!(said.code, 0, "{}", said.err);
}

/// A server that the program is logged in to as its administrator.
async fn logged_in() -> Site {
    let site = Site::start().await;
    log_in(&site, site.dir(), "admin").await;
    site
}

async fn ok(dir: &Path, args: &[&str], input: &str) -> Said {
    let said = run(dir, args, input).await;
    assert_eq!(said.code, 0, "{args:?}: {}{}", said.out, said.err);
    said
}

async fn json(dir: &Path, args: &[&str]) -> Value {
    serde_json::from_str(&ok(dir, args, "").await.out).unwrap()
}

/// What goes wrong has a status and a word that helps, and nothing on standard output.
async fn fails(dir: &Path, args: &[&str], code: i32, word: &str) {
    let said = run(dir, args, "").await;
    assert_eq!((said.code, said.out.as_str()), (code, ""), "{args:?}: {}", said.err);
    assert!(said.err.contains(word), "{args:?}: {word:?} is not in {}", said.err);
}

#[tokio::test]
async fn rules_are_put_tried_compared_and_put_back() {
    let site = logged_in().await;
    let dir = site.dir();
    let file = dir.join("rules.json");
    std::fs::write(&file, RULES).unwrap();
    let file = file.to_str().unwrap();
    assert_eq!(json(dir, &["rules", "show", "--json"]).await["version"], 1);
    let put = ok(dir, &["rules", "put", file, "-m", "first"], "").await;
    assert!(put.err.contains("version 2 holds"), "{}", put.err);
    assert_eq!(json(dir, &["rules"]).await["rules"][0]["id"], "no-arch");
    fails(dir, &["rules", "put", file, "--over", "1"], 1, "somebody else has changed it").await;
    let bad = dir.join("bad.json");
    std::fs::write(
        &bad,
        r#"{"version":1,"rules":[{"id":"a","priority":0,"action":"deny","match":{"any":true}}]}"#,
    )
    .unwrap();
    fails(dir, &["rules", "put", bad.to_str().unwrap()], 1, "rules[0].priority").await;

    let tried = ok(dir, &["rules", "try", "sudo arch"], "").await.out;
    assert!(tried.starts_with("deny: rule no-arch\n  not here\n  此处不允许\n"), "{tried}");
    let tried = json(dir, &["rules", "try", "--json", "--argv", "uname", "-a"]).await;
    assert_eq!((&tried["verdict"]["action"], &tried["verdict"]["rule"]), (&json!("review"), &json!("ask")));
    let other = r#"{"version":1,"default":{"action":"deny"}}"#;
    std::fs::write(dir.join("other.json"), other).unwrap();
    let other = dir.join("other.json");
    let tried = ok(dir, &["rules", "try", "--rules", other.to_str().unwrap(), "ls"], "").await.out;
    assert!(tried.starts_with("deny: no rule"), "{tried}");

    let list = dir.join("more.csv");
    std::fs::write(&list, "id,priority,action,programs\nno-reboot,1,deny,reboot\nbroken,0,deny,x\n").unwrap();
    let dry = ok(dir, &["rules", "import", list.to_str().unwrap(), "--dry-run"], "").await;
    assert_eq!(dry.out, "+ no-reboot\n");
    assert!(dry.err.contains("line 3: broken") && dry.err.contains("version 2 holds"), "{}", dry.err);
    ok(dir, &["rules", "import", list.to_str().unwrap()], "").await;
    let diff = ok(dir, &["rules", "diff", "1"], "").await.out;
    assert_eq!(diff, "+ rule ask\n+ rule no-arch\n+ rule no-reboot\n");
    fails(dir, &["rules", "restore", "1"], 1, "--yes").await;
    ok(dir, &["rules", "restore", "1", "--yes"], "").await;
    let versions = json(dir, &["rules", "versions", "--json"]).await;
    let numbers: Vec<_> = versions.as_array().unwrap().iter().map(|one| one["version"].clone()).collect();
    assert_eq!(numbers, [4, 3, 2, 1]);
    let table = ok(dir, &["rules", "versions"], "").await.out;
    assert!(table.starts_with("VERSION ") && table.contains("version 1 again"), "{table}");
    fails(dir, &["rules", "show", "--version", "9"], 1, "no rule version 9").await;
    site.end().await;
}

#[tokio::test]
async fn a_held_command_is_decided_by_somebody_else_and_a_refused_one_is_an_alert() {
    let site = logged_in().await;
    let admin = site.dir();
    let (rob, _) = site.user("rob").await;
    site.change(&format!("/api/v1/users/{rob}"), json!({ "role": "reviewer" })).await;
    let elsewhere = tempfile::tempdir().unwrap();
    let rob = elsewhere.path();
    log_in(&site, rob, "rob").await;
    std::fs::write(admin.join("rules.json"), RULES).unwrap();
    ok(admin, &["rules", "put", admin.join("rules.json").to_str().unwrap()], "").await;
    fails(rob, &["rules", "put", admin.join("rules.json").to_str().unwrap()], 5, "administrator").await;
    assert!(ok(rob, &["reviews"], "").await.err.contains("nothing waits"));
    assert!(ok(rob, &["alerts"], "").await.err.contains("no alerts"));

    let shell = json!({ "shell": "/bin/sh", "cols": 80, "rows": 24, "env": { "PS1": "ready> " } });
    let uid = site.make("/api/v1/sessions", shell).await["uid"].as_str().unwrap().to_owned();
    let mut page = site.page(&uid, "").await;
    page.types("arch; echo ref\"used\"; uname && echo r\"an\"\r").await;
    page.sees("refused").await;
    let held = within("a review", async {
        loop {
            let open = json(rob, &["reviews", "--json"]).await;
            if let Some(one) = open.as_array().unwrap().first() {
                return one.clone();
            }
        }
    });
    let held = held.await;
    let id = held["id"].as_str().unwrap();
    let table = ok(rob, &["reviews"], "").await.out;
    assert!(table.contains("admin") && table.contains("uname"), "{table}");
    let shown = json(rob, &["reviews", "show", &id[..13], "--json"]).await;
    assert_eq!((&shown["state"], &shown["argv"]), (&json!("open"), &json!(["uname"])), "{shown}");
    fails(admin, &["reviews", "approve", id], 5, "their own").await;
    fails(rob, &["reviews", "cancel", id], 5, "").await;
    fails(rob, &["reviews", "approve", "ffff"], 3, "no review").await;
    ok(rob, &["reviews", "approve", id, "-m", "as agreed"], "").await;
    page.sees("ran").await;
    let decided = json(rob, &["reviews", "show", id, "--json"]).await;
    assert_eq!((&decided["state"], &decided["decided_by"]), (&json!("approved"), &json!("rob")), "{decided}");
    fails(rob, &["reviews", "refuse", id], 1, "decided already").await;
    assert!(ok(rob, &["reviews", "--all"], "").await.out.contains("approved"));

    let alerts = json(rob, &["alerts", "--json"]).await;
    let refused = alerts.as_array().unwrap().iter().find(|one| one["kind"] == "deny").cloned().unwrap();
    assert_eq!(
        (&refused["rule"], &refused["user"]["name"]),
        (&json!("no-arch"), &json!("admin")),
        "{refused}"
    );
    let table = ok(rob, &["alerts"], "").await.out;
    assert!(table.starts_with("WHEN ") && table.contains("no-arch"), "{table}");
    site.end().await;
}

#[tokio::test]
async fn settings_are_set_shown_and_taken_away_by_scope() {
    let site = logged_in().await;
    let dir = site.dir();
    site.user("bob").await;
    assert!(ok(dir, &["settings"], "").await.err.contains("nothing is set"));
    ok(
        dir,
        &["settings", "set", "umask=027", "max_sessions=1", "idle_timeout=8h", "env.A=b=c", "deny=X,Y*"],
        "",
    )
    .await;
    let secret = "a secret of the test";
    ok(dir, &["settings", "set", "--for", "bob", "limits.group.memory=2G", "--secret", "TOKEN"], secret)
        .await;
    let table = ok(dir, &["settings", "show"], "").await.out;
    for row in ["env.A         b=c", "umask         027", "deny          X,Y*", "idle_timeout  8h"] {
        assert!(table.contains(row), "{row} in\n{table}");
    }
    let of_bob = ok(dir, &["settings", "show", "--for", "bob"], "").await.out;
    assert!(of_bob.contains("(secret)") && of_bob.contains("2G") && !of_bob.contains(secret), "{of_bob}");
    // What stays is not lost.
    ok(dir, &["settings", "set", "--for", "bob", "umask=077"], "").await;
    let holds = json(dir, &["settings", "effective", "--for", "bob", "--json"]).await;
    let from = |setting: &str| {
        let found = holds.as_array().unwrap().iter().find(|one| one["setting"] == setting);
        found.map(|one| one["from"].as_str().unwrap().to_owned())
    };
    assert_eq!(
        (from("umask").as_deref(), from("environment.TOKEN").as_deref()),
        (Some("user"), Some("user"))
    );
    assert_eq!(from("max_sessions").as_deref(), Some("global"));
    let table = ok(dir, &["settings", "effective", "--for", "bob"], "").await.out;
    assert!(table.contains("FROM") && table.contains("077") && !table.contains(secret), "{table}");

    fails(dir, &["settings", "set", "umask=999"], 1, "umask").await;
    fails(dir, &["settings", "set", "colour=red"], 1, "no setting").await;
    fails(dir, &["settings", "set", "umask"], 1, "umask=027").await;
    fails(dir, &["settings", "show", "--for", "nobody"], 3, "no user").await;
    let elsewhere = tempfile::tempdir().unwrap();
    log_in(&site, elsewhere.path(), "bob").await;
    fails(elsewhere.path(), &["settings", "set", "umask=000"], 5, "administrator").await;
    let own = ok(elsewhere.path(), &["settings", "effective"], "").await.out;
    assert!(own.contains("077"), "{own}");

    ok(dir, &["settings", "unset", "max_sessions", "env.A"], "").await;
    let table = ok(dir, &["settings"], "").await.out;
    assert!(!table.contains("max_sessions") && !table.contains("env.A") && table.contains("027"), "{table}");
    site.end().await;
}

#[tokio::test]
async fn rights_are_asked_for_given_and_told_with_their_reason() {
    let site = logged_in().await;
    let admin = site.dir();
    ok(admin, &["servers", "add", "web1", "192.0.2.7"], "").await;
    site.user("bob").await;
    let elsewhere = tempfile::tempdir().unwrap();
    let bob = elsewhere.path();
    log_in(&site, bob, "bob").await;
    assert!(ok(bob, &["requests"], "").await.err.contains("nothing waits"));
    fails(bob, &["requests", "ask", "web1"], 2, "--reason").await;
    fails(bob, &["requests", "ask", "web1", "-m", "x", "--for", "soon"], 2, "1h30m").await;
    let ask = ["requests", "ask", "web1", "--for", "4h", "-m", "a disk is full", "--json"];
    let asked = json(bob, &ask).await;
    assert_eq!(asked["rights"], json!(["connect", "write"]), "{asked}");
    let id = asked["id"].to_string();
    fails(bob, &["requests", "approve", &id], 5, "").await;
    fails(bob, &["reach", "--user", "bob"], 5, "").await;
    let table = ok(admin, &["requests"], "").await.out;
    assert!(table.contains("bob") && table.contains("a disk is full"), "{table}");
    assert!(ok(admin, &["requests", "approve", &id, "-m", "for now"], "").await.err.contains("approved"));
    fails(admin, &["requests", "refuse", &id], 1, "").await;
    assert_eq!(json(bob, &["servers", "--json"]).await[0]["name"], "web1");
    let reach = ok(admin, &["reach", "--on", "web1"], "").await.out;
    assert!(reach.contains("role admin") && reach.contains("grant 1"), "{reach}");
    let reach = json(admin, &["reach", "--user", "bob", "--json"]).await;
    assert_eq!((&reach[0]["who"]["name"], &reach[0]["because"][0]["grant_id"]), (&json!("web1"), &json!(1)));
    fails(admin, &["reach"], 2, "--user").await;
    site.end().await;
}
