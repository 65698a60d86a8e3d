//! Users: who there is, and what administrators do about it.

use std::collections::HashMap;
use std::sync::Arc;

use bastide_store::{Change, NewUser, Role, Store, User};
use tokio::sync::{Mutex, watch};
use uuid::Uuid;

use crate::Error;
use crate::context::{About, Action, Ctx};
use crate::error::What;
use crate::login::link::{self, Link};

/// Names are shown in lists, logs and prompts.
const MAX_USERNAME: usize = 64;
const MAX_DISPLAY_NAME: usize = 100;
/// As long as Linux allows one (useradd(8)).
const MAX_ACCOUNT: usize = 32;

/// Everybody, in memory: each request asks, and there are few.
#[derive(Debug, Clone)]
pub(crate) struct People {
    everybody: watch::Sender<Arc<Everybody>>,
    /// Held from reading to showing: what was read first must not be shown last.
    reading: Arc<Mutex<()>>,
}

#[derive(Debug, Default)]
struct Everybody {
    by_id: HashMap<i64, Arc<User>>,
    by_uid: HashMap<Uuid, i64>,
    by_name: HashMap<String, i64>,
}

impl People {
    pub(crate) async fn load(store: &Store) -> Result<Self, Error> {
        let people = Self { everybody: watch::Sender::new(Arc::default()), reading: Arc::default() };
        people.reload(store).await?;
        Ok(people)
    }

    /// After every change of a user's row.
    pub(crate) async fn reload(&self, store: &Store) -> Result<(), Error> {
        let _reading = self.reading.lock().await;
        let mut all = Everybody::default();
        for user in store.users().await? {
            all.by_uid.insert(user.uid, user.id);
            all.by_name.insert(user.username.clone(), user.id);
            all.by_id.insert(user.id, Arc::new(user));
        }
        self.everybody.send_replace(Arc::new(all));
        Ok(())
    }

    pub(crate) fn get(&self, id: i64) -> Option<Arc<User>> {
        self.everybody.borrow().by_id.get(&id).cloned()
    }

    pub(crate) fn by_uid(&self, uid: Uuid) -> Option<Arc<User>> {
        let everybody = self.everybody.borrow();
        everybody.by_uid.get(&uid).and_then(|id| everybody.by_id.get(id)).cloned()
    }

    pub(crate) fn named(&self, username: &str) -> Option<Arc<User>> {
        let everybody = self.everybody.borrow();
        everybody.by_name.get(username).and_then(|id| everybody.by_id.get(id)).cloned()
    }

    /// By name.
    pub(crate) fn all(&self) -> Vec<Arc<User>> {
        let mut all: Vec<_> = self.everybody.borrow().by_id.values().cloned().collect();
        all.sort_by(|one, other| one.username.cmp(&other.username));
        all
    }
}

/// Lower case, so that two names never differ by what is hard to see.
pub(crate) fn is_username(name: &str) -> bool {
    let mut bytes = name.bytes();
    name.len() <= MAX_USERNAME
        && bytes.next().is_some_and(|first| first.is_ascii_lowercase() || first.is_ascii_digit())
        && bytes.all(|one| one.is_ascii_lowercase() || one.is_ascii_digit() || b"._-".contains(&one))
}

fn check_username(name: &str) -> Result<(), Error> {
    match is_username(name) {
        true => Ok(()),
        false => Err(Error::Invalid(format!(
            "username: 1 to {MAX_USERNAME} of a-z, 0-9, dot, underscore and hyphen, and first a letter or digit"
        ))),
    }
}

pub(crate) fn is_display_name(name: &str) -> bool {
    !name.trim().is_empty() && name.chars().count() <= MAX_DISPLAY_NAME && !name.chars().any(char::is_control)
}

fn check_display_name(name: Option<&str>) -> Result<(), Error> {
    match name.is_none_or(is_display_name) {
        true => Ok(()),
        false => Err(Error::Invalid(format!(
            "display_name: 1 to {MAX_DISPLAY_NAME} visible characters, or none at all"
        ))),
    }
}

fn check_account(account: Option<&str>) -> Result<(), Error> {
    let fits = |name: &str| {
        (1..=MAX_ACCOUNT).contains(&name.len())
            && !name.starts_with('-')
            && name.bytes().all(|one| one.is_ascii_alphanumeric() || b"._-$".contains(&one))
    };
    match account.is_none_or(fits) {
        true => Ok(()),
        false => Err(Error::Invalid("account: the name of a user of this machine".to_owned())),
    }
}

/// # Errors
/// `NotLoggedIn`, `Forbidden`.
pub fn list(ctx: &Ctx) -> Result<Vec<Arc<User>>, Error> {
    ctx.authorize(Action::UserList, ())?;
    Ok(ctx.app().people().all())
}

/// # Errors
/// `NotLoggedIn`, `Forbidden`, `NotFound`.
pub fn get(ctx: &Ctx, id: i64) -> Result<Arc<User>, Error> {
    let id = ctx.authorize(Action::UserRead, id)?.into_target();
    ctx.app().people().get(id).ok_or(Error::NotFound(What::User(id)))
}

