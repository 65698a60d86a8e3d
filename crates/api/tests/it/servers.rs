//! Servers, and who may use them.

use serde_json::{Value, json};

use crate::world::{Person, World};

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
    assert_eq!(made["may"], json!({ "use": true, "manage": true }));
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
        (r#"{"name":"a","host":"h","tags":["a,b"]}"#, 422, "tags"),
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
