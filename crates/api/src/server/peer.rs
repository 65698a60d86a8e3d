//! From where a request comes, also when a proxy stands before the server.

use std::net::{IpAddr, SocketAddr};

use axum::http::HeaderMap;
use bastide_app::Network;

const FORWARDED_FOR: &str = "x-forwarded-for";

/// The address of whoever sent a request: an extension of every request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct PeerAddress(pub(crate) IpAddr);

/// The proxies whose word about a request's origin is taken.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Proxies(Vec<Network>);

impl Proxies {
    pub fn new(networks: Vec<Network>) -> Self {
        Self(networks)
    }

    pub(crate) fn trusts(&self, address: IpAddr) -> bool {
        self.0.iter().any(|network| network.holds(address))
    }

    /// Who sent a request that came in over a connection from `peer`. Each proxy appends whom it
    /// heard the request from to `X-Forwarded-For`, so the list is read from its end, as far as
    /// the writers are trusted; what stands before may be made up.
    pub(crate) fn origin(&self, peer: SocketAddr, headers: &HeaderMap) -> PeerAddress {
        let mut from = canonical(peer);
        let lines: Vec<&str> =
            headers.get_all(FORWARDED_FOR).into_iter().filter_map(|line| line.to_str().ok()).collect();
        for entry in lines.iter().rev().flat_map(|line| line.rsplit(',')) {
            if !self.trusts(from) {
                break;
            }
            match address(entry.trim()) {
                Some(address) => from = address,
                None => break,
            }
        }
        PeerAddress(from)
    }
}

/// An IPv4 address that came in over an IPv6 socket is an IPv4 address.
pub(super) fn canonical(peer: SocketAddr) -> IpAddr {
    peer.ip().to_canonical()
}

/// Some proxies write the port too.
fn address(entry: &str) -> Option<IpAddr> {
    let bare = entry.trim_start_matches('[').trim_end_matches(']');
    let plain = bare.parse::<IpAddr>().ok();
    plain.or_else(|| entry.parse::<SocketAddr>().ok().map(|peer| peer.ip())).map(|ip| ip.to_canonical())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn origin(trusted: &[&str], peer: &str, lines: &[&str]) -> String {
        let proxies = Proxies::new(trusted.iter().map(|one| one.parse().unwrap()).collect());
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append(FORWARDED_FOR, line.parse().unwrap());
        }
        proxies.origin(peer.parse().unwrap(), &headers).0.to_string()
    }

    #[test]
    fn only_a_trusted_proxy_says_where_a_request_comes_from() {
        assert_eq!(origin(&[], "10.0.0.1:9", &["1.2.3.4"]), "10.0.0.1");
        assert_eq!(origin(&["10.0.0.0/8"], "11.0.0.1:9", &["1.2.3.4"]), "11.0.0.1");
        assert_eq!(origin(&["10.0.0.0/8"], "10.9.9.9:9", &["1.2.3.4"]), "1.2.3.4");
        assert_eq!(origin(&["10.0.0.0/8"], "10.9.9.9:9", &[]), "10.9.9.9");
        assert_eq!(origin(&["::1"], "[::1]:9", &["2001:db8::7"]), "2001:db8::7");
        assert_eq!(origin(&["127.0.0.1"], "[::ffff:127.0.0.1]:9", &["1.2.3.4"]), "1.2.3.4");
    }

    #[test]
    fn what_a_client_writes_itself_is_not_believed() {
        // The client claimed 9.9.9.9; the proxies appended whom they saw.
        assert_eq!(origin(&["10.0.0.0/8"], "10.0.0.2:9", &["9.9.9.9, 1.2.3.4, 10.0.0.1"]), "1.2.3.4");
        assert_eq!(origin(&["10.0.0.0/8"], "10.0.0.2:9", &["9.9.9.9", "1.2.3.4,10.0.0.1"]), "1.2.3.4");
        assert_eq!(origin(&["10.0.0.0/8"], "10.0.0.2:9", &["9.9.9.9, nonsense, 10.0.0.1"]), "10.0.0.1");
        assert_eq!(origin(&["10.0.0.0/8"], "10.0.0.2:9", &["10.0.0.3"]), "10.0.0.3");
    }

    #[test]
    fn ports_and_brackets_are_understood() {
        assert_eq!(origin(&["0.0.0.0/0"], "10.0.0.2:9", &["[2001:db8::1]:4711"]), "2001:db8::1");
        assert_eq!(origin(&["10.0.0.2/32"], "10.0.0.2:9", &["1.2.3.4:80"]), "1.2.3.4");
    }

    #[test]
    fn networks_are_refused_with_a_reason() {
        assert!("10.0.0.0/33".parse::<Network>().unwrap_err().contains("up to 32"));
        assert!("proxy.example".parse::<Network>().unwrap_err().contains("an address or a network"));
        assert!("::/129".parse::<Network>().is_err() && "10.0.0.0/".parse::<Network>().is_err());
    }
}
