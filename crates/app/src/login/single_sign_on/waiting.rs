//! Sign-ins that have begun. Each is good once, for ten minutes, and for the browser that began it.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};

use bastide_oidc::Waiting;
use jiff::Timestamp;

use super::PATIENCE;
use crate::secret;

/// A company that comes to work at once, all from one address of its network, stays below; each is some 400 bytes.
const MOST: usize = 4096;
/// So that one address does not push out those of others: past it its own oldest goes.
const MOST_OF_ONE: usize = 1024;

/// What is kept of one.
#[derive(Debug)]
pub(super) struct Ticket {
    pub(super) waiting: Waiting,
    pub(super) next: String,
    pub(super) from: Option<IpAddr>,
}

#[derive(Debug)]
struct Kept {
    ticket: Ticket,
    /// Of the browser's cookie.
    digest: String,
    until: Timestamp,
}

/// By the digest of the state: looking one up tells nothing by the time it takes.
#[derive(Debug, Default)]
pub(super) struct Table {
    kept: Mutex<HashMap<String, Kept>>,
}

impl Table {
    /// The cookie for it: the end of its name, and its value.
    pub(super) fn keep(&self, state: &str, ticket: Ticket, now: Timestamp) -> (String, String) {
        let secret = secret::generate();
        let until = now.checked_add(PATIENCE).unwrap_or(Timestamp::MAX);
        let from = ticket.from;
        let new = Kept { ticket, digest: secret::digest(&secret), until };
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.retain(|_, one| one.until > now);
        let own = kept.values().filter(|one| one.ticket.from == from).count();
        if own >= MOST_OF_ONE {
            drop_oldest(&mut kept, |one| one.ticket.from == from);
        } else if kept.len() >= MOST {
            drop_oldest(&mut kept, |_| true);
        }
        kept.insert(secret::digest(state), new);
        (name(state), secret)
    }

    /// `None` when there is none, it is too old, or it is another browser's; the right one finds it still there
    /// after a wrong one has asked.
    pub(super) fn take(&self, state: &str, secret: &str, now: Timestamp) -> Option<Ticket> {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let key = secret::digest(state);
        let found = kept.get(&key)?;
        if found.until <= now || !secret::matches(secret, &found.digest) {
            return None;
        }
        kept.remove(&key).map(|kept| kept.ticket)
    }
}

fn drop_oldest(kept: &mut HashMap<String, Kept>, of: impl Fn(&Kept) -> bool) {
    let oldest = kept.iter().filter(|(_, one)| of(one)).min_by_key(|(_, one)| one.until);
    if let Some(key) = oldest.map(|(key, _)| key.clone()) {
        kept.remove(&key);
    }
}

/// Two tabs have two cookies.
pub(super) fn name(state: &str) -> String {
    secret::digest(state)[..8].to_owned()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::net::Ipv4Addr;

    use bastide_oidc::Waiting;
    use jiff::SignedDuration;

    use super::*;

    fn ticket(from: u32) -> Ticket {
        let from = Some(IpAddr::V4(Ipv4Addr::from_bits(from)));
        Ticket { waiting: Waiting::for_tests(), next: "/servers".to_owned(), from }
    }

    fn now() -> Timestamp {
        Timestamp::from_second(1_800_000_000).unwrap()
    }

    #[test]
    fn one_is_good_once_for_its_browser_and_not_for_long() {
        let table = Table::default();
        let (name_of_it, secret) = table.keep("state", ticket(1), now());
        assert_eq!(name_of_it, name("state"));
        assert!(table.take("state", "another browser's", now()).is_none());
        assert!(table.take("another state", &secret, now()).is_none());
        assert!(table.take("state", &secret, now() + PATIENCE).is_none());
        let taken = table.take("state", &secret, now() + PATIENCE - SignedDuration::from_secs(1));
        assert_eq!(taken.unwrap().next, "/servers");
        assert!(table.take("state", &secret, now()).is_none(), "once");
    }

    #[test]
    fn a_flood_from_one_address_takes_the_place_of_nobody_else() {
        let table = Table::default();
        let (_, mine) = table.keep("mine", ticket(1), now());
        let flood = |n: usize| now() + SignedDuration::from_millis(n as i64);
        for n in 0..2 * MOST_OF_ONE {
            table.keep(&format!("{n}"), ticket(2), flood(n));
        }
        assert_eq!(table.kept.lock().unwrap().len(), MOST_OF_ONE + 1);
        assert!(table.take("mine", &mine, flood(2 * MOST_OF_ONE)).is_some());
        // From everywhere: it stays within its room.
        for n in 0..MOST + 10 {
            table.keep(&format!("x{n}"), ticket(u32::try_from(n).unwrap()), now());
        }
        assert_eq!(table.kept.lock().unwrap().len(), MOST);
        table.keep("later", ticket(3), now() + PATIENCE + PATIENCE);
        assert_eq!(table.kept.lock().unwrap().len(), 1, "old ones are forgotten");
    }
}
