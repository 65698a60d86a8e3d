//! A terminal over a WebSocket as a page has it, blocking: through our server, or through a bridge.

use std::io::{BufRead, BufReader};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};

use anyhow::{Context, Result, bail};
use bastide_wire::terminal::binary::{Downstream, InputPiece};
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::{Message, WebSocket, client};

use crate::inside::{self, READY};
use crate::path::Path;
use crate::server::Server;

/// A session of ours, seen by one page.
pub(crate) struct Page {
    socket: WebSocket<TcpStream>,
    sent: u32,
    message: Vec<u8>,
    processes: Vec<i32>,
}

/// Where output begins in a message: after its kind and position.
const HEAD: usize = 9;

impl Page {
    /// From the first byte on, which is still there for a session just made.
    pub(crate) fn open(server: &Server, uid: &str) -> Result<Self> {
        Self::connect(server, uid, "fresh=1&from=0")
    }

    pub(crate) fn connect(server: &Server, uid: &str, query: &str) -> Result<Self> {
        let address = format!("ws://{}/api/pty/sessions/{uid}/ws?client=bench-{uid}&{query}", server.address);
        let mut request = address.into_client_request()?;
        request.headers_mut().insert("cookie", server.cookie.parse()?);
        request.headers_mut().insert("sec-websocket-protocol", "bastide.v1.zstd, bastide.v1".parse()?);
        let (socket, _) = client(request, stream(server.address)?)?;
        Ok(Self { socket, sent: 0, message: Vec::new(), processes: vec![server.pid()] })
    }

    /// The next binary message; texts only say that input was taken, and the like.
    pub(crate) fn output(&mut self) -> Result<&[u8]> {
        loop {
            match self.socket.read()? {
                Message::Binary(bytes) => {
                    self.message = bytes.into();
                    break;
                }
                Message::Close(why) => bail!("closed: {why:?}"),
                _ => {}
            }
        }
        match Downstream::read(&self.message)? {
            Downstream::Output { pos, data } => {
                let end = pos + data.len() as u64;
                // As the page does when it has drawn.
                self.socket.send(Message::text(format!(r#"{{"type":"ack","pos":{end}}}"#)))?;
                Ok(&self.message[HEAD..])
            }
            Downstream::Snapshot { .. } | Downstream::Part { .. } => Ok(&[]),
        }
    }
}

impl Path for Page {
    fn send(&mut self, bytes: &[u8]) -> Result<()> {
        self.sent += 1;
        Ok(self.socket.send(Message::binary(InputPiece { number: self.sent, data: bytes }.encode()))?)
    }

    fn receive(&mut self) -> Result<&[u8]> {
        self.output()
    }

    fn processes(&self) -> Vec<i32> {
        self.processes.clone()
    }
}

fn stream(address: std::net::SocketAddr) -> Result<TcpStream> {
    let stream = TcpStream::connect(address)?;
    stream.set_nodelay(true)?;
    Ok(stream)
}

/// The bare bridge: a process that ties a terminal to a WebSocket and does nothing else.
pub(crate) struct Bridge {
    child: Child,
    socket: WebSocket<TcpStream>,
    message: Vec<u8>,
}

impl Bridge {
    pub(crate) fn start(program: &[String]) -> Result<Self> {
        let mut words = inside::command(&["bridge", "--"])?;
        words.extend_from_slice(program);
        let mut child =
            Command::new(&words[0]).args(&words[1..]).stdin(Stdio::null()).stdout(Stdio::piped()).spawn()?;
        let mut line = String::new();
        BufReader::new(child.stdout.as_mut().context("piped above")?).read_line(&mut line)?;
        let address = line.strip_prefix(READY).and_then(|rest| rest.trim().strip_suffix(';'));
        let address: std::net::SocketAddr = address.context("the bridge names no address")?.parse()?;
        let request = format!("ws://{address}/ws").into_client_request()?;
        let (socket, _) = client(request, stream(address)?)?;
        Ok(Self { child, socket, message: Vec::new() })
    }
}

impl Path for Bridge {
    fn send(&mut self, bytes: &[u8]) -> Result<()> {
        Ok(self.socket.send(Message::binary(bytes.to_vec()))?)
    }

    fn receive(&mut self) -> Result<&[u8]> {
        loop {
            match self.socket.read()? {
                Message::Binary(bytes) => {
                    self.message = bytes.into();
                    return Ok(&self.message);
                }
                Message::Close(why) => bail!("closed: {why:?}"),
                _ => {}
            }
        }
    }

    fn processes(&self) -> Vec<i32> {
        vec![i32::try_from(self.child.id()).unwrap_or(0)]
    }
}

impl Drop for Bridge {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
