//! `bastide serve` as a process, programs that ask it with a token, and their terminals over its WebSockets.

use std::path::{Path, PathBuf};
use std::time::Duration;

use bastide_testkit::{DEADLINE, Sshd, within};
use bastide_vt::{Effects, Scrollback, Size, Terminal};
use bastide_wire::terminal::binary::{Downstream, InputPiece};
use futures_util::{SinkExt, StreamExt};
use reqwest::{Client, Method};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream};

use crate::people_live::PASSWORD;
use crate::serve::{Server, output};

/// Longer than the server takes to give up on another machine that says nothing.
const ANSWER: Duration = Duration::from_secs(60);

/// The daemon's pid file, wherever below the directory.
pub(crate) fn pid_file(dir: &Path) -> Option<PathBuf> {
    let entries = std::fs::read_dir(dir).ok()?.flatten().map(|entry| entry.path());
    entries.into_iter().find_map(|path| match path.is_dir() {
        true => pid_file(&path),
        false => (path.extension()? == "pid").then_some(path),
    })
}

fn kill9(pid: i32) {
    // It may have ended by itself.
    let _ = nix::sys::signal::kill(nix::unistd::Pid::from_raw(pid), nix::sys::signal::Signal::SIGKILL);
}

/// A server, its data, its daemon, and a token of its first administrator.
pub(crate) struct Site {
    dir: tempfile::TempDir,
    server: Option<Server>,
    address: String,
    http: Client,
    token: String,
}

impl Drop for Site {
    fn drop(&mut self) {
        if let Some(pid) = self.daemon_pid() {
            kill9(pid);
        }
    }
}

impl Site {
    pub(crate) async fn start() -> Self {
        Self::start_with(&[]).await
    }

