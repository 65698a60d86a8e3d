//! The session's first process, between the fork and its program. It runs as a copy of the
//! single-threaded supervisor, so ordinary code is allowed here.

use std::ffi::CString;
use std::io;
use std::os::fd::{AsFd, OwnedFd};

use serde::{Deserialize, Serialize};

use super::layers::{Layer, Layers};
use super::wire::{self, Job};
use super::{confine, filter, kernel, landlocked};

/// What the child tells the supervisor. After `Filtered` the end of the line without another word
/// means that the program runs.
#[derive(Debug, Serialize, Deserialize)]
pub(super) enum Word {
    /// With it comes the listener.
    Filtered {
        killable: bool,
    },
    Failed {
        step: String,
        errno: i32,
    },
}

type Step = (&'static str, io::Error);

/// Becomes the session's program. Returns only if it cannot.
pub(super) fn become_program(job: &Job, slave: &OwnedFd, to_supervisor: &OwnedFd, layers: &Layers) -> i32 {
    let failed = match prepare(job, slave, to_supervisor, layers) {
        Err(failed) => failed,
        Ok(()) => ("run the program", run(job)),
    };
    let (step, error) = failed;
    let errno = error.raw_os_error().unwrap_or(libc::EIO);
    let word = Word::Failed { step: step.to_owned(), errno };
    // Nobody listens if the supervisor is gone, and then nobody asks.
    let _ = wire::send(to_supervisor, &word, &[]);
    127
}

fn prepare(job: &Job, slave: &OwnedFd, to_supervisor: &OwnedFd, layers: &Layers) -> Result<(), Step> {
    let at = |step: &'static str| move |error: io::Error| (step, error);
    let errno = |step: &'static str| move |error: rustix::io::Errno| (step, io::Error::from(error));
    let privileged = confine::is_privileged();
    rustix::process::setsid().map_err(errno("new session"))?;
    kernel::take_terminal(slave).map_err(at("controlling terminal"))?;
    rustix::stdio::dup2_stdin(slave).map_err(errno("standard descriptors"))?;
    rustix::stdio::dup2_stdout(slave).map_err(errno("standard descriptors"))?;
    rustix::stdio::dup2_stderr(slave).map_err(errno("standard descriptors"))?;
    kernel::close_on_exec_from(3).map_err(at("close other descriptors"))?;
    if let Some(group) = &job.program.group {
        // "0" is whoever writes it, cgroups(7). The supervisor itself stays outside of what it watches.
        std::fs::write(group.join("cgroup.procs"), "0").map_err(at("control group"))?;
    }
    for (resource, soft, hard) in &job.program.limits {
        kernel::set_limit(*resource, *soft, *hard).map_err(at("limits"))?;
    }
    if layers.has(Layer::Files) {
        landlocked::restrict(job.profile, &job.confinement, &job.program.home, !privileged)
            .map_err(at("landlock"))?;
    }
    if layers.has(Layer::Memory) {
        confine::refuse_new_code().map_err(|text| ("no new executable memory", io::Error::other(text)))?;
    }
    if !privileged {
        // As a copy of the supervisor it could not be read by it, which has no right to read what does
        // not allow it. There is nothing in it that the account may not see.
        kernel::set(libc::PR_SET_DUMPABLE, 1).map_err(at("dumpable"))?;
        kernel::set(libc::PR_SET_NO_NEW_PRIVS, 1).map_err(at("no_new_privs"))?;
    }
    if let Some((_, gid, groups)) = &job.program.identity {
        let groups: Vec<_> = groups.iter().map(|group| nix::unistd::Gid::from_raw(*group)).collect();
        nix::unistd::setgroups(&groups).map_err(|error| ("groups", error.into()))?;
        let gid = nix::unistd::Gid::from_raw(*gid);
        nix::unistd::setresgid(gid, gid, gid).map_err(|error| ("group", error.into()))?;
    }
    filtered(job, to_supervisor).map_err(at("system call filter"))?;
    if let Some((uid, ..)) = &job.program.identity {
        let uid = nix::unistd::Uid::from_raw(*uid);
        nix::unistd::setresuid(uid, uid, uid).map_err(|error| ("account", error.into()))?;
    }
    rustix::process::umask(rustix::fs::Mode::from_raw_mode(job.program.umask));
    std::env::set_current_dir(&job.program.directory).map_err(at("directory"))?;
    kernel::reset_signals();
    Ok(())
}

fn filtered(job: &Job, to_supervisor: &OwnedFd) -> io::Result<()> {
    let program = filter::build(job.profile);
    let killable = if job.attached {
        Err(io::ErrorKind::Unsupported.into())
    } else {
        kernel::install_filter(&program, kernel::Wait::Killable)
    };
    let (listener, killable) = match killable {
        Ok(listener) => (listener, true),
        Err(_) => (kernel::install_filter(&program, kernel::Wait::Interruptible)?, false),
    };
    wire::send(to_supervisor, &Word::Filtered { killable }, &[listener.as_fd()])?;
    Ok(())
}

/// execve(2) of each candidate until one is there, as execvp(3) walks PATH.
fn run(job: &Job) -> io::Error {
    let texts = |list: &[Vec<u8>]| -> Result<Vec<CString>, std::ffi::NulError> {
        list.iter().map(|text| CString::new(text.as_slice())).collect()
    };
    let (Ok(candidates), Ok(argv), Ok(environment)) =
        (texts(&job.program.candidates), texts(&job.program.argv), texts(&job.program.environment))
    else {
        return io::ErrorKind::InvalidInput.into();
    };
    let mut worst = io::Error::from_raw_os_error(libc::ENOENT);
    for candidate in &candidates {
        let Err(errno) = nix::unistd::execve(candidate, &argv, &environment);
        match errno {
            nix::errno::Errno::ENOENT | nix::errno::Errno::ENOTDIR => {}
            nix::errno::Errno::EACCES => worst = errno.into(),
            other => return other.into(),
        }
    }
    worst
}
