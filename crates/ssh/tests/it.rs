//! Against real servers: OpenSSH for what it can do, one of our own for what it cannot.
#![allow(clippy::unwrap_used)]

#[path = "it/rig.rs"]
mod rig;
#[path = "it/shell.rs"]
mod shell;
