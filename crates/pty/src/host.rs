//! Facts about this machine and this process.

use std::io;
use std::path::PathBuf;

use rustix::process::{Resource, Rlimit};

/// The soft limit of open files that a program on a terminal starts with, or its hard limit if
/// that is lower: what a login gives. Programs that use select(2) break above it, so ours, raised,
/// must not be handed down.
const CHILD_OPEN_FILES: u64 = 1024;

/// The working directory of a process, from `/proc`; `None` when it is gone, deleted or not ours
/// to see.
pub fn cwd_of(pid: i32) -> Option<PathBuf> {
    let path = std::fs::read_link(format!("/proc/{pid}/cwd")).ok()?;
    // For a removed directory the kernel writes the old path with " (deleted)" behind it.
    path.is_dir().then_some(path)
}

/// Raises this process's soft limit of open files to the hard one; returns the limit now in force
/// (`u64::MAX` when there is none). Programs started by [`spawn`](crate::spawn) do not inherit it.
pub fn raise_open_file_limit() -> io::Result<u64> {
    let limit = rustix::process::getrlimit(Resource::Nofile);
    if limit.current != limit.maximum {
        let raised = Rlimit { current: limit.maximum, maximum: limit.maximum };
        rustix::process::setrlimit(Resource::Nofile, raised)?;
    }
    Ok(limit.maximum.unwrap_or(u64::MAX))
}

/// Soft and hard limit of open files for a child.
pub(crate) fn child_open_files() -> (u64, u64) {
    let hard = rustix::process::getrlimit(Resource::Nofile).maximum.unwrap_or(u64::MAX);
    (CHILD_OPEN_FILES.min(hard), hard)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_directory_of_a_process_is_found_and_a_wrong_pid_has_none() {
        let own = i32::try_from(std::process::id()).expect("pids fit");
        assert_eq!(cwd_of(own), std::env::current_dir().ok());
        assert_eq!(cwd_of(-1), None);
    }

    #[test]
    fn the_limit_of_open_files_is_raised_but_not_for_children() {
        let now = raise_open_file_limit().expect("raising to the hard limit is allowed");
        let limit = rustix::process::getrlimit(Resource::Nofile);
        assert_eq!(limit.current.unwrap_or(u64::MAX), now);
        assert_eq!(limit.current, limit.maximum);
        assert!(child_open_files().0 <= CHILD_OPEN_FILES);
    }
}
