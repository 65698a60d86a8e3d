//! Sessions on servers, and their end when the right to them ends.

use std::collections::{HashMap, HashSet};
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use bastide_store::{Credentials, Place, Store};
use bastide_wire::Code;
use jiff::{SignedDuration, Timestamp};
use serde_json::json;
use tokio::sync::watch;
use tokio::time::sleep;
use uuid::Uuid;

use crate::access::Asker;
use crate::access::granted::fits;
use crate::app::App;
use crate::context::Action;
use crate::sessions::Session;
use crate::{Error, Table};

/// A session is in the daemon's list well within this, or has not come to be.
const SETTLED: SignedDuration = SignedDuration::from_secs(60);

/// In the server's log: a session was ended because the right to it had.
const RIGHT_ENDED: &str = "session_right_ended";

/// Looked at so long after the end of a right: not again and again in its last millisecond.
const AFTER: Duration = Duration::from_millis(50);

/// Where the sessions that run are. Clones are the same.
#[derive(Debug, Clone)]
pub(crate) struct Places(watch::Sender<HashMap<Uuid, Arc<Place>>>);

impl Places {
    pub(crate) async fn load(store: &Store) -> Result<Self, Error> {
        let open = store.open_places().await?;
        let open = open.into_iter().map(|place| (place.session, Arc::new(place))).collect();
        Ok(Self(watch::Sender::new(open)))
    }

    pub(crate) fn get(&self, session: Uuid) -> Option<Arc<Place>> {
        self.0.borrow().get(&session).cloned()
    }

    /// Before the session is opened, so that there is none without.
    pub(crate) async fn add(&self, store: &Store, place: Place) -> Result<(), Error> {
        store.add_place(&place).await?;
        self.watch(place);
        Ok(())
    }

    /// Of a session that waited before it began: its place is remembered, and may not be watched over any more.
    pub(crate) fn watch(&self, place: Place) {
        self.0.send_modify(|open| {
            open.insert(place.session, Arc::new(place));
        });
    }

    /// Of a session that did not come to be.
    pub(crate) async fn forget(&self, store: &Store, session: Uuid) {
        self.0.send_modify(|open| {
            open.remove(&session);
        });
        if let Err(error) = store.remove_place(session).await {
            tracing::warn!(%error, %session, "the place of a session that did not come to be stays");
        }
    }
}

/// Ends sessions on servers as soon as those they were opened for may no longer use the server.
pub(crate) fn start(app: &App) {
    let (watched, shutdown) = (app.clone(), app.shutdown().clone());
    app.tasks().spawn("rights to servers", async move {
        tokio::select! {
            () = watch_over(watched) => {}
            () = shutdown.draining() => {}
        }
    });
}

async fn watch_over(app: App) {
    let (mut rights, mut live) = (app.changes(), app.live());
    // Told to end, and still in the list.
    let mut ending = HashSet::new();
    loop {
        rights.mark_unchanged();
        let table = Arc::clone(&live.borrow_and_update());
        let next = match table.waiting {
            None => look(&app, &table, &mut ending).await,
            Some(_) => None,
        };
        let gone = tokio::select! {
            () = until(&app, next) => false,
            changed = rights.changed() => changed.is_err(),
            changed = live.changed() => changed.is_err(),
        };
        if gone {
            return;
        }
    }
}

/// Never, where no time is set.
async fn until(app: &App, at: Option<Timestamp>) {
    match at {
        Some(at) => sleep(left(app.clock().now(), at)).await,
        None => std::future::pending().await,
    }
}

/// How long the end of a right is waited for.
fn left(now: Timestamp, end: Timestamp) -> Duration {
    // A clock that is behind ours by less than this has come there as well then.
    Duration::try_from(end.duration_since(now)).unwrap_or_default() + AFTER
}

/// When the first of the rights that hold now ends by itself.
async fn look(app: &App, table: &Table, ending: &mut HashSet<Uuid>) -> Option<Timestamp> {
    ending.retain(|uid| table.sessions.get(uid).is_some_and(|session| session.runs()));
    let mut next: Option<Timestamp> = None;
    let places = app.servers().places();
    let old = app.clock().now().checked_sub(SETTLED).unwrap_or(Timestamp::MIN);
    places.0.send_if_modified(|open| {
        let before = open.len();
        open.retain(|uid, place| table.sessions.contains_key(uid) || place.created > old);
        open.len() != before
    });
    let open: Vec<_> = places.0.borrow().values().cloned().collect();
    for place in open {
        let Some(session) = table.sessions.get(&place.session).filter(|session| session.runs()) else {
            continue;
        };
        match still(app, &place, session.owner, (place.address, runs_command(session))) {
            Some(until) => next = next.into_iter().chain(until).min(),
            None if ending.contains(&place.session) => {}
            None => {
                if end(app, (place.session, session.owner), &place.server_name).await {
                    ending.insert(place.session);
                }
            }
        }
    }
    let forbidden = table.sessions.values().filter(|session| is_forbidden_here(app, session));
    for session in forbidden {
        if !ending.contains(&session.uid) && end(app, (session.uid, session.owner), "this machine").await {
            ending.insert(session.uid);
        }
    }
    next
}

