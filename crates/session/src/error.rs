//! Why a session could not be opened.

use bastide_wire::Code;
use thiserror::Error;

#[derive(Debug, Error)]
pub enum Error {
    #[error("{0}")]
    Spawn(#[source] bastide_pty::Error),
    #[error("recording is required and cannot be written: {0}")]
    Recording(#[source] bastide_record::Error),
    #[error("terminal end of the session failed: {0}")]
    Terminal(#[source] std::io::Error),
}

impl Error {
    /// The code an error reply carries for it.
    pub fn code(&self) -> Code {
        match self {
            Self::Spawn(e) if e.fault() == bastide_pty::Fault::Caller => Code::InvalidArgument,
            Self::Spawn(_) => Code::SessionError,
            Self::Recording(_) | Self::Terminal(_) => Code::IoError,
        }
    }
}
