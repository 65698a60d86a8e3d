//! The daemon's log, read live.

use bastide_wire::event::{Event, FromDaemon, LogEntry};
use bastide_wire::request::{Envelope, Subscribe};
use bastide_wire::{DecodeError, Frames, Reply, capability, frame};
use tokio::io::AsyncWriteExt;
use tokio::net::UnixStream;

use crate::connection::{self, next_payload};
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
}

impl Events {
    pub(crate) async fn open(config: &Config, from_seq: u64) -> Result<Self, Error> {
        let mut connected = connection::open(config).await?;
        if !connected.daemon.knows(capability::EVENTS) {
            return Err(Error::Unsupported { capability: capability::EVENTS });
        }
        let request = frame::encode(&Envelope { kind: "subscribe", seq: SEQ, body: Subscribe { from_seq } });
        connected.stream.write_all(&request).await.map_err(|e| Error::Closed { why: e.to_string() })?;
        Ok(Self { stream: connected.stream, frames: connected.frames })
    }

    /// The next entry; `None` when the daemon closed the connection. Cancel-safe.
    ///
    /// # Errors
    /// `Reply` when the daemon refuses the subscription, `Closed`, `Decode`.
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
