//! The daemon as a process of its own, with real programs, looked at from outside.
//!
//! The clients in `tests/clients` cover the protocol; here is what needs the machine around it:
//! disks that are full, daemons that die, directories, other daemons, limits.
#![allow(clippy::unwrap_used)]
// The daemon that is tested tells its starter on standard error.
#![allow(clippy::print_stderr)]

#[path = "it/client.rs"]
mod client;
#[path = "it/daemon.rs"]
mod daemon;
#[path = "it/ending.rs"]
mod ending;
#[path = "it/evidence.rs"]
mod evidence;
#[path = "it/limits.rs"]
mod limits;
#[path = "it/places.rs"]
mod places;
#[path = "it/sessions.rs"]
mod sessions;
