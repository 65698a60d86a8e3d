//! What is known of a file (section 5).

use bytes::{BufMut, BytesMut};

use super::{Bad, Fields};

const SIZE: u32 = 0x1;
const OWNER: u32 = 0x2;
const PERMISSIONS: u32 = 0x4;
const TIMES: u32 = 0x8;
const EXTENDED: u32 = 0x8000_0000;
/// No server has more; each is two strings.
const MAX_EXTENDED: u32 = 64;

/// What was sent of a file's attributes, or is to be set.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Attributes {
    pub size: Option<u64>,
    /// User and group, as numbers.
    pub owner: Option<(u32, u32)>,
    /// As `st_mode`: kind and permissions.
    pub mode: Option<u32>,
    /// Seconds since 1970: last read, last changed.
    pub times: Option<(u32, u32)>,
}

/// What a file is, by its `st_mode` (inode(7)).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    File,
    Directory,
    Link,
    /// A device, a socket, a pipe; or the server does not say.
    Other,
}

impl Attributes {
    pub fn kind(&self) -> Kind {
        match self.mode.unwrap_or_default() & 0o170_000 {
            0o100_000 => Kind::File,
            0o040_000 => Kind::Directory,
            0o120_000 => Kind::Link,
            _ => Kind::Other,
        }
    }

    /// Permissions with set-uid, set-gid and the sticky bit.
    pub fn permissions(&self) -> Option<u32> {
        self.mode.map(|mode| mode & 0o7777)
    }

    pub(super) fn read(fields: &mut Fields) -> Result<Self, Bad> {
        let flags = fields.number()?;
        let mut read = Self::default();
        if flags & SIZE != 0 {
            read.size = Some(fields.offset()?);
        }
        if flags & OWNER != 0 {
            read.owner = Some((fields.number()?, fields.number()?));
        }
        if flags & PERMISSIONS != 0 {
            read.mode = Some(fields.number()?);
        }
        if flags & TIMES != 0 {
            read.times = Some((fields.number()?, fields.number()?));
        }
        if flags & EXTENDED != 0 {
            let count = fields.number()?;
            if count > MAX_EXTENDED {
                return Err(Bad);
            }
            for _ in 0..count * 2 {
                fields.string()?;
            }
        }
        Ok(read)
    }

    pub(super) fn write(&self, to: &mut BytesMut) {
        let flag = |given, flag| if given { flag } else { 0 };
        to.put_u32(
            flag(self.size.is_some(), SIZE)
                | flag(self.owner.is_some(), OWNER)
                | flag(self.mode.is_some(), PERMISSIONS)
                | flag(self.times.is_some(), TIMES),
        );
        if let Some(size) = self.size {
            to.put_u64(size);
        }
        if let Some((user, group)) = self.owner {
            to.put_u32(user);
            to.put_u32(group);
        }
        if let Some(mode) = self.mode {
            to.put_u32(mode);
        }
        if let Some((read, changed)) = self.times {
            to.put_u32(read);
            to.put_u32(changed);
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::super::{Packet, Packets, request};
    use super::*;

    #[test]
    fn attributes_come_as_they_were_sent() {
        let all = Attributes {
            size: Some(1 << 40),
            owner: Some((1, 2)),
            mode: Some(0o100_644),
            times: Some((3, 4)),
        };
        for sent in
            [all, Attributes::default(), Attributes { mode: Some(0o040_755), ..Attributes::default() }]
        {
            let mut packets = Packets::default();
            packets.add(&Packet::new(request::SETSTAT).attributes(&sent).done());
            let (_, mut fields) = Fields::of(&packets.next().unwrap().unwrap()).unwrap();
            assert_eq!(fields.attributes(), Ok(sent));
            assert!(fields.is_empty());
        }
        assert_eq!((all.kind(), all.permissions()), (Kind::File, Some(0o644)));
    }

    #[test]
    fn more_extensions_than_there_can_be_are_refused() {
        let packet = Packet::new(request::SETSTAT).number(EXTENDED).number(u32::MAX).done();
        let (_, mut fields) = Fields::of(&packet).unwrap();
        assert_eq!(fields.attributes(), Err(Bad));
    }
}
