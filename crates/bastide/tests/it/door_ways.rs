//! Other ways through the SSH door: a list to choose from, back to a session, connections further on, certificates.

use std::process::Stdio;

use bastide_testkit::{Sshd, within};
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::door::{AtTerminal, Door, ended, keygen};

#[tokio::test]
async fn a_session_stays_when_its_client_goes_and_is_in_the_list() {
    let (door, sshd) = (Door::start().await, Sshd::start().await);
    door.site.sshd("web1", &sshd, json!({})).await;
    door.site.server("web2", 1, json!({})).await;
    let mut ssh = AtTerminal::start(door.ssh(&["-t", "admin@127.0.0.1"]));
    ssh.sees("1  web1").await;
    ssh.sees("number, part of a name, or q:").await;
    ssh.types("eb\r").await;
    ssh.sees("2  web2").await;
    ssh.sees("or q:").await;
    ssh.types("web1\r").await;
    ssh.types("KEPT=$((6*7)); echo kept $KEPT\r").await;
    ssh.sees("kept 42").await;
    ssh.killed().await;

    let running = door.site.get("/api/v1/sessions?state=running").await;
    let uid = running["sessions"][0]["uid"].as_str().unwrap().to_owned();
    let mut again = AtTerminal::start(door.ssh(&["-t", &format!("admin+session:{uid}@127.0.0.1")]));
    again.sees("kept 42").await;
    again.types("echo still $KEPT\r").await;
    again.sees("still 42").await;
    again.killed().await;

    let mut listed = AtTerminal::start(door.ssh(&["-t", "admin@127.0.0.1"]));
    listed.sees("s1  back to web1").await;
    listed.sees("or q:").await;
    listed.types("s1\r").await;
    listed.sees("still 42").await;
    listed.types("exit 4\r").await;
    assert_eq!(listed.ends().await, 4);
    let mut quits = AtTerminal::start(door.ssh(&["-t", "admin@127.0.0.1"]));
    quits.sees("or q:").await;
    quits.types("q\r").await;
    assert_eq!(quits.ends().await, 0);
    door.site.end().await;
}

#[tokio::test]
async fn a_command_in_a_terminal_ends_with_its_client() {
    let (door, sshd) = (Door::start().await, Sshd::start().await);
    door.site.sshd("web1", &sshd, json!({})).await;
    let mut ssh =
        AtTerminal::start(door.ssh(&["-t", "admin+web1@127.0.0.1", "stty size; echo at $((6*7)); exit 5"]));
    ssh.sees("24 80").await;
    ssh.sees("at 42").await;
    assert_eq!(ssh.ends().await, 5);
    let mut ssh =
        AtTerminal::start(door.ssh(&["-t", "admin+web1@127.0.0.1", "echo here $((6*7)); sleep 600"]));
    ssh.sees("here 42").await;
    ssh.killed().await;
    within("the end of the session", async {
        while door.site.get("/api/v1/sessions?state=running").await["sessions"] != json!([]) {}
    })
    .await;
    door.site.end().await;
}

#[tokio::test]
async fn a_shell_of_this_machine_is_for_administrators() {
    let door = Door::start().await;
    let mut ssh = AtTerminal::start(door.ssh(&["-t", "admin+local@127.0.0.1"]));
    ssh.types("echo here $((6*7)); exit 6\r").await;
    ssh.sees("here 42").await;
    assert_eq!(ssh.ends().await, 6);
    door.site.end().await;
}

/// Something that answers on loopback; its port.
pub(crate) async fn greeter() -> u16 {
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            tokio::spawn(async move {
                let mut all = Vec::new();
                let _ = stream.read_to_end(&mut all).await;
                let _ = stream.write_all(format!("had {}", all.len()).as_bytes()).await;
            });
        }
    });
    port
}

