//! Requests that are right, and many that are not.

use serde_json::json;

use crate::world::{World, within};

#[tokio::test]
async fn a_session_is_made_listed_shown_and_ended() {
    let world = World::start().await;
    let person = world.log_in().await;
    let body = r#"{"name":"one","shell":"/bin/sh","cols":100,"rows":30,"env":{"A":"b"}}"#;
    let made = person.post("/api/v1/sessions", body).send().await;
    assert_eq!(made.status, 201, "{}", made.body);
    let session = made.json();
    let path = format!("/api/v1/sessions/{}", session["uid"].as_str().unwrap());
    assert_eq!(made.header("location"), Some(path.as_str()));
    assert_eq!(
        (&session["name"], &session["cols"], &session["rows"]),
        (&json!("one"), &json!(100), &json!(30))
    );
    assert_eq!((&session["state"], &session["owner"]["username"]), (&json!("running"), &json!("admin")));
    assert_eq!(session["recording"]["state"], "recording");

    assert_eq!(person.get(&path).send().await.json()["pid"], session["pid"]);
    let list = person.get("/api/v1/sessions").send().await.json();
    assert_eq!(list["sessions"].as_array().unwrap().len(), 1);
    assert_eq!(person.request("DELETE", &path).send().await.status, 204);
    within("its end", async { while person.get(&path).send().await.json()["state"] == "running" {} }).await;
    world.end().await;
}

#[tokio::test]
async fn the_older_form_of_sessions_is_answered_too() {
    let world = World::start().await;
    let person = world.log_in().await;
    let body = r#"{"shell":"/bin/sh","cols":90,"rows":20,"cwd":"/","unknown":1}"#;
    let made = person.post("/api/pty/sessions", body).send().await;
    assert_eq!(made.status, 201, "{}", made.body);
    let session = made.json();
    let uid = session["id"].as_str().unwrap();
    assert_eq!(session["size"], json!({ "rows": 20, "cols": 90 }));
    assert_eq!((&session["state"], &session["shell_type"]), (&json!("active"), &json!("sh")));
    assert_eq!(session["websocket_url"], format!("/api/pty/sessions/{uid}/ws"));
    let path = format!("/api/pty/sessions/{uid}");
    let shown = person.get(&path).send().await.json();
    assert_eq!((&shown["pty_enabled"], &shown["exit_code"]), (&json!(true), &json!(null)));
    assert_eq!(person.get("/api/pty/sessions").send().await.json()["sessions"].as_array().unwrap().len(), 1);
    let elsewhere = person.post("/api/pty/sessions", r#"{"server_id":"3"}"#).send().await;
    assert_eq!(elsewhere.problem(), "server_not_found");
    assert_eq!(person.request("DELETE", &path).send().await.status, 204);
    world.end().await;
}

#[tokio::test]
async fn bad_requests_are_told_what_is_wrong_and_do_nothing() {
    let world = World::start().await;
    let person = world.log_in().await;
    let sessions = "/api/v1/sessions";
    let large = format!(r#"{{"name":"{}"}}"#, "x".repeat(300 * 1024));
    let long = format!(r#"{{"name":"{}"}}"#, "x".repeat(101));
    for (body, status, word) in [
        ("", 400, "body"),
        ("{", 400, "body"),
        ("[]", 400, "body"),
        (r#"{"cols":"many"}"#, 400, "body"),
        (r#"{"cols":70000,"rows":1}"#, 400, "body"),
        (r#"{"colour":1}"#, 400, "colour"),
        (r#"{"cols":80}"#, 400, "rows"),
        (r#"{"cols":0,"rows":24}"#, 422, "at least 1"),
        (r#"{"name":" "}"#, 422, "name"),
        ("{\"name\":\"a\\u001bb\"}", 422, "name"),
        (r#"{"env":{"A=B":"c"}}"#, 422, "A=B"),
        (r#"{"shell":"/no/such/shell"}"#, 422, "/no/such/shell"),
        (r#"{"cwd":"/no/such/place"}"#, 422, "/no/such/place"),
        (&long, 422, "name"),
    ] {
        let answer = person.post(sessions, body).send().await;
        let shown: String = body.chars().take(60).collect();
        assert_eq!(answer.status, status, "{shown}: {}", answer.body);
        answer.problem();
        assert!(answer.body.contains(word), "{shown}: {}", answer.body);
    }
    assert_eq!(person.post(sessions, &large).send().await.status, 413);
    let form = person.request("POST", sessions).form("name=x").send().await;
    assert_eq!((form.status, form.problem().as_str()), (415, "not_json"));
    let listed = person.get(sessions).send().await.json();
    assert_eq!(listed["sessions"], json!([]), "nothing was made");
    world.end().await;
}

#[tokio::test]
async fn what_is_not_there_is_not_found() {
    let world = World::start().await;
    let person = world.log_in().await;
    for path in
        ["/api/v1/sessions/x", "/api/v1/sessions/01900000-0000-7000-8000-000000000000", "/api/v2", "/api"]
    {
        let answer = person.get(path).send().await;
        assert_eq!(answer.status, 404, "{path}");
        answer.problem();
    }
    let method = person.request("DELETE", "/api/v1/sessions").send().await;
    assert_eq!((method.status, method.problem().as_str()), (405, "method_not_allowed"));
    assert_eq!(world.get("/assets/none.js").send().await.status, 404);
    // Addresses of pages are the page's own to read.
    for path in ["/", "/t/01900000-0000-7000-8000-000000000000", "/nothing"] {
        let page = world.get(path).send().await;
        assert_eq!(
            (page.status, page.header("content-type")),
            (200, Some("text/html; charset=utf-8")),
            "{path}"
        );
    }
    assert_eq!(
        world.get("/../../etc/passwd").send().await.header("content-type"),
        Some("text/html; charset=utf-8")
    );
    world.end().await;
}

#[tokio::test]
async fn health_is_about_the_process_and_readiness_about_its_daemon() {
    let mut world = World::start().await;
    assert_eq!(world.get("/readyz").send().await.status, 200);
    world.daemon.take().unwrap().stop().await;
    within("not ready", async { while world.get("/readyz").send().await.status == 200 {} }).await;
    assert_eq!(world.get("/healthz").send().await.status, 200);
    let person = world.log_in().await;
    let answer = person.post("/api/v1/sessions", "{}").send().await;
    assert_eq!((answer.status, answer.problem().as_str()), (503, "daemon_unreachable"));
    world.end().await;
}

#[tokio::test]
async fn nothing_is_done_that_cannot_be_written_down() {
    let world = World::start().await;
    let person = world.log_in().await;
    // From here on no file of this process can grow; nextest gives each test a process of its own. Without a handler the signal would end it.
    let kind = tokio::signal::unix::SignalKind::from_raw(rustix::process::Signal::XFSZ.as_raw());
    let _survive = tokio::signal::unix::signal(kind).unwrap();
    let limits = rustix::process::getrlimit(rustix::process::Resource::Fsize);
    let none = rustix::process::Rlimit { current: Some(0), ..limits };
    rustix::process::setrlimit(rustix::process::Resource::Fsize, none).unwrap();
    let answer = person.post("/api/v1/sessions", "{}").send().await;
    assert_eq!((answer.status, answer.problem().as_str()), (503, "log_not_writable"));
    rustix::process::setrlimit(rustix::process::Resource::Fsize, limits).unwrap();
    let listed = person.get("/api/v1/sessions").send().await.json();
    assert_eq!(listed["sessions"], json!([]));
    person.shell().await;
    world.end().await;
}
