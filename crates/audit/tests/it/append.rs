use std::collections::BTreeSet;
use std::os::unix::fs::PermissionsExt;
use std::process::Command;
use std::time::{Duration, SystemTime};

use bastide_audit::{Config, Error, Hash, Log, Page, Sync, verify};
use proptest::prelude::*;
use serde_json::{Map, Value};
use uuid::Uuid;

use crate::{ORIGIN, append, fields, files, open, read_all, small};

#[test]
fn entries_follow_one_another_over_segments_and_restarts() {
    let dir = tempfile::tempdir().unwrap();
    let mut written = Vec::new();
    for round in 0..4 {
        let mut log =
            open(dir.path(), Config { sync: if round == 2 { Sync::Each } else { small().sync }, ..small() });
        assert_eq!(log.next_seq(), written.len() as u64 + 1);
        written.extend(append(&mut log, 7));
        assert_eq!(read_all(&log), written);
    }
    assert!(files(dir.path()).len() > 2);
    assert!(
        written
            .windows(2)
            .all(|w| w[1].seq == w[0].seq + 1 && w[1].prev == w[0].hash && w[1].mono_ns >= w[0].mono_ns)
    );
    assert_eq!((written[0].seq, written[0].prev), (1, Hash::ZERO));
    let verified = verify(dir.path()).unwrap();
    assert_eq!((verified.entries, verified.first_seq, verified.last_seq), (28, Some(1), Some(28)));
    assert_eq!(verified.last_hash, written[27].hash);
    assert_eq!(verified.torn_bytes, 0);
}

#[test]
fn an_empty_log_verifies() {
    let dir = tempfile::tempdir().unwrap();
    let log = open(dir.path(), small());
    assert_eq!((log.first_seq(), log.next_seq()), (1, 1));
    assert_eq!(log.read_from(1, 10).unwrap(), Page::Entries(Vec::new()));
    let verified = verify(dir.path()).unwrap();
    assert_eq!((verified.entries, verified.first_seq, verified.last_hash), (0, None, Hash::ZERO));
}

#[test]
fn only_one_may_append_and_only_the_owner_may_read() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path().join("new/log");
    let mut log = open(&dir, small());
    append(&mut log, 1);
    let error = Log::open(&dir, ORIGIN, small()).err().unwrap();
    assert!(matches!(error, Error::Locked { .. }), "{error}");
    let mode = |path: &std::path::Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&dir), 0o700);
    assert_eq!(mode(&files(&dir)[0]), 0o600);
    drop(log);
    let error = Log::open(&dir, "node/server", small()).err().unwrap();
    assert!(error.to_string().contains("is of \"node/ptyd\", not of \"node/server\""), "{error}");
    open(&dir, small());
}

#[test]
fn what_cannot_be_an_entry_is_refused_and_changes_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let mut log = open(dir.path(), small());
    append(&mut log, 1);
    let one =
        |name: &str, value: Value| -> Map<String, Value> { [(name.to_owned(), value)].into_iter().collect() };
    let mut refused = |kind: &str, fields| log.append(kind, None, fields).err().unwrap();
    assert!(matches!(refused("Test", Map::new()), Error::Kind { .. }));
    assert!(matches!(refused("", Map::new()), Error::Kind { .. }));
    assert!(matches!(refused(&"x".repeat(65), Map::new()), Error::Kind { .. }));
    for name in ["seq", "prev", "hash", "uid", "body"] {
        assert!(matches!(refused("test", one(name, Value::Null)), Error::ReservedField { .. }));
    }
    assert!(matches!(refused("test", one("x", "y".repeat(70_000).into())), Error::TooLarge { .. }));
    let next = log.append("test", Some(Uuid::max()), fields(1)).unwrap();
    assert_eq!((next.seq, next.uid), (2, Some(Uuid::max())));
    assert_eq!(verify(dir.path()).unwrap().entries, 2);
}

#[test]
fn pages_go_on_where_the_last_one_ended() {
    let dir = tempfile::tempdir().unwrap();
    let mut log = open(dir.path(), small());
    let written = append(&mut log, 30);
    let reader = log.reader();
    let mut seq = 0;
    let mut read = Vec::new();
    loop {
        let Page::Entries(page) = reader.read_from(seq, 4).unwrap() else { panic!("truncated") };
        let Some(last) = page.last() else { break };
        assert!(page.len() <= 4);
        seq = last.seq + 1;
        read.extend(page);
    }
    assert_eq!(read, written);
    let later = append(&mut log, 1);
    assert_eq!(reader.clone().read_from(31, 4).unwrap(), Page::Entries(later));
    assert_eq!(reader.read_from(99, 4).unwrap(), Page::Entries(Vec::new()));
}

