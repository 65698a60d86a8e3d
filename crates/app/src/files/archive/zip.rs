//! The zip format (APPNOTE.TXT 6.3), written in one go: sizes and sums follow each file.

use std::io::Write as _;

use bastide_wire::file_name::shown;
use flate2::write::DeflateEncoder;
use flate2::{Compression, Crc};
use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::{Entry, What};

/// Into memory, which cannot fail.
const FITS: &str = "memory takes all";
/// A field of 32 bits that says: see the larger one.
const LARGE: u32 = u32::MAX;
/// Files of this size may have grown into the larger fields once they are packed.
const MAY_BE_LARGE: u64 = 0xF000_0000;
/// Sizes and sum follow; the name is UTF-8 (section 4.4.4).
const FOLLOWS: u16 = 1 << 3;
const UTF8: u16 = 1 << 11;
const DEFLATED: u16 = 8;
/// Needs zip64.
const VERSION: u16 = 45;
/// Made on Unix, by that version: permissions are in the outer attributes.
const MADE_BY: u16 = 3 << 8 | VERSION;

/// What the list at the end says of a file.
#[derive(Debug)]
struct Listed {
    name: Vec<u8>,
    flags: u16,
    method: u16,
    changed: u32,
    sum: u32,
    packed: u64,
    size: u64,
    at: u64,
    mode: u32,
}

#[derive(Debug)]
struct Open {
    listed: Listed,
    /// Its sizes have the larger form.
    large: bool,
    packer: DeflateEncoder<Vec<u8>>,
    sum: Crc,
}

#[derive(Debug)]
pub(super) struct Zip {
    ready: Vec<u8>,
    /// Written before what is ready.
    gone: u64,
    list: Vec<Listed>,
    /// Memory of that.
    kept: usize,
    open: Option<Open>,
}

impl Zip {
    pub(super) fn new() -> Self {
        Self { ready: Vec::new(), gone: 0, list: Vec::new(), kept: 0, open: None }
    }

    pub(super) fn begin(&mut self, entry: &Entry<'_>) {
        let at = self.gone;
        let (kind, content): (u32, &[u8]) = match entry.what {
            What::File(_) => (0o100_000, b""),
            What::Directory => (0o040_000, b""),
            What::Link(target) => (0o120_000, target),
        };
        let is_file = matches!(entry.what, What::File(_));
        let mut sum = Crc::new();
        sum.update(content);
        let listed = Listed {
            name: name(entry),
            flags: if is_file { UTF8 | FOLLOWS } else { UTF8 },
            method: if is_file { DEFLATED } else { 0 },
            changed: entry.changed,
            sum: sum.sum(),
            packed: content.len() as u64,
            size: content.len() as u64,
            at,
            mode: kind | entry.mode,
        };
        let large = matches!(entry.what, What::File(size) if size >= MAY_BE_LARGE);
        let header = local(&listed, large);
        self.put(&header);
        self.put(content);
        if is_file {
            let packer = DeflateEncoder::new(Vec::new(), Compression::fast());
            self.open = Some(Open { listed, large, packer, sum: Crc::new() });
        } else {
            self.keep(listed);
        }
    }

    /// What it keeps for its end, in bytes.
    pub(super) fn kept(&self) -> usize {
        self.kept
    }

    fn keep(&mut self, listed: Listed) {
        self.kept += listed.name.len() + size_of::<Listed>();
        self.list.push(listed);
    }

    pub(super) fn data(&mut self, data: &[u8]) {
        let Some(open) = &mut self.open else { return };
        open.sum.update(data);
        open.listed.size += data.len() as u64;
        open.packer.write_all(data).expect(FITS);
        let packed = std::mem::take(open.packer.get_mut());
        open.listed.packed += packed.len() as u64;
        self.put(&packed);
    }

    pub(super) fn end(&mut self) {
        let Some(Open { mut listed, large, packer, sum }) = self.open.take() else { return };
        let packed = packer.finish().expect(FITS);
        listed.packed += packed.len() as u64;
        listed.sum = sum.sum();
        self.put(&packed);
        let mut after = Fields::default().long(0x0807_4b50).long(listed.sum);
        after = match large {
            true => after.huge(listed.packed).huge(listed.size),
            false => after.long(small(listed.packed)).long(small(listed.size)),
        };
        self.put(&after.0);
        self.keep(listed);
    }

