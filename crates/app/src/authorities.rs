//! Certificate authorities of SSH: keys whose signature is believed, about servers or about people.
//!
//! A certificate of the first makes a host key an accepted one on every server; a certificate of the second lets in
//! whom it names ([`crate::login`]). Both are kept alike, by rights of their own.

use bastide_store::{self as store, Authority, Certifies};

use crate::context::{About, Action, Ctx};
use crate::error::{Conflict, Thing, What};
use crate::servers::check;
use crate::{Error, host_keys, ssh_keys};

/// An organization has a few of each, and some more while it changes them.
const MAX: usize = 100;

/// Oldest first.
///
/// # Errors
/// `NotLoggedIn`, `Forbidden`, `Storage`.
pub async fn list(ctx: &Ctx, of: Certifies) -> Result<Vec<Authority>, Error> {
    let action = match of {
        Certifies::Hosts => Action::HostAuthorityList,
        Certifies::People => Action::UserAuthorityList,
    };
    ctx.authorize(action, ())?;
    Ok(ctx.app().store().authorities(of).await?)
}

/// Believes what this key has signed: a line of a `.pub` file.
///
/// # Errors
/// `NotLoggedIn`, `Forbidden`, `Invalid`, `Conflict`, `Storage`.
pub async fn add(ctx: &Ctx, of: Certifies, name: String, line: &str) -> Result<Authority, Error> {
    let action = match of {
        Certifies::Hosts => Action::HostAuthorityCreate,
        Certifies::People => Action::UserAuthorityCreate,
    };
    let grant = ctx.authorize(action, ())?;
    check::name("name", &name)?;
    let facts = match of {
        Certifies::Hosts => host_keys::read(line),
        Certifies::People => ssh_keys::read(line),
    }?;
    if ctx.app().store().authorities(of).await?.len() >= MAX {
        return Err(Error::Invalid(format!("{MAX} authorities: remove one first")));
    }
    let authority = Authority {
        id: 0,
        name,
        key: facts.line,
        fingerprint: facts.fingerprint,
        created: ctx.clock().now(),
        created_by: grant.person().user.username.clone(),
    };
    let about = About::nothing()
        .with("name", authority.name.as_str())
        .with("fingerprint", authority.fingerprint.as_str());
    ctx.audited(action, about, async move |ctx| {
        let id = ctx.app().store().add_authority(of, &authority).await.map_err(|error| match error {
            store::Error::Taken(name) => Conflict::NameTaken { thing: thing(of), name }.into(),
            other => Error::from(other),
        })?;
        Ok(Authority { id, ..authority })
    })
    .await
}

/// Believes it no longer. Connections of people that came by it end; those to servers stay.
///
/// # Errors
/// `NotLoggedIn`, `Forbidden`, `NotFound`, `Storage`.
pub async fn remove(ctx: &Ctx, of: Certifies, id: i64) -> Result<(), Error> {
    let action = match of {
        Certifies::Hosts => Action::HostAuthorityRemove,
        Certifies::People => Action::UserAuthorityRemove,
    };
    ctx.authorize(action, ())?;
    ctx.audited(action, About::nothing().with("authority", id), async move |ctx| {
        if !ctx.app().store().remove_authority(of, id).await? {
            return Err(Error::NotFound(What::Thing(thing(of), id)));
        }
        if of == Certifies::People {
            ctx.app().changed();
        }
        Ok(())
    })
    .await
}

fn thing(of: Certifies) -> Thing {
    match of {
        Certifies::Hosts => Thing::HostAuthority,
        Certifies::People => Thing::UserAuthority,
    }
}
