//! How programs end and what their terminal says.

use std::time::Duration;

use bastide_pty::{Exit, Sessions, Signal, spawn};

use crate::terminals::{alone, output_of, program, read_to_end, read_until, sh, soon};

#[tokio::test]
async fn every_exit_status_is_exact() {
    for code in 0..=255 {
        let child = sh(&format!("exit {code}")).await;
        let exit = soon(child.wait()).await.unwrap();
        assert_eq!(exit, Exit { code, signal: None });
    }
}

#[tokio::test]
async fn a_signal_is_reported_with_its_number_and_the_shells_code() {
    for number in [1, 2, 3, 6, 9, 11, 13, 15, 31, 64] {
        let child = sh(&format!("ulimit -c 0; kill -{number} $$")).await;
        let exit = soon(child.wait()).await.unwrap();
        let expected = Exit { code: 128 + number, signal: Some(number) };
        assert_eq!(exit, expected);
    }
}

#[tokio::test]
async fn all_output_comes_before_the_end() {
    let child = sh("seq 1 200000; exit 3").await;
    let output = read_to_end(&child.master).await;
    let expected: String = (1..=200_000).map(|n| format!("{n}\r\n")).collect();
    assert!(output == expected.as_bytes(), "{} bytes", output.len());
    assert_eq!(soon(child.wait()).await.unwrap().code, 3);
    // The end stays the end.
    assert_eq!(child.master.try_read(&mut [0; 16]).unwrap(), 0);
}

#[tokio::test]
async fn the_end_can_be_waited_for_again_and_the_wait_given_up() {
    let child = sh("read line; exit 7").await;
    tokio::select! {
        biased;
        exit = child.wait() => panic!("ended early: {exit:?}"),
        () = std::future::ready(()) => {}
    }
    assert_eq!(child.process.exited().unwrap(), None);
    crate::terminals::write_all(&child.master, b"\n").await;
    assert_eq!(soon(child.wait()).await.unwrap().code, 7);
    assert_eq!(soon(child.wait()).await.unwrap().code, 7);
    assert_eq!(child.process.exited().unwrap().unwrap().code, 7);
}

#[tokio::test]
async fn a_dropped_program_is_killed_and_reaped() {
    let child = sh("echo up; trap '' HUP TERM; while :; do read line; done").await;
    read_until(&child.master, "up").await;
    let pid = child.pid();
    drop(child);
    let stat = format!("/proc/{pid}/stat");
    soon(async {
        while std::fs::exists(&stat).unwrap() {
            tokio::task::yield_now().await;
        }
    })
    .await;
}

#[tokio::test]
async fn ending_a_session_reaches_jobs_that_ignore_sighup_in_groups_of_their_own() {
    let script = "set -m; sh -c 'trap \"\" HUP TERM; echo one; sleep 1000' & \
                  sh -c 'trap \"\" HUP; echo two; kill -STOP $$' & \
                  trap '' HUP; echo three; while :; do sleep 1000; done";
    let child = sh(script).await;
    let mut seen = String::new();
    while !["one", "two", "three"].iter().all(|word| seen.contains(word)) {
        seen += &read_until(&child.master, "\n").await;
    }
    let pid = child.pid();
    assert!(Sessions::read().unwrap().groups(pid).count() >= 3);

    let exit = soon(child.end(Duration::from_millis(20))).await.unwrap();
    assert_eq!(exit.signal, Some(Signal::Kill.number()));
    read_to_end(&child.master).await;
}

#[tokio::test]
async fn a_shell_that_obeys_sighup_ends_within_the_grace() {
    let child = spawn(program("cat", &[])).await.unwrap();
    let exit = soon(child.end(Duration::from_secs(20))).await.unwrap();
    assert_eq!(exit.signal, Some(Signal::Hup.number()));
}

#[tokio::test]
async fn a_hundred_short_programs_leave_no_descriptor_behind() {
    if !alone("ends::a_hundred_short_programs_leave_no_descriptor_behind") {
        return;
    }
    let count = || std::fs::read_dir("/proc/self/fd").unwrap().count();
    output_of("true").await;
    let before = count();
    for _ in 0..100 {
        output_of("true").await;
    }
    // The test harness may open one of its own meanwhile; two per program would be 200.
    assert!(count() < before + 20, "{before} before, {} after", count());
}

/// Started with SIGCHLD ignored, as some supervisors do, the kernel would reap for us: no status.
#[test]
fn exit_statuses_are_known_even_if_this_process_began_with_sigchld_ignored() {
    let script =
        "trap '' CHLD; exec \"$0\" --exact ends::a_signal_is_reported_with_its_number_and_the_shells_code";
    let own = std::env::current_exe().unwrap();
    let output = std::process::Command::new("bash").args(["-c", script]).arg(own).output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && text.contains("1 passed"), "{text}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_programs_start_and_end_at_once() {
    let starts = (0..200).map(|n| {
        tokio::spawn(async move {
            let child = sh(&format!("read x; echo $x; exit {n}")).await;
            crate::terminals::write_all(&child.master, b"hello\n").await;
            let output = read_to_end(&child.master).await;
            assert_eq!(output, b"hello\r\nhello\r\n");
            assert_eq!(soon(child.wait()).await.unwrap().code, n);
        })
    });
    for start in starts.collect::<Vec<_>>() {
        start.await.unwrap();
    }
}

/// The kernel hands output over by a worker of its own, so the end of a program can be noticed
/// before its last output is.
#[tokio::test]
async fn after_the_end_of_the_program_all_output_is_there_without_waiting() {
    for _ in 0..200 {
        let child = sh("printf hello").await;
        // Without a turn of the reactor, which thus has noticed nothing.
        while child.process.exited().unwrap().is_none() {
            std::thread::yield_now();
        }
        let (mut all, mut buf) = (Vec::new(), [0; 64]);
        loop {
            match child.master.try_read(&mut buf).unwrap() {
                0 => break,
                n => all.extend_from_slice(&buf[..n]),
            }
        }
        assert_eq!(all, b"hello");
    }
}
