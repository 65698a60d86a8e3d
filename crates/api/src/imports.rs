//! Lists of servers: `/api/v1/servers/import` and its like.

use axum::Extension;
use axum::http::header;
use axum::response::IntoResponse;
use bastide_app::Ctx;
use bastide_app::import::{self, Outcome};
use bastide_app::inventory::Format;
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};

use crate::ask::Asked;
use crate::error::Problem;
use crate::json::Json;

#[derive(Deserialize, ToSchema)]
#[schema(as = ServerImport)]
#[serde(deny_unknown_fields)]
pub(crate) struct New {
    format: Format,
    text: String,
    /// Say what would be done, and do nothing.
    #[serde(default)]
    dry_run: bool,
}

#[derive(Deserialize, ToSchema)]
#[schema(as = KnownHostsImport)]
#[serde(deny_unknown_fields)]
pub(crate) struct KnownHosts {
    /// A known_hosts file; names may be hashed.
    text: String,
    /// Say what would be done, and do nothing.
    #[serde(default)]
    dry_run: bool,
}

#[derive(Debug, Deserialize, IntoParams)]
pub(crate) struct Wanted {
    format: Format,
}

pub(crate) async fn server_import(
    Extension(ctx): Extension<Ctx>,
    Json(New { format, text, dry_run }): Json<New>,
) -> Result<axum::Json<Outcome>, Problem> {
    Ok(axum::Json(import::servers(&ctx, format, &text, dry_run).await?))
}

pub(crate) async fn server_export(
    Extension(ctx): Extension<Ctx>,
    Asked(Wanted { format }): Asked<Wanted>,
) -> Result<impl IntoResponse, Problem> {
    let text = import::export(&ctx, format).await?;
    Ok(([(header::CONTENT_TYPE, "text/plain; charset=utf-8")], text))
}

pub(crate) async fn known_hosts_import(
    Extension(ctx): Extension<Ctx>,
    Json(KnownHosts { text, dry_run }): Json<KnownHosts>,
) -> Result<axum::Json<Outcome>, Problem> {
    Ok(axum::Json(import::known_hosts(&ctx, &text, dry_run).await?))
}
