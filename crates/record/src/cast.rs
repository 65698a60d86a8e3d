//! The text of a stored recording as one run of bytes: its length is known, and any part of it can be
//! read without what comes before it.

use std::io::{BufReader, Read};
use std::ops::Range;
use std::sync::Arc;
use std::time::SystemTime;

use zstd::bulk::Decompressor;

use crate::error::ReadError;
use crate::export::{Lines, Version};
use crate::read::Reader;

mod frames;
mod index;

pub(crate) use frames::ReadAt;
use frames::{Found, Walk, read_full};
pub(crate) use index::Index;
use index::Mark;

/// Small frames are given together up to this: those of a quiet session hold a line or two each.
const SMALL_CHUNK_BYTES: usize = 128 * 1024;
/// Text of one chunk of a conversion; those of a stored recording are a frame each.
const CHUNK_BYTES: usize = 256 * 1024;

/// A recording as it was when it was looked up. What is appended later is not part of it: look it up again.
#[derive(Clone)]
pub struct Cast {
    source: Arc<dyn ReadAt>,
    index: Arc<Index>,
    /// Bytes of the file, those of a frame that is only begun included.
    file_bytes: u64,
    modified: Option<SystemTime>,
}

impl Cast {
    pub(crate) fn new(
        source: Arc<dyn ReadAt>,
        index: Arc<Index>,
        (file_bytes, modified): (u64, Option<SystemTime>),
    ) -> Self {
        Self { source, index, file_bytes, modified }
    }

    /// Bytes of text in whole frames. Frames hold whole lines, so the text ends with one.
    #[expect(clippy::len_without_is_empty, reason = "a recording begins with its header and is never empty")]
    pub fn len(&self) -> u64 {
        self.index.end().text
    }

    /// Bytes of the file.
    pub fn file_bytes(&self) -> u64 {
        self.file_bytes
    }

    /// When it was written to last.
    pub fn modified(&self) -> Option<SystemTime> {
        self.modified
    }

    /// Another text has another tag: recordings only grow, so lengths say it.
    pub fn tag(&self) -> String {
        let Mark { text, file } = self.index.end();
        format!("{text:x}-{file:x}")
    }

    /// Why what follows the text cannot be read, where that is more than a frame that is only begun.
    pub fn damage(&self) -> Option<&str> {
        self.index.damage()
    }

    /// A part of the text, as it is stored; what lies behind the end is left out.
    pub fn slice(&self, range: Range<u64>) -> Slice {
        let end = range.end.min(self.len());
        let at = self.index.before(range.start);
        Slice { cast: self.clone(), at, from: range.start, end }
    }

    /// The whole in version 2 of the format.
    ///
    /// # Errors
    /// `Header`, `Damaged`, `Read`.
    pub fn as_v2(&self) -> Result<Converted, ReadError> {
        let reader = self.reader()?;
        let header = reader.header().to_line(Version::V2);
        Ok(Converted { reader, lines: Lines::new(Version::V2), begun: header, over: false })
    }

    fn reader(&self) -> Result<Reader<BufReader<Stored>>, ReadError> {
        let stored = Stored { source: Arc::clone(&self.source), at: 0, end: self.index.end().file };
        Reader::new(BufReader::new(stored))
    }
}

impl std::fmt::Debug for Cast {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Cast").field("len", &self.len()).field("file_bytes", &self.file_bytes).finish()
    }
}

/// A part of a recording's text, chunk by chunk. Between two chunks it holds a few numbers and no decoder:
/// a reader that stands still costs nothing.
#[derive(Debug)]
pub struct Slice {
    cast: Cast,
    at: Mark,
    from: u64,
    end: u64,
}

impl Slice {
    /// Bytes still to come.
    pub fn left(&self) -> u64 {
        self.end.saturating_sub(self.from)
    }

