//! Where connections further on may not go, whoever asks.
//!
//! The server resolves names, not this process: so networks hold for addresses, in whatever way they are written, and
//! names for themselves. What a name is at the server's place is the server's affair; `*` forbids all names.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

use crate::access::Network;

/// Link-local addresses, among them the metadata services of clouds, which give away what a machine may do there; and
/// those of them that are elsewhere.
pub const USUAL: [&str; 7] = [
    "169.254.0.0/16",
    "fe80::/10",
    "fd00:ec2::/32",
    "100.100.100.200",
    "168.63.129.16",
    "metadata.google.internal",
    "metadata",
];

/// Patterns of destinations; one that fits is enough.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Forbidden(Vec<Pattern>);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Pattern {
    Network(Network),
    /// In small letters.
    Name(String),
    /// What ends so: `.example.org`.
    Below(String),
    AnyName,
}

impl Default for Forbidden {
    fn default() -> Self {
        Self::read(USUAL).expect("a test reads them")
    }
}

impl Forbidden {
    /// Networks (`10.0.0.0/8`), addresses, names (`db.internal`), names below one (`*.internal`), or `*` for any name.
    ///
    /// # Errors
    /// The pattern that is none.
    pub fn read<'a>(patterns: impl IntoIterator<Item = &'a str>) -> Result<Self, String> {
        patterns.into_iter().map(str::parse).collect::<Result<_, _>>().map(Self)
    }

    /// Whether nobody may connect to this host, a name or an address.
    pub(super) fn holds(&self, host: &str) -> bool {
        let host =
            host.trim_start_matches('[').trim_end_matches(']').trim_end_matches('.').to_ascii_lowercase();
        let host = host.split_once('%').map_or(host.as_str(), |(address, _)| address);
        let (addresses, named) = match address(host) {
            Some(address) => (meant(address), false),
            None if host == "localhost" || host.ends_with(".localhost") => {
                (vec![Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into()], true)
            }
            None => (Vec::new(), true),
        };
        self.0.iter().any(|pattern| match pattern {
            Pattern::Network(network) => addresses.iter().any(|address| network.holds(*address)),
            Pattern::Name(name) => host == name,
            Pattern::Below(end) => host.ends_with(end),
            Pattern::AnyName => named,
        })
    }
}

impl FromStr for Pattern {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let text = text.trim().to_ascii_lowercase();
        if let Ok(network) = text.parse() {
            return Ok(Self::Network(network));
        }
        let is_name = |name: &str| {
            !name.is_empty()
                && name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_'))
        };
        match text.strip_prefix('*') {
            Some("") => Ok(Self::AnyName),
            Some(end) if end.starts_with('.') && is_name(&end[1..]) => Ok(Self::Below(end.to_owned())),
            None if is_name(&text) && address(&text).is_none() => Ok(Self::Name(text)),
            _ => Err(format!("{text:?} is no network, address or name, as in 10.0.0.0/8 or *.internal")),
        }
    }
}

/// An address in any form that inet_aton(3) takes: `127.1`, `0x7f000001` and `2130706433` are 127.0.0.1.
fn address(host: &str) -> Option<IpAddr> {
    if let Ok(address) = host.parse() {
        return Some(address);
    }
    let parts: Vec<u32> = host.split('.').map(number).collect::<Option<_>>()?;
    let (last, first) = parts.split_last()?;
    if first.len() > 3 || first.iter().any(|part| *part > 255) {
        return None;
    }
    // The last part fills what the others leave.
    let room = 8 * (4 - u32::try_from(first.len()).ok()?);
    if u64::from(*last) >> room != 0 {
        return None;
    }
    let first = first.iter().fold(0_u64, |all, part| all << 8 | u64::from(*part)) << room;
    u32::try_from(first | u64::from(*last)).ok().map(|bits| Ipv4Addr::from_bits(bits).into())
}

/// Decimal, octal or hexadecimal, as in C.
fn number(text: &str) -> Option<u32> {
    match text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")) {
        Some(digits) => u32::from_str_radix(digits, 16).ok(),
        None if text.len() > 1 && text.starts_with('0') => u32::from_str_radix(text, 8).ok(),
        None => text.parse().ok(),
    }
}

/// What a packet to it comes to: itself, and the IPv4 address that it holds (RFC 4291 section 2.5.5, RFC 6052). To no
/// address in particular is to this machine on Linux.
fn meant(address: IpAddr) -> Vec<IpAddr> {
    let mut all = vec![address, address.to_canonical()];
    if let IpAddr::V6(v6) = address {
        let [high @ .., _, _] = v6.segments();
        if high == [0x64, 0xff9b, 0, 0, 0, 0] || (high == [0; 6] && v6 != Ipv6Addr::LOCALHOST) {
            let low = v6.to_bits() & u128::from(u32::MAX);
            all.push(Ipv4Addr::from_bits(u32::try_from(low).unwrap_or_default()).into());
        }
    }
    if all.iter().any(IpAddr::is_unspecified) {
        all.extend([IpAddr::from(Ipv4Addr::LOCALHOST), Ipv6Addr::LOCALHOST.into()]);
    }
    all
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn an_address_is_known_however_it_is_written() {
        let usual = Forbidden::default();
        for host in [
            "169.254.169.254",
            "169.254.43518",
            "2852039166",
            "0xA9FEA9FE",
            "0251.0376.0251.0376",
            "::ffff:169.254.169.254",
            "::169.254.169.254",
            "64:ff9b::a9fe:a9fe",
            "[fe80::1]",
            "fe80::1%eth0",
            "fd00:ec2::254",
            "Metadata.Google.Internal.",
        ] {
            assert!(usual.holds(host), "{host}");
        }
        for host in
            ["127.0.0.1", "localhost", "::1", "10.0.0.1", "db.internal", "169.255.0.1", "1.2.3.4.5", "0"]
        {
            assert!(!usual.holds(host), "{host}");
        }
    }

    #[test]
    fn the_machine_itself_has_many_names() {
        let itself = Forbidden::read(["127.0.0.0/8", "::1"]).unwrap();
        for host in [
            "127.0.0.1",
            "127.1",
            "localhost",
            "a.localhost.",
            "::1",
            "0.0.0.0",
            "0",
            "::",
            "::ffff:127.0.0.1",
        ] {
            assert!(itself.holds(host), "{host}");
        }
        assert!(!itself.holds("10.0.0.1") && !itself.holds("localhost.example.org"));
    }

    #[test]
    fn names_hold_for_themselves() {
        let some = Forbidden::read(["db.internal", "*.secret"]).unwrap();
        assert!(some.holds("DB.internal") && some.holds("a.b.secret"));
        assert!(!some.holds("db2.internal") && !some.holds("secret"));
        let all = Forbidden::read(["*"]).unwrap();
        assert!(all.holds("anything") && all.holds("localhost") && !all.holds("10.0.0.1"));
        for wrong in ["", "a b", "*x", "10.0.0.0/40", "127.1"] {
            assert!(Forbidden::read([wrong]).is_err(), "{wrong}");
        }
    }
}
