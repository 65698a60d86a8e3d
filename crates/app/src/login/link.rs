//! One-time login links.
//!
//! A link is a file named by the SHA-256 of its token, so the token itself is nowhere on disk.
//! Using a link removes the file; of several who try at once only one removes it.

use std::fs;
use std::io;
use std::path::PathBuf;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::data_dir::{DataDir, write_private};
use crate::door::note_from_outside;
use crate::key::digest;
use crate::{Error, hex};

/// Long enough to walk to another machine, short enough for a link left in a terminal.
pub const LIFETIME: SignedDuration = SignedDuration::from_mins(15);

/// A token is 32 random bytes in hexadecimal.
const TOKEN_LENGTH: usize = 64;

/// The kind of the log's entry.
pub(crate) const CREATED: &str = "login_link_created";

/// Makes a login link from a process that is not the server, which may run or not. Blocks.
///
/// # Errors
/// `Journal`: the log cannot be written, and no link was made. `File`.
pub fn create_from_outside(dir: &DataDir, now: Timestamp) -> Result<String, Error> {
    note_from_outside(dir, CREATED, about(rustix::process::geteuid().as_raw()))?;
    Links::open(dir)?.create(now)
}

/// What the entry says: who asked.
pub(crate) fn about(uid: u32) -> Map<String, Value> {
    Map::from_iter([("by_uid".to_owned(), json!(uid))])
}

#[derive(Debug, Clone)]
pub struct Links {
    directory: PathBuf,
}

#[derive(Debug, Serialize, Deserialize)]
struct Stored {
    created: Timestamp,
    expires: Timestamp,
    /// The OS user who asked for it.
    created_by: u32,
}

/// A link that was just used.
#[derive(Debug, Clone)]
pub struct Used {
    pub created: Timestamp,
    pub created_by: u32,
}

impl Links {
    /// # Errors
    /// `File` when the directory cannot be made.
    pub fn open(dir: &DataDir) -> Result<Self, Error> {
        Ok(Self { directory: dir.directory("login-links")? })
    }

    /// Makes a link and returns its token. Removes links that have expired.
    ///
    /// # Errors
    /// `File` when it cannot be written.
    pub fn create(&self, now: Timestamp) -> Result<String, Error> {
        self.remove_expired(now);
        let token = hex::encode(&rand::random::<[u8; TOKEN_LENGTH / 2]>());
        let expires = now.checked_add(LIFETIME).unwrap_or(Timestamp::MAX);
        let created_by = rustix::process::geteuid().as_raw();
        let stored = serde_json::to_vec(&Stored { created: now, expires, created_by })
            .expect("two times and a number are JSON");
        write_private(&self.file(&token), &stored)?;
        Ok(token)
    }

    /// Whether the link could be used now. Changes nothing.
    pub fn is_open(&self, token: &str, now: Timestamp) -> bool {
        self.read(token).is_ok_and(|stored| stored.expires > now)
    }

    /// Uses the link: this succeeds once.
    ///
    /// # Errors
    /// `LinkRefused` when it was used, has expired or never was; `File` when it cannot be removed.
    pub fn consume(&self, token: &str, now: Timestamp) -> Result<Used, Error> {
        let stored = self.read(token)?;
        // Removing is what makes it one-time: for all but one caller the file is gone.
        match fs::remove_file(self.file(token)) {
            Ok(()) => {}
            Err(e) if e.kind() == io::ErrorKind::NotFound => return Err(Error::LinkRefused),
            Err(e) => return Err(Error::file("cannot use up the login link", &self.directory)(e)),
        }
        if stored.expires <= now {
            return Err(Error::LinkRefused);
        }
        Ok(Used { created: stored.created, created_by: stored.created_by })
    }

    fn read(&self, token: &str) -> Result<Stored, Error> {
        if token.len() != TOKEN_LENGTH {
            return Err(Error::LinkRefused);
        }
        let bytes = fs::read(self.file(token)).map_err(|e| match e.kind() {
            io::ErrorKind::NotFound => Error::LinkRefused,
            _ => Error::file("cannot read the login links in", &self.directory)(e),
        })?;
        serde_json::from_slice(&bytes).map_err(|_| Error::LinkRefused)
    }

    fn file(&self, token: &str) -> PathBuf {
        self.directory.join(digest(token))
    }

    /// Best effort: an expired link that stays opens nothing.
    fn remove_expired(&self, now: Timestamp) {
        for entry in fs::read_dir(&self.directory).into_iter().flatten().flatten() {
            let expired = fs::read(entry.path())
                .ok()
                .and_then(|bytes| serde_json::from_slice::<Stored>(&bytes).ok())
                .is_some_and(|stored| stored.expires <= now);
            if expired {
                fs::remove_file(entry.path()).ok();
            }
        }
    }
}
