//! Beginnings and ends.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use bastide_wire::Reply;
use bastide_wire::spec::RecordingMode;

use super::disk::Full;
use super::live::{Client, SEED, Setup, WATCHER, within};
use crate::{Command, EndReason, Happening, Look};

#[tokio::test]
async fn every_request_is_answered_also_while_the_session_goes_away() {
    for _ in 0..20 {
        let live = Setup::new().recorded(RecordingMode::BestEffort).run("exec sleep 1000").await;
        let mut client = Client::new(1);
        live.end(EndReason::Killed).await;
        let mut sent = 0;
        while live.handle.send(Command::Look(Look::Snapshot(0, client.responder(sent)))).await.is_ok() {
            sent += 1;
            tokio::task::yield_now().await;
        }
        within("the task", live.task).await.unwrap();
        client.outbox.close_after();
        while client.take().await {}
        assert_eq!(client.replies.len(), sent as usize, "a client waits for ever");
    }
}

#[tokio::test]
async fn limits_beyond_all_time_are_no_limits() {
    let mut setup = Setup::new();
    setup.spec.max_lifetime = Some(u64::MAX);
    setup.spec.idle_timeout = Some(u64::MAX);
    setup.spec.detach_keep = Some(u64::MAX);
    let live = setup.run("exec sleep 1000").await;
    assert!(live.describe().await.is_alive);
    assert!(live.describe().await.is_alive);
}

#[tokio::test]
async fn an_ended_session_does_not_hold_up_the_daemon() {
    let live = Setup::new().run("exit 0").await;
    live.until("the end", |info| !info.is_alive).await;
    live.end(EndReason::Shutdown).await;
    within("the task", live.task).await.unwrap();
}

#[tokio::test]
async fn nobody_attaches_for_a_connection_that_is_gone() {
    let live = Setup::new().run("exec sleep 1000").await;
    let client = Client::new(1);
    client.outbox.shut();
    live.send(client.attach(SEED)).await;
    assert!(live.describe().await.detail.unwrap().viewers.is_empty(), "a viewer nobody will ever take away");
}

#[tokio::test]
async fn a_recording_that_cannot_begin_is_told_to_viewers_and_log() {
    let mut setup = Setup::new().recorded(RecordingMode::BestEffort);
    setup.recordings = setup.recordings.join("no such directory");
    let mut live = setup.run("exec sleep 1000").await;
    live.happens("the log's entry", |h| matches!(h, Happening::RecordingFailed { .. })).await;
    assert_eq!(live.describe().await.detail.unwrap().recording.state, "failed");
    let mut watcher = Client::new(1);
    live.attach(&mut watcher, WATCHER).await;
    watcher.until("the notice", |client| client.notices() == 1).await;
}

#[tokio::test]
async fn newcomers_are_told_what_the_others_know() {
    let full = Full::default();
    let mut setup = Setup::new().recorded(RecordingMode::BestEffort);
    setup.pool = bastide_record::Pool::start_on(quick(), Arc::new(full.clone())).unwrap();
    let live = setup.run("while read line; do echo $line; done").await;
    full.0.store(true, Ordering::SeqCst);
    let mut first = Client::new(1);
    live.attach(&mut first, WATCHER).await;
    live.send(first.input(9, b"hello\n".to_vec())).await;
    first.until("the notice", |client| client.notices() == 1).await;
    let mut second = Client::new(2);
    live.attach(&mut second, WATCHER).await;
    second.until("the notice", |client| client.notices() == 1).await;
    // What was queued for the first one before this reply has been taken with it.
    live.send(Command::Look(Look::Snapshot(0, first.responder(3)))).await;
    within("the reply", first.reply()).await;
    assert_eq!(first.notices(), 1, "it was told again");
}

fn quick() -> bastide_record::Config {
    bastide_record::Config {
        flush_after: Duration::from_millis(20),
        give_up_after: Duration::from_millis(300),
        ..bastide_record::Config::default()
    }
}

#[tokio::test]
async fn a_session_that_must_be_recorded_ends_when_that_fails() {
    let full = Full::default();
    let mut setup = Setup::new().recorded(RecordingMode::Required);
    setup.pool = bastide_record::Pool::start_on(quick(), Arc::new(full.clone())).unwrap();
    let mut live = setup.run("while read line; do echo $line; done").await;
    full.0.store(true, Ordering::SeqCst);
    let mut watcher = Client::new(1);
    live.attach(&mut watcher, WATCHER).await;
    live.send(watcher.input(9, b"hello\n".to_vec())).await;
    live.happens("the failure", |h| matches!(h, Happening::RecordingFailed { .. })).await;
    let next = live.happens("the end", |h| !matches!(h, Happening::RecordingStalled { .. })).await;
    assert!(
        matches!(next, Happening::Ended { reason: EndReason::RecordingFailed, .. }),
        "the failure was told twice or the end has another reason: {next:?}"
    );
    watcher.until("the exit", |client| client.exits() == 1).await;
    assert!(watcher.notices() >= 2, "stalled, and why it ends");
}

#[tokio::test]
async fn what_is_typed_into_a_program_that_does_not_read_is_bounded() {
    let mut setup = Setup::new();
    setup.config.input_queue_bytes = 100_000;
    let live = setup.run("stty raw -echo; echo ready; exec sleep 1000").await;
    live.until("ready", |info| info.detail.as_ref().unwrap().pos > 0).await;
    let mut client = Client::new(1);
    for seq in 0..10 {
        live.send(client.input(seq, vec![b'x'; 90_000])).await;
    }
    // One is queued, one waits; the others are refused at once, not after the wait.
    let refused = tokio::time::timeout(Duration::from_secs(3), async {
        let mut refused = 0;
        while refused < 8 {
            refused += usize::from(matches!(client.reply().await, Reply::Error(_)));
        }
    });
    assert!(refused.await.is_ok(), "frames beyond the limit are kept in memory");
}
