//! A server with its own daemon and directory, and plain requests to it.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use bastide_app::login::single_sign_on;
use bastide_app::vault::{KeyFile, KeySource};
use bastide_app::{App, Clock, Config, DaemonConfig, DataDir};
use bastide_ptyd_client as ptyd;
use bastide_rt::config::{File, Flag};
use bastide_rt::{Deadlines, Phase, Shutdown, Tasks};
use jiff::Timestamp;
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// Everybody's, in these tests.
pub(crate) const PASSWORD: &str = "a password for tests only";

/// No fact that is waited for takes this long, even on a busy machine.
pub(crate) const DEADLINE: Duration = Duration::from_secs(20);

pub(crate) async fn within<T>(what: &str, future: impl Future<Output = T>) -> T {
    tokio::time::timeout(DEADLINE, future).await.unwrap_or_else(|_| panic!("waited too long for {what}"))
}

/// The daemon, as a task of this process.
pub(crate) struct Daemon {
    pub(crate) config: ptyd::Config,
    ended: tokio::task::JoinHandle<()>,
}

impl Daemon {
    async fn start(dir: &std::path::Path) -> Self {
        let flag = |name, key, file: &str| Flag { name, key, value: dir.join(file).display().to_string() };
        let flags = [
            flag("--socket", "socket", "ptyd.sock"),
            flag("--token-file", "token_file", "ptyd.token"),
            flag("--state-dir", "state_dir", "ptyd"),
            // The disk of a test machine may be nearly full; that is not what is tested here.
            Flag { name: "-", key: "recording_reserve", value: "1".to_owned() },
        ];
        let config = bastide_ptyd::Config::load(File::None, &flags).unwrap();
        let (ready, listens) = tokio::sync::oneshot::channel();
        let ended = tokio::spawn(async move {
            bastide_ptyd::run(config, None, |_| ready.send(()).unwrap()).await.unwrap();
        });
        within("the daemon", listens).await.unwrap();
        Self { config: ptyd::Config::new(dir.join("ptyd.sock")), ended }
    }

    /// Ends its sessions and itself.
    pub(crate) async fn stop(self) {
        let client = ptyd::Client::connect(self.config).await.unwrap();
        client.kill_all().await.unwrap();
        client.drain().await.unwrap();
        within("the daemon's end", self.ended).await.unwrap();
    }
}

pub(crate) struct World {
    dir: tempfile::TempDir,
    pub(crate) address: SocketAddr,
    app: Option<App>,
    pub(crate) daemon: Option<Daemon>,
    /// Seconds that the server's clock is ahead.
    pub(crate) ahead: Arc<AtomicI64>,
    tasks: Tasks,
    shutdown: Shutdown,
}

