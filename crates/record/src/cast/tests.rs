#![allow(clippy::unwrap_used)]

use proptest::prelude::*;
use zstd::zstd_safe::CParameter;

use super::*;

const HEADER: &str = "{\"version\":3,\"term\":{\"cols\":80,\"rows\":24}}\n";

fn frame(text: &[u8]) -> Vec<u8> {
    let mut compressor = zstd::bulk::Compressor::new(1).unwrap();
    compressor.set_parameter(CParameter::ChecksumFlag(true)).unwrap();
    compressor.compress(text).unwrap()
}

fn cast(file: Vec<u8>) -> Cast {
    let mut index = Index::default();
    let bytes = file.len() as u64;
    index.extend(&file, bytes).unwrap();
    Cast::new(Arc::new(file), Arc::new(index), (bytes, None))
}

fn read(cast: &Cast, range: Range<u64>) -> Result<Vec<u8>, ReadError> {
    let mut slice = cast.slice(range);
    let mut text = Vec::new();
    loop {
        let left = slice.left();
        match slice.next_chunk()? {
            Some(chunk) => {
                assert_eq!(slice.left(), left - chunk.len() as u64);
                text.extend(chunk);
            }
            None => return Ok(text),
        }
    }
}

fn stored(texts: &[Vec<u8>]) -> (Vec<u8>, Vec<u8>) {
    let frames = texts.iter().flat_map(|text| frame(text)).collect();
    (frames, texts.concat())
}

proptest! {
    #[test]
    fn any_part_is_what_the_whole_has_there(
        texts in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..600), 0..20),
        cuts in proptest::collection::vec((0u64..9000, 0u64..9000), 1..20),
    ) {
        let (file, text) = stored(&texts);
        let cast = cast(file);
        prop_assert_eq!(cast.len(), text.len() as u64);
        prop_assert_eq!(cast.damage(), None);
        prop_assert_eq!(&read(&cast, 0..u64::MAX).unwrap(), &text);
        for (a, b) in cuts {
            let part = read(&cast, a..b).unwrap();
            let to = usize::try_from(b).unwrap().min(text.len());
            let from = usize::try_from(a).unwrap().min(to);
            prop_assert_eq!(part, &text[from..to]);
        }
    }

    #[test]
    fn a_cut_file_has_its_whole_frames(
        texts in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 1..200), 1..8),
        cut in any::<prop::sample::Index>(),
    ) {
        let (mut file, text) = stored(&texts);
        let cut = cut.index(file.len() + 1);
        file.truncate(cut);
        let mut whole = 0;
        let mut end = 0;
        for one in &texts {
            end += frame(one).len();
            if end <= cut {
                whole += one.len();
            }
        }
        let cast = cast(file);
        prop_assert_eq!(cast.len(), whole as u64);
        prop_assert_eq!(cast.damage(), None, "what is begun is no damage");
        prop_assert_eq!(read(&cast, 0..u64::MAX).unwrap(), &text[..whole]);
    }

    #[test]
    fn changed_bytes_are_an_error_or_another_end_and_never_other_text(
        texts in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 50..300), 1..5),
        at in any::<prop::sample::Index>(),
        change in 1u8..,
    ) {
        let (mut file, text) = stored(&texts);
        let at = at.index(file.len());
        file[at] ^= change;
        if let Ok(read) = read(&cast(file), 0..u64::MAX) {
            prop_assert!(text.starts_with(&read), "the checksum holds what is given");
        }
    }

    #[test]
    fn anything_at_all_is_read_without_a_panic(data in proptest::collection::vec(any::<u8>(), 0..3000)) {
        crate::fuzz_ranges(&data);
    }
}

#[test]
fn an_index_grows_with_its_file_and_is_the_same_as_one_made_at_once() {
    let texts: Vec<Vec<u8>> = (0..50).map(|n| vec![b'a' + n % 26; 100_000]).collect();
    let (file, text) = stored(&texts);
    let mut grown = Index::default();
    for end in (0..=file.len()).step_by(97).chain([file.len()]) {
        grown.extend(&file, end as u64).unwrap();
    }
    let at_once = cast(file.clone());
    assert_eq!((grown.end(), grown.damage()), (at_once.index.end(), None));
    let grown = Cast::new(Arc::new(file), Arc::new(grown), (0, None));
    assert_eq!(read(&grown, 4_999_000..5_000_000).unwrap(), &text[4_999_000..]);
    assert_eq!(read(&grown, 1_234_567..2_345_678).unwrap(), &text[1_234_567..2_345_678]);
}

