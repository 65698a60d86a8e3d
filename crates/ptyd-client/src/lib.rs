//! The client of the session daemon: one connection, many requests and viewers on it.
//!
//! For the server, the command line and tests. It knows the wire and a unix socket; it must not know
//! what a session is made of, who may use it, or how it is shown. It never logs what it carries.
//!
//! ```no_run
//! # async fn example() -> Result<(), bastide_ptyd_client::Error> {
//! use bastide_ptyd_client::{AttachOptions, Client, Config, Create, ViewerEvent};
//!
//! let client = Client::connect(Config::new("/run/user/1000/bastide/ptyd.sock")).await?;
//! let created = client.create(Create::default()).await?;
//! let mut attachment = client.attach(created.session, AttachOptions::writer()).await?;
//! attachment.input(&b"echo hello\n"[..]).await?;
//! while let Some(event) = attachment.next().await {
//!     if let ViewerEvent::Output { pos, data } = event {
//!         attachment.ack(pos + data.len() as u64);
//!     }
//! }
//! # Ok(()) }
//! ```

#![forbid(unsafe_code)]

mod attachment;
mod config;
mod connection;
mod control;
mod error;
mod events;
mod handle;
mod mailbox;
mod pool;
mod shared;
#[cfg(test)]
mod tests;
mod together;

pub use attachment::{Answer, AttachOptions, Attachment, DEFAULT_CREDIT, ViewerEvent, Writer};
pub use bastide_wire::event::{LogEntry, Prompt};
pub use bastide_wire::pool::{PoolInfo, PooledConnection};
pub use bastide_wire::request::Create;
pub use bastide_wire::session::{ExitStatus, SessionInfo, Snapshot};
pub use bastide_wire::ssh::{PromptKind, Secret};
pub use config::{Config, TokenSource};
pub use error::Error;
pub use events::{Events, LogEvent};
pub use handle::{Client, Created, Daemon};
