//! Every use case of the server: authorize, write the log, do it.
//!
//! The only place where services meet. It must not know HTTP, cookies' spelling in headers,
//! WebSockets or any other edge: edges translate and call what is here.

#![forbid(unsafe_code)]

mod access;
pub mod access_requests;
pub mod alerts;
mod app;
pub mod authorities;
mod clock;
pub mod connections;
pub mod context;
pub mod credentials;
mod daemon;
mod data_dir;
mod door;
mod error;
pub mod exec;
pub mod files;
pub mod grants;
pub mod groups;
pub mod health;
pub mod hex;
pub mod history;
pub mod host_keys;
pub mod import;
mod inputs;
pub mod inventory;
mod journal;
pub mod line;
mod live;
pub mod login;
mod news;
pub mod page;
pub mod password;
pub mod people;
pub mod reach;
pub mod recordings;
pub mod reviews;
pub mod rules;
mod secret;
pub mod servers;
pub mod session_settings;
pub mod sessions;
pub mod shares;
pub mod ssh_keys;
pub mod streams;
pub mod terminal;
pub mod together;
pub mod tokens;
pub mod vault;
pub mod verdicts;

pub use access::{Network, page::page as rights_page, page::role_may};
pub use app::{App, Config, SshDoor};
pub use bastide_policy as policy;
pub use bastide_store as store;
pub use clock::Clock;
pub use context::{Action, Caller, Ctx, Origin, Person, Proof, Shown};
pub use daemon::{DaemonConfig, Launch};
pub use data_dir::DataDir;
pub use error::{
    Closed, Conflict, DaemonError, Error, Fault, Forbidden, LoginError, NoShellHere, Storage, Thing,
    Together, TooMany, What,
};
pub use live::Table;
pub use news::Now;
pub use terminal::Terminal;
