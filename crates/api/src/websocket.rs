//! What all our WebSockets share: limits, signs of life, the end of a login, the end of the server.

use std::time::{Duration, SystemTime};

use axum::extract::ws::{CloseFrame, Message, Utf8Bytes, WebSocket, WebSocketUpgrade};
use axum::response::Response;
use bastide_app::{Caller, Ctx};
use bastide_wire::terminal::MAX_MESSAGE;
use futures_util::SinkExt;
use jiff::SignedDuration;
use tokio::sync::watch;
use tokio::time::{Instant, Interval, MissedTickBehavior, interval_at, sleep_until, timeout, timeout_at};

/// Proxies give up on silent connections after a minute or more.
const PING_EVERY: Duration = Duration::from_secs(30);
/// Two pings without an answer: the other side is gone, however the network looks.
const SILENT_FOR: Duration = Duration::from_secs(75);
/// A browser that takes nothing for this long is not looking; it can come back.
const SEND_WITHIN: Duration = Duration::from_secs(30);

/// Read at once; a longer message grows its own room and gives it back. The library's 128 KB would be
/// filled with zeros for every key, and stay with every connection.
const READ_BUFFER: usize = 4 * 1024;

/// Pings one after the other that a measured connection begins with; the shortest round trip counts, for
/// a busy machine makes some of them long.
const MEASURES: u8 = 4;

/// What need not be there at once waits this long for something that does, and goes with it: an echo
/// comes within a fraction of it, and a packet less for every key.
const SOON: Duration = Duration::from_millis(5);

/// Close codes (RFC 6455, section 7.4; 4000 and up are ours).
pub(crate) mod code {
    pub(crate) const NORMAL: u16 = 1000;
    pub(crate) const UNSUPPORTED: u16 = 1003;
    pub(crate) const POLICY: u16 = 1008;
    pub(crate) const INTERNAL: u16 = 1011;
    pub(crate) const RESTART: u16 = 1012;
    pub(crate) const TRY_LATER: u16 = 1013;
    pub(crate) const NOT_LOGGED_IN: u16 = 4401;
    pub(crate) const SHOWN_OUT: u16 = 4403;
    pub(crate) const NOT_FOUND: u16 = 4404;
}

/// Timers of years are beyond what the runtime counts in.
const LONGEST_TIMER: Duration = Duration::from_secs(365 * 24 * 3600);

/// Accepts the upgrade and runs `talk` as a task that the server waits for.
pub(crate) fn accept<F>(
    upgrade: WebSocketUpgrade,
    ctx: Ctx,
    name: &'static str,
    talk: impl FnOnce(Socket, Ctx) -> F + Send + 'static,
) -> Response
where
    F: Future<Output = ()> + Send + 'static,
{
    accept_up_to(MAX_MESSAGE, upgrade, ctx, name, talk)
}

/// As [`accept`], for messages of up to `limit` bytes.
pub(crate) fn accept_up_to<F>(
    limit: usize,
    upgrade: WebSocketUpgrade,
    ctx: Ctx,
    name: &'static str,
    talk: impl FnOnce(Socket, Ctx) -> F + Send + 'static,
) -> Response
where
    F: Future<Output = ()> + Send + 'static,
{
    let tasks = ctx.app().tasks().clone();
    let upgrade = upgrade.max_message_size(limit).max_frame_size(limit);
    upgrade.read_buffer_size(READ_BUFFER).on_upgrade(move |socket| async move {
        let socket = Socket::new(socket, &ctx);
        // The task outlives this one only when the server ends, and then by its own rules.
        tasks.spawn(name, talk(socket, ctx)).await.ok();
    })
}

/// All connections ping in the same moments, so that idle ones wake the process together: counted from
/// 1970 by the system's clock, which everything here has in common.
fn until_next_ping() -> Duration {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    let into = since.as_nanos() % PING_EVERY.as_nanos();
    PING_EVERY - Duration::from_nanos(u64::try_from(into).unwrap_or_default())
}

