//! Why the daemon does not start or ends badly. Each says what, where, and what to do.

use std::io;
use std::path::PathBuf;

use thiserror::Error;

#[derive(Debug, Error)]
pub enum Error {
    #[error("another session daemon is running on {} (its lock is held); stop it with `bastide ptyd stop`, or choose another --socket", socket.display())]
    AlreadyRunning { socket: PathBuf },
    #[error("another program listens on {}; stop it, or choose another --socket", socket.display())]
    Taken { socket: PathBuf },
    #[error("{} exists and is no socket; remove it or choose another --socket", path.display())]
    NotASocket { path: PathBuf },
    #[error("socket path {} is {length} bytes long, Linux allows {limit}; choose a shorter --socket", path.display())]
    SocketPathTooLong { path: PathBuf, length: usize, limit: usize },
    #[error("cannot {action} {}: {cause}", path.display())]
    File { action: &'static str, path: PathBuf, cause: io::Error },
    #[error("{0}")]
    Settings(String),
    #[error("{0}")]
    Directory(#[source] bastide_rt::paths::Error),
    #[error("the log in {} cannot be opened: {cause}", path.display())]
    Log { path: PathBuf, cause: Box<bastide_audit::Error> },
    #[error("recordings cannot be written: {0}")]
    Recorder(#[source] bastide_record::Error),
    #[error("cannot listen for signals: {0}")]
    Signals(#[source] io::Error),
    #[error("the account the daemon runs as is unknown: {0}")]
    Account(#[source] bastide_pty::Error),
}

/// An [`Error::File`] in the making.
pub(crate) fn file(action: &'static str, path: &std::path::Path) -> impl FnOnce(io::Error) -> Error {
    let path = path.to_owned();
    move |cause| Error::File { action, path, cause }
}