    pub(super) fn finish(&mut self) {
        let at = self.gone;
        let list = std::mem::take(&mut self.list);
        let count = list.len() as u64;
        for listed in list {
            let header = central(&listed);
            self.put(&header);
        }
        let (size, end) = (self.gone - at, self.gone);
        let larger = Fields::default()
            .long(0x0606_4b50)
            .huge(44)
            .short(MADE_BY)
            .short(VERSION)
            .long(0)
            .long(0)
            .huge(count)
            .huge(count)
            .huge(size)
            .huge(at)
            .long(0x0706_4b50)
            .long(0)
            .huge(end)
            .long(1);
        if count >= u64::from(u16::MAX) || end >= u64::from(LARGE) {
            self.put(&larger.0);
        }
        let few = u16::try_from(count).unwrap_or(u16::MAX);
        let last = Fields::default().long(0x0605_4b50).short(0).short(0).short(few).short(few);
        self.put(&last.long(small(size)).long(small(at)).short(0).0);
    }

    pub(super) fn ready(&mut self) -> &mut Vec<u8> {
        &mut self.ready
    }

    fn put(&mut self, bytes: &[u8]) {
        self.gone += bytes.len() as u64;
        self.ready.extend_from_slice(bytes);
    }
}

/// As text: what is none is escaped. A backslash is a separator to some, and there is none on this side.
fn name(entry: &Entry<'_>) -> Vec<u8> {
    let mut name = match std::str::from_utf8(entry.name) {
        Ok(name) => name.replace('\\', "_"),
        Err(_) => shown(entry.name).replace('\\', "_"),
    };
    if entry.what == What::Directory {
        name.push('/');
    }
    name.into_bytes()
}

/// Section 4.3.7.
fn local(listed: &Listed, large: bool) -> Vec<u8> {
    let follows = listed.flags & FOLLOWS != 0;
    let (sum, size) = if follows { (0, 0) } else { (listed.sum, small(listed.size)) };
    let size = if large { LARGE } else { size };
    let mut extra = times(listed);
    if large {
        extra = extra.short(1).short(16).huge(0).huge(0);
    }
    let fields = Fields::default().long(0x0403_4b50).short(VERSION).short(listed.flags).short(listed.method);
    let fields = fields.long(dos(listed.changed)).long(sum).long(size).long(size);
    let fields = fields.short(length(&listed.name)).short(length(&extra.0));
    fields.bytes(&listed.name).bytes(&extra.0).0
}

/// Section 4.3.12.
fn central(listed: &Listed) -> Vec<u8> {
    let mut extra = times(listed);
    let huge = [listed.size, listed.packed, listed.at]
        .map(|value| Some(value).filter(|value| small(*value) == LARGE));
    let count = huge.iter().flatten().count();
    if count > 0 {
        extra = extra.short(1).short(u16::try_from(count * 8).unwrap_or_default());
        extra = huge.into_iter().flatten().fold(extra, Fields::huge);
    }
    let fields = Fields::default().long(0x0201_4b50).short(MADE_BY).short(VERSION).short(listed.flags);
    let fields = fields.short(listed.method).long(dos(listed.changed)).long(listed.sum);
    let fields = fields.long(small(listed.packed)).long(small(listed.size));
    let fields = fields.short(length(&listed.name)).short(length(&extra.0)).short(0).short(0).short(0);
    let fields = fields.long(listed.mode << 16).long(small(listed.at));
    fields.bytes(&listed.name).bytes(&extra.0).0
}

/// When it was changed, to the second and in no time zone (Info-ZIP's extra field `UT`).
fn times(listed: &Listed) -> Fields {
    Fields::default().short(0x5455).short(5).bytes(&[1]).long(listed.changed)
}

/// Date and time as MS-DOS has them, from 1980 on; the time is the lower half.
fn dos(changed: u32) -> u32 {
    const FIRST: u32 = 1 << 21 | 1 << 16;
    let Ok(at) = Timestamp::from_second(changed.into()) else { return FIRST };
    let at = at.to_zoned(TimeZone::UTC).datetime();
    let part = |part: i8| u32::try_from(part).unwrap_or_default();
    match u32::try_from(at.year() - 1980) {
        Ok(year @ 0..128) => {
            let date = year << 9 | part(at.month()) << 5 | part(at.day());
            date << 16 | part(at.hour()) << 11 | part(at.minute()) << 5 | (part(at.second()) / 2)
        }
        _ => FIRST,
    }
}

fn small(value: u64) -> u32 {
    u32::try_from(value).unwrap_or(LARGE)
}

/// The archive takes no longer paths.
fn length(bytes: &[u8]) -> u16 {
    u16::try_from(bytes.len()).unwrap_or(u16::MAX)
}

/// Numbers with their lowest byte first.
#[derive(Debug, Default)]
struct Fields(Vec<u8>);

impl Fields {
    fn short(self, value: u16) -> Self {
        self.bytes(&value.to_le_bytes())
    }

    fn long(self, value: u32) -> Self {
        self.bytes(&value.to_le_bytes())
    }

    fn huge(self, value: u64) -> Self {
        self.bytes(&value.to_le_bytes())
    }

    fn bytes(mut self, bytes: &[u8]) -> Self {
        self.0.extend_from_slice(bytes);
        self
    }
}
