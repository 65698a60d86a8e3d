//! What the daemon answers.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::control::GateInfo;
use crate::pool::PoolInfo;
use crate::session::{SessionInfo, Snapshot};
use crate::{Code, PROTOCOL_VERSION};

/// `handshake{seq, protocol_version, daemon_version, daemon_pid}`; the last three fields only to a
/// client that named capabilities.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct HandshakeReply {
    pub seq: u32,
    pub protocol_version: u32,
    pub daemon_version: String,
    pub daemon_pid: u32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub capabilities: Option<Vec<String>>,
    /// Kept in the daemon's state directory: the same after a restart.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub node: Option<Uuid>,
    /// Of this start; numeric session ids are valid within one instance.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instance: Option<Uuid>,
    /// With `rules`: what command control sessions on this machine can have.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub control: Option<Box<GateInfo>>,
}

/// `ok`; keys are absent when they say nothing.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct OkReply {
    pub seq: u32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sessions: Option<Vec<SessionInfo>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub snapshot: Option<Snapshot>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub count: Option<u32>,
    /// `create` under `spec`: the session's lasting name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uid: Option<Uuid>,
    /// `attach` under `viewers`: position of the first output byte that follows. `subscribe`:
    /// number of the next log entry; those before it are replay.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pos: Option<u64>,
    /// `attach` under `together`: the viewer's `id` in the session's list.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub viewer_id: Option<u64>,
    /// `connections`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pool: Option<Box<PoolInfo>>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ErrorReply {
    pub seq: u32,
    pub code: String,
    pub message: String,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Reply {
    Handshake(HandshakeReply),
    Ok(Box<OkReply>),
    Error(ErrorReply),
}

impl Reply {
    /// `ok` naming the session only.
    pub fn session(seq: u32, session: u32) -> Self {
        Self::ok(OkReply { seq, session: Some(session), ..OkReply::default() })
    }

    pub fn ok(reply: OkReply) -> Self {
        Self::Ok(Box::new(reply))
    }

    pub fn error(seq: u32, code: Code, message: impl Into<String>) -> Self {
        Self::Error(ErrorReply { seq, code: code.as_str().to_owned(), message: message.into() })
    }

    /// A handshake reply as the first protocol has it.
    pub fn handshake(seq: u32, daemon_version: &str, daemon_pid: u32) -> HandshakeReply {
        HandshakeReply {
            seq,
            protocol_version: PROTOCOL_VERSION,
            daemon_version: daemon_version.to_owned(),
            daemon_pid,
            capabilities: None,
            node: None,
            instance: None,
            control: None,
        }
    }

    /// The request this answers.
    pub fn seq(&self) -> u32 {
        match self {
            Self::Handshake(reply) => reply.seq,
            Self::Ok(reply) => reply.seq,
            Self::Error(reply) => reply.seq,
        }
    }
}
