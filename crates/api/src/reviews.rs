//! Commands that wait for a second person, what was judged, and what somebody has to know: `/api/v1/reviews`,
//! `/api/v1/sessions/{uid}/verdicts`, `/api/v1/alerts`.

use axum::Extension;
use axum::http::StatusCode;
use bastide_app::Ctx;
use bastide_app::alerts::{self, Alert};
use bastide_app::reviews::{self, Review};
use bastide_app::store::Which;
use bastide_app::verdicts::{self, Verdict};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use crate::ask::{Asked, Id};
use crate::error::Problem;
use crate::json::Json;
use crate::page::{Page, Paging, encode};

#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ReviewList)]
pub(crate) struct List {
    reviews: Vec<Review>,
    next: Option<String>,
}

#[derive(Debug, Default, Deserialize, IntoParams)]
pub(crate) struct Wanted {
    /// `open` or `closed`; all where it is not said.
    state: Option<String>,
    /// How many at most.
    #[param(minimum = 1, maximum = 500, default = 100)]
    limit: Option<u16>,
    /// `next` of the piece before.
    cursor: Option<String>,
}

#[derive(Debug, Deserialize, ToSchema)]
#[schema(as = ReviewReply)]
#[serde(deny_unknown_fields)]
pub(crate) struct Reply {
    /// Told to whoever waits.
    #[schema(max_length = 1024)]
    reason: Option<String>,
}

#[derive(Debug, Serialize, ToSchema)]
#[schema(as = VerdictList)]
pub(crate) struct Verdicts {
    verdicts: Vec<Verdict>,
    next: Option<String>,
}

#[derive(Debug, Default, Deserialize, IntoParams)]
pub(crate) struct WantedVerdicts {
    /// Without those that only allow.
    #[serde(default)]
    notable: bool,
    /// How many at most.
    #[param(minimum = 1, maximum = 500, default = 100)]
    limit: Option<u16>,
    /// `next` of the piece before.
    cursor: Option<String>,
}

#[derive(Debug, Serialize, ToSchema)]
#[schema(as = AlertList)]
pub(crate) struct Alerts {
    alerts: Vec<Alert>,
    next: Option<String>,
}

pub(crate) async fn review_list(
    Extension(ctx): Extension<Ctx>,
    Asked(wanted): Asked<Wanted>,
) -> Result<axum::Json<List>, Problem> {
    let which = match wanted.state.as_deref() {
        None => Which::Any,
        Some("open") => Which::Open,
        Some("closed") => Which::Closed,
        Some(_) => {
            return Err(Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "invalid", "state: open or closed"));
        }
    };
    let piece = Paging::piece(&Page { limit: wanted.limit, cursor: wanted.cursor })?;
    let (reviews, next) = reviews::list(&ctx, which, piece).await?;
    Ok(axum::Json(List { reviews, next: next.map(|uid| encode(&uid.to_string())) }))
}

pub(crate) async fn review_get(
    Extension(ctx): Extension<Ctx>,
    Id(id): Id<Uuid>,
) -> Result<axum::Json<Review>, Problem> {
    Ok(axum::Json(reviews::get(&ctx, id).await?))
}

pub(crate) async fn review_approve(
    Extension(ctx): Extension<Ctx>,
    Id(id): Id<Uuid>,
    Json(reply): Json<Reply>,
) -> Result<axum::Json<Review>, Problem> {
    Ok(axum::Json(reviews::decide(&ctx, id, true, reply.reason).await?))
}

pub(crate) async fn review_refuse(
    Extension(ctx): Extension<Ctx>,
    Id(id): Id<Uuid>,
    Json(reply): Json<Reply>,
) -> Result<axum::Json<Review>, Problem> {
    Ok(axum::Json(reviews::decide(&ctx, id, false, reply.reason).await?))
}

pub(crate) async fn review_cancel(
    Extension(ctx): Extension<Ctx>,
    Id(id): Id<Uuid>,
) -> Result<axum::Json<Review>, Problem> {
    Ok(axum::Json(reviews::cancel(&ctx, id).await?))
}

pub(crate) async fn session_verdicts(
    Extension(ctx): Extension<Ctx>,
    Id(uid): Id<Uuid>,
    Asked(wanted): Asked<WantedVerdicts>,
) -> Result<axum::Json<Verdicts>, Problem> {
    let piece = Paging::piece(&Page { limit: wanted.limit, cursor: wanted.cursor })?;
    let (verdicts, next) = verdicts::list(&ctx, uid, (piece, !wanted.notable)).await?;
    Ok(axum::Json(Verdicts { verdicts, next: next.map(|id| encode(&id.to_string())) }))
}

pub(crate) async fn alert_list(
    Extension(ctx): Extension<Ctx>,
    Asked(page): Asked<Page>,
) -> Result<axum::Json<Alerts>, Problem> {
    let (alerts, next) = alerts::list(&ctx, Paging::piece(&page)?).await?;
    Ok(axum::Json(Alerts { alerts, next: next.map(|id| encode(&id.to_string())) }))
}
