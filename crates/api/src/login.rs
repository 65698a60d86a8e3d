//! Logging in and out: `/api/v1/login`, `/api/v1/login-links`, `/api/v1/logout`.

use axum::Extension;
use axum::extract::State;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use bastide_app::login::{self, Cookie, LoggedIn};
use bastide_app::password::Password;
use bastide_app::{Ctx, Error};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::error::Problem;
use crate::json::Json;
use crate::me::Login;
use crate::server::Site;
use crate::users::User;

#[derive(Deserialize, ToSchema)]
#[schema(as = LoginBegin)]
#[serde(deny_unknown_fields)]
pub(crate) struct Credentials {
    username: String,
    password: String,
}

#[derive(Deserialize, ToSchema)]
#[schema(as = LoginLinkToken)]
#[serde(deny_unknown_fields)]
pub(crate) struct LinkToken {
    /// What stands behind `token=` in the link.
    token: String,
}

#[derive(Deserialize, ToSchema)]
#[schema(as = LoginLinkUse)]
#[serde(deny_unknown_fields)]
pub(crate) struct LinkUse {
    token: String,
    /// The password from now on. May be left out where one is set already.
    password: Option<String>,
}

/// For whom a link is.
#[derive(Serialize, ToSchema)]
#[schema(as = LoginLinkLook)]
pub(crate) struct Look {
    username: String,
    password_set: bool,
    expires: Timestamp,
}

#[derive(Serialize, ToSchema)]
#[schema(as = LoginBegun)]
pub(crate) struct Begun {
    user: User,
    login: Login,
}

pub(crate) async fn login_begin(
    State(site): State<Site>,
    Extension(ctx): Extension<Ctx>,
    Json(Credentials { username, password }): Json<Credentials>,
) -> Response {
    let begun = site.app.log_in(&username, Password::new(password), ctx.origin()).await;
    answer(&site, begun)
}

pub(crate) async fn link_look(
    State(site): State<Site>,
    Extension(ctx): Extension<Ctx>,
    Json(LinkToken { token }): Json<LinkToken>,
) -> Result<axum::Json<Look>, Problem> {
    let link = site.app.look_at_link(&token, ctx.origin()).await?;
    let look = Look { username: link.username, password_set: link.password_set, expires: link.expires };
    Ok(axum::Json(look))
}

pub(crate) async fn link_use(
    State(site): State<Site>,
    Extension(ctx): Extension<Ctx>,
    Json(LinkUse { token, password }): Json<LinkUse>,
) -> Response {
    let begun = site.app.use_link(&token, password.map(Password::new), ctx.origin()).await;
    answer(&site, begun)
}

pub(crate) async fn logout(State(site): State<Site>, Extension(ctx): Extension<Ctx>) -> Response {
    let gone = Cookie { name: site.app.cookie_name().to_owned(), value: String::new(), max_age_seconds: 0 };
    match login::log_out(&ctx).await {
        Ok(()) => (set(&site, &gone), StatusCode::NO_CONTENT).into_response(),
        Err(error) => Problem::from(error).into_response(),
    }
}

pub(crate) fn answer(site: &Site, begun: Result<LoggedIn, Error>) -> Response {
    match begun {
        Ok(LoggedIn { user, login, cookie }) => {
            let begun = Begun { user: User::from(&*user), login: Login::current(&login) };
            (set(site, &cookie), axum::Json(begun)).into_response()
        }
        Err(error) => Problem::from(error).into_response(),
    }
}

pub(crate) fn set(site: &Site, it: &Cookie) -> [(header::HeaderName, HeaderValue); 1] {
    [(header::SET_COOKIE, cookie(site, it))]
}

pub(crate) fn cookie(site: &Site, cookie: &Cookie) -> HeaderValue {
    let secure = if site.https() { "; Secure" } else { "" };
    let Cookie { name, value, max_age_seconds } = cookie;
    let text =
        format!("{name}={value}; Path=/; HttpOnly; SameSite=Strict; Max-Age={max_age_seconds}{secure}");
    HeaderValue::try_from(text).expect("names and values of our cookies are plain ASCII")
}
