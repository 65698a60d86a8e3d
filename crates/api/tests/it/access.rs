//! Who may ask what.

use bastide_api::{Access, table};

use crate::world::{Request, World};

const SOME_UID: &str = "01900000-0000-7000-8000-000000000000";

/// This list may only become shorter. The last ones are of clients of earlier designs, which show who they are only over
/// the socket, or are told over it why they may not: `nobody_gets_a_terminal` is about those.
const PUBLIC: [&str; 18] = [
    "GET /healthz",
    "GET /readyz",
    "POST /api/v1/login",
    "POST /api/v1/login-links/look",
    "POST /api/v1/login-links/use",
    "GET /api/v1/login",
    "GET /api/v1/login/oidc/start",
    "GET /api/v1/login/oidc/callback",
    "POST /api/v1/login/second-factor",
    "POST /api/v1/login/second-factor/enrolment",
    "POST /api/v1/login/second-factor/passkey",
    "POST /api/v1/login/passkey",
    "POST /api/v1/login/passkey/answer",
    "POST /api/auth/login",
    "GET /api/servers/{id}/ssh/terminal",
    "GET /api/servers/{id}/ssh/terminal/asyncssh",
    "GET /socket.io/",
    "POST /socket.io/",
];

/// As the requests of these tests take it.
pub(crate) fn method(method: &str) -> &'static str {
    ["GET", "POST", "DELETE", "PUT", "PATCH"].into_iter().find(|known| *known == method).unwrap()
}

#[test]
fn public_routes_are_these_and_no_others() {
    let public: Vec<_> = table()
        .into_iter()
        .filter(|route| route.access == Access::Public)
        .map(|route| format!("{} {}", route.method, route.path))
        .collect();
    assert_eq!(public, PUBLIC);
}

#[tokio::test]
async fn nobody_who_has_not_logged_in_gets_past_any_other_route() {
    let world = World::start().await;
    let forged = [
        String::new(),
        format!("{}=", world.app().cookie_name()),
        format!(
            "{}=v1.00000000000000000000000000000000.0.99999999999.{}",
            world.app().cookie_name(),
            "0".repeat(64)
        ),
        format!("{}=v1.x", world.app().cookie_name()),
    ];
    for route in table().into_iter().filter(|route| route.access != Access::Public) {
        assert_eq!(route.refusals.anonymous, Some(401), "{}", route.path);
        let path = route.path.replace("{uid}", SOME_UID).replace("{id}", "7");
        for cookie in &forged {
            let request =
                || Request::new(world.address, method(route.method.as_str()), &path).header("cookie", cookie);
            let plain = request().json("{}").send().await;
            assert_eq!(plain.status, 401, "{} {path} with {cookie:?}", route.method);
            assert_eq!(plain.problem(), "not_logged_in");
            let socket = request().upgrade().send().await;
            assert_eq!(socket.status, 401, "upgrade of {} {path} with {cookie:?}", route.method);
        }
    }
    world.end().await;
}

#[tokio::test]
async fn a_page_of_another_site_changes_nothing_and_opens_no_socket() {
    let world = World::start().await;
    let person = world.log_in().await;
    let own = format!("http://{}", world.address);
    for origin in ["http://evil.example", "null", "https://127.0.0.1", "", &format!("{own}.evil.example")] {
        for route in table() {
            let path = route.path.replace("{uid}", SOME_UID).replace("{id}", "7");
            let request = || person.request(method(route.method.as_str()), &path).header("origin", origin);
            if route.method != "GET" {
                let answer = request().json("{}").send().await;
                assert_eq!(
                    (answer.status, answer.problem().as_str()),
                    (403, "origin"),
                    "{path} from {origin:?}"
                );
            }
            assert_eq!(request().upgrade().send().await.status, 403, "socket {path} from {origin:?}");
        }
    }
    let fetched = person.post("/api/v1/sessions", "{}").header("sec-fetch-site", "cross-site").send().await;
    assert_eq!(fetched.status, 403);
    let ours = person.get("/api/v1/events").header("origin", &own).upgrade().send().await;
    assert_eq!(ours.status, 101);
    let listed = person.get("/api/v1/sessions").send().await;
    assert_eq!(listed.json()["sessions"], serde_json::json!([]));
    world.end().await;
}

#[tokio::test]
async fn every_answer_tells_a_browser_to_be_careful() {
    let world = World::start().await;
    for path in ["/", "/login", "/healthz", "/api/v1/sessions", "/api/nothing"] {
        let answer = world.get(path).send().await;
        let policy = answer.header("content-security-policy").unwrap();
        assert!(policy.contains("script-src 'self' 'wasm-unsafe-eval';"), "{policy}");
        assert!(policy.contains("frame-ancestors 'none'"), "{policy}");
        assert_eq!(answer.header("x-content-type-options"), Some("nosniff"));
        assert_eq!(answer.header("cross-origin-opener-policy"), Some("same-origin"));
        assert_eq!(answer.header("referrer-policy"), Some("same-origin"));
        assert!(answer.header("x-request-id").is_some());
        assert!(answer.header("cache-control").is_some());
    }
    world.end().await;
}
