//! One logged-in connection and its channels.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use bastide_rt::Tasks;
use russh::client::{Handle, Msg};
use russh::{ChannelWriteHalf, Disconnect};
use tokio::time::{Instant, timeout};

use crate::callbacks::{Callbacks, Link};
use crate::channel::Inbox;
use crate::hostkey::Shown;

/// `russh` keeps some 4 KB of each channel that was closed from this side until the connection ends. After so many
/// channels a connection takes no new ones.
const MAX_OPENED: usize = 2000;

/// A session that has ended here counts there until its processes have. A refusal so soon after says nothing about the
/// server's `MaxSessions`.
const ENDING: Duration = Duration::from_secs(5);
/// A polite goodbye waits so long for a stream that may be dead.
const GOODBYE: Duration = Duration::from_secs(1);
/// A reader that is only busy is back sooner; whoever asks for a terminal does not wait longer for one that is not.
const STANDSTILL: Duration = Duration::from_millis(250);

/// What is shown of a connection: page, command line, metrics.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConnectionInfo {
    /// Counts up from 1 in this process.
    pub id: u64,
    /// The name of the server that is meant.
    pub server: String,
    pub host: String,
    pub port: u16,
    pub username: String,
    pub credential: String,
    pub isolation: String,
    /// The names of the servers on the way.
    pub via: Vec<String>,
    /// Shells and commands in it now.
    pub channels: usize,
    pub since: SystemTime,
    /// Since when it has no channels; absent while it has.
    pub idle_since: Option<SystemTime>,
}

pub(crate) struct Connection {
    pub(crate) handle: Handle<Callbacks>,
    pub(crate) link: Arc<Link>,
    /// The one it goes through; lives as long as this does.
    pub(crate) upstream: Option<Arc<Connection>>,
    pub(crate) place: String,
    info: ConnectionInfo,
    usage: Mutex<Usage>,
}

#[derive(Debug)]
struct Usage {
    channels: usize,
    opened: usize,
    idle_since: Option<(Instant, SystemTime)>,
    /// The server refused a channel, with so many open.
    full_at: Option<usize>,
    /// The same, as far as it holds for every connection to that server.
    max_sessions: Option<usize>,
    /// When a channel was closed last.
    closed: Option<Instant>,
    /// It has given a channel to somebody.
    given: bool,
    /// Takes no new channels any more.
    retired: bool,
    misses: u32,
}

/// Why a connection gives no channel.
#[derive(Debug)]
pub(crate) enum NoChannel {
    /// The server said no: its `MaxSessions`, or no sessions at all. `never`: this connection has not given a channel
    /// to anybody, and nobody else asks it for one.
    Refused {
        said: String,
        never: bool,
    },
    Gone(String),
    Slow,
}

/// What the timer found.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Health {
    Fine,
    Gone,
    Idle,
    Ask,
}

impl Connection {
    pub(crate) fn new(
        handle: Handle<Callbacks>,
        link: Arc<Link>,
        upstream: Option<Arc<Self>>,
        place: String,
        info: ConnectionInfo,
    ) -> Self {
        let usage = Usage {
            channels: 0,
            opened: 0,
            idle_since: Some((Instant::now(), SystemTime::now())),
            full_at: None,
            max_sessions: None,
            closed: None,
            given: false,
            retired: false,
            misses: 0,
        };
        Self { handle, link, upstream, place, info, usage: Mutex::new(usage) }
    }

    fn usage(&self) -> MutexGuard<'_, Usage> {
        self.usage.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn info(&self) -> ConnectionInfo {
        let usage = self.usage();
        let idle_since = usage.idle_since.map(|(_, since)| since);
        ConnectionInfo { channels: usage.channels, idle_since, ..self.info.clone() }
    }

    pub(crate) fn id(&self) -> u64 {
        self.info.id
    }

    /// What this server and those on the way have shown, in the order they were dialled.
    pub(crate) fn shown(&self) -> Vec<Option<Shown>> {
        let mut shown = self.upstream.as_ref().map(|upstream| upstream.shown()).unwrap_or_default();
        shown.push(self.link.shown());
        shown
    }

    /// Whether it stands still for a reader of one of its channels.
    pub(crate) fn waits(&self) -> bool {
        *self.link.waiting.borrow()
    }

