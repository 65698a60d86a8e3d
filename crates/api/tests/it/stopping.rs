//! What a page notices when the server stops, or a login ends.

use std::time::{Duration, Instant};

use crate::socket::Socket;
use crate::world::{Person, World, prompt};

#[tokio::test]
async fn a_stopping_server_closes_its_sockets_in_time_and_the_next_goes_on() {
    let mut world = World::start().await;
    let person = world.log_in().await;
    let uid = person.shell().await;
    let mut page = Socket::binary(&person, &uid, "client=a").await;
    page.hear("hello").await;
    page.input(1, "echo bef''ore\n").await;
    page.hear("input_ok").await;
    page.sees(&format!("before\r\n{}", prompt())).await;
    let idle = tokio::net::TcpStream::connect(world.address).await.unwrap();
    let began = Instant::now();
    let (closed, ()) = tokio::join!(page.ends(), world.stop_server());
    assert_eq!(closed, Some(1012));
    assert!(began.elapsed() < Duration::from_secs(2), "{:?}", began.elapsed());
    drop(idle);

    world.restart_server().await;
    let person = Person { address: world.address, ..person };
    let mut again = Socket::binary(&person, &uid, &format!("client=a&from={}", page.pos)).await;
    let hello = again.hear("hello").await;
    assert_eq!((&hello["resumed"], &hello["input"]), (&true.into(), &1.into()), "the next server knows");
    again.pos = page.pos;
    again.input(2, "echo aft''er\n").await;
    again.sees("after\r\n").await;
    world.end().await;
}

#[tokio::test]
async fn logging_out_closes_every_socket_of_the_login_and_no_other() {
    let world = World::start().await;
    let (person, other) = (world.log_in().await, world.log_in().await);
    let uid = person.shell().await;
    let mut page = Socket::binary(&person, &uid, "client=a").await;
    page.hear("hello").await;
    let mut list = Socket::open(&person, "/api/v1/events", None).await;
    list.hear("sessions").await;
    let mut theirs = Socket::binary(&other, &uid, "client=b").await;
    theirs.hear("hello").await;
    assert_eq!(person.post("/api/v1/logout", "").send().await.status, 204);
    assert_eq!(page.ends().await, Some(4401));
    assert_eq!(list.ends().await, Some(4401));
    theirs.say(r#"{"type":"ping","t":1}"#).await;
    theirs.hear("pong").await;
    world.end().await;
}

async fn share(admin: &Person, uid: &str, body: &str) -> (String, String) {
    let shared = admin.post(&format!("/api/v1/sessions/{uid}/shares"), body).send().await;
    assert_eq!(shared.status, 201, "{}", shared.body);
    let shared = shared.json();
    let token = shared["url"].as_str().unwrap().rsplit("/s/").next().unwrap().to_owned();
    (shared["share"]["id"].as_str().unwrap().to_owned(), format!(r#"{{"token":"{token}"}}"#))
}

#[tokio::test]
async fn a_guest_watches_and_may_not_type_until_the_share_is_ended() {
    let world = World::start().await;
    let admin = world.log_in().await;
    let bob = world.user(&admin, "bob", "user").await;
    let uid = admin.shell().await;
    let mut early = Socket::binary(&bob, &uid, "client=e&watch=1").await;
    assert_eq!(early.ends().await, Some(4404), "nobody who is not let in");

    let (id, token) = share(&admin, &uid, r#"{"access":"watch"}"#).await;
    assert_eq!(bob.post("/api/v1/shares/use", &token).send().await.status, 200);
    let mut writes = Socket::binary(&bob, &uid, "client=w").await;
    assert_eq!(writes.ends().await, Some(1008), "a guest who may watch does not write");
    let mut guest = Socket::binary(&bob, &uid, "client=g&watch=1").await;
    assert_eq!(guest.hear("hello").await["write"], false);
    guest.input(1, "echo gu''est\n").await;
    assert_eq!(guest.hear("input_refused").await["code"], "READ_ONLY");
    let mut list = Socket::open(&bob, "/api/v1/events", None).await;
    let mut all = list.hear("sessions").await;
    while all["sessions"].as_array().unwrap().is_empty() {
        all = list.hear("changed").await;
    }
    assert_eq!(all["sessions"][0]["access"], "watch");

    let mut own = Socket::binary(&admin, &uid, "client=a").await;
    own.hear("hello").await;
    let viewers = loop {
        let viewers = own.hear("viewers").await;
        if viewers["viewers"].as_array().unwrap().len() == 2 {
            break viewers;
        }
    };
    let names: Vec<_> =
        viewers["viewers"].as_array().unwrap().iter().map(|one| one["client"].clone()).collect();
    assert!(names.contains(&"admin".into()) && names.contains(&"bob".into()), "{names:?}");
    own.input(1, "echo own''er\n").await;
    guest.sees("owner\r\n").await;

    let path = format!("/api/v1/sessions/{uid}/shares/{id}");
    assert_eq!(admin.request("DELETE", &path).send().await.status, 204);
    assert_eq!(guest.ends().await, Some(4404));
    list.hear("me").await;
    assert!(list.hear("sessions").await["sessions"].as_array().unwrap().is_empty());
    own.input(2, "echo st''ays\n").await;
    own.sees("stays\r\n").await;
    assert!(!String::from_utf8_lossy(&own.output).contains("guest\r\n"), "the guest's typing went nowhere");
    world.end().await;
}

#[tokio::test]
async fn a_stay_ends_when_its_share_does_and_a_session_when_its_person_is_disabled() {
    use std::sync::atomic::Ordering;
    let world = World::start().await;
    let admin = world.log_in().await;
    let bob = world.user(&admin, "bob", "user").await;
    let eve = world.user(&admin, "eve", "user").await;
    let uid = admin.shell().await;
    let (_, token) = share(&admin, &uid, r#"{"access":"write","expires_in_minutes":1}"#).await;
    assert_eq!(bob.post("/api/v1/shares/use", &token).send().await.status, 200);
    // Half a second is left of it.
    world.ahead.store(59, Ordering::Relaxed);
    let mut guest = Socket::binary(&bob, &uid, "client=g").await;
    assert_eq!(guest.hear("hello").await["write"], true);
    world.ahead.store(61, Ordering::Relaxed);
    assert_eq!(guest.ends().await, Some(4404));

    let (_, token) = share(&admin, &uid, r#"{"access":"watch"}"#).await;
    assert_eq!(eve.post("/api/v1/shares/use", &token).send().await.status, 200);
    let mut watching = Socket::binary(&eve, &uid, "client=e&watch=1").await;
    watching.hear("hello").await;
    let id = eve.get("/api/v1/me").send().await.json()["user"]["id"].as_i64().unwrap();
    let disabled =
        admin.request("PATCH", &format!("/api/v1/users/{id}")).json(r#"{"enabled":false}"#).send().await;
    assert_eq!(disabled.status, 200);
    assert!(matches!(watching.ends().await, Some(4401)), "{:?}", watching.closed);
    world.end().await;
}
