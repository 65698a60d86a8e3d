//! Where zstd frames begin and how much text each holds, without decoding any
//! ([RFC 8878](https://www.rfc-editor.org/rfc/rfc8878), section 3.1).

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;

/// Frames of ours hold well under 2 MiB; one that claims more is not ours, and is not put in memory.
pub(crate) const MAX_FRAME_TEXT: u64 = 16 * 1024 * 1024;
/// Incompressible text and its headers.
const MAX_FRAME_BYTES: u64 = MAX_FRAME_TEXT + 1024 * 1024;
/// Read at once: some forty small frames, or the header of a large one without its blocks.
const WINDOW_BYTES: usize = 4096;

const FRAME: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];
/// Skippable frames have sixteen first bytes and these three after (RFC 8878, section 3.1.2).
const SKIPPABLE: [u8; 3] = [0x2a, 0x4d, 0x18];
/// Magic number, descriptor, window, dictionary, content size: the longest header.
const LONGEST_HEADER: usize = 4 + 1 + 1 + 4 + 8;
const BLOCK_HEADER: u64 = 3;
const CHECKSUM: u64 = 4;

/// Bytes that can be read at any place without moving anything.
pub(crate) trait ReadAt: Send + Sync {
    fn read_at(&self, buffer: &mut [u8], at: u64) -> io::Result<usize>;
}

impl ReadAt for File {
    fn read_at(&self, buffer: &mut [u8], at: u64) -> io::Result<usize> {
        FileExt::read_at(self, buffer, at)
    }
}

impl ReadAt for Vec<u8> {
    fn read_at(&self, buffer: &mut [u8], at: u64) -> io::Result<usize> {
        let rest = usize::try_from(at).ok().and_then(|at| self.get(at..)).unwrap_or_default();
        let count = rest.len().min(buffer.len());
        buffer[..count].copy_from_slice(&rest[..count]);
        Ok(count)
    }
}

/// Fills as much of the buffer as there is.
pub(crate) fn read_full(source: &dyn ReadAt, buffer: &mut [u8], at: u64) -> io::Result<usize> {
    let mut filled = 0;
    while filled < buffer.len() {
        match source.read_at(&mut buffer[filled..], at + filled as u64) {
            Ok(0) => break,
            Ok(count) => filled += count,
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
            Err(e) => return Err(e),
        }
    }
    Ok(filled)
}

/// What stands at one place of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Found {
    /// A whole frame: its bytes in the file, and the bytes of text it says it holds.
    Frame {
        bytes: u64,
        text: u64,
    },
    /// The end, or something that is not whole: what a writer has begun or a crash cut off.
    End,
    Damaged(String),
}

/// Looks at frames one after another through a small window.
pub(crate) struct Walk<'a> {
    source: &'a dyn ReadAt,
    /// Nothing behind it is looked at, however the file grows.
    end: u64,
    window: Vec<u8>,
    window_at: u64,
}

impl<'a> Walk<'a> {
    pub(crate) fn new(source: &'a dyn ReadAt, end: u64) -> Self {
        Self { source, end, window: Vec::new(), window_at: 0 }
    }

    pub(crate) fn look(&mut self, at: u64) -> io::Result<Found> {
        let Some(start) = self.bytes(at, 5, LONGEST_HEADER)? else { return Ok(self.short(at)) };
        if start[..4] != FRAME {
            return self.other(at);
        }
        let descriptor = start[4];
        if descriptor & 0x08 != 0 {
            return Ok(Found::Damaged("a reserved bit is set in a frame's header".to_owned()));
        }
        let single = descriptor & 0x20 != 0;
        let window = usize::from(!single);
        let dictionary = [0, 1, 2, 4][usize::from(descriptor & 3)];
        let size = match descriptor >> 6 {
            0 => usize::from(single),
            flag => 1 << flag,
        };
        let header = 5 + window + dictionary + size;
        let Some(bytes) = self.bytes(at, header, header)? else { return Ok(Found::End) };
        let Some(text) = content_size(&bytes[header - size..header]) else {
            return Ok(Found::Damaged("a frame does not say how much it holds".to_owned()));
        };
        if text > MAX_FRAME_TEXT {
            return Ok(Found::Damaged(format!("a frame claims to hold {text} bytes")));
        }
        let checksum = if descriptor & 0x04 != 0 { CHECKSUM } else { 0 };
        self.blocks(at, header as u64, (text, checksum))
    }

