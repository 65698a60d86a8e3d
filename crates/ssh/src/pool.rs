//! Connections that are shared.

use std::collections::HashMap;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bastide_rt::Tasks;
use bastide_wire::ssh::{PresentedKey, Ssh};
use tokio::sync::{Notify, oneshot};
use tokio_util::sync::CancellationToken;

use crate::ask::Ask;
use crate::config::Config;
use crate::connection::{Channel, Connection, ConnectionInfo, Health, Lease, NoChannel};
use crate::dial;
use crate::error::Error;
use crate::exec::{self, Exec, Output, Running};
use crate::hostkey::Expected;
use crate::sftp::Sftp;
use crate::shell::{Shell, ShellOptions};
use crate::stream::{Start, Stream};

mod flight;
mod key;
mod wanted;

use flight::Flight;
use key::{Key, Keys};
use wanted::{Wanted, asks_a_person_of, covers};

/// A server that refuses a channel on so many connections in a row is not asked again.
const MAX_TRIES: usize = 4;
/// Of those who wait for one dial, a server with `MaxSessions 1` serves one; the others go on to the next dial. So often,
/// which is as many terminals as the session daemon has at most.
const MAX_DIALS_WAITED: usize = 1000;
const NOT_READ: &str = "each connection stands still, because what somebody's terminal prints is not read";

/// All connections of a process of one purpose. Clones are the same pool. Its tasks run among those given to
/// [`Pool::new`]; [`Pool::close`] ends them.
#[derive(Clone)]
pub struct Pool {
    inner: Arc<Inner>,
}

struct Inner {
    config: Config,
    tasks: Tasks,
    keys: Keys,
    ids: AtomicU64,
    failed: AtomicU64,
    state: Mutex<State>,
    closing: Notify,
}

/// Dials of a pool since it was made. Those to jump hosts on the way are part of the one dial.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Dials {
    pub begun: u64,
    /// Those that came to no connection; one that was given up is not among them.
    pub failed: u64,
}

#[derive(Default)]
struct State {
    connections: HashMap<Key, Vec<Arc<Connection>>>,
    flights: HashMap<Key, Flight>,
    /// The timer runs, which it does while there are connections.
    ticking: bool,
    closed: bool,
}

impl fmt::Debug for Pool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pool").field("connections", &self.connections().len()).finish_non_exhaustive()
    }
}

impl Pool {
    pub fn new(config: Config, tasks: Tasks) -> Self {
        let inner = Inner {
            config,
            tasks,
            keys: Keys::default(),
            ids: AtomicU64::new(1),
            failed: AtomicU64::new(0),
            state: Mutex::default(),
            closing: Notify::new(),
        };
        Self { inner: Arc::new(inner) }
    }

    /// Opens a terminal, on a connection that is there or on a new one. When the future is dropped, what it has
    /// begun is taken back.
    ///
    /// # Errors
    /// The step that failed.
    pub async fn shell(&self, to: &Ssh, how: ShellOptions, ask: Arc<dyn Ask>) -> Result<Shell, Error> {
        let (pool, to) = (self.clone(), to.clone());
        self.detached("ssh open", async move {
            let (command, limit) = (to.command.as_deref(), pool.inner.config.channel_timeout);
            let mut place = String::new();
            for _ in 0..MAX_TRIES {
                let channel = pool.channel(&to, &ask).await?;
                channel.place().clone_into(&mut place);
                let connection = Arc::clone(channel.connection());
                tokio::select! {
                    started = Shell::start(channel, &how, command, limit, &pool.inner.tasks) => return started,
                    // The answer is behind somebody's output that is not read.
                    () = connection.stands_still(), if !asks_a_person_of(&to) => {}
                }
            }
            Err(Error::Channel { place, why: NOT_READ.to_owned() })
        })
        .await
    }

    /// Runs a command to its end. When the future is dropped, the channel is closed, which ends most commands.
    ///
    /// # Errors
    /// The step that failed. A command that fails or takes too long is no error: [`Output`] says so.
    pub async fn exec(&self, to: &Ssh, command: Exec, ask: Arc<dyn Ask>) -> Result<Output, Error> {
        self.exec_until(to, command, ask, &CancellationToken::new()).await
    }

    /// The same, until `stop`: then the command is killed, as far as the server does so, and what it has written is
    /// given back ([`Exit::Lost`](crate::Exit::Lost)). One that has not begun then does not begin.
    ///
    /// # Errors
    /// As [`Pool::exec`].
    pub async fn exec_until(
        &self,
        to: &Ssh,
        command: Exec,
        ask: Arc<dyn Ask>,
        stop: &CancellationToken,
    ) -> Result<Output, Error> {
        let (pool, to) = (self.clone(), to.clone());
        let place = to.hops.last().map(|hop| hop.name.clone()).unwrap_or_default();
        let opening = self.detached("ssh open", async move { pool.channel(&to, &ask).await });
        let channel = tokio::select! {
            biased;
            () = stop.cancelled() => return Err(Error::Channel { place, why: exec::STOPPED.to_owned() }),
            channel = opening => channel?,
        };
        exec::run(channel, command, (self.inner.config.channel_timeout, stop)).await
    }

