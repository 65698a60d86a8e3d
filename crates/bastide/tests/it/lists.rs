//! `bastide servers`, `groups`, `grants`, `credentials` and `import`, against a real server.

use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};

use crate::people::{Said, run};
use crate::site::Site;

/// A server that the program is logged in to.
async fn logged_in() -> Site {
    let site = Site::start().await;
    let args = ["login", &site.url(), "-u", "admin", "--password-stdin"];
    let said = run(site.dir(), &args, crate::people_live::PASSWORD).await;
    assert_eq!(said.code, 0, "{}", said.err);
    site
}

async fn ok(site: &Site, args: &[&str], input: &str) -> Said {
    let said = run(site.dir(), args, input).await;
    assert_eq!(said.code, 0, "{args:?}: {}{}", said.out, said.err);
    said
}

async fn json(site: &Site, args: &[&str]) -> Value {
    serde_json::from_str(&ok(site, args, "").await.out).unwrap()
}

/// What goes wrong has a status and a word that helps, and nothing on standard output.
async fn fails(site: &Site, cases: &[(&[&str], i32, &str)]) {
    for (args, code, word) in cases {
        let said = run(site.dir(), args, "").await;
        assert_eq!((said.code, said.out.as_str()), (*code, ""), "{args:?}: {}", said.err);
        assert!(said.err.contains(word), "{args:?}: {word:?} is not in {}", said.err);
    }
}

#[tokio::test]
async fn servers_are_added_listed_changed_and_removed() {
    let site = logged_in().await;
    assert_eq!(json(&site, &["servers", "--json"]).await, json!([]));
    ok(&site, &["servers", "add", "gate", "192.0.2.1"], "").await;
    let add = [
        "servers",
        "add",
        "web1",
        "192.0.2.7",
        "--port",
        "2222",
        "--tag",
        "web",
        "--tag",
        "prod",
        "--jump",
        "gate",
        "--group",
        "north",
        "--user",
        "deploy",
        "--ask-password",
        "--json",
    ];
    let added = ok(&site, &add, "geheim 4711\n").await;
    assert!(!added.out.contains("geheim"), "{}", added.out);
    let added: Value = serde_json::from_str(&added.out).unwrap();
    assert_eq!((&added["tags"], &added["jump"]["name"]), (&json!(["prod", "web"]), &json!("gate")));
    assert!(added["default_credential"]["id"].is_i64(), "{added}");
    let listed = json(&site, &["servers", "--json"]).await;
    assert_eq!(listed.as_array().unwrap().len(), 2);
    assert_eq!(json(&site, &["servers", "ls", "--tag", "web", "--json"]).await, json!([added]));
    assert_eq!(json(&site, &["servers", "ls", "192.0.2.1", "--json"]).await[0]["name"], "gate");
    let table = ok(&site, &["servers"], "").await.out;
    assert!(table.starts_with("ID") && table.contains("192.0.2.7:2222"), "{table}");
    let shown = ok(&site, &["servers", "show", "web1"], "").await.out;
    assert!(shown.contains("192.0.2.7") && shown.contains("gate"), "{shown}");
    let shown = json(&site, &["servers", "show", "web1", "--json"]).await;
    assert_eq!((&shown["server"]["port"], &shown["host_keys"]), (&json!(2222), &json!([])));

    let change = ["servers", "change", "web1", "--port", "22", "--jump", "", "--tag", "", "--json"];
    let changed = json(&site, &change).await;
    assert_eq!(
        (&changed["port"], &changed["jump"], &changed["tags"]),
        (&json!(22), &Value::Null, &json!([]))
    );
    fails(
        &site,
        &[
            (&["servers", "add", "WEB1", "192.0.2.8"], 1, "WEB1 is taken"),
            (&["servers", "add", "x", "h:22"], 1, "port"),
            (&["servers", "add", "x", "h", "--jump", "nowhere"], 3, "nowhere"),
            (&["servers", "add", "x", "h", "--port", "70000"], 2, "70000"),
            (&["servers", "change", "web1"], 1, "nothing to change"),
            (&["servers", "show", "nothing"], 3, "nothing"),
            (&["servers", "rm", "nothing", "-y"], 3, "nothing"),
        ],
    )
    .await;
    ok(&site, &["servers", "rm", "web1", "-y"], "").await;
    assert_eq!(json(&site, &["servers", "--json"]).await.as_array().unwrap().len(), 1);
    site.end().await;
}

