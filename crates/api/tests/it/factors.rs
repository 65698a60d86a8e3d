//! The second step of logging in, as it goes over the wire. What it decides is tested in bastide-app.

use hmac::{Hmac, KeyInit, Mac};
use serde_json::{Value, json};
use sha1::Sha1;

use crate::world::{PASSWORD, Person, Response, World};

const LOGIN: &str = "/api/v1/login";
const SECOND: &str = "/api/v1/login/second-factor";
const OWN: &str = "/api/v1/me/factors";

/// RFC 6238, written apart from what it tests.
fn code(secret: &str, second: i64) -> String {
    let bits: String = secret
        .bytes()
        .map(|letter| b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567".iter().position(|one| *one == letter).unwrap())
        .map(|value| format!("{value:05b}"))
        .collect();
    let bytes: Vec<u8> = bits
        .as_bytes()
        .chunks_exact(8)
        .map(|byte| u8::from_str_radix(std::str::from_utf8(byte).unwrap(), 2).unwrap())
        .collect();
    let mut mac = Hmac::<Sha1>::new_from_slice(&bytes).unwrap();
    mac.update(&(second / 30).to_be_bytes());
    let digest = mac.finalize().into_bytes();
    let from = usize::from(digest[19] & 15);
    let number = digest[from..from + 4].iter().fold(0_u32, |number, byte| number << 8 | u32::from(*byte));
    format!("{:06}", (number & 0x7fff_ffff) % 1_000_000)
}

/// By the world's clock.
fn now(world: &World) -> i64 {
    world.app().clock().now().as_second()
}

async fn log_in(world: &World) -> Response {
    let body = json!({ "username": "admin", "password": PASSWORD });
    world.post(LOGIN, &body.to_string()).send().await
}

/// The token of a first step that was right.
async fn half(world: &World) -> String {
    let answer = log_in(world).await;
    assert_eq!((answer.status, answer.problem().as_str()), (401, "second_factor_needed"), "{}", answer.body);
    assert_eq!(answer.header("set-cookie"), None);
    answer.json()["second_factor"]["token"].as_str().unwrap().to_owned()
}

async fn second(world: &World, token: &str, code: &str) -> Response {
    world.post(SECOND, &json!({ "token": token, "code": code }).to_string()).send().await
}

/// The app's secret, and the recovery codes.
async fn set_up(world: &World, admin: &Person) -> (String, Vec<Value>) {
    let offer = admin.post(&format!("{OWN}/totp"), &json!({ "password": PASSWORD }).to_string()).send().await;
    assert_eq!(offer.status, 200, "{}", offer.body);
    let offer = offer.json();
    let secret = offer["secret"].as_str().unwrap().to_owned();
    assert!(offer["uri"].as_str().unwrap().contains(&secret), "{offer}");
    let confirm = json!({ "code": code(&secret, now(world)) }).to_string();
    let confirmed = admin.post(&format!("{OWN}/totp/confirm"), &confirm).send().await;
    assert_eq!(confirmed.status, 200, "{}", confirmed.body);
    (secret, confirmed.json()["recovery_codes"].as_array().unwrap().clone())
}

#[tokio::test]
async fn the_second_step_logs_in_and_the_first_alone_does_not() {
    let world = World::start().await;
    let admin = world.log_in().await;
    let wrong = admin.post(&format!("{OWN}/totp"), r#"{"password":"wrong"}"#).send().await;
    assert_eq!((wrong.status, wrong.problem().as_str()), (403, "bad_credentials"));
    let none = admin.post(&format!("{OWN}/totp/confirm"), r#"{"code":"000000"}"#).send().await;
    assert_eq!((none.status, none.problem().as_str()), (403, "begin_again"));
    let (secret, codes) = set_up(&world, &admin).await;
    assert_eq!(codes.len(), 10);

    world.ahead.fetch_add(60, std::sync::atomic::Ordering::Relaxed);
    let token = half(&world).await;
    for bad in ["", "000000", "no code at all"] {
        let refused = second(&world, &token, bad).await;
        assert_eq!((refused.status, refused.problem().as_str()), (401, "bad_code"), "{bad}");
    }
    let both = json!({ "token": token, "code": "000000", "passkey": {} }).to_string();
    assert_eq!(world.post(SECOND, &both).send().await.status, 422);
    let good = code(&secret, now(&world));
    let entered = second(&world, &token, &good).await;
    assert_eq!(entered.status, 200, "{}", entered.body);
    assert_eq!(entered.json()["recovery_codes"], Value::Null);
    let person = world.person(&entered);
    let own = person.get(OWN).send().await.json();
    assert!(own["totp"]["last_used"].is_string(), "{own}");
    assert_eq!((&own["recovery_codes_left"], &own["passkeys_possible"]), (&json!(10), &json!(false)));
    let users = person.get("/api/v1/users").send().await.json();
    assert_eq!(users["users"][0]["second_factor"], true);

    // What was seen on the way is worth nothing any more.
    let replayed = second(&world, &token, &good).await;
    assert_eq!((replayed.status, replayed.problem().as_str()), (401, "begin_again"));
    let again = half(&world).await;
    let replayed = second(&world, &again, &good).await;
    assert_eq!((replayed.status, replayed.problem().as_str()), (401, "bad_code"));
    assert_eq!(second(&world, &again, codes[0].as_str().unwrap()).await.status, 200);
    // A cookie that was ended is nobody's.
    assert_eq!(person.post("/api/v1/logout", "{}").send().await.status, 204);
    assert_eq!(person.get("/api/v1/me").send().await.status, 401);
    world.end().await;
}

#[tokio::test]
async fn older_logins_and_links_do_not_go_past_it() {
    let world = World::start().await;
    let admin = world.log_in().await;
    let (_, codes) = set_up(&world, &admin).await;
    let credentials = json!({ "username": "admin", "password": PASSWORD }).to_string();
    let older = world.post("/api/auth/login", &credentials).send().await;
    assert_eq!((older.status, older.problem().as_str()), (401, "second_factor_needed"));
    assert!(older.json()["error"].as_str().unwrap().contains("API token"), "{}", older.body);
    assert!(older.json().get("token").is_none() && older.header("set-cookie").is_none());

    let link = world.app().login_link().await.unwrap();
    let used =
        world.post("/api/v1/login-links/use", &json!({ "token": link.token }).to_string()).send().await;
    assert_eq!((used.status, used.problem().as_str()), (401, "second_factor_needed"));
    let token = used.json()["second_factor"]["token"].as_str().unwrap().to_owned();
    assert_eq!(second(&world, &token, codes[9].as_str().unwrap()).await.status, 200);
    // A token of a program is not asked, and changes no factor.
    let bearer = admin.token("full").await;
    let me = world.get(OWN).header("authorization", &bearer).send().await;
    assert_eq!(me.status, 200);
    let body = json!({ "password": PASSWORD }).to_string();
    let remove =
        world.post(&format!("{OWN}/totp/remove"), &body).header("authorization", &bearer).send().await;
    assert_eq!((remove.status, remove.problem().as_str()), (403, "forbidden"));
    world.end().await;
}

#[tokio::test]
async fn an_administrator_resets_what_somebody_has_lost() {
    let world = World::start().await;
    let admin = world.log_in().await;
    let bob = world.user(&admin, "bob", "user").await;
    set_up(&world, &bob).await;
    let id = bob.get("/api/v1/me").send().await.json()["user"]["id"].as_i64().unwrap();
    let reset = format!("/api/v1/users/{id}/factors/reset");
    assert_eq!(bob.post(&reset, "{}").send().await.status, 403);
    // Their own are not reset so, neither by a browser that was left open nor by a token that was stolen.
    let me = admin.get("/api/v1/me").send().await.json()["user"]["id"].as_i64().unwrap();
    let own = format!("/api/v1/users/{me}/factors/reset");
    let refused = admin.post(&own, "{}").send().await;
    assert_eq!(refused.status, 403, "{}", refused.body);
    assert!(refused.body.contains("login-link --reset-factors"), "{}", refused.body);
    let bearer = admin.token("full").await;
    let by_token = world.post(&own, "{}").header("authorization", &bearer).send().await;
    assert_eq!(by_token.status, 403, "{}", by_token.body);
    // Those of others are, as by the command line.
    let by_token = world.post(&reset, "{}").header("authorization", &bearer).send().await;
    assert_eq!(by_token.status, 204, "{}", by_token.body);
    assert_eq!(bob.get("/api/v1/me").send().await.status, 401);
    let body = json!({ "username": "bob", "password": PASSWORD }).to_string();
    assert_eq!(world.post(LOGIN, &body).send().await.status, 200);
    world.end().await;
}

#[tokio::test]
async fn passkeys_are_refused_in_words_where_browsers_have_none() {
    let world = World::start().await;
    let admin = world.log_in().await;
    let begin = json!({ "password": PASSWORD, "name": "key" }).to_string();
    let refused = admin.post(&format!("{OWN}/passkeys/begin"), &begin).send().await;
    assert_eq!(refused.status, 422);
    assert!(refused.body.contains("TLS"), "{}", refused.body);
    let alone = world.post("/api/v1/login/passkey", "{}").send().await;
    assert_eq!((alone.status, alone.problem().as_str()), (422, "no_passkeys_here"));
    world.end().await;
}
