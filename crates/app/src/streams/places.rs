//! How much may pass through at once.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::Error;
use crate::context::Ctx;
use crate::error::{Conflict, TooMany};

/// For all people together: each may hold some 1.5 MB while somebody does not read.
const MAX_OPEN: usize = 512;
/// For one person, whoever they are: a play on fifty servers fits, with a browser and terminals beside it, and three more
/// people who do the same find room.
const MAX_OF_ONE: usize = 128;
const WHAT: &str = "commands, transfers and connections";

/// Who has how many of them.
#[derive(Debug, Default)]
pub(crate) struct Places(Arc<Open>);

#[derive(Debug, Default)]
struct Open(Mutex<HashMap<i64, usize>>);

/// One of them, until it is dropped.
#[derive(Debug)]
pub(crate) struct Place {
    open: Arc<Open>,
    person: i64,
}

/// For what passes through in the caller's name.
///
/// # Errors
/// `NotLoggedIn`; `Conflict` with `TooMany` where the caller has as many as one person may, `Limit` where all
/// people together have.
pub(crate) fn place(ctx: &Ctx) -> Result<Place, Error> {
    ctx.app().execs().streams().take(ctx.person()?.user.id)
}

impl Places {
    fn take(&self, person: i64) -> Result<Place, Error> {
        let mut open = self.0.all();
        if open.get(&person).is_some_and(|own| *own >= MAX_OF_ONE) {
            return Err(Conflict::from(TooMany::AtOnce { what: WHAT, most: MAX_OF_ONE }).into());
        }
        if open.values().sum::<usize>() >= MAX_OPEN {
            let why = format!("{MAX_OPEN} {WHAT} are open: try later");
            return Err(Error::Limit(why));
        }
        *open.entry(person).or_default() += 1;
        Ok(Place { open: Arc::clone(&self.0), person })
    }
}

impl Open {
    fn all(&self) -> MutexGuard<'_, HashMap<i64, usize>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut open = self.open.all();
        if let Some(own) = open.get_mut(&self.person) {
            *own -= 1;
            if *own == 0 {
                open.remove(&self.person);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn one_person_leaves_room_for_others_and_all_together_have_an_end() {
        let places = Places::default();
        let mut own: Vec<_> = (0..MAX_OF_ONE).map(|_| places.take(1).unwrap()).collect();
        assert!(matches!(places.take(1), Err(Error::Conflict(Conflict::TooMany(_)))));
        drop(places.take(2).unwrap());
        own.pop();
        drop(places.take(1).unwrap());
        assert!(places.take(1).is_ok(), "what is given back is free");
        for person in (2..).take(MAX_OPEN / MAX_OF_ONE) {
            own.extend((0..MAX_OF_ONE).map_while(|_| places.take(person).ok()));
        }
        assert_eq!(own.len(), MAX_OPEN);
        assert!(matches!(places.take(99), Err(Error::Limit(_))));
        drop(own);
        assert!(places.0.all().is_empty(), "nothing is kept of who has nothing");
    }
}
