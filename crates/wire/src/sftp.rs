//! Packets of SFTP version 3 (draft-ietf-secsh-filexfer-02).

use bytes::{Buf, BufMut, Bytes, BytesMut};

mod attributes;

pub use attributes::{Attributes, Kind};

/// OpenSSH's own limit (SFTP_MAX_MSG_LENGTH).
pub const MAX: usize = 256 * 1024;
const LENGTH: usize = 4;

/// Whole packets out of bytes as they come.
#[derive(Debug, Default)]
pub struct Packets {
    bytes: BytesMut,
}

/// Bytes that are no packet.
#[derive(Debug, PartialEq, Eq)]
pub struct Bad;

impl Packets {
    pub fn add(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
    }

    /// The next one with its length before it; `None` when it is not whole yet.
    ///
    /// # Errors
    /// [`Bad`]: the other side speaks something else.
    #[allow(clippy::should_implement_trait, reason = "what fails here fails for good")]
    pub fn next(&mut self) -> Result<Option<Bytes>, Bad> {
        let Some(head) = self.bytes.first_chunk::<LENGTH>() else { return Ok(None) };
        let length = usize::try_from(u32::from_be_bytes(*head)).map_err(|_| Bad)?;
        if length == 0 || length > MAX {
            return Err(Bad);
        }
        if self.bytes.len() < LENGTH + length {
            return Ok(None);
        }
        Ok(Some(self.bytes.split_to(LENGTH + length).freeze()))
    }
}

/// Reads the fields of a packet one after the other.
#[derive(Debug)]
pub struct Fields(Bytes);

impl Fields {
    /// Its type, and what follows.
    ///
    /// # Errors
    /// [`Bad`].
    pub fn of(packet: &Bytes) -> Result<(u8, Self), Bad> {
        let mut fields = Self(packet.slice(LENGTH.min(packet.len())..));
        let kind = fields.0.try_get_u8().map_err(|_| Bad)?;
        Ok((kind, fields))
    }

    /// # Errors
    /// [`Bad`].
    pub fn number(&mut self) -> Result<u32, Bad> {
        self.0.try_get_u32().map_err(|_| Bad)
    }

    /// # Errors
    /// [`Bad`].
    pub fn offset(&mut self) -> Result<u64, Bad> {
        self.0.try_get_u64().map_err(|_| Bad)
    }

    /// # Errors
    /// [`Bad`].
    pub fn attributes(&mut self) -> Result<Attributes, Bad> {
        Attributes::read(self)
    }

    /// Whether nothing follows.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// # Errors
    /// [`Bad`].
    pub fn string(&mut self) -> Result<Bytes, Bad> {
        let length = usize::try_from(self.number()?).map_err(|_| Bad)?;
        if length > self.0.len() {
            return Err(Bad);
        }
        Ok(self.0.split_to(length))
    }
}

/// Requests.
pub mod request {
    /// For opening a file (section 6.3).
    pub mod open {
        pub const READ: u32 = 0x01;
        pub const WRITE: u32 = 0x02;
        pub const CREATE: u32 = 0x08;
        pub const TRUNCATE: u32 = 0x10;
        pub const EXCLUSIVE: u32 = 0x20;
    }

    pub const INIT: u8 = 1;
    pub const OPEN: u8 = 3;
    pub const CLOSE: u8 = 4;
    pub const READ: u8 = 5;
    pub const WRITE: u8 = 6;
    pub const LSTAT: u8 = 7;
    pub const FSTAT: u8 = 8;
    pub const SETSTAT: u8 = 9;
    pub const FSETSTAT: u8 = 10;
    pub const OPENDIR: u8 = 11;
    pub const READDIR: u8 = 12;
    pub const REMOVE: u8 = 13;
    pub const MKDIR: u8 = 14;
    pub const RMDIR: u8 = 15;
    pub const REALPATH: u8 = 16;
    pub const STAT: u8 = 17;
    pub const RENAME: u8 = 18;
    pub const READLINK: u8 = 19;
    pub const SYMLINK: u8 = 20;
    pub const EXTENDED: u8 = 200;
}

