//! What a server's answers mean to people. SFTP has few numbers for many reasons (section 7 of the draft): the rest is
//! found out by asking once more.

use bastide_ssh::{Sftp, SftpError};
use bastide_wire::file_name::shown;
use bastide_wire::sftp::{Kind, answer};
use thiserror::Error;

use super::split;
use crate::error::Fault;

/// What cannot be done to a file. Paths are in their written form.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum FileError {
    #[error("there is no {0} on the server")]
    Missing(String),
    #[error("{path}: the account {account} may not do this on the server")]
    Denied { path: String, account: String },
    #[error("{0} is there already")]
    Exists(String),
    #[error("{0} is no directory")]
    NotDirectory(String),
    #[error("{0} is a directory")]
    IsDirectory(String),
    #[error("the server's disk is too full for {path}: {free} bytes are free, {needed} are needed")]
    Full { path: String, free: u64, needed: u64 },
    #[error("{0} has changed meanwhile: look at it again first")]
    Changed(String),
    /// Bytes of it that are there.
    #[error("the upload goes on at byte {0}")]
    Offset(u64),
    #[error("{path} is too large for this: {size} bytes, at most {most}")]
    TooLarge { path: String, size: u64, most: u64 },
    #[error("{0} is no text in UTF-8")]
    NotText(String),
    #[error("{path}: {why}")]
    Refused { path: String, why: String },
    /// The channel or the connection is gone.
    #[error("the connection to the server was lost: {0}")]
    Lost(String),
}

impl FileError {
    pub(crate) fn fault(&self) -> Fault {
        match self {
            Self::Full { .. } | Self::Lost(_) => Fault::Target,
            _ => Fault::Caller,
        }
    }

    pub(super) fn refused(path: &[u8], why: impl Into<String>) -> Self {
        Self::Refused { path: shown(path), why: why.into() }
    }
}

/// What was tried where, as whom: makes sense of what the server says to it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Tried<'a> {
    pub(super) path: &'a [u8],
    pub(super) account: &'a str,
}

impl Tried<'_> {
    pub(super) fn failed(&self, error: SftpError) -> FileError {
        let path = || shown(self.path);
        match error {
            SftpError::Said { code: answer::NO_SUCH_FILE, .. } => FileError::Missing(path()),
            SftpError::Said { code: answer::PERMISSION_DENIED, .. } => {
                FileError::Denied { path: path(), account: self.account.to_owned() }
            }
            SftpError::Said { code: answer::BAD_MESSAGE, .. } => {
                FileError::refused(self.path, "the server does not take this name")
            }
            SftpError::Said { code: answer::UNSUPPORTED, .. } => {
                FileError::refused(self.path, "the server cannot do this")
            }
            SftpError::Said { words, .. } => {
                FileError::refused(self.path, format!("the server refuses this: {words}"))
            }
            error @ SftpError::LongName { .. } => FileError::refused(self.path, error.to_string()),
            SftpError::Bad => FileError::Lost(SftpError::Bad.to_string()),
            SftpError::Lost(why) => FileError::Lost(why),
        }
    }

    /// Of something that was to be made there.
    pub(super) async fn making(&self, sftp: &mut Sftp, error: SftpError) -> FileError {
        if is_vague(&error) && sftp.stat_link(self.path).await.is_ok() {
            return FileError::Exists(shown(self.path));
        }
        self.writing(sftp, error, 1).await
    }

    /// Of something that takes room there.
    pub(super) async fn writing(&self, sftp: &mut Sftp, error: SftpError, needed: u64) -> FileError {
        if is_vague(&error) {
            let parent = split(self.path).map_or(self.path, |(parent, _)| parent);
            if let Ok(Some(space)) = sftp.space(parent).await
                && space.free < needed.max(FULL)
            {
                return FileError::Full { path: shown(self.path), free: space.free, needed };
            }
        }
        self.failed(error)
    }

    /// Of what is read as a directory.
    pub(super) async fn listing(&self, sftp: &mut Sftp, error: SftpError) -> FileError {
        if matches!(error, SftpError::Said { .. }) {
            match sftp.stat(self.path).await {
                Ok(found) if found.kind() != Kind::Directory => {
                    return FileError::NotDirectory(shown(self.path));
                }
                Err(_) => {
                    if let Ok(link) = sftp.stat_link(self.path).await
                        && link.kind() == Kind::Link
                    {
                        return FileError::refused(self.path, "this link leads nowhere, or in a circle");
                    }
                }
                Ok(_) => {}
            }
        }
        self.failed(error)
    }
}

/// Where less is free than this, a write that failed without a reason failed for that: file systems keep some blocks.
const FULL: u64 = 1024 * 1024;

/// `SSH_FX_FAILURE` is what servers say to everything that has no number of its own.
fn is_vague(error: &SftpError) -> bool {
    matches!(error, SftpError::Said { code: answer::FAILURE, .. })
}
