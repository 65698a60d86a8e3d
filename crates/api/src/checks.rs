//! Whether servers answer and how they fare: `/api/v1/servers/{id}/check`, and the same for clients of an earlier design
//! of model services under `/api/servers`.

use axum::Extension;
use bastide_app::Ctx;
use bastide_app::health::measure::Resources;
use bastide_app::health::{self, Checked, StatusNow};
use bastide_app::servers::Status;
use serde::Serialize;
use utoipa::ToSchema;

use crate::ask::Id;
use crate::error::Problem;

#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ServerStatusList)]
pub(crate) struct Statuses {
    servers: Vec<StatusNow>,
}

pub(crate) async fn server_check(
    Extension(ctx): Extension<Ctx>,
    Id(id): Id<i64>,
) -> Result<axum::Json<Checked>, Problem> {
    Ok(axum::Json(health::check(&ctx, id).await?))
}

pub(crate) async fn server_check_all(
    Extension(ctx): Extension<Ctx>,
) -> Result<axum::Json<Statuses>, Problem> {
    Ok(axum::Json(Statuses { servers: health::check_all(&ctx).await? }))
}

pub(crate) async fn server_resources(
    Extension(ctx): Extension<Ctx>,
    Id(id): Id<i64>,
) -> Result<axum::Json<Resources>, Problem> {
    Ok(axum::Json(health::resources(&ctx, id).await?))
}

/// `online` or `offline`; those clients know no third.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = CompatServerStatus)]
pub(crate) struct Found {
    status: &'static str,
}

#[derive(Debug, Serialize, ToSchema)]
#[schema(as = CompatServerStatusOf)]
struct FoundOf {
    id: i64,
    status: &'static str,
}

#[derive(Debug, Serialize, ToSchema)]
#[schema(as = CompatServerStatuses)]
pub(crate) struct AllFound {
    results: Vec<FoundOf>,
}

/// In percent; null with an `error` where it could not be measured.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = CompatServerResources)]
pub(crate) struct Usage {
    cpu_usage: Option<f64>,
    memory_usage: Option<f64>,
    /// Of the file system at `/`.
    disk_usage: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
}

#[derive(Debug, Serialize, ToSchema)]
#[schema(as = CompatServerResourcesOf)]
pub(crate) struct UsageOf {
    id: i64,
    #[serde(flatten)]
    usage: Usage,
}

impl From<Resources> for Usage {
    fn from(found: Resources) -> Self {
        let why = found.errors.iter().map(|(measure, why)| format!("{measure}: {why}"));
        let error = (!found.errors.is_empty()).then(|| why.collect::<Vec<_>>().join("; "));
        Self {
            cpu_usage: found.cpu,
            memory_usage: found.memory.as_ref().map(|memory| memory.percent),
            disk_usage: found.root_percent(),
            error,
        }
    }
}

fn word(status: Status) -> &'static str {
    match status {
        Status::Online => "online",
        Status::Offline | Status::Unknown => "offline",
    }
}

pub(crate) async fn compat_check(
    Extension(ctx): Extension<Ctx>,
    Id(id): Id<i64>,
) -> Result<axum::Json<Found>, Problem> {
    Ok(axum::Json(Found { status: word(health::check(&ctx, id).await?.status) }))
}

pub(crate) async fn compat_check_all(
    Extension(ctx): Extension<Ctx>,
) -> Result<axum::Json<AllFound>, Problem> {
    let found = health::check_all(&ctx).await?;
    let results = found.into_iter().map(|one| FoundOf { id: one.id, status: word(one.status) }).collect();
    Ok(axum::Json(AllFound { results }))
}

pub(crate) async fn compat_resources(
    Extension(ctx): Extension<Ctx>,
    Id(id): Id<i64>,
) -> Result<axum::Json<Usage>, Problem> {
    Ok(axum::Json(health::resources(&ctx, id).await?.into()))
}

pub(crate) async fn compat_resources_all(
    Extension(ctx): Extension<Ctx>,
) -> Result<axum::Json<Vec<UsageOf>>, Problem> {
    let found = health::resources_all(&ctx).await?;
    Ok(axum::Json(found.into_iter().map(|(id, found)| UsageOf { id, usage: found.into() }).collect()))
}
