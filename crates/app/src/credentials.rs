//! Credentials: how servers are logged in to. Their secrets go in and never come out again, but for a dial.

mod plain;

use bastide_store as store;
use bastide_store::{Credential, CredentialKind, NewCredential};
use bastide_wire::ssh::{self, Secret};
use uuid::Uuid;

use crate::Error;
use crate::app::App;
use crate::context::{About, Action, Ctx};
use crate::error::{Conflict, Thing, What};
use crate::vault::Held;
pub(crate) use plain::Plain;

/// Names are shown in lists and questions.
const MAX_NAME: usize = 100;
/// Longer names of accounts are those of directories, `user@realm.example`.
const MAX_USERNAME: usize = 255;
/// A list of more is none that anybody reads, and each costs work when the master key changes.
const MAX_CREDENTIALS: usize = 100_000;

/// A credential as it may be shown.
#[derive(Debug, Clone)]
pub struct Seen {
    pub credential: Credential,
    /// What uses it, in words: `server web1`.
    pub used_by: Vec<String>,
}

#[derive(Debug)]
pub struct New {
    pub name: String,
    pub username: String,
    pub kind: CredentialKind,
    pub secrets: Given,
}

/// Secrets as somebody gave them: `None` stays as it is, `Some(None)` goes.
#[derive(Debug, Default)]
pub struct Given {
    pub password: Option<Option<Secret>>,
    /// The text of a private key file.
    pub key: Option<Option<Secret>>,
    /// Of the private key.
    pub passphrase: Option<Option<Secret>>,
    /// The line of a `-cert.pub` file.
    pub certificate: Option<Option<String>>,
}

impl Given {
    /// Which are given or taken away; for the log.
    fn names(&self) -> Vec<&'static str> {
        let all = [
            ("password", self.password.is_some()),
            ("key", self.key.is_some()),
            ("passphrase", self.passphrase.is_some()),
            ("certificate", self.certificate.is_some()),
        ];
        all.into_iter().filter_map(|(name, given)| given.then_some(name)).collect()
    }
}

/// What is to be changed; `None` stays as it is. Secrets that do not fit another kind go, and with another key its
/// old passphrase and certificate.
#[derive(Debug, Default)]
pub struct Change {
    pub name: Option<String>,
    pub username: Option<String>,
    pub kind: Option<CredentialKind>,
    pub secrets: Given,
}

/// All, by name.
///
/// # Errors
/// `NotLoggedIn`, `Forbidden`, `Storage`.
pub async fn list(ctx: &Ctx) -> Result<Vec<Seen>, Error> {
    ctx.authorize(Action::CredentialList, ())?;
    let store = ctx.app().store();
    let mut uses = uses(store).await?;
    let seen = |credential: Credential| Seen {
        used_by: uses.remove(&credential.id).unwrap_or_default(),
        credential,
    };
    Ok(store.credentials().await?.into_iter().map(seen).collect())
}

async fn uses(store: &store::Store) -> Result<std::collections::HashMap<i64, Vec<String>>, Error> {
    let mut uses = std::collections::HashMap::<i64, Vec<String>>::new();
    for (id, by) in store.credential_uses().await? {
        uses.entry(id).or_default().push(by);
    }
    Ok(uses)
}

/// # Errors
/// `NotLoggedIn`, `Forbidden`, `NotFound`, `Storage`.
pub async fn get(ctx: &Ctx, id: i64) -> Result<Seen, Error> {
    let id = ctx.authorize(Action::CredentialRead, id)?.into_target();
    seen(ctx.app(), id).await
}

async fn seen(app: &App, id: i64) -> Result<Seen, Error> {
    let credential = app.store().credential(id).await?.ok_or_else(|| missing(id))?;
    let used_by = uses(app.store()).await?.remove(&id).unwrap_or_default();
    Ok(Seen { credential, used_by })
}

/// The number of one by its name, for those who may take any.
///
/// # Errors
/// `NotLoggedIn`, `Forbidden`, `Invalid` where there is none of the name, `Storage`.
pub async fn named(ctx: &Ctx, name: &str) -> Result<i64, Error> {
    let found = list(ctx).await?.into_iter().find(|one| one.credential.about.name == name);
    found
        .map(|one| one.credential.id)
        .ok_or_else(|| Error::Invalid(format!("there is no credential {name:?}")))
}

