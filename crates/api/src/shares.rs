//! `/api/v1/sessions/{uid}/shares` and `/api/v1/shares/use`.

use axum::Extension;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::IntoResponse;
use bastide_app::shares::{self, DEFAULT_MINUTES, NewShare, Shown};
use bastide_app::{Ctx, store};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::ask::Id;
use crate::error::Problem;
use crate::json::Json;
use crate::server::Site;

#[derive(Debug, Clone, Copy, Serialize, Deserialize, ToSchema)]
#[schema(as = ShareAccess)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Access {
    Watch,
    Write,
}

impl From<store::Access> for Access {
    fn from(access: store::Access) -> Self {
        match access {
            store::Access::Watch => Self::Watch,
            store::Access::Write => Self::Write,
        }
    }
}

impl From<Access> for store::Access {
    fn from(access: Access) -> Self {
        match access {
            Access::Watch => Self::Watch,
            Access::Write => Self::Write,
        }
    }
}

#[derive(Serialize, ToSchema)]
pub(crate) struct Share {
    id: Uuid,
    access: Access,
    created: Timestamp,
    expires: Timestamp,
    created_by: String,
    /// User names of those who have used it.
    guests: Vec<String>,
}

impl From<Shown> for Share {
    fn from(shown: Shown) -> Self {
        let Shown { share, created_by, guests } = shown;
        Self {
            id: share.id,
            access: share.access.into(),
            created: share.created,
            expires: share.expires,
            created_by,
            guests,
        }
    }
}

#[derive(Serialize, ToSchema)]
#[schema(as = ShareList)]
pub(crate) struct List {
    shares: Vec<Share>,
    /// Always null: a session has few.
    next: Option<String>,
}

#[derive(Deserialize, ToSchema)]
#[schema(as = ShareCreate)]
#[serde(deny_unknown_fields)]
pub(crate) struct New {
    access: Access,
    #[serde(default = "default_minutes")]
    #[schema(minimum = 1, maximum = 10080, default = 60)]
    expires_in_minutes: u16,
}

fn default_minutes() -> u16 {
    DEFAULT_MINUTES
}

/// A share with its link, which is shown this once.
#[derive(Serialize, ToSchema)]
#[schema(as = ShareCreated)]
pub(crate) struct Created {
    share: Share,
    url: String,
}

#[derive(Deserialize, ToSchema)]
#[schema(as = ShareUse)]
#[serde(deny_unknown_fields)]
pub(crate) struct Use {
    /// What stands behind `/s/` in the link.
    token: String,
}

#[derive(Serialize, ToSchema)]
#[schema(as = ShareUsed)]
pub(crate) struct Used {
    session: Uuid,
    access: Access,
}

pub(crate) async fn share_list(
    Extension(ctx): Extension<Ctx>,
    Id(session): Id<Uuid>,
) -> Result<axum::Json<List>, Problem> {
    let shares = shares::list(&ctx, session).await?.into_iter().map(Share::from).collect();
    Ok(axum::Json(List { shares, next: None }))
}

pub(crate) async fn share_create(
    State(site): State<Site>,
    Extension(ctx): Extension<Ctx>,
    headers: HeaderMap,
    Id(session): Id<Uuid>,
    Json(New { access, expires_in_minutes }): Json<New>,
) -> Result<impl IntoResponse, Problem> {
    let new = NewShare { access: access.into(), minutes: expires_in_minutes };
    let (shown, secret) = shares::create(&ctx, session, new).await?;
    let url = format!("{}/s/{secret}", site.address(&headers));
    Ok((StatusCode::CREATED, axum::Json(Created { share: shown.into(), url })))
}

pub(crate) async fn share_remove(
    Extension(ctx): Extension<Ctx>,
    Id((session, share)): Id<(Uuid, Uuid)>,
) -> Result<StatusCode, Problem> {
    shares::remove(&ctx, session, share).await?;
    Ok(StatusCode::NO_CONTENT)
}

pub(crate) async fn share_use(
    Extension(ctx): Extension<Ctx>,
    Json(Use { token }): Json<Use>,
) -> Result<axum::Json<Used>, Problem> {
    let entry = shares::enter(&ctx, &token).await?;
    Ok(axum::Json(Used { session: entry.session, access: entry.access.into() }))
}
