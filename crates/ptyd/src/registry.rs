//! Which sessions there are.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bastide_session::Handle;
use tokio::sync::Notify;
use uuid::Uuid;

use crate::config::ENDED_SESSIONS;

/// Sessions by number, uid and name. The one place where the limit is held.
#[derive(Debug)]
pub(crate) struct Registry {
    table: Mutex<Table>,
    limit: usize,
    /// Told whenever a session has left, for whoever waits for the last one.
    left: Notify,
}

#[derive(Debug, Default)]
struct Table {
    sessions: HashMap<u32, Handle>,
    by_uid: HashMap<Uuid, u32>,
    /// Sessions being opened, and who waits for the same uid.
    opening: HashMap<Uuid, Opening>,
    last_id: u32,
}

#[derive(Debug)]
struct Opening {
    name: Option<String>,
    done: Arc<Notify>,
}

/// Why a session may not be opened now.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Refused {
    Full,
    NameTaken,
}

/// What `create` finds.
pub(crate) enum Claim {
    /// A place of one's own.
    New(Place),
    /// The session with this uid is there.
    Existing(Handle),
    /// It is being opened: wait for this, then claim again.
    Pending(Arc<Notify>),
}

/// The right to open one session; given back when dropped.
#[derive(Debug)]
pub(crate) struct Place {
    registry: Arc<Registry>,
    pub(crate) id: u32,
    pub(crate) uid: Uuid,
}

impl Registry {
    pub(crate) fn new(limit: usize) -> Arc<Self> {
        Arc::new(Self { table: Mutex::default(), limit, left: Notify::new() })
    }

    fn table(&self) -> MutexGuard<'_, Table> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn claim(self: &Arc<Self>, uid: Uuid, name: Option<&str>) -> Result<Claim, Refused> {
        let mut table = self.table();
        if let Some(handle) = table.by_uid.get(&uid).and_then(|id| table.sessions.get(id)) {
            return Ok(Claim::Existing(handle.clone()));
        }
        if let Some(opening) = table.opening.get(&uid) {
            return Ok(Claim::Pending(Arc::clone(&opening.done)));
        }
        let running = table.sessions.values().filter(|handle| !handle.has_ended()).count();
        if running + table.opening.len() >= self.limit {
            return Err(Refused::Full);
        }
        if name.is_some_and(|name| table.has_name(name)) {
            return Err(Refused::NameTaken);
        }
        let id = table.next_id();
        let opening = Opening { name: name.map(str::to_owned), done: Arc::new(Notify::new()) };
        table.opening.insert(uid, opening);
        Ok(Claim::New(Place { registry: Arc::clone(self), id, uid }))
    }

    pub(crate) fn get(&self, id: u32) -> Option<Handle> {
        self.table().sessions.get(&id).cloned()
    }

    pub(crate) fn by_uid(&self, uid: Uuid) -> Option<Handle> {
        let table = self.table();
        table.sessions.get(table.by_uid.get(&uid)?).cloned()
    }

    pub(crate) fn all(&self) -> Vec<Handle> {
        let mut all: Vec<_> = self.table().sessions.values().cloned().collect();
        all.sort_by_key(|handle| handle.identity.id);
        all
    }

    /// Sessions whose program runs.
    pub(crate) fn running(&self) -> usize {
        let table = self.table();
        table.sessions.values().filter(|handle| !handle.has_ended()).count() + table.opening.len()
    }

    /// Takes a session off the list; `None` when it is not on it.
    pub(crate) fn remove(&self, id: u32) -> Option<Handle> {
        let removed = {
            let mut table = self.table();
            let handle = table.sessions.remove(&id)?;
            table.by_uid.remove(&handle.identity.uid);
            handle
        };
        self.left.notify_waiters();
        Some(removed)
    }

    /// The oldest ended sessions beyond the number that is kept.
    pub(crate) fn surplus_ended(&self) -> Vec<Handle> {
        let mut ended: Vec<_> = self.table().sessions.values().filter(|h| h.has_ended()).cloned().collect();
        ended.sort_by_key(|handle| handle.active_at());
        let surplus = ended.len().saturating_sub(ENDED_SESSIONS);
        ended.truncate(surplus);
        ended
    }

    /// To be told whenever a session has left or ended.
    pub(crate) fn notify_left(&self) {
        self.left.notify_waiters();
    }

    /// Waits until no program runs.
    pub(crate) async fn none_running(&self) {
        loop {
            let left = self.left.notified();
            if self.running() == 0 {
                return;
            }
            left.await;
        }
    }
}

impl Table {
    fn has_name(&self, name: &str) -> bool {
        self.sessions
            .values()
            .any(|handle| !handle.has_ended() && handle.identity.name.as_deref() == Some(name))
            || self.opening.values().any(|opening| opening.name.as_deref() == Some(name))
    }

    /// Numbers count up from 1 and are not used twice while their session is there.
    fn next_id(&mut self) -> u32 {
        loop {
            self.last_id = self.last_id.checked_add(1).unwrap_or(1);
            if !self.sessions.contains_key(&self.last_id) {
                return self.last_id;
            }
        }
    }
}

impl Place {
    /// Puts the opened session in its place.
    pub(crate) fn fill(self, handle: Handle) {
        let mut table = self.registry.table();
        table.by_uid.insert(self.uid, self.id);
        table.sessions.insert(self.id, handle);
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if let Some(opening) = self.registry.table().opening.remove(&self.uid) {
            opening.done.notify_waiters();
        }
        self.registry.left.notify_waiters();
    }
}
