//! Descriptors under tokio's reactor.
#![allow(unsafe_code)]

use std::io;
use std::os::fd::OwnedFd;

use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

/// Registers `fd` with the reactor of the current runtime.
pub(crate) fn register(fd: OwnedFd, interest: Interest) -> io::Result<AsyncFd<OwnedFd>> {
    // SAFETY: an `OwnedFd` is open until it is dropped, and this crate never takes a `&mut` to one
    // inside an `AsyncFd`, so it is neither replaced nor closed while it is registered.
    Ok(unsafe { AsyncFd::register_with_interest(fd, interest) }?)
}
