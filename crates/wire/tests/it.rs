//! The wire as its clients see it, byte by byte.
#![allow(clippy::unwrap_used)]

use std::borrow::Cow;
use std::collections::BTreeMap;

use bastide_wire::control::{
    AlertEntry, CommandFacts, CommandNotice, Decided, ProcessFacts, ReviewClosedEntry, ReviewOpenedEntry,
    VerdictEntry, label,
};
use bastide_wire::event::{FromDaemon, Output, output_header};
use bastide_wire::frame::{Frames, encode};
use bastide_wire::pool::PoolRequest;
use bastide_wire::request::{Attach, Create, Envelope, Extension, Head, Input, Request, seq_of};
use bastide_wire::terminal::binary::{Downstream, ToBrowser};
use bastide_wire::terminal::packed::unpack;
use bastide_wire::{DecodeError, Event, MAX_INPUT_FRAME, Reply};
use proptest::prelude::*;
use serde_json::json;

fn pack(value: &serde_json::Value) -> Vec<u8> {
    rmp_serde::to_vec_named(value).unwrap()
}

fn read(payload: &[u8]) -> Result<Request<'_>, DecodeError> {
    let kind = Head::read(payload)?.kind.into_owned();
    Request::read(&kind, payload)
}

#[test]
fn options_accept_nil_and_absence() {
    for message in [
        json!({"type": "create", "seq": 1}),
        json!({"type": "create", "seq": 1, "cwd": null, "cols": null, "rows": null, "env": null,
               "shell": null, "initial_commands": null, "uid": null, "spec": null, "unknown": [1, {"a": 2}]}),
    ] {
        let payload = pack(&message);
        let Request::Create(create) = read(&payload).unwrap() else { panic!("not a create") };
        assert!(create.cwd.is_none() && create.env.is_none() && create.spec.is_none());
    }
}

#[test]
fn input_is_bin_str_or_array() {
    let bin = rmp_serde::to_vec_named(&Envelope {
        kind: "input",
        seq: 4,
        body: Input { session: 1, viewer: None, data: Cow::Borrowed(b"ls\r") },
    })
    .unwrap();
    let text = pack(&json!({"type": "input", "seq": 4, "session": 1, "data": "ls\r"}));
    let array = pack(&json!({"type": "input", "seq": 4, "session": 1, "data": [108, 115, 13]}));
    for payload in [bin, text, array] {
        let Request::Input(input) = read(&payload).unwrap() else { panic!("not an input") };
        assert_eq!(input.data.as_ref(), b"ls\r");
    }
    let bad = pack(&json!({"type": "input", "seq": 4, "session": 1, "data": [300]}));
    assert!(matches!(read(&bad), Err(DecodeError::Body { .. })));
}

#[test]
fn heads_that_cannot_be_answered() {
    for message in [
        json!({"type": "list"}),
        json!({"type": "list", "seq": 1.5}),
        json!({"type": "list", "seq": -1}),
        json!({"type": "list", "seq": 4_294_967_296_u64}),
        json!(["list", 1]),
        json!("list"),
    ] {
        let payload = pack(&message);
        assert!(Head::read(&payload).is_err(), "{message} was read");
    }
    assert_eq!(seq_of(&pack(&json!({"type": 7, "seq": 9}))), Some(9));
    assert!(matches!(read(&pack(&json!({"type": "nonsense", "seq": 1}))), Err(DecodeError::UnknownType(_))));
}

#[test]
fn trailing_bytes_in_a_frame_are_ignored() {
    let mut payload = pack(&json!({"type": "list", "seq": 3}));
    payload.extend_from_slice(b"\xc1garbage");
    assert!(matches!(read(&payload), Ok(Request::List)));
}

#[test]
fn frames_over_the_limit_and_empty_ones_are_errors() {
    let mut frames = Frames::new(MAX_INPUT_FRAME);
    frames.spare().extend_from_slice(&(4 * 1024 * 1024 + 1_u32).to_be_bytes());
    assert!(matches!(frames.next_frame(), Err(DecodeError::TooLarge { .. })));
    let mut frames = Frames::new(MAX_INPUT_FRAME);
    frames.spare().extend_from_slice(&[0; 4]);
    assert_eq!(frames.next_frame(), Err(DecodeError::Empty));
}

#[test]
fn replies_have_the_keys_old_clients_know_and_no_others() {
    let payload = encode(&Reply::session(7, 3));
    let value: serde_json::Value = rmp_serde::from_slice(&payload[4..]).unwrap();
    assert_eq!(value, json!({"type": "ok", "seq": 7, "session": 3}));
    let payload = encode(&Reply::Handshake(Reply::handshake(1, "0.2.0", 42)));
    let value: serde_json::Value = rmp_serde::from_slice(&payload[4..]).unwrap();
    assert_eq!(
        value,
        json!({"type": "handshake", "seq": 1, "protocol_version": 1, "daemon_version": "0.2.0", "daemon_pid": 42})
    );
}

