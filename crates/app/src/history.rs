//! What has run, remembered: the session daemon's log goes on being read where it was left, through
//! restarts of the server and of the daemon, into the database.
//!
//! It never stands in the way of a session: where the database cannot be written, reading waits and the
//! log keeps what is to be read.

mod entry;
mod mask;
#[cfg(test)]
mod tests;

pub(crate) use mask::{MASK, masked};

use std::collections::HashSet;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use bastide_ptyd_client::{Client, Events, LogEvent};
use bastide_record::Shelf;
use bastide_rt::{Shutdown, Tasks};
use bastide_store::{Opened, RecordingState, Step, Store};
use bastide_wire::session::SessionInfo;
use jiff::{SignedDuration, Timestamp};
use tokio::sync::watch;
use tokio::time::Instant;
use uuid::Uuid;

use crate::Clock;
use crate::daemon::{Link, State};
use crate::exec::Own;
use crate::news::News;

/// Entries in one transaction: a long log is read fast, and a reader of the database waits little.
const BATCH: usize = 512;
/// What comes within this is written together: each transaction waits for the disk.
const GATHER: Duration = Duration::from_millis(50);
/// After a failure of the database, which is seldom over at once.
const REST: Duration = Duration::from_secs(5);
/// How often what is too old is forgotten.
const TIDY_EVERY: Duration = Duration::from_secs(24 * 3600);
/// Events kept of one session that runs; a busy page that comes and goes makes a few hundred a day.
const MAX_EVENTS: u32 = 100_000;
/// Verdicts kept of one session; a build of a large program starts some ten thousand programs.
const MAX_VERDICTS: u32 = 200_000;
/// More than anybody looks back through.
const MAX_ALERTS: u32 = 100_000;
/// Sessions looked at in one go when old ones are forgotten.
const TIDY_AT_ONCE: u32 = 1000;

/// Looking through the names of a full directory takes some milliseconds; each new session changes it.
const LOOK_EVERY: Duration = Duration::from_secs(10);
/// A daemon that begins a session makes its recording first; within this the log tells of it, or the
/// file is gone again.
const SETTLED: Duration = Duration::from_secs(5);

/// How long what has ended is remembered.
#[derive(Debug, Clone, Copy)]
pub struct Config {
    /// Events are forgotten after it; a session with a recording is known as long as its file is there.
    pub keep: SignedDuration,
}

/// A year: audits look back over one.
const KEEP: SignedDuration = SignedDuration::from_hours(366 * 24);

impl Default for Config {
    fn default() -> Self {
        Self { keep: KEEP }
    }
}

/// What is remembered, and the recordings beside it. Clones are the same.
#[derive(Debug, Clone)]
pub(crate) struct History {
    pub(crate) store: Store,
    pub(crate) shelf: Arc<Shelf>,
    clock: Clock,
    config: Config,
    news: News,
    /// Sessions that no daemon lists.
    own: Own,
    /// When the directory of recordings was looked through, and its own time then.
    looked: Arc<Mutex<Option<(Instant, SystemTime)>>>,
}

/// Begins to follow, and to forget what is too old.
pub(crate) fn start(history: &History, link: &Link, tasks: &Tasks, shutdown: &Shutdown) {
    let (following, ending, link) = (history.clone(), shutdown.clone(), link.watch());
    tasks.spawn("session history", async move {
        tokio::select! {
            () = following.follow(link) => {}
            () = ending.draining() => {}
        }
    });
    let (tidying, ending) = (history.clone(), shutdown.clone());
    tasks.spawn("session history: forgetting", async move {
        let mut day = tokio::time::interval(TIDY_EVERY);
        loop {
            tokio::select! {
                _ = day.tick() => {}
                () = ending.draining() => return,
            }
            if let Err(error) = tidying.forget().await {
                tracing::warn!(%error, "what is too old is kept until tomorrow");
            }
        }
    });
}

/// Why reading stopped.
enum Stop {
    /// Of the database: the daemon is well.
    Store(bastide_store::Error),
    Daemon(String),
}

impl From<bastide_store::Error> for Stop {
    fn from(error: bastide_store::Error) -> Self {
        Self::Store(error)
    }
}

impl From<bastide_ptyd_client::Error> for Stop {
    fn from(error: bastide_ptyd_client::Error) -> Self {
        Self::Daemon(error.to_string())
    }
}

impl History {
    pub(crate) fn new(
        (store, news): (Store, News),
        (recordings, own): (PathBuf, Own),
        (clock, config): (Clock, Config),
    ) -> Self {
        let shelf = Arc::new(Shelf::new(recordings));
        Self { store, shelf, clock, config, news, own, looked: Arc::default() }
    }

