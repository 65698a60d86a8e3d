//! From where a request comes.

use std::net::{IpAddr, SocketAddr};

/// The address of whoever sent a request: an extension of every request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct PeerAddress(pub(crate) IpAddr);

impl PeerAddress {
    /// An IPv4 address that came in over an IPv6 socket is an IPv4 address.
    pub(crate) fn of(peer: SocketAddr) -> Self {
        Self(peer.ip().to_canonical())
    }
}
