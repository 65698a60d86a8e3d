//! What runs now, for everybody who looks: read once per change, however many look.
//!
//! The daemon's log says that something changed; then its list is read again. Nothing is asked for
//! while nothing happens.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use bastide_ptyd_client::{Client, Events, LogEvent};
use bastide_rt::{Shutdown, Tasks};
use tokio::sync::watch;
use tokio::time::Instant;
use uuid::Uuid;

use crate::daemon::{Link, State};
use crate::exec::Own;
use crate::sessions::Session;

/// A busy daemon logs hundreds of events a second; reading the list five times a second is live to
/// a person and little to the daemon.
const BETWEEN_READS: Duration = Duration::from_millis(200);

/// Everything at one moment.
#[derive(Debug, Default)]
pub struct Table {
    pub sessions: BTreeMap<Uuid, Arc<Session>>,
    /// Why the daemon is not reachable; the sessions are then the last known.
    pub waiting: Option<String>,
}

impl Table {
    /// Before the first look: that nothing is in it says nothing.
    fn unread() -> Self {
        Self { sessions: BTreeMap::new(), waiting: Some("its list has not been read yet".to_owned()) }
    }
}

pub(crate) type Live = watch::Receiver<Arc<Table>>;

pub(crate) fn start(link: &Link, own: Own, tasks: &Tasks, shutdown: Shutdown) -> Live {
    let (sender, live) = watch::channel(Arc::new(Table::unread()));
    let link = link.watch();
    tasks.spawn("live sessions", async move {
        tokio::select! {
            () = follow(link, &own, &sender) => {}
            () = follow_own(&own, &sender) => {}
            () = shutdown.draining() => {}
        }
    });
    live
}

/// Sessions of this process are shown whatever the daemon does.
async fn follow_own(own: &Own, table: &watch::Sender<Arc<Table>>) {
    let mut shown = Vec::new();
    loop {
        let changed = own.changed();
        let now = own.shown();
        let same = |a: &[Arc<Session>], b: &[Arc<Session>]| {
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| Arc::ptr_eq(a, b))
        };
        if !same(&shown, &now) {
            table.send_modify(|table| {
                let mut sessions = table.sessions.clone();
                for gone in &shown {
                    sessions.remove(&gone.uid);
                }
                sessions.extend(now.iter().map(|session| (session.uid, Arc::clone(session))));
                *table = Arc::new(Table { sessions, waiting: table.waiting.clone() });
            });
            shown = now;
        }
        changed.await;
    }
}

async fn follow(mut link: watch::Receiver<State>, own: &Own, table: &watch::Sender<Arc<Table>>) {
    loop {
        let state = link.borrow_and_update().clone();
        match state {
            State::Ready(client) => {
                tokio::select! {
                    why = read_on_change(&client, own, table) => {
                        tracing::warn!(why, "cannot follow the session daemon's log");
                        client.closed().await;
                    }
                    _ = client.closed() => {}
                }
            }
            State::Waiting { reason } => wait(table, reason),
        }
        if link.changed().await.is_err() {
            return;
        }
    }
}

fn wait(table: &watch::Sender<Arc<Table>>, reason: String) {
    table.send_modify(|now| {
        *now = Arc::new(Table { sessions: now.sessions.clone(), waiting: Some(reason) });
    });
}

/// Returns why it ended.
async fn read_on_change(client: &Client, own: &Own, table: &watch::Sender<Arc<Table>>) -> String {
    let mut events = match from_now_on(client).await {
        Ok(events) => events,
        Err(e) => return e.to_string(),
    };
    loop {
        if let Err(e) = read(client, own, table).await {
            return e.to_string();
        }
        let again = Instant::now() + BETWEEN_READS;
        if let Err(why) = changed(&mut events).await {
            return why;
        }
        // What else comes meanwhile is covered by the same read.
        let gathered = tokio::time::timeout_at(again, async {
            loop {
                changed(&mut events).await?;
            }
        });
        if let Ok::<Result<(), String>, _>(Err(why)) = gathered.await {
            return why;
        }
    }
}

/// The log from its end: what was before is in the list that is read next.
async fn from_now_on(client: &Client) -> Result<Events, bastide_ptyd_client::Error> {
    let end = client.subscribe(u64::MAX).await?.next_seq();
    client.subscribe(end).await
}

async fn changed(events: &mut Events) -> Result<(), String> {
    match events.next().await {
        Ok(Some(LogEvent::Entry(_) | LogEvent::Truncated { .. })) => Ok(()),
        Ok(None) => Err("the daemon closed it".to_owned()),
        Err(e) => Err(e.to_string()),
    }
}

async fn read(
    client: &Client,
    own: &Own,
    table: &watch::Sender<Arc<Table>>,
) -> Result<(), bastide_ptyd_client::Error> {
    let rows = client.list().await?;
    table.send_if_modified(|now| {
        let mut sessions: BTreeMap<_, _> = rows
            .into_iter()
            .filter_map(Session::read)
            .map(|session| {
                // The same value as before where nothing changed: whoever compares is quick.
                let known = now.sessions.get(&session.uid).filter(|known| ***known == session);
                (session.uid, known.cloned().unwrap_or_else(|| Arc::new(session)))
            })
            .collect();
        sessions.extend(own.shown().into_iter().map(|session| (session.uid, session)));
        let same = now.waiting.is_none() && now.sessions == sessions;
        if !same {
            *now = Arc::new(Table { sessions, waiting: None });
        }
        !same
    });
    Ok(())
}
