//! Framing: a big-endian `u32` payload length, then one MessagePack map.

use bytes::{Buf, Bytes, BytesMut};

use crate::DecodeError;

/// Largest frame the daemon accepts (the limit existing clients know).
pub const MAX_INPUT_FRAME: usize = 4 * 1024 * 1024;
/// Largest frame of a client that named the capability `rules`: a bundle of the largest size and the words
/// around it.
pub const MAX_RULES_FRAME: usize = crate::control::MAX_RULES + 4096;
/// Largest frame a client accepts. A whole 10,000-line snapshot of styled text fits.
pub const MAX_OUTPUT_FRAME: usize = 64 * 1024 * 1024;
/// Bytes of the length prefix.
pub const PREFIX: usize = 4;
/// How much a reader asks for at a time.
const READ_AHEAD: usize = 16 * 1024;

/// Cuts a byte stream into frames. It owns its buffer, so a reader may be cancelled at any point
/// without losing a byte.
#[derive(Debug)]
pub struct Frames {
    buffer: BytesMut,
    limit: usize,
}

impl Frames {
    /// A cutter that refuses frames longer than `limit` bytes.
    pub fn new(limit: usize) -> Self {
        Self { buffer: BytesMut::new(), limit }
    }

    /// Changes the limit for the frames that come.
    pub fn set_limit(&mut self, limit: usize) {
        self.limit = limit;
    }

    /// The buffer to read into, with spare capacity.
    pub fn spare(&mut self) -> &mut BytesMut {
        let missing = self.length().map_or(0, |length| (PREFIX + length).saturating_sub(self.buffer.len()));
        self.buffer.reserve(missing.clamp(READ_AHEAD, self.limit.max(READ_AHEAD)));
        &mut self.buffer
    }

    /// True when no part of a frame waits for its rest.
    pub fn is_empty(&self) -> bool {
        self.buffer.is_empty()
    }

    fn length(&self) -> Option<usize> {
        let prefix = self.buffer.first_chunk::<PREFIX>()?;
        usize::try_from(u32::from_be_bytes(*prefix)).ok().filter(|length| *length <= self.limit)
    }

    /// The next whole payload, or `None` when more bytes are needed.
    ///
    /// # Errors
    /// `TooLarge` and `Empty`; the stream cannot be read on after either.
    pub fn next_frame(&mut self) -> Result<Option<Bytes>, DecodeError> {
        let Some(prefix) = self.buffer.first_chunk::<PREFIX>() else { return Ok(None) };
        let length = usize::try_from(u32::from_be_bytes(*prefix)).unwrap_or(usize::MAX);
        if length > self.limit {
            return Err(DecodeError::TooLarge { length, limit: self.limit });
        }
        if length == 0 {
            return Err(DecodeError::Empty);
        }
        if self.buffer.len() < PREFIX + length {
            return Ok(None);
        }
        self.buffer.advance(PREFIX);
        Ok(Some(self.buffer.split_to(length).freeze()))
    }
}

/// Encodes `message` as one frame: prefix and named MessagePack map.
pub fn encode<T: serde::Serialize>(message: &T) -> Bytes {
    let mut out = vec![0; PREFIX];
    // Human-readable: identifiers and times are text on the wire.
    let mut serializer = rmp_serde::Serializer::new(&mut out).with_human_readable().with_struct_map();
    message.serialize(&mut serializer).expect("our own types serialize into memory");
    let length = u32::try_from(out.len() - PREFIX).expect("no message of ours reaches 4 GiB");
    out[..PREFIX].copy_from_slice(&length.to_be_bytes());
    Bytes::from(out)
}

/// Reads a payload; identifiers and times are text. Bytes after the message are ignored.
pub(crate) fn decode<'a, T: serde::Deserialize<'a>>(
    payload: &'a [u8],
) -> Result<T, rmp_serde::decode::Error> {
    T::deserialize(&mut rmp_serde::Deserializer::from_read_ref(payload).with_human_readable())
}

/// True when a payload begins like a MessagePack map. Decoders of structs would accept arrays too.
pub(crate) fn is_map(payload: &[u8]) -> bool {
    matches!(payload.first(), Some(0x80..=0x8f | 0xde | 0xdf))
}
