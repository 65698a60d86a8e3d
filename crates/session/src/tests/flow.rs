//! Slow viewers: what they get, and whom they hold up.

use bastide_wire::event::Event;
use bastide_wire::spec::{Flow, RecordingMode};

use super::live::{Client, SEED, Setup, WATCHER, Wish, within};
use crate::{Command, Config, EndReason, Input};

/// So many x, then whatever `then` says.
fn prints(count: usize, then: &str) -> String {
    format!("stty -opost; head -c {count} /dev/zero | tr '\\0' x; {then}")
}

fn small_queue() -> Setup {
    let mut setup = Setup::new();
    setup.config = Config { viewer_queue_bytes: 64 * 1024, ..Config::default() };
    setup
}

#[tokio::test]
async fn a_watcher_that_was_full_when_the_output_ended_gets_the_rest_when_it_reads() {
    let live = small_queue().run(&format!("read go; {}", prints(200_000, "exec sleep 1000"))).await;
    let mut watcher = Client::new(1);
    live.attach(&mut watcher, WATCHER).await;
    live.send(watcher.input(9, b"\n".to_vec())).await;
    live.until("all output", |info| info.detail.as_ref().unwrap().pos >= 200_000).await;
    // Nothing else happens in the session now: only the reading itself can bring the rest.
    watcher.until("the rest", |client| client.output.len() >= 200_000).await;
}

#[tokio::test]
async fn a_watcher_that_was_full_when_the_program_ended_gets_the_rest_and_the_exit() {
    let live = small_queue().run(&format!("read go; {}", prints(200_000, "exit 3"))).await;
    let mut watcher = Client::new(1);
    live.attach(&mut watcher, WATCHER).await;
    live.send(watcher.input(9, b"\n".to_vec())).await;
    live.until("the end", |info| !info.is_alive).await;
    watcher.until("the exit", |client| client.exits() == 1).await;
    assert!(watcher.output.len() >= 200_000);
}

#[tokio::test]
async fn keys_that_show_nothing_are_answered_all_the_same() {
    let live = Setup::new().run("stty -echo; echo ready; cat > /dev/null").await;
    let mut typist = Client::new(1);
    live.attach(&mut typist, Wish { write: true, ..WATCHER }).await;
    typist.until("the program", |client| client.output.ends_with(b"ready\r\n")).await;
    for seq in 10..20 {
        let Command::Input(input) = typist.input(seq, b"x".to_vec()) else { unreachable!() };
        live.send(Command::Input(Input { viewer: WATCHER.viewer, ..input })).await;
        assert_eq!(within("the answer", typist.reply()).await.seq(), seq);
    }
}

#[tokio::test]
async fn a_viewer_that_lags_by_setting_gets_the_rest_when_it_reads() {
    let mut setup = small_queue();
    setup.spec.flow = Some(Flow::Lag);
    let live = setup.run(&format!("read go; {}", prints(200_000, "exec sleep 1000"))).await;
    let mut client = Client::new(1);
    live.attach(&mut client, Wish { write: true, ..WATCHER }).await;
    live.send(client.input(9, b"\n".to_vec())).await;
    live.until("all output", |info| info.detail.as_ref().unwrap().pos >= 200_000).await;
    client.until("the rest", |client| client.output.len() >= 200_000).await;
}

/// True when the program has ended, seen by us or not: proc_pid_stat(5).
fn has_exited(pid: i32) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.rsplit_once(')').is_none_or(|(_, rest)| rest.trim_start().starts_with('Z'))
}

#[tokio::test]
async fn a_slow_reader_of_the_first_protocol_loses_nothing_when_the_program_ends() {
    let mut setup = Setup::new();
    setup.config = Config { flow_max_chunks: 1, flow_threshold: 0, ..Config::default() };
    let live = setup.run("stty -echo; printf a; read go; printf b; sleep 0.2; printf c; exit 0").await;
    let pid = live.until("a", |info| info.detail.as_ref().unwrap().pos == 1).await.pid;
    let mut client = Client::new(1);
    live.attach(&mut client, SEED).await;
    live.send(client.input(9, b"\n".to_vec())).await;
    live.until("the end", |_| has_exited(pid)).await;
    client.until("the exit", |client| client.exits() == 1).await;
    assert_eq!(client.output, b"bc", "it was made to lag although it reads");
}

#[tokio::test]
async fn a_reader_that_stops_does_not_hold_up_the_end() {
    let mut live = small_queue().run(&format!("read go; {}", prints(600_000, "exit 0"))).await;
    let mut client = Client::new(1);
    live.attach(&mut client, SEED).await;
    live.send(client.input(9, b"\n".to_vec())).await;
    live.happens("the end", |happening| matches!(happening, crate::Happening::Ended { .. })).await;
    client.until("the exit", |client| client.exits() == 1).await;
}

#[tokio::test]
async fn whoever_is_behind_at_a_resize_goes_on_from_a_snapshot_also_where_the_slow_are_disconnected() {
    let mut setup = Setup::new();
    setup.spec.flow = Some(Flow::Disconnect);
    let live = setup.run(&format!("read go; {}", prints(100_000, "exec sleep 1000"))).await;
    let mut watcher = Client::new(1);
    live.attach(&mut watcher, Wish { credit: 1000, ..WATCHER }).await;
    let other = Client::new(2);
    live.send(other.input(9, b"\n".to_vec())).await;
    live.until("all output", |info| info.detail.as_ref().unwrap().pos >= 100_000).await;
    live.send(other.resize(100, 30)).await;
    watcher.until("lagged", |client| client.events.iter().any(|e| matches!(e, Event::Lagged(_)))).await;
    live.send(Command::Acknowledge(crate::Acknowledge { key: watcher.key(Some(1)), pos: Some(1000) })).await;
    watcher.until("a new start", |client| client.events.iter().any(|e| matches!(e, Event::Resync(_)))).await;
}

#[tokio::test]
async fn who_is_behind_is_told_the_exit_when_an_ended_session_is_forgotten() {
    let live = Setup::new().run(&format!("read go; {}", prints(100_000, "exit 0"))).await;
    let mut watcher = Client::new(1);
    live.attach(&mut watcher, Wish { credit: 1000, ..WATCHER }).await;
    live.send(watcher.input(9, b"\n".to_vec())).await;
    live.until("the end", |info| !info.is_alive).await;
    live.end(EndReason::Killed).await;
    watcher.until("the exit", |client| client.exits() == 1).await;
    within("the task", live.task).await.unwrap();
}

#[tokio::test]
async fn a_recording_has_the_last_output_of_a_flood() {
    let slow = bastide_record::Config {
        buffer_bytes: 64 * 1024,
        frame_bytes: 16 * 1024,
        ..bastide_record::Config::default()
    };
    let mut setup = Setup::new().recorded(RecordingMode::BestEffort);
    setup.pool = bastide_record::Pool::start_on(slow, std::sync::Arc::new(super::disk::Slow)).unwrap();
    let mut live = setup.run(&prints(400_000, "echo the end")).await;
    live.happens("the end", |happening| matches!(happening, crate::Happening::Ended { .. })).await;
    let file = live.setup.recordings.join(live.handle.identity.recording.as_ref().unwrap());
    let text =
        String::from_utf8(zstd::stream::decode_all(std::fs::File::open(file).unwrap()).unwrap()).unwrap();
    assert!(!text.contains("recording gap"), "bytes were lost although the disk works");
    assert!(text.contains("the end"));
}