    /// With more arguments of `bastide serve`.
    pub(crate) async fn start_with(args: &[&str]) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let mut server = Server::start(dir.path(), args, &[]).await;
        let address = server.address().await;
        let (made, link, why) = output(dir.path(), &["login-link"]).await;
        assert!(made, "{why}");
        let token = link.trim().rsplit("token=").next().unwrap().to_owned();
        let http = Client::builder().timeout(ANSWER).build().unwrap();
        let mut site = Self { dir, server: Some(server), address, http, token: String::new() };
        site.follow(&token).await;
        site.token = site.log_in("admin").await;
        site
    }

    /// Sets [`PASSWORD`] by a login link.
    async fn follow(&self, token: &str) {
        let body = json!({ "token": token, "password": PASSWORD });
        self.ask(Method::POST, "/api/v1/login-links/use", Some(body), 200).await;
    }

    async fn log_in(&self, username: &str) -> String {
        let body = json!({ "username": username, "password": PASSWORD });
        let begun = self.ask(Method::POST, "/api/auth/login", Some(body), 200).await;
        begun["token"].as_str().unwrap().to_owned()
    }

    pub(crate) fn dir(&self) -> &Path {
        self.dir.path()
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    pub(crate) fn token(&self) -> &str {
        &self.token
    }

    pub(crate) fn daemon_pid(&self) -> Option<i32> {
        std::fs::read_to_string(pid_file(self.dir())?).ok()?.trim().parse().ok()
    }

    /// What the server process has of it, in kB, by its name in proc_pid_status(5).
    pub(crate) fn memory(&self, name: &str) -> u64 {
        let pid = self.server.as_ref().unwrap().child.id().unwrap();
        let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':')).unwrap();
        line.trim().trim_end_matches(" kB").parse().unwrap()
    }

    /// `kill -9` of the server process, and nothing in its place.
    pub(crate) async fn crash(&mut self) {
        let mut server = self.server.take().unwrap();
        server.child.kill().await.unwrap();
    }

    /// The same again, on the same data; at another port.
    pub(crate) async fn start_again(&mut self) {
        let mut server = Server::start(self.dir(), &[], &[]).await;
        self.address = server.address().await;
        self.server = Some(server);
    }

    pub(crate) async fn end(mut self) {
        self.server.take().unwrap().stop().await;
        output(self.dir(), &["ptyd", "stop"]).await;
    }

    /// Asks, and expects this status.
    pub(crate) async fn ask(&self, method: Method, path: &str, body: Option<Value>, status: u16) -> Value {
        self.ask_as(&self.token, method, path, body, status).await
    }

    /// The same as whoever has this token; nobody where it is empty.
    pub(crate) async fn ask_as(
        &self,
        token: &str,
        method: Method,
        path: &str,
        body: Option<Value>,
        status: u16,
    ) -> Value {
        let what = format!("{method} {path}");
        let mut request = self.http.request(method, format!("{}{path}", self.url()));
        if !token.is_empty() {
            request = request.bearer_auth(token);
        }
        if let Some(body) = &body {
            request = request.json(body);
        }
        let answer = request.send().await.unwrap();
        let (got, text) = (answer.status().as_u16(), answer.text().await.unwrap());
        assert_eq!(got, status, "{what}: {text}");
        serde_json::from_str(&text).unwrap_or_default()
    }

    pub(crate) fn address(&self) -> &str {
        &self.address
    }

    pub(crate) async fn text(&self, path: &str) -> String {
        let request = self.http.get(format!("{}{path}", self.url())).bearer_auth(&self.token);
        request.send().await.unwrap().text().await.unwrap()
    }

    /// Rules that hold from now on, over the first ones.
    pub(crate) async fn rules(&self, rules: &str) {
        let rules: Value = serde_json::from_str(rules).unwrap();
        let request = self.http.put(format!("{}/api/v1/rules", self.url())).bearer_auth(&self.token);
        let request = request.header("if-match", "\"1\"").json(&json!({ "rules": rules }));
        let answer = request.send().await.unwrap();
        assert_eq!(answer.status().as_u16(), 200, "{}", answer.text().await.unwrap());
    }

    /// A session once it has ended.
    pub(crate) async fn until_ended(&self, session: &str) -> Value {
        within("the end of the session", async {
            loop {
                let seen = self.get(&format!("/api/v1/sessions/{session}")).await;
                if seen["state"] == "ended" {
                    return seen;
                }
            }
        })
        .await
    }

    pub(crate) async fn get(&self, path: &str) -> Value {
        self.ask(Method::GET, path, None, 200).await
    }

    /// Makes something; returns what was answered.
    pub(crate) async fn make(&self, path: &str, body: Value) -> Value {
        self.ask(Method::POST, path, Some(body), 201).await
    }

    pub(crate) async fn make_as(&self, token: &str, path: &str, body: Value) -> Value {
        self.ask_as(token, Method::POST, path, Some(body), 201).await
    }

    pub(crate) async fn remove(&self, path: &str) {
        self.ask(Method::DELETE, path, None, 204).await;
    }

    pub(crate) async fn change(&self, path: &str, body: Value) -> Value {
        self.ask(Method::PATCH, path, Some(body), 200).await
    }

    /// Somebody without rights: their number and a token.
    pub(crate) async fn user(&self, username: &str) -> (i64, String) {
        self.person(username, "user").await
    }

    /// Somebody who decides on commands: a token of theirs.
    pub(crate) async fn reviewer(&self, username: &str) -> String {
        self.person(username, "reviewer").await.1
    }

    async fn person(&self, username: &str, role: &str) -> (i64, String) {
        let made = self.make("/api/v1/users", json!({ "username": username, "role": role })).await;
        let id = made["id"].as_i64().unwrap();
        let link = self.make(&format!("/api/v1/users/{id}/login-link"), json!({})).await;
        self.follow(link["url"].as_str().unwrap().rsplit("token=").next().unwrap()).await;
        (id, self.log_in(username).await)
    }

    /// A server with these fields on loopback; its number.
    pub(crate) async fn server(&self, name: &str, port: u16, more: Value) -> i64 {
        let mut body = json!({ "name": name, "host": "127.0.0.1", "port": port });
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        self.make("/api/v1/servers", body).await["id"].as_i64().unwrap()
    }

    /// One more accepted host key, `algorithm base64`.
    pub(crate) async fn pin(&self, server: i64, key: &str) {
        self.make(&format!("/api/v1/servers/{server}/host-keys"), json!({ "key": key })).await;
    }

    /// A credential of the key that this sshd lets in.
    pub(crate) async fn key(&self, name: &str, sshd: &Sshd) -> i64 {
        let body = json!({ "name": name, "username": sshd.user(), "kind": "key", "key": sshd.key() });
        self.make("/api/v1/credentials", body).await["id"].as_i64().unwrap()
    }

    /// This sshd as a server, its host key accepted, with a credential of its key.
    pub(crate) async fn sshd(&self, name: &str, sshd: &Sshd, mut more: Value) -> i64 {
        more["default_credential_id"] = json!(self.key(&format!("key of {name}"), sshd).await);
        let server = self.server(name, sshd.port(), more).await;
        self.pin(server, sshd.host_key()).await;
        server
    }

    /// A terminal on a server, which stays; its uid.
    pub(crate) async fn session(&self, server: i64) -> String {
        let body = json!({ "server_id": server, "cols": 80, "rows": 24 });
        self.make("/api/v1/sessions", body).await["uid"].as_str().unwrap().to_owned()
    }

    /// The page's terminal.
    pub(crate) async fn page(&self, uid: &str, query: &str) -> Page {
        let path = format!("/api/pty/sessions/{uid}/ws?{query}");
        let mut request = format!("ws://{}{path}", self.address).into_client_request().unwrap();
        let bearer = format!("Bearer {}", self.token);
        request.headers_mut().insert("authorization", bearer.parse().unwrap());
        request.headers_mut().insert("sec-websocket-protocol", "bastide.v1".parse().unwrap());
        let (socket, _) = within("the upgrade", tokio_tungstenite::connect_async(request)).await.unwrap();
        let screen = Terminal::new(Size { cols: 80, rows: 24 }, bastide_vt::Config::default());
        let mut page = Page {
            socket,
            output: Vec::new(),
            pos: 0,
            screen,
            typed: 0,
            hello: Value::Null,
            heard: Vec::new(),
        };
        page.hello = page.hear("hello").await;
        page.typed = page.hello["input"].as_u64().unwrap_or(0).try_into().unwrap();
        page.pos = page.hello["pos"].as_u64().unwrap();
        page
    }

    /// The terminal of the earlier design, as whoever has this token.
    pub(crate) async fn earlier(&self, server: i64, credential: &str, token: &str) -> Earlier {
        let path = format!("/api/servers/{server}/ssh/terminal?credential_id={credential}&token={token}");
        let opened = tokio_tungstenite::connect_async(format!("ws://{}{path}", self.address));
        let (socket, _) = within("the upgrade", opened).await.unwrap();
        Earlier { socket, shown: String::new(), said: Vec::new() }
    }
}

