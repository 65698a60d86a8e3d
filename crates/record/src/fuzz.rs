//! The reader over arbitrary bytes.

use crate::event::{Event, Kind};
use crate::export::{Lines, Version};
use crate::read::Reader;

/// Events looked at per input: a small compressed input can hold very many.
const MAX_EVENTS: usize = 10_000;
/// Exported bytes per input, for the same reason.
const MAX_EXPORT: usize = 8 * 1024 * 1024;

/// Reads `data` as a recording, exports what it gave as both versions, and reads that again: it must be
/// the same events. Panics when it is not.
pub fn fuzz_cast(data: &[u8]) {
    let Ok(reader) = Reader::new(data) else { return };
    let header = reader.header().clone();
    let events: Vec<_> = reader.take(MAX_EVENTS).filter_map(Result::ok).collect();
    for version in [Version::V2, Version::V3] {
        let mut lines = Lines::new(version);
        let mut file = header.to_line(version);
        let mut written = Vec::new();
        for event in &events {
            if file.len() > MAX_EXPORT {
                break;
            }
            if lines.line(event, &mut file) {
                written.push(event.clone());
            }
        }
        let again = Reader::new(file.as_slice()).expect("an export starts with a header");
        let read: Vec<_> = again.map(|event| event.expect("an export holds only events")).collect();
        assert_eq!(read.len(), written.len(), "an export has as many events as were exported");
        for (read, written) in read.iter().zip(&written) {
            assert!(same(read, written), "{written:?} is read back as {read:?}");
        }
    }
}

/// Data of an unknown shape may hold numbers of any length, which are read to the next that fits in 64
/// bits; all else is the same to the byte.
fn same(a: &Event, b: &Event) -> bool {
    match (&a.kind, &b.kind) {
        (Kind::Other { code: a_code, .. }, Kind::Other { code: b_code, .. }) => {
            (a.time, a_code) == (b.time, b_code)
        }
        _ => a == b,
    }
}
