//! The gate: every program start in a session is judged by the kernel's own account of it.
//!
//! A session's processes run under a seccomp(2) filter that turns execve(2) into a question to a
//! *supervisor*, a small process of its own (`bastide gate`), one for each session. It answers twice:
//!
//! * **before** the exec, from what the caller asked for: refuse, hold for approval, or go on. This
//!   decides what a person sees. It cannot be relied on: the caller may change the memory that was
//!   read (seccomp_unotify(2), "Design goals; use of `SECCOMP_USER_NOTIF_FLAG_CONTINUE`");
//! * **after** the exec, in a ptrace(2) stop before the first instruction of the new program, from
//!   what was loaded: the same function decides again, and what it refuses is killed. Nobody can
//!   change these facts: the memory is new, and no other task has it.
//!
//! Around it: a mount namespace, Landlock, and a filter that refuses what would get round all that.
//! Everything fails closed. Supervisor gone: every exec gives ENOSYS. ptyd gone: EPERM. Facts that
//! cannot be read, reports that are not: refused.
//!
//! What it does not see: code that a program loads into itself without an exec. *Closed* takes away
//! the ways to do that; *workbench* does not, and says so.

mod child;
mod confine;
mod cradle;
mod facts;
mod filter;
mod hooks;
mod kernel;
mod landlocked;
mod layers;
mod link;
mod program;
mod refusals;
mod rules;
mod spawn;
mod supervisor;
mod target;
mod watched;
mod wire;

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

pub use bastide_policy::Action;
pub use facts::{Decide, Decision, Executable, Facts};
pub use layers::{Label, Layer, Layers, Missing, layers};
pub use program::Program as Supervisor;
pub use rules::Rules;
pub use spawn::{Control, Gated, Setup, spawn};
pub use supervisor::supervise;
pub use wire::{Held, Report, Start, Verdict};

pub(crate) use watched::Watched;

/// What a gated session may run, apart from the rules.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Profile {
    /// Programs of the machine only: owned by root, on mounts that the session cannot write to; no
    /// `LD_…`; no new executable memory, so no just-in-time compilers.
    Closed,
    /// Own programs may run: compilers, `./configure`, virtual environments work. Preloading and a
    /// direct ld.so are refused.
    Workbench,
}

/// Where a session may write and what it must not see.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Confinement {
    /// Directories it may write to, beside its home, `/tmp`, `/var/tmp`, `/run` and `/dev/shm`; and
    /// devices beside terminals, null and random.
    pub writable: Vec<PathBuf>,
    /// Directories with programs, beside the usual ones. Their owner is trusted as root is.
    pub executable: Vec<PathBuf>,
    /// Files and directories that it must not reach: ptyd's runtime and state directories.
    pub hidden: Vec<PathBuf>,
    /// What it must not change, with everything below. Absolute, without symbolic links.
    #[serde(default)]
    pub read_only: Vec<PathBuf>,
    /// `None`: no limit. Otherwise the TCP ports it may connect to and listen on.
    pub tcp: Option<Tcp>,
}

/// TCP ports.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tcp {
    pub connect: Vec<u16>,
    pub listen: Vec<u16>,
}

/// Where a shell tells the line that it is about to run, as `argv[1]` the shell's name and as
/// `argv[2]` the line. There is no such program: the question itself is the message, the answer is
/// "not found".
pub const LINE_PATH: &str = "/run/bastide-line";
