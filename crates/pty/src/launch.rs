//! The step from "a program to run" to a running process. All `unsafe` of the crate but one line is here.
//!
//! The new process is made with clone(2), not fork(3). As the same account it borrows our memory
//! until exec (`CLONE_VM`): starting a program costs the same however much memory the daemon
//! holds. As another account it gets a copy: a process of that account could otherwise reach the
//! daemon's memory through it between the change of identity and the exec. In both cases our
//! thread waits until the exec succeeded or failed (`CLONE_VFORK`).
//!
//! Every signal is blocked in our thread meanwhile, so in the new process too, and it puts every
//! disposition back to the default before it unblocks them: no handler of the daemon ever runs in
//! the new process.
#![allow(unsafe_code)]

mod in_child;
mod view;

use std::ffi::{CString, c_char, c_int, c_void};
use std::io;
use std::os::fd::{BorrowedFd, FromRawFd, OwnedFd};
use std::ptr;

use rustix::process::Pid;

/// Bytes of stack for the new process until its exec: a few frames of calls.
const STACK_BYTES: usize = 64 * 1024;
/// At least the largest page of the supported machines; a guard below the stack.
const GUARD_BYTES: usize = 64 * 1024;
/// Bytes of the kernel's signal set, rt_sigprocmask(2).
const KERNEL_SET_BYTES: usize = 8;

/// A program to run, in the form that system calls take.
pub(crate) struct Plan<'a> {
    /// Full names to try one after the other, as execvp(3) walks PATH.
    pub(crate) candidates: Vec<CString>,
    pub(crate) argv: Vec<CString>,
    /// `NAME=value` each.
    pub(crate) environment: Vec<CString>,
    pub(crate) directory: CString,
    /// The program's end of the terminal; its number is above 2.
    pub(crate) slave: BorrowedFd<'a>,
    /// Resource (`RLIMIT_…`), soft and hard limit.
    pub(crate) limits: Vec<(u32, u64, u64)>,
    pub(crate) umask: u32,
    pub(crate) surroundings: Surroundings,
    /// Whom to become; `None` stays who we are.
    pub(crate) identity: Option<Identity>,
}

/// What is around it: most programs have nothing special here.
#[derive(Default)]
pub(crate) struct Surroundings {
    pub(crate) read_only: Vec<CString>,
    /// Directories of its own.
    pub(crate) private: Vec<CString>,
    /// `cgroup.procs` of the group that it joins.
    pub(crate) group: Option<OwnedFd>,
}

impl Plan<'_> {
    /// Only one place to look: its error is the one to report, whatever it is.
    fn has_one_candidate(&self) -> bool {
        self.candidates.len() == 1
    }
}

pub(crate) struct Identity {
    pub(crate) uid: u32,
    pub(crate) gid: u32,
    pub(crate) groups: Vec<u32>,
}

/// What the new process was doing when it failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(i32)]
pub(crate) enum Step {
    Session = 1,
    Stdio,
    ControllingTerminal,
    Descriptors,
    Limits,
    Groups,
    Group,
    User,
    Directory,
    Exec,
    ControlGroup,
    Namespace,
    ReadOnly,
    Private,
}

const STEPS: [Step; 14] = [
    Step::Session,
    Step::Stdio,
    Step::ControllingTerminal,
    Step::Descriptors,
    Step::Limits,
    Step::Groups,
    Step::Group,
    Step::User,
    Step::Directory,
    Step::Exec,
    Step::ControlGroup,
    Step::Namespace,
    Step::ReadOnly,
    Step::Private,
];

/// Why there is no new program.
pub(crate) enum Failure {
    /// There was not even a process.
    NoProcess(io::Error),
    Failed(Step, io::Error),
}

/// How the new process tells us that it failed. It lies in memory that both see in either mode.
#[repr(C)]
struct Report {
    /// A [`Step`], 0 while nothing failed.
    step: c_int,
    errno: c_int,
}

/// All that the new process reads. It allocates nothing, so all is laid out here before.
struct Job<'a> {
    plan: &'a Plan<'a>,
    candidates: Vec<*const c_char>,
    argv: Vec<*const c_char>,
    environment: Vec<*const c_char>,
    report: *mut Report,
}

/// Runs `plan`; blocks until the exec succeeded or failed. The process is the caller's to reap.
pub(crate) fn launch(plan: &Plan<'_>) -> Result<(Pid, OwnedFd), Failure> {
    keep_exit_statuses();
    let stack = Stack::map().map_err(Failure::NoProcess)?;
    let job = Job {
        plan,
        candidates: pointers(&plan.candidates),
        argv: pointers(&plan.argv),
        environment: pointers(&plan.environment),
        report: stack.report(),
    };
    let (pid, pidfd) = {
        let _blocked = SignalsBlocked::all();
        clone_into(&stack, &job).map_err(Failure::NoProcess)?
    };
    // SAFETY: the mapping is alive and aligned, and its only other user is gone: CLONE_VFORK
    // returned, so the new process has left our memory by exec or exit.
    let report = unsafe { ptr::read_volatile(stack.report()) };
    let Some(step) = STEPS.iter().find(|step| **step as c_int == report.step) else {
        return Ok((pid, pidfd));
    };
    let reap = rustix::process::WaitIdOptions::EXITED;
    let child = rustix::process::WaitId::PidFd(std::os::fd::AsFd::as_fd(&pidfd));
    // It is exiting: this does not wait, and its status says nothing that the report does not.
    let _ = rustix::process::waitid(child, reap);
    let cause = io::Error::from_raw_os_error(report.errno);
    Err(Failure::Failed(*step, cause))
}

