//! Rights that are asked for, and who can reach what.

use serde_json::{Value, json};

use crate::servers::server;
use crate::socket::Socket;
use crate::world::{Person, World};

const REQUESTS: &str = "/api/v1/access-requests";

fn later(hours: i64) -> String {
    // Whole seconds: rows keep milliseconds.
    let now = bastide_app::Clock::system().now().as_second();
    jiff::Timestamp::from_second(now + hours * 3600).unwrap().to_string()
}

async fn asks(person: &Person, server: &str, rights: &[&str]) -> Value {
    let body = json!({ "server": server, "rights": rights, "reason": "a disk is full", "until": later(8) });
    let asked = person.post(REQUESTS, &body.to_string()).send().await;
    assert_eq!(asked.status, 201, "{}", asked.body);
    asked.json()
}

fn at(request: &Value, what: &str) -> String {
    format!("{REQUESTS}/{}/{what}", request["id"])
}

async fn ids(person: &Person, query: &str) -> Vec<i64> {
    let listed = person.get(&format!("{REQUESTS}{query}")).send().await;
    assert_eq!(listed.status, 200, "{}", listed.body);
    let id = |one: &Value| one["id"].as_i64().unwrap();
    listed.json()["requests"].as_array().unwrap().iter().map(id).collect()
}

async fn grant(admin: &Person, person: &Person, server: &Value, rights: &[&str]) {
    let me = person.get("/api/v1/me").send().await.json();
    let body = json!({ "user_id": me["user"]["id"], "server_id": server["id"], "rights": rights });
    let made = admin.post("/api/v1/grants", &body.to_string()).send().await;
    assert_eq!(made.status, 201, "{}", made.body);
}

