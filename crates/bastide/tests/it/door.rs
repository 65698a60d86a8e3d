//! The SSH door, with OpenSSH's own clients before it and a real sshd behind.

use std::path::{Path, PathBuf};
use std::process::Stdio;

use bastide_testkit::{Sshd, within};
use nix::pty::openpty;
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::process::{Child, Command};

use crate::site::Site;

/// A site whose door knows a key of somebody's own.
pub(crate) struct Door {
    pub(crate) site: Site,
    pub(crate) port: u16,
    pub(crate) key: PathBuf,
    pub(crate) batch: bool,
    pub(crate) known_hosts: PathBuf,
}

pub(crate) fn free_port() -> u16 {
    std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap().local_addr().unwrap().port()
}

pub(crate) fn keygen(path: &Path) -> String {
    let made = std::process::Command::new("ssh-keygen")
        .args(["-q", "-N", "", "-t", "ed25519", "-C", "ann at home", "-f"])
        .arg(path)
        .status();
    assert!(made.unwrap().success());
    std::fs::read_to_string(path.with_extension("pub")).unwrap()
}

impl Door {
    pub(crate) async fn start() -> Self {
        let port = free_port();
        let site = Site::start_with(&["--ssh-listen", &format!("127.0.0.1:{port}")]).await;
        let key = site.dir().join("client_key");
        let public = keygen(&key);
        site.make("/api/v1/me/ssh-keys", json!({ "key": public })).await;
        let known_hosts = site.dir().join("known_hosts");
        Self { site, port, key, batch: true, known_hosts }
    }

    pub(crate) fn options(&self) -> Vec<String> {
        let mut words = vec!["-F".to_owned(), "none".to_owned()];
        for option in [
            format!("IdentityFile={}", self.key.display()),
            "IdentitiesOnly=yes".to_owned(),
            format!("BatchMode={}", if self.batch { "yes" } else { "no" }),
            "StrictHostKeyChecking=accept-new".to_owned(),
            format!("UserKnownHostsFile={}", self.known_hosts.display()),
            "LogLevel=ERROR".to_owned(),
        ] {
            words.extend(["-o".to_owned(), option]);
        }
        words
    }

    /// `ssh`, with these words after its options.
    pub(crate) fn ssh(&self, words: &[&str]) -> Command {
        let mut command = Command::new("ssh");
        command.args(self.options()).arg("-p").arg(self.port.to_string()).args(words);
        // Only tests of agents have one.
        command.env_remove("SSH_AUTH_SOCK");
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
        command
    }

    /// Runs it to its end: status, output, errors.
    pub(crate) async fn run(&self, words: &[&str]) -> (i32, String, String) {
        ended(self.ssh(words)).await
    }
}

pub(crate) async fn ended(mut command: Command) -> (i32, String, String) {
    let output = within("the command", command.output()).await.unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
    (output.status.code().unwrap_or(-1), text(output.stdout), text(output.stderr))
}

/// `ssh` at a terminal of its own.
pub(crate) struct AtTerminal {
    child: Child,
    screen: tokio::fs::File,
    keys: tokio::fs::File,
    seen: String,
    terminal: std::fs::File,
}

impl AtTerminal {
    pub(crate) fn start(mut command: Command) -> Self {
        let pty = openpty(Some(&size(80, 24)), None).unwrap();
        let near = std::fs::File::from(pty.master);
        let far = std::fs::File::from(pty.slave);
        command.stdin(far.try_clone().unwrap()).stdout(far.try_clone().unwrap()).stderr(far);
        let child = command.spawn().unwrap();
        let file = |file: &std::fs::File| tokio::fs::File::from_std(file.try_clone().unwrap());
        Self { child, screen: file(&near), keys: file(&near), seen: String::new(), terminal: near }
    }

    /// It is not the terminal's own process, so it has to be told.
    pub(crate) fn resize(&self, cols: u16, rows: u16) {
        let winsize = rustix::termios::Winsize { ws_row: rows, ws_col: cols, ws_xpixel: 0, ws_ypixel: 0 };
        rustix::termios::tcsetwinsize(&self.terminal, winsize).unwrap();
        let pid = i32::try_from(self.child.id().unwrap()).unwrap();
        nix::sys::signal::kill(nix::unistd::Pid::from_raw(pid), nix::sys::signal::SIGWINCH).unwrap();
    }

    pub(crate) async fn types(&mut self, text: &str) {
        self.keys.write_all(text.as_bytes()).await.unwrap();
        self.keys.flush().await.unwrap();
    }

