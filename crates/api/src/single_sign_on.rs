//! Single sign-on: `/api/v1/login`, `/api/v1/login/oidc/…`, `/api/v1/users/{id}/identities`.
//!
//! Start and callback are for browsers alone, so they answer with places to go: a refusal is a word in the address
//! of the login page, which says it in the person's language.

use axum::Extension;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use bastide_app::login::single_sign_on::{self, OidcAnswer, PATIENCE, Refusal, Return};
use bastide_app::{App, Ctx, Error, LoginError, store};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::ask::{Asked, Id};
use crate::error::Problem;
use crate::frame;
use crate::json::Json;
use crate::login;
use crate::server::Site;

/// Where the provider sends people back to, as it has to be registered there.
pub(crate) const CALLBACK: &str = "/api/v1/login/oidc/callback";
const PATH: &str = "/api/v1/login/oidc";
/// Addresses of pages are shorter.
const MAX_NEXT: usize = 1024;

/// How one can log in here.
#[derive(Serialize, ToSchema)]
#[schema(as = LoginWays)]
pub(crate) struct Ways {
    single_sign_on: Option<Provider>,
}

#[derive(Serialize, ToSchema)]
#[schema(as = LoginProvider)]
pub(crate) struct Provider {
    /// What stands on the button.
    name: String,
}

#[derive(Deserialize, IntoParams)]
pub(crate) struct Start {
    /// Where to be afterwards: a path of this server.
    next: Option<String>,
}

#[derive(Deserialize, IntoParams)]
pub(crate) struct Callback {
    state: Option<String>,
    code: Option<String>,
    /// Instead of a code.
    error: Option<String>,
    /// Who says so (RFC 9207).
    iss: Option<String>,
}

/// Who somebody is at a provider.
#[derive(Serialize, ToSchema)]
pub(crate) struct Identity {
    id: i64,
    issuer: String,
    /// What the issuer never gives to another person.
    subject: String,
    /// What the issuer called them last.
    name: Option<String>,
    created: Timestamp,
    /// Who prepared it; null where the person was made by their first sign-in.
    linked_by: Option<String>,
    last_used: Option<Timestamp>,
}

impl From<store::Identity> for Identity {
    fn from(identity: store::Identity) -> Self {
        let store::Identity { id, issuer, subject, name, created, linked_by, last_used, .. } = identity;
        Self { id, issuer, subject, name, created, linked_by, last_used }
    }
}

#[derive(Serialize, ToSchema)]
#[schema(as = IdentityList)]
pub(crate) struct Identities {
    items: Vec<Identity>,
}

#[derive(Deserialize, ToSchema)]
#[schema(as = IdentityAdd)]
#[serde(deny_unknown_fields)]
pub(crate) struct New {
    /// The claim `sub` of the person at the provider.
    #[schema(min_length = 1, max_length = 255)]
    subject: String,
}

pub(crate) async fn login_ways(State(site): State<Site>) -> axum::Json<Ways> {
    let name = site.app.single_sign_on_name();
    axum::Json(Ways { single_sign_on: name.map(|name| Provider { name: name.to_owned() }) })
}

pub(crate) async fn oidc_start(
    State(site): State<Site>,
    Extension(ctx): Extension<Ctx>,
    headers: HeaderMap,
    Asked(start): Asked<Start>,
) -> Response {
    let redirect = format!("{}{CALLBACK}", site.address(&headers));
    let next = start.next.filter(|next| is_inside(next)).unwrap_or_else(|| "/".to_owned());
    match site.app.begin_sign_on((&redirect, &next), ctx.origin()).await {
        Ok(departure) => {
            let cookie = cookie(&site, &departure.name, &departure.secret, PATIENCE.as_secs());
            ([(header::SET_COOKIE, cookie)], see_other(&departure.url)).into_response()
        }
        Err(error) => refused(error, &ctx),
    }
}

