//! The words between processes: ptyd frames, WebSocket messages, events.
//!
//! Types and codecs only. This crate does no I/O, starts no task and knows no clock; it must not
//! know sessions, sockets or policy. Everything here may come from outside, so every decoder is
//! bounded and returns an error instead of panicking.
//!
//! `docs/wire.md` describes the same protocol for people who write clients.

#![forbid(unsafe_code)]

pub mod bytes_field;
pub mod control;
pub mod error;
pub mod event;
pub mod file_name;
pub mod frame;
pub mod fuzz;
pub mod line;
pub mod pool;
pub mod reply;
pub mod request;
pub mod session;
pub mod sftp;
pub mod spec;
pub mod ssh;
pub mod terminal;
pub mod together;

pub use error::{Code, DecodeError};
pub use event::Event;
pub use frame::{Frames, MAX_INPUT_FRAME, MAX_OUTPUT_FRAME};
pub use reply::Reply;
pub use request::{Extension, Head, Request};
pub use session::{SessionInfo, Snapshot};
pub use spec::Spec;

/// Version of the daemon's protocol; the only one there has been.
pub const PROTOCOL_VERSION: u32 = 1;

/// What a handshake may name beyond the first protocol. Both sides name what they know; the
/// intersection holds for the connection.
pub mod capability {
    /// Several viewers per session with positions, credit, `resized`, `lagged`, `notice`.
    pub const VIEWERS: &str = "viewers";
    /// `subscribe` and the daemon's log as `event`.
    pub const EVENTS: &str = "events";
    /// `create` with `uid`, `name`, `argv`, `spec`; `end`; `drain`.
    pub const SPEC: &str = "spec";

    /// Sessions whose backend is on another machine: `spec.ssh`.
    pub const BACKEND_SSH: &str = "backend_ssh";
    /// Questions to a person: `prompt`, `prompt_closed`, `prompt_reply`.
    pub const PROMPTS: &str = "prompts";

    /// Command control: `put_rules`, `set_rules`, `review_reply`, `review_cancel`, `spec.rules`, notices of
    /// kind `command`.
    pub const RULES: &str = "rules";

    /// The daemon's own connections to other machines: `connections`, `connection_end`.
    pub const CONNECTIONS: &str = "connections";

    /// Several people in one session: `keyboard`, `keyboard_ask`, `viewer_end`, `say`, `end_soon`, and who a
    /// viewer is.
    pub const TOGETHER: &str = "together";

    /// Everything this release speaks.
    pub const ALL: [&str; 8] = [VIEWERS, EVENTS, SPEC, BACKEND_SSH, PROMPTS, RULES, CONNECTIONS, TOGETHER];
}
