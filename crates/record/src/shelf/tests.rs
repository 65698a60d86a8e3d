#![allow(clippy::unwrap_used)]

use std::io::Write;
use std::os::unix::fs::{PermissionsExt, symlink};

use super::*;

const HEADER: &[u8] = b"{\"version\":3,\"term\":{\"cols\":80,\"rows\":24}}\n";

fn uid(n: u128) -> Uuid {
    Uuid::from_u128(n)
}

fn put(directory: &Path, uid: Uuid, text: &[u8]) {
    fs::write(directory.join(file_name(uid)), zstd::bulk::compress(text, 1).unwrap()).unwrap();
}

fn append(directory: &Path, uid: Uuid, text: &[u8]) {
    let mut file = fs::OpenOptions::new().append(true).open(directory.join(file_name(uid))).unwrap();
    file.write_all(&zstd::bulk::compress(text, 1).unwrap()).unwrap();
}

#[test]
fn a_recording_is_found_by_its_uuid_and_grows() {
    let dir = tempfile::tempdir().unwrap();
    let shelf = Shelf::new(dir.path());
    put(dir.path(), uid(1), HEADER);
    assert_eq!((shelf.header(uid(1)).unwrap().cols, shelf.indexes()), (80, 0));
    let first = shelf.cast(uid(1)).unwrap();
    assert_eq!(first.len(), HEADER.len() as u64);
    assert_eq!(first.tag(), shelf.cast(uid(1)).unwrap().tag());
    append(dir.path(), uid(1), b"[0, \"o\", \"x\"]\n");
    let second = shelf.cast(uid(1)).unwrap();
    assert_eq!((first.len(), second.len()), (HEADER.len() as u64, HEADER.len() as u64 + 14));
    assert_ne!(first.tag(), second.tag());
    assert_eq!(first.slice(0..u64::MAX).next_chunk().unwrap().unwrap(), HEADER, "as it was looked up");
    assert_eq!(second.slice(44..u64::MAX).next_chunk().unwrap().unwrap().len() as u64, second.len() - 44);
}

#[test]
fn a_file_in_the_place_of_another_is_read_anew() {
    let dir = tempfile::tempdir().unwrap();
    let shelf = Shelf::new(dir.path());
    put(dir.path(), uid(1), &HEADER.repeat(1000));
    assert_eq!(shelf.cast(uid(1)).unwrap().len(), HEADER.len() as u64 * 1000);
    let other = dir.path().join("other");
    fs::write(&other, zstd::bulk::compress(HEADER, 1).unwrap()).unwrap();
    fs::rename(other, dir.path().join(file_name(uid(1)))).unwrap();
    assert_eq!(shelf.cast(uid(1)).unwrap().len(), HEADER.len() as u64);
}

#[test]
fn links_pipes_and_directories_are_no_recordings() {
    let dir = tempfile::tempdir().unwrap();
    let outside = tempfile::tempdir().unwrap();
    put(outside.path(), uid(1), HEADER);
    let inside = |n| dir.path().join(file_name(uid(n)));
    symlink(outside.path().join(file_name(uid(1))), inside(1)).unwrap();
    fs::create_dir(inside(2)).unwrap();
    rustix::fs::mknodat(rustix::fs::CWD, inside(3), rustix::fs::FileType::Fifo, Mode::RUSR, 0).unwrap();
    let shelf = Shelf::new(dir.path());
    for n in 1..=4 {
        let error = shelf.cast(uid(n)).unwrap_err();
        assert!(error.is_missing(), "{n}: {error}");
        assert!(shelf.look(uid(n)).unwrap_err().is_missing());
        assert!(shelf.header(uid(n)).unwrap_err().is_missing());
    }
    assert_eq!(shelf.list().unwrap(), []);
}

#[test]
fn only_names_in_our_spelling_are_listed() {
    let dir = tempfile::tempdir().unwrap();
    put(dir.path(), uid(7), HEADER);
    let own = file_name(uid(0xab));
    for name in
        ["x", ".cast.zst", "..cast.zst", &own.to_uppercase(), &own.replace('-', ""), &format!("{{{own}")]
    {
        fs::write(dir.path().join(name), "").unwrap();
    }
    let listed = Shelf::new(dir.path()).list().unwrap();
    assert_eq!(listed.iter().map(|found| found.uid).collect::<Vec<_>>(), [uid(7)]);
    assert_eq!(listed[0].bytes, fs::metadata(dir.path().join(file_name(uid(7)))).unwrap().len());
    assert_eq!(Shelf::new(dir.path().join("none")).list().unwrap(), []);
}

#[test]
fn only_so_many_indexes_are_kept_and_the_used_ones_stay() {
    let dir = tempfile::tempdir().unwrap();
    let shelf = Shelf::new(dir.path());
    let count = MAX_INDEXES as u128 + 10;
    for n in 0..count {
        put(dir.path(), uid(n), HEADER);
        shelf.cast(uid(n)).unwrap();
        shelf.cast(uid(0)).unwrap();
    }
    assert_eq!(shelf.indexes(), MAX_INDEXES);
    let kept = shelf.indexes.lock().unwrap();
    assert!(kept.kept.contains_key(&uid(0)) && !kept.kept.contains_key(&uid(1)));
}

#[test]
fn a_file_that_may_not_be_read_is_an_error_of_its_own() {
    let dir = tempfile::tempdir().unwrap();
    put(dir.path(), uid(1), HEADER);
    let path = dir.path().join(file_name(uid(1)));
    fs::set_permissions(&path, fs::Permissions::from_mode(0o0)).unwrap();
    // Root may read everything; then there is nothing to see here.
    if File::open(&path).is_err() {
        let error = Shelf::new(dir.path()).cast(uid(1)).unwrap_err();
        assert!(!error.is_missing(), "{error}");
    }
}
