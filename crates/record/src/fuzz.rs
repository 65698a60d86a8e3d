//! The reader over arbitrary bytes.

use std::sync::Arc;

use crate::cast::{Cast, Index};
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

/// Looks `data` up as a stored recording and reads it whole and in parts: the parts must be what the whole
/// has there, and the tail of a file must not change what stands before it. Panics when they are not.
pub fn fuzz_ranges(data: &[u8]) {
    let cast = stored(data);
    let whole = read(&cast, 0, cast.len());
    if let Ok(whole) = &whole {
        assert_eq!(whole.len() as u64, cast.len(), "the length is that of the text");
    }
    let step = (cast.len() / 7).max(1);
    for from in (0..cast.len()).step_by(usize::try_from(step).unwrap_or(usize::MAX)).take(8) {
        let part = read(&cast, from, from + step);
        if let (Ok(whole), Ok(part)) = (&whole, part) {
            let from = usize::try_from(from).expect("the whole is in memory");
            let to = whole.len().min(from + usize::try_from(step).expect("it is shorter"));
            assert_eq!(part, whole[from..to], "a part is what the whole has there");
        }
    }
    let shorter = stored(&data[..data.len() / 2]);
    assert!(shorter.len() <= cast.len(), "more of a file is no less text");
    if let Ok(mut converted) = cast.as_v2() {
        let mut left = MAX_EXPORT;
        while let Ok(Some(chunk)) = converted.next_chunk()
            && left > 0
        {
            left = left.saturating_sub(chunk.len());
        }
    }
}

fn stored(data: &[u8]) -> Cast {
    let source = data.to_vec();
    let mut index = Index::default();
    index.extend(&source, data.len() as u64).expect("memory can be read");
    Cast::new(Arc::new(source), Arc::new(index), (data.len() as u64, None))
}

fn read(cast: &Cast, from: u64, to: u64) -> Result<Vec<u8>, crate::ReadError> {
    let mut slice = cast.slice(from..to);
    let mut text = Vec::new();
    while let Some(chunk) = slice.next_chunk()? {
        text.extend(chunk);
        if text.len() > MAX_EXPORT {
            return Err(crate::ReadError::Frame { at: 0, why: "too much to look at".to_owned() });
        }
    }
    Ok(text)
}
