//! `/api/v1/access-requests`: rights that are asked for; and who can reach what.

use axum::Extension;
use axum::http::StatusCode;
use axum::response::IntoResponse;
use bastide_app::access_requests::{self, Decision, Request};
use bastide_app::reach::{self, Reach};
use bastide_app::{Ctx, store};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::ask::{Asked, Id};
use crate::error::Problem;
use crate::grants::Right;
use crate::json::Json;
use crate::page::{Page, Paging, encode};

#[derive(Debug, Deserialize, ToSchema)]
#[schema(as = AccessRequestCreate)]
#[serde(deny_unknown_fields)]
pub(crate) struct New {
    /// Its name or its number. Whether there is such a server is not told.
    server: String,
    rights: Vec<Right>,
    /// What it is needed for.
    reason: String,
    /// At most 90 days from now.
    until: Timestamp,
}

#[derive(Debug, Default, Deserialize, ToSchema)]
#[schema(as = AccessRequestApproval)]
#[serde(deny_unknown_fields)]
pub(crate) struct Approval {
    /// Some of those that are asked for; all where it is not said.
    rights: Option<Vec<Right>>,
    /// Sooner than what is asked for.
    until: Option<Timestamp>,
    reason: Option<String>,
}

#[derive(Debug, Deserialize, ToSchema)]
#[schema(as = AccessRequestRefusal)]
#[serde(deny_unknown_fields)]
pub(crate) struct Refusal {
    #[serde(default)]
    reason: String,
}

#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(default)]
pub(crate) struct Which {
    /// `open` or `all`, which is the default.
    state: Option<String>,
    /// How many at most.
    #[param(minimum = 1, maximum = 500, default = 100)]
    limit: Option<u16>,
    /// `next` of the piece before.
    cursor: Option<String>,
}

#[derive(Debug, Serialize, ToSchema)]
#[schema(as = AccessRequestList)]
pub(crate) struct List {
    requests: Vec<Request>,
    next: Option<String>,
}

#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ReachList)]
pub(crate) struct Reached {
    items: Vec<Reach>,
    next: Option<String>,
}

pub(crate) async fn access_request_list(
    Extension(ctx): Extension<Ctx>,
    Asked(which): Asked<Which>,
) -> Result<axum::Json<List>, Problem> {
    let open = match which.state.as_deref() {
        Some("open") => true,
        None | Some("all") => false,
        Some(_) => return Err(invalid("state: open or all")),
    };
    let piece = Paging::piece(&Page { limit: which.limit, cursor: which.cursor })?;
    let (requests, next) = access_requests::list(&ctx, open, piece).await?;
    Ok(axum::Json(List { requests, next: next.map(|id| encode(&id.to_string())) }))
}

fn invalid(detail: &str) -> Problem {
    Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "invalid", detail)
}

pub(crate) async fn access_request_get(
    Extension(ctx): Extension<Ctx>,
    Id(id): Id<i64>,
) -> Result<axum::Json<Request>, Problem> {
    Ok(axum::Json(access_requests::get(&ctx, id).await?))
}

pub(crate) async fn access_request_create(
    Extension(ctx): Extension<Ctx>,
    Json(New { server, rights, reason, until }): Json<New>,
) -> Result<impl IntoResponse, Problem> {
    let rights = rights.into_iter().map(store::Right::from).collect();
    let new = access_requests::New { server, rights, reason, until };
    Ok((StatusCode::CREATED, axum::Json(access_requests::create(&ctx, new).await?)))
}

pub(crate) async fn access_request_approve(
    Extension(ctx): Extension<Ctx>,
    Id(id): Id<i64>,
    Json(Approval { rights, until, reason }): Json<Approval>,
) -> Result<axum::Json<Request>, Problem> {
    let rights = rights.map(|all| all.into_iter().map(store::Right::from).collect());
    let decision = Decision::Approve { rights, until, why: reason };
    Ok(axum::Json(access_requests::decide(&ctx, id, decision).await?))
}

pub(crate) async fn access_request_refuse(
    Extension(ctx): Extension<Ctx>,
    Id(id): Id<i64>,
    Json(Refusal { reason }): Json<Refusal>,
) -> Result<axum::Json<Request>, Problem> {
    Ok(axum::Json(access_requests::decide(&ctx, id, Decision::Refuse { why: reason }).await?))
}

pub(crate) async fn access_request_cancel(
    Extension(ctx): Extension<Ctx>,
    Id(id): Id<i64>,
) -> Result<axum::Json<Request>, Problem> {
    Ok(axum::Json(access_requests::cancel(&ctx, id).await?))
}

pub(crate) async fn server_access_list(
    Extension(ctx): Extension<Ctx>,
    Id(id): Id<i64>,
    Asked(page): Asked<Page>,
) -> Result<axum::Json<Reached>, Problem> {
    reached(reach::of_server(&ctx, id)?, &page)
}

pub(crate) async fn user_access_list(
    Extension(ctx): Extension<Ctx>,
    Id(id): Id<i64>,
    Asked(page): Asked<Page>,
) -> Result<axum::Json<Reached>, Problem> {
    reached(reach::of_user(&ctx, id)?, &page)
}

fn reached(all: Vec<Reach>, page: &Page) -> Result<axum::Json<Reached>, Problem> {
    let keyed = all.into_iter().map(|one| (one.who.name.to_lowercase(), one));
    let (items, next) = Paging::read(page)?.of(keyed);
    Ok(axum::Json(Reached { items, next }))
}