    /// Begins a command without input, to be read as it goes.
    ///
    /// # Errors
    /// The step that failed.
    pub async fn start(&self, to: &Ssh, command: &str, ask: Arc<dyn Ask>) -> Result<Running, Error> {
        let (pool, to) = (self.clone(), to.clone());
        let channel = self.detached("ssh open", async move { pool.channel(&to, &ask).await }).await?;
        Running::begin(channel, command, self.inner.config.channel_timeout).await
    }

    /// Starts a command or a subsystem whose bytes pass through. When the future is dropped, what it has begun is
    /// taken back.
    ///
    /// # Errors
    /// The step that failed.
    pub async fn stream(&self, to: &Ssh, start: Start, ask: Arc<dyn Ask>) -> Result<Stream, Error> {
        let (pool, to) = (self.clone(), to.clone());
        self.detached("ssh open", async move {
            let stream = Stream::new(pool.channel(&to, &ask).await?);
            let limit = pool.inner.config.channel_timeout;
            let asked = tokio::time::timeout(limit, stream.ask(&start)).await;
            let said = asked.unwrap_or_else(|_| Err("no answer to the request".to_owned()));
            match said {
                Ok(()) => Ok(stream),
                Err(why) => Err(Error::Channel { place: stream.place().to_owned(), why }),
            }
        })
        .await
    }

    /// Opens the server's files. When the future is dropped, what it has begun is taken back.
    ///
    /// # Errors
    /// The step that failed; `Channel` also when the server speaks something else.
    pub async fn sftp(&self, to: &Ssh, ask: Arc<dyn Ask>) -> Result<Sftp, Error> {
        let stream = self.stream(to, Start::Subsystem("sftp".to_owned()), ask).await?;
        let place = stream.place().to_owned();
        let greeted = tokio::time::timeout(self.inner.config.channel_timeout, Sftp::greet(stream)).await;
        let said = greeted.map_err(|_| "no answer over SFTP".to_owned());
        match said.and_then(|greeted| greeted.map_err(|error| error.to_string())) {
            Ok(sftp) => Ok(sftp),
            Err(why) => Err(Error::Channel { place, why }),
        }
    }

    /// Connects from the last hop to `host` and `port` (RFC 4254 section 7.2), and passes bytes both ways.
    ///
    /// # Errors
    /// The step that failed; `Channel` when the server does not connect there.
    pub async fn forward(
        &self,
        to: &Ssh,
        (host, port): (&str, u16),
        ask: Arc<dyn Ask>,
    ) -> Result<Stream, Error> {
        let (pool, to, host) = (self.clone(), to.clone(), host.to_owned());
        self.detached("ssh open", async move {
            let lease = pool.lease(&to, &ask).await?;
            let place = lease.connection.place.clone();
            let (limit, tasks) = (pool.inner.config.channel_timeout, pool.inner.tasks.clone());
            // In its own task, as a session's channel is.
            let opening = pool
                .inner
                .tasks
                .spawn("ssh forward", async move { lease.open_to((&host, port), limit, &tasks).await });
            let failed = |why| Error::Channel { place, why };
            match opening.await.unwrap_or(Err(NoChannel::Slow)) {
                Ok(channel) => Ok(Stream::new(channel)),
                Err(NoChannel::Refused { said, .. } | NoChannel::Gone(said)) => Err(failed(said)),
                Err(NoChannel::Slow) => Err(failed("no answer in time".to_owned())),
            }
        })
        .await
    }

    /// The host key that the last hop shows, accepted or not; nobody is logged in there. The hops before it are
    /// dialled as always.
    ///
    /// # Errors
    /// The step that failed.
    pub async fn probe(&self, to: &Ssh, ask: Arc<dyn Ask>) -> Result<PresentedKey, Error> {
        Box::pin(dial::probe(to, self.inner.means(&ask))).await
    }

    /// Logs in, or finds that somebody has: what a check of a server wants to know.
    ///
    /// # Errors
    /// The step that failed.
    pub async fn connect(&self, to: &Ssh, ask: Arc<dyn Ask>) -> Result<ConnectionInfo, Error> {
        let lease = self.lease(to, &ask).await?;
        Ok(lease.connection.info())
    }

