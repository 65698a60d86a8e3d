#![allow(clippy::unwrap_used)]
use proptest::prelude::*;

use super::*;

/// An answer of each kind as terminals give it.
const REPLIES: &[(QueryKind, &[u8])] = &[
    (QueryKind::PrimaryAttributes, b"\x1b[?1;2c"),
    (QueryKind::SecondaryAttributes, b"\x1b[>0;276;0c"),
    (QueryKind::TertiaryAttributes, b"\x1bP!|00000000\x1b\\"),
    (QueryKind::Status, b"\x1b[0n"),
    (QueryKind::CursorPosition, b"\x1b[12;40R"),
    (QueryKind::ExtendedCursorPosition, b"\x1b[?12;40R"),
    (QueryKind::Mode, b"\x1b[?2004;1$y"),
    (QueryKind::Mode, b"\x1b[4;2$y"),
    (QueryKind::Version, b"\x1bP>|XTerm(370)\x1b\\"),
    (QueryKind::Colour, b"\x1b]11;rgb:0000/0000/0000\x1b\\"),
    (QueryKind::Colour, b"\x1b]4;1;rgb:cdcd/0000/0000\x07"),
    (QueryKind::Keyboard, b"\x1b[?0u"),
    (QueryKind::Setting, b"\x1bP1$r0m\x1b\\"),
    (QueryKind::TextArea, b"\x1b[8;24;80t"),
];

/// All that comes out when each piece arrives at the same time, and the rest is flushed later.
fn run(filter: &mut ReplyFilter, pieces: &[&[u8]], now: Instant) -> Vec<u8> {
    let mut out = Vec::new();
    for piece in pieces {
        out.extend_from_slice(&filter.filter(piece, now));
    }
    out.extend(filter.flush(now + HOLD));
    out
}

#[test]
fn takes_one_answer_of_each_kind_wherever_it_is_cut() {
    let now = Instant::now();
    for (kind, reply) in REPLIES {
        let input = [b"ab", *reply, b"cd"].concat();
        for cut in 0..=input.len() {
            let mut filter = ReplyFilter::default();
            filter.expect(*kind, now);
            let (a, b) = input.split_at(cut);
            assert_eq!(run(&mut filter, &[a, b], now), b"abcd", "{kind:?} cut at {cut}");
            // The second one is the viewer's own.
            assert_eq!(run(&mut filter, &[*reply], now), *reply, "{kind:?}");
        }
    }
}

#[test]
fn shift_f3_passes_unless_a_position_is_outstanding() {
    let now = Instant::now();
    let mut filter = ReplyFilter::default();
    assert_eq!(&*filter.filter(b"\x1b[1;2R", now), b"\x1b[1;2R");
    filter.expect(QueryKind::Status, now);
    assert_eq!(&*filter.filter(b"\x1b[1;2R", now), b"\x1b[1;2R", "another question");
    filter.expect(QueryKind::CursorPosition, now);
    assert_eq!(&*filter.filter(b"\x1b[1;2R\x1b[1;2R", now), b"\x1b[1;2R", "one of two");
}

#[test]
fn an_answer_after_the_window_is_input() {
    let now = Instant::now();
    let mut filter = ReplyFilter::default();
    filter.expect(QueryKind::CursorPosition, now);
    let late = now + WINDOW;
    assert_eq!(&*filter.filter(b"\x1b[1;2R", late), b"\x1b[1;2R");
}

#[test]
fn escape_alone_is_held_and_given_back_in_order() {
    let now = Instant::now();
    let mut filter = ReplyFilter::default();
    filter.expect(QueryKind::CursorPosition, now);
    assert_eq!(&*filter.filter(b"x\x1b", now), b"x");
    let at = filter.flush_at().unwrap();
    assert_eq!(filter.flush(now), b"", "not yet");
    assert_eq!(filter.flush(at), b"\x1b");
    assert_eq!(filter.flush_at(), None);
    // Without a flush, the next input brings it.
    filter.filter(b"\x1b", now);
    assert_eq!(&*filter.filter(b"j", now), b"\x1bj");
}

#[test]
fn nothing_is_held_without_an_outstanding_answer() {
    let now = Instant::now();
    let mut filter = ReplyFilter::default();
    assert!(matches!(filter.filter(b"\x1b", now), Cow::Borrowed(b"\x1b")));
    filter.expect(QueryKind::Status, now);
    filter.filter(b"\x1b[0n", now);
    assert!(matches!(filter.filter(b"\x1b", now), Cow::Borrowed(b"\x1b")));
}

#[test]
fn held_bytes_and_remembered_questions_are_bounded() {
    let now = Instant::now();
    let mut filter = ReplyFilter::default();
    for _ in 0..10_000 {
        filter.expect(QueryKind::Colour, now);
    }
    assert_eq!(filter.expected.len(), MAX_EXPECTED);
    let long = [b"\x1b]4;".as_slice(), &[b'1'; 10_000]].concat();
    let mut out = Vec::new();
    for byte in &long {
        out.extend_from_slice(&filter.filter(&[*byte], now));
        assert!(filter.held.len() <= MAX_REPLY + 3);
    }
    assert_eq!(out, long);
}

const KEYS: &[&[u8]] = &[b"\x1b[A", b"\x1bOA", b"\x1b[1;5C", b"\x1b[200~", b"\x1b"];

fn input() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        prop::sample::select(REPLIES).prop_map(|(_, reply)| reply.to_vec()),
        "[a-z\u{1b}\\[\\]P0-9;?R\u{7}\\\\]{1,8}".prop_map(String::into_bytes),
        prop::collection::vec(any::<u8>(), 1..6),
        prop::sample::select(KEYS).prop_map(<[u8]>::to_vec),
    ];
    prop::collection::vec(piece, 0..12).prop_map(|pieces| pieces.concat())
}

proptest! {
    #[test]
    fn without_questions_input_is_untouched(input in input(), size in 1usize..9) {
        let mut filter = ReplyFilter::default();
        for piece in input.chunks(size) {
            prop_assert!(matches!(filter.filter(piece, Instant::now()), Cow::Borrowed(p) if p == piece));
        }
    }

    #[test]
    fn cuts_do_not_matter_and_only_answers_go(
        input in input(),
        size in 1usize..9,
        kinds in prop::collection::vec(prop::sample::select(REPLIES), 0..4),
    ) {
        let now = Instant::now();
        let (mut whole, mut cut) = (ReplyFilter::default(), ReplyFilter::default());
        for (kind, _) in &kinds {
            whole.expect(*kind, now);
            cut.expect(*kind, now);
        }
        let pieces: Vec<&[u8]> = input.chunks(size).collect();
        let out = run(&mut whole, &[&input], now);
        prop_assert_eq!(&out, &run(&mut cut, &pieces, now));
        // What is missing is at most one answer per question.
        let taken = kinds.len() - whole.expected.len();
        prop_assert!(taken > 0 || out == input);
        let mut left = input.iter();
        prop_assert!(out.iter().all(|byte| left.any(|b| b == byte)), "order is kept");
    }
}
