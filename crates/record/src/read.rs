//! Reading recordings: asciicast v2 and v3, plain or in zstd, also those that a crash cut short.

use std::borrow::Cow;
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::time::Duration;

use serde::Deserialize;

use crate::error::ReadError;
use crate::event::{Event, Kind};
use crate::export::Version;
use crate::header::Header;

mod lines;
mod unzstd;

use lines::{Line, Lines};

/// The longest line that is read. Ours are below 0.5 MiB; other recorders write what one read gave them.
pub const MAX_LINE_BYTES: usize = 4 * 1024 * 1024;

/// Some 31 years: far beyond any recording, and a JSON number up to there holds whole microseconds.
const MAX_SECONDS: f64 = 1e9;

/// How the events of a recording ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum End {
    /// At the end of the file.
    Complete,
    /// In the middle of something, as after a crash: every event before that point was given.
    Truncated {
        /// Number of the line that is missing or not whole.
        line: u64,
    },
}

/// Gives the events of a recording, oldest first. After an [`ReadError::Event`] it can go on with the
/// next line; in v3 the events after that are early by the time of the bad one.
pub struct Reader<R> {
    lines: Lines<R>,
    header: Header,
    version: Version,
    /// Of the last event, in µs.
    at_us: u64,
    end: Option<End>,
    done: bool,
}

#[derive(Deserialize)]
struct RawEvent<'a>(f64, #[serde(borrow)] Cow<'a, str>, serde_json::Value);

impl Reader<BufReader<File>> {
    /// Opens a file and reads its header.
    ///
    /// # Errors
    /// [`ReadError::Open`], and as [`Reader::new`].
    pub fn open(path: &Path) -> Result<Reader<BufReader<File>>, ReadError> {
        let file = File::open(path).map_err(|source| ReadError::Open { path: path.to_owned(), source })?;
        Reader::new(BufReader::new(file))
    }
}

impl<R: BufRead> Reader<R> {
    /// Reads the header. zstd is recognized by itself.
    ///
    /// # Errors
    /// [`ReadError::Header`] when this is no recording, [`ReadError::Read`], [`ReadError::Damaged`],
    /// [`ReadError::LineTooLong`].
    pub fn new(input: R) -> Result<Reader<R>, ReadError> {
        let mut lines = Lines::new(input)?;
        let why = match lines.next_line()? {
            Line::Whole(line) | Line::Last(line) => match Header::parse(line) {
                Ok((header, version)) => {
                    return Ok(Reader { lines, header, version, at_us: 0, end: None, done: false });
                }
                Err(error) => return Err(error),
            },
            Line::Cut => "it ends inside its first line",
            Line::End => "it is empty",
        };
        Err(ReadError::Header { why: why.to_owned() })
    }

    pub fn header(&self) -> &Header {
        &self.header
    }

    /// The version of the file.
    pub fn version(&self) -> Version {
        self.version
    }

    /// How the events ended; `None` while there may be more, and after an error that ended them.
    pub fn end(&self) -> Option<&End> {
        self.end.as_ref()
    }

    fn read_event(&mut self) -> Result<Option<Event>, ReadError> {
        loop {
            let line = match self.lines.next_line()? {
                Line::End => {
                    self.end = Some(End::Complete);
                    return Ok(None);
                }
                Line::Cut => {
                    self.end = Some(End::Truncated { line: self.lines.number() });
                    return Ok(None);
                }
                Line::Whole(line) if is_blank(line) => continue,
                Line::Whole(line) => line,
                // Without its line end a line may be whole all the same; if it is none, it was cut.
                Line::Last(line)
                    if is_blank(line) || serde_json::from_slice::<RawEvent<'_>>(line).is_err() =>
                {
                    let cut = !is_blank(line);
                    self.end =
                        Some(if cut { End::Truncated { line: self.lines.number() } } else { End::Complete });
                    return Ok(None);
                }
                Line::Last(line) => line,
            };
            let parsed = parse(line, self.version, self.at_us);
            let (at_us, kind) = parsed.map_err(|why| ReadError::Event { line: self.lines.number(), why })?;
            self.at_us = at_us;
            return Ok(Some(Event { time: Duration::from_micros(at_us), kind }));
        }
    }
}

impl<R: BufRead> Iterator for Reader<R> {
    type Item = Result<Event, ReadError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.done {
            return None;
        }
        let result = self.read_event().transpose();
        self.done = match &result {
            None => true,
            Some(Ok(_) | Err(ReadError::Event { .. })) => false,
            Some(Err(_)) => true,
        };
        result
    }
}

/// Blank lines and comments (v3) carry nothing.
fn is_blank(line: &[u8]) -> bool {
    line.first() == Some(&b'#') || line.iter().all(u8::is_ascii_whitespace)
}

fn parse(line: &[u8], version: Version, last_us: u64) -> Result<(u64, Kind), String> {
    let RawEvent(seconds, code, data) = serde_json::from_slice(line).map_err(|e| e.to_string())?;
    if !(0.0..MAX_SECONDS).contains(&seconds) {
        return Err(format!("{seconds} is not a time in seconds"));
    }
    // In range as checked: at most 1e15.
    let us = (seconds * 1e6).round() as u64;
    let at_us = match version {
        Version::V3 => last_us.saturating_add(us),
        Version::V2 => us.max(last_us),
    };
    if at_us > MAX_SECONDS as u64 * 1_000_000 {
        return Err(format!("{} s after the start is no time in a recording", at_us / 1_000_000));
    }
    Ok((at_us, kind(&code, data)))
}

fn kind(code: &str, data: serde_json::Value) -> Kind {
    use serde_json::Value;
    match (code, data) {
        ("o", Value::String(text)) => Kind::Output(text),
        ("i", Value::String(text)) => Kind::Input(text),
        ("m", Value::String(text)) => Kind::Marker(text),
        (code, data) => {
            let known = match (code, &data) {
                ("r", Value::String(size)) => parse_size(size),
                ("x", Value::String(status)) => status.parse().ok().map(Kind::Exit),
                _ => None,
            };
            known.unwrap_or_else(|| Kind::Other { code: code.to_owned(), data })
        }
    }
}

fn parse_size(size: &str) -> Option<Kind> {
    let (cols, rows) = size.split_once('x')?;
    Some(Kind::Resize { cols: cols.parse().ok()?, rows: rows.parse().ok()? })
}

#[cfg(test)]
mod tests;
