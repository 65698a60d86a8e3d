//! From appended records to lines of asciicast v3.
//!
//! The session's task only copies bytes; checking UTF-8 and escaping happens here, on a writer thread.

use std::io::Write;

use crate::export::Version;

/// Output is cut into events of at most this many bytes, so that a line stays far below what readers
/// accept: escaped, a byte takes at most six.
pub(crate) const MAX_EVENT_BYTES: usize = 64 * 1024;

/// Bytes before the payload of a record: kind, time (µs), length.
const RECORD_HEAD: usize = 1 + 8 + 4;

/// What a record in the buffer is; the value is the event code of the format.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Tag {
    Output = b'o',
    Input = b'i',
    Marker = b'm',
    Resize = b'r',
    Exit = b'x',
}

impl Tag {
    fn from_byte(byte: u8) -> Option<Tag> {
        [Tag::Output, Tag::Input, Tag::Marker, Tag::Resize, Tag::Exit].into_iter().find(|t| *t as u8 == byte)
    }
}

/// One appended thing, as it lies in the buffer.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Record<'a> {
    pub(crate) tag: Tag,
    /// Since the start of the recording, in microseconds.
    pub(crate) at_us: u64,
    pub(crate) bytes: &'a [u8],
}

/// Puts a record at the end of a buffer.
pub(crate) fn push_record(buffer: &mut Vec<u8>, record: Record<'_>) {
    // A record longer than u32 cannot be asked for: the caller's reads are kilobytes. Cut, not wrapped.
    let len = u32::try_from(record.bytes.len()).unwrap_or(u32::MAX);
    buffer.reserve(RECORD_HEAD + len as usize);
    buffer.push(record.tag as u8);
    buffer.extend_from_slice(&record.at_us.to_le_bytes());
    buffer.extend_from_slice(&len.to_le_bytes());
    buffer.extend_from_slice(&record.bytes[..len as usize]);
}

/// Takes the first record off; `None` at the end.
pub(crate) fn next_record<'a>(rest: &mut &'a [u8]) -> Option<Record<'a>> {
    let (tag, tail) = rest.split_first()?;
    let (at, tail) = tail.split_first_chunk::<8>()?;
    let (len, tail) = tail.split_first_chunk::<4>()?;
    let (bytes, tail) = tail.split_at_checked(u32::from_le_bytes(*len) as usize)?;
    *rest = tail;
    Some(Record { tag: Tag::from_byte(*tag)?, at_us: u64::from_le_bytes(*at), bytes })
}

/// Turns the records of one recording into lines, in order.
#[derive(Debug, Default)]
pub(crate) struct Encoder {
    clock: Clock,
    output: Utf8,
    input: Utf8,
}

impl Encoder {
    /// Appends the lines of one record to `out`; none when it holds only the start of a character.
    pub(crate) fn record(&mut self, record: Record<'_>, out: &mut Vec<u8>) {
        match record.tag {
            Tag::Output | Tag::Input => {
                for chunk in record.bytes.chunks(MAX_EVENT_BYTES) {
                    self.text(record.tag, record.at_us, chunk, out);
                }
            }
            Tag::Marker => {
                self.clock.open_line(record.at_us, Tag::Marker, out);
                escape_into(&String::from_utf8_lossy(record.bytes), out);
                close_line(out);
            }
            Tag::Resize => {
                let Ok([c0, c1, r0, r1]) = <[u8; 4]>::try_from(record.bytes) else { return };
                self.clock.open_line(record.at_us, Tag::Resize, out);
                let (cols, rows) = (u16::from_le_bytes([c0, c1]), u16::from_le_bytes([r0, r1]));
                write!(out, "{cols}x{rows}").expect("writing to memory does not fail");
                close_line(out);
            }
            Tag::Exit => {
                let Ok(status) = <[u8; 4]>::try_from(record.bytes) else { return };
                self.clock.open_line(record.at_us, Tag::Exit, out);
                write!(out, "{}", i32::from_le_bytes(status)).expect("writing to memory does not fail");
                close_line(out);
            }
        }
    }

    /// Appends what was carried: bytes that never became a character.
    pub(crate) fn finish(&mut self, out: &mut Vec<u8>) {
        for tag in [Tag::Output, Tag::Input] {
            let carry = if tag == Tag::Output { &mut self.output } else { &mut self.input };
            if carry.give_up() {
                let at_us = self.clock.last_us;
                self.clock.open_line(at_us, tag, out);
                out.extend_from_slice("\u{fffd}".as_bytes());
                close_line(out);
            }
        }
    }

    /// How many invalid sequences were replaced so far.
    pub(crate) fn replaced(&self) -> u64 {
        self.output.replaced + self.input.replaced
    }

    fn text(&mut self, tag: Tag, at_us: u64, bytes: &[u8], out: &mut Vec<u8>) {
        let (line_start, clock) = (out.len(), self.clock);
        self.clock.open_line(at_us, tag, out);
        let text_start = out.len();
        let carry = if tag == Tag::Output { &mut self.output } else { &mut self.input };
        carry.feed(bytes, out);
        if out.len() == text_start {
            out.truncate(line_start);
            self.clock = clock;
        } else {
            close_line(out);
        }
    }
}

/// Turns absolute times into intervals of whole microseconds: nothing is rounded, so nothing adds up.
#[derive(Debug, Default, Clone, Copy)]
pub(crate) struct Clock {
    last_us: u64,
}

