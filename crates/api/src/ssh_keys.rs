//! `/api/v1/me/ssh-keys`: keys that let their person in at the SSH door without a password.

use axum::Extension;
use axum::http::StatusCode;
use axum::response::IntoResponse;
use bastide_app::{Ctx, ssh_keys, store};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use crate::ask::{Asked, Id};
use crate::error::Problem;
use crate::json::Json;

/// A public key that lets its person in.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct SshKey {
    id: Uuid,
    name: String,
    algorithm: String,
    /// `SHA256:…`, as `ssh-keygen -l` prints it.
    fingerprint: String,
    /// `algorithm base64`
    key: String,
    created: Timestamp,
    last_used: Option<Timestamp>,
}

impl From<store::UserKey> for SshKey {
    fn from(key: store::UserKey) -> Self {
        let store::UserKey { id, name, algorithm, key, fingerprint, created, last_used, .. } = key;
        Self { id, name, algorithm, fingerprint, key, created, last_used }
    }
}

#[derive(Debug, Serialize, ToSchema)]
#[schema(as = SshKeyList)]
pub(crate) struct List {
    items: Vec<SshKey>,
    /// Where the SSH door listens; null: there is none. Something before it may have another port.
    door_port: Option<u16>,
}

#[derive(Debug, Deserialize, IntoParams)]
pub(crate) struct Whose {
    /// Somebody else's, for administrators.
    user: Option<i64>,
}

#[derive(Debug, Deserialize, ToSchema)]
#[schema(as = SshKeyCreate)]
#[serde(deny_unknown_fields)]
pub(crate) struct New {
    /// The comment of the key when it is left out.
    name: Option<String>,
    /// A line of a `.pub` file.
    key: String,
}

pub(crate) async fn ssh_key_list(
    Extension(ctx): Extension<Ctx>,
    Asked(whose): Asked<Whose>,
) -> Result<axum::Json<List>, Problem> {
    let items = ssh_keys::list(&ctx, whose.user).await?.into_iter().map(SshKey::from).collect();
    Ok(axum::Json(List { items, door_port: ssh_keys::door_port(&ctx) }))
}

pub(crate) async fn ssh_key_create(
    Extension(ctx): Extension<Ctx>,
    Json(New { name, key }): Json<New>,
) -> Result<impl IntoResponse, Problem> {
    let key = ssh_keys::add(&ctx, name, &key).await?;
    Ok((StatusCode::CREATED, axum::Json(SshKey::from(key))))
}

pub(crate) async fn ssh_key_remove(
    Extension(ctx): Extension<Ctx>,
    Id(id): Id<Uuid>,
) -> Result<StatusCode, Problem> {
    ssh_keys::remove(&ctx, id).await?;
    Ok(StatusCode::NO_CONTENT)
}
