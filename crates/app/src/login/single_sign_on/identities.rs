//! Who people are at the provider: what administrators see of it and prepare.

use bastide_store::{Identity, NewIdentity};

use crate::Error;
use crate::context::{About, Action, Ctx};
use crate::error::{Conflict, Thing, What};

/// OpenID Connect Core 1.0, section 2.
const MAX_SUBJECT: usize = 255;
/// One at each provider that there was.
const MAX_IDENTITIES: usize = 20;

/// By whom somebody is known elsewhere, oldest first.
///
/// # Errors
/// `NotLoggedIn`, `Forbidden`, `NotFound`, `Storage`.
pub async fn list(ctx: &Ctx, user: i64) -> Result<Vec<Identity>, Error> {
    ctx.authorize(Action::UserRead, user)?;
    ctx.app().people().get(user).ok_or(Error::NotFound(What::User(user)))?;
    Ok(ctx.app().store().identities(user).await?)
}

/// Lets whoever is this subject at the provider in as somebody who is known here.
///
/// # Errors
/// `NotLoggedIn`, `Forbidden`, `NotFound`, `Invalid`, `Conflict`, `Storage`.
pub async fn add(ctx: &Ctx, user: i64, subject: String) -> Result<Identity, Error> {
    let grant = ctx.authorize(Action::IdentityAdd, user)?;
    let target = ctx.app().people().get(user).ok_or(Error::NotFound(What::User(user)))?;
    let Some(issuer) = ctx.app().single_sign_on().map(|sign_on| sign_on.client.issuer().to_owned()) else {
        return Err(Error::Invalid("single sign-on is not set up".to_owned()));
    };
    let fits = |c: char| !c.is_control();
    if !(1..=MAX_SUBJECT).contains(&subject.chars().count()) || !subject.chars().all(fits) {
        return Err(Error::Invalid(format!("subject: 1 to {MAX_SUBJECT} visible characters")));
    }
    let about = About::nothing()
        .with("username", target.username.as_str())
        .with("issuer", issuer.as_str())
        .with("subject", subject.as_str());
    let linked_by = Some(grant.person().user.username.clone());
    ctx.audited(Action::IdentityAdd, about, async move |ctx| {
        let store = ctx.app().store();
        if store.identities(user).await?.len() >= MAX_IDENTITIES {
            return Err(Error::Invalid(format!("{MAX_IDENTITIES} identities: remove one first")));
        }
        let new = NewIdentity { issuer, subject, name: None, linked_by };
        store.add_identity(user, &new, ctx.clock().now()).await.map_err(|error| match error {
            bastide_store::Error::Taken(_) => {
                Conflict::InUse("this subject is somebody's already".to_owned()).into()
            }
            other => Error::from(other),
        })?;
        ctx.app().people().reload(store).await?;
        let added = store.identity(&new.issuer, &new.subject).await?;
        added.ok_or(Error::Conflict(Conflict::ChangedMeanwhile))
    })
    .await
}

/// Whoever it is does not get in by it any more, and is logged out. Who had nothing but this is disabled: nobody
/// could say any more whether they may come, and what they made meanwhile would hold for ever.
///
/// # Errors
/// `NotLoggedIn`, `Forbidden`, `NotFound`, `Conflict` where nobody else administers, `Storage`.
pub async fn remove(ctx: &Ctx, user: i64, id: i64) -> Result<(), Error> {
    let grant = ctx.authorize(Action::IdentityRemove, id)?;
    let target = ctx.app().people().get(user).ok_or(Error::NotFound(What::User(user)))?;
    let missing = || Error::NotFound(What::Thing(Thing::Identity, id));
    let known = ctx.app().store().identities(user).await?.into_iter().find(|known| known.id == id);
    let known = known.ok_or_else(missing)?;
    let about = About::nothing()
        .with("username", target.username.as_str())
        .with("issuer", known.issuer)
        .with("subject", known.subject);
    let facts = about.clone();
    ctx.audited(Action::IdentityRemove, about, async move |ctx| {
        let app = ctx.app();
        if !app.store().remove_identity(user, grant.into_target()).await? {
            return Err(Error::NotFound(What::Thing(Thing::Identity, id)));
        }
        app.people().reload(app.store()).await?;
        app.changed();
        if target.enabled && app.people().get(user).is_some_and(|now| !now.enabled) {
            let why = "this was all that they came by".to_owned();
            if let Err(error) = ctx.note(Action::IdentityRemove, &facts, "disabled", Some(why)).await {
                tracing::error!(%error, "that somebody was disabled is missing in the log");
            }
        }
        Ok(())
    })
    .await
}
