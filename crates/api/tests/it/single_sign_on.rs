//! Single sign-on as a browser sees it, with a provider on this machine that keeps to the specification until it
//! is told to lie.

use std::collections::BTreeMap;

use bastide_app::login::single_sign_on::{ClientSecret, Mapping, Provider, Settings};
use bastide_app::store::Role;
use bastide_testkit::{OidcProvider, Signing};
use serde_json::{Value, json};

use crate::socket::Socket;
use crate::world::{Person, Response, World};

const START: &str = "/api/v1/login/oidc/start";

fn settings(provider: &OidcProvider) -> Settings {
    let map = |pairs: &[(&str, &str)]| {
        pairs.iter().map(|(from, to)| ((*from).to_owned(), (*to).to_owned())).collect::<BTreeMap<_, _>>()
    };
    Settings {
        provider: Provider {
            issuer: provider.issuer().to_owned(),
            client_id: OidcProvider::CLIENT_ID.to_owned(),
            client_secret: Some(ClientSecret::new(OidcProvider::CLIENT_SECRET.to_owned())),
            scopes: vec!["openid".to_owned(), "profile".to_owned()],
        },
        name: "Example".to_owned(),
        mapping: Mapping {
            username_claim: "preferred_username".to_owned(),
            groups_claim: "groups".to_owned(),
            roles_claim: "groups".to_owned(),
            groups: map(&[("team-ops", "operations"), ("team-dev", "developers")]),
            roles: [("team-ops".to_owned(), Role::Operator)].into(),
            create_users: true,
            email_domains: Vec::new(),
        },
        lifetime: jiff::SignedDuration::from_hours(12),
        recheck_after: jiff::SignedDuration::from_hours(30 * 24),
    }
}

async fn world() -> (World, OidcProvider) {
    let provider = OidcProvider::start().await;
    let world = World::start_with(settings(&provider)).await;
    (world, provider)
}

/// The browser's way to the provider: its cookie, and where it is sent.
async fn start(world: &World) -> (String, String) {
    let gone = world.get(START).send().await;
    assert_eq!(gone.status, 303, "{gone:?}");
    let cookie = gone.header("set-cookie").unwrap();
    for word in ["Path=/api/v1/login/oidc;", "HttpOnly", "SameSite=Lax", "Max-Age=600"] {
        assert!(cookie.contains(word), "{cookie}");
    }
    (cookie.split(';').next().unwrap().to_owned(), gone.header("location").unwrap().to_owned())
}

/// And back.
async fn back(world: &World, cookie: &str, address: &str) -> Response {
    let path = address.strip_prefix(&format!("http://{}", world.address)).unwrap();
    world.get(path).header("cookie", cookie).send().await
}

async fn sign_in(world: &World, provider: &OidcProvider) -> Response {
    let (cookie, place) = start(world).await;
    back(world, &cookie, &provider.sign_in(&place)).await
}

/// Signs in, and is let in.
async fn person(world: &World, provider: &OidcProvider, claims: &Value) -> Person {
    provider.person(claims);
    let answer = sign_in(world, provider).await;
    assert_eq!((answer.status, answer.header("location")), (303, Some("/")), "{answer:?}");
    world.person(&answer)
}

/// Comes back and is told this word.
async fn refused(world: &World, provider: &OidcProvider, word: &str) {
    let answer = sign_in(world, provider).await;
    told(&answer, word);
}

fn told(answer: &Response, word: &str) {
    assert_eq!(answer.status, 303, "{answer:?}");
    let place = answer.header("location").unwrap();
    assert!(place.starts_with(&format!("/login?sso={word}&request=")), "{place}");
    let cookies = answer.header("set-cookie").unwrap_or_default();
    assert!(cookies.is_empty() || cookies.contains("Max-Age=0"), "nobody is logged in: {cookies}");
}

async fn me(person: &Person) -> Value {
    person.get("/api/v1/me").send().await.json()["user"].clone()
}