    pub(crate) async fn sees(&mut self, text: &str) {
        let mut bytes = [0; 4096];
        let look = async {
            while !self.seen.contains(text) {
                match self.screen.read(&mut bytes).await {
                    Ok(0) | Err(_) => panic!("it ended without {text:?}: {}", self.seen),
                    Ok(n) => self.seen.push_str(&String::from_utf8_lossy(&bytes[..n])),
                }
            }
        };
        if tokio::time::timeout(bastide_testkit::DEADLINE, look).await.is_err() {
            panic!("no {text:?} in {:?}", self.seen);
        }
        let after = self.seen.find(text).unwrap() + text.len();
        self.seen = self.seen.split_off(after);
    }

    pub(crate) async fn ends(&mut self) -> i32 {
        within("its end", self.child.wait()).await.unwrap().code().unwrap_or(-1)
    }

    /// As a laptop that is shut.
    pub(crate) async fn killed(mut self) {
        self.child.kill().await.unwrap();
    }
}

fn size(cols: u16, rows: u16) -> nix::pty::Winsize {
    nix::pty::Winsize { ws_row: rows, ws_col: cols, ws_xpixel: 0, ws_ypixel: 0 }
}

#[tokio::test]
async fn a_shell_through_the_door_is_a_session_like_any_other() {
    let (door, sshd) = (Door::start().await, Sshd::start().await);
    door.site.sshd("web1", &sshd, json!({})).await;
    let mut ssh = AtTerminal::start(door.ssh(&["-t", "admin+web1@127.0.0.1"]));
    ssh.types("stty size; echo \"$TERM\" $((6*7))\r").await;
    ssh.sees("24 80").await;
    ssh.sees("42").await;
    let sessions = door.site.get("/api/v1/sessions?state=running").await;
    assert_eq!(sessions["sessions"][0]["server"]["name"], "web1", "{sessions}");
    ssh.resize(100, 30);
    ssh.types("stty size\r").await;
    ssh.sees("30 100").await;
    ssh.types("exit 7\r").await;
    assert_eq!(ssh.ends().await, 7);
    door.site.end().await;
}

#[tokio::test]
async fn a_command_has_its_input_output_errors_and_status() {
    let (door, sshd) = (Door::start().await, Sshd::start().await);
    door.site.sshd("web1", &sshd, json!({})).await;
    let on = "admin+web1@127.0.0.1";
    assert_eq!(door.run(&[on, "echo out; echo err >&2; exit 3"]).await, (3, "out\n".into(), "err\n".into()));
    let (status, ..) = door.run(&[on, "kill -TERM $$"]).await;
    assert_eq!(status, 255, "ssh(1) says so of a signal");
    let mut cat = door
        .ssh(&["-o", "SendEnv=LC_*", on, "echo $LC_TEST; cat | wc -c"])
        .env("LC_TEST", "passed")
        .stdin(Stdio::piped())
        .spawn()
        .unwrap();
    let mut input = cat.stdin.take().unwrap();
    let feed = async move {
        input.write_all(&vec![b'x'; 5_000_000]).await.unwrap();
        drop(input);
    };
    let (output, ()) = within("cat", async { tokio::join!(cat.wait_with_output(), feed) }).await;
    assert_eq!(String::from_utf8(output.unwrap().stdout).unwrap(), "passed\n5000000\n");
    let (status, _, said) = door.run(&["admin+nowhere@127.0.0.1", "true"]).await;
    assert!(status == 255 && said.contains("no server \"nowhere\""), "{status} {said}");
    let (status, _, said) = door.run(&["admin@127.0.0.1", "true"]).await;
    assert!(status == 255 && said.contains("to which server?"), "{status} {said}");
    door.site.end().await;
}

#[tokio::test]
async fn much_both_ways_at_once_goes_through() {
    let (door, sshd) = (Door::start().await, Sshd::start().await);
    door.site.sshd("web1", &sshd, json!({})).await;
    let mut cat = door.ssh(&["admin+web1@127.0.0.1", "cat"]).stdin(Stdio::piped()).spawn().unwrap();
    let mut input = cat.stdin.take().unwrap();
    let feed = async move {
        for _ in 0..300 {
            input.write_all(&vec![b'y'; 100_000]).await.unwrap();
        }
        drop(input);
    };
    let (output, ()) = within("cat", async { tokio::join!(cat.wait_with_output(), feed) }).await;
    assert_eq!(output.unwrap().stdout.len(), 30_000_000);
    door.site.end().await;
}

impl Door {
    /// `scp` or `sftp`, which name the port otherwise.
    fn files(&self, program: &str, words: &[&str]) -> Command {
        let mut command = Command::new(program);
        command.args(self.options()).arg("-P").arg(self.port.to_string()).args(words);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
        command
    }

