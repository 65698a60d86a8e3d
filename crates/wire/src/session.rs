//! What a session looks like from outside.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::control::ControlInfo;
use crate::together::ViewerRole;

/// One row of `list`. Times are Unix seconds as decimal strings, as existing clients parse them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SessionInfo {
    pub id: u32,
    pub pid: i32,
    pub pts: String,
    pub is_alive: bool,
    pub created_at: String,
    pub last_attached_at: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uid: Option<Uuid>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<SessionDetail>,
    /// How its commands are controlled; absent where they are not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub control: Option<Box<ControlInfo>>,
    /// What holds of the limits that it was opened with; absent where it has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limits: Option<Box<LimitsInfo>>,
    /// People who were shown out and cannot come back, as `About.user` names them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub barred: Vec<String>,
}

/// Limits by their names in `spec`: `umask`, `group.memory`, `private_tmp`, ….
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LimitsInfo {
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub in_force: Vec<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub missing: Vec<MissingLimit>,
}

/// A limit that was asked for and is not there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MissingLimit {
    pub limit: String,
    pub cause: String,
}

/// What our own clients see beside it (capability `viewers`).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SessionDetail {
    pub cols: u16,
    pub rows: u16,
    pub title: Option<String>,
    pub cwd: Option<String>,
    pub command: Vec<String>,
    /// The OS user it runs as, on the machine that it runs on.
    pub account: String,
    /// The person the session was opened for, as `spec.subject.user` named them.
    pub user: Option<String>,
    pub pos: u64,
    pub viewers: Vec<ViewerInfo>,
    pub recording: RecordingInfo,
    pub exit: Option<ExitStatus>,
    /// Of a session whose backend is on another machine.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub remote: Option<RemoteInfo>,
}

/// Where a session's backend is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RemoteInfo {
    /// The server's name, as the caller has it: `spec.target`, else the name of the last hop.
    pub target: String,
    pub username: String,
    pub host: String,
    pub port: u16,
    /// There is no shell yet: it is being dialled, or a question about that is open.
    pub connecting: bool,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = Viewer)]
#[expect(clippy::struct_excessive_bools, reason = "the wire's own shape: what is true of a viewer now")]
pub struct ViewerInfo {
    /// May type now.
    pub write: bool,
    pub lagged: bool,
    /// Who looks: the name given when attaching, else the connection's `client_id`.
    pub client: Option<String>,
    /// Names this viewer in its session, and never another one there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<u64>,
    /// RFC 3339, UTC.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<String>,
    /// The person, by their uid; none for a client on the daemon's machine.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// What they are to the session.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub role: Option<ViewerRole>,
    /// The door they came by: `web` or `ssh`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub via: Option<String>,
    /// The address they come from; shown to who may end the session.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address: Option<String>,
    /// Wants the keyboard.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub asks: bool,
    /// Was given the keyboard: nobody else may type.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub keyboard: bool,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecordingInfo {
    /// `recording`, `stalled`, `failed`, `closed` or `off`.
    pub state: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Path on the daemon's machine.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
}

/// `code` is 128 + signal for a program that a signal ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = Exit)]
pub struct ExitStatus {
    pub code: i32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signal: Option<i32>,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[expect(clippy::struct_excessive_bools, reason = "the wire's own shape: one flag per terminal mode")]
pub struct Modes {
    pub application_cursor: bool,
    pub bracketed_paste: bool,
    pub mouse_tracking: bool,
    pub mouse_sgr: bool,
    pub focus_reporting: bool,
    pub alternate_screen: bool,
    pub cursor_visible: bool,
    pub auto_wrap: bool,
}

/// The screen at one position. `content` and `rehydrate` are the first protocol's; `restore` is
/// ours: fed to a fresh terminal of `cols` by `rows` it yields exactly this state.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Snapshot {
    #[serde(default)]
    pub content: String,
    #[serde(default)]
    pub rehydrate: String,
    pub cols: u16,
    pub rows: u16,
    pub cursor_x: u16,
    pub cursor_y: u16,
    pub modes: Modes,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cwd: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pos: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none", with = "serde_bytes")]
    pub restore: Option<Vec<u8>>,
}
