//! The system calls of the gate that no safe wrapper has: seccomp(2), ptrace(2) events, fork(2).
//! Each function is safe to call; the reasons stand at each block.
#![allow(unsafe_code)]

mod memory;

use std::fs::File;
use std::io;
use std::mem::MaybeUninit;
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd};

use libc::{c_int, c_long, c_uint, c_ulong, pid_t, sock_filter};

pub(super) use memory::{Memory, stack_pointer};

/// `_IOWR('!', 0, struct seccomp_notif)` and its neighbours, linux/seccomp.h.
const NOTIF_RECV: c_ulong = 0xc050_2100;
const NOTIF_SEND: c_ulong = 0xc018_2101;
const NOTIF_ID_VALID: c_ulong = 0x4008_2102;
const NOTIF_SET_FLAGS: c_ulong = 0x4008_2104;
/// `SECCOMP_USER_NOTIF_FD_SYNC_WAKE_UP`, Linux 6.6: the two sides of a notification take turns, so
/// they may share a processor.
const SYNC_WAKE_UP: u64 = 1;

/// A system call that waits for an answer.
#[derive(Debug, Clone, Copy)]
pub(super) struct Notification {
    pub(super) id: u64,
    /// The thread that made it.
    pub(super) tid: pid_t,
    pub(super) number: c_long,
    pub(super) arguments: [u64; 6],
}

/// What a traced or own process did, waitpid(2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Change {
    Exited(i32),
    Signalled(i32),
    /// Stopped after an exec that succeeded.
    Loaded,
    /// Any other ptrace stop that is not a signal's: the group stops, goes on, or we asked for it. With
    /// the signal that the group stops by; SIGTRAP when it does not.
    Stopped(c_int),
    /// Stopped before the delivery of this signal.
    Signal(c_int),
}

/// Whether fatal signals alone end the wait for an answer once it was read (Linux 5.19).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wait {
    Killable,
    Interruptible,
}

