//! One connection: frames in, requests out; the handshake and what it settled.

use std::sync::Arc;

use bastide_rt::{LocalReader, Phase, halves};
use bastide_session::{Command, Leave, Outbox, Requester, Responder};
use bastide_wire::frame::MAX_RULES_FRAME;
use bastide_wire::request::{Handshake, seq_of};
use bastide_wire::{
    Code, DecodeError, Frames, Head, MAX_INPUT_FRAME, PROTOCOL_VERSION, Reply, Request, capability,
};
use bytes::Bytes;
use tokio::io::AsyncReadExt;
use tokio::net::UnixStream;
use tokio::sync::Semaphore;

use crate::config::{CLIENT_ID_MAX, HANDSHAKE_WITHIN, LINGER, REQUESTS_AT_ONCE, SUBSCRIPTIONS, TOKEN_TRIES};
use crate::daemon::{Daemon, VERSION};
use crate::{dispatch, kin, writer};

/// What a handshake settled.
#[derive(Debug, Clone)]
#[expect(clippy::struct_excessive_bools, reason = "one for each capability")]
pub(crate) struct Peer {
    pub(crate) client: Option<String>,
    pub(crate) role: Option<Role>,
    pub(crate) viewers: bool,
    pub(crate) events: bool,
    pub(crate) spec: bool,
    pub(crate) backend_ssh: bool,
    pub(crate) prompts: bool,
    pub(crate) rules: bool,
    pub(crate) connections: bool,
    pub(crate) together: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Role {
    Control,
    Stream,
}

/// One connection as its requests see it.
#[derive(Clone)]
pub(crate) struct Connection {
    pub(crate) daemon: Arc<Daemon>,
    pub(crate) id: u64,
    pub(crate) outbox: Outbox,
    /// Requests that are in work beside the reader.
    pub(crate) places: Arc<Semaphore>,
    pub(crate) subscriptions: Arc<Semaphore>,
}

impl Connection {
    pub(crate) fn requester(&self, peer: &Peer) -> Requester {
        Requester {
            connection: self.id,
            client: peer.client.clone(),
            outbox: self.outbox.clone(),
            prompts: peer.prompts,
        }
    }

    pub(crate) fn responder(&self, seq: u32) -> Responder {
        Responder { outbox: self.outbox.clone(), seq }
    }
}

/// What is to become of the connection after a message.
enum Next {
    Go,
    /// Write what is queued, then close.
    Close,
}

/// Serves a connection until either side closes it.
pub(crate) async fn run(daemon: Arc<Daemon>, socket: UnixStream) {
    let id = daemon.next_connection();
    if kin::is_gated(&socket, &daemon.registry) {
        tracing::warn!(connection = id, "a process in a gated session tried to connect");
        daemon
            .journal
            .note("peer_refused", None, serde_json::json!({ "why": "it runs in a gated session" }))
            .await;
        return;
    }
    let (read, write) = match halves(socket) {
        Ok(halves) => halves,
        Err(error) => return tracing::warn!(%error, "no descriptor left for a connection"),
    };
    let outbox = Outbox::new();
    let places = Arc::new(Semaphore::new(REQUESTS_AT_ONCE));
    let subscriptions = Arc::new(Semaphore::new(SUBSCRIPTIONS));
    let connection =
        Connection { daemon: Arc::clone(&daemon), id, outbox: outbox.clone(), places, subscriptions };
    let mut reader = Reader { connection, frames: Frames::new(MAX_INPUT_FRAME), peer: None, tries: 0 };
    // The writer goes on after the reader has seen its last request, until all is written.
    let reading = async {
        tokio::select! {
            () = reader.run(read) => {}
            // Every session has ended; its viewers are told before the daemon goes.
            () = daemon.shutdown.reached(Phase::Stopped) => {}
        }
        outbox.close_after();
        std::future::pending::<()>().await;
    };
    // A peer that does not read what waits for it would keep its place for ever.
    let closing = async {
        outbox.closing().await;
        tokio::time::sleep(LINGER).await;
    };
    tokio::select! {
        result = writer::run(&outbox, write) => {
            if let Err(error) = result {
                tracing::debug!(connection = id, %error, "client went away");
            }
        }
        () = reading => {}
        () = closing => {}
        () = outbox.gone() => {}
    }
    outbox.shut();
    reader.leave().await;
}

struct Reader {
    connection: Connection,
    frames: Frames,
    peer: Option<Arc<Peer>>,
    tries: u32,
}

impl Reader {
    async fn run(&mut self, mut socket: LocalReader) {
        let limit = tokio::time::Instant::now() + HANDSHAKE_WITHIN;
        loop {
            let authenticated = self.peer.is_some();
            let read = tokio::select! {
                read = socket.read_buf(self.frames.spare()) => read,
                () = tokio::time::sleep_until(limit), if !authenticated => return,
            };
            if !matches!(read, Ok(count) if count > 0) {
                return;
            }
            loop {
                let payload = match self.frames.next_frame() {
                    Ok(Some(payload)) => payload,
                    Ok(None) => break,
                    Err(error) => {
                        tracing::info!(connection = self.connection.id, %error, "connection closed for a bad frame");
                        return;
                    }
                };
                // Requests are not taken while their replies are not read.
                tokio::select! {
                    () = self.connection.outbox.has_room() => {}
                    () = tokio::time::sleep_until(limit), if self.peer.is_none() => return,
                }
                if let Next::Close = self.message(payload).await {
                    return;
                }
            }
        }
    }

