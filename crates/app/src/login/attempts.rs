//! How often somebody may try to log in. Two buckets: by address, so that one attacker does not hold
//! up others; and by user name, so that many addresses do not guess one password.

use std::hash::{BuildHasher, Hash, RandomState};
use std::net::{IpAddr, Ipv6Addr};
use std::num::NonZeroU32;
use std::time::Duration;

use governor::clock::{Clock as _, DefaultClock};
use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};

use crate::error::LoginError;

/// A person who has forgotten which password it was tries a few; then one every six seconds.
const BY_ADDRESS: (u32, u32) = (10, 10);
/// Attackers share this one with the person: wide enough that they still get in between.
const BY_NAME: (u32, u32) = (30, 30);
/// Nothing is guessed by going to the provider; it only has to be spared. A company may have one address.
const SIGN_ONS: (u32, u32) = (300, 300);
/// Keys that are remembered; past it those that are full again are forgotten. Whoever comes while all are
/// in use shares one of [`SHARED`] with others: an attacker with a million addresses gets no million keys.
const MAX_KEYS: usize = 10_000;
const SHARED: u64 = 1024;

/// Somebody's own bucket, or one for many.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Key<K> {
    Own(K),
    Shared(u64),
}

#[derive(Debug)]
pub(crate) struct Attempts {
    by_address: DefaultKeyedRateLimiter<Key<IpAddr>>,
    by_name: DefaultKeyedRateLimiter<Key<String>>,
    sign_ons: DefaultKeyedRateLimiter<Key<IpAddr>>,
    /// Which bucket somebody shares cannot be told from outside.
    sharing: RandomState,
}

impl Default for Attempts {
    fn default() -> Self {
        Self {
            by_address: RateLimiter::keyed(quota(BY_ADDRESS)),
            by_name: RateLimiter::keyed(quota(BY_NAME)),
            sign_ons: RateLimiter::keyed(quota(SIGN_ONS)),
            sharing: RandomState::new(),
        }
    }
}

impl Attempts {
    /// Counts one attempt.
    ///
    /// # Errors
    /// `TooManyAttempts`, with how long to wait.
    pub(crate) fn count(&self, address: Option<IpAddr>, name: Option<&str>) -> Result<(), LoginError> {
        if let Some(address) = address {
            self.count_key(&self.by_address, network(address))?;
        }
        if let Some(name) = name {
            // What cannot be a user name all counts as one.
            let name = if crate::people::is_username(name) { name } else { "" };
            self.count_key(&self.by_name, name.to_owned())?;
        }
        Ok(())
    }

    /// Counts one sign-in by a provider that begins.
    ///
    /// # Errors
    /// `TooManyAttempts`.
    pub(crate) fn count_sign_on(&self, address: Option<IpAddr>) -> Result<(), LoginError> {
        address.map_or(Ok(()), |address| self.count_key(&self.sign_ons, network(address)))
    }

    fn count_key<K: Hash + Eq + Clone>(
        &self,
        limiter: &DefaultKeyedRateLimiter<Key<K>>,
        key: K,
    ) -> Result<(), LoginError> {
        if limiter.len() >= MAX_KEYS {
            limiter.retain_recent();
        }
        let key = match limiter.len() >= MAX_KEYS {
            true => Key::Shared(self.sharing.hash_one(&key) % SHARED),
            false => Key::Own(key),
        };
        limiter.check_key(&key).map_err(|refused| {
            let wait: Duration = refused.wait_time_from(DefaultClock::default().now());
            LoginError::TooManyAttempts { seconds: wait.as_secs() + 1 }
        })
    }
}

fn quota((burst, per_minute): (u32, u32)) -> Quota {
    let whole = |count| NonZeroU32::new(count).unwrap_or(NonZeroU32::MIN);
    Quota::per_minute(whole(per_minute)).allow_burst(whole(burst))
}

/// One household or server has a whole /64 of IPv6 (RFC 6177).
fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(six) => IpAddr::V6(Ipv6Addr::from_bits(six.to_bits() & (u128::MAX << 64))),
        four @ IpAddr::V4(_) => four,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::net::Ipv4Addr;

    use super::*;

    fn refused(attempts: &Attempts, address: &str, name: &str) -> bool {
        attempts.count(Some(address.parse().unwrap()), Some(name)).is_err()
    }

    #[test]
    fn a_flood_from_one_address_is_refused_and_another_address_is_not() {
        let attempts = Attempts::default();
        let let_through = (0..1000).filter(|_| !refused(&attempts, "192.0.2.1", "ada")).count();
        assert_eq!(let_through, BY_ADDRESS.0 as usize);
        assert!(!refused(&attempts, "192.0.2.2", "ada"));
        assert!(!refused(&attempts, "192.0.2.2", "bob"));
    }

    #[test]
    fn many_addresses_do_not_guess_one_password() {
        let attempts = Attempts::default();
        let let_through = (0..250).filter(|n| !refused(&attempts, &format!("192.0.2.{n}"), "ada")).count();
        assert_eq!(let_through, BY_NAME.0 as usize);
        assert!(!refused(&attempts, "198.51.100.1", "bob"));
    }

    #[test]
    fn a_flood_from_everywhere_takes_no_more_than_its_room() {
        let attempts = Attempts::default();
        for n in 0..2 * MAX_KEYS as u32 {
            let address = IpAddr::V4(Ipv4Addr::from_bits(n));
            // Refused or not: it is counted somewhere.
            attempts.count(Some(address), Some(&format!("name{n}"))).ok();
        }
        let most = MAX_KEYS + SHARED as usize;
        let (addresses, names) = (attempts.by_address.len(), attempts.by_name.len());
        assert!(addresses <= most && names <= most, "{addresses} addresses, {names} names");
    }

    #[test]
    fn a_network_of_ipv6_is_one_address() {
        let attempts = Attempts::default();
        let let_through =
            (0..100).filter(|n| !refused(&attempts, &format!("2001:db8:1:2::{n}"), &format!("u{n}"))).count();
        assert_eq!(let_through, BY_ADDRESS.0 as usize);
        assert!(!refused(&attempts, "2001:db8:1:3::1", "x"));
    }
}
