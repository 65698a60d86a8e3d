//! Commands.

use std::time::Duration;

use bastide_ssh::{Exec, Exit, Output, Pool};
use bastide_testkit::{SshServer, SshServerOptions, Sshd, within};
use bastide_wire::ssh::Ssh;
use bytes::Bytes;
use sha2::{Digest, Sha256};

use crate::rig::{nobody, pool};

async fn run(pool: &Pool, to: &Ssh, exec: Exec) -> Output {
    within("the command", pool.exec(to, exec, nobody())).await.unwrap()
}

#[tokio::test]
async fn output_and_errors_stay_apart_and_the_status_is_true() {
    let sshd = Sshd::start().await;
    let pool = pool();
    let output = run(&pool, &sshd.ssh(), Exec::new("printf out; printf err >&2; exit 3")).await;
    assert_eq!((output.stdout.as_slice(), output.stderr.as_slice()), (&b"out"[..], &b"err"[..]));
    assert_eq!(output.exit, Exit::Status(3));
    assert!(!output.truncated && !output.timed_out);
    let output = run(&pool, &sshd.ssh(), Exec::new("kill -TERM $$")).await;
    assert_eq!(output.exit, Exit::Signal("TERM".into()));
    assert_eq!(pool.connections().len(), 1);
}

#[tokio::test]
async fn input_is_given_and_ended() {
    let sshd = Sshd::start().await;
    let stdin = Bytes::from(vec![b'a'; 3_000_000]);
    let output = run(&pool(), &sshd.ssh(), Exec { stdin, ..Exec::new("wc -c") }).await;
    assert_eq!(String::from_utf8_lossy(&output.stdout).trim(), "3000000");
    // One that does not read it ends all the same.
    let stdin = Bytes::from(vec![b'a'; 3_000_000]);
    let output = run(&pool(), &sshd.ssh(), Exec { stdin, ..Exec::new("exec true") }).await;
    assert_eq!(output.exit, Exit::Status(0));
}

#[tokio::test]
async fn more_than_is_kept_is_counted_and_digested() {
    let sshd = Sshd::start().await;
    let command = "head -c 5000000 /dev/zero; head -c 70 /dev/zero >&2";
    let output = run(&pool(), &sshd.ssh(), Exec { keep: 1000, ..Exec::new(command) }).await;
    assert!(output.truncated);
    assert_eq!((output.stdout.len(), output.stdout_bytes, output.stderr_bytes), (1000, 5_000_000, 70));
    let expected: [u8; 32] = Sha256::digest(vec![0; 5_000_000]).into();
    assert_eq!(output.stdout_sha256, expected);
}

#[tokio::test]
async fn a_command_that_takes_too_long_gives_what_it_had() {
    let sshd = Sshd::start().await;
    let pool = pool();
    let timeout = Duration::from_secs(3);
    let output = run(&pool, &sshd.ssh(), Exec { timeout, ..Exec::new("echo begun; exec sleep 1000") }).await;
    assert!(output.timed_out);
    assert_eq!(output.stdout, b"begun\n");
    assert!(matches!(output.exit, Exit::Lost(_)));
    // The connection is as good as before.
    assert_eq!(run(&pool, &sshd.ssh(), Exec::new("true")).await.exit, Exit::Status(0));
    assert_eq!(pool.connections().len(), 1);
}

#[tokio::test]
async fn bytes_that_are_no_text_come_through() {
    let server = SshServer::start(SshServerOptions::default().password("x")).await;
    let output = run(&pool(), &server.ssh(), Exec::new("bytes")).await;
    assert_eq!(output.stdout, b"caf\xe9 \xff\xfe\r\n");
}

#[tokio::test]
async fn a_device_that_says_no_status_and_a_server_that_drops_are_told_apart() {
    let server = SshServer::start(SshServerOptions::default().password("x")).await;
    assert_eq!(run(&pool(), &server.ssh(), Exec::new("bye")).await.exit, Exit::Unsaid);
    let sshd = Sshd::start().await;
    let dropped = run(&pool(), &sshd.ssh(), Exec::new("kill -9 $PPID; sleep 1")).await;
    assert!(matches!(dropped.exit, Exit::Lost(_)) && !dropped.timed_out, "{:?}", dropped.exit);
}