#[tokio::test]
async fn groups_and_grants_say_who_may_use_what() {
    let site = logged_in().await;
    ok(&site, &["servers", "add", "web1", "192.0.2.7", "--tag", "prod"], "").await;
    let (bob, _) = site.user("bob").await;
    let group = json(&site, &["groups", "add", "ops", "bob", "--json"]).await;
    assert_eq!(group["members"], json!([bob]), "{group}");
    let change =
        ["groups", "change", "ops", "--remove", "bob", "--add", "admin", "--name", "staff", "--json"];
    let changed = json(&site, &change).await;
    assert_eq!((&changed["name"], changed["members"] == json!([bob])), (&json!("staff"), false));
    assert_eq!(json(&site, &["groups", "--json"]).await, json!([changed]));

    let one = json(&site, &["grants", "add", "--user", "bob", "--on", "web1", "--json"]).await;
    assert_eq!(one["user_id"], json!(bob), "{one}");
    let expires = "2099-01-01T00:00:00Z";
    let two = ["grants", "add", "--group", "staff", "--tag", "prod", "--expires", expires, "--json"];
    let two = json(&site, &two).await;
    assert_eq!((&two["tag"], &two["expires"]), (&json!("prod"), &json!(expires)));
    let listed = json(&site, &["grants", "--json"]).await;
    let ids: Vec<_> = listed.as_array().unwrap().iter().map(|grant| &grant["id"]).collect();
    assert_eq!(ids, [&one["id"], &two["id"]]);
    let table = ok(&site, &["grants"], "").await.out;
    assert!(table.contains("bob") && table.contains("web1") && table.contains("prod"), "{table}");
    fails(
        &site,
        &[
            (&["groups", "add", "STAFF"], 1, "STAFF"),
            (&["groups", "add", "x", "nobody"], 3, "nobody"),
            (&["groups", "change", "staff"], 2, "--name"),
            (&["grants", "add", "--user", "bob"], 2, "--on"),
            (&["grants", "add", "--user", "bob", "--on", "nowhere"], 3, "nowhere"),
            (&["grants", "add", "--user", "bob", "--tag", "a", "--expires", "soon"], 2, "soon"),
            (&["grants", "rm", "4711"], 1, "4711"),
        ],
    )
    .await;
    ok(&site, &["grants", "rm", &one["id"].to_string()], "").await;
    // What was granted to a group goes with it.
    ok(&site, &["groups", "rm", "staff", "-y"], "").await;
    assert_eq!(json(&site, &["grants", "--json"]).await, json!([]));
    site.end().await;
}

