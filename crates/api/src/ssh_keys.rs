//! `/api/v1/me/ssh-keys` and `/api/v1/user-authorities`: who gets in at the SSH door without a password.

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

/// A key whose user certificates let in whom they name.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct UserAuthority {
    id: i64,
    name: String,
    /// `algorithm base64`
    key: String,
    fingerprint: String,
    created: Timestamp,
    created_by: String,
}

impl From<store::UserAuthority> for UserAuthority {
    fn from(authority: store::UserAuthority) -> Self {
        let store::UserAuthority { id, name, key, fingerprint, created, created_by } = authority;
        Self { id, name, key, fingerprint, created, created_by }
    }
}

#[derive(Debug, Serialize, ToSchema)]
#[schema(as = UserAuthorityList)]
pub(crate) struct AuthorityList {
    items: Vec<UserAuthority>,
}

#[derive(Debug, Deserialize, ToSchema)]
#[schema(as = UserAuthorityCreate)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewAuthority {
    name: String,
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

pub(crate) async fn user_authority_list(
    Extension(ctx): Extension<Ctx>,
) -> Result<axum::Json<AuthorityList>, Problem> {
    let items = ssh_keys::authorities(&ctx).await?.into_iter().map(UserAuthority::from).collect();
    Ok(axum::Json(AuthorityList { items }))
}

pub(crate) async fn user_authority_create(
    Extension(ctx): Extension<Ctx>,
    Json(NewAuthority { name, key }): Json<NewAuthority>,
) -> Result<impl IntoResponse, Problem> {
    let authority = ssh_keys::add_authority(&ctx, name, &key).await?;
    Ok((StatusCode::CREATED, axum::Json(UserAuthority::from(authority))))
}

pub(crate) async fn user_authority_remove(
    Extension(ctx): Extension<Ctx>,
    Id(id): Id<i64>,
) -> Result<StatusCode, Problem> {
    ssh_keys::remove_authority(&ctx, id).await?;
    Ok(StatusCode::NO_CONTENT)
}
