//! A right that is taken away is gone, whatever was under way at that moment.

use bastide_app::terminal::{Open, Terminal};
use bastide_app::{Ctx, Error, Origin, Shown};

use crate::world::{Person, World};

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
