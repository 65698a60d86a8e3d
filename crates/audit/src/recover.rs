//! What a log needs from its files when it is opened, and what a crash may have left in them.

use std::fs::{self, File, OpenOptions};
use std::io::{BufReader, Read, Seek, SeekFrom};
use std::path::Path;

use crate::entry::Entry;
use crate::error::{Error, Fault, Why};
use crate::hash::Hash;
use crate::line::{Found, read_line, unseal};
use crate::segment::{self, Segment};

/// Where the next entry goes.
pub(crate) struct Tail {
    /// Oldest first; the last one is appended to.
    pub(crate) segments: Vec<Segment>,
    pub(crate) next_seq: u64,
    pub(crate) last_hash: Hash,
    /// Whose log it is; `None` while it is empty.
    pub(crate) origin: Option<String>,
    pub(crate) cut: Option<Cut>,
}

/// Bytes after the last whole entry, taken off.
pub(crate) struct Cut {
    pub(crate) file: String,
    pub(crate) bytes: u64,
    pub(crate) hash: Hash,
}

/// Reads the newest segment to its end and cuts off what a crash left unfinished there. A whole line
/// that is wrong is no work of a crash: that is an error, and nothing is touched.
pub(crate) fn recover(dir: &Path) -> Result<Tail, Error> {
    let directory = |source| Error::Directory { dir: dir.to_owned(), source };
    let mut segments = segment::list(dir).map_err(directory)?;
    let mut cut = None;
    while let Some(last) = segments.pop() {
        let end = scan(dir, last)?;
        if end.whole < last.bytes {
            cut = Some(cut_off(dir, last, end.whole)?);
        }
        if let Some(entry) = end.last {
            segments.push(Segment { bytes: end.whole, ..last });
            let (next_seq, last_hash, origin) = (entry.seq + 1, entry.hash, Some(entry.origin));
            return Ok(Tail { segments, next_seq, last_hash, origin, cut });
        }
        // A new segment whose first entry did not make it: the one before goes on.
        let file = segment::path(dir, last.first_seq);
        if segments.is_empty() && last.first_seq != 1 {
            return Err(Error::Damaged(Fault { file, line: 0, seq: Some(last.first_seq), why: Why::Empty }));
        }
        fs::remove_file(&file).map_err(|source| Error::Remove { file, source })?;
    }
    Ok(Tail { segments, next_seq: 1, last_hash: Hash::ZERO, origin: None, cut })
}

struct ScanEnd {
    /// Bytes of whole entries.
    whole: u64,
    last: Option<Entry>,
}

fn scan(dir: &Path, segment: Segment) -> Result<ScanEnd, Error> {
    let file = segment::path(dir, segment.first_seq);
    let read = |source| Error::Read { file: file.clone(), source };
    let mut input = BufReader::new(File::open(&file).map_err(read)?);
    let mut end = ScanEnd { whole: 0, last: None };
    let mut line = Vec::new();
    let mut number = 0;
    loop {
        number += 1;
        let expected = segment.first_seq + number - 1;
        let fault =
            |why| Error::Damaged(Fault { file: file.clone(), line: number, seq: Some(expected), why });
        match read_line(&mut input, &mut line).map_err(read)? {
            Found::End | Found::Rest => return Ok(end),
            // Blocks that a power loss kept from being written read as zeros.
            Found::Line | Found::TooLong if line.contains(&0) => return Ok(end),
            Found::TooLong if input.buffer().contains(&0) => return Ok(end),
            Found::TooLong => return Err(fault(Why::TooLong(crate::MAX_LINE_BYTES))),
            Found::Line => {}
        }
        let entry = unseal(&line).map_err(fault)?;
        if entry.seq != expected {
            return Err(fault(Why::OutOfOrder { expected, found: entry.seq }));
        }
        if let Some(before) = &end.last
            && entry.prev != before.hash
        {
            return Err(fault(Why::NotChained { expected: before.hash, written: entry.prev }));
        }
        end.whole += line.len() as u64 + 1;
        end.last = Some(entry);
    }
}

fn cut_off(dir: &Path, segment: Segment, whole: u64) -> Result<Cut, Error> {
    let file = segment::path(dir, segment.first_seq);
    let write = |source| Error::Write { file: file.clone(), source };
    let mut open = OpenOptions::new().read(true).write(true).open(&file).map_err(write)?;
    let mut rest = Vec::new();
    open.seek(SeekFrom::Start(whole)).map_err(write)?;
    open.read_to_end(&mut rest).map_err(write)?;
    open.set_len(whole).map_err(write)?;
    open.sync_data().map_err(write)?;
    let name = file.file_name().unwrap_or_default().to_string_lossy().into_owned();
    Ok(Cut { file: name, bytes: rest.len() as u64, hash: Hash::of(&rest) })
}