#[test]
fn an_exit_without_signal_has_no_such_key() {
    let status = bastide_wire::session::ExitStatus { code: 3, signal: None };
    let exit = Event::Exit(bastide_wire::event::Exit { session: 1, status, viewer: None, pos: None });
    let value: serde_json::Value = rmp_serde::from_slice(&encode(&exit)[4..]).unwrap();
    assert_eq!(value, json!({"type": "exit", "session": 1, "code": 3}));
}

#[test]
fn identifiers_are_text() {
    let uid = uuid::Uuid::from_u128(0x0190_0000_0000_7000_8000_0000_0000_0001);
    let frame =
        encode(&Envelope { kind: "create", seq: 5, body: Create { uid: Some(uid), ..Create::default() } });
    let value: serde_json::Value = rmp_serde::from_slice(&frame[4..]).unwrap();
    assert_eq!(value, json!({"type": "create", "seq": 5, "uid": "01900000-0000-7000-8000-000000000001"}));
    let Request::Create(back) = read(&frame[4..]).unwrap() else { panic!("not a create") };
    assert_eq!(back.uid, Some(uid));
}

proptest! {
    #[test]
    fn output_header_and_data_are_one_output(session: u32, numbered: Option<(u32, u64)>, data: Vec<u8>) {
        let mut frame = Vec::new();
        output_header(&mut frame, session, numbered, data.len());
        frame.extend_from_slice(&data);
        let mut frames = Frames::new(1 << 20);
        frames.spare().extend_from_slice(&frame);
        let payload = frames.next_frame().unwrap().unwrap();
        prop_assert!(frames.is_empty());
        let FromDaemon::Output(Output { session: s, data: d, viewer, pos }) = FromDaemon::read(&payload).unwrap()
            else { return Err(TestCaseError::fail("not an output")) };
        prop_assert_eq!((s, d.as_ref(), viewer.zip(pos)), (session, data.as_slice(), numbered));
    }

    #[test]
    fn requests_round_trip(session: u32, viewer: Option<u32>, from: Option<u64>, write: Option<bool>) {
        let body = Attach { session, viewer, write, scrollback: None, from, credit: Some(1 << 20), client: None, about: None };
        let frame = encode(&Envelope { kind: "attach", seq: 5, body });
        let Request::Attach(back) = read(&frame[4..]).unwrap() else { return Err(TestCaseError::fail("kind")) };
        prop_assert_eq!((back.session, back.viewer, back.from, back.write), (session, viewer, from, write));
    }

    #[test]
    fn create_round_trips(env: BTreeMap<String, String>, cols: u16, name: Option<String>) {
        let body = Create { env: Some(env.clone()), cols: Some(cols), name: name.clone(), ..Create::default() };
        let frame = encode(&Envelope { kind: "create", seq: 5, body });
        let Request::Create(back) = read(&frame[4..]).unwrap() else { return Err(TestCaseError::fail("kind")) };
        prop_assert_eq!((back.env, back.cols, back.name), (Some(env), Some(cols), name));
    }

    #[test]
    fn any_bytes_are_read_or_refused(data: Vec<u8>) {
        bastide_wire::fuzz::frames(&data);
        bastide_wire::fuzz::websocket(&data);
    }
}

/// The page's own test unpacks the same files.
#[test]
fn messages_packed_by_an_earlier_release_are_what_they_were() {
    let screen = std::fs::read("../vt/tests/streams/vim.80x24.vt").unwrap();
    let output = unpack(std::fs::read("tests/packed/vim.output").unwrap()).unwrap();
    assert_eq!(Downstream::read(&output).unwrap(), Downstream::Output { pos: 70_000_000_000, data: &screen });
    let snapshot = unpack(std::fs::read("tests/packed/vim.snapshot").unwrap()).unwrap();
    let expected = Downstream::Snapshot { pos: 9, cols: 80, rows: 24, restore: &screen };
    assert_eq!(Downstream::read(&snapshot).unwrap(), expected);
}

