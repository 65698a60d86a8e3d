//! Sessions on servers, and their end when the right to them ends.

use std::collections::HashMap;
use std::sync::Arc;

use bastide_store::{Place, Store};
use bastide_wire::Code;
use jiff::SignedDuration;
use tokio::sync::watch;
use uuid::Uuid;

use crate::access;
use crate::app::App;
use crate::{Error, Table};

/// A session is in the daemon's list well within this, or has not come to be.
const SETTLED: SignedDuration = SignedDuration::from_secs(60);

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
        self.0.send_modify(|open| {
            open.insert(place.session, Arc::new(place));
        });
        Ok(())
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
    loop {
        rights.mark_unchanged();
        let table = Arc::clone(&live.borrow_and_update());
        if table.waiting.is_none() {
            look(&app, &table).await;
        }
        let gone = tokio::select! {
            changed = rights.changed() => changed.is_err(),
            changed = live.changed() => changed.is_err(),
        };
        if gone {
            return;
        }
    }
}

async fn look(app: &App, table: &Table) {
    let places = app.servers().places();
    let old = app.clock().now().checked_sub(SETTLED).unwrap_or(jiff::Timestamp::MIN);
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
        if !still(app, &place, session.owner) {
            end(app, &place).await;
        }
    }
}

/// Whether whoever it was opened for may still use the server as they did. A server that is off the list ends
/// nothing.
fn still(app: &App, place: &Place, owner: Option<Uuid>) -> bool {
    let Some(server) = app.servers().get(place.server_id) else { return true };
    let owner = owner.and_then(|uid| app.people().by_uid(uid));
    let granted = owner.and_then(|user| access::of_server(app, &user, &server));
    granted.is_some_and(|granted| granted.until(place.credential_id).is_some())
}

/// Whether the right to this session of `owner` was taken away and it has not ended yet. One that is not in the
/// daemon's list counts as running: it may be newer than the list.
pub(crate) fn is_revoked(app: &App, session: Uuid, owner: Uuid) -> bool {
    let Some(place) = app.servers().places().get(session) else { return false };
    let has_ended = app.live().borrow().sessions.get(&session).is_some_and(|session| !session.runs());
    !has_ended && !still(app, &place, Some(owner))
}

async fn end(app: &App, place: &Place) {
    if app.execs().own().end(place.session) {
        tracing::info!(session = %place.session, server = place.server_id, "ended: its right was taken away");
        return;
    }
    let Ok(client) = app.daemon().client() else { return };
    let reason = format!("the right to use {} was taken away", place.server_name);
    match client.end(place.session, &reason).await {
        Ok(_) => {
            tracing::info!(session = %place.session, server = place.server_id, "ended: its right was taken away");
        }
        Err(error) if error.is(Code::NotFound) => {}
        // The next change of anything asks again.
        Err(error) => {
            tracing::error!(%error, session = %place.session, "a session whose right was taken away cannot be ended");
        }
    }
}
