//! GNU tar's format (its manual, "Basic Tar Format") through gzip.

use std::io::Write as _;

use flate2::Compression;
use flate2::write::GzEncoder;

use super::{Entry, What};

const RECORD: usize = 512;
/// Of a header's fields for a name.
const NAME: usize = 100;

/// Into memory, which cannot fail.
const FITS: &str = "memory takes all";

#[derive(Debug)]
pub(super) struct Tar {
    out: GzEncoder<Vec<u8>>,
    /// Of the file that is being written.
    left: u64,
    padding: usize,
}

impl Tar {
    pub(super) fn new() -> Self {
        // Fast: what is sent over a network is seldom worth more.
        Self { out: GzEncoder::new(Vec::new(), Compression::fast()), left: 0, padding: 0 }
    }

    pub(super) fn begin(&mut self, entry: &Entry<'_>) {
        let (kind, size, target) = match entry.what {
            What::File(size) => (b'0', size, b"".as_slice()),
            What::Directory => (b'5', 0, b"".as_slice()),
            What::Link(target) => (b'2', 0, target),
        };
        let slash: &[u8] = if entry.what == What::Directory { b"/" } else { b"" };
        let name = [entry.name, slash].concat();
        if name.len() > NAME {
            self.long(b'L', &name);
        }
        if target.len() > NAME {
            self.long(b'K', target);
        }
        self.header((kind, &name, target), (entry.mode, entry.changed), size);
        self.left = size;
        self.padding = padding(size);
    }

    /// A name that has no room in the header, before it.
    fn long(&mut self, kind: u8, name: &[u8]) {
        let size = name.len() as u64 + 1;
        self.header((kind, b"././@LongLink", b""), (0o644, 0), size);
        self.write(name);
        self.zeros(1 + padding(size));
    }

    fn header(&mut self, (kind, name, target): (u8, &[u8], &[u8]), (mode, changed): (u32, u32), size: u64) {
        let mut record = [0; RECORD];
        put(&mut record[..NAME], name);
        octal(&mut record[100..108], mode.into());
        octal(&mut record[108..116], 0);
        octal(&mut record[116..124], 0);
        octal(&mut record[124..136], size);
        octal(&mut record[136..148], changed.into());
        record[148..156].fill(b' ');
        record[156] = kind;
        put(&mut record[157..257], target);
        record[257..265].copy_from_slice(b"ustar  \0");
        let sum: u64 = record.iter().map(|byte| u64::from(*byte)).sum();
        put(&mut record[148..156], format!("{sum:06o}\0 ").as_bytes());
        self.write(&record);
    }

    pub(super) fn data(&mut self, data: &[u8]) {
        self.left = self.left.saturating_sub(data.len() as u64);
        self.write(data);
    }

    pub(super) fn end(&mut self) {
        // The header has said how much there is. The caller sees to it that little is missing.
        while self.left > 0 {
            let some = usize::try_from(self.left).unwrap_or(RECORD).min(RECORD);
            self.zeros(some);
            self.left -= some as u64;
        }
        let padding = std::mem::take(&mut self.padding);
        self.zeros(padding);
    }

    pub(super) fn finish(&mut self) {
        self.zeros(RECORD);
        self.zeros(RECORD);
        self.out.try_finish().expect(FITS);
    }

    pub(super) fn ready(&mut self) -> &mut Vec<u8> {
        self.out.get_mut()
    }

    fn zeros(&mut self, count: usize) {
        for chunk in [0; 2 * RECORD][..count.min(2 * RECORD)].chunks(RECORD) {
            self.write(chunk);
        }
    }

    fn write(&mut self, data: &[u8]) {
        self.out.write_all(data).expect(FITS);
    }
}

fn padding(size: u64) -> usize {
    let over = usize::try_from(size % RECORD as u64).unwrap_or_default();
    if over == 0 { 0 } else { RECORD - over }
}

fn put(field: &mut [u8], value: &[u8]) {
    let length = value.len().min(field.len());
    field[..length].copy_from_slice(&value[..length]);
}

/// With a zero byte behind the digits; what has no room is written as a number with the first bit set.
fn octal(field: &mut [u8], value: u64) {
    let digits = field.len() - 1;
    let text = format!("{value:0digits$o}");
    if text.len() > digits {
        let bytes = value.to_be_bytes();
        let from = field.len() - bytes.len();
        field[from..].copy_from_slice(&bytes);
        field[0] = 0x80;
        return;
    }
    put(field, text.as_bytes());
}
