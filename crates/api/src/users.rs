//! `/api/v1/users`.

use axum::Extension;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::IntoResponse;
use bastide_app::store::{self, Change, NewUser};
use bastide_app::{Ctx, people};
use jiff::Timestamp;
use serde::{Deserialize, Deserializer, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::ask::{Asked, Id};
use crate::error::Problem;
use crate::json::Json;
use crate::page::{Page, Paging};
use crate::server::Site;

#[derive(Debug, Clone, Copy, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Role {
    Admin,
    /// Manages servers and uses them all; neither people, nor rules, nor grants.
    Operator,
    /// Sees everything and changes nothing.
    Auditor,
    /// Decides reviews of others' commands, beside what a user may.
    Reviewer,
    User,
}

impl From<store::Role> for Role {
    fn from(role: store::Role) -> Self {
        match role {
            store::Role::Admin => Self::Admin,
            store::Role::Operator => Self::Operator,
            store::Role::Auditor => Self::Auditor,
            store::Role::Reviewer => Self::Reviewer,
            store::Role::User => Self::User,
        }
    }
}

impl From<Role> for store::Role {
    fn from(role: Role) -> Self {
        match role {
            Role::Admin => Self::Admin,
            Role::Operator => Self::Operator,
            Role::Auditor => Self::Auditor,
            Role::Reviewer => Self::Reviewer,
            Role::User => Self::User,
        }
    }
}

#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct User {
    id: i64,
    uid: Uuid,
    username: String,
    display_name: Option<String>,
    role: Role,
    /// The OS user whose shells they open.
    account: Option<String>,
    enabled: bool,
    password_set: bool,
    /// A provider of single sign-on knows them.
    single_sign_on: bool,
    /// They have an app for codes, or a passkey.
    second_factor: bool,
    created: Timestamp,
    last_login: Option<Timestamp>,
}

impl From<&store::User> for User {
    fn from(user: &store::User) -> Self {
        Self {
            id: user.id,
            uid: user.uid,
            username: user.username.clone(),
            display_name: user.display_name.clone(),
            role: user.role.into(),
            account: user.account.clone(),
            enabled: user.enabled,
            password_set: user.password_set,
            single_sign_on: user.signed_on.is_some(),
            second_factor: user.second_factor,
            created: user.created,
            last_login: user.last_login,
        }
    }
}

#[derive(Serialize, ToSchema)]
#[schema(as = UserList)]
pub(crate) struct List {
    users: Vec<User>,
    next: Option<String>,
}

#[derive(Deserialize, ToSchema)]
#[schema(as = UserCreate)]
#[serde(deny_unknown_fields)]
pub(crate) struct New {
    /// 1 to 64 of a-z, 0-9, dot, underscore and hyphen; first a letter or digit.
    #[schema(min_length = 1, max_length = 64, pattern = "^[a-z0-9][a-z0-9._-]*$")]
    username: String,
    display_name: Option<String>,
    role: Role,
    account: Option<String>,
}

/// What is left out stays; `null` takes away.
#[derive(Deserialize, ToSchema)]
#[schema(as = UserChange)]
#[serde(deny_unknown_fields)]
pub(crate) struct Edit {
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<String>)]
    display_name: Option<Option<String>>,
    role: Option<Role>,
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<String>)]
    account: Option<Option<String>>,
    enabled: Option<bool>,
}

/// Tells `null` from nothing at all.
fn given<'de, D: Deserializer<'de>>(value: D) -> Result<Option<Option<String>>, D::Error> {
    Option::<String>::deserialize(value).map(Some)
}

#[derive(Serialize, ToSchema)]
#[schema(as = LoginLink)]
pub(crate) struct Link {
    url: String,
    expires: Timestamp,
}

pub(crate) async fn user_list(
    Extension(ctx): Extension<Ctx>,
    Asked(page): Asked<Page>,
) -> Result<axum::Json<List>, Problem> {
    let all = people::list(&ctx)?;
    let paging = Paging::read(&page)?;
    let (users, next) = paging.of(all.iter().map(|user| (user.username.clone(), user)));
    Ok(axum::Json(List { users: users.into_iter().map(|user| User::from(&**user)).collect(), next }))
}

pub(crate) async fn user_create(
    Extension(ctx): Extension<Ctx>,
    Json(New { username, display_name, role, account }): Json<New>,
) -> Result<impl IntoResponse, Problem> {
    let new = NewUser { username, display_name, role: role.into(), account };
    let user = people::create(&ctx, new).await?;
    let place = format!("/api/v1/users/{}", user.id);
    Ok((StatusCode::CREATED, [(header::LOCATION, place)], axum::Json(User::from(&*user))))
}

pub(crate) async fn user_get(
    Extension(ctx): Extension<Ctx>,
    Id(id): Id<i64>,
) -> Result<axum::Json<User>, Problem> {
    Ok(axum::Json(User::from(&*people::get(&ctx, id)?)))
}

pub(crate) async fn user_change(
    Extension(ctx): Extension<Ctx>,
    Id(id): Id<i64>,
    Json(Edit { display_name, role, account, enabled }): Json<Edit>,
) -> Result<axum::Json<User>, Problem> {
    let change = Change { display_name, role: role.map(Into::into), account, enabled };
    Ok(axum::Json(User::from(&*people::change(&ctx, id, change).await?)))
}

pub(crate) async fn user_remove(
    Extension(ctx): Extension<Ctx>,
    Id(id): Id<i64>,
) -> Result<StatusCode, Problem> {
    people::remove(&ctx, id).await?;
    Ok(StatusCode::NO_CONTENT)
}

pub(crate) async fn user_link(
    State(site): State<Site>,
    Extension(ctx): Extension<Ctx>,
    headers: HeaderMap,
    Id(id): Id<i64>,
) -> Result<impl IntoResponse, Problem> {
    let link = people::login_link(&ctx, id).await?;
    let url = format!("{}/login?token={}", site.address(&headers), link.token);
    Ok((StatusCode::CREATED, axum::Json(Link { url, expires: link.expires })))
}
