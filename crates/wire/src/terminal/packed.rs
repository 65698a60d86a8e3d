//! Output and snapshots packed with zstd (RFC 8878), each message by itself.
//!
//! A packed message has the head of the plain one with [`PACKED`] set in its kind, then the length
//! of the unpacked body as `u32` (big endian), then one zstd frame. So a reader knows position and
//! size before it unpacks, and needs nothing of the messages before: what reconnects goes on at any
//! of them.

use zstd::bulk::{Compressor, decompress};

use super::binary::{Downstream, MAX_BODY, OUTPUT, PART, SNAPSHOT};
use crate::DecodeError;

/// Set in the kind of a packed message.
const PACKED: u8 = 0x80;

/// zstd's own first level. Measured on recorded programs and a flood: the levels below pack worse and
/// are no faster, level 3 packs 5 % better for 25 % more time.
const LEVEL: i32 = 1;

/// Packs messages, one after the other, with one context of some 300 KB.
pub struct Packer {
    context: Compressor<'static>,
    /// What does not turn out smaller is not kept.
    space: Vec<u8>,
}

impl std::fmt::Debug for Packer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Packer").finish_non_exhaustive()
    }
}

impl Packer {
    /// # Panics
    /// When there is no memory for the context.
    #[must_use]
    pub fn new() -> Self {
        let context = Compressor::new(LEVEL).expect("the level is one of zstd's");
        Self { context, space: Vec::new() }
    }

    /// The packed message, unless it would be longer than `at_most` bytes or its body is longer than
    /// [`MAX_BODY`]. Takes some 0.2 ms for 64 KB.
    pub fn pack(&mut self, message: &Downstream<'_>, at_most: usize) -> Option<Vec<u8>> {
        let body = message.body();
        if body.len() > MAX_BODY {
            return None;
        }
        let length = u32::try_from(body.len()).ok()?;
        self.space.resize(zstd::zstd_safe::compress_bound(body.len()), 0);
        // It can only fail for want of space.
        let written = self.context.compress_to_buffer(body, &mut self.space[..]).ok()?;
        let mut out = message.head(4 + written);
        out[0] |= PACKED;
        if out.len() + 4 + written > at_most {
            return None;
        }
        out.extend_from_slice(&length.to_be_bytes());
        out.extend_from_slice(&self.space[..written]);
        Some(out)
    }
}

impl Default for Packer {
    fn default() -> Self {
        Self::new()
    }
}

/// The plain form of a message that may be packed; for clients in Rust and for tests.
///
/// # Errors
/// `Body` when the head is cut short or the frame is not one of zstd's with just the length that
/// the head names, `TooLarge` when that is beyond the limit. Nothing is unpacked beyond it.
pub fn unpack(message: Vec<u8>) -> Result<Vec<u8>, DecodeError> {
    let head = match message.first() {
        Some(kind) if *kind == OUTPUT | PACKED => 9,
        Some(kind) if *kind == SNAPSHOT | PACKED => 13,
        Some(kind) if *kind == PART | PACKED => 1,
        _ => return Ok(message),
    };
    let wrong = |why: &str| DecodeError::Body { kind: "packed".to_owned(), why: why.to_owned() };
    let (head, rest) = message.split_at_checked(head).ok_or_else(|| wrong("message ends in its head"))?;
    let (length, frame) = rest.split_first_chunk::<4>().ok_or_else(|| wrong("message ends in its head"))?;
    let length = usize::try_from(u32::from_be_bytes(*length)).unwrap_or(usize::MAX);
    if length > MAX_BODY {
        return Err(DecodeError::TooLarge { length, limit: MAX_BODY });
    }
    let body = decompress(frame, length).map_err(|e| wrong(&e.to_string()))?;
    if body.len() != length {
        return Err(wrong("not as long as its head says"));
    }
    let mut plain = Vec::with_capacity(head.len() + length);
    plain.extend_from_slice(head);
    plain[0] &= !PACKED;
    plain.extend_from_slice(&body);
    Ok(plain)
}

#[cfg(test)]
mod tests;
