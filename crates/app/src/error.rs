//! What a use case can fail with. An edge maps every variant; there is no catch-all.

use std::io;
use std::path::PathBuf;

use thiserror::Error;
use uuid::Uuid;

#[derive(Debug, Error)]
pub enum Error {
    #[error("log in first: run `bastide login-link` on the machine for a link")]
    NotLoggedIn,
    #[error("this login link is used, expired or unknown: run `bastide login-link` for a new one")]
    LinkRefused,
    #[error("no session {0}")]
    SessionNotFound(Uuid),
    #[error("{0}")]
    Invalid(String),
    #[error("limit reached: {0}")]
    Limit(String),
    #[error("this attachment may only watch")]
    ReadOnly,
    #[error("the session daemon is not reachable: {0}")]
    DaemonUnreachable(String),
    #[error("the session daemon answered {code}: {message}")]
    Daemon { code: String, message: String },
    #[error("nothing was done, because the audit log cannot be written: {0}")]
    Journal(String),
    #[error("{doing} {path}: {source}", path = path.display())]
    File { doing: &'static str, path: PathBuf, source: io::Error },
    #[error("the server is stopping")]
    Stopping,
}

/// Who has to act so that the same call can succeed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    Caller,
    Target,
    Us,
}

impl Error {
    pub fn fault(&self) -> Fault {
        match self {
            Self::NotLoggedIn
            | Self::LinkRefused
            | Self::SessionNotFound(_)
            | Self::Invalid(_)
            | Self::ReadOnly => Fault::Caller,
            Self::Limit(_) | Self::DaemonUnreachable(_) | Self::Daemon { .. } => Fault::Target,
            Self::Journal(_) | Self::File { .. } | Self::Stopping => Fault::Us,
        }
    }

    /// Whether the same call may succeed later without anybody changing anything.
    pub fn retry(&self) -> bool {
        matches!(self, Self::Limit(_) | Self::DaemonUnreachable(_) | Self::Stopping)
    }

    pub(crate) fn file(doing: &'static str, path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |source| Self::File { doing, path, source }
    }
}
