//! Disks that are full, broken, or do not answer.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bastide_record::{Begin, Config, Error, Event, Header, Kind, Mode, Pool, Reader, Recorder, State};

use crate::disk::{Mood, Shared, TestDisk};

const FILE: &str = "/r/a.cast.zst";

fn quick() -> Config {
    Config {
        buffer_bytes: 64 * 1024,
        frame_bytes: 16 * 1024,
        flush_after: Duration::from_millis(5),
        sync_every: Duration::from_millis(20),
        reserve_bytes: 1000,
        give_up_after: Duration::from_millis(400),
        ..Config::default()
    }
}

fn pool(config: Config) -> (Pool, Arc<TestDisk>) {
    let disk = TestDisk::new();
    (Pool::start_on(config, Arc::new(Shared(Arc::clone(&disk)))).unwrap(), disk)
}

fn begin(pool: &Pool, mode: Mode) -> Recorder {
    let header = Header { cols: 80, rows: 24, ..Header::default() };
    pool.begin(Begin { path: FILE.into(), mode, header, started: Instant::now() }).unwrap()
}

/// Bytes that do not compress, so that a full disk is noticed.
fn noise(seed: u32, len: usize) -> Vec<u8> {
    let mut x = seed | 1;
    let mut next = || {
        x ^= x << 13;
        x ^= x >> 17;
        x ^= x << 5;
        b'0' + (x % 64) as u8
    };
    (0..len).map(|_| next()).collect()
}

fn events(disk: &TestDisk) -> Vec<Event> {
    let file = disk.file(FILE).unwrap();
    Reader::new(file.as_slice()).unwrap().map(Result::unwrap).collect()
}

fn output(events: &[Event]) -> String {
    let text = |e: &Event| if let Kind::Output(text) = &e.kind { text.clone() } else { String::new() };
    events.iter().map(text).collect()
}

#[tokio::test]
async fn required_is_refused_below_the_reserve_and_best_effort_is_not() {
    let (pool, disk) = pool(quick());
    disk.set_free(999);
    let new = |mode| Begin { path: FILE.into(), mode, header: Header::default(), started: Instant::now() };
    let error = pool.begin(new(Mode::Required)).err().unwrap();
    assert_eq!(error.to_string(), "/r has 999 bytes free, and a new recording needs 1000 bytes free");
    assert!(disk.file(FILE).is_none());
    pool.begin(new(Mode::BestEffort)).unwrap();
}

#[tokio::test]
async fn a_file_whose_header_cannot_be_written_is_not_left_behind() {
    let (pool, disk) = pool(quick());
    disk.set(Mood::Room(10));
    let new =
        Begin { path: FILE.into(), mode: Mode::Required, header: Header::default(), started: Instant::now() };
    assert!(matches!(pool.begin(new).err().unwrap(), Error::Create { .. }));
    assert!(disk.file(FILE).is_none());
}

#[tokio::test]
async fn required_waits_out_a_full_disk_and_loses_nothing() {
    let (pool, disk) = pool(Config { give_up_after: Duration::from_secs(60), ..quick() });
    let mut recorder = begin(&pool, Mode::Required);
    disk.set(Mood::Room(5000));
    let mut sent = Vec::new();
    let mut seed = 1;
    while recorder.has_room() {
        let bytes = noise(seed, 4096);
        recorder.output(Instant::now(), &bytes);
        sent.extend(bytes);
        seed += 1;
    }
    let state = recorder.state_changed().await;
    assert!(matches!(&state, State::Stalled { reason } if reason.contains("No space left")), "{state:?}");
    // Sizes come from viewers, who do not wait: the newest one is kept.
    recorder.resize(Instant::now(), 10, 10);
    recorder.resize(Instant::now(), 100, 50);

    disk.set(Mood::Well);
    recorder.room().await;
    assert_eq!(recorder.state_changed().await, State::Recording);
    recorder.output(Instant::now(), b"END");
    let closed = recorder.close().await.unwrap();
    assert_eq!(closed.lost_bytes, 0);
    assert_eq!(closed.bytes_written, disk.file(FILE).unwrap().len() as u64);
    let events = events(&disk);
    sent.extend(b"END");
    assert_eq!(output(&events), String::from_utf8(sent).unwrap());
    assert_eq!(events.iter().filter(|e| matches!(e.kind, Kind::Resize { .. })).count(), 1);
    assert!(events.iter().any(|e| e.kind == Kind::Resize { cols: 100, rows: 50 }));
}

#[tokio::test]
async fn required_fails_when_the_disk_stays_full() {
    let (pool, disk) = pool(quick());
    let mut recorder = begin(&pool, Mode::Required);
    disk.set(Mood::Room(0));
    recorder.output(Instant::now(), b"hello");
    assert!(matches!(recorder.state_changed().await, State::Stalled { .. }));
    assert!(matches!(recorder.state_changed().await, State::Failed { .. }));
    // What comes now has nowhere to go, and the session must be able to end.
    recorder.output(Instant::now(), &noise(1, 200_000));
    assert!(recorder.has_room());
    let error = recorder.close().await.err().unwrap();
    assert!(matches!(&error, Error::Failed { reason, .. } if reason.contains("No space left")), "{error}");
    assert!(events(&disk).is_empty());
}

