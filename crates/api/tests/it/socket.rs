//! A WebSocket client of our own, for both forms.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::time::Duration;

use bastide_wire::terminal::binary::{Downstream, InputPiece};
use bastide_wire::terminal::packed::unpack;
use futures_util::{SinkExt, StreamExt};
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::tungstenite::{Error, Message};

use crate::world::{DEADLINE, Person, within};

/// From here to the browser, one way.
const DISTANCE: Duration = Duration::from_millis(10);

/// A connection on which everything takes its time.
async fn far_away(address: SocketAddr) -> TcpStream {
    let between = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let near = TcpStream::connect(between.local_addr().unwrap()).await.unwrap();
    let (browser, _) = between.accept().await.unwrap();
    let server = TcpStream::connect(address).await.unwrap();
    let ((browser_in, browser_out), (server_in, server_out)) = (browser.into_split(), server.into_split());
    tokio::spawn(slowly(browser_in, server_out));
    tokio::spawn(slowly(server_in, browser_out));
    near
}

async fn slowly(mut from: OwnedReadHalf, mut to: OwnedWriteHalf) {
    let mut buffer = vec![0; 256 * 1024];
    while let Ok(read @ 1..) = from.read(&mut buffer).await {
        tokio::time::sleep(DISTANCE).await;
        if to.write_all(&buffer[..read]).await.is_err() {
            return;
        }
    }
}

pub(crate) struct Socket {
    inner: WebSocketStream<TcpStream>,
    /// What came while something else was waited for.
    early: VecDeque<Value>,
    pub(crate) output: Vec<u8>,
    /// Position after the last byte of `output`.
    pub(crate) pos: u64,
    pub(crate) closed: Option<u16>,
    /// Of the snapshot that is coming.
    parts: Vec<u8>,
    /// Messages that came packed.
    pub(crate) packed: usize,
}

impl Socket {
    pub(crate) async fn open(person: &Person, path: &str, protocol: Option<&str>) -> Self {
        let stream = TcpStream::connect(person.address).await.unwrap();
        Self::over(stream, person, path, protocol).await
    }

    async fn over(stream: TcpStream, person: &Person, path: &str, protocol: Option<&str>) -> Self {
        let mut request = format!("ws://{}{path}", person.address).into_client_request().unwrap();
        request.headers_mut().insert("cookie", person.cookie.parse().unwrap());
        if let Some(protocol) = protocol {
            request.headers_mut().insert("sec-websocket-protocol", protocol.parse().unwrap());
        }
        let (inner, answer) =
            within("the upgrade", tokio_tungstenite::client_async(request, stream)).await.unwrap();
        assert_eq!(answer.headers().get("sec-websocket-protocol").map(|p| p.to_str().unwrap()), protocol);
        Self {
            inner,
            early: VecDeque::new(),
            output: Vec::new(),
            pos: 0,
            closed: None,
            parts: Vec::new(),
            packed: 0,
        }
    }

    pub(crate) async fn binary(person: &Person, uid: &str, query: &str) -> Self {
        Self::open(person, &format!("/api/pty/sessions/{uid}/ws?{query}"), Some("bastide.v1")).await
    }

    /// As [`Self::binary`] from far away, and what comes may be packed.
    pub(crate) async fn far(person: &Person, uid: &str, query: &str) -> Self {
        let stream = far_away(person.address).await;
        let path = format!("/api/pty/sessions/{uid}/ws?{query}");
        Self::over(stream, person, &path, Some("bastide.v1.zstd")).await
    }

    pub(crate) async fn json(person: &Person, uid: &str) -> Self {
        Self::open(person, &format!("/api/pty/sessions/{uid}/ws"), None).await
    }

    pub(crate) async fn say(&mut self, text: &str) {
        self.inner.send(Message::text(text)).await.unwrap();
    }

    pub(crate) async fn send(&mut self, bytes: Vec<u8>) -> Result<(), Error> {
        self.inner.send(Message::binary(bytes)).await
    }

    pub(crate) async fn input(&mut self, number: u32, text: &str) {
        self.send(InputPiece { number, data: text.as_bytes() }.encode()).await.unwrap();
    }

    /// Takes one message: text is returned, output is gathered. `None` at the end.
    async fn step(&mut self) -> Option<Option<Value>> {
        match self.inner.next().await {
            Some(Ok(Message::Text(text))) => Some(Some(serde_json::from_str(&text).unwrap())),
            Some(Ok(Message::Binary(bytes))) => {
                let plain = unpack(bytes.to_vec()).unwrap();
                self.packed += usize::from(plain != bytes);
                match Downstream::read(&plain).unwrap() {
                    Downstream::Output { pos, data } => {
                        assert_eq!(pos, self.pos, "output follows without a gap");
                        self.output.extend_from_slice(data);
                        self.pos += data.len() as u64;
                    }
                    Downstream::Snapshot { pos, restore, .. } => {
                        self.output = std::mem::take(&mut self.parts);
                        self.output.extend_from_slice(restore);
                        self.pos = pos;
                    }
                    Downstream::Part { restore } => self.parts.extend_from_slice(restore),
                }
                Some(None)
            }
            Some(Ok(Message::Close(frame))) => {
                self.closed = frame.map(|CloseFrame { code, .. }| code.into());
                None
            }
            Some(Ok(_)) => Some(None),
            Some(Err(_)) | None => None,
        }
    }

    /// The next text message of this type.
    pub(crate) async fn hear(&mut self, kind: &str) -> Value {
        if let Some(place) = self.early.iter().position(|message| message["type"] == kind) {
            return self.early.remove(place).unwrap();
        }
        within(kind, async {
            loop {
                match self.step().await {
                    Some(Some(message)) if message["type"] == kind => return message,
                    Some(Some(message)) => self.early.push_back(message),
                    Some(None) => {}
                    None => panic!("closed ({:?}) before {kind}; early: {:?}", self.closed, self.early),
                }
            }
        })
        .await
    }

    /// Reads until the output holds this.
    pub(crate) async fn sees(&mut self, text: &str) {
        let seen = tokio::time::timeout(DEADLINE, async {
            while !self.shown().contains(text) {
                match self.step().await {
                    Some(Some(message)) => self.early.push_back(message),
                    Some(None) => {}
                    None => panic!("closed ({:?}) before {text:?}: {:?}", self.closed, self.shown()),
                }
            }
        });
        if seen.await.is_err() {
            panic!("not seen: {text:?} in {:?}; early: {:?}", self.shown(), self.early);
        }
    }

    /// Reads until the output holds this, or such a message has come.
    pub(crate) async fn sees_or_hears(
        &mut self,
        text: &str,
        hears: impl Fn(&Value) -> bool,
    ) -> Option<Value> {
        within(text, async {
            loop {
                if let Some(place) = self.early.iter().position(&hears) {
                    return self.early.remove(place);
                }
                if self.shown().contains(text) {
                    return None;
                }
                match self.step().await {
                    Some(message) => self.early.extend(message),
                    None => panic!("closed ({:?}) before {text:?}: {:?}", self.closed, self.early),
                }
            }
        })
        .await
    }

    pub(crate) fn shown(&self) -> String {
        String::from_utf8_lossy(&self.output).into_owned()
    }

    /// Reads to the end; the code it was closed with.
    pub(crate) async fn ends(&mut self) -> Option<u16> {
        let mut heard = Vec::new();
        let ended = tokio::time::timeout(DEADLINE, async {
            while let Some(message) = self.step().await {
                heard.extend(message);
            }
        });
        if ended.await.is_err() {
            panic!("not ended; heard {heard:?}");
        }
        self.closed
    }
}
