//! The server with TLS, as clients with and without it see it.

use std::time::Duration;

use bastide_testkit::within;
use reqwest::redirect::Policy;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::serve::{Server, get, output};

/// What a browser would be that has accepted the certificate by hand.
fn trusting() -> reqwest::Client {
    let client = reqwest::Client::builder().tls_danger_accept_invalid_certs(true).redirect(Policy::none());
    client.build().unwrap()
}

/// Sends these bytes and reads to the end.
async fn raw(address: &str, bytes: &[u8]) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(bytes).await.unwrap();
    let mut answer = Vec::new();
    within("an end", stream.read_to_end(&mut answer)).await.ok();
    String::from_utf8_lossy(&answer).into_owned()
}

/// As the log says it.
pub(crate) async fn fingerprint(server: &mut Server) -> String {
    let line = server.says("fingerprint=").await;
    line.rsplit("fingerprint=").next().unwrap().trim_matches('"').to_owned()
}

#[tokio::test]
async fn a_certificate_of_its_own_is_made_once_and_its_fingerprint_said() {
    let dir = tempfile::tempdir().unwrap();
    let mut server = Server::start(dir.path(), &["--tls-self-signed"], &[]).await;
    let first = fingerprint(&mut server).await;
    let address = server.address().await;
    assert!(server.says(" serves at ").await.contains("https://"));
    let answer = trusting().get(format!("https://{address}/healthz")).send().await.unwrap();
    assert_eq!(answer.status(), 200);
    assert!(!answer.headers().contains_key("strict-transport-security"), "nobody vouches for it");
    assert_eq!(answer.text().await.unwrap(), "ok\n");

    let told = get(&address, "/login?token=x").await;
    assert!(told.starts_with("HTTP/1.1 307"), "{told}");
    assert!(told.contains(&format!("location: https://{address}/login?token=x\r\n")), "{told}");
    let posted = raw(&address, b"POST /login HTTP/1.1\r\nhost: a\r\ncontent-length: 0\r\n\r\n").await;
    assert!(posted.starts_with("HTTP/1.1 400") && posted.contains("speaks HTTPS only"), "{posted}");
    assert!(!posted.contains("location"), "what was posted in the clear is not asked for again: {posted}");
    for garbage in [&b"\x00\x01\x02garbage\r\n\r\n"[..], b"\x16\x03\x01\xff\xffgarbage", b"\x16"] {
        let mut stream = TcpStream::connect(&address).await.unwrap();
        stream.write_all(garbage).await.unwrap();
        stream.shutdown().await.unwrap();
        let mut answer = Vec::new();
        within("the end of garbage", stream.read_to_end(&mut answer)).await.ok();
        assert!(!String::from_utf8_lossy(&answer).contains("200"));
    }
    assert_eq!(trusting().get(format!("https://{address}/healthz")).send().await.unwrap().status(), 200);
    server.stop().await;

    let mut again = Server::start(dir.path(), &["--tls-self-signed"], &[]).await;
    assert_eq!(fingerprint(&mut again).await, first);
    again.stop().await;
    output(dir.path(), &["ptyd", "stop"]).await;
}

#[tokio::test]
async fn certificate_files_are_checked_before_the_start() {
    let dir = tempfile::tempdir().unwrap();
    let path = |name: &str| dir.path().join(name).display().to_string();
    std::fs::write(path("empty.pem"), "").unwrap();
    let cases: [(&[&str], &[&str]); 4] = [
        (&["--tls-cert", "/no/such/cert"], &["--tls-cert", "needs tls.key"]),
        (&["--tls-cert", "/no/such/cert", "--tls-key", "/k"], &["TLS", "cannot read /no/such/cert"]),
        (&["--tls-cert", &path("empty.pem"), "--tls-key", "/k"], &["holds no certificate"]),
        (&["--tls-self-signed", "--tls-cert", "/c", "--tls-key", "/k"], &["one or the other"]),
    ];
    for (args, words) in cases {
        let args = [&["serve", "--listen", "127.0.0.1:0"], args].concat();
        let (started, _, why) = output(dir.path(), &args).await;
        assert!(!started, "{args:?}");
        for word in words {
            assert!(why.contains(word), "{args:?}: {word:?} is not in {why}");
        }
    }
    let (sound, _, why) = output(dir.path(), &["config", "check", "serve"]).await;
    assert!(sound, "{why}");
    let file = path("server.toml");
    std::fs::write(&file, "[tls]\ncertificate = '/no/such/cert'\nkey = '/k'\n").unwrap();
    let (sound, _, why) = output(dir.path(), &["config", "check", "serve", "--file", &file]).await;
    assert!(!sound && why.contains("cannot read /no/such/cert"), "{why}");
}

/// Connections that begin and do not go on end by themselves, and hold up nobody meanwhile.
#[tokio::test]
async fn whoever_dawdles_is_let_go() {
    let dir = tempfile::tempdir().unwrap();
    let mut server = Server::start(dir.path(), &["--tls-self-signed"], &[]).await;
    let address = server.address().await;
    let mut held = Vec::new();
    for beginning in [&b""[..], b"\x16", b"\x16\x03\x01\x00\xa5\x01", b"GET / HTTP/1.1\r\nhost:"] {
        for _ in 0..25 {
            let mut stream = TcpStream::connect(&address).await.unwrap();
            stream.write_all(beginning).await.unwrap();
            held.push(stream);
        }
    }
    let answer = trusting().get(format!("https://{address}/healthz")).send();
    assert_eq!(within("an answer", answer).await.unwrap().status(), 200);
    // The deadline is ten seconds.
    let all = async {
        for stream in &mut held {
            let mut rest = Vec::new();
            stream.read_to_end(&mut rest).await.ok();
        }
    };
    tokio::time::timeout(Duration::from_secs(18), all).await.expect("all were let go");
    server.stop().await;
    output(dir.path(), &["ptyd", "stop"]).await;
}

#[tokio::test]
async fn with_certificate_files_browsers_are_told_to_come_by_tls_only() {
    let dir = tempfile::tempdir().unwrap();
    let made = Server::start(dir.path(), &["--tls-self-signed"], &[]).await;
    made.stop().await;
    // One file may hold both; who has signed it is not the server's concern.
    let both = dir.path().join("both.pem").display().to_string();
    std::fs::copy(dir.path().join("DATA_HOME/bastide/self-signed.pem"), &both).unwrap();
    let mut server = Server::start(dir.path(), &["--tls-cert", &both, "--tls-key", &both], &[]).await;
    let address = server.address().await;
    let strict = async |host: &str| {
        let asked = trusting().get(format!("https://{address}/healthz")).header("host", host);
        let answer = asked.send().await.unwrap();
        assert_eq!(answer.status(), 200);
        answer.headers().get("strict-transport-security").cloned()
    };
    assert_eq!(strict("shell.example.org").await.unwrap(), "max-age=15552000");
    assert_eq!(strict(&address).await, None, "other servers of this machine may have no TLS");
    assert!(!server.said.iter().any(|line| line.contains("fingerprint")), "{:#?}", server.said);
    server.stop().await;
    output(dir.path(), &["ptyd", "stop"]).await;
}