impl World {
    pub(crate) async fn start() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let daemon = Daemon::start(dir.path()).await;
        Self::with(dir, daemon, None).await
    }

    /// With a provider that people sign in with.
    pub(crate) async fn start_with(single_sign_on: single_sign_on::Settings) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let daemon = Daemon::start(dir.path()).await;
        Self::with(dir, daemon, Some(single_sign_on)).await
    }

    async fn with(
        dir: tempfile::TempDir,
        daemon: Daemon,
        single_sign_on: Option<single_sign_on::Settings>,
    ) -> Self {
        let served = serve(dir.path().join("data"), &daemon.config, single_sign_on).await;
        let (app, address, tasks, shutdown, ahead) = served;
        app.wait_ready(DEADLINE).await.unwrap();
        Self { dir, address, app: Some(app), daemon: Some(daemon), ahead, tasks, shutdown }
    }

    /// With a daemon that does not know a capability.
    pub(crate) async fn start_older(without: &'static str) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let daemon = Daemon::start(dir.path()).await;
        let token = dir.path().join("ptyd.token");
        let relay = crate::older::relay(dir.path().join("ptyd.sock"), without);
        let config = ptyd::Config::new(relay).with_token_file(token);
        let (app, address, tasks, shutdown, ahead) = serve(dir.path().join("data"), &config, None).await;
        app.wait_ready(DEADLINE).await.unwrap();
        Self { dir, address, app: Some(app), daemon: Some(daemon), ahead, tasks, shutdown }
    }

    pub(crate) fn app(&self) -> &App {
        self.app.as_ref().unwrap()
    }

    pub(crate) fn data(&self) -> PathBuf {
        self.dir.path().join("data")
    }

    /// The log's entries of this kind, in their order.
    pub(crate) fn logged(&self, kind: &str) -> Vec<Value> {
        let files = std::fs::read_dir(self.data().join("log")).unwrap();
        let mut files: Vec<_> = files.map(|entry| entry.unwrap().path()).collect();
        files.sort();
        let texts = files.iter().map(|file| std::fs::read_to_string(file).unwrap_or_default());
        let lines = texts.flat_map(|text| text.lines().map(str::to_owned).collect::<Vec<_>>());
        let bodies = lines.filter_map(|line| serde_json::from_str::<Value>(&line).ok());
        bodies.map(|line| line["body"].clone()).filter(|entry| entry["kind"] == kind).collect()
    }

    /// Stops the server as a signal would; the daemon stays.
    pub(crate) async fn stop_server(&self) {
        let deadlines =
            Deadlines { draining: Duration::from_millis(1_400), flushing: Duration::from_millis(500) };
        self.shutdown.finish(&self.tasks, deadlines, self.app().flush()).await;
    }

    /// Another server on the same data and daemon.
    pub(crate) async fn restart_server(&mut self) {
        self.stop_server().await;
        // It holds the log as long as it is held itself.
        self.app = None;
        let config = self.daemon.as_ref().unwrap().config.clone();
        let data = self.data();
        let (app, address, tasks, shutdown, ahead) = serve(data, &config, None).await;
        app.wait_ready(DEADLINE).await.unwrap();
        (self.app, self.address, self.tasks, self.shutdown, self.ahead) =
            (Some(app), address, tasks, shutdown, ahead);
    }

    /// Ends both, does something to the daemon's files, and starts both again.
    pub(crate) async fn restart_both(&mut self, meanwhile: impl FnOnce(&std::path::Path)) {
        self.stop_server().await;
        self.daemon.take().unwrap().stop().await;
        meanwhile(&self.dir.path().join("ptyd"));
        self.daemon = Some(Daemon::start(self.dir.path()).await);
        self.restart_server().await;
    }

    pub(crate) async fn restart_daemon(&mut self) {
        self.daemon.take().unwrap().stop().await;
        self.daemon = Some(Daemon::start(self.dir.path()).await);
    }

    pub(crate) async fn end(mut self) {
        self.stop_server().await;
        if let Some(daemon) = self.daemon.take() {
            daemon.stop().await;
        }
    }

    /// The first administrator, logged in by a link.
    pub(crate) async fn log_in(&self) -> Person {
        let link = self.app().login_link().await.unwrap();
        self.follow(&link.token).await
    }

    /// Somebody else, made by an administrator.
    pub(crate) async fn user(&self, admin: &Person, username: &str, role: &str) -> Person {
        let body = format!(r#"{{"username":"{username}","role":"{role}"}}"#);
        let made = admin.post("/api/v1/users", &body).send().await;
        assert_eq!(made.status, 201, "{}", made.body);
        let id = made.json()["id"].as_i64().unwrap();
        let link = admin.post(&format!("/api/v1/users/{id}/login-link"), "{}").send().await;
        assert_eq!(link.status, 201, "{}", link.body);
        let url = link.json()["url"].as_str().unwrap().to_owned();
        self.follow(url.rsplit("token=").next().unwrap()).await
    }

    /// Uses a login link; sets [`PASSWORD`] where none is set.
    pub(crate) async fn follow(&self, token: &str) -> Person {
        let body = format!(r#"{{"token":"{token}"}}"#);
        let mut used = self.post("/api/v1/login-links/use", &body).send().await;
        if used.status == 422 {
            let body = format!(r#"{{"token":"{token}","password":"{PASSWORD}"}}"#);
            used = self.post("/api/v1/login-links/use", &body).send().await;
        }
        assert_eq!(used.status, 200, "{}", used.body);
        self.person(&used)
    }

    /// Whom an answer logs in.
    pub(crate) fn person(&self, answer: &Response) -> Person {
        let cookie = answer.header("set-cookie").unwrap().split(';').next().unwrap().to_owned();
        Person { cookie, address: self.address }
    }

    pub(crate) fn get(&self, path: &str) -> Request {
        Request::new(self.address, "GET", path)
    }

    pub(crate) fn post(&self, path: &str, body: &str) -> Request {
        Request::new(self.address, "POST", path).json(body)
    }
}

async fn serve(
    data: PathBuf,
    daemon: &ptyd::Config,
    single_sign_on: Option<single_sign_on::Settings>,
) -> (App, SocketAddr, Tasks, Shutdown, Arc<AtomicI64>) {
    let (tasks, shutdown) = (Tasks::new(), Shutdown::new());
    let ahead = Arc::new(AtomicI64::new(0));
    let clock = {
        let ahead = Arc::clone(&ahead);
        Clock::from_fn(move || {
            Timestamp::now() + jiff::SignedDuration::from_secs(ahead.load(Ordering::Relaxed))
        })
    };
    let app = app((data, daemon), clock, single_sign_on, (&tasks, &shutdown)).await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    shutdown.advance(Phase::Serving);
    tokio::spawn(bastide_api::serve(listener, app.clone(), bastide_api::Config::default()));
    (app, address, tasks, shutdown, ahead)
}

async fn app(
    (data, daemon): (PathBuf, &ptyd::Config),
    clock: Clock,
    single_sign_on: Option<single_sign_on::Settings>,
    (tasks, shutdown): (&Tasks, &Shutdown),
) -> App {
    let recordings = data.with_file_name("ptyd").join("recordings");
    let account = std::env::var("USER").ok().filter(|user| !user.is_empty());
    let config = Config {
        vault: KeySource::File(KeyFile::new(data.join("vault.key"))),
        webhook: None,
        ssh_door: bastide_app::SshDoor::default(),
        second_factor: Vec::new(),
        data_dir: DataDir::open(data).unwrap(),
        daemon: DaemonConfig {
            connection: daemon.clone().with_client_id("server"),
            launch: None,
            hint: None,
        },
        account: account.unwrap_or_else(own_name),
        clock,
        recordings,
        history: bastide_app::history::Config::default(),
        login_lifetime: bastide_app::login::DEFAULT_LIFETIME,
        single_sign_on,
    };
    App::start(config, tasks.clone(), shutdown.clone()).await.unwrap()
}

fn own_name() -> String {
    let uid = rustix::process::geteuid().as_raw().to_string();
    let users = std::fs::read_to_string("/etc/passwd").unwrap();
    let mut own = users.lines().filter(|line| line.split(':').nth(2) == Some(&uid));
    own.next().and_then(|line| line.split(':').next()).unwrap().to_owned()
}

/// What a plain shell asks with.
pub(crate) fn prompt() -> &'static str {
    if rustix::process::geteuid().is_root() { "# " } else { "$ " }
}

pub(crate) struct Person {
    pub(crate) cookie: String,
    pub(crate) address: SocketAddr,
}

impl Person {
    pub(crate) fn request(&self, method: &'static str, path: &str) -> Request {
        Request::new(self.address, method, path).header("cookie", &self.cookie)
    }

    /// The head of a request whose body the test sends itself, in its own time.
    pub(crate) fn head(&self, method: &str, path: &str, headers: &str) -> String {
        let Self { cookie, address } = self;
        format!("{method} {path} HTTP/1.1\r\nhost: {address}\r\ncookie: {cookie}\r\n{headers}\r\n")
    }

    pub(crate) fn get(&self, path: &str) -> Request {
        self.request("GET", path)
    }

    pub(crate) fn post(&self, path: &str, body: &str) -> Request {
        self.request("POST", path).json(body)
    }

    /// A token of theirs: what to put into `authorization`.
    pub(crate) async fn token(&self, scope: &str) -> String {
        let body = format!(r#"{{"name":"test","scope":"{scope}"}}"#);
        let made = self.post("/api/v1/tokens", &body).send().await;
        assert_eq!(made.status, 201, "{}", made.body);
        format!("Bearer {}", made.json()["secret"].as_str().unwrap())
    }

    /// A shell without start-up files of whoever runs the test; returns its uid.
    pub(crate) async fn shell(&self) -> String {
        let body = r#"{"shell":"/bin/sh","cols":80,"rows":24,"env":{"HOME":"/nonexistent"}}"#;
        let response = self.post("/api/v1/sessions", body).send().await;
        assert_eq!(response.status, 201, "{}", response.body);
        response.json()["uid"].as_str().unwrap().to_owned()
    }
}

#[must_use]
pub(crate) struct Request {
    address: SocketAddr,
    method: &'static str,
    path: String,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
}

impl Request {
    pub(crate) fn new(address: SocketAddr, method: &'static str, path: &str) -> Self {
        Self { address, method, path: path.to_owned(), headers: Vec::new(), body: Vec::new() }
    }

    pub(crate) fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.retain(|(known, _)| known != name);
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    pub(crate) fn json(mut self, body: &str) -> Self {
        self.body = body.as_bytes().to_vec();
        self.header("content-type", "application/json")
    }

    pub(crate) fn form(mut self, body: &str) -> Self {
        self.body = body.as_bytes().to_vec();
        self.header("content-type", "application/x-www-form-urlencoded")
    }

    /// A body of whatever it is.
    pub(crate) fn body(mut self, kind: &str, body: &[u8]) -> Self {
        self.body = body.to_vec();
        self.header("content-type", kind)
    }

    /// Asks for a WebSocket; the answer is read as far as it is one to a request.
    pub(crate) fn upgrade(self) -> Self {
        self.header("connection", "upgrade")
            .header("upgrade", "websocket")
            .header("sec-websocket-version", "13")
            .header("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ==")
    }

    pub(crate) async fn send(self) -> Response {
        within(&format!("{} {}", self.method, self.path), self.exchange()).await
    }

    async fn exchange(self) -> Response {
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        let mut head = format!("{} {} HTTP/1.1\r\nhost: {}\r\n", self.method, self.path, self.address);
        if !self.headers.iter().any(|(name, _)| name == "connection") {
            head.push_str("connection: close\r\n");
        }
        for (name, value) in &self.headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        head.push_str(&format!("content-length: {}\r\n\r\n", self.body.len()));
        // At once: a server that answers before it has read the body closes, and what comes then
        // would take its answer back.
        let message = [head.as_bytes(), &self.body].concat();
        stream.write_all(&message).await.ok();
        let mut answer = Vec::new();
        loop {
            let read = stream.read_buf(&mut answer).await.unwrap_or(0);
            if read == 0 {
                break;
            }
            if let Some(response) = Response::read(&answer)
                && (response.status == 101
                    || response.header("content-length").and_then(|n| n.parse().ok())
                        == Some(response.bytes.len()))
            {
                return response;
            }
        }
        Response::read(&answer).unwrap_or_else(|| {
            panic!(
                "no answer ({}) to {} {} {:?}",
                String::from_utf8_lossy(&answer),
                self.method,
                self.path,
                self.headers
            )
        })
    }
}

#[derive(Debug)]
pub(crate) struct Response {
    pub(crate) status: u16,
    headers: Vec<(String, String)>,
    pub(crate) body: String,
    /// The same as it came.
    pub(crate) bytes: Vec<u8>,
}

impl Response {
    fn read(answer: &[u8]) -> Option<Self> {
        let text = String::from_utf8_lossy(answer);
        let (head, body) = text.split_once("\r\n\r\n")?;
        let bytes = answer[head.len() + 4..].to_vec();
        let mut lines = head.split("\r\n");
        let status = lines.next()?.split(' ').nth(1)?.parse().ok()?;
        let headers = lines
            .filter_map(|line| line.split_once(": "))
            .map(|(name, value)| (name.to_lowercase(), value.to_owned()))
            .collect();
        Some(Self { status, headers, body: body.to_owned(), bytes })
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|e| panic!("{e}: {}", self.body))
    }

    /// The last part of a problem's type.
    pub(crate) fn problem(&self) -> String {
        assert_eq!(self.header("content-type"), Some("application/problem+json"), "{self:?}");
        let problem = self.json();
        assert_eq!(problem["status"], self.status);
        assert_eq!(problem["detail"], problem["error"]);
        assert_eq!(problem["request_id"].as_str(), self.header("x-request-id"));
        problem["type"].as_str().unwrap().rsplit(':').next().unwrap().to_owned()
    }
}
