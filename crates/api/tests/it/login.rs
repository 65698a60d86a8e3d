//! Links, passwords and cookies, as they go over the wire.

use std::sync::atomic::Ordering;

use crate::world::{PASSWORD, Person, World};

const LOOK: &str = "/api/v1/login-links/look";
const USE: &str = "/api/v1/login-links/use";
const LOGIN: &str = "/api/v1/login";

fn credentials(username: &str, password: &str) -> String {
    format!(r#"{{"username":"{username}","password":"{password}"}}"#)
}

fn with_password(token: &str) -> String {
    format!(r#"{{"token":"{token}","password":"{PASSWORD}"}}"#)
}

fn only(token: &str) -> String {
    format!(r#"{{"token":"{token}"}}"#)
}

#[tokio::test]
async fn looking_at_a_link_changes_nothing_and_using_it_works_once() {
    let world = World::start().await;
    let token = world.app().login_link().await.unwrap().token;
    for _ in 0..3 {
        let page = world.get(&format!("/login?token={token}")).send().await;
        assert_eq!((page.status, page.header("set-cookie")), (200, None));
        let look = world.post(LOOK, &only(&token)).send().await;
        assert_eq!((look.status, look.header("set-cookie")), (200, None));
        assert_eq!(look.json()["username"], "admin");
        assert_eq!(look.json()["password_set"], false);
    }
    let without = world.post(USE, &only(&token)).send().await;
    assert_eq!((without.status, without.problem().as_str()), (422, "invalid"), "a password has to be set");
    let weak = world.post(USE, &format!(r#"{{"token":"{token}","password":"short"}}"#)).send().await;
    assert_eq!((weak.status, weak.problem().as_str()), (422, "weak_password"));

    let used = world.post(USE, &with_password(&token)).send().await;
    assert_eq!(used.status, 200, "{}", used.body);
    assert_eq!(used.json()["user"]["username"], "admin");
    let cookie = used.header("set-cookie").unwrap();
    for part in ["HttpOnly", "SameSite=Strict", "Path=/", "Max-Age="] {
        assert!(cookie.contains(part), "{cookie}");
    }
    for path in [LOOK, USE] {
        let again = world.post(path, &only(&token)).send().await;
        assert_eq!((again.status, again.problem().as_str()), (403, "link_refused"));
        assert!(again.body.contains("bastide login-link"), "{}", again.body);
        assert_eq!(again.header("set-cookie"), None);
    }
    world.end().await;
}

#[tokio::test]
async fn a_password_logs_in_and_a_wrong_one_does_not() {
    let world = World::start().await;
    let none_set = world.post(LOGIN, &credentials("admin", PASSWORD)).send().await;
    assert_eq!((none_set.status, none_set.problem().as_str()), (401, "bad_credentials"));
    world.log_in().await;
    let right = world.post(LOGIN, &credentials("admin", PASSWORD)).send().await;
    assert_eq!(right.status, 200, "{}", right.body);
    let person = world.person(&right);
    assert_eq!(person.get("/api/v1/me").send().await.json()["user"]["username"], "admin");
    for (username, password) in
        [("admin", "wrong password here"), ("nobody", PASSWORD), ("ADMIN", PASSWORD), ("", "")]
    {
        let wrong = world.post(LOGIN, &credentials(username, password)).send().await;
        assert_eq!((wrong.status, wrong.problem().as_str()), (401, "bad_credentials"), "{username}");
        assert_eq!(wrong.header("set-cookie"), None);
    }
    world.end().await;
}

#[tokio::test]
async fn a_thousand_bad_logins_are_refused_and_those_who_are_in_stay_undisturbed() {
    let world = World::start().await;
    let person = world.log_in().await;
    let (mut wrong, mut refused) = (0, 0);
    for n in 0..1000 {
        let answer = world.post(LOGIN, &credentials("admin", &format!("guess number {n}"))).send().await;
        match answer.status {
            401 => wrong += 1,
            429 => {
                refused += 1;
                let seconds: u64 = answer.header("retry-after").unwrap().parse().unwrap();
                assert!((1..=60).contains(&seconds), "{seconds}");
            }
            other => panic!("{other}: {}", answer.body),
        }
    }
    assert!(wrong <= 20 && refused >= 980, "{wrong} tried, {refused} refused");
    assert_eq!(person.get("/api/v1/sessions").send().await.status, 200);
    let log = std::fs::read_dir(world.data().join("log")).unwrap();
    let entries: usize = log
        .map(|file| std::fs::read_to_string(file.unwrap().path()).unwrap())
        .map(|text| text.lines().filter(|line| line.contains("login_failed")).count())
        .sum();
    assert!((1..100).contains(&entries), "{entries} entries");
    world.end().await;
}

#[tokio::test]
async fn a_link_ends_after_a_quarter_of_an_hour_and_a_cookie_after_a_week() {
    let world = World::start().await;
    let token = world.app().login_link().await.unwrap().token;
    let person = world.log_in().await;
    world.ahead.store(15 * 60, Ordering::Relaxed);
    assert_eq!(world.post(USE, &with_password(&token)).send().await.status, 403);
    assert_eq!(person.get("/api/v1/sessions").send().await.status, 200);
    world.ahead.store(7 * 24 * 3600 + 60, Ordering::Relaxed);
    assert_eq!(person.get("/api/v1/sessions").send().await.status, 401);
    world.end().await;
}

#[tokio::test]
async fn nonsense_for_a_token_or_a_cookie_is_refused_in_words() {
    let world = World::start().await;
    for token in ["", "x", "../../server.key", &"0".repeat(64), &"a".repeat(5000), "%00"] {
        for path in [LOOK, USE] {
            let answer = world.post(path, &only(token)).send().await;
            assert!(matches!(answer.status, 403 | 429), "{token:?}: {}", answer.status);
        }
    }
    let name = world.app().cookie_name().to_owned();
    for value in ["", ".", "a.b", "v1.0.0.0.0", &"x".repeat(4000), &".".repeat(100)] {
        let cookie = format!("{name}={value}");
        let answer = world.get("/api/v1/me").header("cookie", &cookie).send().await;
        assert_eq!((answer.status, answer.problem().as_str()), (401, "not_logged_in"), "{value:?}");
    }
    world.end().await;
}

#[tokio::test]
async fn a_login_survives_the_server_and_ends_with_logging_out() {
    let mut world = World::start().await;
    let person = world.log_in().await;
    world.restart_server().await;
    let person = Person { address: world.address, ..person };
    assert_eq!(person.get("/api/v1/sessions").send().await.status, 200);
    let left = person.post("/api/v1/logout", "").send().await;
    assert_eq!(left.status, 204);
    assert!(left.header("set-cookie").unwrap().contains("Max-Age=0"));
    assert_eq!(person.get("/api/v1/sessions").send().await.status, 401);
    world.end().await;
}

#[tokio::test]
async fn a_new_password_ends_the_other_logins_and_needs_the_old_one() {
    let world = World::start().await;
    let (person, other) = (world.log_in().await, world.log_in().await);
    let change = |current: &str, new: &str| format!(r#"{{"current":"{current}","new":"{new}"}}"#);
    let path = "/api/v1/me/password";
    let new = "another good password";
    let wrong = person.request("PUT", path).json(&change("not the password", new)).send().await;
    assert_eq!((wrong.status, wrong.problem().as_str()), (403, "bad_credentials"));
    let weak = person.request("PUT", path).json(&change(PASSWORD, "admin")).send().await;
    assert_eq!((weak.status, weak.problem().as_str()), (422, "weak_password"));
    assert_eq!(other.get("/api/v1/me").send().await.status, 200, "nothing has changed yet");

    let changed = person.request("PUT", path).json(&change(PASSWORD, new)).send().await;
    assert_eq!(changed.status, 204, "{}", changed.body);
    assert_eq!(person.get("/api/v1/me").send().await.status, 200);
    assert_eq!(other.get("/api/v1/me").send().await.status, 401);
    assert_eq!(world.post(LOGIN, &credentials("admin", PASSWORD)).send().await.status, 401);
    assert_eq!(world.post(LOGIN, &credentials("admin", new)).send().await.status, 200);
    world.end().await;
}

#[tokio::test]
async fn one_sees_where_one_is_logged_in_and_can_end_it_there() {
    let world = World::start().await;
    let (person, other) = (world.log_in().await, world.log_in().await);
    let logins = person.get("/api/v1/me/logins").send().await.json();
    let logins = logins["logins"].as_array().unwrap();
    assert_eq!(logins.len(), 2);
    assert_eq!(logins.iter().filter(|login| login["current"] == true).count(), 1);
    assert!(logins.iter().all(|login| login["address"] == "127.0.0.1"), "{logins:?}");
    let id = logins.iter().find(|login| login["current"] == false).unwrap()["id"].as_str().unwrap();
    let ended = person.request("DELETE", &format!("/api/v1/me/logins/{id}")).send().await;
    assert_eq!(ended.status, 204);
    assert_eq!(other.get("/api/v1/me").send().await.status, 401);
    let again = person.request("DELETE", &format!("/api/v1/me/logins/{id}")).send().await;
    assert_eq!((again.status, again.problem().as_str()), (404, "login_not_found"));
    world.end().await;
}

#[tokio::test]
async fn secrets_stand_in_no_log_and_no_database() {
    let world = World::start().await;
    let token = world.app().login_link().await.unwrap().token;
    world.post(USE, &with_password(&token)).send().await;
    let person = world.log_in().await;
    let bearer = person.token("full").await;
    let api_token = bearer.strip_prefix("Bearer ").unwrap().to_owned();
    world.get("/api/v1/me").header("authorization", &bearer).send().await;
    person.shell().await;
    let secret = person.cookie.rsplit('.').next().unwrap().to_owned();
    let mut read = 0;
    let log = std::fs::read_dir(world.data().join("log")).unwrap().map(|file| file.unwrap().path());
    let database = ["bastide.db", "bastide.db-wal"].map(|name| world.data().join(name));
    for path in log.chain(database) {
        let bytes = std::fs::read(&path).unwrap();
        read += bytes.len();
        for secret in [&token, &secret, &api_token, PASSWORD] {
            let there = bytes.windows(secret.len()).any(|window| window == secret.as_bytes());
            assert!(!there, "{} holds a secret", path.display());
        }
    }
    assert!(read > 1000, "{read} bytes");
    world.end().await;
}
