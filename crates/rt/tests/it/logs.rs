//! Each test runs itself again as a process of its own, which logs and panics.

use std::hint::black_box;
use std::io::Read;
use std::process::{Command, Stdio};

use bastide_rt::Tasks;
use bastide_rt::logging::{self, Format, Logging};

const ROLE: &str = "LOGS_TEST_ROLE";
const SECRET: &str = "hunter2";

/// This test binary, to run `test` alone in `role`.
fn again(test: &str, role: &str) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", test, "--nocapture"]).env(ROLE, role);
    for variable in ["BASTIDE_LOG", "RUST_BACKTRACE", "NO_COLOR"] {
        command.env_remove(variable);
    }
    command
}

fn role() -> Option<String> {
    std::env::var(ROLE).ok()
}

fn panicking_process(format: Format) {
    let _written = logging::init(&Logging { filter: None, format }).unwrap();
    tracing::info!(sessions = 3, "up");
    tracing::debug!("not shown");
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(async {
        let tasks = Tasks::new();
        let quoting = tasks.spawn("quoting", async {
            let nothing: Result<(), &str> = black_box(Err(SECRET));
            nothing.expect("it quotes");
        });
        let fixed = tasks.spawn("fixed", async {
            assert!(black_box(false), "a fixed reason");
        });
        assert!(quoting.await.is_err() && fixed.await.is_err());
    });
}

#[test]
fn text_entries_name_the_task_and_the_place_of_a_panic_but_not_what_it_quotes() {
    if role().is_some() {
        return panicking_process(Format::Text);
    }
    let name = "logs::text_entries_name_the_task_and_the_place_of_a_panic_but_not_what_it_quotes";
    let output = again(name, "text").output().unwrap();
    let log = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success(), "{log}");
    assert!(!log.contains(SECRET), "{log}");
    assert!(!log.contains("not shown"), "{log}");
    assert!(log.contains("up sessions=3"), "{log}");
    assert!(log.contains("panic: (message withheld: it may quote data)"), "{log}");
    assert!(log.contains("panic: a fixed reason"), "{log}");
    assert!(log.contains("tests/it/logs.rs:"), "{log}");
    for task in ["quoting", "fixed"] {
        assert!(log.contains(&format!("a task panicked and has ended task={task}")), "{log}");
    }
    assert!(!log.contains('\u{1b}'), "no colours into a pipe: {log}");
}

#[test]
fn json_entries_are_one_object_a_line_with_rfc_3339_times() {
    if role().is_some() {
        return panicking_process(Format::Json);
    }
    let name = "logs::json_entries_are_one_object_a_line_with_rfc_3339_times";
    let output = again(name, "json").output().unwrap();
    let log = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success() && !log.contains(SECRET), "{log}");
    let first = log.lines().next().unwrap();
    assert!(first.contains("\"message\":\"up\",\"sessions\":3"), "{first}");
    let time = first.strip_prefix("{\"timestamp\":\"").unwrap().split('"').next().unwrap();
    let shape: String = time.chars().map(|c| if c.is_ascii_digit() { '0' } else { c }).collect();
    assert_eq!(shape, "0000-00-00T00:00:00.000000Z");
    assert!(log.lines().all(|line| line.starts_with('{') && line.ends_with('}')), "{log}");
}

#[test]
fn a_process_outlives_its_standard_error() {
    if role().is_some() {
        let _written = logging::init(&Logging::default()).unwrap();
        // The first line tells the parent that it may close the other end.
        tracing::info!("up");
        std::io::stdin().read_to_end(&mut Vec::new()).unwrap();
        tracing::info!("nobody reads this");
        return panicking_task();
    }
    let name = "logs::a_process_outlives_its_standard_error";
    let mut command = again(name, "closed");
    let pipes = command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::piped());
    let mut child = pipes.spawn().unwrap();
    let mut first = [0; 1];
    child.stderr.as_mut().unwrap().read_exact(&mut first).unwrap();
    drop(child.stderr.take());
    drop(child.stdin.take());
    assert!(child.wait().unwrap().success());
}

fn panicking_task() {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let tasks = Tasks::new();
    let broken = runtime.block_on(async {
        tasks
            .spawn("broken", async {
                assert!(black_box(false), "nobody reads this either");
            })
            .await
    });
    assert!(broken.is_err());
}
