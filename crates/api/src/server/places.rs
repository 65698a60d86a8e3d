//! How many connections there may be, in all and from one address.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, PoisonError};

/// One address may take this part of all places: it takes eight to fill the server, and a whole
/// office behind one address still fits.
const SHARE: usize = 8;
/// Also where few connections are allowed in all: some ten browsers.
const FEWEST: usize = 64;

/// Places by address.
#[derive(Debug, Clone)]
pub(super) struct Places {
    most: usize,
    taken: Arc<Mutex<HashMap<IpAddr, Taken>>>,
}

#[derive(Debug, Default)]
struct Taken {
    count: usize,
    /// The log says it once, until the address is below its share again.
    told: bool,
}

/// Free again when dropped.
#[derive(Debug)]
pub(super) struct Place {
    of: IpAddr,
    taken: Arc<Mutex<HashMap<IpAddr, Taken>>>,
}

impl Places {
    pub(super) fn new(in_all: usize) -> Self {
        Self { most: (in_all / SHARE).max(FEWEST).min(in_all), taken: Arc::default() }
    }

    /// A place for a connection from `address`, or `None` when it has its share.
    pub(super) fn take(&self, address: IpAddr) -> Option<Place> {
        let of = neighbourhood(address);
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        let entry = taken.entry(of).or_default();
        if entry.count >= self.most {
            if !std::mem::replace(&mut entry.told, true) {
                tracing::warn!(address = %of, connections = entry.count, "more connections from here are dropped");
            }
            return None;
        }
        entry.count += 1;
        drop(taken);
        Some(Place { of, taken: Arc::clone(&self.taken) })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(entry) = taken.get_mut(&self.of) else { return };
        entry.count -= 1;
        entry.told = false;
        if entry.count == 0 {
            taken.remove(&self.of);
        }
    }
}

/// Whoever has one IPv6 address has the 64 bits behind its network as well (RFC 6177).
fn neighbourhood(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V6(v6) => Ipv6Addr::from_bits(v6.to_bits() >> 64 << 64).into(),
        v4 @ IpAddr::V4(_) => v4,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn one_address_gets_its_share_and_others_theirs() {
        let places = Places::new(8 * 100);
        let here: IpAddr = "192.0.2.1".parse().unwrap();
        let mut held: Vec<_> = (0..100).map(|_| places.take(here).unwrap()).collect();
        assert!(places.take(here).is_none());
        assert!(places.take("192.0.2.2".parse().unwrap()).is_some());
        held.pop();
        assert!(places.take(here).is_some());
        held.clear();
        assert!(places.taken.lock().unwrap().is_empty(), "nothing is kept about those who left");
    }

    #[test]
    fn a_network_of_one_household_counts_as_one() {
        let places = Places::new(2);
        let _one = places.take("2001:db8:0:1::1".parse().unwrap()).unwrap();
        let _two = places.take("2001:db8:0:1::2".parse().unwrap()).unwrap();
        assert!(places.take("2001:db8:0:1:ffff::".parse().unwrap()).is_none());
        assert!(places.take("2001:db8:0:2::1".parse().unwrap()).is_some());
    }
}
