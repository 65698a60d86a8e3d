//! What others hold: a client, cheap to clone.

use std::borrow::Cow;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use bastide_wire::control::GateInfo;
use bastide_wire::reply::{HandshakeReply, OkReply};
use bastide_wire::request::{
    Attach, Create, Empty, End, Envelope, Input, PromptReply, Resize, Signal, TakeSnapshot, Target,
};
use bastide_wire::{Reply, SessionInfo, Snapshot, capability, frame};
use bytes::Bytes;
use serde::Serialize;
use tokio::sync::mpsc;
use uuid::Uuid;

use crate::attachment::{AttachOptions, Attachment};
use crate::connection;
use crate::events::Events;
use crate::mailbox::Mailbox;
use crate::shared::Shared;
use crate::{Config, Error};

/// The daemon delays the `ok` of an input by up to 5 s and starts a program within a few; past this
/// it is stuck, and saying so is better than waiting.
const REPLY_DEADLINE: Duration = Duration::from_secs(30);
/// Largest piece of input in one frame, as docs/wire.md asks.
pub(crate) const INPUT_PIECE: usize = 64 * 1024;

/// A connection to a daemon. Clones share it; it closes when the last clone and the last
/// [`Attachment`] are gone.
#[derive(Debug, Clone)]
pub struct Client {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    config: Config,
    daemon: Daemon,
    queue: mpsc::Sender<Bytes>,
    shared: Arc<Shared>,
    next_seq: AtomicU32,
    next_viewer: AtomicU32,
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.shared.over.cancel();
    }
}

/// Who answered the handshake.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Daemon {
    pub version: String,
    pub pid: u32,
    /// What both sides know.
    pub capabilities: Vec<String>,
    /// What command control this daemon can give to sessions on its own machine.
    pub control: Option<GateInfo>,
    /// The same after a restart; absent from older daemons.
    pub node: Option<Uuid>,
    /// Of this start of the daemon: session numbers hold within it.
    pub instance: Option<Uuid>,
}

impl Daemon {
    /// True when both sides know `capability` (see [`bastide_wire::capability`]).
    pub fn knows(&self, capability: &str) -> bool {
        self.capabilities.iter().any(|known| known == capability)
    }
}

impl From<HandshakeReply> for Daemon {
    fn from(reply: HandshakeReply) -> Self {
        Self {
            version: reply.daemon_version,
            pid: reply.daemon_pid,
            capabilities: reply.capabilities.unwrap_or_default(),
            control: reply.control.map(|control| *control),
            node: reply.node,
            instance: reply.instance,
        }
    }
}

/// A new session, or the one that has this uid already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Created {
    pub session: u32,
    /// Absent only from a daemon without the capability `spec`.
    pub uid: Option<Uuid>,
}

/// Takes the expectation of a reply back when the call is given up.
struct Waiting<'a> {
    shared: &'a Shared,
    seq: u32,
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.shared.forget_reply(self.seq);
    }
}

impl Client {
    /// Connects and shakes hands.
    ///
    /// # Errors
    /// `NoDaemon`, `Connect`, `Token`, `Dropped`, `Refused`, `Version`, `Timeout`.
    pub async fn connect(config: Config) -> Result<Self, Error> {
        let connected = connection::open(&config).await?;
        let daemon = connected.daemon.clone();
        let shared = Arc::new(Shared::default());
        let queue = connection::start(connected, &shared)?;
        let inner = Inner {
            config,
            daemon,
            queue,
            shared,
            // 0 belongs to messages whose reply nobody waits for.
            next_seq: AtomicU32::new(1),
            next_viewer: AtomicU32::new(1),
        };
        Ok(Self { inner: Arc::new(inner) })
    }

    pub fn daemon(&self) -> &Daemon {
        &self.inner.daemon
    }

    /// Waits until the connection is over, and says why.
    pub async fn closed(&self) -> String {
        self.inner.shared.over.cancelled().await;
        self.inner.shared.why()
    }

    pub fn is_closed(&self) -> bool {
        self.inner.shared.over.is_cancelled()
    }

