//! What is appended is what is read, whole or cut.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bastide_record::{
    Begin, Config, End, Error, Event, Header, Kind, Mode, Pool, Reader, Recorder, fuzz_cast,
};
use proptest::prelude::*;

use crate::disk::{Shared, TestDisk};

#[derive(Debug, Clone)]
enum Step {
    Output(Vec<u8>),
    Input(String),
    Resize(u16, u16),
    Marker(String),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => prop_oneof![
            proptest::collection::vec(any::<u8>(), 0..300),
            any::<String>().prop_map(String::into_bytes),
        ].prop_map(Step::Output),
        1 => any::<String>().prop_map(Step::Input),
        1 => any::<(u16, u16)>().prop_map(|(c, r)| Step::Resize(c, r)),
        1 => any::<String>().prop_map(Step::Marker),
    ]
}

fn begin(pool: &Pool, path: &Path, started: Instant) -> Result<Recorder, Error> {
    let header = Header {
        cols: 80,
        rows: 24,
        term: Some("xterm-256color".to_owned()),
        timestamp: Some(1_700_000_000),
        command: Some("/bin/bash".to_owned()),
        title: Some("a \"title\"".to_owned()),
        env: [("SHELL".to_owned(), "/bin/bash".to_owned())].into(),
        idle_time_limit: None,
    };
    pool.begin(Begin { path: path.to_owned(), mode: Mode::Required, header, started })
}

fn apply(recorder: &mut Recorder, at: Instant, step: &Step) {
    match step {
        Step::Output(bytes) => recorder.output(at, bytes),
        Step::Input(text) => recorder.input(at, text.as_bytes()),
        Step::Resize(cols, rows) => recorder.resize(at, *cols, *rows),
        Step::Marker(text) => recorder.marker(at, text),
    }
}

fn text(events: &[Event], pick: impl Fn(&Kind) -> Option<&String>) -> String {
    events.iter().filter_map(|e| pick(&e.kind)).map(String::as_str).collect()
}

/// Records the steps on a disk in memory and gives the file's bytes.
fn record(steps: &[(u64, Step)], frame_bytes: usize) -> Vec<u8> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let disk = TestDisk::new();
    let config = Config { frame_bytes, flush_after: Duration::from_millis(1), ..Config::default() };
    let pool = Pool::start_on(config, Arc::new(Shared(Arc::clone(&disk)))).unwrap();
    let started = Instant::now();
    let path = Path::new("/r/a");
    let mut recorder = begin(&pool, path, started).unwrap();
    let mut at_us = 0;
    for (pause, step) in steps {
        at_us += pause;
        apply(&mut recorder, started + Duration::from_micros(at_us), step);
    }
    recorder.exit(started + Duration::from_micros(at_us + 1), -3);
    let closed = runtime.block_on(recorder.close()).unwrap();
    assert_eq!(closed.duration, Duration::from_micros(at_us + 1));
    disk.file("/r/a").unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    #[test]
    fn what_is_written_is_read(
        steps in proptest::collection::vec((0u64..5_000_000, step()), 0..40),
        frame_bytes in 1usize..2000,
    ) {
        let file = record(&steps, frame_bytes);
        fuzz_cast(&file);
        let mut reader = Reader::new(file.as_slice()).unwrap();
        prop_assert_eq!(reader.header().title.as_deref(), Some("a \"title\""));
        let events: Vec<Event> = reader.by_ref().map(Result::unwrap).collect();
        prop_assert_eq!(reader.end(), Some(&End::Complete));

        let (mut output, mut input, mut at_us) = (Vec::new(), String::new(), 0);
        let mut points = Vec::new();
        for (pause, step) in &steps {
            at_us += pause;
            let time = Duration::from_micros(at_us);
            match step {
                Step::Output(bytes) => output.extend(bytes),
                Step::Input(text) => input.push_str(text),
                Step::Resize(cols, rows) => points.push(Event { time, kind: Kind::Resize { cols: *cols, rows: *rows } }),
                Step::Marker(text) => points.push(Event { time, kind: Kind::Marker(text.clone()) }),
            }
        }
        points.push(Event { time: Duration::from_micros(at_us + 1), kind: Kind::Exit(-3) });
        let read_output = text(&events, |k| if let Kind::Output(t) = k { Some(t) } else { None });
        prop_assert_eq!(read_output, String::from_utf8_lossy(&output).into_owned());
        prop_assert_eq!(text(&events, |k| if let Kind::Input(t) = k { Some(t) } else { None }), input);
        let read_points: Vec<Event> = events
            .into_iter()
            .filter(|e| !matches!(e.kind, Kind::Output(_) | Kind::Input(_)))
            .collect();
        prop_assert_eq!(read_points, points);
    }
}

