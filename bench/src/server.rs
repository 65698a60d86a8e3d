//! A server of our own before a daemon of our own, and somebody who is logged in to it.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use serde_json::json;
use tempfile::TempDir;

use crate::daemon::Daemon;

/// An answer takes milliseconds; a password is hashed in some hundred.
const ANSWER_WITHIN: Duration = Duration::from_secs(10);

pub(crate) struct Server {
    child: Child,
    directory: TempDir,
    pub(crate) address: SocketAddr,
    /// As a browser sends it: `name=value`.
    pub(crate) cookie: String,
}

impl Server {
    /// Serves, and has let one administrator in.
    pub(crate) fn start(binary: &Path, daemon: &Daemon) -> Result<Self> {
        Self::start_with(binary, daemon, "off")
    }

    /// The same with an SSH door at this address.
    pub(crate) fn start_with(binary: &Path, daemon: &Daemon, door: &str) -> Result<Self> {
        let directory = tempfile::Builder::new().prefix("bastide-bench-server").tempdir()?;
        let mut child = Command::new(binary)
            .args(["serve", "--listen", "127.0.0.1:0", "--ssh-listen", door, "--data-dir"])
            .arg(directory.path().join("data"))
            .arg("--socket")
            .arg(daemon.socket())
            .env("BASTIDE_LOG", "warn")
            .env("XDG_CONFIG_HOME", directory.path())
            .env("LC_ALL", "C.UTF-8")
            .stdin(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .with_context(|| format!("start {}", binary.display()))?;
        let address = said_address(&mut child)?;
        let mut server = Self { child, directory, address, cookie: String::new() };
        server.cookie = server.log_in(binary)?;
        Ok(server)
    }

    pub(crate) fn pid(&self) -> i32 {
        i32::try_from(self.child.id()).unwrap_or(0)
    }

    /// The one place that knows how somebody logs in.
    fn log_in(&self, binary: &Path) -> Result<String> {
        let made = Command::new(binary)
            .arg("login-link")
            .arg("--data-dir")
            .arg(self.directory.path().join("data"))
            .output()?;
        let link = String::from_utf8(made.stdout)?;
        let token = link.trim().rsplit_once("token=").context("no login link")?.1;
        let body = json!({ "token": token, "password": "measured with patience" });
        let answer = self.post("/api/v1/login-links/use", &body.to_string())?;
        let refused = || format!("not logged in: {} {}", answer.status, answer.body);
        let cookie = answer.header("set-cookie").with_context(refused)?;
        Ok(cookie.split(';').next().unwrap_or_default().to_owned())
    }

    /// Makes something as the administrator; its number, or 0 for what has none.
    pub(crate) fn make(&self, path: &str, body: &serde_json::Value) -> Result<i64> {
        let answer = self.post(path, &body.to_string())?;
        if answer.status != 201 {
            bail!("{path}: {} {}", answer.status, answer.body);
        }
        let made: serde_json::Value = serde_json::from_str(&answer.body)?;
        Ok(made["id"].as_i64().unwrap_or_default())
    }

    fn post(&self, path: &str, body: &str) -> Result<Answer> {
        let mut stream = TcpStream::connect(self.address)?;
        stream.set_read_timeout(Some(ANSWER_WITHIN))?;
        let (address, length) = (self.address, body.len());
        write!(
            stream,
            "POST {path} HTTP/1.1\r\nhost: {address}\r\ncontent-type: application/json\r\n\
             cookie: {}\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{body}",
            self.cookie
        )?;
        let mut text = String::new();
        stream.read_to_string(&mut text)?;
        let (head, body) = text.split_once("\r\n\r\n").context("no answer")?;
        let status = head.split(' ').nth(1).and_then(|word| word.parse().ok()).context("no status")?;
        Ok(Answer { status, head: head.to_owned(), body: body.to_owned() })
    }
}

/// It says where it serves when it does, and goes on saying nothing.
fn said_address(child: &mut Child) -> Result<SocketAddr> {
    let mut lines = BufReader::new(child.stderr.take().context("piped above")?).lines();
    let mut heard = Vec::new();
    for line in lines.by_ref() {
        let line = line?;
        if let Some((_, address)) = line.split_once(" serves at http://") {
            let address = address.trim().parse()?;
            // Read on, or it would be held up when the pipe is full.
            std::thread::spawn(move || lines.for_each(drop));
            return Ok(address);
        }
        heard.push(line);
    }
    bail!("the server did not start: {}", heard.join("; "))
}

impl Drop for Server {
    fn drop(&mut self) {
        let pid = rustix::process::Pid::from_child(&self.child);
        if rustix::process::kill_process(pid, rustix::process::Signal::TERM).is_err()
            || self.child.wait().is_err()
        {
            let _ = self.child.kill();
        }
    }
}

struct Answer {
    status: u16,
    head: String,
    body: String,
}

impl Answer {
    fn header(&self, name: &str) -> Option<&str> {
        let mut lines = self.head.lines().filter_map(|line| line.split_once(": "));
        lines.find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    }
}
