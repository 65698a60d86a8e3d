//! Proving from the files alone that nothing in a log was changed, removed, reordered or inserted.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::BufReader;
use std::path::{Path, PathBuf};

use uuid::Uuid;

use crate::entry::Entry;
use crate::error::{Fault, Why};
use crate::hash::Hash;
use crate::line::{Found, MAX_LINE_BYTES, read_line, unseal};
use crate::segment::{self, Segment};

/// A log whose every entry fits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verified {
    pub entries: u64,
    /// Numbers of the first and last entry; `None` for an empty log.
    pub first_seq: Option<u64>,
    pub last_seq: Option<u64>,
    /// Hash of the last entry; [`Hash::ZERO`] for an empty log.
    pub last_hash: Hash,
    /// Bytes of an unfinished last line: a crash, or an entry being written just now.
    pub torn_bytes: u64,
}

/// Reads the whole log in `dir`. It may be appended to meanwhile; removal of old segments meanwhile can
/// look like a fault.
///
/// # Errors
/// The first entry or file that does not fit.
pub fn verify(dir: &Path) -> Result<Verified, Fault> {
    let unreadable = |e: std::io::Error| Fault {
        file: dir.to_owned(),
        line: 0,
        seq: None,
        why: Why::Unreadable(e.to_string()),
    };
    let segments = segment::list(dir).map_err(unreadable)?;
    let mut chain = Chain::default();
    let mut torn_bytes = 0;
    for (index, segment) in segments.iter().enumerate() {
        torn_bytes = verify_segment(dir, *segment, index + 1 == segments.len(), &mut chain)?;
    }
    if let Some(first) = segments.first()
        && first.first_seq > 1
        && !chain.trims.contains(&first.first_seq)
    {
        let file = segment::path(dir, first.first_seq);
        return Err(Fault { file, line: 1, seq: Some(first.first_seq), why: Why::Beheaded(first.first_seq) });
    }
    Ok(Verified {
        entries: chain.entries,
        first_seq: chain.first_seq,
        last_seq: chain.last.as_ref().map(|last| last.seq),
        last_hash: chain.last.map_or(Hash::ZERO, |last| last.hash),
        torn_bytes,
    })
}

/// What the entries so far demand of the next one.
#[derive(Default)]
struct Chain {
    entries: u64,
    first_seq: Option<u64>,
    last: Option<Last>,
    /// Where the log began after each removal of old segments that it mentions.
    trims: BTreeSet<u64>,
}

struct Last {
    seq: u64,
    hash: Hash,
    origin: String,
    boot_id: Uuid,
    mono_ns: u64,
}

impl Chain {
    fn expected(&self, segment: Segment) -> u64 {
        self.last.as_ref().map_or(segment.first_seq, |last| last.seq + 1)
    }

    fn add(&mut self, entry: Entry, expected: u64) -> Result<(), Why> {
        if entry.seq != expected {
            return Err(Why::OutOfOrder { expected, found: entry.seq });
        }
        match &self.last {
            Some(last) if entry.prev != last.hash => {
                return Err(Why::NotChained { expected: last.hash, written: entry.prev });
            }
            Some(last) if entry.origin != last.origin => {
                return Err(Why::ForeignOrigin { expected: last.origin.clone(), found: entry.origin });
            }
            Some(last) if entry.boot_id == last.boot_id && entry.mono_ns < last.mono_ns => {
                return Err(Why::Earlier { before: last.mono_ns, found: entry.mono_ns });
            }
            None if entry.seq == 1 && entry.prev != Hash::ZERO => return Err(Why::NotFirst(entry.prev)),
            _ => {}
        }
        if entry.kind == "log_trimmed" {
            self.trims.extend(entry.fields.get("first_seq").and_then(serde_json::Value::as_u64));
        }
        self.entries += 1;
        self.first_seq.get_or_insert(entry.seq);
        self.last = Some(Last {
            seq: entry.seq,
            hash: entry.hash,
            origin: entry.origin,
            boot_id: entry.boot_id,
            mono_ns: entry.mono_ns,
        });
        Ok(())
    }
}

/// Returns the bytes of an unfinished last line, which only the newest segment may have.
fn verify_segment(dir: &Path, segment: Segment, newest: bool, chain: &mut Chain) -> Result<u64, Fault> {
    let file = segment::path(dir, segment.first_seq);
    let fault = |line, seq, why| Fault { file: PathBuf::clone(&file), line, seq: Some(seq), why };
    let unreadable = |line, seq, e: std::io::Error| fault(line, seq, Why::Unreadable(e.to_string()));
    let mut number = 1;
    let first = chain.expected(segment);
    if first != segment.first_seq {
        let why = Why::OutOfOrder { expected: first, found: segment.first_seq };
        return Err(fault(number, first, why));
    }
    let open = File::open(&file).map_err(|e| unreadable(0, first, e))?;
    let mut input = BufReader::new(open);
    let mut line = Vec::new();
    loop {
        let expected = chain.expected(segment);
        let found = read_line(&mut input, &mut line).map_err(|e| unreadable(number, expected, e))?;
        let why = match found {
            Found::Line => match unseal(&line).and_then(|entry| chain.add(entry, expected)) {
                Ok(()) => {
                    number += 1;
                    continue;
                }
                Err(why) => why,
            },
            Found::Rest if newest => return Ok(line.len() as u64),
            Found::Rest => Why::NotAnEntry("the line has no end".to_owned()),
            Found::TooLong => Why::TooLong(MAX_LINE_BYTES),
            Found::End if number == 1 && !newest => Why::Empty,
            Found::End => return Ok(0),
        };
        return Err(fault(number, expected, why));
    }
}