/// Answers.
pub mod answer {
    pub const VERSION: u8 = 2;
    pub const STATUS: u8 = 101;
    pub const HANDLE: u8 = 102;
    pub const DATA: u8 = 103;
    pub const NAME: u8 = 104;
    pub const ATTRS: u8 = 105;
    pub const EXTENDED_REPLY: u8 = 201;
    pub const OK: u32 = 0;
    pub const EOF: u32 = 1;
    pub const NO_SUCH_FILE: u32 = 2;
    pub const PERMISSION_DENIED: u32 = 3;
    pub const FAILURE: u32 = 4;
    pub const BAD_MESSAGE: u32 = 5;
    pub const UNSUPPORTED: u32 = 8;
}

/// Writes a packet, field after field.
#[derive(Debug)]
pub struct Packet(BytesMut);

impl Packet {
    /// Of this type; its length comes with [`Self::done`].
    pub fn new(kind: u8) -> Self {
        let mut bytes = BytesMut::new();
        bytes.put_u32(0);
        bytes.put_u8(kind);
        Self(bytes)
    }

    #[must_use]
    pub fn number(mut self, value: u32) -> Self {
        self.0.put_u32(value);
        self
    }

    #[must_use]
    pub fn offset(mut self, value: u64) -> Self {
        self.0.put_u64(value);
        self
    }

    /// At most [`MAX`] bytes, as everything in a packet.
    #[must_use]
    pub fn string(mut self, value: &[u8]) -> Self {
        self.0.put_u32(u32::try_from(value.len()).unwrap_or(u32::MAX));
        self.0.put_slice(value);
        self
    }

    #[must_use]
    pub fn attributes(mut self, attributes: &Attributes) -> Self {
        attributes.write(&mut self.0);
        self
    }

    pub fn done(mut self) -> Bytes {
        let length = u32::try_from(self.0.len() - LENGTH).unwrap_or(u32::MAX);
        self.0[..LENGTH].copy_from_slice(&length.to_be_bytes());
        self.0.freeze()
    }
}

/// `SSH_FXP_STATUS`: permission denied, and why.
pub fn refusal(id: u32, why: &str) -> Bytes {
    let packet = Packet::new(answer::STATUS).number(id).number(answer::PERMISSION_DENIED);
    packet.string(why.as_bytes()).string(b"").done()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn packets_come_whole_however_they_were_cut() {
        let mut all = refusal(7, "no").to_vec();
        all.extend(refusal(8, "never").to_vec());
        for size in 1..all.len() {
            let mut packets = Packets::default();
            let mut seen = Vec::new();
            for piece in all.chunks(size) {
                packets.add(piece);
                while let Some(packet) = packets.next().unwrap() {
                    let (kind, mut fields) = Fields::of(&packet).unwrap();
                    seen.push((
                        kind,
                        fields.number().unwrap(),
                        fields.number().unwrap(),
                        fields.string().unwrap(),
                    ));
                }
            }
            let status = |id, why: &'static str| {
                (answer::STATUS, id, answer::PERMISSION_DENIED, Bytes::from_static(why.as_bytes()))
            };
            assert_eq!(seen, [status(7, "no"), status(8, "never")], "{size}");
        }
    }

    #[test]
    fn what_is_no_packet_is_refused() {
        for head in [[0; 4], [0xff; 4]] {
            let mut packets = Packets::default();
            packets.add(&head);
            assert_eq!(packets.next(), Err(Bad));
        }
        let mut packets = Packets::default();
        packets.add(&[0, 0, 0, 1, request::OPEN]);
        let packet = packets.next().unwrap().unwrap();
        let (kind, mut fields) = Fields::of(&packet).unwrap();
        assert_eq!((kind, fields.number()), (request::OPEN, Err(Bad)));
        let mut fields = Fields(Bytes::from_static(&[0, 0, 0, 9, 1]));
        assert_eq!(fields.string(), Err(Bad));
    }
}
