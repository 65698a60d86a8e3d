//! Against real servers: OpenSSH for what it can do, one of our own for what it cannot.
#![allow(clippy::unwrap_used)]

#[path = "it/dial.rs"]
mod dial;
#[path = "it/exec.rs"]
mod exec;
#[path = "it/hostkey.rs"]
mod hostkey;
#[path = "it/login.rs"]
mod login;
#[path = "it/pool.rs"]
mod pool;
#[path = "it/rig.rs"]
mod rig;
#[path = "it/sftp.rs"]
mod sftp;
#[path = "it/shell.rs"]
mod shell;
#[path = "it/weight.rs"]
mod weight;
