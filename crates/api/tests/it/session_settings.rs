//! What holds for sessions that are opened, by scope.

use serde_json::{Value, json};

use crate::world::{Person, Response, World};

const PATH: &str = "/api/v1/session-settings";

async fn put(person: &Person, scope: &str, settings: &Value, version: i64) -> Response {
    let request = person.request("PUT", &format!("{PATH}/{scope}")).json(&settings.to_string());
    request.header("if-match", &format!("\"{version}\"")).send().await
}

async fn id(person: &Person) -> i64 {
    person.get("/api/v1/me").send().await.json()["user"]["id"].as_i64().unwrap()
}

async fn holds(person: &Person, query: &str) -> Value {
    let answer = person.get(&format!("{PATH}/effective{query}")).send().await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    answer.json()["settings"].clone()
}

fn one(all: &Value, setting: &str) -> Value {
    let found = all.as_array().unwrap().iter().find(|one| one["setting"] == setting);
    found.cloned().unwrap_or_default()
}

#[tokio::test]
async fn settings_are_written_over_the_version_that_was_seen() {
    let world = World::start().await;
    let admin = world.log_in().await;
    let first = admin.get(&format!("{PATH}/global")).send().await;
    assert_eq!((first.status, first.header("etag")), (200, Some("\"0\"")));
    assert_eq!((&first.json()["version"], &first.json()["author"]), (&json!(0), &Value::Null));

    let blind = admin.request("PUT", &format!("{PATH}/global")).json("{}").send().await;
    assert_eq!((blind.status, blind.problem().as_str()), (428, "precondition_required"));
    let saved = put(&admin, "global", &json!({ "umask": "027", "deny": ["AWS_*"] }), 0).await;
    assert_eq!((saved.status, saved.header("etag")), (200, Some("\"1\"")), "{}", saved.body);
    assert_eq!(saved.json()["author"], "admin");
    let late = put(&admin, "global", &json!({}), 0).await;
    assert_eq!((late.status, late.problem().as_str()), (412, "changed_meanwhile"));

    let bad = put(&admin, "global", &json!({ "umask": "9", "environment": [{ "name": "A=" }] }), 1).await;
    assert_eq!((bad.status, bad.problem().as_str()), (422, "invalid_settings"));
    let places: Vec<_> =
        bad.json()["faults"].as_array().unwrap().iter().map(|f| f["place"].clone()).collect();
    assert_eq!(places, [json!("environment[0].name"), json!("umask")]);
    assert_eq!(put(&admin, "global", &json!({ "unknown": 1 }), 1).await.status, 400);
    for nobody in ["servers/99", "users/99"] {
        assert_eq!(admin.get(&format!("{PATH}/{nobody}")).send().await.status, 404);
        assert_eq!(put(&admin, nobody, &json!({}), 0).await.status, 404);
    }
    world.end().await;
}

