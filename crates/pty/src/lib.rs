//! Terminals of this machine: a program on a pseudo-terminal, started, resized, signalled, reaped.
//!
//! [`spawn`] gives a [`Child`]: a [`Master`], the end of the terminal that bytes go through, and a
//! [`Process`], the program itself. Both are descriptors under tokio's reactor: no thread and no
//! timer belongs to a child, and a quiet one causes no wake-up.
//!
//! [`gate::spawn`] starts a program whose whole tree is judged, exec by exec, by rules.
//!
//! It is the only crate with `unsafe` code, in `launch`, `reactor` and `gate::kernel`, and it needs
//! Linux 5.9 (close_range, pidfds).
//! It must not know of sessions as the daemon means them: no screens, viewers, recordings, wire
//! messages or settings. It reads terminal bytes only to hand them on, and logs nothing.

#[cfg(not(target_os = "linux"))]
compile_error!("bastide-pty is written for Linux: pidfd, close_range, /proc");
#[cfg(not(target_pointer_width = "64"))]
compile_error!("the identity system calls of 32-bit Linux take 16-bit ids: not supported");

mod account;
pub mod cgroup;
mod child;
mod environment;
mod error;
pub mod gate;
mod host;
mod launch;
mod master;
mod process;
mod reactor;
mod sessions;
mod signal;
mod terminal;

pub use account::{Account, may_run_as};
pub use child::{Child, Limits, Spawn, View, spawn};
pub use environment::{environment, withholds};
pub use error::{Error, Fault};
pub use host::{cwd_of, raise_open_file_limit};
pub use master::Master;
pub use process::{Exit, Process};
pub use sessions::Sessions;
pub use signal::{Signal, UnknownSignal};
pub use terminal::Size;
