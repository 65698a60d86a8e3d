//! Other programs read our files: zstd's own, and asciinema 2 (Debian), which reads version 2.

use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use bastide_record::{Begin, Config, Error, Header, Mode, Pool, ReadError, Reader, Version, export};

const OUTPUT: &str = "\u{1b}[1;31mhello\u{1b}[0m \"wörld\" \\ 日本\r\n";

async fn recorded(path: &Path) {
    let pool = Pool::start(Config { reserve_bytes: 0, ..Config::default() }).unwrap();
    let started = Instant::now();
    let header = Header { cols: 80, rows: 24, term: Some("xterm".to_owned()), ..Header::default() };
    let mut recorder =
        pool.begin(Begin { path: path.to_owned(), mode: Mode::Required, header, started }).unwrap();
    recorder.output(started, OUTPUT.as_bytes());
    recorder.resize(started + Duration::from_millis(2), 100, 30);
    recorder.marker(started + Duration::from_millis(3), "m");
    recorder.output(started + Duration::from_millis(4), b"bye");
    recorder.exit(started + Duration::from_millis(5), 0);
    let closed = recorder.close().await.unwrap();
    assert_eq!(std::fs::metadata(path).unwrap().len(), closed.bytes_written);
    pool.shutdown(Duration::from_secs(20)).unwrap();
}

fn stdout_of(command: &mut Command) -> Vec<u8> {
    let output = command.output().unwrap_or_else(|e| panic!("{command:?} is needed: {e}"));
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    output.stdout
}

#[tokio::test]
async fn zstdcat_gives_a_valid_version_3_file() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a.cast.zst");
    recorded(&path).await;
    assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    let text = String::from_utf8(stdout_of(Command::new("zstdcat").arg(&path))).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines[0], r#"{"version":3,"term":{"cols":80,"rows":24,"type":"xterm"}}"#);
    assert_eq!(lines[2], r#"[0.002000,"r","100x30"]"#);
    assert_eq!(lines[5], r#"[0.001000,"x","0"]"#);

    let mut exported = Vec::new();
    let done = export(Reader::open(&path).unwrap(), Version::V3, &mut exported).unwrap();
    assert_eq!(done.events, 5);
    assert_eq!(String::from_utf8(exported).unwrap(), text);
}

#[tokio::test]
async fn asciinema_plays_the_version_2_export() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a.cast.zst");
    recorded(&path).await;
    let plain = dir.path().join("a.cast");
    let mut file = std::fs::File::create(&plain).unwrap();
    export(Reader::open(&path).unwrap(), Version::V2, &mut file).unwrap();
    file.flush().unwrap();
    // `asciinema cat` opens /dev/tty, which a test run has not; script(1) gives it one. Its output goes to
    // a file, past the terminal's own line ends.
    let printed = dir.path().join("printed");
    let run = format!("asciinema cat {} >{}", plain.display(), printed.display());
    stdout_of(
        Command::new("script")
            .args(["-qec", &run, "/dev/null"])
            .env("LC_ALL", "C.UTF-8")
            .stdin(Stdio::null()),
    );
    assert_eq!(std::fs::read_to_string(printed).unwrap().trim_end_matches('\n'), format!("{OUTPUT}bye"));
}

#[tokio::test]
async fn an_existing_file_is_not_touched_and_a_missing_directory_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a");
    std::fs::write(&path, "mine").unwrap();
    let pool = Pool::start(Config { reserve_bytes: 0, ..Config::default() }).unwrap();
    let new = |path: &Path, mode| Begin {
        path: path.to_owned(),
        mode,
        header: Header::default(),
        started: Instant::now(),
    };
    let error = pool.begin(new(&path, Mode::Required)).err().unwrap();
    assert!(
        matches!(&error, Error::Create { source, .. } if source.kind() == std::io::ErrorKind::AlreadyExists)
    );
    assert_eq!(std::fs::read(&path).unwrap(), b"mine");

    let nowhere = dir.path().join("no/a");
    assert!(matches!(pool.begin(new(&nowhere, Mode::Required)).err().unwrap(), Error::Space { .. }));
    let error = pool.begin(new(&nowhere, Mode::BestEffort)).err().unwrap();
    assert!(error.to_string().contains(nowhere.to_str().unwrap()));
}

#[test]
fn a_full_device_is_an_error_of_the_export() {
    let text = "{\"version\":3,\"term\":{\"cols\":1,\"rows\":1}}\n";
    let full = std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    let error = export(Reader::new(text.as_bytes()).unwrap(), Version::V3, full).unwrap_err();
    assert!(matches!(error, ReadError::Write { .. }));
}
