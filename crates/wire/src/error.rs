//! Error codes of the wire and the errors of its decoders.

use std::fmt;

use thiserror::Error;

/// The codes an error reply carries. Closed here, a plain string on the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Code {
    NotAuthenticated,
    AlreadyAuthenticated,
    ProtocolMismatch,
    AuthFailed,
    InvalidHandshake,
    NotFound,
    SessionTerminating,
    InvalidArgument,
    InvalidSignal,
    LimitReached,
    WrongChannel,
    StreamNotConnected,
    IoError,
    SessionError,
    ProtocolError,
    /// Ours: a viewer without write right typed.
    ReadOnly,
    /// Ours: the daemon drains and takes no new session.
    Draining,
    /// Ours: a rule bundle that the daemon does not have.
    RulesUnknown,
    /// Ours: command control cannot be had as it is required.
    NotGated,
    /// Ours: this person was shown out of the session.
    Barred,
}

impl Code {
    /// The spelling on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::NotAuthenticated => "NOT_AUTHENTICATED",
            Self::AlreadyAuthenticated => "ALREADY_AUTHENTICATED",
            Self::ProtocolMismatch => "PROTOCOL_MISMATCH",
            Self::AuthFailed => "AUTH_FAILED",
            Self::InvalidHandshake => "INVALID_HANDSHAKE",
            Self::NotFound => "NOT_FOUND",
            Self::SessionTerminating => "SESSION_TERMINATING",
            Self::InvalidArgument => "INVALID_ARGUMENT",
            Self::InvalidSignal => "INVALID_SIGNAL",
            Self::LimitReached => "LIMIT_REACHED",
            Self::WrongChannel => "WRONG_CHANNEL",
            Self::StreamNotConnected => "STREAM_NOT_CONNECTED",
            Self::IoError => "IO_ERROR",
            Self::SessionError => "SESSION_ERROR",
            Self::ProtocolError => "PROTOCOL_ERROR",
            Self::ReadOnly => "READ_ONLY",
            Self::Draining => "DRAINING",
            Self::RulesUnknown => "RULES_UNKNOWN",
            Self::NotGated => "NOT_GATED",
            Self::Barred => "BARRED",
        }
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What can be wrong with bytes from a peer.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum DecodeError {
    #[error("frame of {length} bytes exceeds the limit of {limit}")]
    TooLarge { length: usize, limit: usize },
    #[error("empty frame")]
    Empty,
    #[error("message is not a map")]
    NotAMap,
    #[error("message has no readable type and seq: {0}")]
    Head(String),
    #[error("message {kind}: {why}")]
    Body { kind: String, why: String },
    #[error("unknown message type {0:?}")]
    UnknownType(String),
}
