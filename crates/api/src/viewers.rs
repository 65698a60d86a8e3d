//! `/api/v1/sessions/{uid}/viewers`, `…/keyboard` and `…/message`: several people in one session.

use axum::Extension;
use axum::http::StatusCode;
use bastide_app::{Ctx, together};
use bastide_wire::session::ViewerInfo;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::ask::Id;
use crate::error::Problem;
use crate::json::Json;

#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ViewerList)]
pub(crate) struct List {
    viewers: Vec<ViewerInfo>,
}

#[derive(Debug, Deserialize, ToSchema)]
#[schema(as = KeyboardGive)]
#[serde(deny_unknown_fields)]
pub(crate) struct Keyboard {
    /// The `id` of who alone types from now on; null: everybody who may write here.
    viewer: Option<u64>,
}

#[derive(Debug, Deserialize, ToSchema)]
#[schema(as = SessionMessage)]
#[serde(deny_unknown_fields)]
pub(crate) struct Message {
    /// At most 500 characters, none of them a line break or another control character.
    text: String,
}

pub(crate) async fn viewer_list(
    Extension(ctx): Extension<Ctx>,
    Id(session): Id<Uuid>,
) -> Result<axum::Json<List>, Problem> {
    Ok(axum::Json(List { viewers: together::viewers(&ctx, session).await? }))
}

pub(crate) async fn viewer_remove(
    Extension(ctx): Extension<Ctx>,
    Id((session, viewer)): Id<(Uuid, u64)>,
) -> Result<StatusCode, Problem> {
    together::show_out(&ctx, session, viewer).await?;
    Ok(StatusCode::NO_CONTENT)
}

pub(crate) async fn keyboard_ask(
    Extension(ctx): Extension<Ctx>,
    Id(place): Id<(Uuid, u64)>,
) -> Result<StatusCode, Problem> {
    together::ask(&ctx, place, true).await?;
    Ok(StatusCode::NO_CONTENT)
}

pub(crate) async fn keyboard_refuse(
    Extension(ctx): Extension<Ctx>,
    Id(place): Id<(Uuid, u64)>,
) -> Result<StatusCode, Problem> {
    together::ask(&ctx, place, false).await?;
    Ok(StatusCode::NO_CONTENT)
}

pub(crate) async fn keyboard_give(
    Extension(ctx): Extension<Ctx>,
    Id(session): Id<Uuid>,
    Json(Keyboard { viewer }): Json<Keyboard>,
) -> Result<StatusCode, Problem> {
    together::give(&ctx, session, viewer).await?;
    Ok(StatusCode::NO_CONTENT)
}

pub(crate) async fn session_message(
    Extension(ctx): Extension<Ctx>,
    Id(session): Id<Uuid>,
    Json(Message { text }): Json<Message>,
) -> Result<StatusCode, Problem> {
    together::say(&ctx, session, text).await?;
    Ok(StatusCode::NO_CONTENT)
}
