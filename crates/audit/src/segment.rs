//! The files of a log.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// A segment on disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Segment {
    /// Sequence number of its first entry; its name.
    pub(crate) first_seq: u64,
    pub(crate) bytes: u64,
}

/// The file of the segment that begins with this entry. Ten digits sort as numbers do; longer ones also
/// name a file, and are sorted by number when read.
pub(crate) fn path(dir: &Path, first_seq: u64) -> PathBuf {
    dir.join(format!("{first_seq:010}.jsonl"))
}

/// The segments of a directory, oldest first. Other files are not looked at.
pub(crate) fn list(dir: &Path) -> io::Result<Vec<Segment>> {
    let mut segments = Vec::new();
    for item in fs::read_dir(dir)? {
        let item = item?;
        let name = item.file_name();
        let Some(first_seq) = name.to_str().and_then(first_seq) else { continue };
        segments.push(Segment { first_seq, bytes: item.metadata()?.len() });
    }
    segments.sort_unstable_by_key(|s| s.first_seq);
    Ok(segments)
}

fn first_seq(name: &str) -> Option<u64> {
    let digits = name.strip_suffix(".jsonl")?;
    let seq = digits.parse().ok().filter(|&seq| seq > 0)?;
    (digits == format!("{seq:010}")).then_some(seq)
}
