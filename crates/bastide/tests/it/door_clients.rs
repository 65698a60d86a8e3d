//! The SSH door, with clients that are not OpenSSH's: asyncssh, paramiko, and Ansible with its many connections.

use std::fmt::Write as _;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use bastide_testkit::{Sshd, SshdOptions};
use serde_json::json;
use tokio::process::Command;

use crate::door::Door;
use crate::people_live::PASSWORD;

/// One of the repository's own Python environment.
pub(crate) fn program(name: &str) -> Command {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../..");
    let path = root.join("tests/.venv/bin").join(name);
    assert!(path.exists(), "{} is missing: run scripts/setup-test-deps.sh", path.display());
    let mut command = Command::new(path);
    command.current_dir(root).env("PYTHONDONTWRITEBYTECODE", "1");
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
    command
}

/// Many steps, on a machine that others use too.
const ALL_STEPS: Duration = Duration::from_secs(60);

/// Runs it to its end: status, output, errors.
async fn ended(mut command: Command) -> (i32, String, String) {
    let output = tokio::time::timeout(ALL_STEPS, command.output()).await;
    let output = output.expect("it ends in time").unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
    (output.status.code().unwrap_or(-1), text(output.stdout), text(output.stderr))
}

async fn runs(client: &str) {
    let (door, sshd) = (Door::start().await, Sshd::start_with(SshdOptions::default().max_sessions(64)).await);
    door.site.sshd("web1", &sshd, json!({})).await;
    let mut python = program("python");
    python.arg(format!("tests/door/{client}_client.py")).arg(door.port.to_string()).arg("admin+web1");
    python.arg(&door.key).arg(sshd.dir()).arg(sshd.port().to_string()).arg(PASSWORD);
    let (status, output, errors) = ended(python).await;
    assert_eq!(status, 0, "{client}: {output}{errors}");
    door.site.end().await;
}

#[tokio::test]
async fn asyncssh_finds_what_it_expects_of_a_server() {
    runs("asyncssh").await;
}

#[tokio::test]
async fn paramiko_finds_what_it_expects_of_a_server() {
    runs("paramiko").await;
}

/// As many as an inventory of one rack.
const HOSTS: usize = 20;

#[tokio::test]
async fn ansible_pings_and_copies_to_twenty_hosts() {
    let door = Door::start().await;
    // One machine by twenty names: each is a server of its own with its own connection.
    let sshd = Sshd::start_with(SshdOptions::default().max_startups(200)).await;
    let mut inventory = "[rack]\n".to_owned();
    for host in 1..=HOSTS {
        let name = format!("web{host:02}");
        door.site.sshd(&name, &sshd, json!({})).await;
        writeln!(inventory, "{name} ansible_user=admin+{name}").unwrap();
    }
    let dir = door.site.dir().join("ansible");
    std::fs::create_dir_all(dir.join("there")).unwrap();
    std::fs::write(dir.join("hosts"), inventory).unwrap();
    // Nobody's own settings.
    std::fs::write(dir.join("ansible.cfg"), "").unwrap();
    std::fs::write(dir.join("file"), "copied\n").unwrap();
    let path = |name: &str| dir.join(name).to_str().unwrap().to_owned();
    let ansible = |module: &str, more: &[&str]| {
        let mut command = program("ansible");
        command.args(["rack", "-i", &path("hosts"), "-f", "10", "-o", "-m", module]);
        for (name, value) in [
            ("ansible_host", "127.0.0.1".to_owned()),
            ("ansible_port", door.port.to_string()),
            ("ansible_ssh_private_key_file", door.key.to_str().unwrap().to_owned()),
            ("ansible_python_interpreter", "/usr/bin/python3".to_owned()),
        ] {
            command.args(["-e", &format!("{name}={value}")]);
        }
        command.args(more);
        let known = format!(
            "-o StrictHostKeyChecking=accept-new -o UserKnownHostsFile={}",
            door.known_hosts.display()
        );
        command.env("ANSIBLE_HOME", &dir).env("ANSIBLE_REMOTE_TMP", dir.join("remote")).env("HOME", &dir);
        command
            .env("ANSIBLE_CONFIG", dir.join("ansible.cfg"))
            .env("ANSIBLE_SSH_EXTRA_ARGS", known)
            .env("LC_ALL", "C.UTF-8");
        command
    };
    let (status, output, errors) = ended(ansible("ping", &[])).await;
    assert_eq!((status, output.matches("SUCCESS").count()), (0, HOSTS), "{output}{errors}");
    let arguments = format!("src={} dest={}/{{{{ inventory_hostname }}}}", path("file"), path("there"));
    let mut copy = ansible("copy", &["-a", &arguments]);
    copy.env("ANSIBLE_PIPELINING", "True");
    let (status, output, errors) = ended(copy).await;
    assert_eq!((status, output.matches("CHANGED").count()), (0, HOSTS), "{output}{errors}");
    for host in 1..=HOSTS {
        let copied = std::fs::read_to_string(dir.join(format!("there/web{host:02}"))).unwrap();
        assert_eq!(copied, "copied\n");
    }
    door.site.end().await;
}
