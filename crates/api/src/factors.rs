//! Second factors: `/api/v1/login/…` for who logs in, `/api/v1/me/factors…` for who is logged in.

use axum::Extension;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use bastide_app::login::factors::{Answer, Entered, Needed, Offer, RelyingParty, own};
use bastide_app::password::Password;
use bastide_app::{Ctx, Error, LoginError, store};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::ask::Id;
use crate::error::Problem;
use crate::json::Json;
use crate::login::set;
use crate::me::Login;
use crate::server::Site;
use crate::users::User;

#[derive(Deserialize, ToSchema)]
#[schema(as = SecondFactorToken)]
#[serde(deny_unknown_fields)]
pub(crate) struct Token {
    /// Of the problem `second_factor_needed`.
    token: String,
}

/// One of `code` and `passkey`.
#[derive(Deserialize, ToSchema)]
#[schema(as = SecondFactor)]
#[serde(deny_unknown_fields)]
pub(crate) struct Step {
    /// Of the problem `second_factor_needed`.
    token: String,
    /// Of an app, or a recovery code.
    code: Option<String>,
    /// What `navigator.credentials.get` gave, with its bytes in base64url.
    #[schema(value_type = Option<Object>)]
    passkey: Option<Value>,
}

/// Logged in by both steps.
#[derive(Serialize, ToSchema)]
#[schema(as = SecondFactorTaken)]
pub(crate) struct Taken {
    user: User,
    login: Login,
    /// When an app was set up with it; shown this once.
    recovery_codes: Option<Vec<String>>,
}

/// What an app for codes is set up with.
#[derive(Serialize, ToSchema)]
#[schema(as = TotpOffer)]
pub(crate) struct TotpOffer {
    /// Base32, for typing.
    secret: String,
    /// For a QR code: `otpauth://totp/…`
    uri: String,
}

impl From<Offer> for TotpOffer {
    fn from(offer: Offer) -> Self {
        Self { secret: offer.secret.to_string(), uri: offer.uri.to_string() }
    }
}

/// What the browser is to be asked.
#[derive(Serialize, ToSchema)]
#[schema(as = PasskeyOptions)]
pub(crate) struct Options {
    /// For `navigator.credentials`, with its bytes in base64url.
    #[schema(value_type = Object)]
    options: Value,
}

#[derive(Serialize, ToSchema)]
#[schema(as = PasskeyLoginBegun)]
pub(crate) struct AloneBegun {
    /// Belongs with the answer.
    id: String,
    /// For `navigator.credentials.get`, with its bytes in base64url.
    #[schema(value_type = Object)]
    options: Value,
}

#[derive(Deserialize, ToSchema)]
#[schema(as = PasskeyLogin)]
#[serde(deny_unknown_fields)]
pub(crate) struct Alone {
    id: String,
    /// What `navigator.credentials.get` gave, with its bytes in base64url.
    #[schema(value_type = Object)]
    passkey: Value,
}

/// The password again. May be left out by who has none.
#[derive(Deserialize, ToSchema)]
#[schema(as = PasswordAgain)]
#[serde(deny_unknown_fields)]
pub(crate) struct Again {
    password: Option<String>,
}

#[derive(Deserialize, ToSchema)]
#[schema(as = TotpConfirm)]
#[serde(deny_unknown_fields)]
pub(crate) struct Confirm {
    code: String,
}

#[derive(Deserialize, ToSchema)]
#[schema(as = PasskeyBegin)]
#[serde(deny_unknown_fields)]
pub(crate) struct PasskeyBegin {
    /// The password again. May be left out by who has none.
    password: Option<String>,
    /// 1 to 100 characters.
    name: String,
}

#[derive(Deserialize, ToSchema)]
#[schema(as = PasskeyCreate)]
#[serde(deny_unknown_fields)]
pub(crate) struct PasskeyMade {
    /// What `navigator.credentials.create` gave, with its bytes in base64url.
    #[schema(value_type = Object)]
    passkey: Value,
}

#[derive(Deserialize, ToSchema)]
#[schema(as = PasskeyChange)]
#[serde(deny_unknown_fields)]
pub(crate) struct PasskeyChange {
    /// 1 to 100 characters.
    name: String,
}

/// Codes that are shown this once.
#[derive(Serialize, ToSchema)]
#[schema(as = RecoveryCodes)]
pub(crate) struct Codes {
    /// Null where there are some already.
    recovery_codes: Option<Vec<String>>,
}

#[derive(Serialize, ToSchema)]
pub(crate) struct Totp {
    created: Timestamp,
    last_used: Option<Timestamp>,
}

#[derive(Serialize, ToSchema)]
pub(crate) struct Passkey {
    id: Uuid,
    name: String,
    created: Timestamp,
    last_used: Option<Timestamp>,
}