/// Puts the calling process and all it starts under `program`; gives the listener.
pub(super) fn install_filter(program: &[sock_filter], wait: Wait) -> io::Result<OwnedFd> {
    let mut flags = libc::SECCOMP_FILTER_FLAG_NEW_LISTENER;
    if wait == Wait::Killable {
        flags |= libc::SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV;
    }
    let len = u16::try_from(program.len()).map_err(|_| io::ErrorKind::InvalidInput)?;
    let program = libc::sock_fprog { len, filter: program.as_ptr().cast_mut() };
    // SAFETY: the kernel reads `len` instructions through the pointer, which is a live slice of that
    // length, and writes nothing.
    let fd =
        unsafe { libc::syscall(libc::SYS_seccomp, libc::SECCOMP_SET_MODE_FILTER, flags, &raw const program) };
    let fd = c_int::try_from(checked(fd)?).map_err(|_| io::ErrorKind::InvalidData)?;
    // SAFETY: the call succeeded, so this is a new descriptor that nobody else has.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

/// Whether the kernel can ask a supervisor (Linux 5.0).
pub(super) fn can_notify() -> bool {
    let action: u32 = libc::SECCOMP_RET_USER_NOTIF;
    // SAFETY: the kernel reads four bytes of `action`.
    unsafe { libc::syscall(libc::SYS_seccomp, libc::SECCOMP_GET_ACTION_AVAIL, 0, &raw const action) == 0 }
}

/// Better speed where the kernel knows it; nothing is lost where it does not.
pub(super) fn wake_in_turns(listener: &OwnedFd) {
    // SAFETY: the request takes its flags by value.
    unsafe { libc::ioctl(listener.as_raw_fd(), NOTIF_SET_FLAGS, SYNC_WAKE_UP) };
}

/// The next call that waits. `NotFound`: it was withdrawn meanwhile. It blocks when none waits.
pub(super) fn receive(listener: &OwnedFd) -> io::Result<Notification> {
    // SAFETY: an all-zero `seccomp_notif` is valid, and the kernel asks for it to be zero.
    let mut notif: libc::seccomp_notif = unsafe { MaybeUninit::zeroed().assume_init() };
    // SAFETY: the request writes one `seccomp_notif`, which is what the pointer leads to.
    let result = unsafe { libc::ioctl(listener.as_raw_fd(), NOTIF_RECV, &raw mut notif) };
    checked(result.into())?;
    Ok(Notification {
        id: notif.id,
        tid: pid_t::try_from(notif.pid).map_err(|_| io::ErrorKind::InvalidData)?,
        number: notif.data.nr.into(),
        arguments: notif.data.args,
    })
}

/// Whether the call still waits: what was read of its process before this was read of the right one.
pub(super) fn still_waits(listener: &OwnedFd, id: u64) -> bool {
    // SAFETY: the request reads the eight bytes of `id`.
    unsafe { libc::ioctl(listener.as_raw_fd(), NOTIF_ID_VALID, &raw const id) == 0 }
}

/// Lets the call run. `NotFound`: it does not wait any more.
pub(super) fn let_run(listener: &OwnedFd, id: u64) -> io::Result<()> {
    let flags = libc::SECCOMP_USER_NOTIF_FLAG_CONTINUE as u32;
    answer(listener, libc::seccomp_notif_resp { id, val: 0, error: 0, flags })
}

/// Makes the call fail with `errno`.
pub(super) fn refuse(listener: &OwnedFd, id: u64, errno: c_int) -> io::Result<()> {
    answer(listener, libc::seccomp_notif_resp { id, val: 0, error: -errno, flags: 0 })
}

fn answer(listener: &OwnedFd, response: libc::seccomp_notif_resp) -> io::Result<()> {
    // SAFETY: the request reads one `seccomp_notif_resp`.
    let result = unsafe { libc::ioctl(listener.as_raw_fd(), NOTIF_SEND, &raw const response) };
    checked(result.into()).map(drop)
}

/// Traces the thread from now on: it stops after an exec, and dies if we do. `PermissionDenied`: it
/// is traced by somebody else.
pub(super) fn seize(tid: pid_t) -> io::Result<()> {
    let options = libc::PTRACE_O_TRACEEXEC | libc::PTRACE_O_EXITKILL;
    trace(libc::PTRACE_SEIZE, tid, options as c_ulong)
}

/// Makes it stop at its next way out of the kernel, which is at once after an exec that failed.
pub(super) fn interrupt(tid: pid_t) -> io::Result<()> {
    trace(libc::PTRACE_INTERRUPT, tid, 0)
}

/// Lets a stopped thread go, with `signal` (0 for none).
pub(super) fn detach(tid: pid_t, signal: c_int) -> io::Result<()> {
    trace(libc::PTRACE_DETACH, tid, signal as c_ulong)
}

/// Lets a stopped thread run on, still traced.
pub(super) fn go_on(tid: pid_t, signal: c_int) -> io::Result<()> {
    trace(libc::PTRACE_CONT, tid, signal as c_ulong)
}

/// Leaves a thread in the stop of its group, still traced, so that SIGCONT is seen.
pub(super) fn listen(tid: pid_t) -> io::Result<()> {
    trace(libc::PTRACE_LISTEN, tid, 0)
}

fn trace(request: c_uint, tid: pid_t, data: c_ulong) -> io::Result<()> {
    // SAFETY: these requests take `data` by value and neither read nor write our memory.
    let result = unsafe { libc::ptrace(request, tid, 0_usize, data) };
    checked(result).map(drop)
}

/// The number that the thread of an exec event had before the exec, which gave it its process' one.
pub(super) fn former_tid(pid: pid_t) -> io::Result<pid_t> {
    let mut tid: c_ulong = 0;
    // SAFETY: the request writes one `unsigned long`, which is what the pointer leads to.
    let result = unsafe { libc::ptrace(libc::PTRACE_GETEVENTMSG, pid, 0_usize, &raw mut tid) };
    checked(result)?;
    pid_t::try_from(tid).map_err(|_| io::ErrorKind::InvalidData.into())
}

/// The next change of a child or traced thread, without waiting. It reaps what has ended.
/// `Ok(None)`: nothing changed; `NotFound`: there is nothing left to wait for.
pub(super) fn next_change() -> io::Result<Option<(pid_t, Change)>> {
    let mut status: c_int = 0;
    // SAFETY: the kernel writes one int, `status`.
    let pid = unsafe { libc::waitpid(-1, &raw mut status, libc::__WALL | libc::WNOHANG) };
    if pid == 0 {
        return Ok(None);
    }
    if pid < 0 {
        let error = io::Error::last_os_error();
        let none_left = error.raw_os_error() == Some(libc::ECHILD);
        return Err(if none_left { io::ErrorKind::NotFound.into() } else { error });
    }
    let change = if libc::WIFEXITED(status) {
        Change::Exited(libc::WEXITSTATUS(status))
    } else if libc::WIFSIGNALED(status) {
        Change::Signalled(libc::WTERMSIG(status))
    } else {
        match status >> 16 {
            0 => Change::Signal(libc::WSTOPSIG(status)),
            libc::PTRACE_EVENT_EXEC => Change::Loaded,
            _ => Change::Stopped(libc::WSTOPSIG(status)),
        }
    };
    Ok(Some((pid, change)))
}

/// A second process that goes on from here. Only for a process with one thread, where all of the
/// library works on in the child.
pub(super) fn fork() -> io::Result<Option<pid_t>> {
    // SAFETY: the supervisor has one thread (it starts none, and checks that at its start), so no lock
    // is held by a thread that the child would not have.
    let pid = unsafe { libc::fork() };
    checked(pid.into())?;
    Ok((pid != 0).then_some(pid))
}

/// As [`fork`], but the copy is our parent's child and not ours.
pub(super) fn fork_beside() -> io::Result<Option<pid_t>> {
    let flags = libc::CLONE_PARENT | libc::SIGCHLD;
    // SAFETY: as in `fork`; without CLONE_VM it is a copy of all our memory that goes on from here. The C
    // library in it still takes us for its thread's number, which it asks for only to send itself a signal.
    let pid =
        unsafe { libc::syscall(libc::SYS_clone, c_long::from(flags), 0_usize, 0_usize, 0_usize, 0_usize) };
    let pid = pid_t::try_from(checked(pid)?).map_err(|_| io::ErrorKind::InvalidData)?;
    Ok((pid != 0).then_some(pid))
}

/// The name that ps(1) shows, at most 15 bytes.
pub(super) fn set_name(name: &std::ffi::CStr) -> io::Result<()> {
    // SAFETY: the kernel reads up to the end of the C string.
    checked(unsafe { libc::prctl(libc::PR_SET_NAME, name.as_ptr()) }.into()).map(drop)
}

/// Gives memory back that was needed once.
pub(super) fn trim_heap() {
    #[cfg(target_env = "gnu")]
    // SAFETY: it only gives pages back that nothing is allocated in.
    unsafe {
        libc::malloc_trim(0);
    }
}

/// prctl(2) with one number.
pub(super) fn set(option: c_int, value: c_ulong) -> io::Result<()> {
    // SAFETY: only called with options that take numbers.
    let result = unsafe { libc::prctl(option, value, 0 as c_ulong, 0 as c_ulong, 0 as c_ulong) };
    checked(result.into()).map(drop)
}

/// Whether what is mounted below a mount is meant too.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Below {
    Too,
    Not,
}