    async fn message(&mut self, payload: Bytes) -> Next {
        let head = match Head::read(&payload) {
            Ok(head) => head,
            Err(error) => {
                if let Some(seq) = seq_of(&payload) {
                    self.connection.outbox.reply(&Reply::error(seq, Code::ProtocolError, error.to_string()));
                }
                return Next::Close;
            }
        };
        let (kind, seq) = (head.kind.into_owned(), head.seq);
        if self.peer.is_none() && kind != "handshake" {
            self.error(seq, Code::NotAuthenticated, "Send Handshake first");
            return Next::Go;
        }
        let request = match Request::read(&kind, &payload) {
            Ok(request) => request,
            Err(error @ DecodeError::UnknownType(_)) => {
                self.error(seq, Code::ProtocolError, &error.to_string());
                return Next::Go;
            }
            Err(error) => {
                self.error(seq, Code::ProtocolError, &error.to_string());
                return Next::Close;
            }
        };
        match (request, &self.peer) {
            (Request::Handshake(handshake), _) => self.handshake(seq, handshake).await,
            (request, Some(peer)) => {
                let peer = Arc::clone(peer);
                dispatch::request(&self.connection, &peer, seq, (request, &payload)).await;
                Next::Go
            }
            (_, None) => Next::Go,
        }
    }

    fn error(&self, seq: u32, code: Code, message: &str) {
        self.connection.outbox.reply(&Reply::error(seq, code, message));
    }

    async fn handshake(&mut self, seq: u32, handshake: Handshake) -> Next {
        let daemon = Arc::clone(&self.connection.daemon);
        if self.peer.is_some() {
            self.error(seq, Code::AlreadyAuthenticated, "Already authenticated");
            return Next::Go;
        }
        if handshake.protocol_version != PROTOCOL_VERSION {
            let message = format!(
                "Protocol version mismatch: expected {PROTOCOL_VERSION}, got {}",
                handshake.protocol_version
            );
            self.error(seq, Code::ProtocolMismatch, &message);
            return Next::Go;
        }
        if !daemon.knows_token(&handshake.token) {
            self.tries += 1;
            self.error(seq, Code::AuthFailed, "Invalid token");
            daemon.journal.note("login_failed", None, serde_json::json!({ "tries": self.tries })).await;
            return if self.tries < TOKEN_TRIES { Next::Go } else { Next::Close };
        }
        let peer = match peer(&handshake) {
            Ok(peer) => peer,
            Err(message) => {
                self.error(seq, Code::InvalidHandshake, message);
                return Next::Go;
            }
        };
        let mut reply = Reply::handshake(seq, VERSION, std::process::id());
        if handshake.capabilities.is_some() {
            let known = [
                (peer.viewers, capability::VIEWERS),
                (peer.events, capability::EVENTS),
                (peer.spec, capability::SPEC),
                (peer.backend_ssh, capability::BACKEND_SSH),
                (peer.prompts, capability::PROMPTS),
                (peer.rules, capability::RULES),
                (peer.connections, capability::CONNECTIONS),
                (peer.together, capability::TOGETHER),
            ];
            let shared = known.iter().filter(|(on, _)| *on).map(|(_, name)| (*name).to_owned());
            reply.capabilities = Some(shared.collect());
            reply.node = Some(daemon.state.node);
            reply.instance = Some(daemon.instance);
            reply.control = peer.rules.then(|| Box::new(daemon.gate_info()));
        }
        if let (Some(Role::Stream), Some(client)) = (peer.role, &peer.client) {
            daemon.streams.add(client, self.connection.requester(&peer));
        }
        if peer.rules {
            // A bundle of the largest size has to fit.
            self.frames.set_limit(MAX_RULES_FRAME);
        }
        self.peer = Some(Arc::new(peer));
        self.connection.outbox.reply(&Reply::Handshake(reply));
        Next::Go
    }

    /// Takes the connection's viewers along.
    async fn leave(&self) {
        let Some(peer) = &self.peer else { return };
        let daemon = &self.connection.daemon;
        if let Some(client) = &peer.client {
            daemon.streams.remove(client, self.connection.id);
        }
        for handle in daemon.registry.all() {
            // A session that is no more has no viewers either.
            let _ = handle.send(Command::Leave(Leave::Connection(self.connection.id))).await;
        }
    }
}

fn peer(handshake: &Handshake) -> Result<Peer, &'static str> {
    let role = match handshake.role.as_deref() {
        None => None,
        Some("control") => Some(Role::Control),
        Some("stream") => Some(Role::Stream),
        Some(_) => return Err("role must be control or stream"),
    };
    if handshake.client_id.as_ref().is_some_and(|id| id.len() > CLIENT_ID_MAX) {
        return Err("client_id has at most 256 bytes");
    }
    if role.is_some() && handshake.client_id.is_none() {
        return Err("a role needs a client_id");
    }
    let named = handshake.capabilities.as_deref().unwrap_or_default();
    let has = |name: &str| named.iter().any(|named| named == name);
    Ok(Peer {
        client: handshake.client_id.clone(),
        role,
        viewers: has(capability::VIEWERS),
        events: has(capability::EVENTS),
        spec: has(capability::SPEC),
        backend_ssh: has(capability::BACKEND_SSH),
        prompts: has(capability::PROMPTS),
        rules: has(capability::RULES),
        connections: has(capability::CONNECTIONS),
        together: has(capability::TOGETHER),
    })
}
