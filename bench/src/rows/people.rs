//! Two hundred people who type, each in a terminal of their own.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use bastide_wire::terminal::binary::{Downstream, InputPiece};
use futures_util::{SinkExt, StreamExt};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::{WebSocketStream, client_async};

use super::Bench;
use crate::daemon::Daemon;
use crate::inside::{self, READY};
use crate::report::Row;
use crate::server::Server;
use crate::stats::{Times, show};

const PEOPLE: usize = 200;
const KEYS: u32 = 50;
/// Between two keys of one person: who types fast.
const PAUSE: Duration = Duration::from_millis(200);
/// A key that has no echo by then is lost.
const LOST_AFTER: Duration = Duration::from_secs(10);

pub(super) fn measure(bench: &Bench) -> Result<Vec<Row>> {
    let daemon = Daemon::start(&bench.binary)?;
    let server = Server::start(&bench.binary, &daemon)?;
    let program = inside::command(&["echo"])?;
    let mut client = daemon.client()?;
    let uids: Vec<String> = (0..PEOPLE).map(|_| client.create_lasting(&program)).collect::<Result<_>>()?;
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
    let (times, lost) = runtime.block_on(all(&server, uids))?;
    Ok(vec![
        Row::new(
            format!("{PEOPLE} pages, each typing five keys a second: key to echo, p50 / p99"),
            format!("{} / {}", show(times.p50()), show(times.p99())),
        )
        .target("p99 ≤ 10 ms", times.p99() <= Duration::from_millis(10))
        .why("pages, server, daemon and 200 programs share the machine's cores"),
        Row::new(
            "keys of theirs without their echo",
            format!("{lost} of {}", PEOPLE as u64 * u64::from(KEYS)),
        )
        .target("0", lost == 0),
    ])
}

async fn all(server: &Server, uids: Vec<String>) -> Result<(Times, u64)> {
    let mut people = Vec::new();
    for uid in uids {
        people.push(Person::open(server, &uid).await?);
    }
    let began = Instant::now();
    let typing = people.into_iter().enumerate().map(|(number, person)| {
        // Not in step: their first keys are spread over one pause.
        let first = began + PAUSE * u32::try_from(number).unwrap_or(0) / PEOPLE as u32;
        tokio::spawn(person.types(first))
    });
    let (mut times, mut lost) = (Times::default(), 0);
    for typing in typing.collect::<Vec<_>>() {
        let (own, missing) = typing.await??;
        times.extend(own);
        lost += missing;
    }
    Ok((times, lost))
}

struct Person {
    socket: WebSocketStream<TcpStream>,
    pos: u64,
}

impl Person {
    async fn open(server: &Server, uid: &str) -> Result<Self> {
        let address =
            format!("ws://{}/api/pty/sessions/{uid}/ws?client={uid}&fresh=1&from=0", server.address);
        let mut request = address.into_client_request()?;
        request.headers_mut().insert("cookie", server.cookie.parse()?);
        request.headers_mut().insert("sec-websocket-protocol", "bastide.v1.zstd, bastide.v1".parse()?);
        let stream = TcpStream::connect(server.address).await?;
        stream.set_nodelay(true)?;
        let (socket, _) = client_async(request, stream).await?;
        let mut person = Self { socket, pos: 0 };
        let mut seen = Vec::new();
        while !seen.ends_with(b"\r\n") || !seen.starts_with(READY.as_bytes()) {
            seen.extend(person.output().await?);
        }
        Ok(person)
    }

    /// The next output, which goes on where the last one ended.
    async fn output(&mut self) -> Result<Vec<u8>> {
        loop {
            let message = self.socket.next().await.context("closed")??;
            let Message::Binary(bytes) = message else { continue };
            match Downstream::read(&bytes)? {
                Downstream::Output { pos, data } if pos == self.pos => {
                    self.pos += data.len() as u64;
                    let ack = format!(r#"{{"type":"ack","pos":{}}}"#, self.pos);
                    self.socket.feed(Message::text(ack)).await?;
                    self.socket.flush().await?;
                    return Ok(data.to_vec());
                }
                other => bail!("not what comes next: {:?}", other.body().len()),
            }
        }
    }

    /// Times of the echoes, and how many did not come.
    async fn types(mut self, first: Instant) -> Result<(Times, u64)> {
        let (mut times, mut lost) = (Times::default(), 0);
        for number in 1..=KEYS {
            tokio::time::sleep_until((first + PAUSE * (number - 1)).into()).await;
            let letter = b'a' + u8::try_from(number % 26)?;
            let began = Instant::now();
            self.socket.send(Message::binary(InputPiece { number, data: &[letter] }.encode())).await?;
            let echo = tokio::time::timeout(LOST_AFTER, self.output()).await;
            if echo.is_ok_and(|echo| echo.is_ok_and(|bytes| bytes == [letter])) {
                times.push(began.elapsed());
            } else {
                lost += 1;
            }
        }
        Ok((times, lost))
    }
}
