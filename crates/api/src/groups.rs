//! `/api/v1/groups`: groups of people.

use axum::Extension;
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use bastide_app::{Ctx, groups, store};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::ask::{Asked, Id};
use crate::error::Problem;
use crate::json::Json;
use crate::page::{Page, Paging};

#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Group {
    id: i64,
    name: String,
    /// Ids of users.
    members: Vec<i64>,
    created: Timestamp,
}

impl From<store::Group> for Group {
    fn from(group: store::Group) -> Self {
        let store::Group { id, name, members, created } = group;
        Self { id, name, members, created }
    }
}

#[derive(Debug, Serialize, ToSchema)]
#[schema(as = GroupList)]
pub(crate) struct List {
    groups: Vec<Group>,
    next: Option<String>,
}

#[derive(Debug, Deserialize, ToSchema)]
#[schema(as = GroupCreate)]
#[serde(deny_unknown_fields)]
pub(crate) struct New {
    name: String,
    /// Ids of users.
    #[serde(default)]
    members: Vec<i64>,
}

/// What is left out stays.
#[derive(Debug, Deserialize, ToSchema)]
#[schema(as = GroupChange)]
#[serde(deny_unknown_fields)]
pub(crate) struct Edit {
    name: Option<String>,
    /// Everybody who is in it from now on.
    members: Option<Vec<i64>>,
}

pub(crate) async fn group_list(
    Extension(ctx): Extension<Ctx>,
    Asked(page): Asked<Page>,
) -> Result<axum::Json<List>, Problem> {
    let all = groups::list(&ctx)?;
    let (groups, next) =
        Paging::read(&page)?.of(all.into_iter().map(|group| (group.name.to_lowercase(), Group::from(group))));
    Ok(axum::Json(List { groups, next }))
}

pub(crate) async fn group_create(
    Extension(ctx): Extension<Ctx>,
    Json(New { name, members }): Json<New>,
) -> Result<impl IntoResponse, Problem> {
    let group = Group::from(groups::create(&ctx, name, members).await?);
    let place = format!("/api/v1/groups/{}", group.id);
    Ok((StatusCode::CREATED, [(header::LOCATION, place)], axum::Json(group)))
}

pub(crate) async fn group_change(
    Extension(ctx): Extension<Ctx>,
    Id(id): Id<i64>,
    Json(Edit { name, members }): Json<Edit>,
) -> Result<axum::Json<Group>, Problem> {
    Ok(axum::Json(groups::change(&ctx, id, name, members).await?.into()))
}

pub(crate) async fn group_remove(
    Extension(ctx): Extension<Ctx>,
    Id(id): Id<i64>,
) -> Result<StatusCode, Problem> {
    groups::remove(&ctx, id).await?;
    Ok(StatusCode::NO_CONTENT)
}