#[test]
fn marks_stay_few_however_long_a_recording_is() {
    // Runs of one byte: a megabyte of text in a few bytes of file.
    let one = frame(&vec![b'x'; 1024 * 1024]);
    let file: Vec<u8> = one.iter().copied().cycle().take(one.len() * 9000).collect();
    let cast = cast(file);
    assert_eq!(cast.len(), 9000 * 1024 * 1024);
    assert!(cast.index.marks() <= 4096, "{}", cast.index.marks());
    assert_eq!(read(&cast, cast.len() - 3..cast.len()).unwrap(), b"xxx");
    assert_eq!(cast.slice(0..u64::MAX).next_chunk().unwrap().unwrap().len(), 1024 * 1024);
}

#[test]
fn what_follows_the_whole_frames_is_told_apart() {
    let header = frame(HEADER.as_bytes());
    let behind = |rest: &[u8]| cast([header.as_slice(), rest].concat());
    for begun in
        [&[][..], &[0x28], &[0x28, 0xb5, 0x2f, 0xfd], &[0; 3], &[0; 5000], &header[..9], &[0x50, 0x2a]]
    {
        let cast = behind(begun);
        assert_eq!((cast.len(), cast.damage()), (HEADER.len() as u64, None), "{begun:?}");
    }
    for damaged in [&b"x"[..], b"garbage of some length", &[0, 0, 1], &[0x28, 0xb5, 0x2f, 0xfd, 8, 0, 0]] {
        let cast = behind(damaged);
        assert_eq!(cast.len(), HEADER.len() as u64, "{damaged:?}");
        assert!(cast.damage().is_some_and(|why| why.starts_with("at byte ")), "{damaged:?}");
    }
    let skipped = behind(&[&[0x53, 0x2a, 0x4d, 0x18, 3, 0, 0, 0, 1, 2, 3][..], &header].concat());
    assert_eq!(skipped.len(), 2 * HEADER.len() as u64);
    assert_eq!(read(&skipped, 0..u64::MAX).unwrap(), HEADER.repeat(2).as_bytes());
}

#[test]
fn a_frame_that_claims_too_much_is_not_put_in_memory() {
    // Single segment, eight bytes of content size (RFC 8878, section 3.1.1).
    let mut claims = vec![0x28, 0xb5, 0x2f, 0xfd, 0xe0];
    claims.extend((1u64 << 40).to_le_bytes());
    claims.extend([1, 0, 0]);
    let cast = cast(claims);
    assert_eq!(cast.len(), 0);
    assert!(cast.damage().unwrap().contains("1099511627776"), "{:?}", cast.damage());
}

#[test]
fn a_frame_that_holds_less_than_it_says_ends_the_reading() {
    let mut file = frame(HEADER.as_bytes());
    let last = file.len() - 1;
    file[last] ^= 1;
    file.extend(frame(b"after\n"));
    let cast = cast(file);
    let mut slice = cast.slice(0..u64::MAX);
    assert!(matches!(slice.next_chunk(), Err(ReadError::Frame { at: 0, .. })));
    assert!(matches!(slice.next_chunk(), Ok(None)));
    assert_eq!(read(&cast, HEADER.len() as u64..u64::MAX).unwrap(), b"after\n", "other parts are whole");
}

#[test]
fn small_frames_are_given_together_and_damage_comes_after_what_is_whole() {
    let mut file: Vec<u8> =
        (0..10_000).flat_map(|n| frame(format!("[0, \"o\", \"{n:05}\"]\n").as_bytes())).collect();
    let length = cast(file.clone()).len();
    let mut slice = cast(file.clone()).slice(0..u64::MAX);
    let mut chunks = 0;
    while slice.next_chunk().unwrap().is_some() {
        chunks += 1;
    }
    assert!(chunks <= 3, "{chunks} chunks for {length} bytes");
    let last = file.len() - 1;
    file[last] ^= 1;
    let cast = cast(file);
    let mut slice = cast.slice(length - 60..u64::MAX);
    assert_eq!(slice.next_chunk().unwrap().unwrap().len(), 42, "all but the damaged line");
    assert!(matches!(slice.next_chunk(), Err(ReadError::Frame { .. })));
    assert!(matches!(slice.next_chunk(), Ok(None)));
}

#[test]
fn the_other_version_is_made_line_by_line() {
    let events = "[0.5, \"o\", \"a\"]\n[0.5, \"o\", \"b\"]\n";
    let cast = cast([frame(HEADER.as_bytes()), frame(events.as_bytes())].concat());
    let mut converted = cast.as_v2().unwrap();
    let text = converted.next_chunk().unwrap().unwrap();
    let expected =
        "{\"version\":2,\"width\":80,\"height\":24}\n[0.500000,\"o\",\"a\"]\n[1.000000,\"o\",\"b\"]\n";
    assert_eq!(String::from_utf8(text).unwrap(), expected);
    assert!(converted.next_chunk().unwrap().is_none());
}
