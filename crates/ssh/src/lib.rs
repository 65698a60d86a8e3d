//! SSH connections to other machines: dial, pool, shells, commands and streams. With the door (`bastide-gate`) the only
//! crate that knows `russh`.
//!
//! It must not know sessions, people or the database: whom to reach, how to log in and which host keys are accepted
//! comes with each call, as [`bastide_wire::ssh::Ssh`]; what only a person can answer goes through [`Ask`].
//!
//! A [`Pool`] shares one connection among all shells and commands of the same way (hops, accounts, credentials,
//! isolation key). A [`Shell`] has the shape of a local terminal's master and process, so that whoever drives one
//! can drive the other.

#![forbid(unsafe_code)]

mod agent;
mod algorithms;
mod ask;
mod callbacks;
mod channel;
mod config;
mod connection;
mod dial;
mod error;
mod exec;
mod hostkey;
mod keys;
mod login;
mod patience;
mod pool;
mod sftp;
mod shell;
mod stream;
mod transport;

pub use agent::{Later, Lender, Talk, ask_agent};
pub use ask::{Answer, Ask, NobodyToAsk, Question};
pub use channel::Exit;
pub use config::Config;
pub use connection::ConnectionInfo;
pub use error::Error;
pub use exec::{Exec, Output, Running};
pub use keys::{
    BadKey, KeyFacts, PublicFacts, fuzz_keys, parse_certificate, parse_private_key, parse_public_key,
};
pub use pool::{Dials, Pool};
pub use sftp::{Entry, Handle, Reading, Sftp, SftpError, Space, WRITE_AHEAD, Writing, fuzz_answers};
pub use shell::{Shell, ShellOptions};
pub use stream::{Start, Stream};
