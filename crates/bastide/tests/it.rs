//! The program as people and scripts use it, against its own daemon.
#![allow(clippy::unwrap_used, clippy::expect_used)]

#[path = "it/attach.rs"]
mod attach;
#[path = "it/bad_input.rs"]
mod bad_input;
#[path = "it/client.rs"]
mod client;
#[path = "it/commands.rs"]
mod commands;
#[path = "it/control.rs"]
mod control;
#[path = "it/crash.rs"]
mod crash;
#[path = "it/daemon.rs"]
mod daemon;
#[path = "it/door.rs"]
mod door;
#[path = "it/door_agent.rs"]
mod door_agent;
#[path = "it/door_attacks.rs"]
mod door_attacks;
#[path = "it/door_clients.rs"]
mod door_clients;
#[path = "it/door_factors.rs"]
mod door_factors;
#[path = "it/door_forwards.rs"]
mod door_forwards;
#[path = "it/door_reviews.rs"]
mod door_reviews;
#[path = "it/door_revoked.rs"]
mod door_revoked;
#[path = "it/door_ways.rs"]
mod door_ways;
#[path = "it/earlier.rs"]
mod earlier;
#[path = "it/evidence.rs"]
mod evidence;
#[path = "it/guard.rs"]
mod guard;
#[path = "it/lines.rs"]
mod lines;
#[path = "it/lists.rs"]
mod lists;
#[path = "it/people.rs"]
mod people;
#[path = "it/people_live.rs"]
mod people_live;
#[path = "it/policy.rs"]
mod policy;
#[path = "it/recordings.rs"]
mod recordings;
#[path = "it/serve.rs"]
mod serve;
#[path = "it/single_sign_on.rs"]
mod single_sign_on;
#[path = "it/site.rs"]
mod site;
#[path = "it/ssh.rs"]
mod ssh;
#[path = "it/stand_in.rs"]
mod stand_in;
#[path = "it/tls.rs"]
mod tls;

use bastide_testkit::client::{Client, LogEvent, SessionInfo};
use bastide_testkit::{Ptyd, within};

/// The program under test.
const BASTIDE: &str = env!("CARGO_BIN_EXE_bastide");

/// A daemon with nothing in it.
async fn ptyd() -> Ptyd {
    Ptyd::start(BASTIDE).await
}

/// Starts a session without attaching.
async fn new(ptyd: &Ptyd, name: &str, script: &str) -> SessionInfo {
    assert_eq!(ptyd.ok(&["new", "-d", "-n", name, "--", "sh", "-c", script]).await, format!("{name}\n"));
    session(ptyd, name).await
}

async fn session(ptyd: &Ptyd, name: &str) -> SessionInfo {
    let all = ptyd.client().await.list().await.unwrap();
    all.into_iter().find(|info| info.name.as_deref() == Some(name)).expect("it is there")
}

/// Waits for an entry of this kind about a session in the daemon's log.
async fn logged(client: &Client, kind: &str, about: &SessionInfo) {
    let mut events = client.subscribe(0).await.unwrap();
    within(kind, async {
        while let Some(event) = events.next().await.unwrap() {
            if matches!(event, LogEvent::Entry(entry) if entry.kind == kind && entry.uid == about.uid) {
                return;
            }
        }
        panic!("the log ended");
    })
    .await;
}
