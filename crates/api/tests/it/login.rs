//! Links and cookies, as they go over the wire.

use std::sync::atomic::Ordering;

use crate::world::{Person, World};

#[tokio::test]
async fn looking_at_a_link_changes_nothing_and_using_it_works_once() {
    let world = World::start().await;
    let token = world.app().login_link().await.unwrap();
    for _ in 0..3 {
        let page = world.get(&format!("/login?token={token}")).send().await;
        assert_eq!(page.status, 200);
        assert_eq!(page.header("set-cookie"), None);
        assert!(page.body.contains("method=post"), "{}", page.body);
    }
    let form = format!("token={token}");
    let used = world.post("/login", "").form(&form).send().await;
    assert_eq!((used.status, used.header("location")), (303, Some("/")));
    let cookie = used.header("set-cookie").unwrap();
    for part in ["HttpOnly", "SameSite=Strict", "Path=/", "Max-Age="] {
        assert!(cookie.contains(part), "{cookie}");
    }
    let again = world.post("/login", "").form(&form).send().await;
    assert_eq!(again.status, 403);
    assert!(again.body.contains("bastide login-link"), "{}", again.body);
    assert_eq!(again.header("set-cookie"), None);
    let page = world.get(&format!("/login?token={token}")).send().await;
    assert_eq!(page.status, 403);
    world.end().await;
}

#[tokio::test]
async fn a_link_ends_after_a_quarter_of_an_hour_and_a_cookie_after_a_week() {
    let world = World::start().await;
    let token = world.app().login_link().await.unwrap();
    let person = world.log_in().await;
    world.ahead.store(15 * 60, Ordering::Relaxed);
    assert_eq!(world.post("/login", "").form(&format!("token={token}")).send().await.status, 403);
    assert_eq!(person.get("/api/v1/sessions").send().await.status, 200);
    world.ahead.store(7 * 24 * 3600 + 60, Ordering::Relaxed);
    assert_eq!(person.get("/api/v1/sessions").send().await.status, 401);
    world.end().await;
}

#[tokio::test]
async fn nonsense_for_a_token_is_refused_in_words() {
    let world = World::start().await;
    for token in ["", "x", "../../server.key", &"0".repeat(64), &"a".repeat(5000), "%00", "%ff%fe"] {
        let answer = world.post("/login", "").form(&format!("token={token}")).send().await;
        assert!(matches!(answer.status, 400 | 403 | 422), "{token:?}: {}", answer.status);
        let page = world.get(&format!("/login?token={token}")).send().await;
        assert!(matches!(page.status, 400 | 403), "{token:?}: {}", page.status);
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
    let left = person.post("/logout", "").send().await;
    assert_eq!(left.status, 204);
    assert!(left.header("set-cookie").unwrap().contains("Max-Age=0"));
    assert_eq!(person.get("/api/v1/sessions").send().await.status, 401);
    world.end().await;
}

#[tokio::test]
async fn tokens_and_cookies_stand_in_no_log() {
    let world = World::start().await;
    let token = world.app().login_link().await.unwrap();
    world.get(&format!("/login?token={token}")).send().await;
    world.post("/login", "").form(&format!("token={token}")).send().await;
    let person = world.log_in().await;
    person.shell().await;
    let mac = person.cookie.rsplit('.').next().unwrap();
    let mut entries = 0;
    for file in std::fs::read_dir(world.data().join("log")).unwrap() {
        let text = std::fs::read_to_string(file.unwrap().path()).unwrap();
        assert!(!text.contains(&token) && !text.contains(mac));
        entries += text.lines().count();
    }
    assert!(entries >= 6, "{entries} entries");
    world.end().await;
}
