//! Everything that is done to the files afterwards is found, at the entry where it was done.

use std::fs;
use std::path::{Path, PathBuf};

use bastide_audit::{Config, Fault, Hash, Why, verify};
use proptest::prelude::*;

use crate::{append, files, open, small};

const ENTRIES: usize = 24;

struct Log {
    dir: tempfile::TempDir,
    /// Per segment, its lines.
    segments: Vec<(PathBuf, Vec<Vec<u8>>)>,
}

impl Log {
    fn new() -> Log {
        let dir = tempfile::tempdir().unwrap();
        append(&mut open(dir.path(), small()), ENTRIES as u64);
        let segments = files(dir.path()).into_iter().map(|file| {
            let lines =
                fs::read(&file).unwrap().split_inclusive(|b| *b == b'\n').map(<[u8]>::to_vec).collect();
            (file, lines)
        });
        let segments = segments.collect();
        Log { dir, segments }
    }

    fn path(&self) -> &Path {
        self.dir.path()
    }

    /// Segment and line of an entry, counted from 0.
    fn place(&self, entry: usize) -> (usize, usize) {
        let mut left = entry;
        for (index, (_, lines)) in self.segments.iter().enumerate() {
            if left < lines.len() {
                return (index, left);
            }
            left -= lines.len();
        }
        panic!("there are {ENTRIES} entries");
    }

    fn line(&mut self, entry: usize) -> &mut Vec<u8> {
        let (segment, line) = self.place(entry);
        &mut self.segments[segment].1[line]
    }

    fn fault(&self) -> Fault {
        for (file, lines) in &self.segments {
            fs::write(file, lines.concat()).unwrap();
        }
        verify(self.path()).expect_err("tampering is found")
    }
}

/// A body with the hash that fits it, in its line.
fn sealed(body: &str) -> Vec<u8> {
    format!("{{\"body\":{body},\"hash\":\"{}\"}}\n", Hash::of(body.as_bytes())).into_bytes()
}

fn body(line: &[u8]) -> String {
    let text = String::from_utf8(line.to_vec()).unwrap();
    text["{\"body\":".len()..text.find(",\"hash\"").unwrap()].to_owned()
}

#[test]
fn a_changed_entry_with_a_new_hash_breaks_the_chain_after_it() {
    let mut log = Log::new();
    let line = log.line(9);
    *line = sealed(&body(line).replace("\"kind\":\"test\"", "\"kind\":\"other\""));
    let fault = log.fault();
    assert_eq!(fault.seq, Some(11));
    assert!(matches!(fault.why, Why::NotChained { .. }), "{fault}");
}

#[test]
fn a_missing_segment_is_found() {
    let log = Log::new();
    let first_of_third = log.segments[..2].iter().map(|s| s.1.len() as u64).sum::<u64>() + 1;
    fs::remove_file(&log.segments[1].0).unwrap();
    let fault = verify(log.path()).unwrap_err();
    let missing = log.segments[0].1.len() as u64 + 1;
    assert_eq!(fault.why, Why::OutOfOrder { expected: missing, found: first_of_third });
    assert_eq!(fault.seq, Some(missing));
}

#[test]
fn a_missing_beginning_is_found_unless_the_log_says_so() {
    let log = Log::new();
    fs::remove_file(&log.segments[0].0).unwrap();
    let first = log.segments[0].1.len() as u64 + 1;
    assert_eq!(verify(log.path()).unwrap_err().why, Why::Beheaded(first));
    // Removal by the log itself is in the log.
    let dir = tempfile::tempdir().unwrap();
    append(&mut open(dir.path(), Config { keep_bytes: 4000, ..small() }), 60);
    assert!(verify(dir.path()).unwrap().first_seq > Some(1));
    fs::remove_file(&files(dir.path())[0]).unwrap();
    assert!(matches!(verify(dir.path()).unwrap_err().why, Why::Beheaded(_)));
}

#[test]
fn an_emptied_or_renamed_segment_is_found() {
    let mut log = Log::new();
    let expected = log.segments[0].1.len() as u64 + 1;
    log.segments[1].1.clear();
    let fault = log.fault();
    assert_eq!((fault.why, fault.seq), (Why::Empty, Some(expected)));

    let log = Log::new();
    fs::rename(&log.segments[0].0, log.path().join("0000000002.jsonl")).unwrap();
    assert_eq!(verify(log.path()).unwrap_err().why, Why::OutOfOrder { expected: 2, found: 1 });
}