#[tokio::test]
async fn credentials_are_written_and_never_shown() {
    let site = logged_in().await;
    let password = ["credentials", "add", "ops", "--username", "root", "--password-stdin", "--json"];
    let added = ok(&site, &password, "geheim 4711\n").await;
    let added: Value = serde_json::from_str(&added.out).unwrap();
    assert_eq!((&added["kind"], &added["set"]["password"]), (&json!("password"), &json!(true)), "{added}");
    let key = site.dir().join("id");
    let mut made = Command::new("ssh-keygen");
    assert!(made.args(["-q", "-t", "ed25519", "-N", "", "-f"]).arg(&key).status().unwrap().success());
    let key = key.to_str().unwrap();
    let with_key = ["credentials", "add", "deploy", "--username", "deploy", "--key-file", key, "--json"];
    let with_key = json(&site, &with_key).await;
    assert!(with_key["fingerprint"].as_str().unwrap().starts_with("SHA256:"), "{with_key}");
    let listed = json(&site, &["credentials", "--json"]).await;
    assert_eq!(listed.as_array().unwrap().len(), 2);
    let all = format!("{listed}{}", ok(&site, &["credentials"], "").await.out);
    assert!(!all.contains("geheim") && !all.contains("PRIVATE"), "{all}");
    let changed = ["credentials", "change", "ops", "--username", "admin", "--json"];
    assert_eq!(json(&site, &changed).await["username"], "admin");
    let shown = json(&site, &["credentials", "show", "ops"]).await;
    assert_eq!((&shown["username"], &shown["set"]["password"]), (&json!("admin"), &json!(true)));
    let public = format!("{key}.pub");
    fails(
        &site,
        &[
            (&["credentials", "add", "x", "--username", "x", "--key-file", &public], 1, "private key"),
            (&["credentials", "add", "x", "--username", "x", "--key-file", "/no/such"], 1, "/no/such"),
            (&["credentials", "add", "x"], 2, "--username"),
            (&["credentials", "show", "nothing"], 3, "nothing"),
        ],
    )
    .await;
    let id = added["id"].to_string();
    ok(&site, &["servers", "add", "web1", "192.0.2.7", "--credential", &id], "").await;
    fails(&site, &[(&["credentials", "rm", "ops", "-y"], 1, "web1")]).await;
    ok(&site, &["credentials", "rm", "deploy", "-y"], "").await;
    site.end().await;
}

/// A database as the earlier program made it; its columns have no strict types.
fn infini(path: &Path) {
    const SCRIPT: &str = r#"
import sqlite3, sys
db = sqlite3.connect(sys.argv[1])
db.executescript("""
CREATE TABLE brands (id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT, logo TEXT);
CREATE TABLE models (id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT);
CREATE TABLE servers (id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL, host_ip TEXT NOT NULL, port INTEGER,
  username TEXT, password TEXT, agent_port INTEGER, brand_id INTEGER, model_id INTEGER, status TEXT);
INSERT INTO brands (name, logo) VALUES ('one', '/api/uploads/1a.png'), ('two', '/api/uploads/gone.png'),
  ('three', 'https://elsewhere.example/x.png');
INSERT INTO servers (name, host_ip, port, username, password, agent_port, brand_id, model_id) VALUES
  ('node 1', '192.0.2.1', '2222', 'root', 'geheim,"4711"', 8888, 1, 2),
  ('节点', '192.0.2.2', 22, 'root', '', NULL, NULL, NULL),
  ('node 1', '192.0.2.3', 0, NULL, NULL, NULL, NULL, NULL),
  ('bad', 'not a host', 22, 'root', 'x', NULL, NULL, NULL);
""")
db.commit()
"#;
    let mut python = Command::new("python3");
    assert!(python.args(["-c", SCRIPT]).arg(path).status().unwrap().success());
}