#[tokio::test]
async fn best_effort_drops_counts_and_says_so() {
    let (pool, disk) = pool(quick());
    let mut recorder = begin(&pool, Mode::BestEffort);
    recorder.output(Instant::now(), b"before");
    disk.set(Mood::Room(0));
    recorder.output(Instant::now(), b"kept");
    assert!(matches!(recorder.state_changed().await, State::Stalled { .. }));
    for seed in 0..100 {
        assert!(recorder.has_room(), "a failing disk never makes a best-effort session wait");
        recorder.output(Instant::now(), &noise(seed, 4096));
    }
    disk.set(Mood::Well);
    assert_eq!(recorder.state_changed().await, State::Recording);
    recorder.output(Instant::now(), b"after");
    let closed = recorder.close().await.unwrap();
    assert!(closed.lost_bytes > 300_000, "{closed:?}");
    let events = events(&disk);
    let text = output(&events);
    assert!(text.contains("kept") && text.ends_with("after"));
    let marker = events.iter().find_map(|e| match &e.kind {
        Kind::Marker(text) => Some(text.as_str()),
        _ => None,
    });
    let expected = format!("recording gap: {} bytes lost from ", closed.lost_bytes);
    assert!(marker.unwrap().starts_with(&expected), "{marker:?}");
    assert_eq!(text.len() as u64 + closed.lost_bytes, 4 + 6 + 5 + 100 * 4096);
}

#[tokio::test]
async fn a_disk_that_does_not_answer_fails_required_and_releases_best_effort() {
    for mode in [Mode::Required, Mode::BestEffort] {
        let (pool, disk) = pool(quick());
        let mut recorder = begin(&pool, mode);
        disk.set(Mood::Hang);
        while recorder.has_room() {
            recorder.output(Instant::now(), &noise(7, 4096));
        }
        recorder.room().await;
        let state = recorder.state();
        match mode {
            Mode::Required => assert!(matches!(state, State::Failed { .. }), "{state:?}"),
            Mode::BestEffort => assert!(matches!(state, State::Stalled { .. }), "{state:?}"),
        }
        disk.set(Mood::Well);
        let closed = recorder.close().await;
        assert_eq!(closed.is_ok(), mode == Mode::BestEffort, "{closed:?}");
    }
}

#[tokio::test]
async fn a_failing_sync_stalls_then_heals_with_a_marker() {
    let (pool, disk) = pool(Config { give_up_after: Duration::from_secs(60), ..quick() });
    let mut recorder = begin(&pool, Mode::Required);
    disk.set(Mood::NoSync);
    recorder.output(Instant::now(), b"x");
    assert!(matches!(recorder.state_changed().await, State::Stalled { .. }));
    disk.set(Mood::Well);
    assert_eq!(recorder.state_changed().await, State::Recording);
    recorder.close().await.unwrap();
    let gaps = |e: &Event| matches!(&e.kind, Kind::Marker(t) if t.contains("may have gaps"));
    assert_eq!(events(&disk).iter().filter(|e| gaps(e)).count(), 1);
}

#[tokio::test]
async fn a_failing_last_sync_is_an_error_of_close() {
    let (pool, disk) = pool(Config { sync_every: Duration::from_secs(60), ..quick() });
    let recorder = begin(&pool, Mode::Required);
    disk.set(Mood::NoSync);
    assert!(matches!(recorder.close().await.err().unwrap(), Error::Failed { .. }));
}

#[tokio::test]
async fn close_does_not_wait_for_ever() {
    let config = Config { close_within: Duration::from_millis(50), ..quick() };
    let (pool, disk) = pool(config);
    let mut recorder = begin(&pool, Mode::Required);
    disk.set(Mood::Hang);
    recorder.output(Instant::now(), b"x");
    assert!(matches!(recorder.close().await.err().unwrap(), Error::CloseTimeout { .. }));
    let error = pool.shutdown(Duration::from_millis(50)).err().unwrap();
    assert!(matches!(error, Error::ShutdownTimeout { .. }));
    disk.set(Mood::Well);
}

#[tokio::test]
async fn closing_during_a_write_still_records_what_was_carried() {
    let (pool, disk) = pool(quick());
    let mut recorder = begin(&pool, Mode::Required);
    disk.set(Mood::Hang);
    recorder.output(Instant::now(), b"a\xe2");
    disk.wait_hanging();
    let close = tokio::spawn(recorder.close());
    tokio::task::yield_now().await;
    disk.set(Mood::Well);
    assert_eq!(close.await.unwrap().unwrap().replaced, 1);
    assert_eq!(output(&events(&disk)), "a\u{fffd}");
}

#[tokio::test]
async fn a_write_that_hangs_is_noticed_by_a_session_that_has_room() {
    for mode in [Mode::Required, Mode::BestEffort] {
        let (pool, disk) = pool(quick());
        let mut recorder = begin(&pool, mode);
        disk.set(Mood::Hang);
        recorder.output(Instant::now(), b"x");
        disk.wait_hanging();
        let begun = Instant::now();
        while recorder.state() == State::Recording {
            assert!(begun.elapsed() < Duration::from_secs(60), "the hanging write is not noticed");
            recorder.output(Instant::now(), b"");
            tokio::task::yield_now().await;
        }
        assert_eq!(matches!(recorder.state(), State::Failed { .. }), mode == Mode::Required);
        if mode == Mode::Required {
            // The disk still hangs, and the session can end all the same.
            assert!(matches!(recorder.close().await.err().unwrap(), Error::Failed { .. }));
        }
        disk.set(Mood::Well);
    }
}