#[test]
fn the_pool_is_told_and_an_older_reader_sees_an_ok() {
    assert!(matches!(
        read(&pack(&json!({"type": "connections", "seq": 1}))),
        Ok(Request::Other(Extension::Pool(PoolRequest::Connections)))
    ));
    let end = pack(&json!({"type": "connection_end", "seq": 2, "id": 7, "later": true}));
    let Request::Other(Extension::Pool(PoolRequest::End(end))) = read(&end).unwrap() else {
        panic!("not an end")
    };
    assert_eq!(end.id, 7);
    let bad = pack(&json!({"type": "connection_end", "seq": 2, "id": "7"}));
    assert!(matches!(read(&bad), Err(DecodeError::Body { .. })));

    let connection = json!({"id": 1, "server": "far", "host": "h", "port": 22, "username": "ann",
        "channels": 2, "since": "2026-01-01T00:00:00Z", "is_new": 1});
    let told = pack(&json!({"type": "ok", "seq": 1, "pool": {"connections": [connection]}}));
    let Reply::Ok(told) = rmp_serde::from_slice(&told).unwrap() else { panic!("not an ok") };
    let pool = told.pool.unwrap();
    assert_eq!((pool.connections[0].channels, &pool.connections[0].idle_since, pool.dials), (2, &None, 0));
}

#[test]
fn rules_and_reviews_are_read() {
    let payload = pack(&json!({"type": "put_rules", "seq": 1, "digest": "ab", "bytes": [123, 125]}));
    let Request::Other(Extension::PutRules(put)) = read(&payload).unwrap() else { panic!("not put_rules") };
    assert_eq!((put.digest.as_str(), put.bytes.as_ref()), ("ab", b"{}".as_slice()));
    let uid = "0199a3f2-1c4d-7aaa-8000-00000000beef";
    let payload = pack(&json!({"type": "set_rules", "seq": 1, "uid": null, "digest": "ab"}));
    let Request::Other(Extension::SetRules(set)) = read(&payload).unwrap() else { panic!("not set_rules") };
    assert!(set.uid.is_none());
    let payload = pack(&json!({"type": "review_reply", "seq": 1, "uid": uid, "review": uid, "approve": true,
                               "hash": "cd"}));
    let Request::Other(Extension::ReviewReply(reply)) = read(&payload).unwrap() else { panic!("no reply") };
    assert!(reply.approve && reply.hash == "cd" && reply.by.is_empty());
    let no_hash =
        pack(&json!({"type": "review_reply", "seq": 1, "uid": uid, "review": uid, "approve": true}));
    assert!(matches!(read(&no_hash), Err(DecodeError::Body { .. })));
}

#[test]
fn entries_of_verdicts_are_flat() {
    let entry = VerdictEntry {
        door: "exec".into(),
        label: label::GATED.into(),
        decided: Decided { action: "deny".into(), rule: Some("no-reboot".into()), ..Decided::default() },
        command: CommandFacts {
            program: "reboot".into(),
            argv: vec!["reboot".into()],
            ..CommandFacts::default()
        },
        process: Some(ProcessFacts { pid: 7, ..ProcessFacts::default() }),
        ..VerdictEntry::default()
    };
    let fields = serde_json::to_value(&entry).unwrap();
    assert_eq!((&fields["action"], &fields["program"]), (&json!("deny"), &json!("reboot")));
    assert_eq!(fields["process"]["pid"], json!(7));
    assert!(fields.get("untold").is_none() && fields.get("line").is_none());
    assert_eq!(serde_json::from_value::<VerdictEntry>(fields).unwrap(), entry);
}

#[test]
fn a_notice_about_a_command_is_flat_for_the_page_and_absent_otherwise() {
    let command =
        CommandNotice { level: "error".into(), zh: "命令被拦截".into(), ..CommandNotice::default() };
    let notice = ToBrowser::Notice {
        kind: "command".into(),
        text: "refused".into(),
        command: Some(Box::new(command)),
    };
    let text = serde_json::to_value(&notice).unwrap();
    assert_eq!(
        text,
        json!({"type": "notice", "kind": "command", "text": "refused", "level": "error", "zh": "命令被拦截"})
    );
    let plain = ToBrowser::Notice { kind: "flow".into(), text: "x".into(), command: None };
    let text = serde_json::to_value(&plain).unwrap();
    assert_eq!(text, json!({"type": "notice", "kind": "flow", "text": "x"}));
    assert_eq!(serde_json::from_value::<ToBrowser>(text).unwrap(), plain);
}

#[test]
fn entries_leave_the_names_that_the_log_has_itself_alone() {
    let entries = [
        serde_json::to_value(VerdictEntry::default()).unwrap(),
        serde_json::to_value(ReviewOpenedEntry::default()).unwrap(),
        serde_json::to_value(ReviewClosedEntry::default()).unwrap(),
        serde_json::to_value(AlertEntry::default()).unwrap(),
    ];
    for entry in entries {
        for name in ["seq", "at", "mono_ns", "boot_id", "origin", "kind", "uid", "prev", "hash", "body"] {
            assert!(entry.get(name).is_none(), "{name} in {entry}");
        }
    }
}