/// # Errors
/// `NotLoggedIn`, `Forbidden`, `Invalid`, `Conflict`, `Storage`.
pub async fn create(ctx: &Ctx, new: New) -> Result<Seen, Error> {
    let grant = ctx.authorize(Action::CredentialCreate, new)?;
    let new = grant.target();
    let about = About::nothing()
        .with("name", new.name.as_str())
        .with("username", new.username.as_str())
        .with("login_kind", new.kind.as_str())
        .with("secrets", new.secrets.names());
    check_name(&new.name)?;
    check_username(&new.username)?;
    ctx.audited(Action::CredentialCreate, about, async move |ctx| {
        let app = ctx.app();
        if app.store().credentials().await?.len() >= MAX_CREDENTIALS {
            return Err(Error::Invalid(format!("{MAX_CREDENTIALS} credentials: remove some first")));
        }
        let New { name, username, kind, secrets } = grant.into_target();
        let plain = Plain::default().with(secrets, kind)?;
        let (held, new, sealed) = prepare(app, (Uuid::now_v7(), name, username), kind, plain).await?;
        let added = app.store().add_credential(&new, &sealed, ctx.clock().now()).await;
        drop(held);
        seen(app, added.map_err(|e| taken(e, &new.name))?).await
    })
    .await
}

/// # Errors
/// `NotLoggedIn`, `Forbidden`, `NotFound`, `Invalid`, `Conflict`, `Storage`.
pub async fn change(ctx: &Ctx, id: i64, change: Change) -> Result<Seen, Error> {
    let grant = ctx.authorize(Action::CredentialChange, change)?;
    let change = grant.target();
    change.name.as_deref().map_or(Ok(()), check_name)?;
    change.username.as_deref().map_or(Ok(()), check_username)?;
    let old = ctx.app().store().credential(id).await?.ok_or_else(|| missing(id))?;
    let mut about =
        About::nothing().with("name", old.about.name.as_str()).with("secrets", change.secrets.names());
    let facts = [("new_name", &change.name), ("username", &change.username)];
    for (fact, value) in facts.into_iter().filter_map(|(fact, value)| Some((fact, value.as_deref()?))) {
        about = about.with(fact, value);
    }
    if let Some(kind) = change.kind {
        about = about.with("login_kind", kind.as_str());
    }
    ctx.audited(Action::CredentialChange, about, async move |ctx| {
        let app = ctx.app();
        let changed = changed(app, id, grant.into_target()).await?;
        let (version, new, sealed) = (changed.version, &changed.new, &changed.sealed);
        let written = app.store().change_credential((id, version), new, sealed, ctx.clock().now()).await;
        if !written.map_err(|e| taken(e, &new.name))? {
            return Err(Conflict::ChangedMeanwhile.into());
        }
        drop(changed);
        seen(app, id).await
    })
    .await
}

/// Its connections stay as long as they are used.
///
/// # Errors
/// `NotLoggedIn`, `Forbidden`, `NotFound`, `Conflict` while something uses it, `Storage`.
pub async fn remove(ctx: &Ctx, id: i64) -> Result<(), Error> {
    let grant = ctx.authorize(Action::CredentialRemove, id)?;
    let old = ctx.app().store().credential(id).await?.ok_or_else(|| missing(id))?;
    let about = About::nothing().with("name", old.about.name.as_str());
    ctx.audited(Action::CredentialRemove, about, async move |ctx| {
        match ctx.app().store().remove_credential(grant.into_target()).await? {
            true => Ok(()),
            false => Err(missing(id)),
        }
    })
    .await
}

/// How to log in with a credential: what [`ssh::Hop`] needs of it.
#[derive(Debug, Clone)]
pub(crate) struct Login {
    pub(crate) username: String,
    /// Names the credential and its version: [`ssh::Hop::credential`].
    pub(crate) name: String,
    pub(crate) logins: Vec<ssh::Login>,
}

/// Opens a credential for a dial. Whoever calls has asked what the caller may do.
///
/// # Errors
/// `NotFound`, `Storage`.
pub(crate) async fn login(app: &App, id: i64) -> Result<Login, Error> {
    let held = app.keys().hold().await;
    let (credential, sealed) = app.store().credential_with_secrets(id).await?.ok_or_else(|| missing(id))?;
    let about = &credential.about;
    let plain = Plain::open(&held, about, &sealed)?;
    let name = format!("{}@{}", about.uid, credential.version);
    Ok(Login { username: about.username.clone(), name, logins: plain.logins(about.kind) })
}

