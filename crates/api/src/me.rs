//! `/api/v1/me`: the caller.

use axum::Extension;
use axum::extract::State;
use axum::http::StatusCode;
use bastide_app::login;
use bastide_app::password::Password;
use bastide_app::store;
use bastide_app::{Action, Ctx, Proof};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::ask::Id;
use crate::error::Problem;
use crate::json::Json;
use crate::server::Site;
use crate::tokens::Scope;
use crate::users::User;

#[derive(Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum LoginKind {
    Cookie,
    Token,
}

/// One browser's login, or the token that a program shows.
#[derive(Serialize, ToSchema)]
pub(crate) struct Login {
    id: String,
    kind: LoginKind,
    scope: Scope,
    created: Timestamp,
    expires: Option<Timestamp>,
    /// From where it began.
    address: Option<String>,
    /// What the browser said it is.
    agent: Option<String>,
    /// It is the one that this request came with.
    current: bool,
}

impl Login {
    fn cookie(login: &store::Login, current: bool) -> Self {
        Self {
            id: login.id.clone(),
            kind: LoginKind::Cookie,
            scope: Scope::Full,
            created: login.created,
            expires: Some(login.expires),
            address: login.address.clone(),
            agent: login.agent.clone(),
            current,
        }
    }

    pub(crate) fn current(login: &store::Login) -> Self {
        Self::cookie(login, true)
    }

    fn of(proof: &Proof) -> Self {
        match proof {
            Proof::Cookie(login) => Self::current(login),
            Proof::Token(token) => Self {
                id: token.id.to_string(),
                kind: LoginKind::Token,
                scope: token.scope.into(),
                created: token.created,
                expires: token.expires,
                address: None,
                agent: None,
                current: true,
            },
            // Nobody comes here from the SSH door; if somebody did, it is a way in like a cookie.
            Proof::Ssh(proof) => Self {
                id: proof.id.clone(),
                kind: LoginKind::Cookie,
                scope: Scope::Full,
                created: Timestamp::UNIX_EPOCH,
                expires: proof.expires,
                address: None,
                agent: None,
                current: true,
            },
        }
    }
}

#[derive(Serialize, ToSchema)]
#[schema(as = ServerFacts)]
pub(crate) struct Server {
    version: &'static str,
    https: bool,
}

#[derive(Serialize, ToSchema)]
pub(crate) struct Me {
    user: User,
    login: Login,
    server: Server,
    /// What may be offered to them, as actions are named in the log.
    rights: Vec<&'static str>,
}

#[derive(Serialize, ToSchema)]
#[schema(as = LoginList)]
pub(crate) struct Logins {
    logins: Vec<Login>,
    /// Always null: a person has few.
    next: Option<String>,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct PasswordChange {
    current: String,
    /// 12 to 256 characters.
    new: String,
}

pub(crate) async fn me_get(
    State(site): State<Site>,
    Extension(ctx): Extension<Ctx>,
) -> Result<axum::Json<Me>, Problem> {
    let person = ctx.person()?;
    Ok(axum::Json(Me {
        user: User::from(&*person.user),
        login: Login::of(&person.proof),
        server: Server { version: env!("CARGO_PKG_VERSION"), https: site.https() },
        rights: ctx.rights().into_iter().map(Action::as_str).collect(),
    }))
}

pub(crate) async fn password_change(
    Extension(ctx): Extension<Ctx>,
    Json(PasswordChange { current, new }): Json<PasswordChange>,
) -> Result<StatusCode, Problem> {
    match login::change_password(&ctx, Password::new(current), Password::new(new)).await {
        Ok(()) => Ok(StatusCode::NO_CONTENT),
        // 401 would say that the caller is not logged in.
        Err(bastide_app::Error::Login(bastide_app::LoginError::BadCredentials)) => {
            let detail = "the current password is wrong";
            Err(Problem::new(StatusCode::FORBIDDEN, "bad_credentials", detail))
        }
        Err(error) => Err(error.into()),
    }
}

pub(crate) async fn login_list(Extension(ctx): Extension<Ctx>) -> Result<axum::Json<Logins>, Problem> {
    let own = match &ctx.person()?.proof {
        Proof::Cookie(login) => login.id.clone(),
        Proof::Token(_) | Proof::Ssh(_) => String::new(),
    };
    let logins = login::list(&ctx).await?;
    let logins = logins.iter().map(|login| Login::cookie(login, login.id == own)).collect();
    Ok(axum::Json(Logins { logins, next: None }))
}

pub(crate) async fn login_end(
    Extension(ctx): Extension<Ctx>,
    Id(id): Id<String>,
) -> Result<StatusCode, Problem> {
    login::end(&ctx, id).await?;
    Ok(StatusCode::NO_CONTENT)
}
