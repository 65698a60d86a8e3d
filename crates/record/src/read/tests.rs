#![allow(clippy::unwrap_used)]

use super::*;

const V3: &str = r#"{"version":3,"term":{"cols":80,"rows":24,"type":"xterm"},"timestamp":1504467315,"title":"Demo","env":{"SHELL":"/bin/zsh"},"tags":["a"]}
# a comment
[0.248, "o", "\u001b[1mhi"]

[1.001, "m", ""]
[2.05, "r", "90x30"]
[0.5, "z", {"a": 1}]
[0.887, "x", "3"]
"#;

fn read(text: &[u8]) -> (Vec<Result<Event, ReadError>>, Option<End>) {
    let mut reader = Reader::new(text).unwrap();
    let events = reader.by_ref().collect();
    (events, reader.end().cloned())
}

fn at(us: u64, kind: Kind) -> Event {
    Event { time: Duration::from_micros(us), kind }
}

fn header_error(text: &[u8]) -> String {
    Reader::new(text).err().unwrap().to_string()
}

#[test]
fn version_3_counts_from_the_event_before() {
    let reader = Reader::new(V3.as_bytes()).unwrap();
    let header = reader.header();
    assert_eq!((header.cols, header.rows, header.term.as_deref()), (80, 24, Some("xterm")));
    assert_eq!(header.env["SHELL"], "/bin/zsh");
    let events: Vec<Event> = reader.map(Result::unwrap).collect();
    let other = Kind::Other { code: "z".to_owned(), data: serde_json::json!({"a": 1}) };
    assert_eq!(
        events,
        [
            at(248_000, Kind::Output("\u{1b}[1mhi".to_owned())),
            at(1_249_000, Kind::Marker(String::new())),
            at(3_299_000, Kind::Resize { cols: 90, rows: 30 }),
            at(3_799_000, other),
            at(4_686_000, Kind::Exit(3)),
        ]
    );
}

#[test]
fn version_2_counts_from_the_start() {
    let text = "{\"version\": 2, \"width\": 80, \"height\": 24, \"env\": {\"TERM\": \"vt100\"}}\n\
                [0.25, \"o\", \"a\"]\n[1.5, \"i\", \"b\"]\n[1.4, \"o\", \"c\"]";
    let reader = Reader::new(text.as_bytes()).unwrap();
    assert_eq!(reader.version(), Version::V2);
    assert_eq!(reader.header().term.as_deref(), Some("vt100"));
    let times: Vec<u64> = reader.map(|e| e.unwrap().time.as_micros() as u64).collect();
    assert_eq!(times, [250_000, 1_500_000, 1_500_000]);
}

#[test]
fn what_is_no_recording_is_refused_with_the_reason() {
    assert!(header_error(b"").contains("empty"));
    assert!(header_error(b"hello\n").contains("not a recording"));
    assert!(header_error(b"{\"version\":1,\"width\":80}\n").contains("version 1"));
    assert!(header_error(b"{\"version\":3,\"term\":{\"cols\":70000,\"rows\":1}}\n").contains("70000"));
    assert!(header_error(&[0x28, 0xb5]).contains("first line"));
    assert!(header_error(b"(nothing of zstd").contains("damaged"));
    assert!(header_error(&vec![b'x'; MAX_LINE_BYTES + 1]).contains("longer than"));
}

#[test]
fn a_bad_line_is_named_and_the_next_one_read() {
    let text = format!("{V3}[-1, \"o\", \"x\"]\n[\"o\"]\n[0, \"o\", \"after\"]\n");
    let (events, end) = read(text.as_bytes());
    assert_eq!(end, Some(End::Complete));
    let messages: Vec<String> =
        events.iter().filter_map(|e| e.as_ref().err().map(ToString::to_string)).collect();
    assert!(messages[0].starts_with("line 9 is not an event: -1"), "{messages:?}");
    assert!(messages[1].starts_with("line 10 "), "{messages:?}");
    let last = events.last().unwrap().as_ref().unwrap();
    assert_eq!(last.kind, Kind::Output("after".to_owned()));
}

#[test]
fn a_cut_line_ends_the_events() {
    let (events, end) = read(&V3.as_bytes()[..V3.len() - 5]);
    assert_eq!(events.len(), 4);
    assert_eq!(end, Some(End::Truncated { line: 8 }));
    let (events, end) = read(&V3.as_bytes()[..V3.len() - 1]);
    assert_eq!(events.len(), 5);
    assert_eq!(end, Some(End::Complete));
}

#[test]
fn zeros_after_a_power_loss_are_a_cut_and_other_bytes_are_damage() {
    let mut file = zstd::bulk::compress(V3.as_bytes(), 1).unwrap();
    let whole = file.len();
    file.extend([0; 5000]);
    let (events, end) = read(&file);
    assert_eq!((events.len(), end), (5, Some(End::Truncated { line: 9 })));

    file.truncate(whole);
    file.extend(b"garbage");
    let (events, end) = read(&file);
    assert!(matches!(events.last().unwrap(), Err(ReadError::Damaged { line: 9, .. })), "{events:?}");
    assert_eq!((events.len(), end), (6, None));
}

#[test]
fn a_changed_byte_in_a_frame_is_damage() {
    let frame = |text: &[u8]| {
        let mut compressor = zstd::bulk::Compressor::new(1).unwrap();
        compressor.set_parameter(zstd::zstd_safe::CParameter::ChecksumFlag(true)).unwrap();
        compressor.compress(text).unwrap()
    };
    let header = V3.lines().next().unwrap();
    let mut file = frame(format!("{header}\n").as_bytes());
    file.extend(frame(b"[1, \"o\", \"x\"]\n"));
    let last = file.len() - 1;
    file[last] ^= 1;
    let mut reader = Reader::new(file.as_slice()).unwrap();
    assert!(matches!(reader.next(), Some(Err(ReadError::Damaged { line: 2, .. }))));
    assert!(reader.next().is_none());
    assert_eq!(reader.end(), None);
}

#[test]
fn an_endless_line_is_refused() {
    let mut text = V3.as_bytes().to_vec();
    text.extend(vec![b' '; MAX_LINE_BYTES + 1]);
    let (events, _) = read(&text);
    assert!(matches!(events.last().unwrap(), Err(ReadError::LineTooLong { line: 9, .. })));
}
