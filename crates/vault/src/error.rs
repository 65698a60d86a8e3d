//! What the vault can fail with. No message holds a secret, nor a part of one.

use std::io;
use std::path::PathBuf;

use thiserror::Error;

use crate::KeyId;

#[derive(Debug, Error)]
pub enum Error {
    #[error("there is no master key in {place}")]
    KeyMissing { place: String },
    #[error("cannot read the master key from {place}: {source}")]
    KeyUnreadable { place: String, source: io::Error },
    #[error("what {place} holds is no master key: {why}")]
    KeyMalformed { place: String, why: &'static str },
    #[error(
        "others may change the file with the master key, {path} (mode {mode:o}): run chmod 600",
        path = path.display()
    )]
    KeyExposed { path: PathBuf, mode: u32 },
    #[error("cannot write the file with the master key, {path}: {source}", path = path.display())]
    KeyNotWritten { path: PathBuf, source: io::Error },
    #[error("the command that tells the master key, {program}, {why}")]
    Command { program: String, why: String },
    #[error("a secret is sealed under the master key {needed}, and the key at hand is {given}")]
    OtherKey { needed: KeyId, given: KeyId },
    #[error("the sealed {0} is damaged, or was moved here from somewhere else")]
    Damaged(String),
    #[error("the sealed {0} was written by a newer Bastide, or is no sealed secret")]
    UnknownForm(String),
    #[error("a secret of {0} bytes is too long: at most {max}", max = crate::MAX_SECRET)]
    TooLong(usize),
}
