#![allow(clippy::unwrap_used)]

use proptest::prelude::*;

use super::*;

fn encode(records: &[(u64, Tag, &[u8])]) -> String {
    let mut encoder = Encoder::default();
    let mut out = Vec::new();
    for &(at_us, tag, bytes) in records {
        encoder.record(Record { tag, at_us, bytes }, &mut out);
    }
    encoder.finish(&mut out);
    String::from_utf8(out).unwrap()
}

/// The text of all events of one code.
fn text_of(lines: &str, code: &str) -> String {
    lines
        .lines()
        .map(|line| serde_json::from_str::<(f64, String, String)>(line).unwrap())
        .filter(|event| event.1 == code)
        .map(|event| event.2)
        .collect()
}

#[test]
fn lines_are_those_of_the_format() {
    let lines = encode(&[
        (248, Tag::Output, b"\x1b[31mhi\"\\\r\n\t\x07"),
        (1_000_248, Tag::Resize, &[90, 0, 30, 0]),
        (1_000_248, Tag::Marker, b"here"),
        (1_500_000, Tag::Input, b"x"),
        (90_061_000_001, Tag::Exit, &(-7i32).to_le_bytes()),
    ]);
    assert_eq!(
        lines,
        "[0.000248,\"o\",\"\\u001b[31mhi\\\"\\\\\\r\\n\\t\\u0007\"]\n\
         [1.000000,\"r\",\"90x30\"]\n\
         [0.000000,\"m\",\"here\"]\n\
         [0.499752,\"i\",\"x\"]\n\
         [90059.500001,\"x\",\"-7\"]\n"
    );
}

#[test]
fn a_character_cut_in_two_waits_for_its_end() {
    let euro = "€".as_bytes();
    let lines = encode(&[
        (1, Tag::Output, &euro[..1]),
        (2, Tag::Resize, &[1, 0, 1, 0]),
        (3, Tag::Output, &euro[1..2]),
        (4, Tag::Output, &euro[2..]),
    ]);
    assert_eq!(lines, "[0.000002,\"r\",\"1x1\"]\n[0.000002,\"o\",\"€\"]\n");
}

#[test]
fn invalid_bytes_become_replacements_and_are_counted() {
    let mut encoder = Encoder::default();
    let mut out = Vec::new();
    for bytes in [&b"a\xffb\xe2"[..], b"\x82", b"c\xf0\x9f", b"\xf0"] {
        encoder.record(Record { tag: Tag::Output, at_us: 0, bytes }, &mut out);
    }
    encoder.finish(&mut out);
    let lines = String::from_utf8(out).unwrap();
    assert_eq!(text_of(&lines, "o"), "a\u{fffd}b\u{fffd}c\u{fffd}\u{fffd}");
    assert_eq!(encoder.replaced(), 4);
}

#[test]
fn long_output_becomes_events_of_bounded_length() {
    let long = "ä".repeat(MAX_EVENT_BYTES);
    let lines = encode(&[(5, Tag::Output, b"-"), (5, Tag::Output, long.as_bytes())]);
    assert!(lines.lines().count() > 2);
    assert!(lines.lines().all(|line| line.len() < 6 * MAX_EVENT_BYTES + 100));
    assert_eq!(text_of(&lines, "o"), format!("-{long}"));
}

proptest! {
    #[test]
    fn cutting_output_anywhere_changes_no_text(
        bytes in proptest::collection::vec(any::<u8>(), 0..200),
        cuts in proptest::collection::vec(0usize..200, 0..8),
    ) {
        let mut cuts: Vec<usize> = cuts.into_iter().map(|c| c.min(bytes.len())).collect();
        cuts.extend([0, bytes.len()]);
        cuts.sort_unstable();
        let parts: Vec<(u64, Tag, &[u8])> =
            cuts.windows(2).map(|w| (0, Tag::Output, &bytes[w[0]..w[1]])).collect();
        prop_assert_eq!(text_of(&encode(&parts), "o"), String::from_utf8_lossy(&bytes).into_owned());
    }

    #[test]
    fn intervals_add_up_exactly(times in proptest::collection::vec(0u64..10_000_000_000, 1..50)) {
        let mut times = times;
        times.sort_unstable();
        let records: Vec<(u64, Tag, &[u8])> = times.iter().map(|&t| (t, Tag::Output, &b"x"[..])).collect();
        let sum: u64 = encode(&records)
            .lines()
            .map(|line| {
                let (whole, micros) = line[1..line.find(',').unwrap()].split_once('.').unwrap();
                whole.parse::<u64>().unwrap() * 1_000_000 + micros.parse::<u64>().unwrap()
            })
            .sum();
        prop_assert_eq!(sum, *times.last().unwrap());
    }

    #[test]
    fn records_come_back_from_the_buffer(
        items in proptest::collection::vec((0usize..5, any::<u64>(), proptest::collection::vec(any::<u8>(), 0..40)), 0..20),
    ) {
        let tags = [Tag::Output, Tag::Input, Tag::Marker, Tag::Resize, Tag::Exit];
        let mut buffer = Vec::new();
        for (tag, at_us, bytes) in &items {
            push_record(&mut buffer, Record { tag: tags[*tag], at_us: *at_us, bytes });
        }
        let mut rest = buffer.as_slice();
        for (tag, at_us, bytes) in &items {
            let record = next_record(&mut rest).unwrap();
            prop_assert_eq!((record.tag, record.at_us, record.bytes), (tags[*tag], *at_us, bytes.as_slice()));
        }
        prop_assert!(next_record(&mut rest).is_none());
    }
}

#[test]
fn every_byte_at_every_place_is_escaped_and_read_back() {
    for length in [1, 7, 8, 9, 23] {
        for at in 0..length {
            for byte in 0..0x80_u8 {
                // Neighbours at the edges of what is looked for, above 0x7f too.
                for around in ["a", " ", "\u{7f}", "é", "#", "[", "\u{1f}", "\"", "\\"] {
                    let mut text = around.repeat(at);
                    text.push(char::from(byte));
                    text.push_str(&around.repeat(length - at - 1));
                    let mut escaped = b"\"".to_vec();
                    escape_into(&text, &mut escaped);
                    escaped.push(b'"');
                    assert_eq!(serde_json::from_slice::<String>(&escaped).ok().as_ref(), Some(&text));
                }
            }
        }
    }
}
