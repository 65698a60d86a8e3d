//! Connections further on through the SSH door: `-L`, `-D`, `-J`, where they may not go, and `-R`.

use std::process::Stdio;

use bastide_testkit::{Sshd, within};
use serde_json::json;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio::process::{Child, Command};

use crate::door::{Door, ended, free_port, keygen};
use crate::door_ways::greeter;

async fn door() -> (Door, Sshd, i64) {
    let (door, sshd) = (Door::start().await, Sshd::start().await);
    let server = door.site.sshd("web1", &sshd, json!({})).await;
    (door, sshd, server)
}

/// `ssh` that listens by these words and runs a command that says when it does; ended with the value.
async fn listening(door: &Door, words: &[&str]) -> Child {
    let mut ssh = door.ssh(words);
    ssh.args(["-o", "ExitOnForwardFailure=yes", "admin+web1@127.0.0.1", "echo listens; cat"]);
    let mut ssh = ssh.stdin(Stdio::piped()).spawn().unwrap();
    let mut said = String::new();
    within("the ports", BufReader::new(ssh.stdout.take().unwrap()).read_line(&mut said)).await.unwrap();
    assert_eq!(said, "listens\n");
    ssh
}

/// Sends, ends, and reads what comes back.
async fn exchange(mut stream: TcpStream, bytes: usize) -> String {
    let mut said = String::new();
    within("the answer", async {
        stream.write_all(&vec![1; bytes]).await.unwrap();
        stream.shutdown().await.unwrap();
        stream.read_to_string(&mut said).await.unwrap();
    })
    .await;
    said
}

#[tokio::test]
async fn ports_here_lead_to_what_the_server_reaches() {
    let (door, _sshd, _) = door().await;
    let (near, socks, far) = (free_port(), free_port(), greeter().await);
    let (near_word, socks_word) = (format!("{near}:127.0.0.1:{far}"), format!("127.0.0.1:{socks}"));
    let mut ssh = listening(&door, &["-L", &near_word, "-D", &socks_word]).await;
    assert_eq!(exchange(TcpStream::connect(("127.0.0.1", near)).await.unwrap(), 100_000).await, "had 100000");

    // RFC 1928: no authentication; CONNECT to a name, which the server resolves.
    let mut stream = TcpStream::connect(("127.0.0.1", socks)).await.unwrap();
    let mut asked = vec![5, 1, 0, 5, 1, 0, 3, 9];
    asked.extend_from_slice(b"localhost");
    asked.extend_from_slice(&far.to_be_bytes());
    stream.write_all(&asked).await.unwrap();
    let mut answer = [0; 12];
    within("the proxy's answer", stream.read_exact(&mut answer)).await.unwrap();
    assert_eq!((answer[1], answer[3]), (0, 0), "{answer:?}");
    assert_eq!(exchange(stream, 5000).await, "had 5000");
    let entry = door.until_logged("server_forward", |entry| entry["input_bytes"] == 100_000).await;
    assert!(entry["duration_ms"].is_u64() && entry["output_bytes"] == 10, "{entry}");
    door.until_logged("server_forward", |entry| entry["to_host"] == "localhost").await;

    // When the client goes, so do the connections.
    let open = TcpStream::connect(("127.0.0.1", near)).await.unwrap();
    let count =
        |phase: &str| door.logged("server_forward").iter().filter(|entry| entry["phase"] == phase).count();
    within("the third connection", async {
        while count("begin") < 3 {
            tokio::task::yield_now().await;
        }
    })
    .await;
    ssh.kill().await.unwrap();
    within("its end", async {
        while count("done") < 3 {
            tokio::task::yield_now().await;
        }
    })
    .await;
    drop(open);
    door.site.end().await;
}

#[tokio::test]
async fn a_jump_goes_to_a_known_server_and_back() {
    let (door, sshd, _) = door().await;
    let known = door.known_hosts.display();
    let shared = format!(
        "IdentitiesOnly yes\nIdentityAgent none\nBatchMode yes\nStrictHostKeyChecking accept-new\n\
         UserKnownHostsFile {known}\nLogLevel ERROR\nHostName 127.0.0.1\n"
    );
    let (key, user, inner) = (door.key.display(), sshd.user(), sshd.dir().join("user"));
    let config = format!(
        "Host gate\nPort {}\nUser admin\nIdentityFile {key}\nHost there\nPort {}\nUser {user}\nIdentityFile {}\n\
         ProxyJump gate\nHost *\n{shared}",
        door.port,
        sshd.port(),
        inner.display()
    );
    let path = door.site.dir().join("ssh_config");
    std::fs::write(&path, config).unwrap();
    let mut ssh = Command::new("ssh");
    ssh.arg("-F").arg(&path).args(["there", "cat; echo through $((6*7))"]);
    ssh.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
    let (status, output, said) = ended(ssh).await;
    assert_eq!((status, output.as_str()), (0, "through 42\n"), "{said}");
    door.site.end().await;
}

#[tokio::test]
async fn forbidden_places_are_not_connected_to_and_the_log_says_who_wanted_it() {
    let (door, sshd, server) = door().await;
    // A cloud's metadata, in two ways of writing it.
    for host in ["169.254.169.254", "2852039166"] {
        let (status, _, said) = door.run(&["-W", &format!("{host}:80"), "admin+web1@127.0.0.1"]).await;
        assert!(status == 255 && said.contains("forwarding failed"), "{said}");
        let refused = |entry: &serde_json::Value| entry["phase"] == "refused" && entry["to_host"] == host;
        let entry = door.until_logged("server_forward", refused).await;
        assert!(entry["by"] == "admin" && entry["why"].as_str().unwrap().contains("forbidden"), "{entry}");
    }
    // A right to terminals is none to connections.
    let (bob, token) = door.site.user("bob").await;
    let key = door.site.dir().join("bobs_key");
    let public = keygen(&key);
    door.site.make_as(&token, "/api/v1/me/ssh-keys", json!({ "key": public })).await;
    let grant = json!({ "user_id": bob, "server_id": server, "rights": ["connect", "write", "execute"] });
    door.site.make("/api/v1/grants", grant).await;
    let door = Door { key, ..door };
    assert_eq!(door.run(&["bob+web1@127.0.0.1", "echo in"]).await.1, "in\n");
    let (status, _, said) =
        door.run(&["-W", &format!("127.0.0.1:{}", sshd.port()), "bob+web1@127.0.0.1"]).await;
    assert!(status == 255 && said.contains("forwarding failed"), "{said}");
    let entry = door.until_logged("server_forward", |entry| entry["by"] == "bob").await;
    assert!(entry["why"].as_str().unwrap().contains("forward"), "{entry}");
    // Back to the client: the command runs, and says why there is no port.
    let (status, output, said) = door.run(&["-R", "0:127.0.0.1:1", "bob+web1@127.0.0.1", "echo in"]).await;
    assert!(status == 0 && output == "in\n" && said.contains("(-R) are not made"), "{status} {said}");
    door.until_logged("server_forward", |entry| entry["listen_port"] == 0).await;
    door.site.end().await;
}
