//! Paths of an earlier design of remote terminals: its login, its terminal over a WebSocket, and commands. Thin adapters
//! over the use cases of `/api/v1`; texts are the ones that its front end shows.

mod command;
mod terminal;

use axum::Extension;
use axum::extract::State;
use axum::http::StatusCode;
use bastide_app::login::LoggedIn;
use bastide_app::password::Password;
use bastide_app::store::{Role, User};
use bastide_app::{Ctx, Error, LoginError};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::error::Problem;
use crate::json::Json;
use crate::server::Site;

pub(crate) use command::{Disconnected, Executed, New, server_disconnect, server_execute};
pub(crate) use terminal::{Query, WORDS, server_terminal};

const WRONG: &str = "用户名或密码错误";

/// Fields that this release does not know are ignored, as those clients expect.
#[derive(Deserialize, ToSchema)]
#[schema(as = CompatLogin)]
pub(crate) struct Credentials {
    username: String,
    password: String,
}

/// The three tokens are one: a login, which shows as such in the list of logins and ends with it.
#[derive(Serialize, ToSchema)]
#[schema(as = CompatLoginBegun)]
pub(crate) struct Begun {
    token: String,
    access_token: String,
    refresh_token: String,
    /// `bearer`.
    token_type: &'static str,
    /// Seconds.
    expires_in: i64,
    user: Person,
}

#[derive(Serialize, ToSchema)]
#[schema(as = CompatUser)]
struct Person {
    id: i64,
    username: String,
    /// Always null: people have no addresses here.
    email: Option<String>,
    full_name: Option<String>,
    is_active: bool,
    is_superuser: bool,
    created_at: Timestamp,
}

impl From<&User> for Person {
    fn from(user: &User) -> Self {
        Self {
            id: user.id,
            username: user.username.clone(),
            email: None,
            full_name: user.display_name.clone(),
            is_active: user.enabled,
            is_superuser: user.role == Role::Admin,
            created_at: user.created,
        }
    }
}

/// `POST /api/auth/login`.
pub(crate) async fn login_begin(
    State(site): State<Site>,
    Extension(ctx): Extension<Ctx>,
    Json(Credentials { username, password }): Json<Credentials>,
) -> Result<axum::Json<Begun>, Problem> {
    match site.app.log_in(&username, Password::new(password), ctx.origin()).await {
        Ok(LoggedIn { user, cookie, .. }) => Ok(axum::Json(Begun {
            token: cookie.value.clone(),
            access_token: cookie.value.clone(),
            refresh_token: cookie.value,
            token_type: "bearer",
            expires_in: cookie.max_age_seconds,
            user: Person::from(&*user),
        })),
        Err(Error::Login(LoginError::BadCredentials)) => {
            Err(Problem::new(StatusCode::UNAUTHORIZED, "bad_credentials", WRONG))
        }
        Err(error) => Err(error.into()),
    }
}