/// What came, other than signs of life.
#[derive(Debug)]
pub(crate) enum Received {
    Text(Utf8Bytes),
    Binary(axum::body::Bytes),
    /// What somebody may do has changed: [`Socket::ctx`] is what holds now.
    Rights,
    /// The connection is over, or has just been closed with a reason.
    Over,
}

pub(crate) struct Socket {
    inner: WebSocket,
    ctx: Ctx,
    ping: Interval,
    heard: Instant,
    rights: watch::Receiver<u64>,
    /// When the login or token ends by itself.
    expires: Option<Instant>,
    /// A right may have been taken away since the last look.
    look_again: bool,
    /// When the ping went out that has no answer yet.
    asked: Option<Instant>,
    /// The shortest so far: a later one may have waited behind output.
    round_trip: Option<Duration>,
    /// Came while a round trip was measured.
    early: Option<Message>,
    /// When what has been written goes out at the latest. It stays when that has gone out before: a clock
    /// set anew for every key costs more than a flush for nothing.
    flush_at: Option<Instant>,
    /// Pings to send as soon as one is answered.
    measures: u8,
}

impl Socket {
    fn new(inner: WebSocket, ctx: &Ctx) -> Self {
        let mut ping = interval_at(Instant::now() + until_next_ping(), PING_EVERY);
        ping.set_missed_tick_behavior(MissedTickBehavior::Skip);
        let left = match ctx.caller() {
            Caller::Person(person) => person.expires().map(|end| end.duration_since(ctx.clock().now())),
            Caller::Anonymous => Some(SignedDuration::ZERO),
        };
        let now = Instant::now();
        Self {
            inner,
            ctx: ctx.clone(),
            ping,
            heard: now,
            rights: ctx.changes(),
            expires: left.map(|left| now + Duration::try_from(left).unwrap_or_default().min(LONGEST_TIMER)),
            look_again: false,
            asked: None,
            round_trip: None,
            early: None,
            flush_at: None,
            measures: 0,
        }
    }

    /// Begins to measure the round trip, of which other connections only learn by the way.
    pub(crate) async fn measure(&mut self) -> bool {
        self.measures = MEASURES - 1;
        self.ping().await
    }

    /// Waits for the answer to [`Self::measure`], until so long after the question.
    pub(crate) async fn measured_within(&mut self, patience: Duration) {
        let Some(asked) = self.asked else { return };
        while self.early.is_none() && self.round_trip.is_none() {
            match timeout_at(asked + patience, self.inner.recv()).await {
                Ok(Some(Ok(Message::Pong(_)))) => {
                    self.pong().await;
                }
                // The end is an end again for whoever asks next.
                Ok(Some(Ok(message))) => self.early = Some(message),
                Ok(Some(Err(_)) | None) | Err(_) => return,
            }
        }
    }

    /// To the other side and back: what has been measured, or for how long it has not been answered.
    pub(crate) fn round_trip(&self) -> Duration {
        let waited = self.asked.map(|asked| asked.elapsed());
        self.round_trip.or(waited).unwrap_or_default()
    }

    async fn ping(&mut self) -> bool {
        self.asked.get_or_insert_with(Instant::now);
        self.put(Message::Ping(axum::body::Bytes::new())).await
    }

    /// False when the other side is gone.
    async fn pong(&mut self) -> bool {
        let Some(asked) = self.asked.take() else { return true };
        let took = asked.elapsed();
        self.round_trip = Some(self.round_trip.map_or(took, |before| before.min(took)));
        if self.measures == 0 {
            return true;
        }
        self.measures -= 1;
        self.ping().await
    }

    /// The next message. Cancel-safe.
    pub(crate) async fn next(&mut self) -> Received {
        self.next_if(true).await
    }

