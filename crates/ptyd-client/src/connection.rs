//! One connection: handshake, then a task that reads and a task that writes.

use std::io::{self, IoSlice};
use std::sync::Arc;
use std::time::Duration;

use bastide_rt::{LocalReader, LocalWriter, halves};
use bastide_wire::event::FromDaemon;
use bastide_wire::request::{Ack, Envelope, Handshake, Target};
use bastide_wire::{DecodeError, Frames, MAX_OUTPUT_FRAME, PROTOCOL_VERSION, Reply, capability, frame};
use bytes::{Bytes, BytesMut};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;
use tokio::sync::mpsc;

use crate::shared::Shared;
use crate::{Config, Daemon, Error};

/// A daemon on the same machine answers in microseconds; one that does not in this time is stuck.
pub(crate) const HANDSHAKE_DEADLINE: Duration = Duration::from_secs(10);
/// Frames between handles and the writer task. Handles wait when it is full.
pub(crate) const WRITE_QUEUE: usize = 64;
/// Bytes gathered into one write: the largest input piece and small change.
const WRITE_GATHER: usize = 128 * 1024;
/// Numbers of acks and farewells, whose replies nobody waits for.
const SEQ_NOBODY: u32 = 0;

/// A stream that has shaken hands, and what is already read of it.
#[derive(Debug)]
pub(crate) struct Connected {
    pub(crate) stream: UnixStream,
    pub(crate) frames: Frames,
    pub(crate) daemon: Daemon,
}

/// Connects and shakes hands with every capability this release knows.
pub(crate) async fn open(config: &Config) -> Result<Connected, Error> {
    let work = async {
        let mut stream = UnixStream::connect(&config.socket).await.map_err(|e| connect_error(config, e))?;
        let mut frames = Frames::new(MAX_OUTPUT_FRAME);
        let daemon = shake_hands(config, &mut stream, &mut frames).await?;
        Ok(Connected { stream, frames, daemon })
    };
    tokio::time::timeout(HANDSHAKE_DEADLINE, work)
        .await
        .unwrap_or(Err(Error::Timeout { request: "handshake", after: HANDSHAKE_DEADLINE }))
}

fn connect_error(config: &Config, source: io::Error) -> Error {
    let path = config.socket.clone();
    match source.kind() {
        io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused => Error::NoDaemon { path },
        _ => Error::Connect { path, source },
    }
}

async fn shake_hands(config: &Config, stream: &mut UnixStream, frames: &mut Frames) -> Result<Daemon, Error> {
    let request = Handshake {
        token: config.token.read().await?,
        protocol_version: PROTOCOL_VERSION,
        client_id: config.client_id.clone(),
        role: None,
        capabilities: Some(capability::ALL.map(str::to_owned).to_vec()),
    };
    let dropped = || Error::Dropped { path: config.socket.clone() };
    let hello = frame::encode(&Envelope { kind: "handshake", seq: SEQ_NOBODY, body: request });
    stream.write_all(&hello).await.map_err(|_| dropped())?;
    let payload = next_payload(stream, frames).await.map_err(|_| dropped())?.ok_or_else(dropped)?;
    match FromDaemon::read(&payload)? {
        FromDaemon::Reply(Reply::Handshake(reply)) if reply.protocol_version == PROTOCOL_VERSION => {
            Ok(Daemon::from(reply))
        }
        FromDaemon::Reply(Reply::Handshake(reply)) => Err(Error::Version { theirs: reply.protocol_version }),
        FromDaemon::Reply(Reply::Error(e)) => {
            Err(Error::Refused { path: config.socket.clone(), code: e.code, message: e.message })
        }
        _ => Err(dropped()),
    }
}

/// The next payload; `None` at the end of the stream. Cancel-safe: `frames` owns what was read.
pub(crate) async fn next_payload<R: AsyncReadExt + Unpin>(
    stream: &mut R,
    frames: &mut Frames,
) -> Result<Option<Bytes>, Error> {
    loop {
        if let Some(payload) = frames.next_frame()? {
            return Ok(Some(payload));
        }
        match stream.read_buf(frames.spare()).await {
            Ok(0) => return Ok(None),
            Ok(_) => {}
            Err(e) => return Err(Error::Closed { why: e.to_string() }),
        }
    }
}

/// Starts both tasks. They end with the connection: when the daemon closes it, or when
/// `shared.over` is cancelled because the last handle is gone.
///
/// # Errors
/// `Closed`: there is no descriptor left for it.
pub(crate) fn start(connected: Connected, shared: &Arc<Shared>) -> Result<mpsc::Sender<Bytes>, Error> {
    let (sender, receiver) = mpsc::channel(WRITE_QUEUE);
    let (read, write) = halves(connected.stream).map_err(|e| Error::Closed { why: e.to_string() })?;
    tokio::spawn(read_all(read, connected.frames, Arc::clone(shared)));
    tokio::spawn(write_all(write, receiver, Arc::clone(shared)));
    Ok(sender)
}

async fn read_all(mut stream: LocalReader, mut frames: Frames, shared: Arc<Shared>) {
    let why = loop {
        let payload = tokio::select! {
            biased;
            () = shared.over.cancelled() => break "it was closed here".to_owned(),
            payload = next_payload(&mut stream, &mut frames) => payload,
        };
        match payload {
            Ok(Some(payload)) => match FromDaemon::read(&payload) {
                Ok(message) => shared.dispatch(&payload, message),
                // A newer daemon's message that was not asked for; nothing waits for it.
                Err(DecodeError::UnknownType(kind)) => tracing::debug!(kind, "unknown message skipped"),
                Err(e) => break e.to_string(),
            },
            Ok(None) => break "the daemon closed it".to_owned(),
            Err(Error::Closed { why }) => break why,
            Err(e) => break e.to_string(),
        }
    };
    shared.finish(why);
}

async fn write_all(mut stream: LocalWriter, mut queue: mpsc::Receiver<Bytes>, shared: Arc<Shared>) {
    let mut gathered = BytesMut::new();
    loop {
        tokio::select! {
            biased;
            () = shared.over.cancelled() => return,
            frame = queue.recv() => match frame {
                Some(frame) => gathered.extend_from_slice(&frame),
                None => return,
            },
            () = shared.deferred_ready.notified() => {}
        }
        while gathered.len() < WRITE_GATHER
            && let Ok(frame) = queue.try_recv()
        {
            gathered.extend_from_slice(&frame);
        }
        add_deferred(&mut gathered, &shared);
        let mut slices = [IoSlice::new(&gathered)];
        let written = tokio::select! {
            biased;
            () = shared.over.cancelled() => return,
            written = stream.write_all(&mut slices) => written,
        };
        gathered.clear();
        if let Err(e) = written {
            return shared.finish(e.to_string());
        }
    }
}

fn add_deferred(out: &mut BytesMut, shared: &Shared) {
    let deferred = shared.take_deferred();
    for ((session, viewer), pos) in deferred.acks {
        let body = Ack { session, viewer: Some(viewer), pos: Some(pos), count: None };
        out.extend_from_slice(&frame::encode(&Envelope { kind: "ack", seq: SEQ_NOBODY, body }));
    }
    for (session, viewer) in deferred.detaches {
        let body = Target { session, viewer: Some(viewer) };
        out.extend_from_slice(&frame::encode(&Envelope { kind: "detach", seq: SEQ_NOBODY, body }));
    }
}
