//! `/api/v1/sessions`.

use std::collections::BTreeMap;

use axum::Extension;
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use bastide_app::Ctx;
use bastide_app::sessions::{self, Event, NewSession, OnServer, Seen, State};
use bastide_app::together;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use crate::ask::{Asked, Id};
use crate::error::Problem;
use crate::json::Json;
use crate::page::{Page, Paging, encode};

#[derive(Debug, Serialize, ToSchema)]
#[schema(as = SessionList)]
pub(crate) struct List {
    sessions: Vec<Seen>,
    /// Where the next piece begins; null at the end.
    next: Option<String>,
}

#[derive(Debug, Default, Deserialize, IntoParams)]
pub(crate) struct Wanted {
    /// Only those that run, or only those that have ended.
    #[param(inline)]
    state: Option<State>,
    /// How many at most.
    #[param(minimum = 1, maximum = 500, default = 100)]
    limit: Option<u16>,
    /// `next` of the piece before.
    cursor: Option<String>,
}

#[derive(Debug, Serialize, ToSchema)]
#[schema(as = SessionEventList)]
pub(crate) struct EventList {
    events: Vec<Event>,
    /// Where the next piece begins; null at the end.
    next: Option<String>,
}

#[derive(Debug, Deserialize, ToSchema)]
#[schema(as = SessionCreate)]
#[serde(deny_unknown_fields)]
pub(crate) struct New {
    name: Option<String>,
    shell: Option<String>,
    cwd: Option<String>,
    #[serde(default)]
    env: BTreeMap<String, String>,
    cols: Option<u16>,
    rows: Option<u16>,
    /// A shell on this server instead of one of this machine: `shell` and `cwd` are left out.
    server_id: Option<i64>,
    /// What to log in with there; else the server's default one, or the one that is granted.
    credential_id: Option<i64>,
}

/// Where a session is to be.
pub(crate) fn on_server(server: Option<i64>, credential: Option<i64>) -> Result<Option<OnServer>, Problem> {
    match (server, credential) {
        (Some(server), credential) => Ok(Some(OnServer { server, credential })),
        (None, None) => Ok(None),
        (None, Some(_)) => Err(Problem::bad_request("credential_id: only together with server_id")),
    }
}

pub(crate) async fn session_list(
    Extension(ctx): Extension<Ctx>,
    Asked(Wanted { state, limit, cursor }): Asked<Wanted>,
) -> Result<axum::Json<List>, Problem> {
    let piece = Paging::piece(&Page { limit, cursor })?;
    let (sessions, next) = sessions::list(&ctx, state, piece).await?;
    Ok(axum::Json(List { sessions, next: next.map(|uid| encode(&uid.to_string())) }))
}

pub(crate) async fn session_events(
    Extension(ctx): Extension<Ctx>,
    Id(uid): Id<Uuid>,
    Asked(page): Asked<Page>,
) -> Result<axum::Json<EventList>, Problem> {
    let (events, next) = sessions::events(&ctx, uid, Paging::piece(&page)?).await?;
    Ok(axum::Json(EventList { events, next: next.map(|id| encode(&id.to_string())) }))
}

pub(crate) async fn session_get(
    Extension(ctx): Extension<Ctx>,
    Id(uid): Id<Uuid>,
) -> Result<axum::Json<Seen>, Problem> {
    Ok(axum::Json(sessions::get(&ctx, uid).await?))
}

pub(crate) async fn session_create(
    Extension(ctx): Extension<Ctx>,
    Json(new): Json<New>,
) -> Result<impl IntoResponse, Problem> {
    let New { name, shell, cwd, env, cols, rows, server_id, credential_id } = new;
    let server = on_server(server_id, credential_id)?;
    let new = NewSession { name, shell, cwd, env, size: size(cols, rows)?, server, detach_keep: None };
    let session = sessions::create(&ctx, new).await?;
    let place = format!("/api/v1/sessions/{}", session.session.uid);
    Ok((StatusCode::CREATED, [(header::LOCATION, place)], axum::Json(session)))
}

pub(crate) async fn session_end(
    Extension(ctx): Extension<Ctx>,
    Id(uid): Id<Uuid>,
) -> Result<StatusCode, Problem> {
    sessions::end(&ctx, uid).await?;
    Ok(StatusCode::NO_CONTENT)
}

#[derive(Debug, Default, Deserialize, ToSchema)]
#[schema(as = SessionEndSoon)]
#[serde(deny_unknown_fields)]
pub(crate) struct EndSoon {
    /// Why, for everybody there; at most 500 characters, none of them a line break.
    #[serde(default)]
    notice: String,
    /// Seconds until then, 0 to 300.
    #[serde(default = "usual_wait")]
    #[schema(maximum = 300)]
    after: u64,
}

/// Enough to read two lines and to save a file.
fn usual_wait() -> u64 {
    10
}

pub(crate) async fn session_end_soon(
    Extension(ctx): Extension<Ctx>,
    Id(uid): Id<Uuid>,
    Json(EndSoon { notice, after }): Json<EndSoon>,
) -> Result<StatusCode, Problem> {
    together::end_soon(&ctx, uid, (notice, after)).await?;
    Ok(StatusCode::ACCEPTED)
}

pub(crate) async fn session_end_stop(
    Extension(ctx): Extension<Ctx>,
    Id(uid): Id<Uuid>,
) -> Result<StatusCode, Problem> {
    together::end_stop(&ctx, uid).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// What is no uid names no session.
pub(crate) fn read_uid(text: &str) -> Result<Uuid, Problem> {
    text.parse().map_err(|_| Problem::not_found(format!("no session {text:?}: not a session's uid")))
}

pub(crate) fn size(cols: Option<u16>, rows: Option<u16>) -> Result<Option<(u16, u16)>, Problem> {
    match (cols, rows) {
        (None, None) => Ok(None),
        (Some(cols), Some(rows)) => Ok(Some((cols, rows))),
        _ => Err(Problem::bad_request("cols and rows: both or neither")),
    }
}
