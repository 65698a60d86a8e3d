//! `/api/v1/session-settings`: what holds for sessions that are opened.

use axum::Extension;
use axum::http::HeaderMap;
use axum::response::Response;
use bastide_app::session_settings::{self, Holds, Scope, Settings, Written};
use bastide_app::{Action, Ctx};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::ask::{Asked, Id};
use crate::error::Problem;
use crate::json::Json;
use crate::versioned;

#[derive(Debug, Deserialize, IntoParams)]
pub(crate) struct Whose {
    /// The number of a person; the caller where it is left out.
    user: Option<i64>,
    /// On this server; on this machine where it is left out.
    server: Option<i64>,
}

#[derive(Debug, Serialize, ToSchema)]
#[schema(as = SessionSettingsEffective)]
pub(crate) struct Effective {
    settings: Vec<Holds>,
}

fn answered(written: Written) -> Response {
    versioned::answer(written.version, written)
}

async fn put(
    ctx: Ctx,
    headers: HeaderMap,
    (scope, settings): (Scope, Settings),
) -> Result<Response, Problem> {
    ctx.authorize(Action::SessionSettingsChange, ())?;
    let known = versioned::known(&headers)?;
    let written = session_settings::put(&ctx, scope, settings, known).await;
    Ok(answered(written.map_err(versioned::stale)?))
}

pub(crate) async fn session_settings_global_get(Extension(ctx): Extension<Ctx>) -> Result<Response, Problem> {
    Ok(answered(session_settings::read(&ctx, Scope::Global).await?))
}

pub(crate) async fn session_settings_global_put(
    Extension(ctx): Extension<Ctx>,
    headers: HeaderMap,
    Json(settings): Json<Settings>,
) -> Result<Response, Problem> {
    put(ctx, headers, (Scope::Global, settings)).await
}

pub(crate) async fn session_settings_server_get(
    Extension(ctx): Extension<Ctx>,
    Id(id): Id<i64>,
) -> Result<Response, Problem> {
    Ok(answered(session_settings::read(&ctx, Scope::Server(id)).await?))
}

pub(crate) async fn session_settings_server_put(
    Extension(ctx): Extension<Ctx>,
    Id(id): Id<i64>,
    headers: HeaderMap,
    Json(settings): Json<Settings>,
) -> Result<Response, Problem> {
    put(ctx, headers, (Scope::Server(id), settings)).await
}

pub(crate) async fn session_settings_user_get(
    Extension(ctx): Extension<Ctx>,
    Id(id): Id<i64>,
) -> Result<Response, Problem> {
    Ok(answered(session_settings::read(&ctx, Scope::User(id)).await?))
}

pub(crate) async fn session_settings_user_put(
    Extension(ctx): Extension<Ctx>,
    Id(id): Id<i64>,
    headers: HeaderMap,
    Json(settings): Json<Settings>,
) -> Result<Response, Problem> {
    put(ctx, headers, (Scope::User(id), settings)).await
}

pub(crate) async fn session_settings_effective(
    Extension(ctx): Extension<Ctx>,
    Asked(Whose { user, server }): Asked<Whose>,
) -> Result<axum::Json<Effective>, Problem> {
    Ok(axum::Json(Effective { settings: session_settings::effective(&ctx, user, server).await? }))
}
