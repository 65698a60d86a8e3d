//! A socket that systemd listens on for us: systemd.socket(5), sd_listen_fds(3).

use std::os::fd::OwnedFd;
use std::os::unix::net::UnixListener;

use anyhow::{Context, bail};
use rustix::net::AddressFamily;
use rustix::net::sockopt::{socket_acceptconn, socket_domain};
use rustix::process::{PidfdFlags, PidfdGetfdFlags, getpid, pidfd_getfd, pidfd_open};

/// The first descriptor that is passed on.
const FIRST: i32 = 3;

/// The socket, when one was passed to this very process.
pub(super) fn listener() -> anyhow::Result<Option<UnixListener>> {
    let number = |name: &str| std::env::var(name).ok().and_then(|text| text.parse::<i32>().ok());
    if number("LISTEN_PID") != Some(getpid().as_raw_nonzero().get()) {
        return Ok(None);
    }
    match number("LISTEN_FDS") {
        Some(1) => Ok(Some(UnixListener::from(passed()?))),
        count => bail!("LISTEN_FDS is {}: pass exactly one socket", count.unwrap_or_default()),
    }
}

/// A copy of the descriptor that is ours and closed on exec. pidfd_getfd(2) on oneself takes a bare number
/// without having to trust it.
fn passed() -> anyhow::Result<OwnedFd> {
    let own = pidfd_open(getpid(), PidfdFlags::empty()).context("cannot look at our own descriptors")?;
    let passed = pidfd_getfd(&own, FIRST, PidfdGetfdFlags::empty())
        .context("the socket passed by systemd is not there")?;
    let listens = socket_domain(&passed).is_ok_and(|domain| domain == AddressFamily::UNIX)
        && socket_acceptconn(&passed).unwrap_or(false);
    if !listens {
        bail!(
            "descriptor {FIRST} is no listening unix socket; check Accept=no and ListenStream= of the socket unit"
        );
    }
    Ok(passed)
}
