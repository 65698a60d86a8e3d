#![allow(clippy::unwrap_used)]

use bastide_wire::sftp::{Packets, refusal};

use super::*;

fn string(bytes: &[u8]) -> Vec<u8> {
    let mut field = u32::try_from(bytes.len()).unwrap().to_be_bytes().to_vec();
    field.extend(bytes);
    field
}

fn packet(kind: u8, id: u32, fields: &[Vec<u8>]) -> Bytes {
    let mut body = vec![kind];
    body.extend(id.to_be_bytes());
    body.extend(fields.concat());
    let mut packets = Packets::default();
    packets.add(&string(&body));
    packets.next().unwrap().unwrap()
}

fn number(value: u32) -> Vec<u8> {
    value.to_be_bytes().to_vec()
}

fn open(id: u32, path: &[u8], flags: u32) -> Bytes {
    packet(request::OPEN, id, &[string(path), number(flags), number(0)])
}

#[test]
fn an_upload_is_told_with_size_and_digest() {
    let mut watch = Watch::default();
    let asks = open(1, b"/tmp/a\n", 0x1a);
    let needs = Watch::needs(&asks).unwrap().unwrap();
    assert_eq!(
        (needs.rights.as_slice(), needs.moved.path.as_str()),
        ([Transfer::Upload].as_slice(), "/tmp/a\\x0a")
    );
    assert_eq!(watch.sent(&asks), Ok(None));
    assert_eq!(watch.came(&packet(answer::HANDLE, 1, &[string(b"h")])), Ok(None));
    for (id, offset, data) in [(2, 0_u64, b"abc"), (3, 3, b"def")] {
        let write = packet(request::WRITE, id, &[string(b"h"), offset.to_be_bytes().to_vec(), string(data)]);
        assert_eq!(Watch::needs(&write), Ok(None));
        assert_eq!(watch.sent(&write), Ok(None));
        assert_eq!(watch.came(&packet(answer::STATUS, id, &[number(0), string(b""), string(b"")])), Ok(None));
    }
    let (transfer, moved) = watch.sent(&packet(request::CLOSE, 4, &[string(b"h")])).unwrap().unwrap();
    assert_eq!((transfer, moved.bytes, moved.why), (Transfer::Upload, 6, None));
    // Of "abcdef".
    assert!(moved.sha256.unwrap().starts_with("bef57ec7f53a6d40beb640a780a639c8"));
    assert!(watch.left().is_empty());
}

#[test]
fn a_download_out_of_order_has_no_digest_and_one_that_is_cut_says_so() {
    let mut watch = Watch::default();
    watch.sent(&open(1, b"f", 1)).unwrap();
    watch.came(&packet(answer::HANDLE, 1, &[string(b"h")])).unwrap();
    for (id, offset) in [(2, 4_u64), (3, 0)] {
        watch
            .sent(&packet(request::READ, id, &[string(b"h"), offset.to_be_bytes().to_vec(), number(4)]))
            .unwrap();
        watch.came(&packet(answer::DATA, id, &[string(b"four")])).unwrap();
    }
    let left = watch.left();
    let [(Transfer::Download, moved)] = left.as_slice() else { panic!("{left:?}") };
    assert_eq!((moved.bytes, &moved.sha256), (8, &None));
    assert!(moved.why.is_some());
}

#[test]
fn two_requests_under_one_number_are_refused_so_that_no_file_passes_for_another() {
    let mut watch = Watch::default();
    watch.sent(&open(1, b"/etc/shadow", 1)).unwrap();
    for second in [open(1, b"/tmp/x", 1), packet(request::STAT, 1, &[string(b"x")])] {
        assert_eq!(watch.sent(&second), Err(Bad));
    }
    watch.came(&packet(answer::HANDLE, 1, &[string(b"h")])).unwrap();
    // One of which nothing is written down takes its number too, until its answer.
    watch.sent(&packet(request::STAT, 1, &[string(b"x")])).unwrap();
    assert_eq!(watch.sent(&open(1, b"/tmp/x", 1)), Err(Bad));
    watch.came(&packet(answer::ATTRS, 1, &[number(0)])).unwrap();
    let (_, moved) = watch.sent(&packet(request::CLOSE, 1, &[string(b"h")])).unwrap().unwrap();
    assert_eq!(moved.path, "/etc/shadow");
}

#[test]
fn what_was_opened_needs_the_same_right_as_long_as_it_is_used() {
    let on = |kind| Watch::goes_on(&packet(kind, 7, &[string(b"h"), number(0), number(0), number(0)]));
    let needs = |transfer| Ok(Some((7, transfer, Bytes::from_static(b"h"))));
    assert_eq!(on(request::READ), needs(Transfer::Download));
    assert_eq!(on(request::WRITE), needs(Transfer::Upload));
    assert_eq!(on(request::FSETSTAT), needs(Transfer::Upload));
    assert_eq!(on(request::CLOSE), Ok(None));
}

