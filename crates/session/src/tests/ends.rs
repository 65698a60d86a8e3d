//! Ends that are known before: people are told of them, and the log says which it was.

use std::time::Duration;

use bastide_wire::event::{Event, Notice};

use super::live::{Client, Live, Setup, WATCHER, Wish, within};
use crate::{Command, EndReason, Happening, Leave};

const WRITER: Wish = Wish { viewer: Some(1), write: true, credit: 100_000_000 };
const QUIET: &str = "stty -echo; exec cat >/dev/null";

fn notices(client: &Client) -> Vec<Notice> {
    let of = |event: &Event| match event {
        Event::Notice(notice) if notice.kind == "ending" => Some(notice.clone()),
        _ => None,
    };
    client.events.iter().filter_map(of).collect()
}

/// Told so long before.
fn setup(notice: Duration) -> Setup {
    let mut setup = Setup::new();
    setup.config.ending_notice = notice;
    setup
}

async fn reason(live: &mut Live) -> EndReason {
    match live.happens("the end", |happening| matches!(happening, Happening::Ended { .. })).await {
        Happening::Ended { reason, .. } => reason,
        _ => unreachable!(),
    }
}

#[tokio::test]
async fn a_longest_lifetime_is_announced_in_both_languages_and_kept() {
    let mut setup = setup(Duration::from_secs(60));
    setup.spec.max_lifetime = Some(1);
    let mut live = setup.run(QUIET).await;
    let (mut first, mut second) = (Client::new(1), Client::new(2));
    live.attach(&mut first, WATCHER).await;
    first.until("the announcement", |client| !notices(client).is_empty()).await;
    live.attach(&mut second, WATCHER).await;
    second.until("the announcement, later", |client| !notices(client).is_empty()).await;
    let told = notices(&first).remove(0);
    assert!(told.text.starts_with("this session ends in 1 s: "), "{}", told.text);
    let command = told.command.unwrap();
    assert_eq!(
        (command.level.as_str(), command.zh.as_str()),
        ("warning", "会话将在 1 秒后结束: 将达最长时限")
    );
    first.until("the exit", |client| client.exits() == 1).await;
    assert_eq!(notices(&first).len(), 2, "before, and when it ends");
    assert_eq!(reason(&mut live).await, EndReason::Lifetime);
}

#[tokio::test]
async fn a_session_that_nobody_types_in_ends_also_while_somebody_watches() {
    let mut setup = setup(Duration::from_millis(500));
    setup.spec.idle_timeout = Some(1);
    let mut live = setup.run(QUIET).await;
    let mut client = Client::new(1);
    live.attach(&mut client, WATCHER).await;
    client.until("the announcement", |client| notices(client).len() == 1).await;
    assert!(notices(&client)[0].text.contains("press a key"));
    client.until("the exit", |client| client.exits() == 1).await;
    assert_eq!(reason(&mut live).await, EndReason::Idle);
}

#[tokio::test]
async fn a_key_puts_the_end_off_and_the_announcement_is_taken_back() {
    let mut setup = setup(Duration::from_secs(3599));
    setup.spec.idle_timeout = Some(3600);
    let live = setup.run(QUIET).await;
    let mut client = Client::new(1);
    live.attach(&mut client, WRITER).await;
    client.until("the announcement", |client| notices(client).len() == 1).await;
    live.send(client.input(9, b"x".to_vec())).await;
    client.until("that it goes on", |client| notices(client).len() == 2).await;
    let taken_back = notices(&client).remove(1);
    assert_eq!(taken_back.text, "this session goes on");
    client.until("another announcement", |client| notices(client).len() == 3).await;
    live.end(EndReason::Killed).await;
    within("the task", live.task).await.unwrap();
}

#[tokio::test]
async fn a_session_that_everybody_has_left_ends_after_its_time() {
    let mut setup = setup(Duration::from_secs(60));
    setup.spec.detach_keep = Some(0);
    let mut live = setup.run(QUIET).await;
    assert_eq!(reason(&mut live).await, EndReason::Left);
}

impl Live {
    /// So much later, after all that was asked before.
    async fn later(&self, by: Duration) {
        self.describe().await;
        self.setup.config.clock.set_forward(by);
        self.describe().await;
    }

    /// Somebody comes, types, and sees it.
    async fn visited(&self, connection: u64, word: &str) -> Client {
        let mut client = Client::new(connection);
        self.attach(&mut client, WRITER).await;
        self.send(client.input(9, format!("{word}\n").into_bytes())).await;
        let echo = |client: &Client| String::from_utf8_lossy(&client.output).contains(word);
        client.until("what was typed", echo).await;
        client
    }
}

/// Ten minutes, as the SSH door asks for: counted from when the last one left, and anew with everybody who comes back.
#[tokio::test]
async fn a_session_that_everybody_has_left_can_be_come_back_to_within_its_time() {
    const KEEP: Duration = Duration::from_secs(600);
    let second = Duration::from_secs(1);
    let mut setup = setup(Duration::from_secs(60));
    setup.spec.detach_keep = Some(KEEP.as_secs());
    let mut live = setup.run("cat").await;
    let _first = live.visited(1, "first").await;
    live.later(3 * KEEP).await;
    live.send(Command::Leave(Leave::Connection(1))).await;
    live.later(KEEP - second).await;
    let _second = live.visited(2, "second").await;
    live.later(3 * KEEP).await;
    live.send(Command::Leave(Leave::Connection(2))).await;
    live.later(KEEP - second).await;
    let _third = live.visited(3, "third").await;
    live.send(Command::Leave(Leave::Connection(3))).await;
    live.later(KEEP).await;
    assert_eq!(reason(&mut live).await, EndReason::Left);
}
