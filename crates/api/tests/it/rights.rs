//! A right that is taken away is gone, whatever was under way at that moment.

use std::future::poll_fn;
use std::pin::pin;
use std::task::Poll;

use bastide_app::terminal::{Open, Terminal};
use bastide_app::{Ctx, Error, Origin, Shown};
use tokio::net::TcpListener;

use crate::socket::Socket;
use crate::world::{Person, Request, World, within};

fn origin() -> Origin {
    Origin { request_id: "test".into(), address: None, agent: None }
}

/// A request of this person, looked up now.
async fn request(world: &World, person: &Person) -> Ctx {
    let cookie = person.cookie.split_once('=').map(|(_, value)| value);
    world.app().context(Shown { cookie, bearer: None }, origin()).await.unwrap()
}

async fn id_of(person: &Person) -> i64 {
    person.get("/api/v1/me").send().await.json()["user"]["id"].as_i64().unwrap()
}

async fn change(admin: &Person, id: i64, body: &str) {
    let changed = admin.request("PATCH", &format!("/api/v1/users/{id}")).json(body).send().await;
    assert_eq!(changed.status, 200, "{}", changed.body);
}

fn watching(uid: &str) -> Open {
    Open {
        session: uid.parse().unwrap(),
        write: false,
        from: None,
        client: "late".to_owned(),
        fresh: true,
        scrollback: 0,
    }
}

#[tokio::test]
async fn a_terminal_that_opens_while_its_right_goes_is_not_had() {
    let world = World::start().await;
    let admin = world.log_in().await;
    let carol = world.user(&admin, "carol", "admin").await;
    let uid = admin.shell().await;
    // What opens a terminal waits: for the log, for an earlier connection of the page, for the daemon.
    let late = request(&world, &carol).await;
    change(&admin, id_of(&carol).await, r#"{"role":"user"}"#).await;
    let opened = Terminal::open(&late, watching(&uid)).await;
    assert!(matches!(opened, Err(Error::NotFound(_))), "{opened:?}");
    world.end().await;
}

async fn share(admin: &Person, uid: &str, body: &str) -> String {
    let shared = admin.post(&format!("/api/v1/sessions/{uid}/shares"), body).send().await;
    assert_eq!(shared.status, 201, "{}", shared.body);
    let url = shared.json()["url"].as_str().unwrap().to_owned();
    format!(r#"{{"token":"{}"}}"#, url.rsplit("/s/").next().unwrap())
}

#[tokio::test]
async fn a_share_is_worth_what_its_maker_may_do() {
    let world = World::start().await;
    let admin = world.log_in().await;
    let (bob, eve) = (world.user(&admin, "bob", "user").await, world.user(&admin, "eve", "user").await);
    let carol = world.user(&admin, "carol", "admin").await;
    let carols = id_of(&carol).await;
    let uid = admin.shell().await;
    let path = format!("/api/v1/sessions/{uid}");
    let token = share(&carol, &uid, r#"{"access":"write"}"#).await;
    assert_eq!(bob.post("/api/v1/shares/use", &token).send().await.status, 200);
    let mut guest = Socket::binary(&bob, &uid, "client=g").await;
    guest.hear("hello").await;
    change(&admin, carols, r#"{"role":"user"}"#).await;
    assert_eq!(guest.ends().await, Some(4404));
    assert_eq!(bob.get(&path).send().await.status, 404);

    change(&admin, carols, r#"{"role":"admin"}"#).await;
    assert_eq!(bob.get(&path).send().await.status, 200);
    change(&admin, carols, r#"{"enabled":false}"#).await;
    assert_eq!(bob.get(&path).send().await.status, 404);
    let late = eve.post("/api/v1/shares/use", &token).send().await;
    assert_eq!((late.status, late.problem().as_str()), (404, "share_refused"));
    world.end().await;
}

#[tokio::test]
async fn entering_a_second_time_disturbs_nobody() {
    let world = World::start().await;
    let admin = world.log_in().await;
    let bob = world.user(&admin, "bob", "user").await;
    let uid = admin.shell().await;
    let token = share(&admin, &uid, r#"{"access":"watch"}"#).await;
    assert_eq!(bob.post("/api/v1/shares/use", &token).send().await.status, 200);
    let changes = world.app().changes();
    for _ in 0..5 {
        assert_eq!(bob.post("/api/v1/shares/use", &token).send().await.status, 200);
    }
    assert!(!changes.has_changed().unwrap(), "every open page would look again");
    world.end().await;
}

#[tokio::test]
async fn a_link_is_not_lost_when_its_user_leaves_half_way() {
    let world = World::start().await;
    let admin = world.log_in().await;
    let logins = async || {
        let all = admin.get("/api/v1/me/logins").send().await.json();
        all["logins"].as_array().unwrap().len()
    };
    // Left after one step, after two, and so on, until the work is done before.
    for steps in 1.. {
        let before = logins().await;
        let token = world.app().login_link().await.unwrap().token;
        let origin = origin();
        let left = {
            let mut using = pin!(world.app().use_link(&token, None, &origin));
            let mut taken = 0;
            poll_fn(|cx| match using.as_mut().poll(cx) {
                Poll::Pending if taken < steps => {
                    taken += 1;
                    Poll::Pending
                }
                used => Poll::Ready(used.is_pending()),
            })
            .await
        };
        if world.app().look_at_link(&token, &origin).await.is_err() {
            within("the login by the link", async { while logins().await == before {} }).await;
        }
        if !left {
            break;
        }
    }
    world.end().await;
}

#[tokio::test]
async fn a_plain_page_of_the_same_name_is_another_site() {
    let world = World::start().await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let public = Some(bastide_api::Origin::read("https://bastide.example:443").unwrap());
    let config = bastide_api::Config { public, ..bastide_api::Config::default() };
    tokio::spawn(bastide_api::serve(listener, world.app().clone(), config));
    for (origin, answer) in [
        ("https://bastide.example", (401, "not_logged_in")),
        ("http://bastide.example", (403, "origin")),
        ("https://bastide.example:8443", (403, "origin")),
        ("https://bastide.example.evil.example", (403, "origin")),
        ("null", (403, "origin")),
    ] {
        let from = |request: Request| request.header("origin", origin);
        let asked = from(Request::new(address, "POST", "/api/v1/logout")).send().await;
        assert_eq!((asked.status, asked.problem().as_str()), answer, "{origin}");
        let socket = from(Request::new(address, "GET", "/api/v1/events?token=bst_0")).upgrade().send().await;
        assert_eq!(socket.status, answer.0, "{origin}");
    }
    world.end().await;
}
