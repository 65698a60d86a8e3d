#![allow(clippy::unwrap_used)]

use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use super::*;

const LONG: &str = "a-name-that-is-long-enough-to-have-no-room-in-a-header/of-tar-because-there-are-only-a-hundred-bytes/and-this-is-more.txt";

fn packed(format: Format) -> Vec<u8> {
    let mut pack = Pack::new(format);
    let entry = |name, what| Entry { name, what, mode: 0o640, changed: 1_700_000_000 };
    let (long, content) = (format!("top/{LONG}"), "long ".repeat(50_000));
    let directory = |name| Entry { mode: 0o750, ..entry(name, What::Directory) };
    pack.begin(&directory(b"top"));
    for (name, content) in [("top/a", "one"), ("top/\u{e4}\n", ""), (&long, &content)] {
        pack.begin(&entry(name.as_bytes(), What::File(content.len() as u64)));
        for piece in content.as_bytes().chunks(100_000) {
            pack.data(piece);
        }
        pack.end();
    }
    pack.begin(&entry(b"top/link", What::Link(b"a")));
    pack.finish();
    std::mem::take(pack.ready())
}

fn unpacked(format: Format) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("archive");
    std::fs::write(&file, packed(format)).unwrap();
    let mut command = match format {
        Format::TarGz => Command::new("tar"),
        Format::Zip => Command::new("python3"),
    };
    match format {
        Format::TarGz => command.arg("-xzf").arg(&file),
        // Tests the sums as well.
        Format::Zip => command.args([
            "-c",
            "import sys,zipfile\nz=zipfile.ZipFile(sys.argv[1])\nassert z.testzip() is None\nz.extractall()\n\
             assert z.getinfo('top/a').external_attr >> 16 == 0o100640\n\
             assert z.getinfo('top/a').date_time == (2023, 11, 14, 22, 13, 20)",
            file.to_str().unwrap(),
        ]),
    };
    let output = command.current_dir(dir.path()).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    dir
}

#[test]
fn other_programs_unpack_what_was_packed() {
    for format in [Format::TarGz, Format::Zip] {
        let dir = unpacked(format);
        let read = |name: &str| std::fs::read_to_string(dir.path().join("top").join(name)).unwrap();
        assert_eq!(
            (read("a").as_str(), read("\u{e4}\n").as_str(), read(LONG)),
            ("one", "", "long ".repeat(50_000))
        );
        if format == Format::TarGz {
            assert_eq!(std::fs::read_link(dir.path().join("top/link")).unwrap(), Path::new("a"));
            let mode = std::fs::metadata(dir.path().join("top/a")).unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o640);
        }
    }
}

#[test]
fn a_file_that_became_shorter_leaves_the_rest_of_a_tar_readable() {
    let mut pack = Pack::new(Format::TarGz);
    for (name, content) in [("short", "abc"), ("next", "whole")] {
        let size = if name == "short" { 5000 } else { content.len() as u64 };
        pack.begin(&Entry { name: name.as_bytes(), what: What::File(size), mode: 0o600, changed: 0 });
        pack.data(content.as_bytes());
        pack.end();
    }
    pack.finish();
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("t"), pack.ready()).unwrap();
    let done = Command::new("tar").args(["-xzf", "t"]).current_dir(dir.path()).status().unwrap();
    assert!(done.success());
    assert_eq!(std::fs::read(dir.path().join("short")).unwrap().len(), 5000);
    assert_eq!(std::fs::read(dir.path().join("next")).unwrap(), b"whole");
}

#[test]
fn names_that_are_no_text_stay_bytes_in_a_tar_and_are_escaped_in_a_zip() {
    let entry = Entry { name: b"\xff\\a", what: What::File(0), mode: 0o600, changed: 0 };
    for format in [Format::TarGz, Format::Zip] {
        let mut pack = Pack::new(format);
        pack.begin(&entry);
        pack.end();
        pack.finish();
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("t"), pack.ready()).unwrap();
        let command = match format {
            Format::TarGz => "tar -xzf t",
            Format::Zip => "python3 -m zipfile -e t .",
        };
        let done = Command::new("sh").args(["-c", command]).current_dir(dir.path()).status().unwrap();
        assert!(done.success());
        let name: &[u8] = if format == Format::TarGz { b"\xff\\a" } else { b"_xff__a" };
        assert!(dir.path().join(std::ffi::OsStr::from_bytes(name)).exists(), "{format:?}");
    }
}
