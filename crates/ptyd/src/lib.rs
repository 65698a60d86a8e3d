//! The session daemon: listener, connections, dispatch, and the log around sessions.
//!
//! [`run`] is the whole process but for its command line. It owns every session of this machine's
//! user and is alone on its socket. It must not know HTTP, people's accounts or rules: whoever
//! holds the token may do everything on this wire, and the server decides who that is.

#![forbid(unsafe_code)]

mod config;
mod connection;
mod create;
mod daemon;
mod dispatch;
mod error;
mod files;
mod journal;
mod kin;
mod limits;
mod listener;
mod registry;
mod rules;
mod run;
mod streams;
mod trim;
mod writer;

pub use config::{Config, DEFAULT_SOCKET_NAME, ENVIRONMENT, Flags};
pub use error::Error;
pub use run::{Ready, run};
