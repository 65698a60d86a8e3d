//! Keys that people log in with at the SSH door.

use bastide_ssh::parse_public_key;
use bastide_store::UserKey;
use uuid::Uuid;

use crate::Error;
use crate::context::{About, Action, Ctx};
use crate::error::{Conflict, What};
use crate::servers::check;

/// A person has a few machines.
const MAX_KEYS: usize = 50;

/// The port of the SSH door, to tell people; `None`: there is none.
pub fn door_port(ctx: &Ctx) -> Option<u16> {
    ctx.app().ssh_door().address.map(|address| address.port())
}

/// The caller's keys, newest first; another's for an administrator.
///
/// # Errors
/// `NotLoggedIn`, `Forbidden`, `NotFound`, `Storage`.
pub async fn list(ctx: &Ctx, user: Option<i64>) -> Result<Vec<UserKey>, Error> {
    let own = ctx.authorize(Action::SshKeyList, ())?.person().user.id;
    let user = user.unwrap_or(own);
    if user != own {
        ctx.authorize(Action::UserRead, user)?;
        ctx.app().people().get(user).ok_or(Error::NotFound(What::User(user)))?;
    }
    Ok(ctx.app().store().user_keys(user).await?)
}

/// Adds a key of the caller's own: a line of a `.pub` file. Without a name, its comment is one.
///
/// # Errors
/// `NotLoggedIn`, `Forbidden`, `Invalid`, `Conflict`, `Storage`.
pub async fn add(ctx: &Ctx, name: Option<String>, line: &str) -> Result<UserKey, Error> {
    let grant = ctx.authorize(Action::SshKeyCreate, ())?;
    let line = line.trim();
    let facts = read(line)?;
    let comment = || line.split_whitespace().skip(2).collect::<Vec<_>>().join(" ");
    let name = name.filter(|name| !name.trim().is_empty()).unwrap_or_else(comment).trim().to_owned();
    let name = if name.is_empty() { facts.algorithm.clone() } else { name };
    check::name("name", &name)?;
    let key = UserKey {
        id: Uuid::now_v7(),
        user_id: grant.person().user.id,
        name,
        algorithm: facts.algorithm,
        key: facts.line,
        fingerprint: facts.fingerprint,
        created: ctx.clock().now(),
        last_used: None,
    };
    let about = about(&key);
    ctx.audited(Action::SshKeyCreate, about, async move |ctx| {
        let store = ctx.app().store();
        if store.user_keys(key.user_id).await?.len() >= MAX_KEYS {
            return Err(Error::Invalid(format!("{MAX_KEYS} keys: remove one first")));
        }
        store.add_user_key(&key).await.map_err(|error| match error {
            bastide_store::Error::Taken(_) => Conflict::InUse("you have this key already".to_owned()).into(),
            other => Error::from(other),
        })?;
        Ok(key)
    })
    .await
}

/// Takes a key away; connections that came by it end. One's own, and any for an administrator.
///
/// # Errors
/// `NotLoggedIn`, `Forbidden`, `NotFound`, `Storage`.
pub async fn remove(ctx: &Ctx, id: Uuid) -> Result<(), Error> {
    let grant = ctx.authorize(Action::SshKeyRemove, id)?;
    let missing = move || Error::NotFound(What::SshKey(id));
    let key = ctx.app().store().user_key(id).await?.ok_or_else(missing)?;
    if key.user_id != grant.person().user.id && ctx.authorize(Action::UserChange, ()).is_err() {
        return Err(missing());
    }
    ctx.audited(Action::SshKeyRemove, about(&key), async move |ctx| {
        if !ctx.app().store().remove_user_key(grant.into_target()).await? {
            return Err(missing());
        }
        ctx.app().changed();
        Ok(())
    })
    .await
}

fn about(key: &UserKey) -> About {
    About::nothing()
        .with("key", key.id.to_string())
        .with("name", key.name.as_str())
        .with("fingerprint", key.fingerprint.as_str())
}

/// A line of a `.pub` file.
pub(crate) fn read(line: &str) -> Result<bastide_ssh::PublicFacts, Error> {
    let line = line.trim();
    if line.lines().count() > 1 {
        return Err(Error::Invalid("key: one line with one key".to_owned()));
    }
    parse_public_key(line).map_err(|why| Error::Invalid(format!("key: {why}")))
}