    /// All connections, by id.
    pub fn connections(&self) -> Vec<ConnectionInfo> {
        let all = self.inner.all();
        let living = all.iter().filter(|connection| connection.link.ended().is_none());
        let mut all: Vec<_> = living.map(|connection| connection.info()).collect();
        all.sort_by_key(|info| info.id);
        all
    }

    /// How many dials there have been.
    pub fn dials(&self) -> Dials {
        let begun = self.inner.ids.load(Ordering::Relaxed) - 1;
        Dials { begun, failed: self.inner.failed.load(Ordering::Relaxed) }
    }

    /// Ends those connections, with all their shells; how many there were.
    pub fn disconnect(&self, which: impl Fn(&ConnectionInfo) -> bool) -> usize {
        let ended: Vec<_> =
            self.inner.all().into_iter().filter(|connection| which(&connection.info())).collect();
        let count = ended.len();
        for connection in ended {
            self.inner.forget(&connection);
            drop(
                self.inner
                    .tasks
                    .spawn("ssh disconnect", async move { connection.end("it was disconnected").await }),
            );
        }
        count
    }

    /// Ends all connections and takes no further requests. Bounded: a server that does not listen is not waited for.
    pub async fn close(&self) {
        self.inner.state().closed = true;
        self.inner.closing.notify_waiters();
        let mut ending: Vec<_> = Vec::new();
        for connection in self.inner.all() {
            self.inner.forget(&connection);
            let end = async move { connection.end("this side is shutting down").await };
            ending.push(self.inner.tasks.spawn("ssh disconnect", end));
        }
        self.inner.state().flights.clear();
        for task in ending {
            // A task that panicked has ended its connection by that.
            let _ = task.await;
        }
    }
}

impl Pool {
    /// Runs `work` in a task of its own, so that it is never left half done; gives it up when nobody waits any more.
    async fn detached<T: Send + 'static>(
        &self,
        name: &'static str,
        work: impl Future<Output = Result<T, Error>> + Send + 'static,
    ) -> Result<T, Error> {
        let (mut done, wanted) = oneshot::channel();
        let work = async move {
            // Its waits that may be given up are those before a channel is asked for; `channel` sees to the rest.
            let result = tokio::select! {
                result = Box::pin(work) => result,
                () = done.closed() => return,
            };
            // Nobody wants it any more: it closes by being dropped.
            let _ = done.send(result);
        };
        drop(self.inner.tasks.spawn(name, work));
        wanted.await.unwrap_or(Err(Error::Closed))
    }

    async fn channel(&self, to: &Ssh, ask: &Arc<dyn Ask>) -> Result<Channel, Error> {
        let limit = self.inner.config.channel_timeout;
        let mut why = String::new();
        let mut place = String::new();
        for _ in 0..MAX_TRIES {
            let lease = self.lease(to, ask).await?;
            let connection = Arc::clone(&lease.connection);
            place.clone_from(&connection.place);
            let tasks = self.inner.tasks.clone();
            // In its own task: a channel that the server has given must find somebody who closes it.
            let opening =
                self.inner.tasks.spawn("ssh channel", async move { lease.open(limit, &tasks).await });
            let opened = tokio::select! {
                opened = opening => opened,
                // A channel that still comes is closed by whoever drops it.
                () = connection.stands_still(), if !asks_a_person_of(to) => {
                    why = NOT_READ.to_owned();
                    continue;
                }
            };
            match opened.unwrap_or(Err(NoChannel::Gone("opening a channel failed".to_owned()))) {
                Ok(channel) => return Ok(channel),
                Err(NoChannel::Refused { said, never }) => {
                    why = format!("the server refuses a session: {said}");
                    // It will not give one to the next either.
                    if never {
                        break;
                    }
                }
                Err(NoChannel::Gone(said)) => {
                    self.inner.forget(&connection);
                    why = said;
                }
                Err(NoChannel::Slow) => why = format!("no channel within {} s", limit.as_secs()),
            }
        }
        Err(Error::Channel { place, why })
    }

    /// A place in a connection that is there, or in a new one.
    async fn lease(&self, to: &Ssh, ask: &Arc<dyn Ask>) -> Result<Lease, Error> {
        let expected = to.hops.iter().map(Expected::of).collect::<Result<Vec<_>, _>>()?;
        let key = self.inner.keys.of(to);
        let wanted = Wanted { expected: &expected, asks: asks_a_person_of(to) };
        let mut tries = 0;
        for _ in 0..MAX_DIALS_WAITED {
            let passengers = match self.inner.find(&key, wanted, || self.take_off(&key, to, ask))? {
                Found::Lease(lease) => return Ok(lease),
                Found::Flight(passengers) => passengers,
            };
            let connection = passengers.landed().await?;
            if covers(&expected, &connection)
                && let Some(lease) = connection.lease()
            {
                return Ok(lease);
            }
            // Where it is full, others have got what they wanted.
            tries += usize::from(!connection.is_full());
            if tries == MAX_TRIES {
                break;
            }
        }
        let place = to.hops.last().map(|hop| hop.name.clone()).unwrap_or_default();
        Err(Error::Lost { place, why: "each new connection was gone or full at once".to_owned() })
    }

    fn take_off(&self, key: &Key, to: &Ssh, ask: &Arc<dyn Ask>) -> (Flight, Arc<flight::Passengers>) {
        let (pool, key, to, ask) = (self.clone(), key.clone(), to.clone(), Arc::clone(ask));
        let id = self.inner.ids.fetch_add(1, Ordering::Relaxed);
        let (landed, landing) = tokio::sync::watch::channel(None);
        let task = self.inner.tasks.spawn("ssh dial", async move {
            let result = Box::pin(dial::dial(&to, id, pool.inner.means(&ask))).await;
            let result = pool.land(&key, result);
            landed.send_replace(Some(result));
        });
        Flight::new(task, landing)
    }

    /// Takes a new connection in, before anybody who waits for it is told.
    fn land(&self, key: &Key, result: Result<Arc<Connection>, Error>) -> Result<Arc<Connection>, Error> {
        let mut state = self.inner.state();
        state.flights.remove(key);
        let connection = result.inspect_err(|_| {
            self.inner.failed.fetch_add(1, Ordering::Relaxed);
        })?;
        if state.closed {
            return Err(Error::Closed);
        }
        let beside = state.connections.entry(key.clone()).or_default();
        // The largest: one that is too large is mended by the next refusal, one that is too small would stay.
        connection.expect(beside.iter().filter_map(|other| other.max_sessions()).max());
        beside.push(Arc::clone(&connection));
        if !std::mem::replace(&mut state.ticking, true) {
            drop(self.inner.tasks.spawn("ssh keep-alive", tick(Arc::clone(&self.inner))));
        }
        Ok(connection)
    }
}

