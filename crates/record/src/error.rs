//! What can go wrong, in writing and in reading.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

/// Writing a recording went wrong.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The writer threads could not be started.
    #[error("could not start a recording writer thread: {source}")]
    Thread { source: io::Error },
    /// The file exists already, or its directory cannot be written.
    #[error("could not create the recording {}: {source}", path.display())]
    Create { path: PathBuf, source: io::Error },
    /// The free space could not be asked for.
    #[error("could not read the free space of {}: {source}", dir.display())]
    Space { dir: PathBuf, source: io::Error },
    /// A required recording was not begun: too little space. Sizes in bytes.
    #[error("{} has {free} bytes free, and a new recording needs {needed} bytes free", dir.display())]
    Reserve { dir: PathBuf, free: u64, needed: u64 },
    /// The pool takes no work any more.
    #[error("the recording writers are shut down")]
    ShutDown,
    /// The recording had failed before it was closed; the file holds what was written until then.
    #[error("the recording {} failed: {reason}", path.display())]
    Failed { path: PathBuf, reason: String },
    /// The last bytes were not on disk in time; the writers go on trying.
    #[error("the recording {} was not on disk within {waited:?}", path.display())]
    CloseTimeout { path: PathBuf, waited: Duration },
    /// The writers were still at work when the time for their shutdown was over.
    #[error("the recording writers did not finish within {waited:?}")]
    ShutdownTimeout { waited: Duration },
}

/// Reading or exporting a recording went wrong. Lines count from 1; line 1 is the header.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReadError {
    /// The file could not be opened.
    #[error("could not open the recording {}: {source}", path.display())]
    Open { path: PathBuf, source: io::Error },
    /// The bytes could not be read.
    #[error("could not read line {line} of the recording: {source}")]
    Read { line: u64, source: io::Error },
    /// The compressed data is not what was written.
    #[error("the compressed data is damaged at line {line}: {why}")]
    Damaged { line: u64, why: String },
    /// A line is longer than any recording needs.
    #[error("line {line} is longer than {limit} bytes")]
    LineTooLong { line: u64, limit: usize },
    /// The first line is no header of a version that can be read.
    #[error("not a recording: {why}")]
    Header { why: String },
    /// A line is no event. The lines after it can still be read.
    #[error("line {line} is not an event: {why}")]
    Event { line: u64, why: String },
    /// The export could not be written.
    #[error("could not write the export: {source}")]
    Write { source: io::Error },
    /// The stored bytes could not be read.
    #[error("could not read the recording: {source}")]
    Storage { source: io::Error },
    /// A stored frame is not what was written. `at` is its place in the file, in bytes.
    #[error("the recording is damaged at byte {at} of its file: {why}")]
    Frame { at: u64, why: String },
}

impl ReadError {
    /// There is no such recording, or none that may be opened by that name.
    pub fn is_missing(&self) -> bool {
        // ELOOP is what O_NOFOLLOW answers for a symbolic link (open(2)).
        let link = |source: &io::Error| source.raw_os_error() == Some(rustix::io::Errno::LOOP.raw_os_error());
        matches!(self, Self::Open { source, .. } if source.kind() == io::ErrorKind::NotFound || link(source))
    }
}