impl From<store::Passkey> for Passkey {
    fn from(passkey: store::Passkey) -> Self {
        let store::Passkey { id, name, created, last_used, .. } = passkey;
        Self { id, name, created, last_used }
    }
}

/// The caller's second factors.
#[derive(Serialize, ToSchema)]
pub(crate) struct Factors {
    totp: Option<Totp>,
    /// Oldest first.
    passkeys: Vec<Passkey>,
    recovery_codes_left: usize,
    /// The caller's role needs one.
    required: bool,
    /// Changes need the password again.
    password_set: bool,
    /// Whether browsers have passkeys at this address: not without TLS, nor where it has no name.
    passkeys_possible: bool,
}

/// What `second_factor_needed` says beyond its words.
pub(crate) fn needed(needed: &Needed) -> Value {
    let ways: Vec<_> = needed.ways.iter().map(|way| way.as_str()).collect();
    json!({ "token": needed.token, "ways": ways, "expires": needed.expires })
}

fn password(text: Option<String>) -> Option<Password> {
    text.map(Password::new)
}

/// To somebody who is logged in, 401 would say that they are not.
fn told(error: Error) -> Problem {
    let (kind, detail) = match &error {
        Error::Login(LoginError::BadCredentials) => ("bad_credentials", "the password is wrong".to_owned()),
        Error::Login(why @ LoginError::BadCode) => ("bad_code", why.to_string()),
        Error::Login(why @ LoginError::StepOver) => ("begin_again", why.to_string()),
        _ => return error.into(),
    };
    Problem::new(StatusCode::FORBIDDEN, kind, detail)
}

/// For which site passkeys are: as the browser sees it.
fn party(site: &Site, headers: &HeaderMap) -> Option<RelyingParty> {
    let ours = site.address(headers);
    let authority = ours.split_once("://").map_or("", |(_, authority)| authority);
    // A proxy may have taken the TLS away.
    let origin = headers.get(header::ORIGIN).and_then(|origin| origin.to_str().ok());
    let same =
        origin.filter(|origin| origin.split_once("://").is_some_and(|(_, theirs)| theirs == authority));
    RelyingParty::of(same.unwrap_or(&ours))
}

fn needs_party(site: &Site, headers: &HeaderMap) -> Result<RelyingParty, Problem> {
    let detail = "browsers have no passkeys at this address: it needs a name and TLS";
    party(site, headers)
        .ok_or_else(|| Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "no_passkeys_here", detail))
}

/// How people call the server.
fn place(site: &Site, headers: &HeaderMap) -> String {
    let address = site.address(headers);
    address.split_once("://").map_or("", |(_, authority)| authority).to_owned()
}

pub(crate) async fn second_step(
    State(site): State<Site>,
    Extension(ctx): Extension<Ctx>,
    headers: HeaderMap,
    Json(Step { token, code, passkey }): Json<Step>,
) -> Result<Response, Problem> {
    let answer = match (code, passkey) {
        (Some(code), None) => Answer::Code(code),
        (None, Some(passkey)) => Answer::Passkey(needs_party(&site, &headers)?, passkey),
        _ => {
            return Err(Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "invalid", "one of code and passkey"));
        }
    };
    let Entered { logged_in, recovery_codes } = site.app.second_step(&token, answer, ctx.origin()).await?;
    let user = User::from(&*logged_in.user);
    let taken = Taken { user, login: Login::current(&logged_in.login), recovery_codes };
    Ok((set(&site, &logged_in.cookie), axum::Json(taken)).into_response())
}

pub(crate) async fn enrolment(
    State(site): State<Site>,
    Extension(ctx): Extension<Ctx>,
    headers: HeaderMap,
    Json(Token { token }): Json<Token>,
) -> Result<axum::Json<TotpOffer>, Problem> {
    let offer = site.app.offer_enrolment(&token, &place(&site, &headers), ctx.origin())?;
    Ok(axum::Json(offer.into()))
}

pub(crate) async fn ask_passkey(
    State(site): State<Site>,
    Extension(ctx): Extension<Ctx>,
    headers: HeaderMap,
    Json(Token { token }): Json<Token>,
) -> Result<axum::Json<Options>, Problem> {
    let party = needs_party(&site, &headers)?;
    let options = site.app.ask_passkey(&token, &party, ctx.origin()).await?;
    Ok(axum::Json(Options { options }))
}

pub(crate) async fn passkey_login_begin(
    State(site): State<Site>,
    Extension(ctx): Extension<Ctx>,
    headers: HeaderMap,
) -> Result<axum::Json<AloneBegun>, Problem> {
    let party = needs_party(&site, &headers)?;
    let (id, options) = site.app.ask_any_passkey(&party, ctx.origin())?;
    Ok(axum::Json(AloneBegun { id, options }))
}