fn clone_into(stack: &Stack, job: &Job<'_>) -> io::Result<(Pid, OwnedFd)> {
    let mut flags = libc::CLONE_VFORK | libc::CLONE_PIDFD | libc::SIGCHLD;
    if job.plan.identity.is_none() {
        flags |= libc::CLONE_VM;
    }
    let mut pidfd: c_int = -1;
    // SAFETY: the stack is mapped, aligned and used by nobody else; `job` and all it points to
    // outlive the call, which returns only after exec or exit (CLONE_VFORK); `in_child` keeps to
    // system calls and never returns into our frames; CLONE_PIDFD makes the kernel write one int
    // through the next argument, which is `pidfd`.
    let pid = unsafe {
        libc::clone(
            in_child::in_child,
            stack.top(),
            flags,
            ptr::from_ref(job).cast_mut().cast::<c_void>(),
            &raw mut pidfd,
        )
    };
    if pid < 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: clone succeeded, so the kernel opened this descriptor for us and nobody else has it.
    let pidfd = unsafe { OwnedFd::from_raw_fd(pidfd) };
    let pid = Pid::from_raw(pid).expect("clone returns a pid above 0 to the parent");
    Ok((pid, pidfd))
}

/// A process that was itself started with SIGCHLD ignored would never learn an exit status: the
/// kernel reaps at once (waitpid(2), notes). Nothing is lost by the default: it ignores too.
fn keep_exit_statuses() {
    // SAFETY: sigaction is plain old data; both calls read and write only what is passed, and the
    // disposition is changed only from "ignore" to the default.
    unsafe {
        let mut now: libc::sigaction = std::mem::zeroed();
        if libc::sigaction(libc::SIGCHLD, ptr::null(), &raw mut now) == 0
            && (now.sa_sigaction == libc::SIG_IGN || now.sa_flags & libc::SA_NOCLDWAIT != 0)
        {
            now.sa_flags &= !libc::SA_NOCLDWAIT;
            if now.sa_sigaction == libc::SIG_IGN {
                now.sa_sigaction = libc::SIG_DFL;
            }
            libc::sigaction(libc::SIGCHLD, &raw const now, ptr::null_mut());
        }
    }
}

/// A list for exec: a pointer to each, then null.
fn pointers(texts: &[CString]) -> Vec<*const c_char> {
    texts.iter().map(|text| text.as_ptr()).chain([ptr::null()]).collect()
}

/// A guard, a stack, and above it the report; shared, so that a copied process reports too.
struct Stack {
    base: *mut c_void,
}

impl Stack {
    const BYTES: usize = GUARD_BYTES + STACK_BYTES;

    fn map() -> io::Result<Self> {
        // SAFETY: a new anonymous mapping touches no memory that is in use.
        let base = unsafe {
            libc::mmap(
                ptr::null_mut(),
                Self::BYTES,
                libc::PROT_READ | libc::PROT_WRITE,
                libc::MAP_SHARED | libc::MAP_ANONYMOUS | libc::MAP_STACK,
                -1,
                0,
            )
        };
        if base == libc::MAP_FAILED {
            return Err(io::Error::last_os_error());
        }
        let stack = Self { base };
        // SAFETY: the range is the lower part of the mapping just made; nothing points into it.
        if unsafe { libc::mprotect(base, GUARD_BYTES, libc::PROT_NONE) } != 0 {
            return Err(io::Error::last_os_error());
        }
        Ok(stack)
    }

    /// Zeroed by the kernel, which is "nothing failed"; aligned, as 64 bytes below a page's end.
    fn report(&self) -> *mut Report {
        self.base.wrapping_byte_add(Self::BYTES - 64).cast()
    }

    /// Stacks grow down: from the report, whose address is a multiple of 16 as the ABIs ask.
    fn top(&self) -> *mut c_void {
        self.report().cast()
    }
}

impl Drop for Stack {
    fn drop(&mut self) {
        // SAFETY: the mapping is ours, and the process that used it has left it.
        unsafe { libc::munmap(self.base, Self::BYTES) };
    }
}

/// Blocks every signal for this thread until dropped. The kernel's call, not the C library's,
/// which leaves two of its own out.
struct SignalsBlocked {
    before: u64,
}

impl SignalsBlocked {
    fn all() -> Self {
        Self { before: set_mask(u64::MAX) }
    }
}

impl Drop for SignalsBlocked {
    fn drop(&mut self) {
        set_mask(self.before);
    }
}

/// Sets this thread's signal mask and returns the old one.
fn set_mask(mask: u64) -> u64 {
    let mut before: u64 = 0;
    // SAFETY: the kernel's signal set is 8 bytes, read from `mask` and written to `before`. It
    // fails only for a wrong size or address.
    unsafe {
        libc::syscall(
            libc::SYS_rt_sigprocmask,
            libc::SIG_SETMASK,
            &raw const mask,
            &raw mut before,
            KERNEL_SET_BYTES,
        )
    };
    before
}
