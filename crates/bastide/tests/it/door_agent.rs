//! The client's own agent behind the SSH door.

use std::path::PathBuf;
use std::process::Stdio;

use bastide_testkit::{Sshd, within};
use serde_json::json;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::process::{Child, Command};

use crate::door::{Door, ended, keygen};

/// An agent with one key.
struct Agent {
    socket: PathBuf,
    public: PathBuf,
    fingerprint: String,
    _running: Child,
}

impl Agent {
    async fn start(door: &Door, name: &str) -> Self {
        let (socket, key) = (door.site.dir().join(format!("{name}.agent")), door.site.dir().join(name));
        keygen(&key);
        let mut agent = Command::new("ssh-agent");
        agent.arg("-D").arg("-a").arg(&socket).stdout(Stdio::piped()).kill_on_drop(true);
        let mut running = agent.spawn().unwrap();
        // It tells its socket once that is there.
        let mut said = String::new();
        let mut output = BufReader::new(running.stdout.take().unwrap());
        within("the agent", output.read_line(&mut said)).await.unwrap();
        let mut add = Command::new("ssh-add");
        add.env("SSH_AUTH_SOCK", &socket).arg(&key).stdin(Stdio::null());
        let (status, _, said) = ended(add).await;
        assert_eq!(status, 0, "{said}");
        let public = key.with_extension("pub");
        let mut listed = Command::new("ssh-keygen");
        listed.arg("-lf").arg(&public);
        let (_, listed, _) = ended(listed).await;
        let fingerprint = listed.split(' ').nth(1).unwrap().to_owned();
        Self { socket, public, fingerprint, _running: running }
    }

    /// `ssh -A` with this agent.
    fn ssh(&self, door: &Door, words: &[&str]) -> Command {
        let mut ssh = Command::new("ssh");
        ssh.args(door.options()).arg("-p").arg(door.port.to_string()).arg("-A").args(words);
        ssh.env("SSH_AUTH_SOCK", &self.socket).kill_on_drop(true);
        ssh.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        ssh
    }
}

const ON: &str = "admin+web1@127.0.0.1";

#[tokio::test]
async fn a_client_lends_its_agent_to_commands_where_the_server_is_one_for_it() {
    let (door, sshd) = (Door::start().await, Sshd::start().await);
    let server = door.site.sshd("web1", &sshd, json!({ "agent_forwarding": true })).await;
    let (ann, bob) = (Agent::start(&door, "ann").await, Agent::start(&door, "bob").await);
    // What it signs there is right, and its keys stay.
    let sign =
        format!("ssh-add -l; ssh-add -T {} && echo signed; ssh-add -D; ssh-add -l", ann.public.display());
    let (status, listed, said) = ended(ann.ssh(&door, &[ON, &sign])).await;
    assert_eq!((status, listed.matches(&ann.fingerprint).count()), (0, 2), "{listed} {said}");
    assert!(listed.contains("signed"), "{listed} {said}");
    let closed = door.until_logged("server_execute", |entry| entry["signatures"] == 1).await;
    assert_eq!((&closed["phase"], &closed["server"]), (&json!("agent_closed"), &json!(server)), "{closed}");
    assert!(door.logged("server_execute").iter().any(|entry| entry["phase"] == "agent_opened"));
    // Each client has its own, at the same time; whoever lends none has the stored key.
    let (ann_ssh, bob_ssh) = (ann.ssh(&door, &[ON, "ssh-add -l"]), bob.ssh(&door, &[ON, "ssh-add -l"]));
    let (ann_lists, bob_lists) = tokio::join!(ended(ann_ssh), ended(bob_ssh));
    assert!(
        ann_lists.1.contains(&ann.fingerprint) && !ann_lists.1.contains(&bob.fingerprint),
        "{ann_lists:?}"
    );
    assert!(
        bob_lists.1.contains(&bob.fingerprint) && !bob_lists.1.contains(&ann.fingerprint),
        "{bob_lists:?}"
    );
    let (_, stored, _) = door.run(&[ON, "ssh-add -l"]).await;
    assert!(stored.contains("bastide") && !stored.contains(&ann.fingerprint), "{stored}");
    door.site.end().await;
}

#[tokio::test]
async fn a_client_s_agent_stays_at_home_where_the_server_is_none_for_it() {
    let (door, sshd) = (Door::start().await, Sshd::start().await);
    let server = door.site.sshd("web1", &sshd, json!({})).await;
    let ann = Agent::start(&door, "ann").await;
    let (status, listed, said) =
        ended(ann.ssh(&door, &[ON, "ssh-add -l; echo $? ${SSH_AUTH_SOCK-none}"])).await;
    assert_eq!((status, listed.as_str()), (0, "2 none\n"), "{said}");
    let refused = door.until_logged("server_execute", |entry| entry["phase"] == "agent_refused").await;
    assert_eq!(refused["server"], server, "{refused}");
    door.site.end().await;
}

/// The setting is asked again with every message.
#[tokio::test]
async fn a_client_s_agent_goes_when_the_setting_does() {
    let (door, sshd) = (Door::start().await, Sshd::start().await);
    let server = door.site.sshd("web1", &sshd, json!({ "agent_forwarding": true })).await;
    let ann = Agent::start(&door, "ann").await;
    let mut ssh = ann.ssh(&door, &[ON, "ssh-add -l; read -r go; ssh-add -l 2>&1; echo over"]);
    let mut ssh = ssh.stdin(Stdio::piped()).spawn().unwrap();
    let mut output = BufReader::new(ssh.stdout.take().unwrap()).lines();
    let first = within("the list", output.next_line()).await.unwrap().unwrap();
    assert!(first.contains(&ann.fingerprint), "{first}");
    let off = json!({ "agent_forwarding": false });
    door.site.change(&format!("/api/v1/servers/{server}"), off).await;
    let mut input = ssh.stdin.take().unwrap();
    within("the word", input.write_all(b"go\n")).await.unwrap();
    let mut second = String::new();
    let mut output = output.into_inner();
    within("the end", output.read_to_string(&mut second)).await.unwrap();
    assert!(second.ends_with("over\n") && !second.contains(&ann.fingerprint), "{second}");
    door.site.end().await;
}
