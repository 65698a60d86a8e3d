//! What the database can fail with.

use std::path::PathBuf;

use thiserror::Error;

#[derive(Debug, Error)]
pub enum Error {
    #[error("cannot open the database {path}: {source}", path = path.display())]
    Open { path: PathBuf, source: sqlx::Error },
    #[error(
        "the database {path} was written by a newer Bastide (schema {found}, this program knows {known}): \
         run that version, or restore a copy from before the upgrade",
        path = path.display()
    )]
    Newer { path: PathBuf, found: i64, known: i64 },
    #[error("cannot bring the database {path} up to date: {why}", path = path.display())]
    Migrate { path: PathBuf, why: String },
    /// Something of that name is there already.
    #[error("{0} is taken")]
    Taken(String),
    /// Something else names it.
    #[error("it is in use by {0}")]
    InUse(String),
    /// It would leave nobody who can administer the server.
    #[error("this is the last administrator who can log in")]
    LastAdministrator,
    /// What was read before is not there as it was.
    #[error("somebody has changed it meanwhile")]
    ChangedMeanwhile,
    #[error("the disk of the database is full")]
    DiskFull,
    #[error("the database cannot be written: {0}")]
    ReadOnly(String),
    #[error("the database failed: {0}")]
    Query(sqlx::Error),
}

/// Result codes of SQLite (sqlite.org/rescode.html); extended codes carry them in their low byte.
mod code {
    pub(super) const READONLY: i32 = 8;
    pub(super) const IOERR: i32 = 10;
    pub(super) const FULL: i32 = 13;
    pub(super) const CANTOPEN: i32 = 14;
}

impl From<sqlx::Error> for Error {
    fn from(error: sqlx::Error) -> Self {
        let code = match &error {
            sqlx::Error::Database(inner) => inner.code().and_then(|code| code.parse::<i32>().ok()),
            _ => None,
        };
        match code.map(|code| code & 0xff) {
            Some(code::FULL) => Self::DiskFull,
            Some(code::READONLY | code::IOERR | code::CANTOPEN) => Self::ReadOnly(error.to_string()),
            _ => Self::Query(error),
        }
    }
}