#[test]
fn entries_of_another_log_do_not_fit() {
    let mut log = Log::new();
    *log.line(0) = sealed(&body(log.line(0)).replace(&Hash::ZERO.to_string(), &Hash::of(b"").to_string()));
    assert_eq!(log.fault().why, Why::NotFirst(Hash::of(b"")));

    // A chain that fits, of an origin that does not.
    let mut log = Log::new();
    let last = log.line(ENTRIES - 1);
    *last = sealed(&body(last).replace("node/ptyd", "node/server"));
    assert!(matches!(log.fault().why, Why::ForeignOrigin { .. }));
}

#[test]
fn an_entry_from_before_the_one_before_is_found() {
    let mut log = Log::new();
    let last = log.line(ENTRIES - 1);
    let text = body(last);
    let start = text.find("\"mono_ns\":").unwrap() + "\"mono_ns\":".len();
    let end = start + text[start..].find(',').unwrap();
    *last = sealed(&format!("{}1{}", &text[..start], &text[end..]));
    assert!(matches!(log.fault().why, Why::Earlier { found: 1, .. }));
}

#[test]
fn a_line_without_end_is_found_in_every_segment_but_the_last() {
    let mut log = Log::new();
    let last = log.segments[0].1.len() - 1;
    log.line(last).pop();
    let fault = log.fault();
    assert_eq!(fault.seq, Some(last as u64 + 1));
    assert!(matches!(fault.why, Why::NotAnEntry(_)));
}

#[test]
fn a_directory_that_cannot_be_read_is_a_fault() {
    let dir = tempfile::tempdir().unwrap();
    let fault = verify(&dir.path().join("none")).unwrap_err();
    assert!(matches!(fault.why, Why::Unreadable(_)));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    #[test]
    fn a_changed_byte_is_found_where_it_is(
        entry in 0..ENTRIES,
        at in any::<proptest::sample::Index>(),
        byte in any::<u8>(),
    ) {
        let mut log = Log::new();
        let line = log.line(entry);
        // All but the line end of the last entry, which looks like a crash.
        let at = at.index(line.len() - usize::from(entry == ENTRIES - 1));
        prop_assume!(line[at] != byte);
        line[at] = byte;
        prop_assert_eq!(log.fault().seq, Some(entry as u64 + 1));
    }

    #[test]
    fn a_removed_entry_is_found_where_it_was(entry in 0..ENTRIES - 1) {
        let mut log = Log::new();
        let (segment, line) = log.place(entry);
        log.segments[segment].1.remove(line);
        let fault = log.fault();
        prop_assert_eq!(fault.seq, Some(entry as u64 + 1));
    }

    #[test]
    fn swapped_entries_are_found_at_the_first(a in 0..ENTRIES, b in 0..ENTRIES) {
        prop_assume!(a != b);
        let mut log = Log::new();
        let (line_a, line_b) = (log.line(a).clone(), log.line(b).clone());
        *log.line(a) = line_b;
        *log.line(b) = line_a;
        prop_assert_eq!(log.fault().seq, Some(a.min(b) as u64 + 1));
    }

    #[test]
    fn a_repeated_entry_is_found_where_it_is(from in 0..ENTRIES, to in 0..ENTRIES) {
        let mut log = Log::new();
        let copy = log.line(from).clone();
        let (segment, line) = log.place(to);
        log.segments[segment].1.insert(line, copy);
        // An entry before itself is the right one in the right place; the next one is not.
        let expected = if from == to { to + 2 } else { to + 1 };
        prop_assert_eq!(log.fault().seq, Some(expected as u64));
    }

    #[test]
    fn an_inserted_entry_that_fits_what_is_before_it_is_found_after_it(to in 1..ENTRIES) {
        let mut log = Log::new();
        let original = body(log.line(to));
        let forged = sealed(&original.replace("\"kind\":\"test\"", "\"kind\":\"forged\""));
        let (segment, line) = log.place(to);
        log.segments[segment].1.insert(line, forged);
        prop_assert_eq!(log.fault().seq, Some(to as u64 + 2));
    }

    #[test]
    fn a_segment_cut_in_the_middle_of_the_log_is_found(segment in 0usize..3, at in any::<proptest::sample::Index>()) {
        let mut log = Log::new();
        prop_assume!(segment + 1 < log.segments.len());
        let before: usize = log.segments[..segment].iter().map(|s| s.1.len()).sum();
        let whole = log.segments[segment].1.concat();
        let cut = at.index(whole.len());
        let kept = whole[..cut].iter().filter(|b| **b == b'\n').count();
        log.segments[segment].1 = vec![whole[..cut].to_vec()];
        prop_assert_eq!(log.fault().seq, Some((before + kept) as u64 + 1));
    }
}
