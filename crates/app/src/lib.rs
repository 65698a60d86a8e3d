//! Every use case of the server: authorize, write the log, do it.
//!
//! The only place where services meet. It must not know HTTP, cookies' spelling in headers,
//! WebSockets or any other edge: edges translate and call what is here.

#![forbid(unsafe_code)]

pub mod clock;
pub mod data_dir;
pub mod error;
mod hex;
mod inputs;
mod key;
pub mod login;

pub use clock::Clock;
pub use data_dir::DataDir;
pub use error::{Error, Fault};
