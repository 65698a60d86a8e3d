//! API tokens: what programs show instead of a cookie.

use std::sync::Arc;
use std::time::Duration;

use bastide_store::{Scope, Token};
use jiff::{SignedDuration, Timestamp};
use tokio::time::timeout;
use uuid::Uuid;

use crate::app::App;
use crate::context::{About, Action, Ctx, Person, Proof};
use crate::error::What;
use crate::{Error, secret};

/// What every token begins with, so that scanners of leaked secrets know one.
pub const PREFIX: &str = "bst_";
/// How much of one is kept to be shown.
const HINT: usize = PREFIX.len() + 8;
const MAX_NAME: usize = 100;
pub const DEFAULT_DAYS: u16 = 90;
pub const MAX_DAYS: u16 = 3650;
/// A person has a few machines and jobs.
const MAX_TOKENS: usize = 100;
/// When a token was last used is noted at most this often.
const NOTE_USE_EVERY: SignedDuration = SignedDuration::from_mins(1);
/// Another process that holds the database (a backup, say) holds up every writer for seconds.
const NOTE_WITHIN: Duration = Duration::from_millis(250);

#[derive(Debug, Clone)]
pub struct NewToken {
    pub name: String,
    pub scope: Scope,
    /// `None`: it does not end by itself.
    pub days: Option<u16>,
}

/// A new token and its secret, which is nowhere else.
#[derive(Debug, Clone)]
pub struct Created {
    pub token: Token,
    pub secret: String,
}

/// The caller's tokens, or those of `user` for an administrator; newest first.
///
/// # Errors
/// `NotLoggedIn`, `Forbidden`, `NotFound`, `Storage`.
pub async fn list(ctx: &Ctx, user: Option<i64>) -> Result<Vec<Token>, Error> {
    let own = ctx.authorize(Action::TokenList, ())?.person().user.id;
    let user = user.unwrap_or(own);
    if user != own {
        ctx.authorize(Action::UserRead, user)?;
        ctx.app().people().get(user).ok_or(Error::NotFound(What::User(user)))?;
    }
    Ok(ctx.app().store().tokens_of(user).await?)
}

/// # Errors
/// `NotLoggedIn`, `Forbidden`, `Invalid`, `Storage`.
pub async fn create(ctx: &Ctx, new: NewToken) -> Result<Created, Error> {
    let grant = ctx.authorize(Action::TokenCreate, new)?;
    let new = grant.target();
    let length = new.name.chars().count();
    if new.name.trim().is_empty() || length > MAX_NAME || new.name.chars().any(char::is_control) {
        return Err(Error::Invalid(format!("name: 1 to {MAX_NAME} visible characters")));
    }
    if new.days.is_some_and(|days| days == 0 || days > MAX_DAYS) {
        return Err(Error::Invalid(format!("expires_in_days: 1 to {MAX_DAYS}, or null for never")));
    }
    let now = ctx.clock().now();
    let days = |days: u16| now.checked_add(SignedDuration::from_hours(24 * i64::from(days)));
    let secret = format!("{PREFIX}{}", secret::generate());
    let token = Token {
        id: Uuid::now_v7(),
        user_id: grant.person().user.id,
        name: new.name.clone(),
        scope: new.scope,
        hint: secret[..HINT].to_owned(),
        created: now,
        expires: new.days.map(|given| days(given).unwrap_or(Timestamp::MAX)),
        last_used: None,
    };
    let about = About::nothing()
        .with("created", token.id.to_string())
        .with("name", token.name.as_str())
        .with("scope", token.scope.as_str());
    ctx.audited(Action::TokenCreate, about, async move |ctx| {
        let store = ctx.app().store();
        if store.tokens_of(token.user_id).await?.len() >= MAX_TOKENS {
            return Err(Error::Invalid(format!("{MAX_TOKENS} tokens: remove one first")));
        }
        store.add_token(&token, &secret::digest(&secret)).await?;
        Ok(Created { token, secret })
    })
    .await
}

/// One's own; an administrator's reach is everybody's.
///
/// # Errors
/// `NotLoggedIn`, `Forbidden`, `NotFound`, `Storage`.
pub async fn remove(ctx: &Ctx, id: Uuid) -> Result<(), Error> {
    let grant = ctx.authorize(Action::TokenRemove, id)?;
    let missing = || Error::NotFound(What::Token(id));
    let token = ctx.app().store().token_named(id).await?.ok_or_else(missing)?;
    if token.user_id != grant.person().user.id && ctx.authorize(Action::UserChange, ()).is_err() {
        return Err(missing());
    }
    let about = About::nothing().with("removed", id.to_string()).with("name", token.name.as_str());
    ctx.audited(Action::TokenRemove, about, async move |ctx| {
        if !ctx.app().store().remove_token(grant.into_target()).await? {
            return Err(Error::NotFound(What::Token(id)));
        }
        ctx.app().changed();
        Ok(())
    })
    .await
}

/// Whose token this is.
///
/// # Errors
/// `NotLoggedIn` for any that is not good now; `Storage`.
pub(crate) async fn authenticate(app: &App, bearer: &str) -> Result<Person, Error> {
    if !bearer.starts_with(PREFIX) {
        // Clients that keep no cookie show a login's value as their token.
        return app.by_cookie(bearer).await?.ok_or(Error::NotLoggedIn);
    }
    let token = app.store().token(&secret::digest(bearer)).await?.ok_or(Error::NotLoggedIn)?;
    let now = app.clock().now();
    let person = holding(app, token).ok_or(Error::NotLoggedIn)?;
    if let Proof::Token(token) = &person.proof
        && token.last_used.is_none_or(|last| now.duration_since(last) >= NOTE_USE_EVERY)
    {
        note_use(app, token.id, now).await;
    }
    Ok(person)
}

/// The request itself needs no writing: it neither fails nor waits for long where that cannot be done.
async fn note_use(app: &App, token: Uuid, now: Timestamp) {
    match timeout(NOTE_WITHIN, app.store().token_used(token, now)).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => tracing::warn!(%error, "when a token was used is not noted"),
        Err(_) => tracing::warn!("when a token was used is not noted: the database is busy"),
    }
}

pub(crate) async fn still(app: &App, token: &Token) -> Result<Option<Person>, Error> {
    Ok(app.store().token_named(token.id).await?.and_then(|token| holding(app, token)))
}

/// Its `expires` is then when it is no longer good for its holder, which may be sooner than by itself.
fn holding(app: &App, token: Token) -> Option<Person> {
    let user = app.people().get(token.user_id).filter(|user| user.enabled)?;
    let expires = token.expires.into_iter().chain(app.vouched_until(&user)).min();
    let good = expires.is_none_or(|expires| expires > app.clock().now());
    good.then(|| Person { user, proof: Proof::Token(Arc::new(Token { expires, ..token })) })
}