pub(crate) type Stream = WebSocketStream<MaybeTlsStream<TcpStream>>;

/// A terminal in the binary form, with a screen.
pub(crate) struct Page {
    socket: Stream,
    /// All output since it was opened.
    pub(crate) output: Vec<u8>,
    /// After the last byte of it.
    pub(crate) pos: u64,
    pub(crate) screen: Terminal,
    typed: u32,
    pub(crate) hello: Value,
    heard: Vec<Value>,
}

impl Page {
    /// Takes one message; false at the end.
    async fn step(&mut self) -> bool {
        match self.socket.next().await {
            Some(Ok(Message::Text(text))) => self.heard.push(serde_json::from_str(&text).unwrap()),
            Some(Ok(Message::Binary(bytes))) => match Downstream::read(&bytes).unwrap() {
                Downstream::Output { pos, data } => {
                    assert_eq!(pos, self.pos, "output follows without a gap");
                    self.output.extend_from_slice(data);
                    self.screen.feed(data, &mut Effects::default());
                    self.pos += data.len() as u64;
                }
                Downstream::Snapshot { pos, cols, rows, restore } => {
                    self.screen = Terminal::new(Size { cols, rows }, bastide_vt::Config::default());
                    self.screen.feed(restore, &mut Effects::default());
                    self.pos = pos;
                }
                Downstream::Part { .. } => panic!("a small screen comes in one piece"),
            },
            Some(Ok(Message::Close(_)) | Err(_)) | None => return false,
            Some(Ok(_)) => {}
        }
        true
    }

