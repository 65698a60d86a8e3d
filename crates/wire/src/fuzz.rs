//! Fuzz bodies: what must hold for any bytes. Plain functions, so that a test over stored corpora
//! and a coverage-guided fuzzer drive the same code.

use bytes::Bytes;

use crate::event::FromDaemon;
use crate::file_name;
use crate::frame::Frames;
use crate::line::FromClient;
use crate::request::{Head, Request, seq_of};
use crate::sftp::{Fields, Packet, Packets};
use crate::terminal::{binary, json, packed};

/// Frame limit of the body: small, so that a fuzzer reaches it.
const LIMIT: usize = 1 << 16;

/// Any byte stream, in any pieces, is cut into frames or refused, and every frame is read or
/// refused; the result does not depend on the pieces.
pub fn frames(data: &[u8]) {
    let whole = cut(data, data.len().max(1));
    let pieces = cut(data, usize::from(data.first().copied().unwrap_or(1) % 7) + 1);
    assert_eq!(whole, pieces, "frames depend on how the bytes arrive");
    for payload in &whole {
        let _ = seq_of(payload);
        if let Ok(head) = Head::read(payload) {
            let _ = Request::read(&head.kind, payload);
        }
        let _ = FromDaemon::read(payload);
    }
}

fn cut(data: &[u8], piece: usize) -> Vec<Vec<u8>> {
    let mut frames = Frames::new(LIMIT);
    let mut out = Vec::new();
    for part in data.chunks(piece) {
        frames.spare().extend_from_slice(part);
        loop {
            match frames.next_frame() {
                Ok(Some(payload)) => out.push(payload.to_vec()),
                Ok(None) => break,
                Err(_) => return out,
            }
        }
    }
    out
}

/// Any message of line mode is read or refused; what was read can be written and read again.
pub fn line(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    if let Ok(message) = FromClient::read(text) {
        let again = serde_json::to_string(&message).expect("messages are plain JSON");
        assert_eq!(FromClient::read(&again).ok(), Some(message));
    }
}

/// Any WebSocket message is read or refused; what was read can be written and read again.
pub fn websocket(data: &[u8]) {
    if let Ok(text) = std::str::from_utf8(data) {
        let _ = json::FromBrowser::read(text);
        if let Ok(message) = binary::FromBrowser::read(text) {
            let again = serde_json::to_string(&message).expect("messages are plain JSON");
            assert_eq!(binary::FromBrowser::read(&again).ok(), Some(message));
        }
    }
    if let Ok(piece) = binary::InputPiece::read(data) {
        assert_eq!(piece.encode(), data);
    }
    if let Ok(message) = binary::Downstream::read(data) {
        assert_eq!(message.encode(), data);
    }
    if let Ok(plain) = packed::unpack(data.to_vec())
        && plain != data
    {
        let message = binary::Downstream::read(&plain).expect("what was unpacked is a plain message");
        let again = packed::Packer::new().pack(&message, usize::MAX).expect("within the limits");
        assert_eq!(packed::unpack(again).as_ref(), Ok(&plain));
    }
    let mut stream = json::Utf8Stream::default();
    let half = data.len() / 2;
    let mut text = stream.push(&data[..half]);
    text.push_str(&stream.push(&data[half..]));
    let whole = json::Utf8Stream::default().push(data);
    assert_eq!(text, whole, "a split character changed the text");
}

/// SFTP packets however they come: cut the same way, and what was read of a file can be written and read again.
pub fn sftp(data: &[u8]) {
    let whole = cut_sftp(data, data.len().max(1));
    let pieces = cut_sftp(data, usize::from(data.first().copied().unwrap_or(1) % 7) + 1);
    assert_eq!(whole, pieces, "packets depend on how the bytes arrive");
    for packet in &whole {
        let Ok((kind, mut fields)) = Fields::of(packet) else { continue };
        let Ok(read) = fields.attributes() else { continue };
        let again = Packet::new(kind).attributes(&read).done();
        let (_, mut fields) = Fields::of(&again).expect("it has a type");
        assert_eq!((fields.attributes(), fields.is_empty()), (Ok(read), true));
    }
}

fn cut_sftp(data: &[u8], piece: usize) -> Vec<Bytes> {
    let mut packets = Packets::default();
    let mut out = Vec::new();
    for part in data.chunks(piece) {
        packets.add(part);
        loop {
            match packets.next() {
                Ok(Some(packet)) => out.push(packet),
                Ok(None) => break,
                Err(_) => return out,
            }
        }
    }
    out
}

/// Every name comes back out of its written form, which no line and no terminal is disturbed by; every text is read or
/// refused, and what it stands for comes back as well.
pub fn names(data: &[u8]) {
    let text = file_name::shown(data);
    assert!(!text.chars().any(|c| c.is_control() || ('\u{2028}'..='\u{202e}').contains(&c)));
    let is_name = !data.contains(&0) && data.len() <= file_name::MAX_PATH;
    assert_eq!(file_name::read(&text).ok().as_deref(), is_name.then_some(data));
    if let Ok(text) = std::str::from_utf8(data)
        && let Ok(name) = file_name::read(text)
    {
        assert_eq!(file_name::read(&file_name::shown(&name)), Ok(name));
    }
}
