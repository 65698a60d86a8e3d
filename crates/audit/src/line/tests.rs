#![allow(clippy::unwrap_used)]

use proptest::prelude::*;
use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::*;

fn entry(fields: Map<String, Value>) -> Entry {
    Entry {
        seq: 7,
        at: "2024-07-11T01:14:00.5Z".parse().unwrap(),
        mono_ns: 12,
        boot_id: Uuid::nil(),
        origin: "n/ptyd".to_owned(),
        kind: "test".to_owned(),
        uid: Some(Uuid::max()),
        fields,
        prev: Hash::ZERO,
        hash: Hash::ZERO,
    }
}

fn line_of(entry: &Entry) -> Vec<u8> {
    let mut line = seal(&entry.body()).0;
    assert_eq!(line.pop(), Some(b'\n'));
    line
}

#[test]
fn a_line_has_the_documented_form() {
    let mut fields = Map::new();
    fields.insert("who".to_owned(), json!("a\nb"));
    let body = concat!(
        r#"{"seq":7,"at":"2024-07-11T01:14:00.500000000Z","mono_ns":12,"#,
        r#""boot_id":"00000000-0000-0000-0000-000000000000","origin":"n/ptyd","kind":"test","#,
        r#""uid":"ffffffff-ffff-ffff-ffff-ffffffffffff","who":"a\nb","#,
        r#""prev":"0000000000000000000000000000000000000000000000000000000000000000"}"#
    );
    let expected = format!(r#"{{"body":{body},"hash":"{}"}}"#, Hash::of(body.as_bytes()));
    assert_eq!(String::from_utf8(line_of(&entry(fields))).unwrap(), expected);
}

#[test]
fn hashes_are_those_of_the_standard() {
    // The example "abc" of FIPS 180-4.
    let abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
    assert_eq!(Hash::of(b"abc").to_string(), abc);
    assert_eq!(abc.parse(), Ok(Hash::of(b"abc")));
    assert!(abc.to_uppercase().parse::<Hash>().is_err());
    assert!(abc[1..].parse::<Hash>().is_err());
}

#[test]
fn lines_are_read_up_to_the_limit_and_not_beyond() {
    let mut line = Vec::new();
    let longest = vec![b'x'; MAX_LINE_BYTES - 1];
    let mut input = [&longest[..], b"\nrest"].concat();
    let mut reader = input.as_slice();
    assert_eq!(read_line(&mut reader, &mut line).unwrap(), Found::Line);
    assert_eq!(line, longest);
    assert_eq!(read_line(&mut reader, &mut line).unwrap(), Found::Rest);
    assert_eq!(line, b"rest");
    assert_eq!(read_line(&mut reader, &mut line).unwrap(), Found::End);
    input.insert(0, b'x');
    assert_eq!(read_line(&mut input.as_slice(), &mut line).unwrap(), Found::TooLong);
}

fn json_value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<String>().prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 16, 4, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            proptest::collection::btree_map(any::<String>(), inner, 0..4)
                .prop_map(|m| Value::Object(m.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn an_entry_is_read_as_it_was_written(
        fields in proptest::collection::btree_map("f_[a-zA-Z \"]{0,8}", json_value(), 0..5),
    ) {
        let mut written = entry(fields.into_iter().collect());
        let line = line_of(&written);
        prop_assert!(!line.contains(&b'\n'));
        let read = unseal(&line).unwrap();
        written.hash = read.hash;
        prop_assert_eq!(read, written);
        fuzz_log_line(&line);
    }

    #[test]
    fn any_other_byte_anywhere_is_noticed(at in any::<proptest::sample::Index>(), byte in any::<u8>()) {
        let mut line = line_of(&entry(Map::new()));
        let at = at.index(line.len());
        prop_assume!(line[at] != byte);
        line[at] = byte;
        prop_assert!(unseal(&line).is_err());
    }

    #[test]
    fn arbitrary_bytes_do_not_panic(data in proptest::collection::vec(any::<u8>(), 0..300)) {
        fuzz_log_line(&data);
    }
}