async fn group(admin: &Person, name: &str) -> i64 {
    let made = admin.post("/api/v1/groups", &json!({ "name": name }).to_string()).send().await;
    made.json()["id"].as_i64().unwrap()
}

async fn members(admin: &Person, id: i64) -> Vec<i64> {
    let groups = admin.get("/api/v1/groups").send().await.json();
    let all = groups["groups"].as_array().or(groups["items"].as_array()).unwrap().clone();
    let found = all.iter().find(|group| group["id"] == id).unwrap().clone();
    found["members"].as_array().unwrap().iter().filter_map(Value::as_i64).collect()
}

/// What the log of the server holds, as text.
fn log(world: &World) -> String {
    let files = std::fs::read_dir(world.data().join("log")).unwrap();
    files.filter_map(|file| std::fs::read_to_string(file.unwrap().path()).ok()).collect()
}

#[tokio::test]
async fn somebody_new_becomes_a_person_with_the_mapped_groups_and_role() {
    let (world, provider) = world().await;
    let ways = world.get("/api/v1/login").send().await.json();
    assert_eq!(ways["single_sign_on"]["name"], "Example");
    let admin = world.log_in().await;
    let (operations, developers) = (group(&admin, "operations").await, group(&admin, "developers").await);
    let by_hand = group(&admin, "friends").await;

    let claims = json!({
        "sub": "s-1", "preferred_username": "Ann@example.org", "name": "Ann Lee", "groups": ["team-ops", "x"],
    });
    let ann = person(&world, &provider, &claims).await;
    let user = me(&ann).await;
    let id = user["id"].as_i64().unwrap();
    assert_eq!((&user["username"], &user["role"]), (&json!("ann"), &json!("operator")));
    assert_eq!((&user["display_name"], &user["password_set"]), (&json!("Ann Lee"), &json!(false)));
    assert_eq!(user["single_sign_on"], true);
    assert_eq!(members(&admin, operations).await, [id]);
    assert!(members(&admin, developers).await.is_empty());

    // Another day, another team; what an administrator has given stays.
    let path = format!("/api/v1/groups/{by_hand}");
    let body = json!({ "members": [id] }).to_string();
    assert_eq!(admin.request("PATCH", &path).json(&body).send().await.status, 200);
    let claims = json!({ "sub": "s-1", "preferred_username": "renamed", "groups": ["team-dev"] });
    let ann = person(&world, &provider, &claims).await;
    let user = me(&ann).await;
    assert_eq!((&user["id"], &user["username"], &user["role"]), (&json!(id), &json!("ann"), &json!("user")));
    assert!(members(&admin, operations).await.is_empty());
    assert_eq!(members(&admin, developers).await, [id]);
    assert_eq!(members(&admin, by_hand).await, [id]);

    // A login like any other: listed, and ended with the person.
    let logins = ann.get("/api/v1/me/logins").send().await.json();
    assert_eq!(logins["logins"].as_array().or(logins["items"].as_array()).map(Vec::len), Some(2), "{logins}");
    let off = json!({ "enabled": false }).to_string();
    assert_eq!(admin.request("PATCH", &format!("/api/v1/users/{id}")).json(&off).send().await.status, 200);
    assert_eq!(ann.get("/api/v1/me").send().await.status, 401);
    refused(&world, &provider, "disabled").await;

    let log = log(&world);
    for word in
        ["user_made_by_sign_on", "user_changed_by_sign_on", "\"how\":\"single sign-on\"", "disabled here"]
    {
        assert!(log.contains(word), "{word}");
    }
    assert!(!log.contains(OidcProvider::CLIENT_SECRET) && !log.contains("eyJ"), "no secret, no token");
    let metrics = admin.get("/metrics").send().await.body;
    assert!(metrics.contains("bastide_single_sign_ons_total{outcome=\"done\"} 2"), "{metrics}");
    assert!(metrics.contains("bastide_single_sign_ons_total{outcome=\"disabled\"} 1"), "{metrics}");
    world.end().await;
}

