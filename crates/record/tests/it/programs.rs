//! Other programs read our files: zstd's own, and asciinema 2 (Debian), which reads version 2.

use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use bastide_record::{
    Begin, Config, End, Error, Header, Mode, Pool, ReadError, Reader, State, Version, export,
};

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

/// Resident memory of this process, in bytes (proc_pid_status(5)).
fn resident() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|l| l.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches(" kB").parse::<usize>().unwrap() * 1024
}

#[tokio::test]
async fn a_blank_recording_takes_little_memory() {
    const COUNT: usize = 500;
    let dir = tempfile::tempdir().unwrap();
    let pool = Pool::start(Config { reserve_bytes: 0, ..Config::default() }).unwrap();
    let begin = |n: usize| {
        let header = Header { cols: 80, rows: 24, ..Header::default() };
        let path = dir.path().join(n.to_string());
        pool.begin(Begin { path, mode: Mode::Required, header, started: Instant::now() }).unwrap()
    };
    // What the threads keep for themselves is not counted.
    begin(COUNT).close().await.unwrap();
    let before = resident();
    let mut recorders: Vec<_> = (0..COUNT).map(begin).collect();
    for recorder in &mut recorders {
        recorder.output(Instant::now(), b"$ ");
    }
    assert!(resident() - before < 8 * 1024 * COUNT, "{} bytes each", (resident() - before) / COUNT);
}

#[tokio::test]
async fn a_file_that_cannot_grow_keeps_what_it_took() {
    // A limit on the size of files stands for a full disk (setrlimit(2)). It holds for the whole process,
    // so the test runs itself again in one of its own.
    const NAME: &str = "programs::a_file_that_cannot_grow_keeps_what_it_took";
    if std::env::var_os("BASTIDE_RECORD_LIMITED").is_none() {
        let exe = std::env::current_exe().unwrap();
        let run = format!("ulimit -f 8; trap '' XFSZ; exec {} --exact {NAME}", exe.display());
        let mut command = Command::new("bash");
        let output = command.args(["-c", &run]).env("BASTIDE_RECORD_LIMITED", "1").output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a");
    let config = Config {
        reserve_bytes: 0,
        frame_bytes: 2000,
        flush_after: Duration::from_millis(5),
        give_up_after: Duration::from_millis(200),
        ..Config::default()
    };
    let pool = Pool::start(config).unwrap();
    let started = Instant::now();
    let mut recorder = pool
        .begin(Begin { path: path.clone(), mode: Mode::Required, header: Header::default(), started })
        .unwrap();
    let mut x = 1_u64;
    while recorder.state() == State::Recording {
        x = x.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        recorder.room().await;
        recorder.output(Instant::now(), format!("{x} ").as_bytes());
    }
    assert!(matches!(
        recorder.close().await.err().unwrap(),
        Error::Failed { .. } | Error::CloseTimeout { .. }
    ));
    assert_eq!(std::fs::metadata(&path).unwrap().len(), 8 * 1024);
    let mut reader = Reader::open(&path).unwrap();
    let events = reader.by_ref().map(Result::unwrap).count();
    assert!(events > 100, "{events}");
    assert!(matches!(reader.end(), Some(End::Truncated { .. })));
}