    async fn follow(&self, mut link: watch::Receiver<State>) {
        loop {
            let state = link.borrow_and_update().clone();
            if let State::Ready(client) = state {
                // A daemon without a lasting name has no log that could be gone on with.
                if let Some(node) = client.daemon().node {
                    tokio::select! {
                        stop = self.read(&client, node) => match stop {
                            Stop::Store(error) => {
                                tracing::error!(%error, "what happens in sessions is not remembered; trying again");
                                tokio::time::sleep(REST).await;
                                continue;
                            }
                            Stop::Daemon(why) => {
                                tracing::warn!(why, "cannot read the session daemon's log");
                                client.closed().await;
                            }
                        },
                        _ = client.closed() => {}
                    }
                }
            }
            if link.changed().await.is_err() {
                return;
            }
        }
    }

    async fn read(&self, client: &Client, node: Uuid) -> Stop {
        match self.read_on(client, node).await {
            Ok(never) => match never {},
            Err(stop) => stop,
        }
    }

    async fn read_on(&self, client: &Client, node: Uuid) -> Result<std::convert::Infallible, Stop> {
        let mut next = self.store.log_place(node).await?.unwrap_or(0);
        let mut events = client.subscribe(next).await?;
        if events.next_seq() < next {
            tracing::warn!(%node, next, "the session daemon's log is another than before; it is read from its beginning");
            next = 0;
            events = client.subscribe(next).await?;
        }
        let replayed = events.next_seq();
        let mut reconciled = false;
        loop {
            if !reconciled && next.max(1) >= replayed {
                self.reconcile(client.list(), (node, next)).await?;
                reconciled = true;
            }
            let steps = gather(&mut events, node, &mut next).await?;
            let steps = self.with_files(steps).await;
            self.store.apply_log(node, next, &steps).await?;
            for step in &steps {
                if let Step::Verdict(verdict) = step {
                    self.news.judged(&verdict.action);
                }
            }
            if steps.iter().any(is_news) {
                self.news.tell(&self.store).await;
            }
        }
    }

    /// What the log does not tell: that of sessions whose beginning or end is in no log any more. What runs
    /// is listed after the open ones were read: a session made in between is then in the list at least.
    async fn reconcile(
        &self,
        listed: impl Future<Output = Result<Vec<SessionInfo>, bastide_ptyd_client::Error>>,
        (node, next): (Uuid, u64),
    ) -> Result<(), Stop> {
        let open = self.store.open_sessions().await?;
        let listed = listed.await?;
        let there: HashSet<Uuid> = listed.iter().filter_map(|info| info.uid).collect();
        let known = self.store.session_uids().await?;
        let unknown = listed.iter().filter(|info| info.uid.is_some_and(|uid| !known.contains(&uid)));
        let mut steps: Vec<Step> =
            unknown.filter_map(|info| entry::listed(node, info)).map(Step::Opened).collect();
        let now = self.clock.now();
        let gone = open.into_iter().filter(|uid| !there.contains(uid) && !self.own.contains(*uid));
        steps.extend(gone.map(|uid| entry::lost(uid, now)));
        if !steps.is_empty() {
            let steps = self.with_files(steps).await;
            self.store.apply_log(node, next, &steps).await?;
        }
        // What is being made right now is the log's to tell, or goes again when it cannot be.
        Ok(self.adopt(SETTLED).await?)
    }

    /// Looks for recordings that no log told of, where files have come or gone since the last time.
    pub(crate) async fn adopt_new(&self) -> Result<(), bastide_store::Error> {
        let shelf = Arc::clone(&self.shelf);
        let changed = tokio::task::spawn_blocking(move || shelf.changed()).await.ok().flatten();
        let Some(changed) = changed else { return Ok(()) };
        {
            let mut looked = self.looked.lock().unwrap_or_else(PoisonError::into_inner);
            let now = Instant::now();
            let due = looked.is_none_or(|(when, then)| then != changed && when + LOOK_EVERY <= now);
            if !due {
                return Ok(());
            }
            *looked = Some((now, changed));
        }
        self.adopt(Duration::ZERO).await
    }

    /// Remembers recordings of sessions that no log told of: by their files, where those were last written
    /// this long ago.
    async fn adopt(&self, settled: Duration) -> Result<(), bastide_store::Error> {
        let known = self.store.session_uids().await?;
        let shelf = Arc::clone(&self.shelf);
        let found = tokio::task::spawn_blocking(move || strangers(&shelf, &known, settled)).await;
        for some in found.unwrap_or_default().chunks(BATCH) {
            self.store.adopt_sessions(some).await?;
        }
        Ok(())
    }

    /// Adds what the recordings' files say: the size at the beginning, the bytes and the time of the end.
    async fn with_files(&self, mut steps: Vec<Step>) -> Vec<Step> {
        let about_files = |step: &Step| matches!(step, Step::Opened(_) | Step::Ended { .. });
        if !steps.iter().any(about_files) {
            return steps;
        }
        let shelf = Arc::clone(&self.shelf);
        let kept = steps.clone();
        let looked = tokio::task::spawn_blocking(move || {
            steps.iter_mut().for_each(|step| look(&shelf, step));
            steps
        });
        looked.await.unwrap_or(kept)
    }