#[tokio::test]
async fn the_database_of_an_earlier_program_is_taken_over_once() {
    let site = logged_in().await;
    let path = site.dir().join("infini.db");
    infini(&path);
    let uploads = site.dir().join("uploads");
    std::fs::create_dir(&uploads).unwrap();
    for name in ["1a.png", "2b.JPG", "no-picture.txt"] {
        std::fs::write(uploads.join(name), "x").unwrap();
    }
    let before = std::fs::read(&path).unwrap();
    let file = path.to_str().unwrap();
    let dry = json(&site, &["import", file, "--json"]).await;
    let created = json!(["node 1", "节点", "node 1 (3)"]);
    assert_eq!((&dry["created"], &dry["dry_run"]), (&created, &json!(true)), "{dry}");
    assert_eq!(dry["skipped"].as_array().unwrap().len(), 1, "{dry}");
    assert_eq!(dry["later"], json!({ "brands": 3, "models": 0 }));
    let pictures = uploads.canonicalize().unwrap();
    assert_eq!(dry["uploads"], json!({ "directory": pictures, "files": 2, "shown": 1, "missing": 1 }));
    assert_eq!(json(&site, &["servers", "--json"]).await, json!([]), "a dry run does nothing");

    let done = ok(&site, &["import", file, "--apply"], "").await;
    assert!(done.out.contains("added: node 1 (3)") && done.err.contains("brands: 3 rows"), "{}", done.err);
    assert!(done.err.contains("uploads: 2 pictures (1 shown"), "{}", done.err);
    assert!(!format!("{}{}", done.out, done.err).contains("geheim"));
    let servers = json(&site, &["servers", "--json"]).await;
    let one = servers.as_array().unwrap().iter().find(|server| server["name"] == "node 1").unwrap();
    assert_eq!((&one["port"], &one["agent_port"]), (&json!(2222), &json!(8888)), "{one}");
    assert_eq!((&one["brand_id"], &one["accelerator_id"]), (&json!(1), &json!(2)));
    let credential = site.get(&format!("/api/v1/credentials/{}", one["default_credential"]["id"])).await;
    assert_eq!((&credential["username"], &credential["set"]["password"]), (&json!("root"), &json!(true)));

    let again = json(&site, &["import", file, "--apply", "--json"]).await;
    assert_eq!((&again["created"], &again["changed"]), (&json!([]), &json!([])), "{again}");
    assert_eq!(again["unchanged"], 3);
    assert_eq!(json(&site, &["servers", "--json"]).await, servers);
    assert_eq!(std::fs::read(&path).unwrap(), before, "it is only read");

    let text = site.dir().join("text.db");
    std::fs::write(&text, "no database").unwrap();
    let missing = site.dir().join("missing.db");
    fails(
        &site,
        &[
            (&["import", text.to_str().unwrap()], 1, "cannot be read as infini.db"),
            (&["import", missing.to_str().unwrap()], 1, "cannot be read as infini.db"),
            (&["import", "list"], 1, "--format"),
        ],
    )
    .await;
    assert!(!missing.exists());
    site.end().await;
}

#[tokio::test]
async fn lists_are_taken_over_and_printed_again() {
    let site = logged_in().await;
    let list = "name,host,tags\nweb1,192.0.2.7,prod\nbad host,not a host,\n";
    let dry = ok(&site, &["import", "-", "--format", "csv"], list).await;
    assert!(
        dry.out.contains("would be added: web1") && dry.err.contains("--apply"),
        "{}{}",
        dry.out,
        dry.err
    );
    let done = ok(&site, &["servers", "import", "-", "--format", "csv", "--apply", "--json"], list).await;
    let done: Value = serde_json::from_str(&done.out).unwrap();
    assert_eq!((&done["created"], &done["skipped"][0]["line"]), (&json!(["web1"]), &json!(3)), "{done}");
    let path = site.dir().join("machines.yml");
    std::fs::write(&path, "web:\n  hosts:\n    db[1:2]: {ansible_host: 192.0.2.9}\n    bad[2:1]:\n").unwrap();
    let dry: Value = json(&site, &["import", path.to_str().unwrap(), "--json"]).await;
    assert_eq!((&dry["created"], &dry["skipped"][0]["line"]), (&json!(["db1", "db2"]), &json!(4)), "{dry}");
    let export = ok(&site, &["servers", "export", "--format", "csv"], "").await.out;
    let again = ok(&site, &["import", "-", "--format", "csv", "--json"], &export).await.out;
    let again: Value = serde_json::from_str(&again).unwrap();
    assert_eq!((&again["created"], &again["unchanged"]), (&json!([]), &json!(1)), "{export}{again}");
    site.end().await;
}
