//! Groups of people.

use bastide_store::{self as store, Group};

use crate::Error;
use crate::context::{About, Action, Ctx};
use crate::error::{Conflict, Thing, What};
use crate::servers::check;

/// More people than any group of ours is for.
const MAX_MEMBERS: usize = 10_000;

/// By name.
///
/// # Errors
/// `NotLoggedIn`, `Forbidden`.
pub fn list(ctx: &Ctx) -> Result<Vec<Group>, Error> {
    ctx.authorize(Action::GroupList, ())?;
    let mut groups: Vec<_> = ctx.app().servers().now().groups.values().cloned().collect();
    groups.sort_by_cached_key(|group| group.name.to_lowercase());
    Ok(groups)
}

/// # Errors
/// `NotLoggedIn`, `Forbidden`, `Invalid`, `Conflict`, `Storage`.
pub async fn create(ctx: &Ctx, name: String, members: Vec<i64>) -> Result<Group, Error> {
    ctx.authorize(Action::GroupCreate, ())?;
    check_all(ctx, Some(&name), Some(&members))?;
    let about = About::nothing().with("name", name.as_str()).with("members", members.clone());
    ctx.audited(Action::GroupCreate, about, async move |ctx| {
        let app = ctx.app();
        let id = app.store().add_group(&name, &members, ctx.clock().now()).await.map_err(taken)?;
        shown(&ctx, id).await
    })
    .await
}

/// `None` stays as it is. Who leaves a group loses what it was granted at once.
///
/// # Errors
/// `NotLoggedIn`, `Forbidden`, `NotFound`, `Invalid`, `Conflict`, `Storage`.
pub async fn change(
    ctx: &Ctx,
    id: i64,
    name: Option<String>,
    members: Option<Vec<i64>>,
) -> Result<Group, Error> {
    ctx.authorize(Action::GroupChange, ())?;
    let old = known(ctx, id)?;
    check_all(ctx, name.as_deref(), members.as_deref())?;
    let mut about = About::nothing().with("group", id).with("was", old.name);
    if let Some(name) = &name {
        about = about.with("name", name.as_str());
    }
    if let Some(members) = &members {
        about = about.with("members", members.clone()).with("members_were", old.members);
    }
    ctx.audited(Action::GroupChange, about, async move |ctx| {
        let store = ctx.app().store();
        if !store.change_group(id, name.as_deref(), members.as_deref()).await.map_err(taken)? {
            return Err(Error::NotFound(What::Thing(Thing::Group, id)));
        }
        shown(&ctx, id).await
    })
    .await
}

/// What was granted to it goes with it, at once.
///
/// # Errors
/// `NotLoggedIn`, `Forbidden`, `NotFound`, `Storage`.
pub async fn remove(ctx: &Ctx, id: i64) -> Result<(), Error> {
    ctx.authorize(Action::GroupRemove, ())?;
    let about = About::nothing().with("group", id).with("name", known(ctx, id)?.name);
    ctx.audited(Action::GroupRemove, about, async move |ctx| {
        let app = ctx.app();
        if !app.store().remove_group(id).await? {
            return Err(Error::NotFound(What::Thing(Thing::Group, id)));
        }
        app.servers().reload(app.store()).await?;
        app.changed();
        Ok(())
    })
    .await
}

fn known(ctx: &Ctx, id: i64) -> Result<Group, Error> {
    let known = ctx.app().servers().now();
    known.groups.get(&id).cloned().ok_or(Error::NotFound(What::Thing(Thing::Group, id)))
}

/// After a change.
async fn shown(ctx: &Ctx, id: i64) -> Result<Group, Error> {
    let app = ctx.app();
    app.servers().reload(app.store()).await?;
    app.changed();
    known(ctx, id)
}

fn check_all(ctx: &Ctx, name: Option<&str>, members: Option<&[i64]>) -> Result<(), Error> {
    if let Some(name) = name {
        check::name("name", name)?;
    }
    let members = members.unwrap_or_default();
    if members.len() > MAX_MEMBERS {
        return Err(Error::Invalid(format!("members: at most {MAX_MEMBERS}")));
    }
    match members.iter().find(|id| ctx.app().people().get(**id).is_none()) {
        Some(id) => Err(Error::Invalid(format!("members: there is no user {id}"))),
        None => Ok(()),
    }
}

fn taken(error: store::Error) -> Error {
    match error {
        store::Error::Taken(name) => Conflict::NameTaken { thing: Thing::Group, name }.into(),
        other => other.into(),
    }
}
