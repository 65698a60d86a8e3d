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