#[test]
fn a_file_cut_anywhere_gives_the_events_before_the_cut() {
    let steps: Vec<(u64, Step)> = (0..40)
        .map(|i| (1000, Step::Output(format!("line {i} \u{1b}[3{}mä€\r\n", i % 8).into_bytes())))
        .collect();
    let file = record(&steps, 200);
    let all: Vec<Event> = Reader::new(file.as_slice()).unwrap().map(Result::unwrap).collect();
    let mut whole = 0;
    for cut in 0..file.len() {
        let Ok(mut reader) = Reader::new(&file[..cut]) else { continue };
        let events: Vec<Event> =
            reader.by_ref().map(|e| e.unwrap_or_else(|e| panic!("cut at {cut}: {e}"))).collect();
        assert!(all.starts_with(&events), "cut at {cut}");
        assert!(events.len() >= whole, "more of the file gives no fewer events");
        whole = events.len();
        if events.len() < all.len() - 1 && reader.end() == Some(&End::Complete) {
            // Between two frames nothing tells that more should follow.
            assert!(file[cut..].starts_with(&[0x28, 0xb5, 0x2f, 0xfd]), "cut at {cut} is noticed");
        }
    }
    assert!(whole > all.len() / 2, "the last frame is not most of the file");
}

#[tokio::test]
async fn bytes_are_in_the_file_before_the_recording_is_closed() {
    let disk = TestDisk::new();
    let config = Config { flush_after: Duration::from_millis(5), ..Config::default() };
    let pool = Pool::start_on(config, Arc::new(Shared(Arc::clone(&disk)))).unwrap();
    let mut recorder = begin(&pool, Path::new("/r/a"), Instant::now()).unwrap();
    let header = disk.file("/r/a").unwrap().len();
    recorder.output(Instant::now(), b"seen");
    disk.wait_longer("/r/a", header);
    let file = disk.file("/r/a").unwrap();
    let events: Vec<Event> = Reader::new(file.as_slice()).unwrap().map(Result::unwrap).collect();
    assert_eq!(events[0].kind, Kind::Output("seen".to_owned()));
}

#[tokio::test]
async fn a_dropped_recorder_and_a_shut_down_pool_still_write() {
    let disk = TestDisk::new();
    let config = Config {
        flush_after: Duration::from_secs(600),
        sync_every: Duration::from_secs(600),
        ..Config::default()
    };
    let pool = Pool::start_on(config, Arc::new(Shared(Arc::clone(&disk)))).unwrap();
    let mut dropped = begin(&pool, Path::new("/r/a"), Instant::now()).unwrap();
    let mut open = begin(&pool, Path::new("/r/b"), Instant::now()).unwrap();
    dropped.output(Instant::now(), b"one");
    open.output(Instant::now(), b"two");
    drop(dropped);
    pool.shutdown(Duration::from_secs(20)).unwrap();
    for (path, expected) in [("/r/a", "one"), ("/r/b", "two")] {
        let file = disk.file(path).unwrap();
        let events: Vec<Event> = Reader::new(file.as_slice()).unwrap().map(Result::unwrap).collect();
        assert_eq!(events[0].kind, Kind::Output(expected.to_owned()));
    }
    assert!(disk.syncs() >= 2);
    assert!(matches!(open.close().await, Err(Error::ShutDown)));
    assert!(matches!(begin(&pool, Path::new("/r/c"), Instant::now()).err().unwrap(), Error::ShutDown));
}

#[tokio::test]
async fn a_flood_paces_and_arrives_whole() {
    let disk = TestDisk::new();
    let pool = Pool::start_on(Config::default(), Arc::new(Shared(Arc::clone(&disk)))).unwrap();
    let mut recorder = begin(&pool, Path::new("/r/a"), Instant::now()).unwrap();
    let chunk = b"0123456789abcdef".repeat(2048);
    let chunks = 300;
    for _ in 0..chunks {
        recorder.room().await;
        recorder.output(Instant::now(), &chunk);
    }
    recorder.close().await.unwrap();
    let file = disk.file("/r/a").unwrap();
    let bytes: usize = Reader::new(file.as_slice())
        .unwrap()
        .map(|e| if let Kind::Output(t) = e.unwrap().kind { t.len() } else { 0 })
        .sum();
    assert_eq!(bytes, chunks * chunk.len());
}
