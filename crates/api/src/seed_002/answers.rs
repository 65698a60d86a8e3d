//! What those clients are sent, under their names.

use std::collections::BTreeMap;

use bastide_app::recordings::Recording;
use bastide_app::sessions::{self, Seen, State};
use jiff::Timestamp;
use serde::Serialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;
use uuid::Uuid;

#[derive(Serialize, ToSchema)]
#[schema(as = CompatSize)]
pub(crate) struct Size {
    rows: u16,
    cols: u16,
}

#[derive(Serialize, ToSchema)]
#[schema(as = CompatState)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Activity {
    Active,
    Closed,
}

/// A session as its making is answered.
#[derive(Serialize, ToSchema)]
#[schema(as = CompatSession)]
pub(crate) struct Short {
    id: Uuid,
    name: Option<String>,
    size: Size,
    created: Timestamp,
    state: Activity,
    /// The last part of the program's path.
    shell_type: String,
    /// A path on this server.
    websocket_url: String,
}

impl From<&Seen> for Short {
    fn from(Seen { session, .. }: &Seen) -> Self {
        let shell = session.command.first().map(String::as_str).unwrap_or_default();
        Self {
            id: session.uid,
            name: session.name.clone(),
            size: Size { rows: session.shown.rows, cols: session.shown.cols },
            created: session.created,
            state: match session.state {
                State::Connecting | State::Running => Activity::Active,
                State::Ended => Activity::Closed,
            },
            shell_type: shell.rsplit('/').next().unwrap_or_default().to_owned(),
            websocket_url: format!("/api/pty/sessions/{}/ws", session.uid),
        }
    }
}

/// A session in full.
#[derive(Serialize, ToSchema)]
#[schema(as = CompatSessionDetail)]
pub(crate) struct Full {
    #[serde(flatten)]
    short: Short,
    pid: Option<i32>,
    exit_code: Option<i32>,
    viewers: usize,
    /// Always true.
    pty_enabled: bool,
    /// What was asked for when it was made; only for one session, and not for those who look on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) environment: Option<BTreeMap<String, String>>,
}

impl From<&Seen> for Full {
    fn from(seen: &Seen) -> Self {
        let session = &seen.session;
        Self {
            short: Short::from(seen),
            pid: session.pid,
            exit_code: session.exit.map(|exit| exit.code),
            viewers: session.viewers.len(),
            pty_enabled: true,
            environment: None,
        }
    }
}

#[derive(Serialize, ToSchema)]
#[schema(as = CompatSessionList)]
pub(crate) struct Sessions {
    pub(super) sessions: Vec<Full>,
}

#[derive(Serialize, ToSchema)]
#[schema(as = CompatEvent)]
pub(crate) struct Happened {
    id: i64,
    session_id: Uuid,
    /// `create`, `attach`, `detach`, `resize`, `exit`, or a word of ours where those clients have none.
    event_type: String,
    #[schema(value_type = Object)]
    event_data: Map<String, Value>,
    created_at: Timestamp,
}

impl Happened {
    pub(super) fn of(session_id: Uuid, event: sessions::Event) -> Self {
        let event_type = match event.kind.as_str() {
            "session_created" => "create",
            "viewer_attached" => "attach",
            "viewer_detached" => "detach",
            "session_resized" => "resize",
            "session_ended" => "exit",
            other => other,
        };
        Self {
            id: event.id,
            session_id,
            event_type: event_type.to_owned(),
            event_data: event.data,
            created_at: event.at,
        }
    }
}

#[derive(Serialize, ToSchema)]
#[schema(as = CompatEventList)]
pub(crate) struct Events {
    pub(super) events: Vec<Happened>,
    pub(super) next: Option<String>,
}

/// A recording, and where its text is.
#[derive(Serialize, ToSchema)]
#[schema(as = CompatRecording)]
pub(crate) struct Recorded {
    #[serde(flatten)]
    recording: Recording,
    /// The same as `id`.
    session_id: Uuid,
    format: &'static str,
    /// A path on this server.
    cast_url: String,
}

impl From<Recording> for Recorded {
    fn from(recording: Recording) -> Self {
        Self {
            session_id: recording.id,
            format: "asciicast-v3",
            cast_url: format!("/api/v1/recordings/{}/cast", recording.id),
            recording,
        }
    }
}
