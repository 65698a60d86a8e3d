//! The list that changes as it happens.

use crate::socket::Socket;
use crate::world::World;

#[tokio::test]
async fn first_comes_everything_then_what_changes() {
    let world = World::start().await;
    let person = world.log_in().await;
    let uid = person.shell().await;
    let mut list = Socket::open(&person, "/api/v1/events", None).await;
    let all = list.hear("sessions").await;
    assert_eq!(all["waiting"], serde_json::Value::Null);

    let other = person.shell().await;
    let changed = loop {
        let changed = list.hear("changed").await;
        if changed["sessions"].as_array().unwrap().iter().any(|one| one["uid"] == other.as_str()) {
            break changed;
        }
    };
    assert!(changed["removed"].as_array().unwrap().is_empty());
    person.request("DELETE", &format!("/api/v1/sessions/{uid}")).send().await;
    loop {
        let changed = list.hear("changed").await;
        let sessions = changed["sessions"].as_array().unwrap().clone();
        let mut ended = sessions.iter().filter(|one| one["uid"] == uid.as_str());
        if ended.any(|one| one["state"] == "ended")
            || changed["removed"].as_array().unwrap().contains(&uid.as_str().into())
        {
            break;
        }
    }
    world.end().await;
}

#[tokio::test]
async fn a_daemon_that_is_away_is_told_of_and_followed_when_it_is_back() {
    let mut world = World::start().await;
    let person = world.log_in().await;
    let uid = person.shell().await;
    let mut list = Socket::open(&person, "/api/v1/events", None).await;
    list.hear("sessions").await;
    let mut page = Socket::binary(&person, &uid, "client=a").await;
    page.hear("hello").await;
    world.restart_daemon().await;
    while list.hear("changed").await["waiting"].is_null() {}
    while !list.hear("changed").await["waiting"].is_null() {}
    // The shell went with its daemon: the page is told, first or last.
    assert!(matches!(page.ends().await, Some(1000 | 4404)));
    person.shell().await;
    world.end().await;
}