/// Adds `flags` (`MOUNT_ATTR_…`) to the mount at `path`, mount_setattr(2) (Linux 5.12).
pub(super) fn set_mount_flags(path: &std::ffi::CStr, flags: u64, below: Below) -> io::Result<()> {
    let below = if below == Below::Too { libc::AT_RECURSIVE } else { 0 };
    let attributes = libc::mount_attr { attr_set: flags, attr_clr: 0, propagation: 0, userns_fd: 0 };
    // SAFETY: the path is a C string, and the kernel reads as many bytes of the attributes as are told.
    let result = unsafe {
        libc::syscall(
            libc::SYS_mount_setattr,
            libc::AT_FDCWD,
            path.as_ptr(),
            below,
            &raw const attributes,
            size_of::<libc::mount_attr>(),
        )
    };
    checked(result).map(drop)
}

/// setrlimit(2), soft and hard.
pub(super) fn set_limit(resource: u32, soft: u64, hard: u64) -> io::Result<()> {
    let limit = libc::rlimit { rlim_cur: soft, rlim_max: hard };
    // SAFETY: the kernel reads one `rlimit`.
    checked(unsafe { libc::setrlimit(resource, &raw const limit) }.into()).map(drop)
}

/// Marks every descriptor from `first` on close-on-exec (Linux 5.11).
pub(super) fn close_on_exec_from(first: c_uint) -> io::Result<()> {
    let flags = libc::CLOSE_RANGE_CLOEXEC as c_int;
    // SAFETY: no descriptor is closed, so nothing that owns one is cheated.
    checked(unsafe { libc::close_range(first, c_uint::MAX, flags) }.into()).map(drop)
}

/// Default dispositions for all signals, and none blocked.
pub(super) fn reset_signals() {
    for signal in 1..=64 {
        // SAFETY: the default disposition runs no code of ours; for signals that cannot be changed
        // the call fails and changes nothing.
        unsafe { libc::signal(signal, libc::SIG_DFL) };
    }
    let none = MaybeUninit::<libc::sigset_t>::zeroed();
    // SAFETY: an all-zero set is the empty one here, and the old mask is not asked for.
    unsafe { libc::sigprocmask(libc::SIG_SETMASK, none.as_ptr(), std::ptr::null_mut()) };
}

