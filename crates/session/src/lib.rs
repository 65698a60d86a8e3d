//! One terminal session: a backend, its recorder, its screen and its viewers, in one task.
//!
//! [`open`] starts the backend and returns a [`Handle`]; everything else is a [`Command`] to the
//! session's own task, so there is one owner and no lock. Attaching is one turn of that task: the
//! snapshot and the subscription come from the same step.
//!
//! This crate must not know sockets, tokens, connections or the log's format. It hands encoded
//! replies and output to an [`Outbox`], and tells what happened through [`Happening`]s.

#![forbid(unsafe_code)]

mod actor;
mod backend;
mod budget;
mod clock;
mod command;
mod config;
mod dial;
mod error;
mod event;
mod guard;
mod handle;
mod input;
mod open;
mod outbox;
mod ring;
mod viewer;

#[cfg(test)]
mod tests;

pub use budget::ScrollbackBudget;
pub use clock::Clock;
pub use command::{
    Acknowledge, Attach, Command, Controlling, EndReason, Input, Leave, Look, PromptAnswer, PromptReply,
    Requester, Resize, Scrollback,
};
pub use config::Config;
pub use dial::{Dial, Dialler};
pub use error::Error;
pub use event::{Controlled, Happening, Happenings, Viewing};
pub use guard::Guarding;
pub use handle::{Handle, Identity};
pub use open::{Bounds, Open, Running, Start, open};
pub use outbox::{Chunk, Item, Outbox, Responder};
pub use viewer::ViewerKey;
