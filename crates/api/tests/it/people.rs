//! Users, tokens and shares, as they go over the wire.

use serde_json::Value;

use crate::world::{Person, World};

fn bearer(person: &Person, method: &'static str, path: &str, token: &str) -> crate::world::Request {
    crate::world::Request::new(person.address, method, path).header("authorization", token)
}

#[tokio::test]
async fn an_administrator_makes_people_and_nobody_else_does() {
    let world = World::start().await;
    let admin = world.log_in().await;
    let bob = world.user(&admin, "bob", "user").await;
    let me = bob.get("/api/v1/me").send().await.json();
    assert!(!me["rights"].as_array().unwrap().contains(&Value::from("user_list")), "{me}");
    let new = r#"{"username":"eve","role":"admin"}"#;
    for (method, path) in [
        ("GET", "/api/v1/users"),
        ("POST", "/api/v1/users"),
        ("GET", "/api/v1/users/1"),
        ("PATCH", "/api/v1/users/1"),
        ("DELETE", "/api/v1/users/1"),
        ("POST", "/api/v1/users/1/login-link"),
        ("GET", "/metrics"),
    ] {
        let answer = bob.request(method, path).json(new).send().await;
        assert_eq!((answer.status, answer.problem().as_str()), (403, "forbidden"), "{method} {path}");
    }
    let taken = admin.post("/api/v1/users", r#"{"username":"bob","role":"user"}"#).send().await;
    assert_eq!((taken.status, taken.problem().as_str()), (409, "username_taken"));
    for bad in ["", "Bob", "-bob", "b b", "../x", &"b".repeat(65), "b\\u0000b"] {
        let body = format!(r#"{{"username":"{bad}","role":"user"}}"#);
        let answer = admin.post("/api/v1/users", &body).send().await;
        assert_eq!((answer.status, answer.problem().as_str()), (422, "invalid"), "{bad:?}");
    }
    let list = admin.get("/api/v1/users?limit=1").send().await.json();
    assert_eq!(list["users"][0]["username"], "admin");
    let next = list["next"].as_str().unwrap();
    let rest = admin.get(&format!("/api/v1/users?limit=1&cursor={next}")).send().await.json();
    assert_eq!((rest["users"][0]["username"].as_str(), rest["next"].is_null()), (Some("bob"), true));
    world.end().await;
}

#[tokio::test]
async fn who_is_disabled_is_out_at_once_and_the_last_administrator_cannot_be() {
    let world = World::start().await;
    let admin = world.log_in().await;
    let bob = world.user(&admin, "bob", "user").await;
    let token = bob.token("full").await;
    let id = bob.get("/api/v1/me").send().await.json()["user"]["id"].as_i64().unwrap();
    let path = format!("/api/v1/users/{id}");
    let disabled = admin.request("PATCH", &path).json(r#"{"enabled":false}"#).send().await;
    assert_eq!((disabled.status, disabled.json()["enabled"].as_bool()), (200, Some(false)));
    assert_eq!(bob.get("/api/v1/me").send().await.status, 401);
    assert_eq!(bearer(&bob, "GET", "/api/v1/me", &token).send().await.status, 401);
    admin.request("PATCH", &path).json(r#"{"enabled":true}"#).send().await;
    assert_eq!(bob.get("/api/v1/me").send().await.status, 401, "the old login stays ended");
    assert_eq!(bearer(&bob, "GET", "/api/v1/me", &token).send().await.status, 200);

    for (method, body) in [("PATCH", r#"{"role":"user"}"#), ("PATCH", r#"{"enabled":false}"#), ("DELETE", "")]
    {
        let answer = admin.request(method, "/api/v1/users/1").json(body).send().await;
        assert_eq!(
            (answer.status, answer.problem().as_str()),
            (409, "last_administrator"),
            "{method} {body}"
        );
    }
    assert_eq!(admin.request("DELETE", &path).send().await.status, 204);
    assert_eq!(bearer(&bob, "GET", "/api/v1/me", &token).send().await.status, 401);
    assert_eq!(admin.get(&path).send().await.problem(), "user_not_found");
    world.end().await;
}

#[tokio::test]
async fn a_token_does_what_its_scope_says_until_it_is_taken_away() {
    let world = World::start().await;
    let admin = world.log_in().await;
    let (full, read) = (admin.token("full").await, admin.token("read").await);
    let me = bearer(&admin, "GET", "/api/v1/me", &full).send().await.json();
    assert_eq!((me["login"]["kind"].as_str(), me["login"]["scope"].as_str()), (Some("token"), Some("full")));
    assert_eq!(bearer(&admin, "GET", "/api/v1/sessions", &read).send().await.status, 200);
    for (method, path, body) in [
        ("POST", "/api/v1/sessions", "{}"),
        ("POST", "/api/v1/tokens", r#"{"name":"x","scope":"full"}"#),
        ("POST", "/api/v1/users", r#"{"username":"eve","role":"admin"}"#),
    ] {
        let answer = bearer(&admin, method, path, &read).json(body).send().await;
        assert_eq!((answer.status, answer.problem().as_str()), (403, "read_only_token"), "{method} {path}");
    }
    for bad in ["Bearer bst_0", "Bearer x", "Bearer ", "Basic YTpi", "nonsense"] {
        let answer = bearer(&admin, "GET", "/api/v1/me", bad).header("cookie", &admin.cookie).send().await;
        assert_eq!((answer.status, answer.problem().as_str()), (401, "not_logged_in"), "{bad}");
    }
    let tokens = admin.get("/api/v1/tokens").send().await.json();
    let tokens = tokens["tokens"].as_array().unwrap();
    assert_eq!(tokens.len(), 2);
    assert!(tokens.iter().all(|token| token.get("secret").is_none() && token["last_used"].is_string()));
    let bob = world.user(&admin, "bob", "user").await;
    for token in tokens {
        let path = format!("/api/v1/tokens/{}", token["id"].as_str().unwrap());
        assert_eq!(bob.request("DELETE", &path).send().await.problem(), "token_not_found");
        assert_eq!(admin.request("DELETE", &path).send().await.status, 204);
    }
    assert_eq!(bearer(&admin, "GET", "/api/v1/me", &full).send().await.status, 401);
    world.end().await;
}

#[tokio::test]
async fn somebody_elses_session_is_not_there_until_it_is_shared() {
    let world = World::start().await;
    let admin = world.log_in().await;
    let bob = world.user(&admin, "bob", "user").await;
    let uid = admin.shell().await;
    let path = format!("/api/v1/sessions/{uid}");
    let local = bob.post("/api/v1/sessions", "{}").send().await;
    assert_eq!((local.status, local.problem().as_str()), (403, "forbidden"));
    for (method, path) in [
        ("GET", path.clone()),
        ("DELETE", path.clone()),
        ("GET", format!("{path}/shares")),
        ("GET", format!("/api/pty/sessions/{uid}")),
    ] {
        let answer = bob.request(method, &path).send().await;
        assert_eq!((answer.status, answer.problem().as_str()), (404, "session_not_found"), "{method} {path}");
    }
    assert!(bob.get("/api/v1/sessions").send().await.json()["sessions"].as_array().unwrap().is_empty());

    let shared = admin.post(&format!("{path}/shares"), r#"{"access":"watch"}"#).send().await;
    assert_eq!(shared.status, 201, "{}", shared.body);
    let url = shared.json()["url"].as_str().unwrap().to_owned();
    let token = url.rsplit("/s/").next().unwrap();
    let entered = bob.post("/api/v1/shares/use", &format!(r#"{{"token":"{token}"}}"#)).send().await;
    assert_eq!((entered.status, entered.json()["session"].as_str()), (200, Some(uid.as_str())));
    let seen = bob.get(&path).send().await.json();
    assert_eq!((seen["access"].as_str(), seen["owner"]["username"].as_str()), (Some("watch"), Some("admin")));
    let answer = bob.request("DELETE", &path).send().await;
    assert_eq!((answer.status, answer.problem().as_str()), (403, "forbidden"));
    let shares = admin.get(&format!("{path}/shares")).send().await.json();
    assert_eq!(shares["shares"][0]["guests"], serde_json::json!(["bob"]));

    let id = shares["shares"][0]["id"].as_str().unwrap();
    assert_eq!(admin.request("DELETE", &format!("{path}/shares/{id}")).send().await.status, 204);
    assert_eq!(bob.get(&path).send().await.status, 404);
    let late = bob.post("/api/v1/shares/use", &format!(r#"{{"token":"{token}"}}"#)).send().await;
    assert_eq!((late.status, late.problem().as_str()), (404, "share_refused"));
    world.end().await;
}

#[tokio::test]
async fn a_share_ends_by_itself() {
    use std::sync::atomic::Ordering;
    let world = World::start().await;
    let admin = world.log_in().await;
    let bob = world.user(&admin, "bob", "user").await;
    let uid = admin.shell().await;
    let body = r#"{"access":"write","expires_in_minutes":5}"#;
    let shared = admin.post(&format!("/api/v1/sessions/{uid}/shares"), body).send().await.json();
    let token = shared["url"].as_str().unwrap().rsplit("/s/").next().unwrap().to_owned();
    let body = format!(r#"{{"token":"{token}"}}"#);
    assert_eq!(bob.post("/api/v1/shares/use", &body).send().await.status, 200);
    let path = format!("/api/v1/sessions/{uid}");
    assert_eq!(bob.get(&path).send().await.json()["access"], "write");
    world.ahead.store(5 * 60, Ordering::Relaxed);
    assert_eq!(bob.get(&path).send().await.status, 404);
    assert_eq!(bob.post("/api/v1/shares/use", &body).send().await.status, 404);
    world.end().await;
}