    /// The next bytes: a large frame's, or those of some small ones. `None` at the end. It waits for the
    /// disk.
    ///
    /// # Errors
    /// `Frame`, `Storage`: nothing comes after.
    pub fn next_chunk(&mut self) -> Result<Option<Vec<u8>>, ReadError> {
        if self.from >= self.end {
            return Ok(None);
        }
        let source = Arc::clone(&self.cast.source);
        let mut walk = Walk::new(&*source, self.cast.index.end().file);
        let mut zstd = Decompressor::new().map_err(read_failed)?;
        let mut chunk = Vec::new();
        while self.from < self.end && chunk.len() < SMALL_CHUNK_BYTES {
            let (at, bytes, text) = self.step(&mut walk)?;
            if at.text + text > self.from {
                match self.decode(&mut zstd, at, (bytes, text)) {
                    Ok(decoded) => self.take(at, &decoded, &mut chunk),
                    // What was read before it is given first.
                    Err(_) if !chunk.is_empty() => {
                        self.at = at;
                        break;
                    }
                    Err(error) => {
                        self.from = self.end;
                        return Err(error);
                    }
                }
            }
        }
        Ok((!chunk.is_empty()).then_some(chunk))
    }

    /// Over one frame: where it is, its bytes in the file and those of its text.
    fn step(&mut self, walk: &mut Walk<'_>) -> Result<(Mark, u64, u64), ReadError> {
        let at = self.at;
        match walk.look(at.file).map_err(read_failed)? {
            Found::Frame { bytes, text } => {
                self.at = Mark { text: at.text + text, file: at.file + bytes };
                Ok((at, bytes, text))
            }
            Found::End => Err(self.damaged("the file has become shorter")),
            Found::Damaged(why) => Err(self.damaged(&why)),
        }
    }

    /// What is wanted of a frame: the first one may begin before, and the last one end behind.
    fn take(&mut self, at: Mark, decoded: &[u8], chunk: &mut Vec<u8>) {
        let place = |text: u64| usize::try_from(text - at.text).unwrap_or(usize::MAX).min(decoded.len());
        let wanted = &decoded[place(self.from)..place(self.end)];
        chunk.extend_from_slice(wanted);
        self.from += wanted.len() as u64;
    }

    /// Both sizes are bounded by what the walk lets pass.
    fn decode(
        &self,
        zstd: &mut Decompressor<'_>,
        at: Mark,
        (bytes, text): (u64, u64),
    ) -> Result<Vec<u8>, ReadError> {
        let damaged = |why: &str| ReadError::Frame { at: at.file, why: why.to_owned() };
        let mut frame = vec![0; usize::try_from(bytes).map_err(|_| damaged("too long"))?];
        let read = read_full(&*self.cast.source, &mut frame, at.file).map_err(read_failed)?;
        if read < frame.len() {
            return Err(damaged("the file has become shorter"));
        }
        let room = usize::try_from(text).map_err(|_| damaged("too long"))?;
        let decoded = zstd.decompress(&frame, room).map_err(|e| damaged(&e.to_string()))?;
        if decoded.len() == room { Ok(decoded) } else { Err(damaged("it does not hold what it says")) }
    }

    fn damaged(&mut self, why: &str) -> ReadError {
        self.from = self.end;
        ReadError::Frame { at: self.at.file, why: why.to_owned() }
    }
}

/// A recording in another version, chunk by chunk.
pub struct Converted {
    reader: Reader<BufReader<Stored>>,
    lines: Lines,
    begun: Vec<u8>,
    over: bool,
}

impl Converted {
    /// The next lines; `None` at the end. It waits for the disk.
    ///
    /// # Errors
    /// As the [`Reader`]'s; nothing comes after.
    pub fn next_chunk(&mut self) -> Result<Option<Vec<u8>>, ReadError> {
        while !self.over && self.begun.len() < CHUNK_BYTES {
            match self.reader.next() {
                Some(Ok(event)) => {
                    self.lines.line(&event, &mut self.begun);
                }
                Some(Err(error)) => {
                    self.over = true;
                    self.begun.clear();
                    return Err(error);
                }
                None => self.over = true,
            }
        }
        let chunk = std::mem::take(&mut self.begun);
        Ok((!chunk.is_empty()).then_some(chunk))
    }
}

impl std::fmt::Debug for Converted {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Converted").field("over", &self.over).finish()
    }
}

/// A file up to the end of its last whole frame, whatever is written behind it meanwhile.
struct Stored {
    source: Arc<dyn ReadAt>,
    at: u64,
    end: u64,
}

impl Read for Stored {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let left = usize::try_from(self.end.saturating_sub(self.at)).unwrap_or(usize::MAX);
        let count = buffer.len().min(left);
        let read = self.source.read_at(&mut buffer[..count], self.at)?;
        self.at += read as u64;
        Ok(read)
    }
}

fn read_failed(source: std::io::Error) -> ReadError {
    ReadError::Storage { source }
}

#[cfg(test)]
mod tests;