#[tokio::test]
async fn a_yes_is_a_grant_with_an_end_and_no_more_than_was_asked_for() {
    let world = World::start().await;
    let admin = world.log_in().await;
    let web = server(&admin, r#"{"name":"web","host":"192.0.2.1"}"#).await;
    let bob = world.user(&admin, "bob", "user").await;
    let asked = asks(&bob, "web", &["connect", "write"]).await;
    assert_eq!((asked["state"].as_str(), &asked["server"]), (Some("open"), &Value::Null), "{asked}");
    assert_eq!(asked["may"], json!({ "decide": false, "cancel": true }));
    let url = format!("/api/v1/servers/{}", web["id"]);
    assert_eq!(bob.get(&url).send().await.status, 404, "to ask gives nothing");

    for (body, status) in [
        (json!({ "rights": ["connect", "manage"] }), 422),
        (json!({ "rights": [] }), 422),
        (json!({ "until": later(9) }), 422),
        (json!({ "until": "2020-01-01T00:00:00Z" }), 422),
    ] {
        let answer = admin.post(&at(&asked, "approve"), &body.to_string()).send().await;
        assert_eq!(answer.status, status, "{body}: {}", answer.body);
    }
    let sooner = later(1);
    let body = json!({ "until": sooner, "reason": "for today" });
    let yes = admin.post(&at(&asked, "approve"), &body.to_string()).send().await;
    assert_eq!(yes.status, 200, "{}", yes.body);
    let yes = yes.json();
    assert_eq!((yes["state"].as_str(), yes["decision"].as_str()), (Some("approved"), Some("for today")));
    let again = admin.post(&at(&asked, "refuse"), r#"{"reason":"no"}"#).send().await;
    assert_eq!((again.status, again.problem()), (409, "request_closed".to_owned()));

    let seen = bob.get(&url).send().await;
    assert_eq!(seen.status, 200, "{}", seen.body);
    assert_eq!(seen.json()["may"]["rights"], json!(["connect", "write"]));
    let grants = admin.get("/api/v1/grants").send().await.json();
    let made = grants["grants"].as_array().unwrap().iter().find(|one| one["id"] == yes["grant_id"]).unwrap();
    assert_eq!(made["request_id"], asked["id"], "{made}");
    assert_eq!(made["expires"], sooner, "{made}");
    world.end().await;
}

#[tokio::test]
async fn a_request_is_seen_by_its_person_and_by_those_who_decide() {
    let world = World::start().await;
    let admin = world.log_in().await;
    let web = server(&admin, r#"{"name":"web","host":"192.0.2.1"}"#).await;
    server(&admin, r#"{"name":"db","host":"192.0.2.2"}"#).await;
    let bob = world.user(&admin, "bob", "user").await;
    let keeper = world.user(&admin, "keeper", "user").await;
    let auditor = world.user(&admin, "auditor", "auditor").await;
    let operator = world.user(&admin, "operator", "operator").await;
    grant(&admin, &keeper, &web, &["manage"]).await;
    let to_web = asks(&bob, "WEB", &["connect", "write", "manage"]).await;
    let to_db = asks(&bob, "db", &["execute"]).await;
    let to_none = asks(&bob, "no such", &["execute"]).await;
    assert_eq!(to_db["server"], to_none["server"], "whether there is such a server is not told");
    let all = [&to_none, &to_db, &to_web].map(|one| one["id"].as_i64().unwrap());
    assert_eq!(ids(&bob, "").await, all);
    assert_eq!(ids(&admin, "?state=open").await, all);
    assert_eq!(ids(&auditor, "").await, all);
    assert_eq!(ids(&keeper, "").await, [all[2]], "of the server that they manage");
    assert_eq!(ids(&operator, "").await, [0i64; 0]);
    assert_eq!(operator.get(&at(&to_db, "")).send().await.status, 404);

    // Whoever manages by a grant decides, but makes no others who do.
    for (person, request, status) in [
        (&bob, &to_web, 403),
        (&bob, &to_none, 403),
        (&auditor, &to_web, 403),
        (&operator, &to_web, 404),
        (&keeper, &to_db, 404),
        (&keeper, &to_web, 403),
        (&admin, &to_none, 422),
    ] {
        let answer = person.post(&at(request, "approve"), "{}").send().await;
        assert_eq!(answer.status, status, "{}", answer.body);
    }
    let less = keeper.post(&at(&to_web, "approve"), r#"{"rights":["connect","write"]}"#).send().await;
    assert_eq!(less.status, 200, "{}", less.body);
    let own = asks(&admin, "web", &["connect"]).await;
    assert_eq!(
        admin.post(&at(&own, "approve"), "{}").send().await.status,
        403,
        "nobody says yes to themselves"
    );
    assert_eq!(admin.post(&at(&to_db, "cancel"), "{}").send().await.status, 403);
    let back = bob.post(&at(&to_db, "cancel"), "{}").send().await;
    assert_eq!(back.json()["state"], "cancelled", "{}", back.body);
    assert_eq!(ids(&admin, "?state=open").await, [own["id"].as_i64().unwrap(), all[0]]);
    world.end().await;
}

/// Who decides by a grant gives no more than it: neither longer, nor at other hours, from elsewhere, or with more.
#[tokio::test]
async fn a_yes_by_a_grant_is_bound_by_that_grant() {
    let world = World::start().await;
    let admin = world.log_in().await;
    let credential = json!({ "name": "c", "username": "root", "kind": "password", "password": "x" });
    let credential =
        admin.post("/api/v1/credentials", &credential.to_string()).send().await.json()["id"].clone();
    let bob = world.user(&admin, "bob", "user").await;
    let keeper = world.user(&admin, "keeper", "user").await;
    let me = keeper.get("/api/v1/me").send().await.json()["user"]["id"].clone();
    let (soon, sooner) = (later(2), later(1));
    let always = json!([{ "days": [], "from": "00:00", "to": "24:00", "zone": "UTC" }]);
    let table = [
        // What the keeper has; what they say; what comes of it.
        (json!({}), json!({}), Ok(json!({ "expires": "as asked" }))),
        (json!({ "expires": soon }), json!({}), Ok(json!({ "expires": soon }))),
        (json!({ "expires": soon }), json!({ "until": sooner }), Ok(json!({ "expires": sooner }))),
        (json!({ "expires": soon }), json!({ "until": later(3) }), Err(422)),
        (json!({ "times": always }), json!({}), Ok(json!({ "times": always }))),
        (json!({ "networks": ["127.0.0.0/8"] }), json!({}), Ok(json!({ "networks": ["127.0.0.0/8"] }))),
        (json!({ "networks": ["192.0.2.0/24"] }), json!({}), Err(404)),
        (json!({ "credential_ids": [credential] }), json!({}), Ok(json!({ "credential_ids": [credential] }))),
    ];
    for (number, (terms, says, comes)) in table.into_iter().enumerate() {
        let name = format!("web{number}");
        let web = server(&admin, &json!({ "name": name, "host": "192.0.2.1" }).to_string()).await;
        let mut has = json!({ "user_id": me, "server_id": web["id"], "rights": ["manage"] });
        has.as_object_mut().unwrap().extend(terms.as_object().unwrap().clone());
        let made = admin.post("/api/v1/grants", &has.to_string()).send().await;
        assert_eq!(made.status, 201, "{terms}: {}", made.body);
        let asked = asks(&bob, &name, &["execute"]).await;
        let answer = keeper.post(&at(&asked, "approve"), &says.to_string()).send().await;
        match comes {
            Err(status) => assert_eq!(answer.status, status, "{terms} {says}: {}", answer.body),
            Ok(comes) => {
                assert_eq!(answer.status, 200, "{terms} {says}: {}", answer.body);
                let grants = admin.get("/api/v1/grants").send().await.json();
                let id = &answer.json()["grant_id"];
                let made = grants["grants"].as_array().unwrap().iter().find(|one| &one["id"] == id).unwrap();
                for (field, value) in comes.as_object().unwrap() {
                    let value = if value == "as asked" { &asked["until"] } else { value };
                    assert_eq!(&made[field], value, "{terms} {says}: {made}");
                }
            }
        }
    }
    world.end().await;
}

#[tokio::test]
async fn what_nobody_may_ask_for_is_refused() {
    let world = World::start().await;
    let admin = world.log_in().await;
    let bob = world.user(&admin, "bob", "user").await;
    let good = json!({ "server": "x", "rights": ["connect"], "reason": "x", "until": later(1) });
    for (field, value, status) in [
        ("server", json!(" "), 422),
        ("rights", json!([]), 422),
        ("rights", json!(["rule"]), 400),
        ("reason", json!(" "), 422),
        ("until", json!("2020-01-01T00:00:00Z"), 422),
        ("until", json!(later(24 * 91)), 422),
    ] {
        let mut body = good.clone();
        body[field] = value;
        let answer = bob.post(REQUESTS, &body.to_string()).send().await;
        assert_eq!(answer.status, status, "{body}: {}", answer.body);
    }
    for _ in 0..20 {
        asks(&bob, "x", &["connect"]).await;
    }
    let more = bob.post(REQUESTS, &good.to_string()).send().await;
    assert_eq!(more.status, 503, "{}", more.body);
    world.end().await;
}

#[tokio::test]
async fn who_decides_and_who_asked_are_told_at_once() {
    let world = World::start().await;
    let admin = world.log_in().await;
    server(&admin, r#"{"name":"web","host":"192.0.2.1"}"#).await;
    let bob = world.user(&admin, "bob", "user").await;
    let mut decides = Socket::open(&admin, "/api/v1/events", None).await;
    let mut asked_by = Socket::open(&bob, "/api/v1/events", None).await;
    decides.hear("sessions").await;
    asked_by.hear("sessions").await;
    let asked = asks(&bob, "web", &["connect"]).await;
    assert_eq!(decides.hear("access_request").await["request"]["id"], asked["id"]);
    assert_eq!(asked_by.hear("access_request").await["request"]["state"], "open");
    let no = admin.post(&at(&asked, "refuse"), r#"{"reason":"not today"}"#).send().await;
    assert_eq!(no.status, 200, "{}", no.body);
    let told = asked_by.hear("access_request").await;
    assert_eq!(
        (&told["request"]["state"], &told["request"]["decision"]),
        (&json!("refused"), &json!("not today"))
    );
    world.end().await;
}

#[tokio::test]
async fn who_can_reach_what_is_told_with_the_reason() {
    let world = World::start().await;
    let admin = world.log_in().await;
    let web = server(&admin, r#"{"name":"web","host":"192.0.2.1","tags":["prod"]}"#).await;
    let bob = world.user(&admin, "bob", "user").await;
    let keeper = world.user(&admin, "keeper", "user").await;
    grant(&admin, &bob, &web, &["connect", "write"]).await;
    grant(&admin, &keeper, &web, &["manage"]).await;
    let url = format!("/api/v1/servers/{}/access", web["id"]);
    assert_eq!(bob.get(&url).send().await.status, 403);
    let listed = keeper.get(&url).send().await;
    assert_eq!(listed.status, 200, "{}", listed.body);
    let listed = listed.json();
    let of = |name: &str| listed["items"].as_array().unwrap().iter().find(|one| one["who"]["name"] == name);
    let bobs = of("bob").unwrap();
    assert_eq!(bobs["rights"], json!(["connect", "write"]));
    assert_eq!((&bobs["because"][0]["on"], &bobs["because"][0]["holds"]), (&json!("server"), &json!("now")));
    let first = listed["items"].as_array().unwrap().iter().find(|one| one["because"][0]["role"] == "admin");
    assert_eq!(first.unwrap()["rights"].as_array().unwrap().len(), 8, "{listed}");

    let me = bob.get("/api/v1/me").send().await.json();
    let url = format!("/api/v1/users/{}/access", me["user"]["id"]);
    assert_eq!(bob.get(&url).send().await.status, 403);
    let listed = admin.get(&url).send().await.json();
    assert_eq!(listed["items"].as_array().unwrap().len(), 1, "{listed}");
    assert_eq!((&listed["items"][0]["who"]["name"], &listed["next"]), (&json!("web"), &Value::Null));
    world.end().await;
}