    /// Until it has stood still for [`STANDSTILL`] on end.
    pub(crate) async fn stands_still(&self) {
        let mut waiting = self.link.waiting.subscribe();
        // The sender is in the link that this connection has: it does not go away.
        while waiting.wait_for(|waits| *waits).await.is_ok() {
            if timeout(STANDSTILL, waiting.wait_for(|waits| !*waits)).await.is_err() {
                return;
            }
        }
    }

    /// A place for one more channel, unless it is known that there is none.
    pub(crate) fn lease(self: &Arc<Self>) -> Option<Lease> {
        let mut usage = self.usage();
        let full = usage.full_at.is_some_and(|full| usage.channels >= full);
        if full || usage.retired || self.link.ended().is_some() || self.link.pulse.was_cut() {
            return None;
        }
        usage.channels += 1;
        usage.opened += 1;
        usage.retired = usage.opened >= MAX_OPENED;
        usage.idle_since = None;
        Some(Lease { connection: Arc::clone(self) })
    }

    /// As many channels as the server is known to give to a connection.
    pub(crate) fn max_sessions(&self) -> Option<usize> {
        self.usage().max_sessions
    }

    /// What another connection to the same server has learned; for a new one.
    pub(crate) fn expect(&self, max_sessions: Option<usize>) {
        let mut usage = self.usage();
        (usage.full_at, usage.max_sessions) = (max_sessions, max_sessions);
    }

    /// It would do, but others have all of its channels.
    pub(crate) fn is_full(&self) -> bool {
        let usage = self.usage();
        let full = usage.full_at.is_some_and(|full| usage.channels >= full);
        full && !usage.retired && self.link.ended().is_none()
    }

    /// It goes on with the channels it has.
    pub(crate) fn retire(&self) {
        self.usage().retired = true;
    }

    /// By the timer. `idle` is how long it may be without channels.
    pub(crate) fn health(&self, idle: Duration, max_misses: u32) -> Health {
        let mut usage = self.usage();
        if self.link.ended().is_some() {
            return Health::Gone;
        }
        let unused = usage.idle_since.is_some_and(|(since, _)| since.elapsed() >= idle);
        if unused || (usage.retired && usage.channels == 0) {
            // In the same breath as the look at it, so that nobody gets a place in between.
            usage.retired = true;
            return Health::Idle;
        }
        let alive = self.link.pulse.heard() || self.waits();
        if alive {
            usage.misses = 0;
            return Health::Fine;
        }
        usage.misses += 1;
        if usage.misses > max_misses { Health::Gone } else { Health::Ask }
    }

    /// Asks for a sign of life, RFC 4254 section 4 as OpenSSH does it; does not wait for the answer.
    pub(crate) async fn ask_for_life(&self) {
        // The queue is full only while the connection is stuck, and then the next tick will see it.
        let _ = timeout(Duration::ZERO, self.handle.send_keepalive(true)).await;
    }

    /// Ends it and the connections it goes through, telling the servers when they still listen.
    pub(crate) async fn end(&self, why: &str) {
        self.retire();
        self.link.finish(why);
        let goodbye = self.handle.disconnect(Disconnect::ByApplication, "", "en");
        if let Ok(Ok(())) = timeout(GOODBYE, goodbye).await {
            let _ = timeout(GOODBYE, self.link.pulse.gone()).await;
        }
        self.cut();
    }

    pub(crate) fn cut(&self) {
        self.link.pulse.cut();
        if let Some(upstream) = &self.upstream {
            upstream.link.finish("the connection through it was ended");
            upstream.cut();
        }
    }
}

impl std::fmt::Debug for Connection {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Connection").field("info", &self.info()).finish_non_exhaustive()
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.link.pulse.cut();
    }
}

/// The right to one channel.
#[derive(Debug)]
pub(crate) struct Lease {
    pub(crate) connection: Arc<Connection>,
}

impl Drop for Lease {
    fn drop(&mut self) {
        let mut usage = self.connection.usage();
        usage.channels -= 1;
        if usage.channels == 0 {
            usage.idle_since = Some((Instant::now(), SystemTime::now()));
        }
    }
}

