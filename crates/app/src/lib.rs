//! Every use case of the server: authorize, write the log, do it.
//!
//! The only place where services meet. It must not know HTTP, cookies' spelling in headers,
//! WebSockets or any other edge: edges translate and call what is here.

#![forbid(unsafe_code)]

mod app;
mod clock;
pub mod context;
mod daemon;
mod data_dir;
mod door;
mod error;
mod hex;
mod inputs;
mod journal;
mod key;
mod live;
pub mod login;
pub mod sessions;
pub mod terminal;

pub use app::{App, Config};
pub use clock::Clock;
pub use context::{Action, Caller, Ctx};
pub use daemon::{DaemonConfig, Launch};
pub use data_dir::DataDir;
pub use error::{Error, Fault};
pub use live::Table;
pub use terminal::Terminal;
