//! How often somebody may try to log in. Two buckets: by address, so that one attacker does not hold
//! up others; and by user name, so that many addresses do not guess one password.

use std::hash::Hash;
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
/// Keys that are remembered; past it those that are full again are forgotten.
const MAX_KEYS: usize = 10_000;

#[derive(Debug)]
pub(crate) struct Attempts {
    by_address: DefaultKeyedRateLimiter<IpAddr>,
    by_name: DefaultKeyedRateLimiter<String>,
}

impl Default for Attempts {
    fn default() -> Self {
        Self {
            by_address: RateLimiter::keyed(quota(BY_ADDRESS)),
            by_name: RateLimiter::keyed(quota(BY_NAME)),
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
            count(&self.by_address, &network(address))?;
        }
        if let Some(name) = name {
            // What cannot be a user name all counts as one.
            let name = if crate::people::is_username(name) { name } else { "" };
            count(&self.by_name, &name.to_owned())?;
        }
        Ok(())
    }
}

fn quota((burst, per_minute): (u32, u32)) -> Quota {
    let whole = |count| NonZeroU32::new(count).unwrap_or(NonZeroU32::MIN);
    Quota::per_minute(whole(per_minute)).allow_burst(whole(burst))
}

fn count<K: Hash + Eq + Clone>(limiter: &DefaultKeyedRateLimiter<K>, key: &K) -> Result<(), LoginError> {
    if limiter.len() > MAX_KEYS {
        limiter.retain_recent();
    }
    limiter.check_key(key).map_err(|refused| {
        let wait: Duration = refused.wait_time_from(DefaultClock::default().now());
        LoginError::TooManyAttempts { seconds: wait.as_secs() + 1 }
    })
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
    fn a_network_of_ipv6_is_one_address() {
        let attempts = Attempts::default();
        let let_through =
            (0..100).filter(|n| !refused(&attempts, &format!("2001:db8:1:2::{n}"), &format!("u{n}"))).count();
        assert_eq!(let_through, BY_ADDRESS.0 as usize);
        assert!(!refused(&attempts, "2001:db8:1:3::1", "x"));
    }
}
