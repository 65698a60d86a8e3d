//! Bounded lines from plain or compressed input.

use std::io::{self, BufRead};

use super::MAX_LINE_BYTES;
use super::unzstd::{Stop, Unzstd};
use crate::error::ReadError;

pub(super) enum Line<'a> {
    /// Without its line end.
    Whole(&'a [u8]),
    /// The last bytes of input that ended in order, without a line end.
    Last(&'a [u8]),
    /// The input ends inside compressed data; what was left of a line is of no use.
    Cut,
    End,
}

pub(super) struct Lines<R> {
    source: Source<R>,
    line: Vec<u8>,
    number: u64,
}

enum Source<R> {
    Plain(R),
    Zstd(Box<Unzstd<R>>),
}

impl<R: BufRead> Lines<R> {
    pub(super) fn new(mut input: R) -> Result<Lines<R>, ReadError> {
        // A zstd frame starts with 28 B5 2F FD; no line of JSON starts with an opening parenthesis (28).
        let first = peek(&mut input).map_err(|source| ReadError::Read { line: 1, source })?;
        let source = if first == Some(0x28) {
            let unzstd = Unzstd::new(input).map_err(|source| ReadError::Read { line: 1, source })?;
            Source::Zstd(Box::new(unzstd))
        } else {
            Source::Plain(input)
        };
        Ok(Lines { source, line: Vec::new(), number: 0 })
    }

    /// Number of the line given last, from 1.
    pub(super) fn number(&self) -> u64 {
        self.number
    }

    pub(super) fn next_line(&mut self) -> Result<Line<'_>, ReadError> {
        self.line.clear();
        self.number += 1;
        loop {
            let chunk = match self.source.fill() {
                Ok(chunk) => chunk,
                Err(Stop::Io(source)) if source.kind() == io::ErrorKind::Interrupted => continue,
                Err(Stop::Io(source)) => return Err(ReadError::Read { line: self.number, source }),
                Err(Stop::Damaged(why)) => return Err(ReadError::Damaged { line: self.number, why }),
                Err(Stop::Cut) => return Ok(Line::Cut),
            };
            if chunk.is_empty() {
                return Ok(if self.line.is_empty() { Line::End } else { Line::Last(&self.line) });
            }
            let end = chunk.iter().position(|&b| b == b'\n');
            let part = end.unwrap_or(chunk.len());
            if self.line.len() + part > MAX_LINE_BYTES {
                return Err(ReadError::LineTooLong { line: self.number, limit: MAX_LINE_BYTES });
            }
            self.line.extend_from_slice(&chunk[..part]);
            self.source.consume(part + usize::from(end.is_some()));
            if end.is_some() {
                return Ok(Line::Whole(&self.line));
            }
        }
    }
}

impl<R: BufRead> Source<R> {
    fn fill(&mut self) -> Result<&[u8], Stop> {
        match self {
            Source::Plain(input) => input.fill_buf().map_err(Stop::Io),
            Source::Zstd(unzstd) => unzstd.fill(),
        }
    }

    fn consume(&mut self, n: usize) {
        match self {
            Source::Plain(input) => input.consume(n),
            Source::Zstd(unzstd) => unzstd.consume(n),
        }
    }
}

/// The first byte of the input, not consumed.
pub(super) fn peek(input: &mut impl BufRead) -> io::Result<Option<u8>> {
    loop {
        match input.fill_buf() {
            Ok(bytes) => return Ok(bytes.first().copied()),
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
            Err(e) => return Err(e),
        }
    }
}
