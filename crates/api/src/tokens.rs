//! `/api/v1/tokens`.

use axum::Extension;
use axum::http::StatusCode;
use axum::response::IntoResponse;
use bastide_app::tokens::{self, DEFAULT_DAYS, NewToken};
use bastide_app::{Ctx, store};
use jiff::Timestamp;
use serde::{Deserialize, Deserializer, Serialize};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use crate::ask::{Asked, Id};
use crate::error::Problem;
use crate::json::Json;

#[derive(Debug, Clone, Copy, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Scope {
    /// All that its person may do.
    Full,
    /// Only look.
    Read,
}

impl From<store::Scope> for Scope {
    fn from(scope: store::Scope) -> Self {
        match scope {
            store::Scope::Full => Self::Full,
            store::Scope::Read => Self::Read,
        }
    }
}

impl From<Scope> for store::Scope {
    fn from(scope: Scope) -> Self {
        match scope {
            Scope::Full => Self::Full,
            Scope::Read => Self::Read,
        }
    }
}

#[derive(Serialize, ToSchema)]
pub(crate) struct Token {
    id: Uuid,
    user_id: i64,
    name: String,
    scope: Scope,
    /// Its first characters.
    hint: String,
    created: Timestamp,
    expires: Option<Timestamp>,
    last_used: Option<Timestamp>,
}

impl From<store::Token> for Token {
    fn from(token: store::Token) -> Self {
        Self {
            id: token.id,
            user_id: token.user_id,
            name: token.name,
            scope: token.scope.into(),
            hint: token.hint,
            created: token.created,
            expires: token.expires,
            last_used: token.last_used,
        }
    }
}

#[derive(Serialize, ToSchema)]
#[schema(as = TokenList)]
pub(crate) struct List {
    tokens: Vec<Token>,
    /// Always null: a person has few.
    next: Option<String>,
}

#[derive(Debug, Deserialize, IntoParams)]
pub(crate) struct Whose {
    /// Somebody else's, for administrators.
    user: Option<i64>,
}

#[derive(Deserialize, ToSchema)]
#[schema(as = TokenCreate)]
#[serde(deny_unknown_fields)]
pub(crate) struct New {
    #[schema(min_length = 1, max_length = 100)]
    name: String,
    scope: Scope,
    /// 90 when it is left out; `null` for never.
    #[serde(default = "default_days", deserialize_with = "given")]
    #[schema(value_type = Option<u16>, minimum = 1, maximum = 3650)]
    expires_in_days: Option<u16>,
}

fn default_days() -> Option<u16> {
    Some(DEFAULT_DAYS)
}

/// Tells `null` from nothing at all.
fn given<'de, D: Deserializer<'de>>(value: D) -> Result<Option<u16>, D::Error> {
    Option::deserialize(value)
}

/// A token with its secret, which is shown this once.
#[derive(Serialize, ToSchema)]
#[schema(as = TokenCreated)]
pub(crate) struct Created {
    token: Token,
    secret: String,
}

pub(crate) async fn token_list(
    Extension(ctx): Extension<Ctx>,
    Asked(whose): Asked<Whose>,
) -> Result<axum::Json<List>, Problem> {
    let tokens = tokens::list(&ctx, whose.user).await?.into_iter().map(Token::from).collect();
    Ok(axum::Json(List { tokens, next: None }))
}

pub(crate) async fn token_create(
    Extension(ctx): Extension<Ctx>,
    Json(New { name, scope, expires_in_days }): Json<New>,
) -> Result<impl IntoResponse, Problem> {
    let new = NewToken { name, scope: scope.into(), days: expires_in_days };
    let tokens::Created { token, secret } = tokens::create(&ctx, new).await?;
    Ok((StatusCode::CREATED, axum::Json(Created { token: token.into(), secret })))
}

pub(crate) async fn token_remove(
    Extension(ctx): Extension<Ctx>,
    Id(id): Id<Uuid>,
) -> Result<StatusCode, Problem> {
    tokens::remove(&ctx, id).await?;
    Ok(StatusCode::NO_CONTENT)
}
