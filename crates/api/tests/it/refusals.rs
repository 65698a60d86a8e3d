//! The page of access (docs/guide/api-access.md) is true: every route is asked by those who may not.

use bastide_api::{Access, Listed, table};

use crate::access::method;
use crate::socket::Socket;
use crate::world::{Person, Request, Response, World};

const NOBODYS_UID: &str = "01900000-0000-7000-8000-000000000000";

pub(crate) const HOST_KEY: &str =
    "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJdD7y3aLq454yWBdwLWbieU1ebz9/cu7/QEXn9OIeZJ";

/// What belongs to the first administrator.
struct Foreign {
    session: String,
    token: String,
    login: String,
    share: String,
    user: String,
    server: String,
    host_key: String,
    request: String,
}

impl Foreign {
    async fn of(admin: &Person) -> Self {
        let session = admin.shell().await;
        let made = admin.post("/api/v1/tokens", r#"{"name":"a","scope":"full"}"#).send().await.json();
        let shares = format!("/api/v1/sessions/{session}/shares");
        let share = admin.post(&shares, r#"{"access":"watch"}"#).send().await.json();
        let server = r#"{"name":"somewhere","host":"192.0.2.1"}"#;
        let server = admin.post("/api/v1/servers", server).send().await.json();
        let keys = format!("/api/v1/servers/{}/host-keys", server["id"]);
        let key = admin.post(&keys, &format!(r#"{{"key":"{HOST_KEY}"}}"#)).send().await.json();
        let until =
            bastide_app::Clock::system().now().checked_add(jiff::SignedDuration::from_hours(1)).unwrap();
        let asked =
            serde_json::json!({ "server": "x", "rights": ["connect"], "reason": "x", "until": until })
                .to_string();
        let request = admin.post("/api/v1/access-requests", &asked).send().await.json();
        let me = admin.get("/api/v1/me").send().await.json();
        Self {
            session,
            token: made["token"]["id"].as_str().unwrap().to_owned(),
            login: me["login"]["id"].as_str().unwrap().to_owned(),
            share: share["share"]["id"].as_str().unwrap().to_owned(),
            user: me["user"]["id"].to_string(),
            host_key: key["id"].to_string(),
            request: request["id"].to_string(),
            server: server["id"].to_string(),
        }
    }

    /// Things that there are not.
    fn unknown() -> Self {
        let uid = || NOBODYS_UID.to_owned();
        let number = || "4711".to_owned();
        Self {
            session: uid(),
            token: uid(),
            login: uid(),
            share: uid(),
            user: number(),
            server: number(),
            host_key: number(),
            request: number(),
        }
    }

    fn path(&self, route: &Listed) -> String {
        let words: Vec<_> = route.path.split('/').collect();
        let filled =
            words.iter().enumerate().map(|(place, word)| match (words.get(place.wrapping_sub(1)), *word) {
                (_, "{file}") => "start.js",
                (_, "{upload}") => "0123456789abcdef0123456789abcdef",
                (Some(&"tokens"), "{id}") => &self.token,
                (Some(&"logins"), "{id}") => &self.login,
                (Some(&"shares"), "{id}") => &self.share,
                (Some(&"users"), "{id}") => &self.user,
                (Some(&"servers"), "{id}") => &self.server,
                (Some(&"host-keys"), "{id}") => &self.host_key,
                (Some(&"access-requests"), "{id}") => &self.request,
                // Of administrators only, and none there is.
                (
                    Some(
                        &("credentials" | "groups" | "grants" | "host-authorities" | "user-authorities"
                        | "connections" | "versions" | "viewers"),
                    ),
                    "{id}",
                ) => "4711",
                (_, "{identity}") => "4711",
                (_, "{id}" | "{uid}") => &self.session,
                (_, word) => {
                    assert!(!word.starts_with('{'), "{}: what is {word}?", route.path);
                    word
                }
            });
        filled.collect::<Vec<_>>().join("/")
    }
}

/// A body that makes sense, so that nothing but the right is missing.
fn body(route: &Listed) -> &'static str {
    match route.id.as_str() {
        "password_change" => r#"{"current":"x","new":"a long enough phrase"}"#,
        "totp_confirm" => r#"{"code":"000000"}"#,
        "passkey_begin" | "passkey_change" => r#"{"name":"x"}"#,
        "passkey_create" => r#"{"passkey":{}}"#,
        "share_use" => r#"{"token":"x"}"#,
        "session_message" => r#"{"text":"x"}"#,
        "keyboard_give" => r#"{"viewer":null}"#,
        "share_create" => r#"{"access":"watch"}"#,
        "token_create" => r#"{"name":"x","scope":"full"}"#,
        "access_request_create" => {
            r#"{"server":"x","rights":["connect"],"reason":"x","until":"2999-01-01T00:00:00Z"}"#
        }
        "identity_add" => r#"{"subject":"x"}"#,
        "group_create" => r#"{"name":"x"}"#,
        "grant_create" => r#"{"user_id":1,"server_id":1}"#,
        "host_authority_create" | "user_authority_create" => r#"{"name":"x","key":"y"}"#,
        "host_key_add" | "ssh_key_create" => r#"{"key":"y"}"#,
        "credential_create" => r#"{"name":"x","username":"u","kind":"ask"}"#,
        "compat_server_create" => r#"{"name":"x","host_ip":"h","username":"u"}"#,
        "server_execute" | "compat_server_execute" => r#"{"command":"true"}"#,
        "server_create" => r#"{"name":"x","host":"h"}"#,
        "server_import" => r#"{"format":"csv","text":"name,host"}"#,
        "known_hosts_import" => r#"{"text":""}"#,
        "rules_put" => r#"{"rules":{"version":1}}"#,
        "rules_import" => r#"{"format":"csv","text":"id"}"#,
        "file_mkdir" => r#"{"path":"/x"}"#,
        "file_rename" => r#"{"path":"/x","to":"/y"}"#,
        "file_chmod" => r#"{"path":"/x","mode":420}"#,
        "file_remove" => r#"{"path":"/x"}"#,
        "file_text_change" => r#"{"path":"/x","text":""}"#,
        "upload_begin" => r#"{"path":"/x","size":1}"#,
        "user_create" => r#"{"username":"somebody","role":"user"}"#,
        _ => "{}",
    }
}

fn request(world: &World, route: &Listed, path: &str) -> Request {
    let request = Request::new(world.address, method(route.method.as_str()), path);
    if route.method == "GET" { request } else { request.json(body(route)) }
}

fn is_socket(route: &Listed) -> bool {
    route.answers.contains(&101)
}

#[tokio::test]
async fn every_role_is_refused_where_the_page_says_so_and_nowhere_else() {
    let world = World::start().await;
    let admin = world.log_in().await;
    let foreign = Foreign::of(&admin).await;
    for role in ["user", "reviewer", "auditor", "operator"] {
        let person = world.user(&admin, &format!("a-{role}"), role).await;
        let ask = async |route: &Listed, path: &str| -> Response {
            request(&world, route, path).header("cookie", &person.cookie).send().await
        };
        let (mut refused, mut passed) = (0, 0);
        for route in &table() {
            let path = foreign.path(route);
            let status = match role {
                "user" => route.refusals.user,
                "reviewer" => route.refusals.reviewer,
                "auditor" => route.refusals.auditor,
                _ => route.refusals.operator,
            };
            if let Some(status) = status {
                let answer = ask(route, &path).await;
                let told = (answer.status, answer.problem());
                assert_eq!(told, (status, "forbidden".to_owned()), "{role}: {} {path}", route.method);
                refused += 1;
            } else if matches!(route.access, Access::Role(_)) && route.method == "GET" {
                let answer = ask(route, &path).await;
                assert!(!matches!(answer.status, 401 | 403), "{role}: {path}: {}", answer.body);
                passed += 1;
            }
        }
        let least = if role == "user" { 0 } else { 4 };
        assert!(refused >= 8 && passed >= least, "{role}: {refused} refused, {passed} passed: it was walked");
    }
    assert_eq!(admin.get(&format!("/api/v1/sessions/{}", foreign.session)).send().await.status, 200);
    world.end().await;
}

#[tokio::test]
async fn what_is_somebody_elses_is_hidden_from_a_plain_user() {
    let world = World::start().await;
    let admin = world.log_in().await;
    let foreign = Foreign::of(&admin).await;
    let user = world.user(&admin, "plain", "user").await;
    let ask = async |route: &Listed, path: &str| -> Response {
        request(&world, route, path).header("cookie", &user.cookie).send().await
    };
    let mut hidden = 0;
    for route in &table() {
        if route.refusals.foreign_id.is_some() && !is_socket(route) {
            let path = foreign.path(route);
            let theirs = ask(route, &path).await;
            let none = ask(route, &Foreign::unknown().path(route)).await;
            assert_eq!(theirs.status, 404, "{} {path}: {}", route.method, theirs.body);
            assert_eq!(
                (none.status, none.problem()),
                (404, theirs.problem()),
                "one tells what the other hides"
            );
            hidden += 1;
        }
    }
    assert!(hidden >= 8, "{hidden} hidden: the table was walked");
    world.end().await;
}

#[tokio::test]
async fn a_socket_to_what_is_somebody_elses_leads_nowhere() {
    let world = World::start().await;
    let admin = world.log_in().await;
    let foreign = Foreign::of(&admin).await;
    let user = world.user(&admin, "plain", "user").await;
    for uid in [foreign.session.as_str(), NOBODYS_UID] {
        let mut socket = Socket::binary(&user, uid, "client=a").await;
        assert_eq!(socket.hear("error").await["code"], "session_not_found");
        assert_eq!(socket.ends().await, Some(4404));
    }
    world.end().await;
}

#[tokio::test]
async fn a_token_to_read_changes_nothing() {
    let world = World::start().await;
    let admin = world.log_in().await;
    let foreign = Foreign::of(&admin).await;
    let token = admin.token("read").await;
    for route in &table() {
        if let Some(status) = route.refusals.read_token {
            let path = foreign.path(route);
            let answer = request(&world, route, &path).header("authorization", &token).send().await;
            let told = (answer.status, answer.problem());
            assert_eq!(told, (status, "read_only_token".to_owned()), "{} {path}", route.method);
        }
    }
    let path = format!("/api/v1/sessions/{}", foreign.session);
    let seen = Request::new(world.address, "GET", &path).header("authorization", &token).send().await;
    assert_eq!((seen.status, seen.json()["state"].as_str()), (200, Some("running")));
    world.end().await;
}

#[tokio::test]
async fn a_bad_token_is_refused_even_beside_a_good_cookie() {
    let world = World::start().await;
    let admin = world.log_in().await;
    let foreign = Foreign::of(&admin).await;
    for route in table().iter().filter(|route| route.access != Access::Public) {
        let path = foreign.path(route);
        for token in ["Bearer bst_0000000000000000000000000000000000000000", "Bearer ", "Basic YTpi"] {
            let asked = request(&world, route, &path).header("cookie", &admin.cookie);
            let answer = asked.header("authorization", token).send().await;
            assert_eq!(answer.status, 401, "{} {path} with {token:?}: {}", route.method, answer.body);
        }
    }
    world.end().await;
}
