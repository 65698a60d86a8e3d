//! What can go wrong between a client and its daemon.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

use bastide_wire::{Code, DecodeError, PROTOCOL_VERSION};
use thiserror::Error;

#[derive(Debug, Error)]
pub enum Error {
    /// Nothing at the path, or nobody who listens there.
    #[error("no sessions daemon is running at {}", path.display())]
    NoDaemon { path: PathBuf },
    #[error("cannot connect to the sessions daemon at {}: {source}", path.display())]
    Connect { path: PathBuf, source: io::Error },
    #[error("cannot read the daemon's token from {}: {source}", path.display())]
    Token { path: PathBuf, source: io::Error },
    /// It accepted the connection and closed it: wrong program, or its limit of connections is reached.
    #[error("the sessions daemon at {} closed the connection before the handshake", path.display())]
    Dropped { path: PathBuf },
    #[error("the sessions daemon at {} refuses this client: {message} ({code})", path.display())]
    Refused { path: PathBuf, code: String, message: String },
    #[error("the sessions daemon speaks protocol {theirs}, this program speaks {PROTOCOL_VERSION}")]
    Version { theirs: u32 },
    /// An error reply to a request.
    #[error("{message} ({code})")]
    Reply { code: String, message: String },
    #[error("the connection to the sessions daemon is gone: {why}")]
    Closed { why: String },
    #[error("the sessions daemon did not answer {request} within {} s", after.as_secs())]
    Timeout { request: &'static str, after: Duration },
    /// An older daemon.
    #[error("the sessions daemon does not know {capability:?}, which this needs; it is an older one")]
    Unsupported { capability: &'static str },
    #[error("unreadable message from the sessions daemon: {0}")]
    Decode(#[from] DecodeError),
}

impl Error {
    /// The code of an error reply.
    pub fn code(&self) -> Option<&str> {
        match self {
            Self::Reply { code, .. } | Self::Refused { code, .. } => Some(code),
            _ => None,
        }
    }

    /// True when the daemon answered with exactly this code.
    pub fn is(&self, code: Code) -> bool {
        self.code() == Some(code.as_str())
    }

    /// True when trying again later may succeed without anybody changing anything.
    pub fn retry(&self) -> bool {
        match self {
            Self::NoDaemon { .. }
            | Self::Connect { .. }
            | Self::Dropped { .. }
            | Self::Closed { .. }
            | Self::Timeout { .. } => true,
            Self::Reply { .. } => self.is(Code::LimitReached) || self.is(Code::IoError),
            Self::Token { .. }
            | Self::Refused { .. }
            | Self::Version { .. }
            | Self::Unsupported { .. }
            | Self::Decode(_) => false,
        }
    }
}
