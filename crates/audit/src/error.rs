//! What can go wrong with a log, and what can be wrong in one.

use std::io;
use std::path::PathBuf;

use crate::hash::Hash;

/// Opening, appending or reading failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The directory of the log cannot be used.
    #[error("could not use the log directory {}: {source}", dir.display())]
    Directory { dir: PathBuf, source: io::Error },
    /// Another process appends to this log.
    #[error("the log {} is open in another process", dir.display())]
    Locked { dir: PathBuf },
    /// The log is not what was written. Nothing is repaired: move the directory away to start a new one.
    #[error("the log is damaged: {0}")]
    Damaged(Fault),
    /// The log was begun by another process or node.
    #[error("the log {} is of {found:?}, not of {expected:?}", dir.display())]
    Origin { dir: PathBuf, expected: String, found: String },
    /// A segment could not be read.
    #[error("could not read {}: {source}", file.display())]
    Read { file: PathBuf, source: io::Error },
    /// The entry was not written; the log is as before.
    #[error("could not write {}: {source}", file.display())]
    Write { file: PathBuf, source: io::Error },
    /// The medium did not take what was written.
    #[error("could not sync {}: {source}", file.display())]
    Sync { file: PathBuf, source: io::Error },
    /// An old segment could not be removed.
    #[error("could not remove {}: {source}", file.display())]
    Remove { file: PathBuf, source: io::Error },
    /// A field has the name of a member that every entry has.
    #[error("{name:?} is not a name for a field of an entry")]
    ReservedField { name: String },
    /// Kinds are 1 to 64 of `a-z`, `0-9` and `_`.
    #[error("{kind:?} is not a kind of entry")]
    Kind { kind: String },
    /// Sizes in bytes.
    #[error("an entry of {bytes} bytes is over the limit of {limit} bytes")]
    TooLarge { bytes: usize, limit: usize },
}

/// The first thing that is wrong in a log.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{} line {line}{}: {why}", file.display(), seq.map(|s| format!(" (entry {s})")).unwrap_or_default())]
pub struct Fault {
    pub file: PathBuf,
    /// From 1; 0 when it is the file as a whole.
    pub line: u64,
    /// The sequence number that belongs there, where it is known.
    pub seq: Option<u64>,
    pub why: Why,
}

/// What is wrong with an entry or a segment.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Why {
    #[error("the file cannot be read: {0}")]
    Unreadable(String),
    #[error("the line is no entry: {0}")]
    NotAnEntry(String),
    #[error("the line is longer than {0} bytes")]
    TooLong(usize),
    /// The body is not the one that was hashed.
    #[error("the entry was changed: its hash is {computed}, not {written}")]
    Changed { written: Hash, computed: Hash },
    /// An entry is missing, moved or inserted here.
    #[error("entry {expected} is missing here, the line is entry {found}")]
    OutOfOrder { expected: u64, found: u64 },
    /// The chain breaks here: this entry or the one before is not the one that was written.
    #[error("the entry follows {written}, but the entry before is {expected}")]
    NotChained { expected: Hash, written: Hash },
    /// The first entry of a log follows nothing.
    #[error("the first entry of the log follows {0}")]
    NotFirst(Hash),
    /// The oldest segments are gone, and no entry says that they were removed.
    #[error("the log begins with entry {0}, and no entry says that older ones were removed")]
    Beheaded(u64),
    #[error("the entry is of {found:?}, the log of {expected:?}")]
    ForeignOrigin { expected: String, found: String },
    /// Within one boot the monotonic clock never goes back. Nanoseconds.
    #[error("the entry was made at {found} ns of its boot, before the one before it ({before} ns)")]
    Earlier { before: u64, found: u64 },
    #[error("the segment holds no entry")]
    Empty,
}
