//! What the new process does, from clone(2) to exec. It may share the daemon's memory: system calls
//! only, no allocation, no locks, no panic.
#![allow(unsafe_code)]

use std::convert::Infallible;
use std::ffi::{c_int, c_uint, c_void};
use std::os::fd::AsRawFd;
use std::ptr;

use super::{Identity, Job, KERNEL_SET_BYTES, Report, Step, set_mask, view};

/// Signals of Linux are 1 to 64, signal(7).
const LAST_SIGNAL: c_int = 64;
const EXIT_NO_EXEC: c_int = 127;

/// The new process, on its own stack. Never returns.
pub(super) extern "C" fn in_child(job: *mut c_void) -> c_int {
    // SAFETY: `clone_into` passes a `Job` that outlives this process's time in our memory.
    let job = unsafe { &*job.cast_const().cast::<Job<'_>>() };
    let Err((step, errno)) = become_program(job);
    let report = Report { step: step as c_int, errno };
    // SAFETY: the mapping is alive and aligned; the parent reads it only after we are gone. _exit
    // runs no handlers of the daemon.
    unsafe {
        ptr::write_volatile(job.report, report);
        libc::_exit(EXIT_NO_EXEC)
    }
}

pub(super) type Failed = (Step, c_int);

/// Order matters: group, mounts and limits before the identity changes, the directory after it (its rights
/// count), signals unblocked last.
fn become_program(job: &Job<'_>) -> Result<Infallible, Failed> {
    default_dispositions();
    let surroundings = &job.plan.surroundings;
    if let Some(group) = &surroundings.group {
        // "0" is whoever writes it, cgroups(7).
        // SAFETY: a plain system call; the byte is live. The descriptor is this process's copy.
        let joined = unsafe { libc::write(group.as_raw_fd(), c"0".as_ptr().cast(), 1) };
        check(Step::ControlGroup, if joined == 1 { 0 } else { -1 })?;
    }
    view::enter(surroundings)?;
    take_terminal(job.plan.slave.as_raw_fd())?;
    for (resource, soft, hard) in &job.plan.limits {
        let limit = libc::rlimit { rlim_cur: *soft, rlim_max: *hard };
        // SAFETY: a plain system call; the pointer is to live data.
        check(Step::Limits, unsafe { libc::setrlimit(*resource, &raw const limit) })?;
    }
    // SAFETY: umask(2) cannot fail.
    unsafe { libc::umask(job.plan.umask) };
    if let Some(identity) = &job.plan.identity {
        take_identity(identity)?;
    }
    // SAFETY: a plain system call; the path is live and terminated.
    check(Step::Directory, unsafe { libc::chdir(job.plan.directory.as_ptr()) })?;
    set_mask(0);
    Err((Step::Exec, exec(job)))
}

/// Every signal to its default, ignored ones too: exec resets handlers only.
fn default_dispositions() {
    // Zero everywhere is SIG_DFL without flags in every layout the kernel knows.
    let default = [0_u64; 8];
    for signal in 1..=LAST_SIGNAL {
        // SAFETY: the kernel reads at most 64 bytes of `default`. It refuses SIGKILL and SIGSTOP,
        // which always have the default.
        unsafe {
            libc::syscall(
                libc::SYS_rt_sigaction,
                signal,
                default.as_ptr(),
                ptr::null_mut::<u64>(),
                KERNEL_SET_BYTES,
            )
        };
    }
}

/// A session of its own on the terminal, which becomes 0, 1 and 2; every other descriptor closed.
fn take_terminal(slave: c_int) -> Result<(), Failed> {
    // SAFETY: plain system calls on numbers. The descriptors closed are this process's copies:
    // clone without CLONE_FILES copies the table.
    unsafe {
        check(Step::Session, libc::setsid())?;
        for standard in 0..=2 {
            check(Step::Stdio, libc::dup2(slave, standard))?;
        }
        check(Step::ControllingTerminal, libc::ioctl(0, libc::TIOCSCTTY, 0))?;
        let closed = libc::syscall(libc::SYS_close_range, 3 as c_uint, c_uint::MAX, 0 as c_uint);
        check(Step::Descriptors, if closed == 0 { 0 } else { -1 })
    }
}

/// Groups, then group, then user: each needs the rights that the last gives up. The kernel's
/// calls: the C library's would tell the daemon's other threads to change too.
fn take_identity(identity: &Identity) -> Result<(), Failed> {
    let (uid, gid) = (identity.uid, identity.gid);
    let groups = &identity.groups;
    // SAFETY: plain system calls; the list lives as long as the plan.
    unsafe {
        let set = libc::syscall(libc::SYS_setgroups, groups.len(), groups.as_ptr());
        check(Step::Groups, if set == 0 { 0 } else { -1 })?;
        let set = libc::syscall(libc::SYS_setresgid, gid, gid, gid);
        check(Step::Group, if set == 0 { 0 } else { -1 })?;
        let set = libc::syscall(libc::SYS_setresuid, uid, uid, uid);
        check(Step::User, if set == 0 { 0 } else { -1 })
    }
}

/// Tries each candidate as execvp(3) does; returns only if all failed, with the errno to report.
fn exec(job: &Job<'_>) -> c_int {
    let mut errno = libc::ENOENT;
    for candidate in &job.candidates {
        if candidate.is_null() {
            break;
        }
        // SAFETY: all three are null-terminated lists or strings that outlive the call.
        unsafe { libc::execve(*candidate, job.argv.as_ptr(), job.environment.as_ptr()) };
        match last_errno() {
            libc::ENOENT | libc::ENOTDIR => {}
            // Where the file is there. A directory of PATH that this account may not search does
            // not make a program that is nowhere "denied".
            // SAFETY: a plain system call on a string that outlives it.
            libc::EACCES
                if job.plan.has_one_candidate() || unsafe { libc::access(*candidate, libc::F_OK) } == 0 =>
            {
                errno = libc::EACCES;
            }
            libc::EACCES => {}
            other => return other,
        }
    }
    errno
}

pub(super) fn check(step: Step, result: c_int) -> Result<(), Failed> {
    if result == -1 {
        return Err((step, last_errno()));
    }
    Ok(())
}

fn last_errno() -> c_int {
    // SAFETY: the location is this thread's (borrowed from the waiting thread until exec).
    unsafe { *libc::__errno_location() }
}
