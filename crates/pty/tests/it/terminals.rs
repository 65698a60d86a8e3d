//! What the tests share: programs to start and ways to wait for facts.

use std::collections::BTreeMap;
use std::future::Future;
use std::io::ErrorKind;
use std::time::Duration;

use bastide_pty::{Account, Child, Master, Size, Spawn, environment, spawn};

/// Far above what any step here takes: a test that reaches it has failed.
const PATIENCE: Duration = Duration::from_secs(30);

pub(crate) const SIZE: Size = Size { cols: 80, rows: 24 };

/// `program args…` as ourselves, in `/`.
pub(crate) fn program(program: &str, args: &[&str]) -> Spawn {
    let account = Account::current().unwrap();
    Spawn {
        program: program.into(),
        args: args.iter().map(Into::into).collect(),
        login: false,
        env: environment(&account, &BTreeMap::new()).unwrap(),
        cwd: "/".into(),
        size: SIZE,
        account,
        limits: bastide_pty::Limits::default(),
        view: bastide_pty::View::default(),
        group: None,
    }
}

pub(crate) async fn sh(script: &str) -> Child {
    spawn(program("/bin/sh", &["-c", script])).await.unwrap()
}

/// The result of a step that must come to an end.
pub(crate) async fn soon<T>(step: impl Future<Output = T>) -> T {
    tokio::time::timeout(PATIENCE, step).await.expect("the step ends in time")
}

/// All output up to the end of the terminal.
pub(crate) async fn read_to_end(master: &Master) -> Vec<u8> {
    read_while(master, |_| true).await
}

/// Output until it contains `text`.
pub(crate) async fn read_until(master: &Master, text: &str) -> String {
    let all = read_while(master, |all| !String::from_utf8_lossy(all).contains(text));
    let all = String::from_utf8_lossy(&all.await).into_owned();
    assert!(all.contains(text), "no {text:?} in {all:?}");
    all
}

async fn read_while(master: &Master, goes_on: impl Fn(&[u8]) -> bool) -> Vec<u8> {
    let mut all = Vec::new();
    let mut buf = [0; 8192];
    let reading = async {
        while goes_on(&all) {
            match master.try_read(&mut buf) {
                Ok(0) => break,
                Ok(n) => all.extend_from_slice(&buf[..n]),
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    master.readable().await.unwrap();
                }
                Err(error) => panic!("read: {error}"),
            }
        }
    };
    let ended = tokio::time::timeout(PATIENCE, reading).await;
    assert!(ended.is_ok(), "only {:?}", String::from_utf8_lossy(&all));
    all
}

/// Writes all of `bytes`; the program must read them.
pub(crate) async fn write_all(master: &Master, mut bytes: &[u8]) {
    soon(async {
        while !bytes.is_empty() {
            match master.try_write(bytes) {
                Ok(n) => bytes = &bytes[n..],
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    master.writable().await.unwrap();
                }
                Err(error) => panic!("write: {error}"),
            }
        }
    })
    .await;
}

/// The lines a program prints before it ends.
pub(crate) async fn output_of(script: &str) -> Vec<String> {
    let child = sh(script).await;
    let all = read_to_end(&child.master).await;
    let text = String::from_utf8(all).unwrap();
    text.lines().map(str::to_owned).collect()
}

/// For a test that looks at all of its process: true in a process of its own, which this makes and
/// waits for. `test` is its full name.
pub(crate) fn alone(test: &str) -> bool {
    const ROLE: &str = "PTY_TEST_ALONE";
    if std::env::var_os(ROLE).is_some() {
        return true;
    }
    let own = std::env::current_exe().unwrap();
    let output = std::process::Command::new(own).args(["--exact", test]).env(ROLE, "1").output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && text.contains("1 passed"), "{text}");
    false
}
