//! Every route is asked what nobody should ask. Whatever comes back is in the description, and every
//! refusal is a problem document.

use bastide_api::{Listed, table};

use crate::access::method;
use crate::world::{Person, World};

/// In the place of an id.
fn odd_ids() -> Vec<String> {
    let odd = ["%ff%fe", "..%2f..%2f..%2fetc%2fpasswd", "%00", "-1", "99999999999999999999", "%F0%9F%8F%B0"];
    odd.into_iter().map(str::to_owned).chain(["x".repeat(2000)]).collect()
}

const ODD_QUERIES: [&str; 4] = [
    "limit=-1&cursor=%ff%fe&q=%00",
    "limit=x&from=x&cursor=..",
    "%ff=%fe&&&==",
    "limit=99999999999999999999",
];

fn odd_bodies() -> Vec<(&'static str, Vec<u8>)> {
    let json = "application/json";
    vec![
        (json, b"\xff\xfe".to_vec()),
        (json, b"{\"name\":\"\xff\"}".to_vec()),
        (json, b"{".to_vec()),
        (json, b"null".to_vec()),
        (json, b"[]".to_vec()),
        (json, b"{\"there_is_no_such_field\":1,\"scope\":7}".to_vec()),
        (json, b"{\"a\":".repeat(5000)),
        (json, "[".repeat(100_000).into_bytes()),
        (json, vec![b' '; 300 * 1024]),
        ("text/plain", b"{}".to_vec()),
        ("application/x-www-form-urlencoded", b"a=b&c=%ff".to_vec()),
        ("", b"{}".to_vec()),
    ]
}

async fn ask(person: &Person, route: &Listed, path: &str, body: Option<&(&'static str, Vec<u8>)>) {
    let mut request = person.request(method(route.method.as_str()), path);
    if let Some((kind, body)) = body {
        request = request.body(kind, body);
    }
    let answer = request.send().await;
    let shown: String = path.chars().take(120).collect();
    let body: String =
        body.map(|(_, body)| String::from_utf8_lossy(body).chars().take(40).collect()).unwrap_or_default();
    let known = route.answers.contains(&answer.status) || route.problems.contains(&answer.status);
    assert!(known, "{} {shown} {body:?}: {} is not described: {}", route.method, answer.status, answer.body);
    assert!(answer.status < 500, "{} {shown} {body:?}: {}", route.method, answer.body);
    if answer.status >= 400 && answer.header("content-type") != Some("text/html; charset=utf-8") {
        answer.problem();
    }
}

#[tokio::test]
async fn whatever_is_asked_is_answered_as_described() {
    let world = World::start().await;
    let person = world.log_in().await;
    // What ends the login that asks has tests of its own.
    for route in table().iter().filter(|route| !route.id.contains("logout")) {
        let fill = |with: &str| {
            let parts = route.path.split('/').map(|part| if part.starts_with('{') { with } else { part });
            parts.collect::<Vec<_>>().join("/")
        };
        let sound = fill("01900000-0000-7000-8000-000000000000");
        if route.path.contains('{') {
            for id in odd_ids() {
                ask(&person, route, &fill(&id), None).await;
            }
        }
        for query in ODD_QUERIES {
            ask(&person, route, &format!("{sound}?{query}"), None).await;
        }
        if route.method != "GET" {
            for body in odd_bodies() {
                ask(&person, route, &sound, Some(&body)).await;
            }
        }
    }
    assert_eq!(person.get("/api/v1/sessions").send().await.status, 200, "and all goes on");
    world.end().await;
}
