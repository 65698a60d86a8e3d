//! Who may use which servers: a person or a group, a server or all with a tag, and with which credential.
//!
//! A grant without a credential gives the server's default one, whichever that is, and no other. A grant of a
//! server covers the servers on the way to it, as the way alone: nobody gets a terminal on those by it.

use bastide_store::{Grant, GrantTarget, Grantee};
use jiff::Timestamp;

use crate::Error;
use crate::context::{About, Action, Ctx};
use crate::error::{Thing, What};
use crate::servers::check;

/// Each is looked at for each question; more is a sign that a tag or a group is missing.
const MAX_GRANTS: usize = 10_000;

#[derive(Debug, Clone)]
pub struct NewGrant {
    pub to: Grantee,
    pub on: GrantTarget,
    pub credential: Option<i64>,
    pub expires: Option<Timestamp>,
}

/// By id, also those that have expired.
///
/// # Errors
/// `NotLoggedIn`, `Forbidden`.
pub fn list(ctx: &Ctx) -> Result<Vec<Grant>, Error> {
    ctx.authorize(Action::GrantList, ())?;
    Ok(ctx.app().servers().now().grants.clone())
}

/// # Errors
/// `NotLoggedIn`, `Forbidden`, `Invalid`, `Storage`.
pub async fn create(ctx: &Ctx, new: NewGrant) -> Result<Grant, Error> {
    let by = ctx.authorize(Action::GrantCreate, ())?.person().user.username.clone();
    let NewGrant { to, on, credential, expires } = new;
    let now = ctx.clock().now();
    let grant = Grant { id: 0, to, on, credential, expires, created: now, created_by: by };
    check_grant(ctx, &grant)?;
    if let Some(id) = grant.credential
        && ctx.app().store().credential(id).await?.is_none()
    {
        return Err(Error::Invalid(format!("credential_id: there is no credential {id}")));
    }
    ctx.audited(Action::GrantCreate, about(&grant), async move |ctx| {
        let app = ctx.app();
        let gone = || Error::Invalid("what is granted, or to whom, is gone".to_owned());
        let id = app.store().add_grant(&grant).await?.ok_or_else(gone)?;
        app.servers().reload(app.store()).await?;
        app.changed();
        Ok(Grant { id, ..grant })
    })
    .await
}

/// Takes a grant away: what it gave is gone at once, terminals that are open by it too.
///
/// # Errors
/// `NotLoggedIn`, `Forbidden`, `NotFound`, `Storage`.
pub async fn remove(ctx: &Ctx, id: i64) -> Result<(), Error> {
    ctx.authorize(Action::GrantRemove, ())?;
    let none = move || Error::NotFound(What::Thing(Thing::Grant, id));
    let known = ctx.app().servers().now();
    let grant = known.grants.iter().find(|grant| grant.id == id).ok_or_else(none)?;
    ctx.audited(Action::GrantRemove, about(grant).with("grant", id), async move |ctx| {
        let app = ctx.app();
        if !app.store().remove_grant(id).await? {
            return Err(none());
        }
        app.servers().reload(app.store()).await?;
        app.changed();
        Ok(())
    })
    .await
}

fn check_grant(ctx: &Ctx, grant: &Grant) -> Result<(), Error> {
    let (app, known) = (ctx.app(), ctx.app().servers().now());
    let invalid = |text: String| Err(Error::Invalid(text));
    match grant.to {
        Grantee::User(id) if app.people().get(id).is_none() => {
            return invalid(format!("user_id: there is no user {id}"));
        }
        Grantee::Group(id) if !known.groups.contains_key(&id) => {
            return invalid(format!("group_id: there is no group {id}"));
        }
        _ => {}
    }
    match &grant.on {
        GrantTarget::Server(id) if !known.servers.contains_key(id) => {
            return invalid(format!("server_id: there is no server {id}"));
        }
        GrantTarget::Tag(tag) => check::tag(tag)?,
        GrantTarget::Server(_) => {}
    }
    if grant.expires.is_some_and(|at| at <= ctx.clock().now()) {
        return invalid("expires: is in the past".to_owned());
    }
    match known.grants.len() >= MAX_GRANTS {
        true => invalid(format!("{MAX_GRANTS} grants: use a tag or a group instead")),
        false => Ok(()),
    }
}

fn about(grant: &Grant) -> About {
    let about = match grant.to {
        Grantee::User(id) => About::nothing().with("user_id", id),
        Grantee::Group(id) => About::nothing().with("group_id", id),
    };
    let about = match &grant.on {
        GrantTarget::Server(id) => about.with("server", *id),
        GrantTarget::Tag(tag) => about.with("tag", tag.as_str()),
    };
    about.with("credential", grant.credential).with("expires", grant.expires.map(|at| at.to_string()))
}
