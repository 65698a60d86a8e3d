//! What goes wrong around a server: bad requests, bad disks, a sudden end.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use bastide_testkit::within;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::process::Command;

use crate::BASTIDE;
use crate::serve::{Server, command, get, output};

/// With this a server does not start a daemon.
const NO_DAEMON: (&str, &str) = ("NOTIFY_SOCKET", "/nowhere");

async fn started(dir: &Path) -> (Server, String) {
    let mut server = Server::start(dir, &[], &[NO_DAEMON]).await;
    let address = server.address().await;
    (server, address)
}

#[tokio::test]
async fn heads_that_are_too_large_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    let (server, address) = started(dir.path()).await;
    let long = format!("x-long: {}\r\n", "a".repeat(70_000));
    let many: String = (0..200).map(|n| format!("x-{n}: 1\r\n")).collect();
    let path = format!("/{}", "a".repeat(70_000));
    for (what, head) in [
        ("a long header", format!("GET /healthz HTTP/1.1\r\nhost: a\r\n{long}\r\n")),
        ("many headers", format!("GET /healthz HTTP/1.1\r\nhost: a\r\n{many}\r\n")),
        ("a long path", format!("GET {path} HTTP/1.1\r\nhost: a\r\n\r\n")),
        ("no HTTP", "EHLO there\r\n\r\n".to_owned()),
    ] {
        let mut stream = TcpStream::connect(&address).await.unwrap();
        // It may answer, and close, before it has read everything.
        stream.write_all(head.as_bytes()).await.ok();
        let mut answer = Vec::new();
        within(what, stream.read_to_end(&mut answer)).await.ok();
        let answer = String::from_utf8_lossy(&answer);
        assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 4"), "{what}: {answer}");
    }
    assert!(get(&address, "/healthz").await.starts_with("HTTP/1.1 200"));
    server.stop().await;
}

#[tokio::test]
async fn a_slow_head_a_slow_body_and_an_idle_connection_end() {
    let dir = tempfile::tempdir().unwrap();
    let (server, address) = started(dir.path()).await;
    let head = b"GET /healthz HTTP/1.1\r\nhost: a\r\nx-slow: ".to_vec();
    let body = b"POST /api/v1/login HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\n\
        content-length: 100\r\n\r\n{\"username\":"
        .to_vec();
    let idle = b"GET /healthz HTTP/1.1\r\nhost: a\r\n\r\n".to_vec();
    let ends = [head, body, idle].map(|sent| {
        let address = address.clone();
        tokio::spawn(async move {
            let mut stream = TcpStream::connect(&address).await.unwrap();
            stream.write_all(&sent).await.unwrap();
            let mut answer = Vec::new();
            // Ten seconds for a head, twenty for a body.
            let end = tokio::time::timeout(Duration::from_secs(28), stream.read_to_end(&mut answer));
            end.await.expect("the connection is ended").ok();
            String::from_utf8_lossy(&answer).into_owned()
        })
    });
    assert!(get(&address, "/healthz").await.starts_with("HTTP/1.1 200"), "others are served meanwhile");
    let [head, body, idle] = ends;
    assert!(!head.await.unwrap().contains(" 200 "));
    let refused = body.await.unwrap();
    assert!(refused.starts_with("HTTP/1.1 4"), "{refused}");
    assert!(idle.await.unwrap().starts_with("HTTP/1.1 200"));
    server.stop().await;
}

#[tokio::test]
async fn a_data_directory_that_cannot_be_written_stops_the_start_with_its_name() {
    let dir = tempfile::tempdir().unwrap();
    let (server, _) = started(dir.path()).await;
    server.stop().await;
    let data = dir.path().join("DATA_HOME/bastide");
    let serve = format!("exec {BASTIDE} serve --listen 127.0.0.1:0");
    // Modes do not hold root back; a file system that is mounted read-only does.
    let script = match nix::unistd::geteuid().is_root() {
        true => format!("mount --bind {0} {0} && mount -o remount,bind,ro {0} && {serve}", data.display()),
        false => format!("chmod 500 {} && {serve}", data.display()),
    };
    let (started, why) = within_shell(dir.path(), &script).await;
    assert!(!started);
    assert!(why.contains("DATA_HOME/bastide"), "{why}");
    std::fs::set_permissions(&data, PermissionsExt::from_mode(0o700)).unwrap();
    let (server, _) = self::started(dir.path()).await;
    assert!(server.stop().await.success());
}

#[tokio::test]
async fn a_full_disk_stops_the_start_and_nothing_else_is_lost() {
    let dir = tempfile::tempdir().unwrap();
    // A limit on the size of files stands for a full disk (setrlimit(2)).
    let script = format!("trap '' XFSZ; ulimit -f 0; exec {BASTIDE} serve --listen 127.0.0.1:0");
    let (started, why) = within_shell(dir.path(), &script).await;
    assert!(!started);
    assert!(why.contains("bastide: ") && why.contains("DATA_HOME/bastide"), "{why}");
    let (server, address) = self::started(dir.path()).await;
    assert!(get(&address, "/healthz").await.starts_with("HTTP/1.1 200"));
    assert!(server.stop().await.success());
}

