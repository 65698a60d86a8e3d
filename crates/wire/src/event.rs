//! What the daemon sends without being asked.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::control::CommandNotice;
use crate::session::{ExitStatus, Snapshot};
use crate::ssh::{PresentedKey, PromptKind};
use crate::together::{KeyboardMoved, ViewerEnded};
use crate::{DecodeError, bytes_field, frame};

/// Output bytes. `viewer` and `pos` only to clients that number their viewers.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(tag = "type", rename = "output")]
pub struct Output<'a> {
    pub session: u32,
    #[serde(borrow, with = "bytes_field")]
    pub data: Cow<'a, [u8]>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub viewer: Option<u32>,
    /// Raw bytes of the backend before this chunk.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pos: Option<u64>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Exit {
    pub session: u32,
    #[serde(flatten)]
    pub status: ExitStatus,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub viewer: Option<u32>,
    /// Position of the end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pos: Option<u64>,
}

/// `green`, `yellow` or `red`; once per crossing.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct BackpressureWarning {
    pub session: u32,
    pub queue_size: usize,
    pub level: String,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Resized {
    pub session: u32,
    pub viewer: u32,
    pub pos: u64,
    pub cols: u16,
    pub rows: u16,
}

/// Output from `pos` on was not sent; a `resync` follows when the viewer reads again.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Lagged {
    pub session: u32,
    pub viewer: u32,
    pub pos: u64,
}

/// The state to go on from: reset the terminal to `snapshot`, output continues at its `pos`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Resync {
    pub session: u32,
    pub viewer: u32,
    pub snapshot: Box<Snapshot>,
}

/// Words for the person at the terminal; never part of the backend's stream.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Notice {
    pub session: u32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub viewer: Option<u32>,
    /// `recording`, `ending`, `limits`, `detached`, `flow`, `ssh`, `command`, `message`, `viewers` or `keyboard`.
    pub kind: String,
    pub text: String,
    /// Of kind `command`, `ending`, `limits`, `message`, `viewers` or `keyboard`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub command: Option<Box<CommandNotice>>,
}

/// A question that whoever may type in the session can answer; sent to each such viewer, also to one that
/// attaches while it is open. `prompt_reply` answers it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Prompt {
    pub session: u32,
    pub viewer: u32,
    pub prompt_id: Uuid,
    /// The session's lasting name.
    pub uid: Uuid,
    pub kind: PromptKind,
    /// The server that asks, or about which is asked, by its name.
    pub server: String,
    /// In the server's own words for a question; printable, at most [`MAX_PROMPT`] bytes.
    pub text: String,
    /// Whether what is typed may be shown.
    pub echo: bool,
    /// RFC 3339, UTC: unanswered by then the connection fails.
    pub expires: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<PresentedKey>,
}

/// Longest text of a question; a server may send as much as it likes.
pub const MAX_PROMPT: usize = 1024;

/// A question that needs no answer any more: answered by somebody, expired, or its session has ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PromptClosed {
    pub session: u32,
    pub viewer: u32,
    pub prompt_id: Uuid,
}

/// One entry of the daemon's log.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LogEntry {
    pub seq: u64,
    /// RFC 3339, UTC, nanoseconds.
    pub at: String,
    pub kind: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uid: Option<Uuid>,
    #[serde(default)]
    pub fields: serde_json::Map<String, serde_json::Value>,
}

/// Entries before `first_seq` are gone: read `list`, then subscribe from there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Truncated {
    pub first_seq: u64,
}

/// Every event but output, which has its own path because there is so much of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Event {
    Exit(Exit),
    BackpressureWarning(BackpressureWarning),
    Resized(Resized),
    Lagged(Lagged),
    Resync(Resync),
    Notice(Notice),
    Prompt(Box<Prompt>),
    PromptClosed(PromptClosed),
    #[serde(rename = "event")]
    Log(LogEntry),
    Truncated(Truncated),
    KeyboardMoved(KeyboardMoved),
    ViewerEnded(ViewerEnded),
}

/// Any message from the daemon, as a client reads it.
#[derive(Debug)]
pub enum FromDaemon<'a> {
    Reply(crate::Reply),
    Output(Output<'a>),
    Event(Event),
}

#[derive(Debug, Deserialize)]
struct Kind<'a> {
    #[serde(borrow, rename = "type")]
    kind: Cow<'a, str>,
}

impl<'a> FromDaemon<'a> {
    /// Reads one payload.
    ///
    /// # Errors
    /// As [`crate::Request::read`]; an unknown type is `UnknownType`, which a client may skip.
    pub fn read(payload: &'a [u8]) -> Result<Self, DecodeError> {
        if !frame::is_map(payload) {
            return Err(DecodeError::NotAMap);
        }
        let kind: Kind<'a> = frame::decode(payload).map_err(|e| DecodeError::Head(e.to_string()))?;
        let bad = |e: rmp_serde::decode::Error| DecodeError::Body {
            kind: kind.kind.clone().into_owned(),
            why: e.to_string(),
        };
        Ok(match kind.kind.as_ref() {
            "output" => Self::Output(frame::decode(payload).map_err(bad)?),
            "handshake" | "ok" | "error" => Self::Reply(frame::decode(payload).map_err(bad)?),
            "exit"
            | "backpressure_warning"
            | "resized"
            | "lagged"
            | "resync"
            | "notice"
            | "prompt"
            | "prompt_closed"
            | "keyboard_moved"
            | "viewer_ended"
            | "event"
            | "truncated" => Self::Event(frame::decode(payload).map_err(bad)?),
            other => return Err(DecodeError::UnknownType(other.chars().take(64).collect())),
        })
    }
}

/// The frame around output bytes, without the bytes: prefix and map up to the end of the `bin`
/// header, so that the data itself is written from where it lies. `data` is the map's last field.
pub fn output_header(out: &mut Vec<u8>, session: u32, numbered: Option<(u32, u64)>, length: usize) {
    let start = out.len();
    out.extend_from_slice(&[0; frame::PREFIX]);
    out.push(if numbered.is_some() { 0x85 } else { 0x83 });
    text(out, "type");
    text(out, "output");
    text(out, "session");
    unsigned32(out, session);
    if let Some((viewer, pos)) = numbered {
        text(out, "viewer");
        unsigned32(out, viewer);
        text(out, "pos");
        out.push(0xcf);
        out.extend_from_slice(&pos.to_be_bytes());
    }
    text(out, "data");
    out.push(0xc6);
    let length32 = u32::try_from(length).expect("chunks are at most a frame long");
    out.extend_from_slice(&length32.to_be_bytes());
    let payload = out.len() - start - frame::PREFIX + length;
    let prefix = u32::try_from(payload).expect("chunks are at most a frame long").to_be_bytes();
    out[start..start + frame::PREFIX].copy_from_slice(&prefix);
}

/// MessagePack fixstr; every key here is shorter than 32 bytes.
fn text(out: &mut Vec<u8>, word: &str) {
    out.push(0xa0 | u8::try_from(word.len()).expect("keys are short"));
    out.extend_from_slice(word.as_bytes());
}

/// MessagePack uint 32, as small as it can be: old clients expect the smallest form.
fn unsigned32(out: &mut Vec<u8>, value: u32) {
    match value {
        0..=0x7f => out.push(value.to_be_bytes()[3]),
        _ => {
            out.push(0xce);
            out.extend_from_slice(&value.to_be_bytes());
        }
    }
}
