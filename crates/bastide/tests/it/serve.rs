//! `bastide serve` and `bastide login-link`, from their start to their end.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{ExitStatus, Stdio};
use std::time::{Duration, Instant};

use bastide_testkit::within;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::process::{Child, Command};
use tokio::sync::mpsc;

use super::BASTIDE;

pub(crate) fn command(dir: &Path, args: &[&str]) -> Command {
    let mut command = Command::new(BASTIDE);
    command.args(args).env_clear().env("PATH", "/usr/bin:/bin").env("HOME", dir);
    for name in ["RUNTIME_DIR", "STATE_HOME", "DATA_HOME", "CONFIG_HOME"] {
        command.env(format!("XDG_{name}"), dir.join(name));
    }
    let runtime = dir.join("RUNTIME_DIR");
    std::fs::create_dir_all(&runtime).unwrap();
    std::fs::set_permissions(&runtime, PermissionsExt::from_mode(0o700)).unwrap();
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
    command
}

pub(crate) struct Server {
    pub(crate) child: Child,
    /// Read all the time: a server whose words nobody takes would stand still.
    lines: mpsc::UnboundedReceiver<String>,
    pub(crate) said: Vec<String>,
}

impl Server {
    /// Starts it and waits until it says where it serves.
    pub(crate) async fn start(dir: &Path, args: &[&str], env: &[(&str, &str)]) -> Self {
        let mut server = Self::spawn(dir, args, env);
        server.says(" serves at ").await;
        server
    }

    pub(crate) fn spawn(dir: &Path, args: &[&str], env: &[(&str, &str)]) -> Self {
        let mut command = command(dir, &["serve", "--listen", "127.0.0.1:0"]);
        command.args(args).envs(env.iter().copied());
        Self::run(command)
    }

    pub(crate) fn run(mut command: Command) -> Self {
        let mut child = command.spawn().unwrap();
        let mut stderr = BufReader::new(child.stderr.take().unwrap()).lines();
        let (sender, lines) = mpsc::unbounded_channel();
        tokio::spawn(async move {
            while let Ok(Some(line)) = stderr.next_line().await {
                if sender.send(line).is_err() {
                    return;
                }
            }
        });
        Self { child, lines, said: Vec::new() }
    }

    /// The first line with this in it, said already or yet to come.
    pub(crate) async fn says(&mut self, text: &str) -> String {
        if let Some(line) = self.said.iter().find(|line| line.contains(text)) {
            return line.clone();
        }
        within(text, async {
            while let Some(line) = self.lines.recv().await {
                self.said.push(line.clone());
                if line.contains(text) {
                    return line;
                }
            }
            panic!("it ended without saying {text:?}: {:#?}", self.said);
        })
        .await
    }

    pub(crate) async fn address(&mut self) -> String {
        let line = self.says(" serves at ").await;
        line.rsplit("://").next().unwrap().to_owned()
    }

    pub(crate) async fn stop(mut self) -> ExitStatus {
        let pid = i32::try_from(self.child.id().unwrap()).unwrap();
        nix::sys::signal::kill(nix::unistd::Pid::from_raw(pid), nix::sys::signal::SIGTERM).unwrap();
        within("the server's end", self.child.wait()).await.unwrap()
    }
}

pub(crate) async fn get(address: &str, path: &str) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let request = format!("GET {path} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer
}

async fn post(address: &str, path: &str, body: &str) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let request = format!(
        "POST {path} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer
}

pub(crate) async fn output(dir: &Path, args: &[&str]) -> (bool, String, String) {
    let output = within("the command", command(dir, args).output()).await.unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (output.status.success(), text(output.stdout), text(output.stderr))
}