    async fn forget(&self) -> Result<(), bastide_store::Error> {
        let before = self.clock.now() - self.config.keep;
        let events = self.store.forget_events(before, MAX_EVENTS).await?;
        let verdicts = self.store.forget_verdicts(before, MAX_VERDICTS).await?;
        let closed =
            self.store.forget_reviews(before).await? + self.store.forget_alerts(before, MAX_ALERTS).await?;
        let mut sessions = 0;
        let mut seen = None;
        loop {
            let old = self.store.sessions_ended_before(before, seen, TIDY_AT_ONCE).await?;
            seen = old.last().copied();
            if seen.is_none() {
                break;
            }
            let shelf = Arc::clone(&self.shelf);
            let is_gone = move |uid: &Uuid| shelf.look(*uid).is_err_and(|error| error.is_missing());
            let gone =
                tokio::task::spawn_blocking(move || old.into_iter().filter(is_gone).collect::<Vec<_>>());
            for uid in gone.await.unwrap_or_default() {
                self.store.forget_session(uid).await?;
                sessions += 1;
            }
        }
        if events + sessions + verdicts + closed > 0 {
            tracing::info!(events, sessions, verdicts, "forgot what is too old");
        }
        Ok(())
    }
}

/// What people are told at once. With a session go the commands that wait in it.
fn is_news(step: &Step) -> bool {
    matches!(step, Step::ReviewOpened(_) | Step::ReviewClosed { .. } | Step::Alert(_) | Step::Ended { .. })
}

/// Waits for something, then takes what comes with it.
async fn gather(events: &mut Events, node: Uuid, next: &mut u64) -> Result<Vec<Step>, Stop> {
    let mut steps = Vec::new();
    take(events, (node, next), &mut steps).await?;
    let until = Instant::now() + GATHER;
    while steps.len() < BATCH {
        match tokio::time::timeout_at(until, take(events, (node, next), &mut steps)).await {
            Ok(taken) => taken?,
            Err(_) => break,
        }
    }
    Ok(steps)
}

async fn take(
    events: &mut Events,
    (node, next): (Uuid, &mut u64),
    steps: &mut Vec<Step>,
) -> Result<(), Stop> {
    match events.next().await? {
        Some(LogEvent::Entry(entry)) => {
            *next = entry.seq + 1;
            steps.extend(entry::steps(node, entry));
        }
        Some(LogEvent::Truncated { first_seq }) => {
            tracing::warn!(%node, from = *next, to = first_seq, "entries of the session daemon's log were gone before they were read");
            *next = first_seq;
        }
        None => return Err(Stop::Daemon("the daemon closed it".to_owned())),
    }
    Ok(())
}

fn look(shelf: &Shelf, step: &mut Step) {
    match step {
        Step::Opened(opened) if opened.size.is_none() && opened.recording != RecordingState::Off => {
            opened.size = shelf.header(opened.uid).ok().map(|header| (header.cols, header.rows));
        }
        Step::Ended { uid, end, .. } => {
            let Ok(file) = shelf.look(*uid) else { return };
            end.bytes = Some(file.bytes);
            if end.reason == entry::LOST
                && let Some(written) = file.modified.and_then(|time| Timestamp::try_from(time).ok())
            {
                end.at = end.at.min(written);
            }
        }
        _ => {}
    }
}

/// Recordings that are not known, as far as their files tell. Those that cannot be read are left out.
fn strangers(shelf: &Shelf, known: &HashSet<Uuid>, settled: Duration) -> Vec<(Opened, bastide_store::End)> {
    let files = shelf.list().unwrap_or_else(|error| {
        tracing::warn!(%error, directory = %shelf.directory().display(), "the recordings cannot be listed");
        Vec::new()
    });
    let now = SystemTime::now();
    let is_settled = |file: &bastide_record::Found| {
        // What was written in the future is old enough.
        let age = file.modified.map(|written| now.duration_since(written).unwrap_or(Duration::MAX));
        age.is_none_or(|age| age >= settled)
    };
    let strange = files.into_iter().filter(|file| !known.contains(&file.uid) && is_settled(file));
    strange.filter_map(|file| stranger(shelf, &file)).collect()
}

fn stranger(shelf: &Shelf, file: &bastide_record::Found) -> Option<(Opened, bastide_store::End)> {
    let header = shelf.header(file.uid).ok()?;
    let written = file.modified.and_then(|time| Timestamp::try_from(time).ok());
    let begun =
        header.timestamp.and_then(|s| i64::try_from(s).ok()).and_then(|s| Timestamp::from_second(s).ok());
    let created = begun.or(written)?;
    let opened = Opened {
        uid: file.uid,
        node: None,
        name: header.title,
        owner: None,
        account: None,
        command: header.command.into_iter().collect(),
        size: Some((header.cols, header.rows)),
        created,
        recording: RecordingState::Closed,
    };
    let at = written.unwrap_or(created).max(created);
    let end = bastide_store::End { at, exit: None, reason: String::new(), bytes: Some(file.bytes) };
    Some((opened, end))
}