    /// Over the blocks of a frame by their headers.
    fn blocks(&mut self, at: u64, header: u64, (text, checksum): (u64, u64)) -> io::Result<Found> {
        let mut length = header;
        loop {
            let Some(block) = self.bytes(at + length, BLOCK_HEADER as usize, BLOCK_HEADER as usize)? else {
                return Ok(Found::End);
            };
            let block = u32::from_le_bytes([block[0], block[1], block[2], 0]);
            let size = u64::from(block >> 3);
            length += BLOCK_HEADER;
            length += match (block >> 1) & 3 {
                0 | 2 => size,
                1 => 1,
                _ => return Ok(Found::Damaged("a block is of no known kind".to_owned())),
            };
            if length > MAX_FRAME_BYTES {
                return Ok(Found::Damaged("a frame is longer than any recording has".to_owned()));
            }
            if block & 1 != 0 {
                length += checksum;
                let whole = at + length <= self.end;
                return Ok(if whole { Found::Frame { bytes: length, text } } else { Found::End });
            }
        }
    }

    /// What is no frame of text: one to be skipped, zeros that a power loss left, or damage.
    fn other(&mut self, at: u64) -> io::Result<Found> {
        let Some(start) = self.bytes(at, 8, 8)? else { return Ok(self.short(at)) };
        let start: [u8; 8] = start[..8].try_into().expect("eight were asked for");
        if start[1..4] == SKIPPABLE && start[0] & 0xf0 == 0x50 {
            let size = u32::from_le_bytes([start[4], start[5], start[6], start[7]]);
            let bytes = 8 + u64::from(size);
            return Ok(if at + bytes <= self.end { Found::Frame { bytes, text: 0 } } else { Found::End });
        }
        if start == [0; 8] { Ok(Found::End) } else { Ok(no_frame()) }
    }

    /// The few last bytes of a file.
    fn short(&self, at: u64) -> Found {
        let from = usize::try_from(at.saturating_sub(self.window_at)).unwrap_or(usize::MAX);
        let rest = self.window.get(from..).unwrap_or_default();
        let begins = |magic: &[u8]| rest.len() <= magic.len() && magic.starts_with(rest);
        let begun = rest.len() > 3 && rest[..4] == FRAME
            || rest.len() > 3 && rest[1..4] == SKIPPABLE
            || begins(&FRAME)
            || rest.iter().all(|&byte| byte == 0)
            || rest.len() < 4 && rest[0] & 0xf0 == 0x50 && SKIPPABLE.starts_with(&rest[1..]);
        if begun { Found::End } else { no_frame() }
    }

    /// At least `least` bytes from `at`, up to `most`; `None` where there are fewer.
    fn bytes(&mut self, at: u64, least: usize, most: usize) -> io::Result<Option<&[u8]>> {
        let inside = |walk: &Self| {
            let from = usize::try_from(at.checked_sub(walk.window_at)?).ok()?;
            (walk.window.len().saturating_sub(from) >= least).then_some(from)
        };
        if inside(self).is_none() {
            let left = self.end.saturating_sub(at);
            let count = usize::try_from(left).unwrap_or(usize::MAX).min(WINDOW_BYTES);
            self.window.resize(count, 0);
            let read = read_full(self.source, &mut self.window, at)?;
            self.window.truncate(read);
            self.window_at = at;
        }
        let Some(from) = inside(self) else { return Ok(None) };
        let to = self.window.len().min(from + most.max(least));
        Ok(Some(&self.window[from..to]))
    }
}

fn no_frame() -> Found {
    Found::Damaged("no frame starts here".to_owned())
}

/// Little-endian in 1, 2, 4 or 8 bytes; the two-byte form counts from 256.
fn content_size(field: &[u8]) -> Option<u64> {
    let mut all = [0; 8];
    all.get_mut(..field.len())?.copy_from_slice(field);
    let value = u64::from_le_bytes(all);
    match field.len() {
        0 => None,
        2 => Some(value + 256),
        _ => Some(value),
    }
}