pub(crate) async fn passkey_login(
    State(site): State<Site>,
    Extension(ctx): Extension<Ctx>,
    headers: HeaderMap,
    Json(Alone { id, passkey }): Json<Alone>,
) -> Result<Response, Problem> {
    let party = needs_party(&site, &headers)?;
    let logged_in = site.app.enter_by_passkey((&id, &party), passkey, ctx.origin()).await;
    Ok(crate::login::answer(&site, logged_in))
}

pub(crate) async fn factors_get(
    State(site): State<Site>,
    Extension(ctx): Extension<Ctx>,
    headers: HeaderMap,
) -> Result<axum::Json<Factors>, Problem> {
    let own = own::get(&ctx).await?;
    Ok(axum::Json(Factors {
        totp: own.totp.map(|(created, last_used)| Totp { created, last_used }),
        passkeys: own.passkeys.into_iter().map(Passkey::from).collect(),
        recovery_codes_left: own.recovery_codes_left,
        required: own.required,
        password_set: own.password_set,
        passkeys_possible: party(&site, &headers).is_some(),
    }))
}

pub(crate) async fn totp_offer(
    State(site): State<Site>,
    Extension(ctx): Extension<Ctx>,
    headers: HeaderMap,
    Json(again): Json<Again>,
) -> Result<axum::Json<TotpOffer>, Problem> {
    let offered = own::offer_totp(&ctx, password(again.password), &place(&site, &headers)).await;
    Ok(axum::Json(offered.map_err(told)?.into()))
}

pub(crate) async fn totp_confirm(
    Extension(ctx): Extension<Ctx>,
    Json(Confirm { code }): Json<Confirm>,
) -> Result<axum::Json<Codes>, Problem> {
    let recovery_codes = own::confirm_totp(&ctx, &code).await.map_err(told)?;
    Ok(axum::Json(Codes { recovery_codes }))
}

pub(crate) async fn totp_remove(
    Extension(ctx): Extension<Ctx>,
    Json(again): Json<Again>,
) -> Result<StatusCode, Problem> {
    own::remove_totp(&ctx, password(again.password)).await.map_err(told)?;
    Ok(StatusCode::NO_CONTENT)
}

pub(crate) async fn recovery_codes(
    Extension(ctx): Extension<Ctx>,
    Json(again): Json<Again>,
) -> Result<axum::Json<Codes>, Problem> {
    let codes = own::renew_codes(&ctx, password(again.password)).await.map_err(told)?;
    Ok(axum::Json(Codes { recovery_codes: Some(codes) }))
}

pub(crate) async fn passkey_begin(
    State(site): State<Site>,
    Extension(ctx): Extension<Ctx>,
    headers: HeaderMap,
    Json(PasskeyBegin { password: again, name }): Json<PasskeyBegin>,
) -> Result<axum::Json<Options>, Problem> {
    let party = party(&site, &headers);
    let options = own::offer_passkey(&ctx, password(again), name, party).await.map_err(told)?;
    Ok(axum::Json(Options { options }))
}

#[derive(Serialize, ToSchema)]
#[schema(as = PasskeyCreated)]
pub(crate) struct PasskeyCreated {
    passkey: Passkey,
    /// Shown this once; null where there are some already.
    recovery_codes: Option<Vec<String>>,
}

pub(crate) async fn passkey_create(
    State(site): State<Site>,
    Extension(ctx): Extension<Ctx>,
    headers: HeaderMap,
    Json(PasskeyMade { passkey }): Json<PasskeyMade>,
) -> Result<impl IntoResponse, Problem> {
    let party = party(&site, &headers);
    let (passkey, recovery_codes) = own::add_passkey(&ctx, passkey, party).await.map_err(told)?;
    let made = PasskeyCreated { passkey: passkey.into(), recovery_codes };
    Ok((StatusCode::CREATED, axum::Json(made)))
}

pub(crate) async fn passkey_change(
    Extension(ctx): Extension<Ctx>,
    Id(id): Id<Uuid>,
    Json(PasskeyChange { name }): Json<PasskeyChange>,
) -> Result<StatusCode, Problem> {
    own::rename_passkey(&ctx, id, name).await?;
    Ok(StatusCode::NO_CONTENT)
}

pub(crate) async fn passkey_remove(
    Extension(ctx): Extension<Ctx>,
    Id(id): Id<Uuid>,
    Json(again): Json<Again>,
) -> Result<StatusCode, Problem> {
    own::remove_passkey(&ctx, id, password(again.password)).await.map_err(told)?;
    Ok(StatusCode::NO_CONTENT)
}

pub(crate) async fn factors_reset(
    Extension(ctx): Extension<Ctx>,
    Id(id): Id<i64>,
) -> Result<StatusCode, Problem> {
    own::reset(&ctx, id).await?;
    Ok(StatusCode::NO_CONTENT)
}
