//! `/api/v1/grants`: who may use which servers.

use axum::Extension;
use axum::http::StatusCode;
use axum::response::IntoResponse;
use bastide_app::grants::{self, NewGrant};
use bastide_app::{Ctx, store};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::ask::{Asked, Id};
use crate::error::Problem;
use crate::json::Json;
use crate::page::{Page, Paging};

/// One of `user_id` and `group_id`, and one of `server_id` and `tag`.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Grant {
    id: i64,
    user_id: Option<i64>,
    group_id: Option<i64>,
    server_id: Option<i64>,
    /// Every server with this tag.
    tag: Option<String>,
    /// Null is the server's default one, whichever that is.
    credential_id: Option<i64>,
    expires: Option<Timestamp>,
    created: Timestamp,
    created_by: String,
}

impl From<store::Grant> for Grant {
    fn from(grant: store::Grant) -> Self {
        let (user_id, group_id) = match grant.to {
            store::Grantee::User(id) => (Some(id), None),
            store::Grantee::Group(id) => (None, Some(id)),
        };
        let (server_id, tag) = match grant.on {
            store::GrantTarget::Server(id) => (Some(id), None),
            store::GrantTarget::Tag(tag) => (None, Some(tag)),
        };
        Self {
            id: grant.id,
            user_id,
            group_id,
            server_id,
            tag,
            credential_id: grant.credential,
            expires: grant.expires,
            created: grant.created,
            created_by: grant.created_by,
        }
    }
}

#[derive(Debug, Serialize, ToSchema)]
#[schema(as = GrantList)]
pub(crate) struct List {
    grants: Vec<Grant>,
    next: Option<String>,
}

/// One of `user_id` and `group_id`, and one of `server_id` and `tag`.
#[derive(Debug, Deserialize, ToSchema)]
#[schema(as = GrantCreate)]
#[serde(deny_unknown_fields)]
pub(crate) struct New {
    user_id: Option<i64>,
    group_id: Option<i64>,
    server_id: Option<i64>,
    /// Every server with this tag.
    tag: Option<String>,
    /// The server's default one where it is not said.
    credential_id: Option<i64>,
    expires: Option<Timestamp>,
}

impl New {
    fn read(self) -> Result<NewGrant, Problem> {
        let to = match (self.user_id, self.group_id) {
            (Some(id), None) => store::Grantee::User(id),
            (None, Some(id)) => store::Grantee::Group(id),
            _ => return Err(invalid("user_id or group_id: one of them")),
        };
        let on = match (self.server_id, self.tag) {
            (Some(id), None) => store::GrantTarget::Server(id),
            (None, Some(tag)) => store::GrantTarget::Tag(tag),
            _ => return Err(invalid("server_id or tag: one of them")),
        };
        Ok(NewGrant { to, on, credential: self.credential_id, expires: self.expires })
    }
}

fn invalid(detail: &str) -> Problem {
    Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "invalid", detail)
}

pub(crate) async fn grant_list(
    Extension(ctx): Extension<Ctx>,
    Asked(page): Asked<Page>,
) -> Result<axum::Json<List>, Problem> {
    let all = grants::list(&ctx)?;
    // With as many digits, text is in the order of numbers.
    let keyed = all.into_iter().map(|grant| (format!("{:020}", grant.id), Grant::from(grant)));
    let (grants, next) = Paging::read(&page)?.of(keyed);
    Ok(axum::Json(List { grants, next }))
}

pub(crate) async fn grant_create(
    Extension(ctx): Extension<Ctx>,
    Json(new): Json<New>,
) -> Result<impl IntoResponse, Problem> {
    let grant = grants::create(&ctx, new.read()?).await?;
    Ok((StatusCode::CREATED, axum::Json(Grant::from(grant))))
}

pub(crate) async fn grant_remove(
    Extension(ctx): Extension<Ctx>,
    Id(id): Id<i64>,
) -> Result<StatusCode, Problem> {
    grants::remove(&ctx, id).await?;
    Ok(StatusCode::NO_CONTENT)
}
