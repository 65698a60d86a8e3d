//! The frame around a body: `{"body":` … `,"hash":"` … `"}`.

use std::io::{self, BufRead};

use crate::entry::Entry;
use crate::error::Why;
use crate::hash::Hash;

/// The longest line, its end included. An entry is a record of facts, not a place for content.
pub const MAX_LINE_BYTES: usize = 64 * 1024;

const HEAD: &[u8] = b"{\"body\":";
const MIDDLE: &[u8] = b",\"hash\":\"";
const TAIL: &[u8] = b"\"}";
const HASH_DIGITS: usize = 64;

/// Puts a body into its line, line end included.
pub(crate) fn seal(body: &[u8]) -> (Vec<u8>, Hash) {
    let hash = Hash::of(body);
    let mut line = Vec::with_capacity(HEAD.len() + body.len() + MIDDLE.len() + HASH_DIGITS + TAIL.len() + 1);
    line.extend_from_slice(HEAD);
    line.extend_from_slice(body);
    line.extend_from_slice(MIDDLE);
    line.extend_from_slice(hash.to_string().as_bytes());
    line.extend_from_slice(TAIL);
    line.push(b'\n');
    (line, hash)
}

/// Takes a line (without its end) apart and checks that the hash is the body's.
pub(crate) fn unseal(line: &[u8]) -> Result<Entry, Why> {
    let no_entry = || Why::NotAnEntry("it has not the form of one".to_owned());
    let inside = line.strip_prefix(HEAD).and_then(|rest| rest.strip_suffix(TAIL)).ok_or_else(no_entry)?;
    let split = inside.len().checked_sub(MIDDLE.len() + HASH_DIGITS).ok_or_else(no_entry)?;
    let (body, rest) = inside.split_at(split);
    let digits = rest.strip_prefix(MIDDLE).ok_or_else(no_entry)?;
    let written: Hash = std::str::from_utf8(digits).ok().and_then(|d| d.parse().ok()).ok_or_else(no_entry)?;
    let computed = Hash::of(body);
    if written != computed {
        return Err(Why::Changed { written, computed });
    }
    Entry::from_body(body, written).map_err(Why::NotAnEntry)
}

/// What [`read_line`] found.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Found {
    /// A line, its end cut off.
    Line,
    /// Bytes without a line end before the end of the file.
    Rest,
    TooLong,
    End,
}

/// Reads the next line into `line`, never more than the limit.
pub(crate) fn read_line(input: &mut impl BufRead, line: &mut Vec<u8>) -> io::Result<Found> {
    line.clear();
    loop {
        let chunk = match input.fill_buf() {
            Ok(chunk) => chunk,
            Err(e) if e.kind() == io::ErrorKind::Interrupted => continue,
            Err(e) => return Err(e),
        };
        if chunk.is_empty() {
            return Ok(if line.is_empty() { Found::End } else { Found::Rest });
        }
        let end = chunk.iter().position(|&b| b == b'\n');
        let part = end.unwrap_or(chunk.len());
        if line.len() + part >= MAX_LINE_BYTES {
            return Ok(Found::TooLong);
        }
        line.extend_from_slice(&chunk[..part]);
        input.consume(part + usize::from(end.is_some()));
        if end.is_some() {
            return Ok(Found::Line);
        }
    }
}

/// Arbitrary bytes as a line: no panic, and what is an entry seals to an entry again. Panics when not.
pub fn fuzz_log_line(data: &[u8]) {
    let mut line = Vec::new();
    let mut input = data;
    while let Ok(Found::Line | Found::Rest) = read_line(&mut input, &mut line) {
        check(&line);
    }
    // The same bytes as a body with a fitting hash, so that the JSON behind it is reached too.
    let (sealed, _) = seal(data);
    check(&sealed[..sealed.len() - 1]);
}

fn check(line: &[u8]) {
    let Ok(entry) = unseal(line) else { return };
    let (again, _) = seal(&entry.body());
    let read = unseal(&again[..again.len() - 1]).expect("what was read can be written and read");
    assert_eq!((read.seq, &read.kind, read.prev), (entry.seq, &entry.kind, entry.prev));
}

#[cfg(test)]
mod tests;
