//! What holds for new sessions: variables, limits and times, for all, for those on one server, for those of one
//! person.
//!
//! The scopes are merged in that order. What a later one says replaces what an earlier one says; lists of what is
//! forbidden grow. [`of_session`] is asked for each new session, whatever opens it.

mod check;
mod document;
mod merge;
mod quota;
mod seal;

use bastide_store as store;
use jiff::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;

pub use document::{GroupLimits, Limits, Settings, Variable};
pub use merge::{From, Holds};
pub use store::SettingsScope as Scope;

pub(crate) use merge::Merged;
pub(crate) use quota::Quota;

use crate::context::{About, Action, Ctx};
use crate::error::{Conflict, Thing, What};
use crate::{App, Error};

/// The settings of one scope.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = SessionSettings)]
pub struct Written {
    /// 0: nobody has written any.
    pub version: i64,
    pub changed: Option<Timestamp>,
    /// A user name, as it was then.
    pub author: Option<String>,
    pub settings: Settings,
}

/// The settings of a scope; empty ones before the first were written.
///
/// # Errors
/// `NotLoggedIn`, `Forbidden`, `NotFound`, `Storage`.
pub async fn read(ctx: &Ctx, scope: Scope) -> Result<Written, Error> {
    ctx.authorize(Action::SessionSettingsRead, ())?;
    named(ctx.app(), scope)?;
    written(ctx.app(), scope).await
}

async fn written(app: &App, scope: Scope) -> Result<Written, Error> {
    let Some(row) = app.store().session_settings(scope).await? else {
        return Ok(Written { version: 0, changed: None, author: None, settings: Settings::default() });
    };
    let settings = Settings::stored(&row)?;
    Ok(Written { version: row.version, changed: Some(row.created), author: row.author, settings })
}

/// The name of what a scope is about, for the log.
fn named(app: &App, scope: Scope) -> Result<String, Error> {
    match scope {
        Scope::Global => Ok("everybody".to_owned()),
        Scope::Server(id) => {
            let server = app.servers().get(id).ok_or(Error::NotFound(What::Thing(Thing::Server, id)))?;
            Ok(server.settings.name.clone())
        }
        Scope::User(id) => {
            let user = app.people().get(id).ok_or(Error::NotFound(What::User(id)))?;
            Ok(user.username.clone())
        }
    }
}

/// Writes the settings of a scope over the version that the caller has seen. They hold for sessions that are opened
/// from now on. A secret variable without a value keeps the one that it has.
///
/// # Errors
/// `NotLoggedIn`, `Forbidden`, `NotFound`, `Storage`; `Conflict` with the faults, or when another version holds.
pub async fn put(ctx: &Ctx, scope: Scope, settings: Settings, known: i64) -> Result<Written, Error> {
    ctx.authorize(Action::SessionSettingsChange, ())?;
    let name = named(ctx.app(), scope)?;
    check::check(&settings, scope).map_err(Conflict::Settings)?;
    let before = written(ctx.app(), scope).await?;
    if before.version != known {
        return Err(Conflict::ChangedMeanwhile.into());
    }
    check::kept(&settings, &before.settings).map_err(Conflict::Settings)?;
    let about = About::nothing()
        .with("scope", From::of(scope).as_str())
        .with("name", name)
        .with("from_version", known)
        .with("changed", settings.changed_since(&before.settings));
    ctx.audited(Action::SessionSettingsChange, about, async move |ctx| {
        let app = ctx.app();
        // The master key stays until what is sealed under it is stored.
        let held = app.keys().hold().await;
        let (settings, kept, fresh) = seal::seal(&held, scope, settings)?;
        let row = store::SessionSettings {
            scope,
            version: 0,
            created: ctx.clock().now(),
            author: Some(ctx.person()?.user.username.clone()),
            document: settings.text(),
        };
        let version = app.store().put_session_settings(known, &row, (&kept, &fresh)).await?;
        Ok(Written { version, changed: Some(row.created), author: row.author, settings })
    })
    .await
}

/// What holds for sessions of a person on a server, each with the scope that says so: for oneself, or for
/// administrators anybody.
///
/// # Errors
/// `NotLoggedIn`, `Forbidden`, `NotFound`, `Storage`.
pub async fn effective(ctx: &Ctx, user: Option<i64>, server: Option<i64>) -> Result<Vec<Holds>, Error> {
    let caller = ctx.person()?.user;
    let user = user.unwrap_or(caller.id);
    if user != caller.id {
        ctx.authorize(Action::SessionSettingsRead, ())?;
    }
    named(ctx.app(), Scope::User(user))?;
    if let Some(server) = server {
        ctx.authorize_server(Action::ServerRead, server)?;
    }
    let (rows, _) = ctx.app().store().settings_of_session(server, Some(user)).await?;
    merge::holds(&layers(&rows)?)
}

fn layers(rows: &[store::SessionSettings]) -> Result<Vec<(From, Settings)>, Error> {
    rows.iter().map(|row| Ok((From::of(row.scope), Settings::stored(row)?))).collect()
}

/// What holds for a new session, with its secrets in clear.
///
/// # Errors
/// `Storage`.
pub(crate) async fn of_session(app: &App, user: i64, server: Option<i64>) -> Result<Merged, Error> {
    // No other master key until everything is opened that was read.
    let held = app.keys().hold().await;
    let (rows, sealed) = app.store().settings_of_session(server, Some(user)).await?;
    let mut layers = layers(&rows)?;
    seal::open(&held, &mut layers, &sealed)?;
    Ok(Merged::of(layers.into_iter().map(|(_, settings)| settings)))
}