#[tokio::test]
async fn people_see_what_holds_for_them_and_nothing_of_others() {
    let world = World::start().await;
    let admin = world.log_in().await;
    let bob = world.user(&admin, "bob", "user").await;
    let (admin_id, bob_id) = (id(&admin).await, id(&bob).await);
    let server = r#"{"name":"somewhere","host":"192.0.2.1","username":"root","password":"x"}"#;
    let server = admin.post("/api/v1/servers", server).send().await.json()["id"].clone();
    let global = json!({ "umask": "022", "deny": ["A"], "max_sessions": 9, "idle_timeout": 3600 });
    assert_eq!(put(&admin, "global", &global, 0).await.status, 200);
    let of_server = json!({ "umask": "027", "deny": ["B"] });
    assert_eq!(put(&admin, &format!("servers/{server}"), &of_server, 0).await.status, 200);
    let own =
        json!({ "max_sessions": 2, "environment": [{ "name": "T", "value": "hunter2", "secret": true }] });
    assert_eq!(put(&admin, &format!("users/{bob_id}"), &own, 0).await.status, 200);

    let here = holds(&bob, "").await;
    assert_eq!(
        (&one(&here, "umask")["value"], &one(&here, "umask")["from"]),
        (&json!("022"), &json!("global"))
    );
    assert_eq!(one(&here, "max_sessions")["from"], "user");
    assert_eq!(
        one(&here, "environment.T"),
        json!({ "setting": "environment.T", "secret": true, "from": "user" })
    );
    let there = holds(&admin, &format!("?user={bob_id}&server={server}")).await;
    assert_eq!(
        (&one(&there, "umask")["value"], &one(&there, "umask")["from"]),
        (&json!("027"), &json!("server"))
    );
    let denied: Vec<_> = there.as_array().unwrap().iter().filter(|one| one["setting"] == "deny").collect();
    assert_eq!(denied.len(), 2);
    assert_eq!(one(&holds(&admin, "").await, "max_sessions")["value"], 9);

    let refused = bob.get(&format!("{PATH}/effective?user={admin_id}")).send().await;
    assert_eq!(refused.status, 403);
    let hidden = bob.get(&format!("{PATH}/effective?server={server}")).send().await;
    assert_eq!((hidden.status, hidden.problem().as_str()), (404, "server_not_found"));
    assert_eq!(bob.get(&format!("{PATH}/users/{bob_id}")).send().await.status, 403);
    assert_eq!(admin.get(&format!("{PATH}/effective?user=99")).send().await.status, 404);
    world.end().await;
}

#[tokio::test]
async fn secrets_go_in_and_never_come_out() {
    let world = World::start().await;
    let admin = world.log_in().await;
    let secret = "hunter2-of-the-test";
    let first = json!({ "environment": [{ "name": "TOKEN", "value": secret, "secret": true }, { "name": "A", "value": "1" }] });
    let saved = put(&admin, "global", &first, 0).await;
    assert_eq!(saved.json()["settings"]["environment"][0], json!({ "name": "TOKEN", "secret": true }));
    // Kept without being sent again.
    let kept = json!({ "environment": [{ "name": "TOKEN", "secret": true }] });
    assert_eq!(put(&admin, "global", &kept, 1).await.status, 200);
    let plain = put(&admin, "global", &json!({ "environment": [{ "name": "TOKEN" }] }), 2).await;
    assert_eq!((plain.status, plain.problem().as_str()), (422, "invalid_settings"));

    let opened = admin.shell().await;
    let answers = [
        admin.get(&format!("{PATH}/global")).send().await.body,
        admin.get(&format!("{PATH}/effective")).send().await.body,
        admin.get(&format!("/api/pty/sessions/{opened}")).send().await.body,
    ];
    assert!(answers.iter().all(|answer| !answer.contains(secret)), "{answers:?}");
    assert!(answers[2].contains("TOKEN"), "that it has one is told: {}", answers[2]);
    let mut files = Vec::new();
    for entry in
        std::fs::read_dir(world.data()).unwrap().chain(std::fs::read_dir(world.data().join("log")).unwrap())
    {
        let path = entry.unwrap().path();
        files.extend(path.is_file().then(|| std::fs::read(path).unwrap()).into_iter().flatten());
    }
    let text = String::from_utf8_lossy(&files);
    assert!(!text.contains(secret));
    assert!(text.contains("environment.TOKEN"), "the log tells the name");

    // The shell has it.
    let pid = admin.get(&format!("/api/v1/sessions/{opened}")).send().await.json()["pid"].as_i64().unwrap();
    let environment = std::fs::read_to_string(format!("/proc/{pid}/environ")).unwrap();
    assert!(
        environment.split('\0').any(|pair| pair == format!("TOKEN={secret}")),
        "its value is in the session"
    );
    world.end().await;
}

