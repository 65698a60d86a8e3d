//! A server that brings its own user name and password: they are its default credential.

use bastide_store::{CredentialKind, OwnCredential, Server};
use bastide_wire::ssh::Secret;

use crate::context::{Action, Ctx};
use crate::credentials::{self, Change, Given, Prepared};
use crate::{App, Error};

/// Told with a server. What is left out stays; without a password it is asked for each time.
#[derive(Debug, Clone, Default)]
pub struct OwnLogin {
    pub username: Option<String>,
    pub password: Option<Secret>,
}

impl OwnLogin {
    /// `None` where nothing is told.
    pub fn told(username: Option<String>, password: Option<Secret>) -> Option<Self> {
        (username.is_some() || password.is_some()).then_some(Self { username, password })
    }
}

/// What is to be written together with the server.
#[derive(Debug)]
pub(super) enum Own {
    New(Box<Prepared>),
    Changed(i64, Box<Prepared>),
}

impl Own {
    pub(super) fn written(&self) -> OwnCredential<'_> {
        let (replaces, prepared) = match self {
            Self::New(prepared) => (None, prepared),
            Self::Changed(id, prepared) => (Some((*id, prepared.version)), prepared),
        };
        OwnCredential { replaces, new: &prepared.new, secrets: &prepared.sealed }
    }
}

pub(super) async fn prepare_some(
    ctx: &Ctx,
    of: (&str, Option<&Server>),
    login: Option<OwnLogin>,
) -> Result<Option<Own>, Error> {
    match login {
        Some(login) => prepare(ctx, of, login).await,
        None => Ok(None),
    }
}

/// A credential that nothing else uses is changed, by whoever may change credentials; else there is a new one, and what
/// is there stays: a server could be pointed to a credential to overwrite it.
async fn prepare(
    ctx: &Ctx,
    (name, old): (&str, Option<&Server>),
    login: OwnLogin,
) -> Result<Option<Own>, Error> {
    let app = ctx.app();
    let OwnLogin { username, password } = login;
    let default = match old.and_then(|old| old.settings.default_credential) {
        Some(id) => app.store().credential(id).await?,
        None => None,
    };
    if let Some(own) = &default {
        // Forms send the name back that they were shown.
        if password.is_none() && username.as_ref() == Some(&own.about.username) {
            return Ok(None);
        }
        let uses = app.store().credential_uses().await?;
        let alone = uses.iter().filter(|(id, _)| *id == own.id).count() == 1;
        let fits =
            password.is_none() || matches!(own.about.kind, CredentialKind::Password | CredentialKind::Ask);
        if alone && fits && ctx.authorize(Action::CredentialChange, ()).is_ok() {
            let kind = password.is_some().then_some(CredentialKind::Password);
            let secrets = Given { password: password.map(Some), ..Given::default() };
            let change = Change { name: None, username, kind, secrets };
            let prepared = credentials::changed(app, own.id, change).await?;
            return Ok(Some(Own::Changed(own.id, Box::new(prepared))));
        }
    }
    let username = username.or(default.map(|one| one.about.username));
    let username = username.ok_or_else(|| Error::Invalid("password: without a username".to_owned()))?;
    let name = free_name(app, &format!("{username}@{name}")).await?;
    let prepared = credentials::with_password(app, name, username, password).await?;
    Ok(Some(Own::New(Box::new(prepared))))
}

/// As much of it as leaves room for a number.
const MAX_NAME: usize = 90;

async fn free_name(app: &App, wanted: &str) -> Result<String, Error> {
    let wanted: String = wanted.chars().take(MAX_NAME).collect();
    let wanted = wanted.trim_end();
    let taken: Vec<_> =
        app.store().credentials().await?.into_iter().map(|one| one.about.name.to_lowercase()).collect();
    let is_free = |name: &String| !taken.contains(&name.to_lowercase());
    let numbered = (2..).map(|number| format!("{wanted} {number}"));
    let name = std::iter::once(wanted.to_owned()).chain(numbered).find(is_free);
    Ok(name.expect("there are more numbers than credentials"))
}