    /// The log's entries of this kind, in their order.
    pub(crate) fn logged(&self, kind: &str) -> Vec<serde_json::Value> {
        let mut entries = Vec::new();
        let directory = self.site.dir().join("DATA_HOME/bastide/log");
        let mut files: Vec<_> =
            std::fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path()).collect();
        files.sort();
        for file in files {
            for line in std::fs::read_to_string(file).unwrap_or_default().lines() {
                let line: serde_json::Value = serde_json::from_str(line).unwrap_or_default();
                let entry = line["body"].clone();
                if entry["kind"] == kind {
                    entries.push(entry);
                }
            }
        }
        entries
    }
}

impl Door {
    /// An entry like this, which is written when what it tells of is over, and not before the client hears so.
    pub(crate) async fn until_logged(
        &self,
        kind: &str,
        like: impl Fn(&serde_json::Value) -> bool,
    ) -> serde_json::Value {
        within("an entry of the log", async {
            loop {
                if let Some(entry) = self.logged(kind).into_iter().find(&like) {
                    return entry;
                }
                tokio::task::yield_now().await;
            }
        })
        .await
    }
}

#[tokio::test]
async fn files_go_both_ways_and_are_in_the_log_with_size_and_digest() {
    let (door, sshd) = (Door::start().await, Sshd::start().await);
    door.site.sshd("web1", &sshd, json!({})).await;
    let dir = door.site.dir().join("files");
    std::fs::create_dir(&dir).unwrap();
    let (from, there, back) = (dir.join("from"), dir.join("there"), dir.join("back"));
    let bytes: Vec<u8> = (0..3_000_000_u32).map(|n| n.to_le_bytes()[0] ^ n.to_le_bytes()[1]).collect();
    std::fs::write(&from, &bytes).unwrap();
    let path = |path: &PathBuf| path.to_str().unwrap().to_owned();
    for how in [&[][..], &["-O"][..]] {
        let far = format!("admin+web1@127.0.0.1:{}", path(&there));
        let (near, home) = (path(&from), path(&back));
        let upload = [how, &[near.as_str(), far.as_str()]].concat();
        let (status, _, said) = ended(door.files("scp", &upload)).await;
        assert_eq!((status, said.as_str()), (0, ""), "scp {how:?}");
        let download = [how, &[far.as_str(), home.as_str()]].concat();
        assert_eq!(ended(door.files("scp", &download)).await.0, 0, "scp {how:?}");
        assert!(std::fs::read(&back).unwrap() == bytes, "scp {how:?}");
        std::fs::remove_file(&there).unwrap();
        std::fs::remove_file(&back).unwrap();
    }
    let done = |kind: &str| door.logged(kind).into_iter().find(|entry| entry["sha256"].is_string());
    for kind in ["file_upload", "file_download"] {
        let entry = done(kind).unwrap_or_else(|| panic!("{kind}: {:?}", door.logged(kind)));
        assert_eq!(entry["bytes"], 3_000_000, "{entry}");
        assert_eq!(entry["path"], path(&there), "{entry}");
    }
    let batch = dir.join("batch");
    let script = format!(
        "put {0} {1}\nrename {1} {1}2\nchmod 600 {1}2\nls {2}\nrm {1}2\nmkdir {2}/d\nrmdir {2}/d\n",
        path(&from),
        path(&there),
        path(&dir)
    );
    std::fs::write(&batch, script).unwrap();
    let (status, listed, said) =
        ended(door.files("sftp", &["-b", batch.to_str().unwrap(), "admin+web1@127.0.0.1"])).await;
    assert!(status == 0 && listed.contains("there2"), "{status} {listed} {said}");
    let does: Vec<_> = door.logged("file_upload").iter().map(|entry| entry.to_string()).collect();
    for word in ["rename", "setstat", "remove", "mkdir", "rmdir"] {
        assert!(
            does.iter().any(|entry| entry.contains(&format!("\"does\":\"{word}\""))),
            "{word}: {does:#?}"
        );
    }
    door.site.end().await;
}

#[tokio::test]
async fn rsync_goes_through() {
    let (door, sshd) = (Door::start().await, Sshd::start().await);
    door.site.sshd("web1", &sshd, json!({})).await;
    let dir = door.site.dir().join("tree");
    std::fs::create_dir_all(dir.join("a/b")).unwrap();
    std::fs::write(dir.join("a/b/c"), vec![7; 500_000]).unwrap();
    let ssh = format!("ssh {} -p {}", door.options().join(" "), door.port);
    let mut rsync = Command::new("rsync");
    let far = format!("admin+web1@127.0.0.1:{}/", door.site.dir().join("copy").display());
    rsync.args(["-a", "-e", &ssh, &format!("{}/", dir.display()), &far]);
    rsync.stdout(Stdio::piped()).stderr(Stdio::piped());
    let (status, _, said) = ended(rsync).await;
    assert_eq!(status, 0, "{said}");
    assert_eq!(std::fs::read(door.site.dir().join("copy/a/b/c")).unwrap().len(), 500_000);
    door.site.end().await;
}
