//! What a client asks of the daemon.
//!
//! A message is read twice: first its [`Head`], so that a bad body can still be answered by its
//! `seq`, then the body of its type, borrowing byte fields from the frame.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::control::{PutRules, ReviewCancel, ReviewReply, SetRules};
use crate::pool::PoolRequest;
use crate::spec::Spec;
use crate::ssh::Secret;
use crate::together::{About, Together};
use crate::{DecodeError, bytes_field, frame};

/// Type and sequence number of any request.
#[derive(Debug, Deserialize)]
pub struct Head<'a> {
    #[serde(borrow, rename = "type")]
    pub kind: Cow<'a, str>,
    pub seq: u32,
}

impl<'a> Head<'a> {
    /// Reads the head and leaves the rest.
    ///
    /// # Errors
    /// `NotAMap` and `Head`: nothing can be answered, the connection is to be closed.
    pub fn read(payload: &'a [u8]) -> Result<Self, DecodeError> {
        if !frame::is_map(payload) {
            return Err(DecodeError::NotAMap);
        }
        frame::decode(payload).map_err(|e| DecodeError::Head(e.to_string()))
    }
}

/// Only the sequence number, for an error reply to a message without a readable type.
#[derive(Debug, Deserialize)]
struct SeqOnly {
    seq: u32,
}

/// The `seq` of a message whose head is otherwise unreadable.
pub fn seq_of(payload: &[u8]) -> Option<u32> {
    if !frame::is_map(payload) {
        return None;
    }
    frame::decode::<SeqOnly>(payload).ok().map(|only| only.seq)
}

#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Handshake {
    pub token: String,
    pub protocol_version: u32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_id: Option<String>,
    /// `control` or `stream`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub capabilities: Option<Vec<String>>,
}

#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Create {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cwd: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cols: Option<u16>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rows: Option<u16>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub env: Option<BTreeMap<String, String>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shell: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub initial_commands: Option<Vec<String>>,
    /// Chosen by the caller; repeating it returns the same session (capability `spec`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uid: Option<Uuid>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// A program and its arguments instead of a login shell (capability `spec`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub argv: Option<Vec<String>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub spec: Option<Spec>,
}

#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Attach {
    pub session: u32,
    /// The client's own number for this attachment, unique in its connection (capability `viewers`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub viewer: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub write: Option<bool>,
    /// Lines of scrollback wanted in the snapshot.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scrollback: Option<u32>,
    /// Continue at this position instead of a snapshot, where that is still possible.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<u64>,
    /// Output bytes that may be on their way before an `ack`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub credit: Option<u32>,
    /// Who looks, as others are shown; the connection's `client_id` when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client: Option<String>,
    /// More about them (capability `together`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub about: Option<About>,
}

/// A session, and a viewer of it where the client numbers viewers.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize)]
pub struct Target {
    pub session: u32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub viewer: Option<u32>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Input<'a> {
    pub session: u32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub viewer: Option<u32>,
    #[serde(borrow, with = "bytes_field")]
    pub data: Cow<'a, [u8]>,
}

#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub struct Resize {
    pub session: u32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub viewer: Option<u32>,
    pub cols: u16,
    pub rows: u16,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Signal {
    pub session: u32,
    pub signal: String,
}

/// Progress: chunks for the first protocol (`count`), bytes for ours (`viewer`, `pos`).
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize)]
pub struct Ack {
    pub session: u32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub count: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub viewer: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pos: Option<u64>,
}

#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub struct TakeSnapshot {
    pub session: u32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scrollback: Option<u32>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct End {
    pub uid: Uuid,
    #[serde(default)]
    pub reason: String,
}

/// Longest answer to a question: no password and no one-time code is longer.
pub const MAX_ANSWER: usize = 4096;

/// An answer to a `prompt`. Neither an answer nor `accept` is a refusal: the connection then fails with that
/// reason.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct PromptReply {
    pub session: u32,
    pub viewer: u32,
    pub prompt_id: Uuid,
    /// What was typed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answer: Option<Secret>,
    /// The host key is the right one.
    #[serde(default)]
    pub accept: bool,
}

#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize)]
pub struct Subscribe {
    pub from_seq: u64,
}