#[tokio::test]
async fn a_session_gets_what_holds_for_it() {
    let world = World::start().await;
    let admin = world.log_in().await;
    let own = format!("users/{}", id(&admin).await);
    let global = json!({
        "environment": [{ "name": "WHERE", "value": "global" }, { "name": "BASE", "value": "yes" }],
        "deny": ["NEVER*"], "allow": ["HOME"], "limits": { "open_files": 64 },
    });
    assert_eq!(put(&admin, "global", &global, 0).await.status, 200);
    let user =
        json!({ "environment": [{ "name": "WHERE", "value": "user" }, { "name": "NEVER_1", "value": "x" }] });
    assert_eq!(put(&admin, &own, &user, 0).await.status, 200);
    let body = r#"{"shell":"/bin/sh","env":{"HOME":"/nonexistent","OTHER":"x","NEVER":"x"}}"#;
    let opened = admin.post("/api/v1/sessions", body).send().await;
    assert_eq!(opened.status, 201, "{}", opened.body);
    let pid = opened.json()["pid"].as_i64().unwrap();
    let environment = std::fs::read_to_string(format!("/proc/{pid}/environ")).unwrap();
    let has = |pair: &str| environment.split('\0').any(|one| one == pair);
    assert!(has("WHERE=user") && has("BASE=yes") && has("HOME=/nonexistent"), "{environment}");
    assert!(!environment.contains("OTHER") && !environment.contains("NEVER"), "{environment}");
    let limits = std::fs::read_to_string(format!("/proc/{pid}/limits")).unwrap();
    let files = limits.lines().find(|line| line.starts_with("Max open files")).unwrap();
    assert!(files.contains(" 64 "), "{files}");
    world.end().await;
}

#[tokio::test]
async fn twenty_at_once_do_not_pass_the_most_that_one_may_have() {
    let world = World::start().await;
    let admin = world.log_in().await;
    assert_eq!(put(&admin, "global", &json!({ "max_sessions": 3 }), 0).await.status, 200);
    let body = r#"{"shell":"/bin/sh","env":{"HOME":"/nonexistent"}}"#;
    // An older path counts, too.
    let paths = ["/api/v1/sessions", "/api/pty/sessions"];
    let asked: Vec<_> = (0..20).map(|n| tokio::spawn(admin.post(paths[n % 2], body).send())).collect();
    let mut answers = Vec::new();
    for one in asked {
        answers.push(one.await.unwrap());
    }
    let opened = answers.iter().filter(|answer| answer.status == 201).count();
    let refused: Vec<_> = answers.iter().filter(|answer| answer.status != 201).collect();
    assert_eq!((opened, refused.len()), (3, 17), "{answers:?}");
    for answer in &refused {
        assert_eq!((answer.status, answer.problem().as_str()), (409, "too_many_sessions"));
        assert!(
            answer.json()["detail"].as_str().unwrap().contains("end one of them first"),
            "{}",
            answer.body
        );
    }
    // One that has ended does not count.
    let uid = answers.iter().find(|answer| answer.status == 201).unwrap().json();
    let uid = uid["uid"].as_str().or(uid["session_id"].as_str()).or(uid["id"].as_str()).unwrap().to_owned();
    assert_eq!(admin.request("DELETE", &format!("/api/v1/sessions/{uid}")).send().await.status, 204);
    let gone = crate::world::within("the end of a session", async {
        loop {
            let again = admin.post("/api/v1/sessions", body).send().await;
            if again.status == 201 {
                return true;
            }
            tokio::task::yield_now().await;
        }
    });
    assert!(gone.await);
    // More for one person.
    let own = format!("users/{}", id(&admin).await);
    assert_eq!(put(&admin, &own, &json!({ "max_sessions": 4 }), 0).await.status, 200);
    assert_eq!(admin.post("/api/v1/sessions", body).send().await.status, 201);
    assert_eq!(admin.post("/api/v1/sessions", body).send().await.status, 409);
    world.end().await;
}