#[tokio::test]
async fn connections_further_on_go_out_from_the_server() {
    let (door, sshd) = (Door::start().await, Sshd::start().await);
    door.site.sshd("web1", &sshd, json!({})).await;
    let to = format!("127.0.0.1:{}", greeter().await);
    let mut ssh = door.ssh(&["-W", &to, "admin+web1@127.0.0.1"]).stdin(Stdio::piped()).spawn().unwrap();
    let mut input = ssh.stdin.take().unwrap();
    let feed = async move {
        input.write_all(&vec![1; 3_000_000]).await.unwrap();
        drop(input);
    };
    let (output, ()) = within("the connection", async { tokio::join!(ssh.wait_with_output(), feed) }).await;
    assert_eq!(String::from_utf8(output.unwrap().stdout).unwrap(), "had 3000000");
    door.until_logged("server_forward", |entry| entry["input_bytes"] == 3_000_000).await;

    // Without a server in the name, to a server that is known here, and to nothing else.
    let (status, greeting, _) = {
        let known = format!("127.0.0.1:{}", sshd.port());
        let mut ssh = door.ssh(&["-W", &known, "admin@127.0.0.1"]);
        ssh.stdin(Stdio::null());
        ended(ssh).await
    };
    assert!(status == 0 && greeting.starts_with("SSH-2.0-"), "{status} {greeting}");
    let (status, _, said) = door.run(&["-W", &to, "admin@127.0.0.1"]).await;
    assert!(status != 0 && said.contains("forwarding failed"), "{said}");
    // Backwards is refused.
    let (status, _, said) = door
        .run(&["-o", "ExitOnForwardFailure=yes", "-N", "-R", "0:127.0.0.1:1", "admin+web1@127.0.0.1"])
        .await;
    assert!(status == 255, "{said}");
    door.site.end().await;
}

#[tokio::test]
async fn a_certificate_lets_in_whom_a_trusted_authority_names() {
    let (door, sshd) = (Door::start().await, Sshd::start().await);
    door.site.sshd("web1", &sshd, json!({})).await;
    let dir = door.site.dir().to_owned();
    let (authority, key) = (dir.join("authority"), dir.join("certified"));
    let public = keygen(&authority);
    keygen(&key);
    let sign = |principal: &str, more: &[&str]| {
        let mut command = std::process::Command::new("ssh-keygen");
        command.arg("-q").arg("-s").arg(&authority).args(["-I", "test", "-n", principal, "-V", "-1h:+1h"]);
        assert!(command.args(more).arg(key.with_extension("pub")).status().unwrap().success());
    };
    let door = Door { key: key.clone(), ..door };
    let with = |door: &Door| {
        let mut ssh = door.ssh(&["-o"]);
        ssh.arg(format!("CertificateFile={}", dir.join("certified-cert.pub").display()));
        ssh.args(["admin+web1@127.0.0.1", "echo in"]);
        ssh
    };
    sign("admin", &[]);
    assert_eq!(ended(with(&door)).await.0, 255, "nobody trusts the authority yet");
    let made = door.site.make("/api/v1/user-authorities", json!({ "name": "ca", "key": public })).await;
    assert_eq!(ended(with(&door)).await.1, "in\n");
    sign("somebody", &[]);
    assert_eq!(ended(with(&door)).await.0, 255, "it names somebody else");
    sign("admin", &["-O", "force-command=id"]);
    assert_eq!(ended(with(&door)).await.0, 255, "a condition that is not understood refuses");
    sign("admin", &["-O", "source-address=127.0.0.0/8"]);
    assert_eq!(ended(with(&door)).await.1, "in\n");
    sign("admin", &["-O", "source-address=10.0.0.0/8"]);
    assert_eq!(ended(with(&door)).await.0, 255, "it is for another network");
    sign("admin", &[]);
    door.site.remove(&format!("/api/v1/user-authorities/{}", made["id"])).await;
    assert_eq!(ended(with(&door)).await.0, 255, "nobody trusts it any more");
    door.site.end().await;
}
