//! How many sessions a person has open, those included that are being opened.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};

use uuid::Uuid;

use crate::daemon::refused;
use crate::error::{Conflict, TooMany};
use crate::{App, Error};

/// Sessions that are being opened, by their person.
#[derive(Debug, Default)]
pub(crate) struct Quota {
    opening: Arc<Mutex<HashSet<(Uuid, Uuid)>>>,
    /// Held from looking at what is there to taking a place.
    counting: tokio::sync::Mutex<()>,
}

/// A session that counts until it is in the daemon's list, or will never be.
#[derive(Debug)]
pub(crate) struct Taken {
    opening: Arc<Mutex<HashSet<(Uuid, Uuid)>>>,
    which: (Uuid, Uuid),
}

impl Drop for Taken {
    fn drop(&mut self) {
        self.opening.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.which);
    }
}

impl Quota {
    /// A place for one more session of a person, to be held until it is opened.
    ///
    /// # Errors
    /// `Conflict` when they have as many as they may; `DaemonUnreachable`, `Daemon`.
    pub(crate) async fn take(
        &self,
        app: &App,
        (person, session): (Uuid, Uuid),
        most: Option<u32>,
    ) -> Result<Taken, Error> {
        let Some(most) = most else { return Ok(self.add(person, session)) };
        let _counting = self.counting.lock().await;
        // First those that are being opened: whichever is done meanwhile is in the list that is read after.
        let mut open: HashSet<Uuid> = self.opening_of(person);
        let owner = person.to_string();
        let rows = app.daemon().client()?.list().await.map_err(refused)?;
        let own = rows.into_iter().filter(|row| row.is_alive);
        let own = own.filter(|row| row.detail.as_ref().is_some_and(|d| d.user.as_ref() == Some(&owner)));
        open.extend(own.filter_map(|row| row.uid));
        match u32::try_from(open.len()).is_ok_and(|open| open < most) {
            true => Ok(self.add(person, session)),
            false => Err(Conflict::from(TooMany::Sessions { open: open.len(), most }).into()),
        }
    }

    fn opening_of(&self, person: Uuid) -> HashSet<Uuid> {
        let opening = self.opening.lock().unwrap_or_else(PoisonError::into_inner);
        opening.iter().filter(|(whose, _)| *whose == person).map(|(_, session)| *session).collect()
    }

    fn add(&self, person: Uuid, session: Uuid) -> Taken {
        let which = (person, session);
        self.opening.lock().unwrap_or_else(PoisonError::into_inner).insert(which);
        Taken { opening: Arc::clone(&self.opening), which }
    }
}
