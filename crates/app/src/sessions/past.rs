//! Sessions that the daemon no longer lists, and what is remembered of all of them.

use std::collections::BTreeMap;

use bastide_store as store;
use bastide_wire::session::{ExitStatus, SessionInfo};
use jiff::Timestamp;
use serde::Serialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;
use uuid::Uuid;

use super::{Recording, Seen, Session, Shown, State};
use crate::context::{Action, Ctx};
use crate::exec::OWN;
use crate::page::{Piece, cut};
use crate::servers::Named;
use crate::{Error, rules};

/// Something that happened in a session.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
#[schema(as = SessionEvent)]
pub struct Event {
    pub id: i64,
    /// `session_created`, `viewer_attached`, `viewer_detached`, `session_resized`, `session_ended`,
    /// `session_lost`, `recording_stalled`, `recording_resumed`, `recording_failed`; later releases may
    /// have more.
    #[serde(rename = "type")]
    pub kind: String,
    #[schema(value_type = Object)]
    pub data: Map<String, Value>,
    pub at: Timestamp,
}

/// What happened in a session, oldest first.
///
/// # Errors
/// `NotLoggedIn`, `NotFound`, `Forbidden`, `Storage`.
pub async fn events(
    ctx: &Ctx,
    uid: Uuid,
    Piece { limit, after }: Piece<i64>,
) -> Result<(Vec<Event>, Option<i64>), Error> {
    remembered(ctx, Action::SessionEvents, uid).await?;
    let rows = ctx.app().store().session_events(uid, after.unwrap_or(0), limit.saturating_add(1)).await?;
    let (rows, next) = cut(rows, limit, |row| row.id);
    let event = |row: store::Event| Event { id: row.id, kind: row.kind, data: row.data, at: row.at };
    Ok((rows.into_iter().map(event).collect(), next))
}

/// The variables that a session was opened with beside those that every session has. Secrets are masked.
///
/// # Errors
/// `NotLoggedIn`, `NotFound`, `Forbidden`, `Storage`.
pub async fn environment(ctx: &Ctx, uid: Uuid) -> Result<BTreeMap<String, String>, Error> {
    Ok(remembered(ctx, Action::SessionEvents, uid).await?.environment)
}

/// A session that the caller may do this with, running or not.
pub(crate) async fn remembered(ctx: &Ctx, action: Action, uid: Uuid) -> Result<store::Session, Error> {
    ctx.person()?;
    let row = ctx.app().store().session(uid).await?;
    let owner = row.as_ref().and_then(|row| row.opened.owner);
    ctx.authorize_session(action, uid, owner)?;
    row.ok_or_else(|| Error::session(uid))
}

/// Those that have ended and are not among `live`, newest first: enough to fill a piece.
pub(super) async fn list(
    ctx: &Ctx,
    live: &[Seen],
    (owner, piece): (Option<Uuid>, &Piece<Uuid>),
) -> Result<Vec<Seen>, Error> {
    // As many more as may be left out again.
    let known = u32::try_from(live.len()).unwrap_or(u32::MAX);
    let filter = store::SessionFilter {
        owner,
        ended: true,
        before: piece.after,
        limit: piece.limit.saturating_add(1).saturating_add(known),
        ..store::SessionFilter::default()
    };
    let rows = ctx.app().store().sessions(&filter).await?;
    let listed = |row: &store::Session| live.iter().any(|seen| seen.session.uid == row.opened.uid);
    Ok(rows.into_iter().filter(|row| !listed(row)).filter_map(|row| seen(ctx, row)).collect())
}

/// Keeps what only the server knows of a session that it has just made. Its shell runs already, so a
/// failure is told to whoever reads the log and to nobody else.
pub(super) async fn remember(ctx: &Ctx, info: &SessionInfo, environment: &BTreeMap<String, String>) {
    let Some(detail) = &info.detail else { return };
    let Some(uid) = info.uid else { return };
    let opened = store::Opened {
        uid,
        node: ctx.app().daemon().client().ok().and_then(|client| client.daemon().node),
        name: info.name.clone(),
        owner: detail.user.as_deref().and_then(|user| user.parse().ok()),
        account: Some(detail.account.clone()),
        command: detail.command.clone(),
        size: Some((detail.cols, detail.rows)),
        created: ctx.clock().now(),
        recording: store::RecordingState::Recording,
    };
    let environment = crate::history::masked(environment);
    if let Err(error) = ctx.app().store().remember_session(&opened, &environment).await {
        tracing::error!(%uid, %error, "the environment of a session is not remembered");
    }
}

/// `None` when the caller may not know of it.
pub(super) fn seen(ctx: &Ctx, row: store::Session) -> Option<Seen> {
    let server = row.server.clone().map(|(id, name)| Named { id, name });
    Some(Seen { server, ..Seen::by(ctx, read(row))? })
}

fn read(row: store::Session) -> Session {
    let store::Session { opened, ended, .. } = row;
    let (cols, rows) = opened.size.unwrap_or((80, 24));
    // What has the name of no daemon was never a terminal, or is known by its recording alone.
    let ours = opened.node.is_none() && ended.as_ref().is_some_and(|end| OWN.contains(&end.reason.as_str()));
    let exit = ended.and_then(|end| end.exit);
    Session {
        uid: opened.uid,
        name: opened.name,
        state: State::Ended,
        created: opened.created,
        pid: None,
        shown: Shown { cols, rows, title: None, cwd: None, label: ours.then(|| rules::LABEL.to_owned()) },
        command: opened.command,
        account: opened.account.unwrap_or_default(),
        owner: opened.owner,
        viewers: Vec::new(),
        recording: Recording { state: opened.recording.as_str().to_owned(), reason: None },
        exit: exit.map(|exit| ExitStatus { code: exit.code, signal: exit.signal }),
    }
}