    /// Starts a session. Without a `uid` it gets a new one, so that repeating after a lost
    /// connection cannot make two.
    ///
    /// # Errors
    /// `Reply` with INVALID_ARGUMENT, LIMIT_REACHED, SESSION_ERROR, DRAINING; or the connection's.
    pub async fn create(&self, mut create: Create) -> Result<Created, Error> {
        if self.daemon().knows(capability::SPEC) {
            create.uid.get_or_insert_with(Uuid::now_v7);
        } else if create.argv.is_some() || create.spec.is_some() {
            return Err(Error::Unsupported { capability: capability::SPEC });
        }
        if create.spec.as_ref().is_some_and(|spec| spec.ssh.is_some()) {
            // An older daemon would open a shell on its own machine instead.
            self.require(capability::BACKEND_SSH)?;
        }
        let reply = self.request("create", create).await?;
        let session = reply.session.ok_or_else(|| missing("create", "session"))?;
        Ok(Created { session, uid: reply.uid })
    }

    /// Every session the daemon knows, ended ones that it still keeps included.
    ///
    /// # Errors
    /// The connection's.
    pub async fn list(&self) -> Result<Vec<SessionInfo>, Error> {
        Ok(self.request("list", Empty {}).await?.sessions.unwrap_or_default())
    }

    /// SIGKILL, and the session is gone.
    ///
    /// # Errors
    /// `Reply` with NOT_FOUND; or the connection's. So it is for every call that names a session.
    pub async fn kill(&self, session: u32) -> Result<(), Error> {
        self.request("kill", Target { session, viewer: None }).await.map(drop)
    }

    /// Kills every session; returns how many there were.
    ///
    /// # Errors
    /// The connection's.
    pub async fn kill_all(&self) -> Result<u32, Error> {
        Ok(self.request("kill_all", Empty {}).await?.count.unwrap_or_default())
    }

    /// Ends a session by its lasting name, with a reason that its viewers and the log are told.
    ///
    /// # Errors
    /// As [`Client::kill`], and `Unsupported`.
    pub async fn end(&self, uid: Uuid, reason: &str) -> Result<(), Error> {
        self.require(capability::SPEC)?;
        self.request("end", End { uid, reason: reason.to_owned() }).await.map(drop)
    }

    /// Sends a signal (`INT`, `SIGTERM`, …) to the foreground process group.
    ///
    /// # Errors
    /// As [`Client::kill`], and `Reply` with INVALID_SIGNAL.
    pub async fn signal(&self, session: u32, signal: &str) -> Result<(), Error> {
        self.request("signal", Signal { session, signal: signal.to_owned() }).await.map(drop)
    }

    /// # Errors
    /// As [`Client::kill`].
    pub async fn clear_scrollback(&self, session: u32) -> Result<(), Error> {
        self.request("clear_scrollback", Target { session, viewer: None }).await.map(drop)
    }

    /// The screen and up to `scrollback` lines above it, without attaching.
    ///
    /// # Errors
    /// As [`Client::kill`], and `Unsupported`.
    pub async fn snapshot(&self, session: u32, scrollback: u32) -> Result<Snapshot, Error> {
        self.require(capability::VIEWERS)?;
        let body = TakeSnapshot { session, scrollback: Some(scrollback) };
        self.request("snapshot", body).await?.snapshot.ok_or_else(|| missing("snapshot", "snapshot"))
    }

    /// Types without attaching. Long input goes in pieces, each after the `ok` of the one before.
    ///
    /// # Errors
    /// As [`Client::kill`], and `Reply` with LIMIT_REACHED when the program does not read: then the
    /// pieces before the refused one have been taken.
    pub async fn input(&self, session: u32, data: &[u8]) -> Result<(), Error> {
        self.input_as(session, None, data).await
    }

    pub(crate) async fn input_as(&self, session: u32, viewer: Option<u32>, data: &[u8]) -> Result<(), Error> {
        for piece in data.chunks(INPUT_PIECE) {
            self.request("input", Input { session, viewer, data: Cow::Borrowed(piece) }).await?;
        }
        Ok(())
    }

    /// Resizes without attaching.
    ///
    /// # Errors
    /// As [`Client::kill`], and `Reply` with INVALID_ARGUMENT for a zero.
    pub async fn resize(&self, session: u32, cols: u16, rows: u16) -> Result<(), Error> {
        self.resize_as(session, None, (cols, rows)).await
    }

    pub(crate) async fn resize_as(
        &self,
        session: u32,
        viewer: Option<u32>,
        (cols, rows): (u16, u16),
    ) -> Result<(), Error> {
        self.request("resize", Resize { session, viewer, cols, rows }).await.map(drop)
    }