#[tokio::test]
async fn nobody_becomes_somebody_who_is_known_here_by_a_name_or_an_address() {
    let (world, provider) = world().await;
    let admin = world.log_in().await;
    for name in ["admin", "ADMIN@example.org"] {
        provider.person(&json!({
            "sub": "s-1", "preferred_username": name, "email": "admin@example.org", "email_verified": true,
        }));
        refused(&world, &provider, "name_taken").await;
    }
    provider.person(&json!({ "sub": "s-1", "preferred_username": "../etc" }));
    refused(&world, &provider, "no_name").await;
    provider.person(&json!({ "sub": "s-1" }));
    refused(&world, &provider, "no_name").await;

    // An administrator says who it is.
    let id = me(&admin).await["id"].as_i64().unwrap();
    let path = format!("/api/v1/users/{id}/identities");
    let linked = admin.post(&path, r#"{"subject":"s-1"}"#).send().await;
    assert_eq!((linked.status, &linked.json()["linked_by"]), (201, &json!("admin")), "{linked:?}");
    assert_eq!(admin.post(&path, r#"{"subject":"s-1"}"#).send().await.status, 409);
    let again = person(&world, &provider, &json!({ "sub": "s-1", "email": "a@example.org" })).await;
    let user = me(&again).await;
    assert_eq!((&user["username"], &user["role"]), (&json!("admin"), &json!("admin")), "the role stays");
    let known = admin.get(&path).send().await.json()["items"][0].clone();
    assert_eq!(known["name"], "a@example.org");

    // Without it they are out, at once.
    let gone = admin.request("DELETE", &format!("{path}/{}", known["id"])).send().await;
    assert_eq!(gone.status, 204);
    assert_eq!(again.get("/api/v1/me").send().await.status, 401);
    refused(&world, &provider, "no_name").await;
    world.end().await;
}

#[tokio::test]
async fn where_nobody_is_made_only_linked_people_get_in() {
    let provider = OidcProvider::start().await;
    let mut settings = settings(&provider);
    settings.mapping.create_users = false;
    settings.mapping.email_domains = vec!["example.org".to_owned()];
    let world = World::start_with(settings).await;
    let claims = |email: &str| json!({ "sub": "s-9", "preferred_username": "bob", "email": email, "email_verified": true });
    provider.person(&claims("bob@example.org"));
    refused(&world, &provider, "unknown").await;
    assert!(log(&world).contains("s-9"), "an administrator finds the subject in the log");
    provider.person(&claims("bob@example.net"));
    refused(&world, &provider, "domain").await;
    let admin = world.log_in().await;
    world.user(&admin, "bob", "user").await;
    let users = admin.get("/api/v1/users").send().await.json();
    let bob =
        users["users"].as_array().unwrap().iter().find(|user| user["username"] == "bob").unwrap().clone();
    let path = format!("/api/v1/users/{}/identities", bob["id"]);
    assert_eq!(admin.post(&path, r#"{"subject":"s-9"}"#).send().await.status, 201);
    assert_eq!(me(&person(&world, &provider, &claims("bob@example.org")).await).await["id"], bob["id"]);
    world.end().await;
}

#[tokio::test]
async fn what_comes_back_is_good_once_for_the_browser_that_left_and_not_for_long() {
    let (world, provider) = world().await;
    provider.person(&json!({ "sub": "s-1", "preferred_username": "ann" }));
    // Somebody else's answer, put into a victim's browser.
    let (_, place) = start(&world).await;
    let (others, _) = start(&world).await;
    let address = provider.sign_in(&place);
    told(&back(&world, &others, &address).await, "stale");
    told(&back(&world, "", &address).await, "stale");
    // Twice.
    let (cookie, place) = start(&world).await;
    let address = provider.sign_in(&place);
    assert_eq!(back(&world, &cookie, &address).await.header("location"), Some("/"));
    told(&back(&world, &cookie, &address).await, "stale");
    // Too late.
    let (cookie, place) = start(&world).await;
    let address = provider.sign_in(&place);
    world.ahead.fetch_add(601, std::sync::atomic::Ordering::Relaxed);
    told(&back(&world, &cookie, &address).await, "stale");
    // And nothing at all.
    for path in ["", "?state=", "?state=x&code=y", "?error=access_denied", "?code=x"] {
        told(&world.get(&format!("/api/v1/login/oidc/callback{path}")).send().await, "stale");
    }
    let asked = provider.asked();
    assert_eq!(asked.iter().filter(|path| *path == "/token").count(), 1, "{asked:?}");
    world.end().await;
}

#[tokio::test]
async fn people_land_where_they_wanted_to_be_and_nowhere_else() {
    let (world, provider) = world().await;
    provider.person(&json!({ "sub": "s-1", "preferred_username": "ann" }));
    for (next, lands) in [
        ("%2Fservers%3Fq%3Dx", "/servers?q=x"),
        ("%2F%2Fevil.example", "/"),
        ("https%3A%2F%2Fevil.example", "/"),
        ("%2F%5Cevil.example", "/"),
        ("%2F%0D%0Ax", "/"),
    ] {
        let gone = world.get(&format!("{START}?next={next}")).send().await;
        let cookie = gone.header("set-cookie").unwrap().split(';').next().unwrap().to_owned();
        let address = provider.sign_in(gone.header("location").unwrap());
        assert_eq!(back(&world, &cookie, &address).await.header("location"), Some(lands), "{next}");
    }
    world.end().await;
}

#[tokio::test]
async fn a_provider_that_is_down_or_lies_lets_nobody_in_and_passwords_still_work() {
    let (world, provider) = world().await;
    let admin = world.log_in().await;
    provider.person(&json!({ "sub": "s-1", "preferred_username": "ann" }));
    assert_eq!(sign_in(&world, &provider).await.header("location"), Some("/"));
    for signing in [Signing::Stranger, Signing::Unnamed, Signing::Nothing, Signing::Secret] {
        provider.sign_with(signing);
        refused(&world, &provider, "wrong_answer").await;
    }
    provider.be_honest();
    provider.twist(|claims| drop(claims.insert("nonce".to_owned(), json!("x"))));
    refused(&world, &provider, "wrong_answer").await;
    let html = ("content-type", "text/html".to_owned());
    provider.answer("/token", 200, html.clone(), "<html>".to_owned());
    refused(&world, &provider, "wrong_answer").await;
    provider.answer("/token", 503, html, String::new());
    refused(&world, &provider, "unreachable").await;
    let json = ("content-type", "application/json".to_owned());
    provider.answer("/token", 400, json, r#"{"error":"invalid_grant"}"#.to_owned());
    refused(&world, &provider, "declined").await;
    let log = log(&world);
    for word in
        ["signature is wrong", "its nonce is not ours", "no JSON object", "it answered 503", "invalid_grant"]
    {
        assert!(log.contains(word), "{word}");
    }
    let users = admin.get("/api/v1/users").send().await.json();
    assert_eq!(users["users"].as_array().unwrap().len(), 2, "nobody was made");
    world.end().await;

    let provider = OidcProvider::start().await;
    let settings = settings(&provider);
    drop(provider);
    let world = World::start_with(settings).await;
    told(&world.get(START).send().await, "unreachable");
    world.log_in().await;
    world.end().await;
}

#[tokio::test]
async fn without_a_provider_there_is_no_button_and_no_way() {
    let world = World::start().await;
    assert!(world.get("/api/v1/login").send().await.json()["single_sign_on"].is_null());
    told(&world.get(START).send().await, "off");
    told(&world.get("/api/v1/login/oidc/callback?state=x&code=y").send().await, "off");
    let admin = world.log_in().await;
    let added = admin.post("/api/v1/users/1/identities", r#"{"subject":"x"}"#).send().await;
    assert_eq!(added.status, 422, "{added:?}");
    assert!(!admin.get("/metrics").send().await.body.contains("bastide_single_sign_ons_total"));
    world.end().await;
}

/// What the provider is not asked about ends with what it says, or a while after it has said nothing.
#[tokio::test]
async fn tokens_of_who_comes_by_a_provider_hold_as_long_as_it_vouches_for_them() {
    let provider = OidcProvider::start().await;
    let mut settings = settings(&provider);
    settings.mapping.email_domains = vec!["example.org".to_owned()];
    let world = World::start_with(settings).await;
    let admin = world.log_in().await;
    let claims = |address: &str| json!({ "sub": "1", "preferred_username": "ann", "email": address, "email_verified": true });
    let ann = person(&world, &provider, &claims("ann@example.org")).await;
    let id = me(&ann).await["id"].as_i64().unwrap();
    let (hers, others) = (ann.token("full").await, admin.token("full").await);
    let status =
        async |bearer: &str| world.get("/api/v1/me").header("authorization", bearer).send().await.status;
    let later = |days: i64| world.ahead.store(days * 24 * 3600, std::sync::atomic::Ordering::SeqCst);
    later(29);
    assert_eq!((status(&hers).await, status(&others).await), (200, 200));
    later(30);
    assert_eq!((status(&hers).await, status(&others).await), (401, 200), "others depend on no provider");
    // Another sign-in, and it holds again. The provider's clock goes along.
    provider.twist(|token| {
        for word in ["iat", "exp", "nbf"] {
            if let Some(time) = token.get(word).and_then(Value::as_i64) {
                token.insert(word.to_owned(), json!(time + 30 * 24 * 3600));
            }
        }
    });
    person(&world, &provider, &claims("ann@example.org")).await;
    assert_eq!(status(&hers).await, 200);
    later(59);
    assert_eq!(status(&hers).await, 200);
    later(0);
    provider.be_honest();
    // The administrator's own login was over meanwhile.
    let admin = world.log_in().await;

    // Turned away, she is disabled, and an administrator sees why and may undo it.
    provider.person(&claims("ann@example.com"));
    refused(&world, &provider, "domain").await;
    assert_eq!(status(&hers).await, 401);
    let user = || admin.get(&format!("/api/v1/users/{id}"));
    assert_eq!(user().send().await.json()["enabled"], false);
    let alerts = admin.get("/api/v1/alerts").send().await.body;
    assert!(alerts.contains("user_disabled_by_sign_on") && alerts.contains("e-mail"), "{alerts}");
    assert_eq!(world.logged("user_disabled_by_sign_on").len(), 1);
    let undone =
        admin.request("PATCH", &format!("/api/v1/users/{id}")).json(r#"{"enabled":true}"#).send().await;
    assert_eq!(undone.status, 200, "{}", undone.body);
    assert_eq!(status(&hers).await, 200);
    world.end().await;
}

const DAY: i64 = 24 * 3600;

fn ahead(world: &World, seconds: i64) {
    world.ahead.store(seconds, std::sync::atomic::Ordering::SeqCst);
}

async fn status(world: &World, bearer: &str) -> u16 {
    world.get("/api/v1/me").header("authorization", bearer).send().await.status
}

#[tokio::test]
async fn what_a_token_opened_ends_when_the_provider_vouches_for_its_holder_no_longer() {
    let (world, provider) = world().await;
    let ann = person(&world, &provider, &json!({ "sub": "1", "preferred_username": "ann" })).await;
    let token = ann.token("full").await;
    ahead(&world, 30 * DAY - 4);
    let nobody = Person { cookie: "none=1".to_owned(), address: world.address };
    let events = format!("/api/v1/events?token={}", token.strip_prefix("Bearer ").unwrap());
    let mut socket = Socket::open(&nobody, &events, None).await;
    assert!(socket.ends().await.is_some_and(|code| code >= 4000));
    assert_eq!(status(&world, &token).await, 401);
    world.end().await;
}

#[tokio::test]
async fn who_loses_the_identity_that_is_all_they_come_by_is_disabled_with_their_tokens() {
    let (world, provider) = world().await;
    let ann = person(&world, &provider, &json!({ "sub": "1", "preferred_username": "ann" })).await;
    let id = me(&ann).await["id"].as_i64().unwrap();
    let token = ann.token("full").await;
    // Too long ago that the provider vouched for her.
    ahead(&world, 31 * DAY);
    let admin = world.log_in().await;
    assert_eq!(status(&world, &token).await, 401);
    let path = format!("/api/v1/users/{id}/identities");
    let known = admin.get(&path).send().await.json()["items"][0]["id"].clone();
    assert_eq!(admin.request("DELETE", &format!("{path}/{known}")).send().await.status, 204);
    assert_eq!(status(&world, &token).await, 401, "it does not come back to life");
    assert_eq!(admin.get(&format!("/api/v1/users/{id}")).send().await.json()["enabled"], false);
    let log = world.logged("identity_remove");
    assert!(log.iter().any(|entry| entry["phase"] == "disabled" && entry["username"] == "ann"), "{log:?}");
    world.end().await;
}

#[tokio::test]
async fn tokens_of_who_came_by_a_provider_end_also_where_it_is_not_set_up_any_more() {
    let (mut world, provider) = world().await;
    let ann = person(&world, &provider, &json!({ "sub": "1", "preferred_username": "ann" })).await;
    let token = ann.token("full").await;
    world.restart_server().await;
    ahead(&world, 29 * DAY);
    assert_eq!(status(&world, &token).await, 200);
    ahead(&world, 30 * DAY);
    assert_eq!(status(&world, &token).await, 401);
    world.end().await;
}

#[tokio::test]
async fn that_the_last_administrator_was_not_put_out_is_said() {
    let provider = OidcProvider::start().await;
    let mut settings = settings(&provider);
    settings.mapping.email_domains = vec!["example.org".to_owned()];
    settings.mapping.roles = [("chiefs".to_owned(), Role::Admin)].into();
    let world = World::start_with(settings).await;
    let admin = world.log_in().await;
    let claims = |address: &str| json!({ "sub": "1", "preferred_username": "ann", "email": address, "email_verified": true, "groups": ["chiefs"] });
    let ann = person(&world, &provider, &claims("ann@example.org")).await;
    let first = me(&admin).await["id"].clone();
    let less =
        ann.request("PATCH", &format!("/api/v1/users/{first}")).json(r#"{"role":"user"}"#).send().await;
    assert_eq!(less.status, 200, "{}", less.body);
    provider.person(&claims("ann@example.com"));
    refused(&world, &provider, "domain").await;
    assert_eq!(me(&ann).await["enabled"], true);
    assert_eq!(world.logged("user_not_disabled_by_sign_on").len(), 1);
    let alerts = ann.get("/api/v1/alerts").send().await.json();
    let said = alerts["items"].as_array().or(alerts["alerts"].as_array()).unwrap();
    let said = said.iter().find(|alert| alert["kind"] == "user_not_disabled_by_sign_on").unwrap();
    assert_eq!(said["severity"], "critical", "{said}");
    // She cannot be locked out by taking her identity either.
    let path = format!("/api/v1/users/{}/identities", me(&ann).await["id"]);
    let known = ann.get(&path).send().await.json()["items"][0]["id"].clone();
    assert_eq!(ann.request("DELETE", &format!("{path}/{known}")).send().await.status, 409);
    world.end().await;
}