#[tokio::test]
async fn the_first_start_begins_everything_and_a_later_one_finds_it() {
    let dir = tempfile::tempdir().unwrap();
    let mut server = Server::start(dir.path(), &[], &[]).await;
    assert!(get(&server.address().await, "/readyz").await.starts_with("HTTP/1.1 200"));
    // Nobody looks at this terminal, so the link is in a file for its owner only.
    let place = server.says("A login link").await;
    let file = place.rsplit(" is in ").next().unwrap().to_owned();
    assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    let link = std::fs::read_to_string(&file).unwrap();
    assert!(link.contains("/login?token="), "{link}");
    assert!(!server.said.iter().any(|line| line.contains("token=")), "{:#?}", server.said);

    let began = Instant::now();
    assert!(server.stop().await.success());
    assert!(began.elapsed() < Duration::from_secs(2), "{:?}", began.elapsed());
    let (there, list, _) = output(dir.path(), &["ls"]).await;
    assert!(there, "the daemon stays: {list}");

    let mut again = Server::start(dir.path(), &["--print-login-link"], &[]).await;
    again.says("`bastide login-link` makes a login link").await;
    assert!(!again.said.iter().any(|line| line.contains("started the sessions daemon")));
    again.stop().await;
    let (_, _, said) = output(dir.path(), &["ptyd", "stop"]).await;
    assert!(said.contains("has ended"), "{said}");
}