pub(crate) async fn oidc_callback(
    State(site): State<Site>,
    Extension(ctx): Extension<Ctx>,
    headers: HeaderMap,
    Asked(back): Asked<Callback>,
) -> Response {
    let state = back.state.unwrap_or_default();
    let name = App::sign_on_name(&state);
    let secret = frame::cookie(&headers, &cookie_name(&site, &name));
    let answer = OidcAnswer { code: back.code, error: back.error, issuer: back.iss };
    let returned = Return { state: &state, secret, answer };
    let mut response = match site.app.finish_sign_on(returned, ctx.origin()).await {
        Ok((begun, next)) => {
            let mut response = see_other(&next).into_response();
            response.headers_mut().append(header::SET_COOKIE, login::cookie(&site, &begun.cookie));
            response
        }
        Err(error) => refused(error, &ctx),
    };
    if secret.is_some() {
        response.headers_mut().append(header::SET_COOKIE, cookie(&site, &name, "", 0));
    }
    response
}

pub(crate) async fn identity_list(
    Extension(ctx): Extension<Ctx>,
    Id(user): Id<i64>,
) -> Result<axum::Json<Identities>, Problem> {
    let items = single_sign_on::identities(&ctx, user).await?.into_iter().map(Identity::from).collect();
    Ok(axum::Json(Identities { items }))
}

pub(crate) async fn identity_add(
    Extension(ctx): Extension<Ctx>,
    Id(user): Id<i64>,
    Json(New { subject }): Json<New>,
) -> Result<impl IntoResponse, Problem> {
    let identity = single_sign_on::link(&ctx, user, subject).await?;
    Ok((StatusCode::CREATED, axum::Json(Identity::from(identity))))
}

pub(crate) async fn identity_remove(
    Extension(ctx): Extension<Ctx>,
    Id((user, id)): Id<(i64, i64)>,
) -> Result<StatusCode, Problem> {
    single_sign_on::unlink(&ctx, user, id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// To the login page, which says why.
fn refused(error: Error, ctx: &Ctx) -> Response {
    let word = match &error {
        Error::Login(LoginError::SingleSignOn(refusal)) => refusal.as_str(),
        Error::Login(LoginError::TooManyAttempts { .. }) => Refusal::TooMany.as_str(),
        _ => return Problem::from(error).into_response(),
    };
    see_other(&format!("/login?sso={word}&request={}", ctx.request_id())).into_response()
}

/// Whether an address is a page of ours: one slash and then no other, in characters that no browser reads in
/// two ways.
fn is_inside(next: &str) -> bool {
    let plain = |b: u8| b.is_ascii_graphic() && b != b'\\';
    next.len() <= MAX_NEXT && next.starts_with('/') && !next.starts_with("//") && next.bytes().all(plain)
}

fn see_other(place: &str) -> impl IntoResponse + use<> {
    let place = HeaderValue::try_from(place).unwrap_or_else(|_| HeaderValue::from_static("/"));
    (StatusCode::SEE_OTHER, [(header::LOCATION, place)])
}

fn cookie_name(site: &Site, name: &str) -> String {
    format!("{}_oidc_{name}", site.app.cookie_name())
}

/// `Lax`: the provider's page leads here, and the login's own cookie would stay at home.
fn cookie(site: &Site, name: &str, value: &str, max_age_seconds: i64) -> HeaderValue {
    let secure = if site.https() { "; Secure" } else { "" };
    let name = cookie_name(site, name);
    let text =
        format!("{name}={value}; Path={PATH}; HttpOnly; SameSite=Lax; Max-Age={max_age_seconds}{secure}");
    HeaderValue::try_from(text).expect("names and values of our cookies are plain ASCII")
}

#[cfg(test)]
mod tests {
    use super::is_inside;

    #[test]
    fn only_paths_of_this_server_are_led_to() {
        for good in ["/", "/servers", "/t/0190-x?watch=1#a"] {
            assert!(is_inside(good), "{good}");
        }
        for bad in [
            "",
            "servers",
            "//evil.example",
            "/\\evil.example",
            "/\t/evil",
            "https://evil.example",
            "/a b",
            "/é",
        ] {
            assert!(!is_inside(bad), "{bad}");
        }
    }
}
