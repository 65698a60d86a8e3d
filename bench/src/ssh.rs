//! A real sshd, and ways to it that are not ours: `russh` alone, and the peers in `ssh_peers.py`.

use std::borrow::Cow;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::PathBuf;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use bastide_rt::Tasks;
use bastide_ssh::{Config, NobodyToAsk, Pool, ShellOptions};
use bastide_testkit::{Sshd, SshdOptions};
use bastide_wire::ssh::{Hop, Login, Secret, Ssh};
use russh::client::{self, Handle};
use russh::keys::{PrivateKeyWithHashAlg, PublicKeyOrCertificate, decode_secret_key};
use russh::{Channel, ChannelMsg, cipher};
use tokio::runtime::Runtime;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::{Message, WebSocket};

use crate::bare::{COLS, ROWS};
use crate::inside::READY;
use crate::path::Path;

/// Far above what a row opens: the server is not what is measured.
const MANY: u32 = 2000;
const TERM: &str = "xterm-256color";

/// The server, and the runtime that everything of ours in this process runs on.
pub(crate) struct Rig {
    pub(crate) sshd: Sshd,
    pub(crate) runtime: Arc<Runtime>,
}

impl Rig {
    pub(crate) fn start() -> Result<Self> {
        let runtime = Arc::new(tokio::runtime::Builder::new_multi_thread().enable_all().build()?);
        let options = SshdOptions::default().max_sessions(MANY).max_startups(MANY).terse();
        let sshd = runtime.block_on(Sshd::start_with(options));
        let line = format!("[127.0.0.1]:{} {}\n", sshd.port(), sshd.host_key());
        std::fs::write(sshd.dir().join("known_hosts"), line)?;
        Ok(Self { sshd, runtime })
    }

    /// A program there; connections are shared within `isolation`.
    pub(crate) fn to(&self, program: &[String], isolation: &str) -> Ssh {
        Ssh { command: Some(program.join(" ")), isolation: isolation.to_owned(), ..self.sshd.ssh() }
    }

    /// As `ssh_peers.py` takes it.
    pub(crate) fn target(&self) -> Vec<String> {
        let file = |name: &str| self.sshd.dir().join(name).to_string_lossy().into_owned();
        vec![self.sshd.port().to_string(), self.sshd.user().to_owned(), file("user"), file("known_hosts")]
    }

    /// `ssh_peers.py` with these words.
    pub(crate) fn peer(&self, first: &[&str], last: &[String]) -> Result<Peer> {
        let python = PathBuf::from("tests/.venv/bin/python");
        if !python.exists() {
            bail!("{} is missing: scripts/setup-test-deps.sh bench", python.display());
        }
        let mut command = Command::new(python);
        Peer::of(command.arg("bench/ssh_peers.py").args(first).args(self.target()).args(last))
    }
}

/// A running `ssh_peers.py`, or what speaks as it does.
pub(crate) struct Peer {
    child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
}

impl Peer {
    pub(crate) fn of(command: &mut Command) -> Result<Self> {
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
        let input = child.stdin.take().context("piped above")?;
        let output = BufReader::new(child.stdout.take().context("piped above")?);
        Ok(Self { child, input, output })
    }

    pub(crate) fn line(&mut self) -> Result<String> {
        let mut line = String::new();
        if self.output.read_line(&mut line)? == 0 {
            bail!("the peer ended");
        }
        Ok(line)
    }

    /// What it says when it can be used.
    pub(crate) fn ready(&mut self) -> Result<String> {
        let line = self.line()?;
        let what = line.trim().strip_prefix(READY).and_then(|rest| rest.strip_suffix(';'));
        Ok(what.with_context(|| format!("the peer says {line:?}"))?.to_owned())
    }

    pub(crate) fn go_on(&mut self) -> Result<()> {
        Ok(self.input.write_all(b"\n")?)
    }

    pub(crate) fn pid(&self) -> i32 {
        i32::try_from(self.child.id()).unwrap_or(0)
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = self.output.read_to_end(&mut Vec::new());
    }
}

struct AnyKey;

impl client::Handler for AnyKey {
    type Error = russh::Error;

    async fn check_server_key(&mut self, _: &PublicKeyOrCertificate) -> Result<bool, Self::Error> {
        Ok(true)
    }
}

/// A connection of `russh` and nothing around it, with AES-128-GCM.
pub(crate) struct Russh {
    handle: Handle<AnyKey>,
}

impl Russh {
    pub(crate) async fn connect(sshd: &Sshd) -> Result<Self> {
        let ciphers = Cow::Borrowed(&[cipher::AES_128_GCM] as &[_]);
        let preferred = russh::Preferred { cipher: ciphers, ..russh::Preferred::default() };
        let config = client::Config { preferred, nodelay: true, ..client::Config::default() };
        let mut handle = client::connect(Arc::new(config), ("127.0.0.1", sshd.port()), AnyKey).await?;
        let key = PrivateKeyWithHashAlg::new(Arc::new(decode_secret_key(&sshd.key(), None)?), None);
        if !handle.authenticate_publickey(sshd.user(), key).await?.success() {
            bail!("russh did not log in");
        }
        Ok(Self { handle })
    }

