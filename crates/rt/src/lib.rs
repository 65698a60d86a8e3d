//! What every process is made of: named tasks, phases of shutdown, signals, configuration from
//! file, environment and flags, logging, and the directories of the user.
//!
//! It must not know what a process is for: no terminals, sessions, wire messages or settings of a
//! particular process, only the ways to hold them.

pub mod config;
mod local;
pub mod logging;
pub mod paths;
mod shutdown;
mod signals;
mod tasks;

pub use local::{LocalReader, LocalWriter, halves};
pub use shutdown::{Deadlines, Ending, Phase, Shutdown};
pub use signals::{Hangup, Received, Signals};
pub use tasks::{Ended, Panics, Task, Tasks};