/// Whether the script ended well, and what it said. As root it has mounts of its own.
async fn within_shell(dir: &Path, script: &str) -> (bool, String) {
    let as_given = command(dir, &[]);
    let mut shell = match nix::unistd::geteuid().is_root() {
        true => {
            let mut unshare = Command::new("unshare");
            unshare.args(["--mount", "sh", "-c", script]);
            unshare
        }
        false => {
            let mut shell = Command::new("sh");
            shell.args(["-c", script]);
            shell
        }
    };
    shell.env_clear();
    for (name, value) in as_given.as_std().get_envs() {
        shell.env(name, value.unwrap_or_default());
    }
    shell.env(NO_DAEMON.0, NO_DAEMON.1).stdin(Stdio::null()).kill_on_drop(true);
    let output = within("the script", shell.output()).await.unwrap();
    (output.status.success(), String::from_utf8_lossy(&output.stderr).into_owned())
}

#[tokio::test]
async fn a_start_that_is_killed_at_any_moment_leaves_a_directory_that_opens() {
    let dir = tempfile::tempdir().unwrap();
    // How long a whole start takes here, so that the moments lie all over it.
    let began = std::time::Instant::now();
    let (server, _) = started(&dir.path().join("measured")).await;
    let whole = began.elapsed();
    server.stop().await;
    // Two in each directory: the first may be killed while it makes the database, the second finds what is left.
    let homes: Vec<_> = (0..10).map(|n| dir.path().join(n.to_string())).collect();
    for home in homes.iter().chain(&homes) {
        let moment = whole.mul_f64(f64::from(rand_byte()) / 200.0);
        let mut server = Server::spawn(home, &["--tls-self-signed"], &[NO_DAEMON]);
        // Not a wait for a fact: the moment itself is what is tried.
        tokio::time::sleep(moment).await;
        server.child.kill().await.unwrap();
    }
    for home in &homes {
        let server = Server::start(home, &["--tls-self-signed"], &[NO_DAEMON]).await;
        assert!(server.stop().await.success());
        let log = home.join("DATA_HOME/bastide/log");
        let (whole, _, said) = output(home, &["verify", log.to_str().unwrap()]).await;
        assert!(whole, "{said}");
        let (made, link, why) = output(home, &["login-link", "admin"]).await;
        assert!(made && link.contains("/login?token="), "{why}");
    }
}

fn rand_byte() -> u8 {
    uuid::Uuid::new_v4().as_bytes()[0]
}

#[tokio::test]
async fn connections_above_the_limit_wait_until_another_ends() {
    let dir = tempfile::tempdir().unwrap();
    let mut server = Server::start(dir.path(), &["--max-connections", "16"], &[NO_DAEMON]).await;
    let address = server.address().await;
    let ask = b"GET /healthz HTTP/1.1\r\nhost: a\r\n\r\n";
    let exchange = async |stream: &mut TcpStream| {
        stream.write_all(ask).await.unwrap();
        let mut answer = Vec::new();
        while !answer.ends_with(b"ok\n") {
            assert_ne!(within("an answer", stream.read_buf(&mut answer)).await.unwrap(), 0);
        }
    };
    let mut held = Vec::new();
    for _ in 0..16 {
        let mut stream = TcpStream::connect(&address).await.unwrap();
        // Its answer says that it has a place.
        exchange(&mut stream).await;
        held.push(stream);
    }
    let mut waiting = TcpStream::connect(&address).await.unwrap();
    waiting.write_all(ask).await.unwrap();
    // Another one's whole exchange is time enough for one that is served.
    exchange(&mut held[0]).await;
    exchange(&mut held[1]).await;
    let nothing = waiting.try_read(&mut [0]).unwrap_err();
    assert_eq!(nothing.kind(), std::io::ErrorKind::WouldBlock);
    held.pop();
    assert_eq!(within("its turn", waiting.read_u8()).await.unwrap(), b'H');
    server.stop().await;
}

/// The statuses of failed logins that a proxy passes on for this address, one after the other.
async fn failed_logins(address: &str, from: &str, count: usize) -> Vec<String> {
    let mut statuses = Vec::new();
    for n in 0..count {
        let body = format!(r#"{{"username":"nobody{n}","password":"wrong"}}"#);
        let request = format!(
            "POST /api/v1/login HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\nx-forwarded-for: {from}\r\n\
             content-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        );
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        within("an answer", stream.read_to_string(&mut answer)).await.unwrap();
        let status = answer.split(' ').nth(1).unwrap_or_default().to_owned();
        assert_eq!(status == "429", answer.contains("retry-after: "), "{answer}");
        statuses.push(status);
    }
    statuses
}

#[tokio::test]
async fn failed_logins_are_counted_by_person_and_not_by_proxy() {
    let dir = tempfile::tempdir().unwrap();
    let mut server = Server::start(dir.path(), &["--trusted-proxies", "127.0.0.1"], &[NO_DAEMON]).await;
    let address = server.address().await;
    let many = failed_logins(&address, "203.0.113.9, 198.51.100.1", 15).await;
    assert_eq!((many[0].as_str(), many[14].as_str()), ("401", "429"), "{many:?}");
    assert_eq!(failed_logins(&address, "198.51.100.2", 1).await, ["401"], "another person's");
    let claimed = failed_logins(&address, "198.51.100.3, 198.51.100.1", 1).await;
    assert_eq!(claimed, ["429"], "what a client has written before the proxy's entry is not believed");
    server.stop().await;

    let mut alone = Server::start(dir.path(), &[], &[NO_DAEMON]).await;
    let address = alone.address().await;
    let mut statuses = Vec::new();
    for n in 0..15 {
        statuses.extend(failed_logins(&address, &format!("198.51.100.{n}"), 1).await);
    }
    assert_eq!(statuses[14], "429", "nobody is trusted: {statuses:?}");
    alone.stop().await;
}
