//! Servers, and who may use them.

use serde_json::{Value, json};

use crate::world::{Person, World, within};

pub(crate) async fn server(admin: &Person, body: &str) -> Value {
    let made = admin.post("/api/v1/servers", body).send().await;
    assert_eq!(made.status, 201, "{}", made.body);
    made.json()
}

fn at(server: &Value) -> String {
    format!("/api/v1/servers/{}", server["id"])
}

async fn names(person: &Person, query: &str) -> Vec<String> {
    let listed = person.get(&format!("/api/v1/servers{query}")).send().await;
    assert_eq!(listed.status, 200, "{}", listed.body);
    let listed = listed.json();
    let name = |server: &Value| server["name"].as_str().unwrap().to_owned();
    listed["servers"].as_array().unwrap().iter().map(name).collect()
}

#[tokio::test]
async fn a_server_is_what_was_said_of_it_and_then_what_was_changed() {
    let world = World::start().await;
    let admin = world.log_in().await;
    let jump = server(&admin, r#"{"name":"gate","host":"203.0.113.1"}"#).await;
    assert_eq!((jump["port"].as_i64(), jump["platform"].as_str()), (Some(22), Some("linux")));
    assert_eq!(jump["ask_host_key"], true);
    let body = json!({
        "name": "web 1", "host": "2001:db8::1", "port": 2222, "tags": ["web", "prod", "web"], "group": "north",
        "jump_id": jump["id"], "notes": "two\nlines", "agent_port": 8888, "brand_id": 3, "legacy_algorithms": true,
    });
    let made = server(&admin, &body.to_string()).await;
    assert_eq!(made["tags"], json!(["prod", "web"]));
    assert_eq!(made["jump"], json!({ "id": jump["id"], "name": "gate" }));
    assert_eq!(made["may"]["manage"], true);
    assert_eq!(made["may"]["rights"].as_array().unwrap().len(), 8);
    assert_eq!((made["status"].as_str(), &made["last_check"]), (Some("unknown"), &Value::Null));
    let edit = r#"{"group":null,"tags":["web"],"jump_id":null,"agent_port":null,"port":22}"#;
    let changed = admin.request("PATCH", &at(&made)).json(edit).send().await;
    assert_eq!(changed.status, 200, "{}", changed.body);
    let changed = changed.json();
    assert_eq!((&changed["group"], &changed["jump"]), (&Value::Null, &Value::Null));
    assert_eq!((&changed["notes"], &changed["brand_id"]), (&json!("two\nlines"), &json!(3)));
    assert_eq!(admin.get(&at(&made)).send().await.json(), changed);
    assert_eq!(admin.request("DELETE", &at(&made)).send().await.status, 204);
    assert_eq!(admin.get(&at(&made)).send().await.problem(), "server_not_found");
    // Its number is nobody else's, now or ever.
    let next = server(&admin, r#"{"name":"web 1","host":"a"}"#).await;
    assert!(next["id"].as_i64() > made["id"].as_i64());
    world.end().await;
}

#[tokio::test]
async fn what_cannot_be_a_server_is_refused_with_a_word_that_helps() {
    let world = World::start().await;
    let admin = world.log_in().await;
    let gate = server(&admin, r#"{"name":"Gate","host":"g"}"#).await;
    let bad = [
        (r#"{"name":"","host":"h"}"#, 422, "name"),
        (r#"{"name":"a\u0007","host":"h"}"#, 422, "name"),
        (r#"{"name":"a","host":"[::1]"}"#, 422, "brackets"),
        (r#"{"name":"a","host":"h:22"}"#, 422, "port"),
        (r#"{"name":"a","host":"h","port":0}"#, 422, "port"),
        (r#"{"name":"a","host":"h","port":70000}"#, 400, "70000"),
        (r#"{"name":"a","host":"h","jump_id":4711}"#, 422, "jump_id"),
        (r#"{"name":"a","host":"h","tags":["a,b"]}"#, 422, "tag"),
        (r#"{"name":"a","host":"h","colour":"red"}"#, 400, "colour"),
        (r#"{"name":"a"}"#, 400, "host"),
        (r#"{"name":"gate","host":"h"}"#, 409, "gate"),
    ];
    for (body, status, word) in bad {
        let answer = admin.post("/api/v1/servers", body).send().await;
        assert_eq!(answer.status, status, "{body}: {}", answer.body);
        assert!(answer.json()["detail"].as_str().unwrap().contains(word), "{body}: {}", answer.body);
    }
    let behind = json!({ "name": "behind", "host": "b", "jump_id": gate["id"] });
    let behind = server(&admin, &behind.to_string()).await;
    let circle = json!({ "jump_id": behind["id"] }).to_string();
    let circle = admin.request("PATCH", &at(&gate)).json(&circle).send().await;
    assert_eq!((circle.status, circle.problem().as_str()), (422, "invalid"), "{}", circle.body);
    let used = admin.request("DELETE", &at(&gate)).send().await;
    assert_eq!((used.status, used.problem().as_str()), (409, "in_use"), "{}", used.body);
    assert!(used.body.contains("behind"));
    world.end().await;
}

#[tokio::test]
async fn lists_come_in_pieces_by_name_and_as_they_are_asked_for() {
    let world = World::start().await;
    let admin = world.log_in().await;
    for (name, host, tags, group) in
        [("b", "10.0.0.1", "x", "one"), ("C", "10.0.0.2", "x", "two"), ("a", "web.example", "y", "one")]
    {
        let body = json!({ "name": name, "host": host, "tags": [tags], "group": group });
        server(&admin, &body.to_string()).await;
    }
    assert_eq!(names(&admin, "").await, ["a", "b", "C"]);
    assert_eq!(names(&admin, "?q=WEB").await, ["a"]);
    assert_eq!(names(&admin, "?q=10.0.0").await, ["b", "C"]);
    assert_eq!(names(&admin, "?tag=x&group=two").await, ["C"]);
    assert_eq!(names(&admin, "?q=%25").await, [""; 0]);
    let first = admin.get("/api/v1/servers?limit=2").send().await.json();
    let next = format!("?limit=2&cursor={}", first["next"].as_str().unwrap());
    assert_eq!(names(&admin, &next).await, ["C"]);
    let last = admin.get(&format!("/api/v1/servers{next}")).send().await.json();
    assert_eq!(last["next"], Value::Null);
    assert_eq!(admin.get("/api/v1/servers?limit=0").send().await.status, 422);
    world.end().await;
}

pub(crate) async fn id_of(person: &Person) -> i64 {
    person.get("/api/v1/me").send().await.json()["user"]["id"].as_i64().unwrap()
}

#[tokio::test]
async fn a_user_sees_what_is_granted_to_them_and_only_as_long() {
    let world = World::start().await;
    let admin = world.log_in().await;
    let user = world.user(&admin, "bob", "user").await;
    let bob = id_of(&user).await;
    let web = server(&admin, r#"{"name":"web","host":"w","tags":["prod"]}"#).await;
    let other = server(&admin, r#"{"name":"other","host":"o"}"#).await;
    assert_eq!(names(&user, "").await, [""; 0]);
    let grant = |body: Value| admin.post("/api/v1/grants", &body.to_string()).send();
    let by_tag = grant(json!({ "user_id": bob, "tag": "prod" })).await;
    assert_eq!(by_tag.status, 201, "{}", by_tag.body);
    assert_eq!(names(&user, "").await, ["web"]);
    let seen = user.get(&at(&web)).send().await.json();
    let may =
        json!({ "use": true, "manage": false, "redirect": false, "rights": ["connect", "write", "execute"] });
    assert_eq!(seen["may"], may);
    // What may be used may not be managed; what may not be used is not there.
    assert_eq!(user.request("PATCH", &at(&web)).json("{}").send().await.problem(), "forbidden");
    assert_eq!(user.request("DELETE", &at(&web)).send().await.status, 403);
    assert_eq!(user.request("DELETE", &at(&other)).send().await.problem(), "server_not_found");
    let keys = format!("{}/host-keys", at(&web));
    assert_eq!(user.get(&keys).send().await.status, 200);
    let key = json!({ "key": crate::refusals::HOST_KEY }).to_string();
    assert_eq!(user.post(&keys, &key).send().await.status, 403);
    assert_eq!(user.get("/api/v1/grants").send().await.status, 403);
    // A tag that is taken off, a grant that is taken away, and a group that is left, are gone at once.
    admin.request("PATCH", &at(&web)).json(r#"{"tags":[]}"#).send().await;
    assert_eq!(user.get(&at(&web)).send().await.status, 404);
    admin.request("PATCH", &at(&web)).json(r#"{"tags":["prod"]}"#).send().await;
    assert_eq!(user.get(&at(&web)).send().await.status, 200);
    let path = format!("/api/v1/grants/{}", by_tag.json()["id"]);
    assert_eq!(admin.request("DELETE", &path).send().await.status, 204);
    assert_eq!(user.get(&at(&web)).send().await.status, 404);
    let group = admin.post("/api/v1/groups", &json!({ "name": "ops", "members": [bob] }).to_string());
    let group = group.send().await.json();
    let soon = (jiff::Timestamp::now() + jiff::SignedDuration::from_mins(5)).to_string();
    let body = json!({ "group_id": group["id"], "server_id": other["id"], "expires": soon });
    assert_eq!(grant(body).await.status, 201);
    assert_eq!(names(&user, "").await, ["other"]);
    let path = format!("/api/v1/groups/{}", group["id"]);
    admin.request("PATCH", &path).json(r#"{"members":[]}"#).send().await;
    assert_eq!(names(&user, "").await, [""; 0]);
    let back = json!({ "members": [bob] }).to_string();
    admin.request("PATCH", &path).json(&back).send().await;
    assert_eq!(names(&user, "").await, ["other"]);
    world.ahead.store(600, std::sync::atomic::Ordering::Relaxed);
    assert_eq!(names(&user, "").await, [""; 0]);
    world.end().await;
}

#[tokio::test]
async fn a_grant_is_to_one_on_one_and_groups_have_people() {
    let world = World::start().await;
    let admin = world.log_in().await;
    let me = id_of(&admin).await;
    let web = server(&admin, r#"{"name":"web","host":"w"}"#).await["id"].clone();
    for body in [
        json!({ "user_id": me, "group_id": 1, "server_id": web }),
        json!({ "user_id": me, "server_id": web, "tag": "x" }),
        json!({ "server_id": web }),
        json!({ "user_id": 4711, "server_id": web }),
        json!({ "group_id": 4711, "server_id": web }),
        json!({ "user_id": me, "server_id": 4711 }),
        json!({ "user_id": me, "tag": "a,b" }),
        json!({ "user_id": me, "server_id": web, "expires": "2020-01-01T00:00:00Z" }),
    ] {
        let answer = admin.post("/api/v1/grants", &body.to_string()).send().await;
        assert_eq!((answer.status, answer.problem().as_str()), (422, "invalid"), "{body}");
    }
    let group = |body: &'static str| admin.post("/api/v1/groups", body).send();
    assert_eq!(group(r#"{"name":"ops"}"#).await.status, 201);
    assert_eq!(group(r#"{"name":"OPS"}"#).await.problem(), "name_taken");
    assert_eq!(group(r#"{"name":"x","members":[4711]}"#).await.status, 422);
    assert_eq!(admin.request("DELETE", "/api/v1/grants/4711").send().await.problem(), "grant_not_found");
    world.end().await;
}

#[tokio::test]
async fn host_keys_are_kept_once_and_removed_by_administrators() {
    let world = World::start().await;
    let admin = world.log_in().await;
    let web = server(&admin, r#"{"name":"web","host":"w"}"#).await;
    let keys = format!("{}/host-keys", at(&web));
    let line = format!("w,10.0.0.1 {}", crate::refusals::HOST_KEY);
    let added = admin.post(&keys, &json!({ "key": line }).to_string()).send().await;
    assert_eq!(added.status, 201, "{}", added.body);
    let again = admin.post(&keys, &json!({ "key": line }).to_string()).send().await;
    assert_eq!(again.json()["id"], added.json()["id"]);
    let listed = admin.get(&keys).send().await.json();
    assert_eq!(listed["items"].as_array().unwrap().len(), 1);
    assert_eq!(listed["items"][0]["key"], crate::refusals::HOST_KEY);
    assert!(listed["items"][0]["fingerprint"].as_str().unwrap().starts_with("SHA256:"));
    assert_eq!(admin.post(&keys, r#"{"key":"nothing"}"#).send().await.status, 422);
    let path = format!("/api/v1/host-keys/{}", listed["items"][0]["id"]);
    assert_eq!(admin.request("DELETE", &path).send().await.status, 204);
    assert_eq!(admin.request("DELETE", &path).send().await.problem(), "host_key_not_found");
    let authority = json!({ "name": "ours", "key": crate::refusals::HOST_KEY }).to_string();
    assert_eq!(admin.post("/api/v1/host-authorities", &authority).send().await.status, 201);
    assert_eq!(admin.post("/api/v1/host-authorities", &authority).send().await.status, 409);
    world.end().await;
}

#[tokio::test]
async fn a_name_and_a_password_that_come_with_a_server_are_its_own_credential() {
    let world = World::start().await;
    let admin = world.log_in().await;
    let secret = "correct horse 4711";
    let body = json!({ "name": "web", "host": "w", "username": "deploy", "password": secret });
    let made = admin.post("/api/v1/servers", &body.to_string()).send().await;
    assert_eq!(made.status, 201, "{}", made.body);
    assert!(!made.body.contains(secret));
    let web = made.json();
    let credential = web["default_credential"]["id"].clone();
    assert!(credential.is_i64(), "{web}");
    // It is changed where nothing else uses it, and left to the others where something does.
    let edit =
        |server: &Value, body: Value| admin.request("PATCH", &at(server)).json(&body.to_string()).send();
    let changed = edit(&web, json!({ "password": "another" })).await;
    assert_eq!(changed.json()["default_credential"]["id"], credential, "{}", changed.body);
    let other = json!({ "name": "other", "host": "o", "default_credential_id": credential });
    let other = server(&admin, &other.to_string()).await;
    let changed = edit(&other, json!({ "username": "root", "password": "x" })).await;
    assert_ne!(changed.json()["default_credential"]["id"], credential, "{}", changed.body);
    assert_eq!(admin.get(&at(&web)).send().await.json()["default_credential"]["id"], credential);
    // Whoever manages servers and no credentials overwrites none by pointing a server to it.
    let olga = world.user(&admin, "olga", "operator").await;
    let pointed = json!({ "username": "evil", "password": "theirs" }).to_string();
    let changed = olga.request("PATCH", &at(&web)).json(&pointed).send().await;
    assert_eq!(changed.status, 200, "{}", changed.body);
    assert_ne!(changed.json()["default_credential"]["id"], credential, "{}", changed.body);
    let kept = admin.get(&format!("/api/v1/credentials/{credential}")).send().await.json();
    assert_eq!(kept["username"], "deploy", "{kept}");
    edit(&web, json!({ "default_credential_id": credential })).await;
    let gone = edit(&other, json!({ "default_credential_id": 4711 })).await;
    assert_eq!(gone.status, 422, "{}", gone.body);
    // A server that cannot be added leaves no credential behind.
    let twice = json!({ "name": "web", "host": "w", "username": "left", "password": "over" });
    assert_eq!(admin.post("/api/v1/servers", &twice.to_string()).send().await.status, 409);
    let nameless = json!({ "name": "nameless", "host": "w", "password": "x" });
    assert_eq!(admin.post("/api/v1/servers", &nameless.to_string()).send().await.status, 422);
    // Its name is free: the same again has it without a number.
    let again = json!({ "name": "web 2", "host": "w", "username": "left", "password": "over" });
    let again = server(&admin, &again.to_string()).await;
    assert_eq!(again["default_credential"]["id"].as_i64().unwrap(), credential.as_i64().unwrap() + 3);
    world.end().await;
}

#[tokio::test]
async fn a_terminal_on_a_server_needs_a_right_and_a_credential() {
    let world = World::start().await;
    let admin = world.log_in().await;
    let user = world.user(&admin, "bob", "user").await;
    let web = server(&admin, r#"{"name":"web","host":"127.0.0.1","port":1}"#).await["id"].clone();
    let open = |person: &Person, body: Value| person.post("/api/v1/sessions", &body.to_string()).send();
    let hidden = open(&user, json!({ "server_id": web })).await;
    assert_eq!(hidden.problem(), "server_not_found");
    assert_eq!(open(&user, json!({ "server_id": 4711 })).await.problem(), "server_not_found");
    let bare = open(&admin, json!({ "server_id": web })).await;
    assert_eq!((bare.status, bare.problem().as_str()), (422, "invalid"), "{}", bare.body);
    assert!(bare.body.contains("default credential"), "{}", bare.body);
    assert_eq!(open(&admin, json!({ "server_id": web, "shell": "sh" })).await.status, 422);
    assert_eq!(open(&admin, json!({ "credential_id": 1 })).await.status, 400);
    assert_eq!(
        open(&admin, json!({ "server_id": web, "credential_id": 4711 })).await.problem(),
        "credential_not_found"
    );
    world.end().await;
}

#[tokio::test]
async fn the_front_end_of_an_earlier_design_finds_its_servers() {
    let world = World::start().await;
    let admin = world.log_in().await;
    let body = r#"{"name":"节点 1","host_ip":"10.0.0.7","username":"root","password":"hidden 4711","port":"2222","brand_id":"","model_id":3}"#;
    let made = admin.post("/api/servers", body).send().await;
    assert_eq!(made.status, 201, "{}", made.body);
    assert_eq!(made.json()["message"], "Server created successfully");
    let listed = admin.get("/api/servers").send().await;
    assert!(!listed.body.contains("hidden"));
    let one = listed.json()[0].clone();
    assert_eq!((&one["host_ip"], &one["port"]), (&json!("10.0.0.7"), &json!(2222)));
    assert_eq!((&one["username"], &one["status"]), (&json!("root"), &json!("offline")));
    assert_eq!((&one["model_id"], &one["brand_id"]), (&json!(3), &Value::Null));
    assert_eq!(one["created_at"].as_str().unwrap().len(), "2026-01-01 00:00:00".len());
    let path = format!("/api/servers/{}", one["id"]);
    let edit = r#"{"name":"node","host_ip":"10.0.0.8","username":"root","password":"","port":22}"#;
    let changed = admin.request("PUT", &path).json(edit).send().await;
    assert_eq!(changed.json()["message"], "Server updated successfully", "{}", changed.body);
    let one = admin.get(&format!("/api/v1{}", &path[4..])).send().await.json();
    assert_eq!((&one["name"], &one["accelerator_id"]), (&json!("node"), &json!(3)));
    assert_eq!(admin.post("/api/servers", r#"{"name":"x"}"#).send().await.status, 400);
    let gone = admin.request("DELETE", &path).send().await;
    assert_eq!(gone.json()["message"], "Server deleted successfully");
    let none = admin.request("PUT", &path).json("{}").send().await;
    assert_eq!((none.status, none.json()["error"].is_string()), (404, true));
    world.end().await;
}

#[tokio::test]
async fn servers_are_looked_at_from_time_to_time() {
    let world = World::start().await;
    let admin = world.log_in().await;
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let there = server(&admin, &format!(r#"{{"name":"there","host":"127.0.0.1","port":{port}}}"#)).await;
    let dead = server(&admin, r#"{"name":"dead","host":"127.0.0.1","port":1}"#).await;
    let behind = format!(r#"{{"name":"behind","host":"127.0.0.1","port":1,"jump_id":{}}}"#, there["id"]);
    let behind = server(&admin, &behind).await;
    let status = async |one: &Value| admin.get(&at(one)).send().await.json()["status"].clone();
    bastide_app::health::rounds::start(world.app(), std::time::Duration::from_millis(100));
    within("a first look", async {
        while (status(&there).await, status(&dead).await) != ("online".into(), "offline".into()) {}
    })
    .await;
    drop(listener);
    within("a second one", async { while status(&there).await != "offline" {} }).await;
    // Nobody has asked for a login on the way to it.
    assert_eq!(status(&behind).await, "unknown");
    world.end().await;
}