    /// As [`Socket::next`]; while not `reading` only the end is noticed, and what is sent waits.
    pub(crate) async fn next_if(&mut self, reading: bool) -> Received {
        if !reading {
            // Nothing can be heard, so silence says nothing.
            self.heard = Instant::now();
        }
        loop {
            if self.look_again {
                return self.new_rights().await;
            }
            let message = match self.early.take_if(|_| reading) {
                Some(message) => Some(Ok(message)),
                None => tokio::select! {
                    message = self.inner.recv(), if reading => message,
                    () = at(self.flush_at), if self.flush_at.is_some() => {
                        if !self.flush().await {
                            return Received::Over;
                        }
                        continue;
                    }
                    _ = self.ping.tick() => {
                        if self.heard.elapsed() > SILENT_FOR || !self.ping().await {
                            return Received::Over;
                        }
                        continue;
                    }
                    () = at(self.expires) => return self.closed(code::NOT_LOGGED_IN, "the login has expired").await,
                    Ok(()) = self.rights.changed() => {
                        self.look_again = true;
                        continue;
                    }
                    () = self.ctx.app().shutdown().draining() => return self.closed(code::RESTART, "the server stops").await,
                },
            };
            self.heard = Instant::now();
            match message {
                Some(Ok(Message::Text(text))) => return Received::Text(text),
                Some(Ok(Message::Binary(bytes))) => return Received::Binary(bytes),
                Some(Ok(Message::Pong(_))) => {
                    if !self.pong().await {
                        return Received::Over;
                    }
                }
                Some(Ok(Message::Ping(_))) => {}
                Some(Ok(Message::Close(_))) | None => return Received::Over,
                // Too large, not UTF-8, against the protocol.
                Some(Err(error)) => {
                    tracing::debug!(%error, request_id = self.ctx.request_id(), "websocket ended");
                    return self.closed(code::POLICY, "a message that cannot be read").await;
                }
            }
        }
    }

    /// Asks again who this is. A look that is given up half-way is made again with the next message.
    async fn new_rights(&mut self) -> Received {
        match self.ctx.again().await {
            Ok(Some(ctx)) => {
                self.ctx = ctx;
                self.look_again = false;
                Received::Rights
            }
            Ok(None) => self.closed(code::NOT_LOGGED_IN, "logged out").await,
            Err(_) => self.closed(code::INTERNAL, "who you are cannot be checked").await,
        }
    }

    /// The request this came from, with the rights that hold now.
    pub(crate) fn ctx(&self) -> &Ctx {
        &self.ctx
    }

    /// False when the other side is gone.
    pub(crate) async fn text(&mut self, text: String) -> bool {
        self.put(Message::Text(text.into())).await
    }

    /// As [`Socket::text`], with the next message or a moment later. While nobody asks for what comes next, it
    /// waits for the next message.
    pub(crate) async fn text_soon(&mut self, text: String) -> bool {
        self.flush_at.get_or_insert_with(|| Instant::now() + SOON);
        let written = self.inner.feed(Message::Text(text.into()));
        matches!(timeout(SEND_WITHIN, written).await, Ok(Ok(())))
    }

    pub(crate) async fn binary(&mut self, bytes: Vec<u8>) -> bool {
        self.put(Message::Binary(bytes.into())).await
    }

    pub(crate) async fn close(mut self, code: u16, reason: &str) {
        self.closed(code, reason).await;
    }

    async fn flush(&mut self) -> bool {
        let flushed = timeout(SEND_WITHIN, SinkExt::<Message>::flush(&mut self.inner)).await;
        self.flush_at = None;
        matches!(flushed, Ok(Ok(())))
    }

    async fn put(&mut self, message: Message) -> bool {
        matches!(timeout(SEND_WITHIN, self.inner.send(message)).await, Ok(Ok(())))
    }

    async fn closed(&mut self, code: u16, reason: &str) -> Received {
        self.put(Message::Close(Some(CloseFrame { code, reason: reason.into() }))).await;
        Received::Over
    }
}

/// Never, where no end is set.
async fn at(end: Option<Instant>) {
    match end {
        Some(end) => sleep_until(end).await,
        None => std::future::pending().await,
    }
}
