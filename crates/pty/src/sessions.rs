use std::collections::{BTreeSet, HashMap};
use std::io;

use rustix::process::Pid;

use crate::Signal;

/// Which process groups belong to which kernel session (setsid(2)), as `/proc` showed it at one
/// moment. To end many terminals at once, read it once for all.
#[derive(Debug, Default)]
pub struct Sessions {
    groups: HashMap<i32, BTreeSet<i32>>,
}

impl Sessions {
    /// Reads `/proc/*/stat`: some 10 µs per process of the machine.
    pub fn read() -> io::Result<Self> {
        let mut sessions = Self::default();
        for entry in std::fs::read_dir("/proc")? {
            let name = entry?.file_name();
            let Some(pid) = name.to_str().and_then(|name| name.parse::<i32>().ok()) else {
                continue;
            };
            // A process that ended meanwhile has no file any more.
            let Ok(stat) = std::fs::read(format!("/proc/{pid}/stat")) else {
                continue;
            };
            if let Some((group, session)) = living_group_and_session(&stat) {
                sessions.groups.entry(session).or_default().insert(group);
            }
        }
        Ok(sessions)
    }

    /// The process groups with a living process in the session led by `leader` (a pid).
    pub fn groups(&self, leader: i32) -> impl Iterator<Item = i32> + '_ {
        self.groups.get(&leader).into_iter().flatten().copied()
    }

    /// Signals them all; returns how many took it. `leader` must not be reaped yet (its
    /// [`Process`](crate::Process) is alive), or its number may be another's.
    pub fn signal(&self, leader: i32, signal: Signal) -> usize {
        self.groups(leader)
            // kill(2) reads 1 as "everyone": never a group of ours.
            .filter(|group| *group > 1)
            .filter_map(Pid::from_raw)
            .filter(|group| rustix::process::kill_process_group(*group, signal.raw()).is_ok())
            .count()
    }
}

/// `pid (name) state ppid group session …`, proc_pid_stat(5); the name may hold anything. `None`
/// for one that has ended and waits to be reaped.
fn living_group_and_session(stat: &[u8]) -> Option<(i32, i32)> {
    let after_name = stat.iter().rposition(|byte| *byte == b')')? + 1;
    let mut fields = std::str::from_utf8(stat.get(after_name..)?).ok()?.split_ascii_whitespace();
    if matches!(fields.next()?, "Z" | "X") {
        return None;
    }
    let group = fields.nth(1)?.parse().ok()?;
    let session = fields.next()?.parse().ok()?;
    Some((group, session))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::io::Read as _;

    use super::*;

    #[test]
    fn a_process_name_cannot_forge_the_fields() {
        let stat = b"42 (a) R 1 7 8 (b) c) S 1 43 44 34816 -1";
        assert_eq!(living_group_and_session(stat), Some((43, 44)));
        assert_eq!(living_group_and_session(b"42 (cut) S 1"), None);
        assert_eq!(living_group_and_session(b""), None);
        assert_eq!(living_group_and_session(b"42 (dead) Z 1 43 44 0 -1"), None);
    }

    /// In a container the session leader of the tests themselves may be outside of what `/proc`
    /// shows, so a session of our own is made.
    #[test]
    fn a_process_is_found_in_its_session() {
        let mut leader = std::process::Command::new("setsid")
            .args(["sh", "-c", "echo; exec cat"])
            .stdin(std::process::Stdio::piped())
            .stdout(std::process::Stdio::piped())
            .spawn()
            .expect("util-linux is there");
        // Its first byte says that setsid(2) is done.
        let mut ready = [0];
        leader.stdout.as_mut().unwrap().read_exact(&mut ready).expect("it speaks");

        let pid = i32::try_from(leader.id()).unwrap();
        let found: Vec<i32> = Sessions::read().expect("/proc is there").groups(pid).collect();
        drop(leader.stdin.take());
        leader.wait().expect("it ends with its input");
        assert_eq!(found, [pid]);
    }
}
