//! Host keys of servers.

use axum::Extension;
use axum::http::StatusCode;
use axum::response::IntoResponse;
use bastide_app::{Ctx, host_keys, store};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::ask::Id;
use crate::error::Problem;
use crate::json::Json;

/// An accepted host key.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct HostKey {
    id: i64,
    server_id: i64,
    algorithm: String,
    /// `SHA256:…`, as `ssh-keygen -l` prints it.
    fingerprint: String,
    /// `algorithm base64`
    key: String,
    first_seen: Timestamp,
    /// A user name, as it was then.
    accepted_by: String,
}

impl From<store::HostKey> for HostKey {
    fn from(key: store::HostKey) -> Self {
        let store::HostKey { id, server_id, algorithm, key, fingerprint, first_seen, accepted_by } = key;
        Self { id, server_id, algorithm, fingerprint, key, first_seen, accepted_by }
    }
}

#[derive(Debug, Serialize, ToSchema)]
#[schema(as = HostKeyList)]
pub(crate) struct List {
    items: Vec<HostKey>,
}

#[derive(Debug, Deserialize, ToSchema)]
#[schema(as = HostKeyCreate)]
#[serde(deny_unknown_fields)]
pub(crate) struct New {
    /// A line of a `.pub` file or of known_hosts.
    key: String,
}

pub(crate) async fn host_key_list(
    Extension(ctx): Extension<Ctx>,
    Id(id): Id<i64>,
) -> Result<axum::Json<List>, Problem> {
    let items = host_keys::list(&ctx, id).await?.into_iter().map(HostKey::from).collect();
    Ok(axum::Json(List { items }))
}

/// The key that a server shows now.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = PresentedHostKey)]
pub(crate) struct Presented {
    algorithm: String,
    /// `SHA256:…`, as `ssh-keygen -l` prints it.
    fingerprint: String,
    /// `algorithm base64`: what accepts it.
    key: String,
    /// Whether it is one of the accepted ones.
    accepted: bool,
}

pub(crate) async fn host_key_scan(
    Extension(ctx): Extension<Ctx>,
    Id(id): Id<i64>,
) -> Result<axum::Json<Presented>, Problem> {
    let (key, accepted) = host_keys::scan(&ctx, id).await?;
    let bastide_wire::ssh::PresentedKey { algorithm, fingerprint, key, .. } = key;
    Ok(axum::Json(Presented { algorithm, fingerprint, key, accepted }))
}

pub(crate) async fn host_key_add(
    Extension(ctx): Extension<Ctx>,
    Id(id): Id<i64>,
    Json(New { key }): Json<New>,
) -> Result<impl IntoResponse, Problem> {
    let key = host_keys::add(&ctx, id, &key).await?;
    Ok((StatusCode::CREATED, axum::Json(HostKey::from(key))))
}

pub(crate) async fn host_key_remove(
    Extension(ctx): Extension<Ctx>,
    Id(id): Id<i64>,
) -> Result<StatusCode, Problem> {
    host_keys::remove(&ctx, id).await?;
    Ok(StatusCode::NO_CONTENT)
}