/// Makes a person, who gets in by a login link first.
///
/// # Errors
/// `NotLoggedIn`, `Forbidden`, `Invalid`, `Conflict`, `Storage`.
pub async fn create(ctx: &Ctx, new: NewUser) -> Result<Arc<User>, Error> {
    let grant = ctx.authorize(Action::UserCreate, new)?;
    check_username(&grant.target().username)?;
    check_display_name(grant.target().display_name.as_deref())?;
    check_account(grant.target().account.as_deref())?;
    let about = About::nothing()
        .with("username", grant.target().username.as_str())
        .with("role", grant.target().role.as_str())
        .with("account", grant.target().account.clone());
    ctx.audited(Action::UserCreate, about, async move |ctx| {
        let app = ctx.app();
        let id = app.store().add_user(grant.into_target(), Uuid::now_v7(), ctx.clock().now()).await?;
        app.people().reload(app.store()).await?;
        app.people().get(id).ok_or(Error::NotFound(What::User(id)))
    })
    .await
}

/// Who is disabled is logged out everywhere, and their tokens are refused while it lasts.
///
/// # Errors
/// `NotLoggedIn`, `Forbidden`, `NotFound`, `Invalid`, `Conflict`, `Storage`.
pub async fn change(ctx: &Ctx, id: i64, change: Change) -> Result<Arc<User>, Error> {
    let grant = ctx.authorize(Action::UserChange, change)?;
    check_display_name(grant.target().display_name.as_ref().and_then(Option::as_deref))?;
    check_account(grant.target().account.as_ref().and_then(Option::as_deref))?;
    let target = ctx.app().people().get(id).ok_or(Error::NotFound(What::User(id)))?;
    let mut about = About::nothing().with("username", target.username.as_str());
    let change = grant.target();
    if let Some(role) = change.role {
        about = about.with("role", role.as_str());
    }
    if let Some(account) = &change.account {
        about = about.with("account", account.clone());
    }
    if let Some(enabled) = change.enabled {
        about = about.with("enabled", enabled);
    }
    ctx.audited(Action::UserChange, about, async move |ctx| {
        let app = ctx.app();
        let change = grant.into_target();
        if !app.store().change_user(id, change).await? {
            return Err(Error::NotFound(What::User(id)));
        }
        app.people().reload(app.store()).await?;
        app.changed();
        app.people().get(id).ok_or(Error::NotFound(What::User(id)))
    })
    .await
}

/// Their logins, tokens and shares go with them; their sessions and recordings stay.
///
/// # Errors
/// `NotLoggedIn`, `Forbidden`, `NotFound`, `Conflict`, `Storage`.
pub async fn remove(ctx: &Ctx, id: i64) -> Result<(), Error> {
    let grant = ctx.authorize(Action::UserRemove, id)?;
    let target = ctx.app().people().get(id).ok_or(Error::NotFound(What::User(id)))?;
    let about = About::nothing().with("username", target.username.as_str());
    ctx.audited(Action::UserRemove, about, async move |ctx| {
        let app = ctx.app();
        if !app.store().remove_user(grant.into_target()).await? {
            return Err(Error::NotFound(What::User(id)));
        }
        app.people().reload(app.store()).await?;
        app.guests().reload(app.store(), ctx.clock().now()).await?;
        app.servers().reload(app.store()).await?;
        app.changed();
        Ok(())
    })
    .await
}

/// Makes a login link for somebody; returns its secret.
///
/// # Errors
/// `NotLoggedIn`, `Forbidden`, `NotFound`, `Storage`.
pub async fn login_link(ctx: &Ctx, id: i64) -> Result<Link, Error> {
    let grant = ctx.authorize(Action::UserLink, id)?;
    let target = ctx.app().people().get(id).ok_or(Error::NotFound(What::User(id)))?;
    let about = About::nothing().with("username", target.username.as_str());
    let by = grant.person().user.username.clone();
    ctx.audited(Action::UserLink, about, async move |ctx| {
        link::create(ctx.app().store(), id, &by, ctx.clock().now()).await
    })
    .await
}

/// Who there is at the very first start: one administrator, without a password, whose shells are
/// those of the OS user who started the server.
pub(crate) async fn first_administrator(
    store: &Store,
    account: &str,
    now: jiff::Timestamp,
) -> Result<(), Error> {
    if !store.users().await?.is_empty() {
        return Ok(());
    }
    let new = NewUser {
        username: "admin".to_owned(),
        display_name: None,
        role: Role::Admin,
        account: Some(account.to_owned()),
    };
    store.add_user(new, Uuid::now_v7(), now).await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
    async fn what_was_read_before_a_change_is_not_shown_after_it() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(&dir.path().join("bastide.db")).await.unwrap();
        first_administrator(&store, "root", jiff::Timestamp::now()).await.unwrap();
        let new = NewUser { username: "bob".to_owned(), display_name: None, role: Role::User, account: None };
        let id = store.add_user(new, Uuid::now_v7(), jiff::Timestamp::now()).await.unwrap();
        let people = People::load(&store).await.unwrap();
        // Each login of anybody reads everybody again.
        let others: Vec<_> = (0..4)
            .map(|_| {
                let (people, store) = (people.clone(), store.clone());
                tokio::spawn(async move {
                    loop {
                        people.reload(&store).await.unwrap();
                    }
                })
            })
            .collect();
        for turn in 0..100 {
            let enabled = turn % 2 == 1;
            store.change_user(id, Change { enabled: Some(enabled), ..Change::default() }).await.unwrap();
            people.reload(&store).await.unwrap();
            for _ in 0..20 {
                assert_eq!(people.get(id).unwrap().enabled, enabled, "turn {turn}");
                tokio::task::yield_now().await;
            }
        }
        for other in others {
            other.abort();
        }
    }
}