#[test]
fn a_server_that_says_no_is_quoted() {
    let mut watch = Watch::default();
    watch.sent(&packet(request::REMOVE, 1, &[string(b"/etc/passwd")])).unwrap();
    let (_, moved) = watch.came(&refusal(1, "no way")).unwrap().unwrap();
    assert_eq!((moved.does, moved.why.as_deref()), ("remove", Some("no way")));
    watch.sent(&open(2, b"x", 1)).unwrap();
    let (transfer, moved) = watch.came(&refusal(2, "none")).unwrap().unwrap();
    assert_eq!((transfer, moved.why.as_deref()), (Transfer::Download, Some("none")));
}

#[test]
fn what_changes_something_needs_the_right_to_upload() {
    let one = |kind| packet(kind, 1, &[string(b"p"), string(b"q"), number(0)]);
    for kind in [
        request::SETSTAT,
        request::REMOVE,
        request::MKDIR,
        request::RMDIR,
        request::RENAME,
        request::SYMLINK,
        request::EXTENDED,
        99,
    ] {
        let needs = Watch::needs(&one(kind)).unwrap().unwrap();
        assert!(needs.rights.contains(&Transfer::Upload), "{kind}");
    }
    for kind in [request::STAT, request::OPENDIR, request::READDIR, request::REALPATH, request::CLOSE] {
        assert_eq!(Watch::needs(&one(kind)), Ok(None), "{kind}");
    }
    let both = Watch::needs(&open(1, b"p", 3)).unwrap().unwrap().rights;
    assert_eq!(both, [Transfer::Download, Transfer::Upload]);
    let none = Watch::needs(&open(1, b"p", 0)).unwrap().unwrap().rights;
    assert_eq!(none, [Transfer::Download]);
    assert_eq!(Watch::needs(&packet(request::OPEN, 1, &[number(9)])), Err(Bad));
}

#[test]
fn an_answer_belongs_to_one_request_and_a_number_that_waits_is_no_other_ones() {
    let look = |id| packet(request::OPENDIR, id, &[string(b"d")]);
    let handle = |id| packet(answer::HANDLE, id, &[string(b"h")]);
    for first in [look(1), open(1, b"f", 1), packet(request::CLOSE, 1, &[string(b"h")])] {
        let mut watch = Watch::default();
        watch.sent(&first).unwrap();
        assert_eq!(watch.sent(&open(1, b"f", 2)), Err(Bad), "its handle would not be known as a file's");
    }
    let mut watch = Watch::default();
    watch.sent(&look(1)).unwrap();
    watch.came(&handle(1)).unwrap();
    watch.sent(&open(1, b"f", 2)).unwrap();
    watch.came(&handle(1)).unwrap();
    watch.sent(&open(2, b"g", 2)).unwrap();
    let (_, first) = watch.came(&handle(2)).unwrap().unwrap();
    assert_eq!(first.path, "f", "the server gives its handle to another file");
    assert_eq!(watch.left()[0].1.path, "g");
}

#[test]
fn what_was_asked_for_is_told_though_the_client_did_not_wait_for_the_answer() {
    let mut watch = Watch::default();
    let setstat = packet(request::SETSTAT, 6, &[string(b"c"), number(0)]);
    let rename = packet(request::RENAME, 2, &[string(b"a"), string(b"b")]);
    let remove = packet(request::REMOVE, 1, &[string(b"/etc/passwd")]);
    let look = packet(request::STAT, 5, &[string(b"x")]);
    for asked in [remove, rename, open(3, b"new", 2), open(4, b"old", 1), look, setstat] {
        watch.sent(&asked).unwrap();
    }
    let left = watch.left();
    let told: Vec<_> = left
        .iter()
        .map(|(transfer, moved)| (*transfer, moved.does, moved.path.as_str(), moved.to.as_deref()))
        .collect();
    assert_eq!(
        told,
        [
            (Transfer::Upload, "remove", "/etc/passwd", None),
            (Transfer::Upload, "rename", "a", Some("b")),
            (Transfer::Upload, "upload", "new", None),
            (Transfer::Download, "download", "old", None),
            (Transfer::Upload, "setstat", "c", None),
        ]
    );
    let why = Some("the connection ended before the server answered");
    assert!(left.iter().all(|(_, moved)| moved.why.as_deref() == why));
    assert_eq!(watch.kept(), (0, 0));
    assert!(watch.left().is_empty(), "once");
}