/// Where a request finds its connection.
enum Found {
    Lease(Lease),
    Flight(Arc<flight::Passengers>),
}

impl Inner {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn means<'a>(&'a self, ask: &'a Arc<dyn Ask>) -> dial::Means<'a> {
        dial::Means { ask, config: &self.config, tasks: &self.tasks }
    }

    fn find(
        &self,
        key: &Key,
        wanted: Wanted<'_>,
        take_off: impl FnOnce() -> (Flight, Arc<flight::Passengers>),
    ) -> Result<Found, Error> {
        let mut state = self.state();
        if state.closed {
            return Err(Error::Closed);
        }
        let connections = state.connections.get(key).map(Vec::as_slice).unwrap_or_default();
        let fitting = || connections.iter().filter(|connection| covers(wanted.expected, connection));
        let moving = || fitting().filter(|connection| !connection.waits());
        let standing = || fitting().filter(|connection| wanted.asks && connection.waits());
        if let Some(lease) = moving().chain(standing()).find_map(Connection::lease) {
            return Ok(Found::Lease(lease));
        }
        if let Some(passengers) = state.flights.get(key).and_then(Flight::board) {
            return Ok(Found::Flight(passengers));
        }
        // The dial cannot land before this lock is released.
        let (flight, passengers) = take_off();
        state.flights.insert(key.clone(), flight);
        Ok(Found::Flight(passengers))
    }

    fn all(&self) -> Vec<Arc<Connection>> {
        self.state().connections.values().flatten().map(Arc::clone).collect()
    }

    fn forget(&self, gone: &Arc<Connection>) {
        gone.retire();
        let mut state = self.state();
        for connections in state.connections.values_mut() {
            connections.retain(|connection| !Arc::ptr_eq(connection, gone));
        }
        state.connections.retain(|_, connections| !connections.is_empty());
    }
}

/// The one timer: signs of life, lost connections, idle ones. Ends when there are none.
async fn tick(inner: Arc<Inner>) {
    loop {
        tokio::select! {
            () = tokio::time::sleep(inner.config.keepalive) => {}
            () = inner.closing.notified() => {}
        }
        for connection in inner.all() {
            match connection.health(inner.config.idle, inner.config.keepalive_misses) {
                Health::Fine => {}
                Health::Ask => connection.ask_for_life().await,
                Health::Gone => {
                    inner.forget(&connection);
                    connection.link.finish("the server does not answer any more");
                    connection.cut();
                }
                Health::Idle => {
                    inner.forget(&connection);
                    drop(
                        inner
                            .tasks
                            .spawn("ssh disconnect", async move { connection.end("it was not used").await }),
                    );
                }
            }
        }
        let mut state = inner.state();
        if state.connections.is_empty() || state.closed {
            state.ticking = false;
            return;
        }
    }
}
