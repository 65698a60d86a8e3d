use std::fs;
use std::io::Write;

use bastide_audit::{Error, Log, verify};

use crate::{ORIGIN, append, files, open, read_all, small};

/// Cuts the newest segment after that many bytes.
fn cut(file: &std::path::Path, len: u64) {
    fs::File::options().write(true).open(file).unwrap().set_len(len).unwrap();
}

#[test]
fn a_file_cut_anywhere_opens_with_the_entries_before_the_cut() {
    let dir = tempfile::tempdir().unwrap();
    let written = append(&mut open(dir.path(), small()), 3);
    let file = &files(dir.path())[0];
    let whole = fs::read(file).unwrap();
    let ends: Vec<usize> =
        whole.iter().enumerate().filter(|(_, b)| **b == b'\n').map(|(i, _)| i + 1).collect();
    for len in 0..=whole.len() {
        fs::write(file, &whole[..len]).unwrap();
        let kept = ends.iter().filter(|end| **end <= len).count();
        let torn = len - if kept == 0 { 0 } else { ends[kept - 1] };
        assert_eq!(verify(dir.path()).unwrap().torn_bytes, torn as u64, "cut at {len}");

        let log = open(dir.path(), small());
        let entries = read_all(&log);
        assert_eq!(entries[..kept], written[..kept], "cut at {len}");
        if torn == 0 {
            assert_eq!(entries.len(), kept, "cut at {len}");
        } else {
            assert_eq!(entries.len(), kept + 1, "cut at {len}");
            assert_eq!(entries[kept].kind, "log_recovered");
            assert_eq!(entries[kept].fields["cut_bytes"], torn);
        }
        drop(log);
        verify(dir.path()).unwrap();
        for file in files(dir.path()) {
            fs::remove_file(file).unwrap();
        }
    }
}

#[test]
fn a_new_segment_without_an_entry_is_taken_back() {
    for left in [&b""[..], b"{\"body\":{\"se"] {
        let dir = tempfile::tempdir().unwrap();
        let written = append(&mut open(dir.path(), small()), 3);
        fs::write(dir.path().join("0000000004.jsonl"), left).unwrap();
        let mut log = open(dir.path(), small());
        assert_eq!(files(dir.path()).len(), 1);
        assert_eq!(read_all(&log)[..3], written);
        append(&mut log, 9);
        verify(dir.path()).unwrap();
    }
}

#[test]
fn zeros_of_a_power_loss_are_cut_off() {
    for with_line_end in [false, true] {
        let dir = tempfile::tempdir().unwrap();
        append(&mut open(dir.path(), small()), 2);
        let mut file = fs::File::options().append(true).open(&files(dir.path())[0]).unwrap();
        file.write_all(&vec![0; 100_000]).unwrap();
        if with_line_end {
            file.write_all(b"}\n").unwrap();
        }
        let log = open(dir.path(), small());
        assert_eq!(read_all(&log).len(), 3);
        verify(dir.path()).unwrap();
    }
}

#[test]
fn a_wrong_line_is_not_cut_off_but_named() {
    let dir = tempfile::tempdir().unwrap();
    append(&mut open(dir.path(), small()), 3);
    let file = &files(dir.path())[0];
    let text = fs::read_to_string(file).unwrap().replacen("\"n\":1", "\"n\":7", 1);
    fs::write(file, &text).unwrap();
    let Some(Error::Damaged(fault)) = Log::open(dir.path(), ORIGIN, small()).err() else { panic!("opened") };
    assert_eq!((fault.line, fault.seq), (2, Some(2)));
    assert!(fault.to_string().contains("line 2 (entry 2): the entry was changed"), "{fault}");
    assert_eq!(fs::read_to_string(file).unwrap(), text);
}

#[test]
fn a_lost_start_is_named() {
    let dir = tempfile::tempdir().unwrap();
    append(&mut open(dir.path(), small()), 12);
    let files = files(dir.path());
    for file in &files[..files.len() - 1] {
        fs::remove_file(file).unwrap();
    }
    cut(&files[files.len() - 1], 0);
    assert!(matches!(Log::open(dir.path(), ORIGIN, small()).err().unwrap(), Error::Damaged(_)));
}

#[test]
fn a_file_that_cannot_grow_leaves_the_log_as_it_was() {
    // A limit on the size of files stands for a full disk: the write ends half-way (setrlimit(2)). It
    // holds for the whole process, so the test runs itself again in one of its own.
    if std::env::var_os("BASTIDE_AUDIT_LIMITED").is_none() {
        let exe = std::env::current_exe().unwrap();
        let run = format!(
            "ulimit -f 4; trap '' XFSZ; exec {} --exact crash::a_file_that_cannot_grow_leaves_the_log_as_it_was",
            exe.display()
        );
        let output = std::process::Command::new("bash")
            .args(["-c", &run])
            .env("BASTIDE_AUDIT_LIMITED", "1")
            .output()
            .unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let mut log = open(dir.path(), bastide_audit::Config::default());
    let mut written = 0;
    let error = loop {
        match log.append("test", None, crate::fields(written)) {
            Ok(_) => written += 1,
            Err(error) => break error,
        }
    };
    assert!(matches!(error, Error::Write { .. }), "{error}");
    assert!(written > 5);
    assert_eq!(log.next_seq(), written + 1);
    assert_eq!(read_all(&log).len() as u64, written);
    assert_eq!(verify(dir.path()).unwrap().torn_bytes, 0);
    // A shorter file would have room again: nothing in the log stands in the way of the next entry.
    assert!(matches!(log.append("test", None, crate::fields(0)), Err(Error::Write { .. })));
}