#[test]
fn a_page_is_bounded_in_bytes() {
    let dir = tempfile::tempdir().unwrap();
    let mut log = open(dir.path(), Config::default());
    let big: Map<String, Value> = [("x".to_owned(), "y".repeat(60_000).into())].into_iter().collect();
    for _ in 0..40 {
        log.append("test", None, big.clone()).unwrap();
    }
    let Page::Entries(page) = log.read_from(1, usize::MAX).unwrap() else { panic!("truncated") };
    assert!((15..25).contains(&page.len()), "{}", page.len());
}

#[test]
fn a_reader_in_another_thread_sees_every_entry_once() {
    let dir = tempfile::tempdir().unwrap();
    let mut log = open(dir.path(), small());
    let reader = log.reader();
    let thread = std::thread::spawn(move || {
        let mut seen = Vec::new();
        while seen.len() < 300 {
            let Page::Entries(page) = reader.read_from(seen.len() as u64 + 1, 7).unwrap() else {
                panic!("truncated")
            };
            seen.extend(page.into_iter().map(|e| e.hash));
            std::thread::yield_now();
        }
        seen
    });
    let written: Vec<Hash> = append(&mut log, 300).into_iter().map(|e| e.hash).collect();
    assert_eq!(thread.join().unwrap(), written);
}

#[test]
fn old_segments_go_by_size_and_the_rest_verifies() {
    let dir = tempfile::tempdir().unwrap();
    let mut log = open(dir.path(), Config { keep_bytes: 6000, ..small() });
    let reader = log.reader();
    append(&mut log, 100);
    let first = log.first_seq();
    assert!(first > 50, "{first}");
    assert_eq!(reader.read_from(1, 10).unwrap(), Page::Truncated { first_seq: first });
    let total: u64 = files(dir.path()).iter().map(|f| f.metadata().unwrap().len()).sum();
    assert!(total < 8000, "{total}");
    let verified = verify(dir.path()).unwrap();
    assert_eq!(verified.first_seq, Some(first));
    assert_eq!(verified.last_seq, Some(log.next_seq() - 1));
    let kinds: BTreeSet<String> = read_all(&log).into_iter().map(|e| e.kind).collect();
    assert_eq!(kinds.into_iter().collect::<Vec<_>>(), ["log_trimmed", "test"]);
}

#[test]
fn old_segments_go_by_age() {
    let dir = tempfile::tempdir().unwrap();
    append(&mut open(dir.path(), small()), 12);
    let old = SystemTime::now() - Duration::from_secs(3600);
    let oldest = &files(dir.path())[0];
    std::fs::File::options().write(true).open(oldest).unwrap().set_modified(old).unwrap();
    let log = open(dir.path(), Config { keep_age: Duration::from_secs(60), ..small() });
    assert!(!oldest.exists());
    assert!(log.first_seq() > 1);
    verify(dir.path()).unwrap();
}

#[test]
fn syncing_is_due_after_an_append_and_then_no_more() {
    let dir = tempfile::tempdir().unwrap();
    let mut log = open(dir.path(), small());
    assert_eq!(log.sync_due(), None);
    append(&mut log, 2);
    assert!(log.sync_due().is_some());
    log.sync().unwrap();
    assert_eq!(log.sync_due(), None);
}

#[test]
fn the_documented_command_gives_the_hash() {
    let dir = tempfile::tempdir().unwrap();
    let written = append(&mut open(dir.path(), Config::default()), 7);
    let script = r#"sed -n 7p 0000000001.jsonl | sed -E 's/^\{"body":(.*),"hash":"[0-9a-f]{64}"\}$/\1/' | tr -d '\n' | sha256sum"#;
    let output = Command::new("sh").args(["-c", script]).current_dir(dir.path()).output().unwrap();
    assert_eq!(String::from_utf8(output.stdout).unwrap(), format!("{}  -\n", written[6].hash));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(20))]

    #[test]
    fn any_sequence_of_appends_and_restarts_verifies(
        rounds in proptest::collection::vec(0u64..12, 1..5),
        segment_bytes in 1u64..4000,
        keep_bytes in 1000u64..10_000,
    ) {
        let dir = tempfile::tempdir().unwrap();
        for count in rounds {
            let mut log = open(dir.path(), Config { segment_bytes, keep_bytes, ..Config::default() });
            append(&mut log, count);
            let entries = read_all(&log);
            prop_assert_eq!(entries.len() as u64, log.next_seq() - log.first_seq());
            let verified = verify(dir.path()).unwrap();
            prop_assert_eq!(verified.entries, entries.len() as u64);
        }
    }
}
