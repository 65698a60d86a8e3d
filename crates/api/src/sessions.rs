//! `/api/v1/sessions`.

use std::collections::BTreeMap;

use axum::Extension;
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use bastide_app::Ctx;
use bastide_app::sessions::{self, NewSession, Seen};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::ask::Id;
use crate::error::Problem;
use crate::json::Json;

#[derive(Debug, Serialize, ToSchema)]
#[schema(as = SessionList)]
pub(crate) struct List {
    sessions: Vec<Seen>,
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
}

pub(crate) async fn session_list(Extension(ctx): Extension<Ctx>) -> Result<axum::Json<List>, Problem> {
    Ok(axum::Json(List { sessions: sessions::list(&ctx).await? }))
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
    let New { name, shell, cwd, env, cols, rows } = new;
    let new = NewSession { name, shell, cwd, env, size: size(cols, rows)? };
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