impl Lease {
    /// Opens the channel. Must not be dropped before it is done: the server would keep the channel.
    pub(crate) async fn open(self, limit: Duration, tasks: &Tasks) -> Result<Channel, NoChannel> {
        let connection = &self.connection;
        let gone = || connection.link.ended().unwrap_or_else(|| "the connection ended".to_owned());
        let opened = match timeout(limit, connection.handle.channel_open_session()).await {
            Ok(opened) => opened,
            Err(_) => {
                connection.retire();
                return Err(NoChannel::Slow);
            }
        };
        match opened {
            Ok(channel) => {
                // What arrives comes by the callbacks; the other half would be a second copy of it.
                let (_, write) = channel.split();
                let inbox = connection.link.opened(write.id()).ok_or_else(|| NoChannel::Gone(gone()))?;
                connection.usage().given = true;
                Ok(Channel { lease: self, write: Some(write), inbox, tasks: tasks.clone() })
            }
            Err(russh::Error::ChannelOpenFailure(reason)) => {
                let mut usage = connection.usage();
                let others = usage.channels - 1;
                match others {
                    // The server still counts channels that have ended here, or wants no more.
                    0 => usage.retired = true,
                    others => {
                        usage.full_at = Some(others);
                        if usage.closed.is_none_or(|closed| closed.elapsed() >= ENDING) {
                            usage.max_sessions = Some(others);
                        }
                    }
                }
                let never = others == 0 && !usage.given;
                drop(usage);
                let said = connection.link.take_refusal().filter(|said| !said.is_empty());
                let said = said.unwrap_or_else(|| reason.description().to_lowercase());
                Err(NoChannel::Refused { said, never })
            }
            Err(_) => Err(NoChannel::Gone(gone())),
        }
    }
}

impl Lease {
    /// Opens a channel to another place through this server. A refusal is about that place: nothing is learned from it
    /// about channels. Must not be dropped before it is done.
    pub(crate) async fn open_to(
        self,
        (host, port): (&str, u16),
        limit: Duration,
        tasks: &Tasks,
    ) -> Result<Channel, NoChannel> {
        let connection = &self.connection;
        let gone = || connection.link.ended().unwrap_or_else(|| "the connection ended".to_owned());
        let opening = connection.handle.channel_open_direct_tcpip(host, u32::from(port), "127.0.0.1", 0);
        match timeout(limit, opening).await {
            Ok(Ok(channel)) => {
                let (_, write) = channel.split();
                let inbox = connection.link.opened(write.id()).ok_or_else(|| NoChannel::Gone(gone()))?;
                Ok(Channel { lease: self, write: Some(write), inbox, tasks: tasks.clone() })
            }
            Ok(Err(russh::Error::ChannelOpenFailure(reason))) => {
                let said = connection.link.take_refusal().filter(|said| !said.is_empty());
                let said = said.unwrap_or_else(|| reason.description().to_lowercase());
                Err(NoChannel::Refused { said, never: false })
            }
            Ok(Err(_)) => Err(NoChannel::Gone(gone())),
            Err(_) => Err(NoChannel::Slow),
        }
    }
}

/// An open channel; dropping it closes it.
pub(crate) struct Channel {
    lease: Lease,
    /// Until it is closed.
    write: Option<ChannelWriteHalf<Msg>>,
    pub(crate) inbox: Arc<Inbox>,
    tasks: Tasks,
}

impl Channel {
    pub(crate) fn place(&self) -> &str {
        &self.lease.connection.place
    }

    /// Whether programs there may use an agent.
    pub(crate) fn forwards(&self) -> bool {
        self.lease.connection.link.forwards()
    }

    pub(crate) fn connection(&self) -> &Arc<Connection> {
        &self.lease.connection
    }

    pub(crate) fn write(&self) -> &ChannelWriteHalf<Msg> {
        self.write.as_ref().expect("only dropping takes it")
    }
}

impl Drop for Channel {
    fn drop(&mut self) {
        let is_over = self.inbox.is_over();
        // What came before the server's end is still read by whoever holds the inbox.
        if !is_over {
            self.inbox.abandon();
        }
        self.lease.connection.usage().closed = Some(Instant::now());
        let Some(write) = self.write.take() else { return };
        self.lease.connection.link.forget(write.id());
        if is_over || tokio::runtime::Handle::try_current().is_err() {
            return;
        }
        // Only a task can wait for a place in the connection's queue.
        drop(self.tasks.spawn("ssh channel close", async move { drop(write.close().await) }));
    }
}
