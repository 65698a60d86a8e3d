//! A recording as a plain asciicast file of either version.

use std::io::{BufRead, Write};

use crate::encode::{Clock, escape_into};
use crate::error::ReadError;
use crate::event::{Event, Kind};
use crate::read::{End, Reader};

/// A version of the format.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Version {
    /// [Version 2](https://docs.asciinema.org/manual/asciicast/v2/): times since the start.
    V2,
    /// [Version 3](https://docs.asciinema.org/manual/asciicast/v3/): times since the event before.
    V3,
}

/// What an export holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exported {
    /// Events written.
    pub events: u64,
    /// How the recording ended.
    pub end: End,
}

/// Writes the whole recording as plain text. Version 2 has no exit status: that event is left out.
///
/// # Errors
/// The first [`ReadError`] of the recording, or [`ReadError::Write`].
pub fn export<R: BufRead>(
    mut reader: Reader<R>,
    version: Version,
    mut out: impl Write,
) -> Result<Exported, ReadError> {
    let write = |source| ReadError::Write { source };
    out.write_all(&reader.header().to_line(version)).map_err(write)?;
    let mut lines = Lines::new(version);
    let mut events = 0;
    let mut line = Vec::new();
    for event in reader.by_ref() {
        line.clear();
        if lines.line(&event?, &mut line) {
            out.write_all(&line).map_err(write)?;
            events += 1;
        }
    }
    out.flush().map_err(write)?;
    let end = reader.end().cloned().unwrap_or(End::Complete);
    Ok(Exported { events, end })
}

/// Turns events into lines of one version.
pub(crate) struct Lines {
    version: Version,
    clock: Clock,
}

impl Lines {
    pub(crate) fn new(version: Version) -> Lines {
        Lines { version, clock: Clock::default() }
    }

    /// Appends the event's line; `false` when the version has none for it.
    pub(crate) fn line(&mut self, event: &Event, out: &mut Vec<u8>) -> bool {
        if self.version == Version::V2 && matches!(event.kind, Kind::Exit(_)) {
            return false;
        }
        let at_us = u64::try_from(event.time.as_micros()).unwrap_or(u64::MAX);
        self.clock.open(at_us, self.version, out);
        match &event.kind {
            Kind::Output(text) => string_event("o", text, out),
            Kind::Input(text) => string_event("i", text, out),
            Kind::Marker(text) => string_event("m", text, out),
            Kind::Resize { cols, rows } => string_event("r", &format!("{cols}x{rows}"), out),
            Kind::Exit(status) => string_event("x", &status.to_string(), out),
            Kind::Other { code, data } => {
                out.push(b'"');
                escape_into(code, out);
                out.extend_from_slice(b"\",");
                out.extend_from_slice(data.to_string().as_bytes());
                out.extend_from_slice(b"]\n");
            }
        }
        true
    }
}

fn string_event(code: &str, text: &str, out: &mut Vec<u8>) {
    out.push(b'"');
    out.extend_from_slice(code.as_bytes());
    out.extend_from_slice(b"\",\"");
    escape_into(text, out);
    out.extend_from_slice(b"\"]\n");
}
