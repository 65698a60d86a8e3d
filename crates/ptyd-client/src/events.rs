//! The daemon's log, read live.

use bastide_wire::event::{Event, FromDaemon, LogEntry};
use bastide_wire::request::{Envelope, Subscribe};
use bastide_wire::{DecodeError, Frames, Reply, capability, frame};
use tokio::io::AsyncWriteExt;
use tokio::net::UnixStream;

use crate::connection::{self, HANDSHAKE_DEADLINE, next_payload};
use crate::{Config, Error};

/// The number of the only request on this connection.
const SEQ: u32 = 1;

#[derive(Debug, Clone, PartialEq)]
pub enum LogEvent {
    Entry(LogEntry),
    /// Entries before this one are gone: read `list` to know what is.
    Truncated {
        first_seq: u64,
    },
}

/// Entries in order. It has no task and no queue of its own: what is not read yet waits in the socket.
#[derive(Debug)]
pub struct Events {
    stream: UnixStream,
    frames: Frames,
    next_seq: u64,
}

impl Events {
    pub(crate) async fn open(config: &Config, from_seq: u64) -> Result<Self, Error> {
        let mut connected = connection::open(config).await?;
        if !connected.daemon.knows(capability::EVENTS) {
            return Err(Error::Unsupported { capability: capability::EVENTS });
        }
        let request = frame::encode(&Envelope { kind: "subscribe", seq: SEQ, body: Subscribe { from_seq } });
        connected.stream.write_all(&request).await.map_err(|e| Error::Closed { why: e.to_string() })?;
        let mut events = Self { stream: connected.stream, frames: connected.frames, next_seq: 0 };
        let reply = tokio::time::timeout(HANDSHAKE_DEADLINE, events.accepted()).await;
        reply.unwrap_or(Err(Error::Timeout { request: "subscribe", after: HANDSHAKE_DEADLINE }))?;
        Ok(events)
    }

    /// Number of the entry that the log gets next, when this began: those before it are replay. Smaller
    /// than what was asked for when the log is another than it was.
    pub fn next_seq(&self) -> u64 {
        self.next_seq
    }

    /// The reply comes before the first entry.
    async fn accepted(&mut self) -> Result<(), Error> {
        loop {
            let Some(payload) = next_payload(&mut self.stream, &mut self.frames).await? else {
                return Err(Error::Closed { why: "before its reply to subscribe".to_owned() });
            };
            match FromDaemon::read(&payload) {
                Ok(FromDaemon::Reply(Reply::Ok(reply))) => {
                    self.next_seq = reply.pos.unwrap_or_default();
                    return Ok(());
                }
                Ok(FromDaemon::Reply(Reply::Error(e))) => {
                    return Err(Error::Reply { code: e.code, message: e.message });
                }
                Ok(_) | Err(DecodeError::UnknownType(_)) => {}
                Err(e) => return Err(e.into()),
            }
        }
    }

    /// The next entry; `None` when the daemon closed the connection. Cancel-safe.
    ///
    /// # Errors
    /// `Reply` when the daemon ends the subscription, `Closed`, `Decode`.
    pub async fn next(&mut self) -> Result<Option<LogEvent>, Error> {
        while let Some(payload) = next_payload(&mut self.stream, &mut self.frames).await? {
            match FromDaemon::read(&payload) {
                Ok(FromDaemon::Event(Event::Log(entry))) => return Ok(Some(LogEvent::Entry(entry))),
                Ok(FromDaemon::Event(Event::Truncated(at))) => {
                    return Ok(Some(LogEvent::Truncated { first_seq: at.first_seq }));
                }
                Ok(FromDaemon::Reply(Reply::Error(e))) => {
                    return Err(Error::Reply { code: e.code, message: e.message });
                }
                Ok(_) | Err(DecodeError::UnknownType(_)) => {}
                Err(e) => return Err(e.into()),
            }
        }
        Ok(None)
    }
}
