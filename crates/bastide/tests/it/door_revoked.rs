//! The SSH door, when a right is taken away from somebody who uses it at that moment.

use std::path::Path;
use std::process::Stdio;

use bastide_testkit::{Sshd, within};
use reqwest::Method;
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::process::{Child, ChildStdin};

use crate::door::{Door, keygen};
use crate::door_clients::program;

/// A door that bob has a key for, a server behind it, and what he was granted there.
struct Bob {
    door: Door,
    sshd: Sshd,
    id: i64,
    server: i64,
}

impl Bob {
    async fn start() -> Self {
        let (mut door, sshd) = (Door::start().await, Sshd::start().await);
        let server = door.site.sshd("web1", &sshd, json!({})).await;
        let (id, token) = door.site.user("bob").await;
        door.key = door.site.dir().join("bob_key");
        door.site.make_as(&token, "/api/v1/me/ssh-keys", json!({ "key": keygen(&door.key) })).await;
        Self { door, sshd, id, server }
    }

    async fn granted(&self, rights: &[&str]) -> Value {
        let grant = json!({ "user_id": self.id, "server_id": self.server, "rights": rights });
        self.door.site.make("/api/v1/grants", grant).await["id"].clone()
    }

    async fn loses(&self, grant: &Value) {
        self.door.site.ask(Method::DELETE, &format!("/api/v1/grants/{grant}"), None, 204).await;
    }
}

/// Whether a program of the far side still has this in its command line.
fn runs(mark: &str) -> bool {
    let processes = std::fs::read_dir("/proc").unwrap().flatten();
    let mut lines = processes.filter_map(|one| std::fs::read(one.path().join("cmdline")).ok());
    lines.any(|line| !line.starts_with(b"ssh\0") && String::from_utf8_lossy(&line).contains(mark))
}

async fn types(keys: &mut ChildStdin, line: &str) {
    keys.write_all(line.as_bytes()).await.unwrap();
    keys.flush().await.unwrap();
}

#[tokio::test]
async fn a_command_ends_also_while_its_client_takes_nothing() {
    let bob = Bob::start().await;
    let grant = bob.granted(&["execute"]).await;
    let file = bob.sshd.dir().join("typed");
    let line = format!("head -c 100000000 /dev/zero & cat > {}; wait", file.display());
    let mut command = bob.door.ssh(&["bob+web1@127.0.0.1", &line]);
    // Nobody reads its output.
    let mut ssh: Child = command.stdin(Stdio::piped()).spawn().unwrap();
    let mut keys = ssh.stdin.take().unwrap();
    types(&mut keys, "before\n").await;
    within("what was typed", has(&file, "before\n")).await;
    bob.loses(&grant).await;
    let mark = file.display().to_string();
    within("its end", async {
        while runs(&mark) {
            tokio::task::yield_now().await;
        }
    })
    .await;
    assert_eq!(std::fs::read_to_string(&file).unwrap(), "before\n");
    ssh.kill().await.unwrap();
    bob.door.site.end().await;
}

async fn has(file: &Path, text: &str) {
    while std::fs::read_to_string(file).unwrap_or_default() != text {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn what_was_opened_for_writing_is_not_written_to_without_the_right() {
    let bob = Bob::start().await;
    bob.granted(&["download"]).await;
    let upload = bob.granted(&["upload"]).await;
    let mut python = program("python");
    python.arg("tests/door/asyncssh_rights.py").arg(bob.door.port.to_string()).arg("bob+web1");
    python.arg(&bob.door.key).arg(bob.sshd.dir()).stdin(Stdio::piped());
    let mut python = python.spawn().unwrap();
    let mut said = BufReader::new(python.stdout.take().unwrap()).lines();
    let mut keys = python.stdin.take().unwrap();
    assert_eq!(within("an open file", said.next_line()).await.unwrap().as_deref(), Some("written"));
    bob.loses(&upload).await;
    types(&mut keys, "go on\n").await;
    let ended = within("its end", python.wait_with_output()).await.unwrap();
    assert!(ended.status.success(), "{}", String::from_utf8_lossy(&ended.stderr));
    assert_eq!(std::fs::read_to_string(bob.sshd.dir().join("up")).unwrap(), "one");
    bob.door.site.end().await;
}