/// Whether it runs on this machine, and was opened by somebody who may open none here any more.
fn is_forbidden_here(app: &App, session: &Session) -> bool {
    let here = session.runs()
        && app.servers().places().get(session.uid).is_none()
        && app.execs().own().get(session.uid).is_none();
    // The daemon's other clients answer for their sessions themselves.
    let owner = session.owner.filter(|_| here).and_then(|uid| app.people().by_uid(uid));
    owner.is_some_and(|owner| !app.policies().allow(Asker::of(&owner), Action::SessionCreate))
}

/// Whether it was opened for a command (`ssh -t`) and not for a shell: the daemon tells it behind where it goes.
fn runs_command(session: &Session) -> bool {
    session.command.iter().skip_while(|word| !word.contains('@')).nth(1).is_some()
}

/// Until when whoever it was opened for may use the server as they did; `None`: no longer. A server that is off the
/// list ends nothing.
fn still(
    app: &App,
    place: &Place,
    owner: Option<Uuid>,
    (address, command): (Option<IpAddr>, bool),
) -> Option<Option<Timestamp>> {
    let known = app.servers().now();
    let Some(server) = known.servers.get(&place.server_id) else { return Some(None) };
    let owner = owner.and_then(|uid| app.people().by_uid(uid))?;
    let granted = known.granted(&owner, server, &known.moment((app.clock().now(), address)));
    let default = server.settings.default_credential;
    let counts = |with: &Credentials| fits(with, place.credential_id, default);
    // Line mode is no terminal: each line is a command. A command in a terminal is both.
    let actions: &[Action] = match app.execs().own().get(place.session) {
        Some(_) => &[Action::ServerExecute],
        None if command => &[Action::ServerConnect, Action::ServerExecute],
        None => &[Action::ServerConnect],
    };
    let mut first = None;
    for action in actions {
        let until = granted.until(app.policies(), *action, counts)?;
        first = first.into_iter().chain(until).min();
    }
    Some(first)
}

/// Whether the right to this session of `owner`, who asks from `address`, was taken away and it has not ended yet.
/// One that is not in the daemon's list counts as running: it may be newer than the list.
pub(crate) fn is_revoked(app: &App, session: Uuid, owner: Uuid, address: Option<IpAddr>) -> bool {
    let live = app.live();
    let table = Arc::clone(&live.borrow());
    let known = table.sessions.get(&session);
    let Some(place) = app.servers().places().get(session) else {
        return known.is_some_and(|session| is_forbidden_here(app, session));
    };
    let has_ended = known.is_some_and(|session| !session.runs());
    !has_ended
        && still(app, &place, Some(owner), (address, known.is_some_and(|known| runs_command(known))))
            .is_none()
}

/// Ends a session, and writes down that its right had: the entry's time is that of the end, and the entry of the change
/// that took the right away, or the grant's own end, that of the cause. False when it is to be tried again.
async fn end(app: &App, (session, owner): (Uuid, Option<Uuid>), on: &str) -> bool {
    if !app.execs().own().end(session) {
        let Ok(client) = app.daemon().client() else { return false };
        let reason = format!("the right to use {} was taken away", on);
        match client.end(session, &reason).await {
            Ok(_) => {}
            Err(error) if error.is(Code::NotFound) => return true,
            // The next change of anything asks again.
            Err(error) => {
                tracing::error!(%error, %session, "a session whose right was taken away cannot be ended");
                return false;
            }
        }
    }
    tracing::info!(%session, on, "ended: its right was taken away");
    let owner = owner.and_then(|uid| app.people().by_uid(uid)).map(|user| user.username.clone());
    let fields = [("server_name".to_owned(), json!(on)), ("owner".to_owned(), json!(owner))];
    let noted = app.journal().append(RIGHT_ENDED, Some(session), fields.into_iter().collect());
    if let Err(error) = noted.await {
        // It has ended, and the daemon's log has why.
        tracing::error!(%error, %session, "the end of a right is missing in the log");
    }
    true
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    /// What is left of the second goes to whoever ends the session.
    #[test]
    fn the_end_of_a_right_is_looked_at_when_it_comes() {
        let now = Timestamp::from_second(1_800_000_000).unwrap();
        for (ends, least) in
            [(0, 0), (-3_600_000, 0), (1, 1), (90_000, 90_000), (2_592_000_000, 2_592_000_000)]
        {
            let end = now.checked_add(SignedDuration::from_millis(ends)).unwrap();
            let (least, waits) = (Duration::from_millis(least), left(now, end));
            assert!(waits > least && waits <= least + Duration::from_millis(100), "{ends}: {waits:?}");
        }
    }
}
