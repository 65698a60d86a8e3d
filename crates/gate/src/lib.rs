//! The SSH front door: `ssh person+server@gateway`, and what `scp`, `sftp`, `rsync` and `ssh -L` make of it.
//!
//! It translates SSH (RFC 4251 to 4254) into calls of [`bastide_app`] and back, and decides nothing: who somebody is,
//! what they may do, what is recorded and what the rules say is asked there. It must not know the database, the
//! session daemon or other machines. With `bastide-ssh` the only crate that knows `russh`.

#![forbid(unsafe_code)]

mod agent;
mod channel;
mod command;
mod entry;
mod flow;
mod guest;
mod held;
mod host_key;
mod inbox;
mod line;
mod listener;
mod menu;
mod name;
mod peer;
mod sftp;
mod terminal;

pub use host_key::{HostKey, HostKeyError};
pub use listener::serve;
pub use sftp::fuzz_sftp;