/// Blocks `signals` and gives a descriptor that tells of them, signalfd(2).
pub(super) fn signals_as_reads(signals: &[c_int]) -> io::Result<File> {
    let mut set = MaybeUninit::<libc::sigset_t>::zeroed();
    // SAFETY: `set` is a zeroed set that lives through the calls; the numbers are of real signals.
    let fd = unsafe {
        libc::sigemptyset(set.as_mut_ptr());
        for signal in signals {
            libc::sigaddset(set.as_mut_ptr(), *signal);
        }
        libc::sigprocmask(libc::SIG_BLOCK, set.as_ptr(), std::ptr::null_mut());
        libc::signalfd(-1, set.as_ptr(), libc::SFD_CLOEXEC | libc::SFD_NONBLOCK)
    };
    checked(fd.into())?;
    // SAFETY: the call succeeded, so this is a new descriptor that nobody else has.
    Ok(unsafe { File::from_raw_fd(fd) })
}

/// Takes over a descriptor that the parent process left us under this number.
pub(super) fn inherited(number: c_int) -> io::Result<OwnedFd> {
    // SAFETY: fcntl only asks whether the descriptor is open.
    checked(unsafe { libc::fcntl(number, libc::F_GETFD) }.into())?;
    // SAFETY: it is open. A borrow that ends with this statement; the copy is ours.
    let fd = unsafe { BorrowedFd::borrow_raw(number) }.try_clone_to_owned()?;
    Ok(fd)
}

fn checked(result: c_long) -> io::Result<c_long> {
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(result) }
}

/// The version of Landlock that the kernel speaks, landlock_create_ruleset(2); 0 for none.
pub(super) fn landlock_version() -> i64 {
    const VERSION: u32 = 1;
    // SAFETY: with this flag the call takes no attributes and only answers.
    unsafe { libc::syscall(libc::SYS_landlock_create_ruleset, 0_usize, 0_usize, VERSION) }.max(0)
}

/// Makes the terminal the controlling one of the calling session leader, ioctl_tty(2).
pub(super) fn take_terminal(terminal: &OwnedFd) -> io::Result<()> {
    // SAFETY: the request takes its argument by value.
    checked(unsafe { libc::ioctl(terminal.as_raw_fd(), libc::TIOCSCTTY, 0) }.into()).map(drop)
}

/// Takes `[start, end)`, which holds nothing but unchanged pages of a file that is mapped read-only,
/// out of our memory; what is used again is read again.
fn forget(start: usize, end: usize) {
    // SAFETY: the caller read in proc_pid_smaps(5) that this private mapping is backed by a file, not
    // writable, and has no page of its own (`Anonymous: 0`), so madvise(2) MADV_DONTNEED loses nothing:
    // the next access finds the same bytes in the file, which cannot be written while it runs (ETXTBSY)
    // or is a library that the system replaces by renaming.
    unsafe { libc::madvise(start as *mut libc::c_void, end - start, libc::MADV_DONTNEED) };
}

/// Forgets all that the start of this program needed of its files. There is one such process for each
/// session, and most of what is in its memory then is what the loader looked at once.
pub(super) fn forget_clean_pages() {
    let smaps = std::fs::read_to_string("/proc/self/smaps").unwrap_or_default();
    let mut mapping = None;
    for line in smaps.lines() {
        if let Some(found) = read_only_file(line) {
            mapping = found;
        } else if let (Some((start, end)), Some(size)) = (mapping, line.strip_prefix("Anonymous:"))
            && size.trim() == "0 kB"
        {
            forget(start, end);
        }
    }
}

/// The range of a private mapping of a file that cannot be written, from the first line of its entry;
/// `Some(None)` for any other mapping, `None` for any other line.
fn read_only_file(line: &str) -> Option<Option<(usize, usize)>> {
    let mut fields = line.split_ascii_whitespace();
    let (start, end) = fields.next()?.split_once('-')?;
    let (start, end) = (usize::from_str_radix(start, 16).ok()?, usize::from_str_radix(end, 16).ok()?);
    let permissions = fields.next()?;
    let inode = fields.nth(2)?;
    let fits = matches!(permissions, "r--p" | "r-xp") && inode != "0";
    Some(fits.then_some((start, end)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_unwritable_private_files_are_forgotten() {
        let file =
            |permissions: &str| format!("55d0c0000000-55d0c0001000 {permissions} 00001000 fe:00 77 /x y");
        assert_eq!(read_only_file(&file("r-xp")), Some(Some((0x55d0_c000_0000, 0x55d0_c000_1000))));
        for other in ["rw-p", "r--s", "---p", "rwxp"] {
            assert_eq!(read_only_file(&file(other)), Some(None), "{other}");
        }
        assert_eq!(read_only_file("7ffd00000000-7ffd00021000 r-xp 00000000 00:00 0 [vdso]"), Some(None));
        assert_eq!(read_only_file("Anonymous:             0 kB"), None);
    }

    #[test]
    fn a_program_goes_on_after_it_forgot() {
        forget_clean_pages();
        assert!(landlock_version() >= 0);
    }
}