    /// The next text message of this type.
    pub(crate) async fn hear(&mut self, kind: &str) -> Value {
        within(kind, async {
            loop {
                if let Some(place) = self.heard.iter().position(|message| message["type"] == kind) {
                    return self.heard.remove(place);
                }
                assert!(self.step().await, "closed before {kind}: {:?}", self.heard);
            }
        })
        .await
    }

    pub(crate) fn text(&self) -> String {
        self.screen.text(Scrollback::None)
    }

    pub(crate) fn shown(&self) -> String {
        String::from_utf8_lossy(&self.output).into_owned()
    }

    /// Reads until this stands on the screen.
    pub(crate) async fn sees(&mut self, text: &str) {
        let looking = async { while !self.text().contains(text) && self.step().await {} };
        let looked = tokio::time::timeout(DEADLINE, looking).await;
        let (screen, heard) = (self.text(), &self.heard);
        assert!(looked.is_ok() && screen.contains(text), "no {text:?} on\n{screen}\nheard: {heard:?}");
    }

    /// Reads until the other side is gone.
    pub(crate) async fn loses(&mut self) {
        within("the end of the connection", async { while self.step().await {} }).await;
    }

    pub(crate) async fn types(&mut self, text: &str) {
        self.typed += 1;
        let piece = InputPiece { number: self.typed, data: text.as_bytes() }.encode();
        self.socket.send(Message::binary(piece)).await.unwrap();
    }

    pub(crate) async fn say(&mut self, message: Value) {
        self.socket.send(Message::text(message.to_string())).await.unwrap();
    }
}

/// A terminal of the earlier design.
pub(crate) struct Earlier {
    socket: Stream,
    pub(crate) shown: String,
    /// Every message that is no output.
    pub(crate) said: Vec<Value>,
}

impl Earlier {
    /// Takes one message; the close code at the end.
    async fn step(&mut self) -> Result<(), Option<u16>> {
        match self.socket.next().await {
            Some(Ok(Message::Text(text))) => {
                let message: Value = serde_json::from_str(&text).unwrap();
                match message["type"].as_str() {
                    Some("output") => self.shown.push_str(message["data"].as_str().unwrap()),
                    _ => self.said.push(message),
                }
                Ok(())
            }
            Some(Ok(Message::Close(frame))) => Err(frame.map(|frame| frame.code.into())),
            Some(Ok(_)) => Ok(()),
            Some(Err(_)) | None => Err(None),
        }
    }

    /// Until the shell is there.
    pub(crate) async fn connects(&mut self) {
        within("the shell", async {
            while !self.said.iter().any(|message| message["type"] == "connected") {
                let code = self.step().await;
                assert!(code.is_ok(), "closed with {code:?}: {:?}", self.said);
            }
        })
        .await;
    }

    /// Reads until it was shown.
    pub(crate) async fn sees(&mut self, text: &str) {
        let looking = async { while !self.shown.contains(text) && self.step().await.is_ok() {} };
        let looked = tokio::time::timeout(DEADLINE, looking).await;
        let (shown, said) = (&self.shown, &self.said);
        assert!(looked.is_ok() && shown.contains(text), "no {text:?} in {shown:?}; said: {said:?}");
    }

    pub(crate) async fn types(&mut self, text: &str) {
        self.say(json!({ "type": "input", "data": text })).await;
    }

    pub(crate) async fn say(&mut self, message: Value) {
        self.socket.send(Message::text(message.to_string())).await.unwrap();
    }

    /// Reads to the end: the close code, and the last thing that was said.
    pub(crate) async fn ends(&mut self) -> (Option<u16>, String) {
        let ending = async {
            loop {
                if let Err(code) = self.step().await {
                    return code;
                }
            }
        };
        let code = tokio::time::timeout(ANSWER, ending).await.expect("it is closed");
        let last = self.said.last().and_then(|message| message["message"].as_str());
        (code, last.unwrap_or_default().to_owned())
    }

    /// Leaves as a browser does that is closed.
    pub(crate) async fn leaves(mut self) {
        self.socket.close(None).await.ok();
    }
}
