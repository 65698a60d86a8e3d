//! Logs in real directories: appended, read, damaged, verified.
#![allow(clippy::unwrap_used)]

#[path = "it/append.rs"]
mod append;
#[path = "it/crash.rs"]
mod crash;
#[path = "it/tamper.rs"]
mod tamper;

use std::path::{Path, PathBuf};

use bastide_audit::{Config, Entry, Log, Page};
use serde_json::{Map, Value};

const ORIGIN: &str = "node/ptyd";

/// Segments of a few entries, so that tests cross their borders.
fn small() -> Config {
    Config { segment_bytes: 1500, ..Config::default() }
}

fn open(dir: &Path, config: Config) -> Log {
    Log::open(dir, ORIGIN, config).unwrap()
}

fn fields(n: u64) -> Map<String, Value> {
    [("n".to_owned(), Value::from(n))].into_iter().collect()
}

fn append(log: &mut Log, count: u64) -> Vec<Entry> {
    (0..count).map(|n| log.append("test", None, fields(n)).unwrap()).collect()
}

fn read_all(log: &Log) -> Vec<Entry> {
    let Page::Entries(entries) = log.read_from(log.first_seq(), usize::MAX).unwrap() else {
        panic!("truncated")
    };
    entries
}

/// The segments, oldest first.
fn files(dir: &Path) -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> = std::fs::read_dir(dir)
        .unwrap()
        .map(|item| item.unwrap().path())
        .filter(|path| path.extension().is_some_and(|e| e == "jsonl"))
        .collect();
    files.sort();
    files
}