    /// From now on no new sessions; the daemon ends after the last one. Returns how many are left.
    ///
    /// # Errors
    /// `Unsupported`, or the connection's.
    pub async fn drain(&self) -> Result<u32, Error> {
        self.require(capability::SPEC)?;
        Ok(self.request("drain", Empty {}).await?.count.unwrap_or_default())
    }

    /// Becomes a viewer of a session.
    ///
    /// # Errors
    /// As [`Client::kill`], and `Unsupported`.
    pub async fn attach(&self, session: u32, options: AttachOptions) -> Result<Attachment, Error> {
        self.require(capability::VIEWERS)?;
        let viewer = self.inner.next_viewer.fetch_add(1, Ordering::Relaxed);
        let mailbox = Arc::new(Mailbox::new(options.credit));
        // Before asking: output may follow the reply at once. From here on the attachment's drop cleans up.
        self.inner.shared.register(session, viewer, Arc::clone(&mailbox));
        let body = Attach {
            session,
            viewer: Some(viewer),
            write: Some(options.write),
            scrollback: Some(options.scrollback),
            from: options.from,
            credit: Some(options.credit),
            client: options.client.clone(),
            about: options.about.clone().filter(|_| self.daemon().knows(capability::TOGETHER)),
        };
        let mut attachment = Attachment::new(self.clone(), (session, viewer), mailbox, options);
        match self.request("attach", body).await {
            Ok(reply) => {
                attachment.id = reply.viewer_id;
                attachment.began(reply.pos, reply.snapshot);
                Ok(attachment)
            }
            Err(e) => {
                if matches!(e, Error::Reply { .. }) {
                    self.inner.shared.unregister(viewer);
                }
                Err(e)
            }
        }
    }

    pub(crate) async fn detach(&self, session: u32, viewer: u32) -> Result<(), Error> {
        self.request("detach", Target { session, viewer: Some(viewer) }).await?;
        self.inner.shared.unregister(viewer);
        Ok(())
    }

    pub(crate) async fn prompt_reply(&self, reply: PromptReply) -> Result<(), Error> {
        self.require(capability::PROMPTS)?;
        self.request("prompt_reply", reply).await.map(drop)
    }

    /// Reads the daemon's log from `from_seq` on, live after its end. It has a connection of its
    /// own: a reader that stands still stops itself and nobody else.
    ///
    /// # Errors
    /// As [`Client::connect`], and `Unsupported`.
    pub async fn subscribe(&self, from_seq: u64) -> Result<Events, Error> {
        Events::open(&self.inner.config, from_seq).await
    }

    pub(crate) fn shared(&self) -> &Shared {
        &self.inner.shared
    }

    pub(crate) fn require(&self, capability: &'static str) -> Result<(), Error> {
        if self.daemon().knows(capability) { Ok(()) } else { Err(Error::Unsupported { capability }) }
    }

    pub(crate) async fn request<T: Serialize>(&self, kind: &'static str, body: T) -> Result<OkReply, Error> {
        let seq = self.next_seq();
        let shared = &*self.inner.shared;
        let reply = shared.expect_reply(seq);
        let _waiting = Waiting { shared, seq };
        if shared.over.is_cancelled() {
            return Err(shared.closed());
        }
        let frame = frame::encode(&Envelope { kind, seq, body });
        let exchange = async {
            self.inner.queue.send(frame).await.map_err(|_| shared.closed())?;
            reply.await.map_err(|_| shared.closed())
        };
        match tokio::time::timeout(REPLY_DEADLINE, exchange).await {
            Ok(Ok(Reply::Ok(reply))) => Ok(*reply),
            Ok(Ok(Reply::Error(e))) => Err(Error::Reply { code: e.code, message: e.message }),
            Ok(Ok(Reply::Handshake(_))) => Err(missing(kind, "ok")),
            Ok(Err(e)) => Err(e),
            Err(_) => Err(Error::Timeout { request: kind, after: REPLY_DEADLINE }),
        }
    }

    /// The next number, never 0.
    fn next_seq(&self) -> u32 {
        loop {
            let seq = self.inner.next_seq.fetch_add(1, Ordering::Relaxed);
            if seq != 0 {
                return seq;
            }
        }
    }
}

fn missing(kind: &str, field: &str) -> Error {
    Error::Closed { why: format!("its reply to {kind} has no {field}") }
}
