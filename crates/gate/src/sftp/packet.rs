//! Packets of SFTP version 3 (draft-ietf-secsh-filexfer-02), as far as they tell which files pass.

use bytes::{Buf, Bytes, BytesMut};

/// OpenSSH's own limit (SFTP_MAX_MSG_LENGTH).
const MAX: usize = 256 * 1024;
const LENGTH: usize = 4;

/// Whole packets out of bytes as they come.
#[derive(Debug, Default)]
pub(super) struct Packets {
    bytes: BytesMut,
}

/// Bytes that are no packet.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Bad;

impl Packets {
    pub(super) fn add(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
    }

    /// The next one with its length before it; `None` when it is not whole yet.
    pub(super) fn next(&mut self) -> Result<Option<Bytes>, Bad> {
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
pub(super) struct Fields(Bytes);

impl Fields {
    /// Its type, and what follows.
    pub(super) fn of(packet: &Bytes) -> Result<(u8, Self), Bad> {
        let mut fields = Self(packet.slice(LENGTH.min(packet.len())..));
        let kind = fields.0.try_get_u8().map_err(|_| Bad)?;
        Ok((kind, fields))
    }

    pub(super) fn number(&mut self) -> Result<u32, Bad> {
        self.0.try_get_u32().map_err(|_| Bad)
    }

    pub(super) fn offset(&mut self) -> Result<u64, Bad> {
        self.0.try_get_u64().map_err(|_| Bad)
    }

    pub(super) fn string(&mut self) -> Result<Bytes, Bad> {
        let length = usize::try_from(self.number()?).map_err(|_| Bad)?;
        if length > self.0.len() {
            return Err(Bad);
        }
        Ok(self.0.split_to(length))
    }
}

/// Requests.
pub(super) mod request {
    pub(in crate::sftp) const INIT: u8 = 1;
    pub(in crate::sftp) const OPEN: u8 = 3;
    pub(in crate::sftp) const CLOSE: u8 = 4;
    pub(in crate::sftp) const READ: u8 = 5;
    pub(in crate::sftp) const WRITE: u8 = 6;
    pub(in crate::sftp) const LSTAT: u8 = 7;
    pub(in crate::sftp) const FSTAT: u8 = 8;
    pub(in crate::sftp) const SETSTAT: u8 = 9;
    pub(in crate::sftp) const FSETSTAT: u8 = 10;
    pub(in crate::sftp) const OPENDIR: u8 = 11;
    pub(in crate::sftp) const READDIR: u8 = 12;
    pub(in crate::sftp) const REMOVE: u8 = 13;
    pub(in crate::sftp) const MKDIR: u8 = 14;
    pub(in crate::sftp) const RMDIR: u8 = 15;
    pub(in crate::sftp) const REALPATH: u8 = 16;
    pub(in crate::sftp) const STAT: u8 = 17;
    pub(in crate::sftp) const RENAME: u8 = 18;
    pub(in crate::sftp) const READLINK: u8 = 19;
    pub(in crate::sftp) const SYMLINK: u8 = 20;
    pub(in crate::sftp) const EXTENDED: u8 = 200;
}

/// Answers.
pub(super) mod answer {
    pub(in crate::sftp) const STATUS: u8 = 101;
    pub(in crate::sftp) const HANDLE: u8 = 102;
    pub(in crate::sftp) const DATA: u8 = 103;
    pub(in crate::sftp) const OK: u32 = 0;
    pub(in crate::sftp) const EOF: u32 = 1;
    pub(in crate::sftp) const PERMISSION_DENIED: u32 = 3;
}

/// `SSH_FXP_STATUS`: permission denied, and why.
pub(super) fn refusal(id: u32, why: &str) -> Bytes {
    let why = why.as_bytes();
    let mut body = vec![answer::STATUS];
    body.extend(id.to_be_bytes());
    body.extend(answer::PERMISSION_DENIED.to_be_bytes());
    body.extend(u32::try_from(why.len()).unwrap_or_default().to_be_bytes());
    body.extend(why);
    body.extend(0_u32.to_be_bytes());
    let mut packet = u32::try_from(body.len()).unwrap_or_default().to_be_bytes().to_vec();
    packet.extend(body);
    Bytes::from(packet)
}

/// A path as text: what is no UTF-8, and what would steer a terminal or break a line, is escaped.
pub(super) fn shown(path: &[u8]) -> String {
    match std::str::from_utf8(path) {
        Ok(text) => text
            .chars()
            .flat_map(|c| {
                let escape = c.is_control() || c == '\\';
                let escaped: Box<dyn Iterator<Item = char>> =
                    if escape { Box::new(c.escape_default()) } else { Box::new(std::iter::once(c)) };
                escaped
            })
            .collect(),
        Err(_) => path.escape_ascii().to_string(),
    }
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

    #[test]
    fn names_of_files_break_no_line() {
        assert_eq!(shown("a b/ä用".as_bytes()), "a b/ä用");
        assert_eq!(shown(b"a\nb\x1b[2J"), "a\\nb\\u{1b}[2J");
        assert_eq!(shown(b"\xff\n"), "\\xff\\n");
    }
}