/// The requests of the first protocol.
#[derive(Debug)]
pub enum Request<'a> {
    Handshake(Handshake),
    Create(Box<Create>),
    List,
    Attach(Attach),
    Detach(Target),
    Kill(u32),
    KillAll,
    Input(Input<'a>),
    Resize(Resize),
    Signal(Signal),
    ClearScrollback(u32),
    Other(Extension<'a>),
}

/// What came after it. `ack` is here because one shape serves both kinds of client.
#[derive(Debug)]
pub enum Extension<'a> {
    Ack(Ack),
    Snapshot(TakeSnapshot),
    End(End),
    Subscribe(Subscribe),
    PromptReply(PromptReply),
    PutRules(PutRules<'a>),
    SetRules(SetRules),
    ReviewReply(Box<ReviewReply>),
    ReviewCancel(ReviewCancel),
    /// No new sessions from now on; the daemon ends when the last one has.
    Drain,
    Pool(PoolRequest),
    Together(Box<Together>),
}

impl<'a> Request<'a> {
    /// Reads the body that belongs to `kind`.
    ///
    /// # Errors
    /// `UnknownType`, or `Body` with what was missing or of the wrong type.
    pub fn read(kind: &str, payload: &'a [u8]) -> Result<Self, DecodeError> {
        fn body<'a, T: Deserialize<'a>>(kind: &str, payload: &'a [u8]) -> Result<T, DecodeError> {
            frame::decode(payload)
                .map_err(|e| DecodeError::Body { kind: kind.to_owned(), why: e.to_string() })
        }
        Ok(match kind {
            "handshake" => Self::Handshake(body(kind, payload)?),
            "create" => Self::Create(Box::new(body(kind, payload)?)),
            "list" => Self::List,
            "attach" => Self::Attach(body(kind, payload)?),
            "detach" => Self::Detach(body(kind, payload)?),
            "kill" => Self::Kill(body::<Target>(kind, payload)?.session),
            "kill_all" => Self::KillAll,
            "input" => Self::Input(body(kind, payload)?),
            "resize" => Self::Resize(body(kind, payload)?),
            "signal" => Self::Signal(body(kind, payload)?),
            "clear_scrollback" => Self::ClearScrollback(body::<Target>(kind, payload)?.session),
            "ack" => Self::Other(Extension::Ack(body(kind, payload)?)),
            "snapshot" => Self::Other(Extension::Snapshot(body(kind, payload)?)),
            "end" => Self::Other(Extension::End(body(kind, payload)?)),
            "subscribe" => Self::Other(Extension::Subscribe(body(kind, payload)?)),
            "prompt_reply" => Self::Other(Extension::PromptReply(body(kind, payload)?)),
            "put_rules" => Self::Other(Extension::PutRules(body(kind, payload)?)),
            "set_rules" => Self::Other(Extension::SetRules(body(kind, payload)?)),
            "review_reply" => Self::Other(Extension::ReviewReply(Box::new(body(kind, payload)?))),
            "review_cancel" => Self::Other(Extension::ReviewCancel(body(kind, payload)?)),
            "drain" => Self::Other(Extension::Drain),
            "connections" => Self::Other(Extension::Pool(PoolRequest::Connections)),
            "connection_end" => Self::Other(Extension::Pool(PoolRequest::End(body(kind, payload)?))),
            other => {
                let asked = match other {
                    "keyboard" => Together::Keyboard(body(kind, payload)?),
                    "keyboard_ask" => Together::KeyboardAsk(body(kind, payload)?),
                    "viewer_end" => Together::ViewerEnd(body(kind, payload)?),
                    "say" => Together::Say(body(kind, payload)?),
                    "end_soon" => Together::EndSoon(body(kind, payload)?),
                    "end_stop" => Together::EndStop(body(kind, payload)?),
                    other => return Err(DecodeError::UnknownType(other.chars().take(64).collect())),
                };
                Self::Other(Extension::Together(Box::new(asked)))
            }
        })
    }
}

/// A request as a client writes it: `type` and `seq` beside the fields of `body`.
#[derive(Debug, Serialize)]
pub struct Envelope<'k, T> {
    #[serde(rename = "type")]
    pub kind: &'k str,
    pub seq: u32,
    #[serde(flatten)]
    pub body: T,
}

/// The body of a request without fields.
#[derive(Debug, Clone, Copy, Default, Serialize)]
pub struct Empty {}