/// A credential ready to be written: `store::credentials` takes `new` and `sealed` in a transaction. Held until
/// then, so that the master key does not change in between.
#[derive(Debug)]
pub(crate) struct Prepared {
    /// What it is now; of a new one, 0.
    pub(crate) version: i64,
    pub(crate) new: NewCredential,
    pub(crate) sealed: store::Secrets,
    _held: Held,
}

/// A new credential with a password, or one whose password is asked for each time: a server's own.
///
/// # Errors
/// `Invalid`, `Storage`.
pub(crate) async fn with_password(
    app: &App,
    name: String,
    username: String,
    password: Option<Secret>,
) -> Result<Prepared, Error> {
    check_name(&name)?;
    check_username(&username)?;
    let kind = if password.is_some() { CredentialKind::Password } else { CredentialKind::Ask };
    let given = Given { password: password.map(Some), ..Given::default() };
    let plain = Plain::default().with(given, kind)?;
    let (held, new, sealed) = prepare(app, (Uuid::now_v7(), name, username), kind, plain).await?;
    Ok(Prepared { version: 0, new, sealed, _held: held })
}

/// A credential with a change, ready to be written in the place of that version.
///
/// # Errors
/// `NotFound`, `Invalid`, `Storage`.
pub(crate) async fn changed(app: &App, id: i64, change: Change) -> Result<Prepared, Error> {
    let Change { name, username, kind, secrets } = change;
    let (old, plain) = {
        let held = app.keys().hold().await;
        let found = app.store().credential_with_secrets(id).await?;
        let (old, sealed) = found.ok_or_else(|| missing(id))?;
        let plain = Plain::open(&held, &old.about, &sealed)?;
        (old, plain)
    };
    let kind = kind.unwrap_or(old.about.kind);
    let plain = plain.with(secrets, kind)?;
    let (name, username) = (name.unwrap_or(old.about.name), username.unwrap_or(old.about.username));
    let (held, new, sealed) = prepare(app, (old.about.uid, name, username), kind, plain).await?;
    Ok(Prepared { version: old.version, new, sealed, _held: held })
}

async fn prepare(
    app: &App,
    (uid, name, username): (Uuid, String, String),
    kind: CredentialKind,
    plain: Plain,
) -> Result<(Held, NewCredential, store::Secrets), Error> {
    // Deriving a key from a passphrase takes a while.
    let checked = tokio::task::spawn_blocking(move || plain.check(kind).map(|facts| (plain, facts)));
    let (plain, facts) = checked.await.map_err(|_| Error::Stopping)??;
    let held = app.keys().hold().await;
    let sealed = plain.seal(&held, uid)?;
    let certificate = plain.certificate;
    let (public_key, fingerprint) = (facts.public_key, facts.fingerprint);
    let new = NewCredential { uid, name, username, kind, certificate, public_key, fingerprint };
    Ok((held, new, sealed))
}

pub(crate) fn missing(id: i64) -> Error {
    Error::NotFound(What::Thing(Thing::Credential, id))
}

/// Which name a store says is taken.
pub(crate) fn taken(error: store::Error, name: &str) -> Error {
    match error {
        store::Error::Taken(_) => {
            Conflict::NameTaken { thing: Thing::Credential, name: name.to_owned() }.into()
        }
        other => other.into(),
    }
}

pub(crate) fn check_name(name: &str) -> Result<(), Error> {
    let fits = !name.trim().is_empty()
        && name.trim() == name
        && name.chars().count() <= MAX_NAME
        && !name.chars().any(char::is_control);
    match fits {
        true => Ok(()),
        false => {
            Err(Error::Invalid(format!("name: 1 to {MAX_NAME} visible characters, without spaces around")))
        }
    }
}

pub(crate) fn check_username(name: &str) -> Result<(), Error> {
    let fits = !name.is_empty() && name.len() <= MAX_USERNAME && !name.chars().any(char::is_control);
    match fits {
        true => Ok(()),
        false => Err(Error::Invalid(format!("username: 1 to {MAX_USERNAME} bytes of visible characters"))),
    }
}
