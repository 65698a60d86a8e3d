//! Whether a peer runs in a gated session of ours. From there it could open a session that is not gated.

use std::fs;

use rustix::net::sockopt::socket_peercred;
use tokio::net::UnixStream;

use crate::registry::Registry;

/// Processes above one another that are looked at: more than anybody nests.
const DEEPEST: usize = 4096;

/// True when the peer descends from the supervisor of a gated session, which is the reaper of everything in it.
/// Of our children only supervisors are not the program of a session.
pub(crate) fn is_gated(socket: &UnixStream, registry: &Registry) -> bool {
    // A peer that we cannot see is none of our children.
    let Ok(peer) = socket_peercred(socket) else { return false };
    let own = i32::try_from(std::process::id()).unwrap_or(0);
    let Some(child) = below(own, peer.pid.as_raw_pid(), parent) else { return false };
    !registry.all().iter().any(|handle| handle.identity.pid == child && !handle.identity.gated)
}

/// The ancestor of `pid`, or itself, whose parent is `top`.
fn below(top: i32, mut pid: i32, parent: impl Fn(i32) -> Option<i32>) -> Option<i32> {
    for _ in 0..DEEPEST {
        match parent(pid)? {
            found if found == top => return Some(pid),
            found if found <= 1 => return None,
            found => pid = found,
        }
    }
    // Nobody nests so deep in good faith.
    Some(pid)
}

/// proc_pid_stat(5): the name of the program may hold anything, and the last `)` ends it.
fn parent(pid: i32) -> Option<i32> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    stat.rsplit_once(')')?.1.split_whitespace().nth(1)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_child_of_the_daemon_above_a_peer_is_found() {
        let tree = |pid| match pid {
            50 => Some(40),
            40 => Some(30),
            30 => Some(10),
            20 => Some(1),
            _ => None,
        };
        assert_eq!(below(10, 50, tree), Some(30));
        assert_eq!(below(10, 30, tree), Some(30));
        assert_eq!(below(10, 20, tree), None, "of somebody else");
        assert_eq!(below(10, 99, tree), None, "gone");
        assert!(below(10, 7, |pid| Some(pid + 1)).is_some(), "too deep to tell");
    }

    #[test]
    fn our_own_parent_is_known() {
        let own = i32::try_from(std::process::id()).unwrap_or(0);
        assert_eq!(parent(own), i32::try_from(std::os::unix::process::parent_id()).ok());
    }
}