impl Clock {
    fn open_line(&mut self, at_us: u64, tag: Tag, out: &mut Vec<u8>) {
        self.open(at_us, Version::V3, out);
        write!(out, "\"{}\",\"", tag as u8 as char).expect("writing to memory does not fail");
    }

    /// Writes `[TIME,`: since the event before (v3) or since the start (v2).
    pub(crate) fn open(&mut self, at_us: u64, version: Version, out: &mut Vec<u8>) {
        let at_us = at_us.max(self.last_us);
        let us = if version == Version::V3 { at_us - self.last_us } else { at_us };
        self.last_us = at_us;
        write!(out, "[{}.{:06},", us / 1_000_000, us % 1_000_000).expect("writing to memory does not fail");
    }
}

fn close_line(out: &mut Vec<u8>) {
    out.extend_from_slice(b"\"]\n");
}

/// Cuts bytes into characters across the borders of reads.
#[derive(Debug, Default)]
struct Utf8 {
    /// The start of a character whose end has not come yet.
    carry: [u8; 4],
    carried: usize,
    replaced: u64,
}

impl Utf8 {
    fn feed(&mut self, mut bytes: &[u8], out: &mut Vec<u8>) {
        while self.carried > 0 {
            let Some((first, tail)) = bytes.split_first() else { return };
            self.carry[self.carried] = *first;
            self.carried += 1;
            bytes = tail;
            self.settle(out);
        }
        loop {
            match std::str::from_utf8(bytes) {
                Ok(text) => return escape_into(text, out),
                Err(e) => {
                    let (valid, rest) = bytes.split_at(e.valid_up_to());
                    escape_into(std::str::from_utf8(valid).expect("checked just before"), out);
                    let Some(bad) = e.error_len() else {
                        self.carry[..rest.len()].copy_from_slice(rest);
                        self.carried = rest.len();
                        return;
                    };
                    self.replace(out);
                    bytes = &rest[bad..];
                }
            }
        }
    }

    /// Emits from the carry what is decided by now: a character, or a replacement.
    fn settle(&mut self, out: &mut Vec<u8>) {
        let held = self.carry;
        let mut rest = &held[..self.carried];
        loop {
            match std::str::from_utf8(rest) {
                Ok(text) => {
                    escape_into(text, out);
                    self.carried = 0;
                    return;
                }
                Err(e) => {
                    let Some(bad) = e.error_len() else {
                        self.carried = rest.len();
                        self.carry[..rest.len()].copy_from_slice(rest);
                        return;
                    };
                    // An invalid sequence in the carry starts at its first byte: that was no full character.
                    self.replace(out);
                    rest = &rest[bad..];
                }
            }
        }
    }

    fn replace(&mut self, out: &mut Vec<u8>) {
        self.replaced += 1;
        out.extend_from_slice("\u{fffd}".as_bytes());
    }

    fn give_up(&mut self) -> bool {
        let any = self.carried > 0;
        self.carried = 0;
        self.replaced += u64::from(any);
        any
    }
}

/// Writes the inside of a JSON string (RFC 8259, section 7).
pub(crate) fn escape_into(text: &str, out: &mut Vec<u8>) {
    let mut rest = text.as_bytes();
    while let Some((plain, byte, after)) = split_at_special(rest) {
        out.extend_from_slice(plain);
        rest = after;
        match byte {
            b'"' => out.extend_from_slice(b"\\\""),
            b'\\' => out.extend_from_slice(b"\\\\"),
            b'\n' => out.extend_from_slice(b"\\n"),
            b'\r' => out.extend_from_slice(b"\\r"),
            b'\t' => out.extend_from_slice(b"\\t"),
            _ => {
                const HEX: &[u8; 16] = b"0123456789abcdef";
                out.extend_from_slice(b"\\u00");
                out.push(HEX[usize::from(byte >> 4)]);
                out.push(HEX[usize::from(byte & 15)]);
            }
        }
    }
    out.extend_from_slice(rest);
}

/// What stands before the first byte that a JSON string cannot hold as it is, that byte, and the rest.
///
/// Eight bytes at a time: most of a terminal's output is plain, and all of it comes through here. In
/// each byte of `marks` the top bit is set where a byte matches; above a match a borrow may set more,
/// so only the lowest counts.
fn split_at_special(bytes: &[u8]) -> Option<(&[u8], u8, &[u8])> {
    const ONES: u64 = 0x0101_0101_0101_0101;
    const TOPS: u64 = ONES * 0x80;
    let mut at = 0;
    while let Some(eight) = bytes[at..].first_chunk::<8>() {
        let word = u64::from_le_bytes(*eight);
        let quote = word ^ (ONES * u64::from(b'"'));
        let backslash = word ^ (ONES * u64::from(b'\\'));
        let control = word.wrapping_sub(ONES * 0x20) & !word;
        let zero = |word: u64| word.wrapping_sub(ONES) & !word;
        let marks = (control | zero(quote) | zero(backslash)) & TOPS;
        if marks != 0 {
            at += (marks.trailing_zeros() / 8) as usize;
            return Some((&bytes[..at], bytes[at], &bytes[at + 1..]));
        }
        at += 8;
    }
    let special = |byte: &u8| *byte < 0x20 || *byte == b'"' || *byte == b'\\';
    at += bytes[at..].iter().position(special)?;
    Some((&bytes[..at], bytes[at], &bytes[at + 1..]))
}

#[cfg(test)]
mod tests;