#[tokio::test]
async fn a_link_can_be_made_while_the_server_runs_and_while_it_does_not() {
    let dir = tempfile::tempdir().unwrap();
    let (made, _, why) = output(dir.path(), &["login-link"]).await;
    assert!(!made && why.contains("start `bastide serve` first"), "{why}");

    let mut server = Server::start(dir.path(), &[], &[]).await;
    let address = server.address().await;
    let (made, link, _) = output(dir.path(), &["login-link"]).await;
    assert!(made && link.starts_with(&format!("http://{address}/login?token=")), "{link}");
    let page = get(&address, link.trim().trim_start_matches(&format!("http://{address}"))).await;
    assert!(page.starts_with("HTTP/1.1 200"), "{page}");
    let token = link.trim().rsplit("token=").next().unwrap();
    let look = post(&address, "/api/v1/login-links/look", &format!(r#"{{"token":"{token}"}}"#)).await;
    assert!(look.starts_with("HTTP/1.1 200") && look.contains(r#""username":"admin""#), "{look}");
    server.stop().await;

    let (made, link, _) = output(dir.path(), &["login-link", "--url", "https://shell.example.org/"]).await;
    assert!(made && link.starts_with("https://shell.example.org/login?token="), "{link}");
    let log = dir.path().join("DATA_HOME/bastide/log");
    let entries: String = std::fs::read_dir(&log)
        .unwrap()
        .map(|file| std::fs::read_to_string(file.unwrap().path()).unwrap())
        .collect();
    // One of the first start, one beside the server, one without it.
    assert_eq!(entries.matches("login_link_created").count(), 3, "{entries}");
    let (whole, said, _) = output(dir.path(), &["verify", log.to_str().unwrap()]).await;
    assert!(whole, "{said}");
    output(dir.path(), &["ptyd", "stop"]).await;
}

#[tokio::test]
async fn under_a_supervisor_it_serves_and_says_what_is_missing_instead_of_starting_it() {
    let dir = tempfile::tempdir().unwrap();
    let socket = dir.path().join("notify").display().to_string();
    let mut server = Server::spawn(dir.path(), &[], &[("NOTIFY_SOCKET", &socket)]);
    let line = server.says("systemctl start bastide-ptyd.service").await;
    assert!(line.contains("no sessions daemon"), "{line}");
    let (running, ..) = output(dir.path(), &["ls"]).await;
    assert!(!running, "nothing was started");
    assert!(server.stop().await.success());
}

#[tokio::test]
async fn an_ephemeral_server_leaves_nothing_behind() {
    let dir = tempfile::tempdir().unwrap();
    let temporary = dir.path().join("tmp");
    std::fs::create_dir(&temporary).unwrap();
    let env = [("TMPDIR", temporary.to_str().unwrap()), ("NOTIFY_SOCKET", "/nowhere")];
    let mut server = Server::start(dir.path(), &["--ephemeral"], &env).await;
    let pid = server.says("started the sessions daemon").await;
    assert!(pid.contains("it ends with the server"), "{pid}");
    let pid: String = pid.rsplit("pid=").next().unwrap().chars().filter(char::is_ascii_digit).collect();
    assert!(get(&server.address().await, "/readyz").await.starts_with("HTTP/1.1 200"));
    assert!(server.stop().await.success());
    assert!(!Path::new(&format!("/proc/{pid}")).exists(), "its daemon has ended");
    assert_eq!(std::fs::read_dir(&temporary).unwrap().count(), 0);
}

#[tokio::test]
async fn what_is_wrong_with_a_start_is_said_with_what_to_do() {
    let dir = tempfile::tempdir().unwrap();
    let taken = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let open = dir.path().join("open");
    std::fs::create_dir(&open).unwrap();
    std::fs::set_permissions(&open, PermissionsExt::from_mode(0o755)).unwrap();
    let file = dir.path().join("settings.toml");
    std::fs::write(&file, "listen = '127.0.0.1:0'\ncolour = 1\n").unwrap();
    let (open, file) = (open.to_str().unwrap(), file.to_str().unwrap());
    let cases: [(&[&str], &[&str]); 7] = [
        (&["--listen", &address], &["cannot listen on", "choose another port with --listen"]),
        (&["--listen", "localhost"], &["--listen", "is not an address and a port"]),
        (&["--public-url", "shell.example.org"], &["--public-url", "https://"]),
        (&["--listen", "127.0.0.1:0", "--data-dir", open], &["chmod 700", open]),
        (&["--listen", "127.0.0.1:0", "--data-dir", "/proc/none"], &["/proc/none"]),
        (&["--config", "/no/such/file"], &["/no/such/file"]),
        (&["--config", file], &["settings.toml", "colour"]),
    ];
    for (args, words) in cases {
        let args = [&["serve"], args].concat();
        let (started, _, why) = output(dir.path(), &args).await;
        assert!(!started, "{args:?}");
        for word in words {
            assert!(why.contains(word), "{args:?}: {word:?} is not in {why}");
        }
    }
}

#[tokio::test]
async fn a_second_server_on_the_same_data_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(dir.path(), &[], &[]).await;
    let (started, _, why) = output(dir.path(), &["serve", "--listen", "127.0.0.1:0"]).await;
    assert!(!started && why.contains("another server runs on"), "{why}");
    server.stop().await;
    output(dir.path(), &["ptyd", "stop"]).await;
}

#[tokio::test]
async fn a_daemon_that_dies_is_started_again() {
    let dir = tempfile::tempdir().unwrap();
    let mut server = Server::start(dir.path(), &[], &[]).await;
    let address = server.address().await;
    output(dir.path(), &["ptyd", "stop"]).await;
    server.says("lost the session daemon").await;
    server.said.clear();
    server.says("connected to the session daemon").await;
    assert!(get(&address, "/readyz").await.starts_with("HTTP/1.1 200"));
    server.stop().await;
    output(dir.path(), &["ptyd", "stop"]).await;
}

/// A supervisor that hangs, or a pager that somebody left open, must not make everybody wait.
#[tokio::test]
async fn a_log_that_nobody_reads_stops_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let mut command = command(dir.path(), &["serve", "--listen", "127.0.0.1:0", "--ephemeral"]);
    let mut child = command.env("BASTIDE_LOG", "trace").spawn().unwrap();
    let stderr = child.stderr.take().unwrap();
    let mut lines = BufReader::new(stderr).lines();
    let address = within("its address", async {
        loop {
            let line = lines.next_line().await.unwrap().expect("it serves");
            if let Some((_, address)) = line.split_once(" serves at http://") {
                return address.trim().to_owned();
            }
        }
    })
    .await;
    // More than the 64 KB that a pipe holds, pipe(7), at a hundred bytes for each request.
    for _ in 0..1000 {
        let answer = within("an answer", get(&address, "/api/v1/sessions")).await;
        assert!(answer.starts_with("HTTP/1.1 401"), "{answer}");
    }
    let full = rustix::io::ioctl_fionread(lines.get_ref().get_ref()).unwrap();
    assert!(full > 60_000, "nothing was in the way: {full} bytes wait to be read");
    let server = Server { child, lines: mpsc::unbounded_channel().1, said: Vec::new() };
    assert!(server.stop().await.success());
}
