//! Lists of servers, as they go over the wire.

use serde_json::{Value, json};

use crate::world::{Person, World};

async fn import(admin: &Person, format: &str, text: &str, dry_run: bool) -> Value {
    let body = json!({"format": format, "text": text, "dry_run": dry_run}).to_string();
    let done = admin.post("/api/v1/servers/import", &body).send().await;
    assert_eq!(done.status, 200, "{}", done.body);
    done.json()
}

const LIST: &str = "name,host,port,username,password,tags,jump\n\
    inner,192.0.2.2,22,root,geheim-4711,prod web,outer\n\
    outer,192.0.2.1,2222,root,,,\n\
    lost,192.0.2.3,22,,,,nowhere\n\
    bad host,not a host,22,,,,\n";

#[tokio::test]
async fn a_list_is_taken_once_whatever_its_order_and_a_dry_run_takes_nothing() {
    let world = World::start().await;
    let admin = world.log_in().await;
    let dry = import(&admin, "csv", LIST, true).await;
    assert_eq!((&dry["created"], &dry["dry_run"]), (&json!(["outer", "inner"]), &json!(true)));
    let none = admin.get("/api/v1/servers").send().await.json();
    assert_eq!(none["servers"], json!([]));

    let done = import(&admin, "csv", LIST, false).await;
    assert_eq!((&done["created"], &done["skipped"]), (&dry["created"], &dry["skipped"]));
    let lines: Vec<_> = done["skipped"].as_array().unwrap().iter().map(|one| one["line"].clone()).collect();
    assert_eq!(lines, [4, 5], "{done}");
    let servers = admin.get("/api/v1/servers").send().await;
    assert!(!servers.body.contains("geheim") && !done.to_string().contains("geheim"));
    let inner = &servers.json()["servers"][0];
    assert_eq!(
        (&inner["name"], &inner["jump"]["name"], &inner["tags"]),
        (&json!("inner"), &json!("outer"), &json!(["prod", "web"]))
    );
    let credentials = admin.get("/api/v1/credentials").send().await.json();
    let kinds: Vec<_> =
        credentials["credentials"].as_array().unwrap().iter().map(|one| one["kind"].clone()).collect();
    assert_eq!(kinds, ["password", "ask"], "{credentials}");

    let again = import(&admin, "csv", LIST, false).await;
    assert_eq!(
        (&again["created"], &again["changed"], &again["unchanged"]),
        (&json!([]), &json!([]), &json!(2))
    );
    let moved = import(&admin, "ssh_config", "Host outer\n  HostName 192.0.2.9\n", false).await;
    assert_eq!(moved["changed"], json!(["outer"]));
    world.end().await;
}

#[tokio::test]
async fn what_is_exported_comes_back_as_it_is() {
    let world = World::start().await;
    let admin = world.log_in().await;
    import(&admin, "csv", LIST, false).await;
    for format in ["csv", "ansible", "ssh_config"] {
        let list = admin.get(&format!("/api/v1/servers/export?format={format}")).send().await;
        assert_eq!(list.status, 200);
        assert!(!list.body.contains("geheim"), "{}", list.body);
        let again = import(&admin, format, &list.body, true).await;
        assert_eq!(
            (&again["created"], &again["skipped"]),
            (&json!([]), &json!([])),
            "{format}: {}",
            list.body
        );
    }
    let bob = world.user(&admin, "bob", "user").await;
    for (method, path) in [("POST", "/api/v1/servers/import"), ("GET", "/api/v1/servers/export?format=csv")] {
        let refused = bob.request(method, path).json(r#"{"format":"csv","text":"name\na\n"}"#).send().await;
        assert_eq!((refused.status, refused.problem().as_str()), (403, "forbidden"), "{path}");
    }
    world.end().await;
}

#[tokio::test]
async fn keys_of_known_hosts_are_accepted_for_servers_that_are_there() {
    let world = World::start().await;
    let admin = world.log_in().await;
    import(&admin, "csv", "name,host\nweb1,web1.example.com\n", false).await;
    // The name is hashed.
    let key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIBbZvhm9rL3IaNXP9FCMnuaVM122OptZH285A+dCHue8";
    let text = format!(
        "|1|M8gbYfpfJ4qPYwbvVTGr8OuvApU=|evalWVis+GT8A9a6/rvLz7snc3Q= {key}\nother {key}\n@revoked * {key}\n"
    );
    let body = |dry_run: bool| json!({"text": text, "dry_run": dry_run}).to_string();
    for dry_run in [true, false] {
        let done = admin.post("/api/v1/servers/known-hosts", &body(dry_run)).send().await.json();
        assert_eq!(done["created"], json!(["web1: ssh-ed25519"]), "{done}");
        assert_eq!(done["skipped"].as_array().unwrap().len(), 2, "{done}");
    }
    let again = admin.post("/api/v1/servers/known-hosts", &body(false)).send().await.json();
    assert_eq!((&again["created"], &again["unchanged"]), (&json!([]), &json!(1)));
    world.end().await;
}

#[tokio::test]
async fn a_long_list_is_taken_where_lists_are_and_nowhere_else() {
    let world = World::start().await;
    let admin = world.log_in().await;
    // Two megabytes, which a remark in the list is most of.
    let list = format!("Host web\n  HostName 192.0.2.1\n# {}\n", "x".repeat(2 * 1024 * 1024));
    let done = import(&admin, "ssh_config", &list, true).await;
    assert_eq!(done["created"], json!(["web"]));
    let large = "x".repeat(5 * 1024 * 1024);
    let body = json!({"format": "csv", "text": large}).to_string();
    assert_eq!(admin.post("/api/v1/servers/import", &body).send().await.status, 413);
    let body = json!({"name": "web", "host": "h", "notes": large[..300 * 1024]}).to_string();
    assert_eq!(admin.post("/api/v1/servers", &body).send().await.status, 413);
    world.end().await;
}