    /// Channel, terminal, and the account's shell or this program; answered by the server each.
    pub(crate) async fn terminal(&self, program: Option<&str>) -> Result<Channel<client::Msg>> {
        let mut channel = self.handle.channel_open_session().await?;
        channel.request_pty(true, TERM, u32::from(COLS), u32::from(ROWS), 0, 0, &[]).await?;
        granted(&mut channel).await?;
        match program {
            Some(program) => channel.exec(true, program).await?,
            None => channel.request_shell(true).await?,
        }
        granted(&mut channel).await?;
        Ok(channel)
    }
}

async fn granted(channel: &mut Channel<client::Msg>) -> Result<()> {
    loop {
        match channel.wait().await.context("the channel ended")? {
            ChannelMsg::Success => return Ok(()),
            ChannelMsg::Failure => bail!("the server refuses"),
            _ => {}
        }
    }
}

/// A program over `russh` alone.
pub(crate) struct Direct {
    runtime: Arc<Runtime>,
    _connection: Russh,
    channel: Channel<client::Msg>,
    message: bytes::Bytes,
}

impl Direct {
    pub(crate) fn start(rig: &Rig, program: &[String]) -> Result<Self> {
        let runtime = Arc::clone(&rig.runtime);
        let (connection, channel) = runtime.block_on(async {
            let connection = Russh::connect(&rig.sshd).await?;
            let channel = connection.terminal(Some(&program.join(" "))).await?;
            Ok::<_, anyhow::Error>((connection, channel))
        })?;
        Ok(Self { runtime, _connection: connection, channel, message: bytes::Bytes::new() })
    }
}

impl Path for Direct {
    fn send(&mut self, bytes: &[u8]) -> Result<()> {
        Ok(self.runtime.block_on(self.channel.data_bytes(bytes.to_vec()))?)
    }

    fn receive(&mut self) -> Result<&[u8]> {
        loop {
            match self.runtime.block_on(self.channel.wait()).context("the channel ended")? {
                ChannelMsg::Data { data } => {
                    self.message = data;
                    return Ok(&self.message);
                }
                ChannelMsg::Eof | ChannelMsg::Close => bail!("the program ended"),
                _ => {}
            }
        }
    }

    fn processes(&self) -> Vec<i32> {
        Vec::new()
    }
}

/// The bridge that web consoles are: FastAPI and asyncssh, in JSON.
pub(crate) struct WebConsole {
    peer: Peer,
    socket: WebSocket<TcpStream>,
    message: Vec<u8>,
}

impl WebConsole {
    pub(crate) fn start(rig: &Rig, program: &[String]) -> Result<Self> {
        let words: Vec<String> = std::iter::once("--".to_owned()).chain(program.iter().cloned()).collect();
        let mut peer = rig.peer(&["bridge"], &words)?;
        let address: std::net::SocketAddr = peer.ready()?.parse()?;
        let stream = TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        let request = format!("ws://{address}/ws").into_client_request()?;
        let (socket, _) = tokio_tungstenite::tungstenite::client(request, stream)?;
        Ok(Self { peer, socket, message: Vec::new() })
    }
}

impl Path for WebConsole {
    fn send(&mut self, bytes: &[u8]) -> Result<()> {
        let text = serde_json::json!({ "type": "input", "data": std::str::from_utf8(bytes)? });
        Ok(self.socket.send(Message::text(text.to_string()))?)
    }

    fn receive(&mut self) -> Result<&[u8]> {
        loop {
            match self.socket.read()? {
                Message::Text(text) => {
                    let message: serde_json::Value = serde_json::from_str(&text)?;
                    if let Some(data) = message["data"].as_str() {
                        self.message = data.as_bytes().to_vec();
                        return Ok(&self.message);
                    }
                }
                Message::Close(why) => bail!("closed: {why:?}"),
                _ => {}
            }
        }
    }

    fn processes(&self) -> Vec<i32> {
        vec![self.peer.pid()]
    }
}

/// A server on this machine that is logged in to with a key.
pub(crate) fn hop(port: u16, username: String, key: String, host_key: String) -> Hop {
    let login = Login::Key { key: Secret::new(key), passphrase: None, certificate: None };
    Hop {
        name: "bench".to_owned(),
        host: "127.0.0.1".to_owned(),
        port,
        username,
        credential: "bench".to_owned(),
        logins: vec![login],
        host_keys: vec![host_key],
        ..Hop::default()
    }
}

/// Connections that are there before any is measured: they bring what all share, and fill what the start left free
/// in the heap.
const WARM: usize = 20;
/// Prompts come after the terminals.
const SETTLE: Duration = Duration::from_millis(500);

/// [`WARM`] connections with a terminal each, then `count` more, all held: what a process of ours pays for them.
pub(crate) fn hold(count: usize, hop: &Hop) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let pool = Pool::new(Config::default(), Tasks::new());
    let mut held = Vec::new();
    let mut more = |number: usize| {
        for _ in 0..number {
            let isolation = held.len().to_string();
            let to = Ssh { hops: vec![hop.clone()], isolation, ..Ssh::default() };
            let shell = pool.shell(&to, ShellOptions::default(), Arc::new(NobodyToAsk));
            held.push(runtime.block_on(shell)?);
        }
        std::thread::sleep(SETTLE);
        Ok::<_, anyhow::Error>(())
    };
    more(WARM)?;
    println!("{READY}warm;");
    let mut line = String::new();
    std::io::stdin().read_line(&mut line)?;
    more(count)?;
    println!("{READY}all;");
    std::io::stdin().read_line(&mut line)?;
    runtime.block_on(pool.close());
    Ok(())
}
