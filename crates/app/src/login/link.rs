//! One-time login links. Only a digest of the secret is kept; of several who use one at once, one does.

use bastide_store::{Role, Store};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Map, Value, json};

use crate::data_dir::DataDir;
use crate::door::note_from_outside;
use crate::error::LoginError;
use crate::{Error, secret};

/// Long enough to walk to another machine, short enough for a link left in a terminal.
pub const LIFETIME: SignedDuration = SignedDuration::from_mins(15);

/// The kind of the log's entry.
pub(crate) const CREATED: &str = "login_link_created";

/// A new link.
#[derive(Debug, Clone)]
pub struct Link {
    /// Belongs behind `/login?token=`.
    pub token: String,
    pub expires: Timestamp,
}

/// What somebody who holds a link is told before using it.
#[derive(Debug, Clone)]
pub struct Look {
    pub username: String,
    pub password_set: bool,
    pub expires: Timestamp,
}

pub(crate) async fn create(store: &Store, user: i64, by: &str, now: Timestamp) -> Result<Link, Error> {
    let token = secret::generate();
    let expires = now.checked_add(LIFETIME).unwrap_or(Timestamp::MAX);
    let link = bastide_store::Link { user_id: user, created: now, expires, created_by: by.to_owned() };
    store.add_link(&secret::digest(&token), &link).await?;
    Ok(Link { token, expires })
}

/// For whom a link is made from outside.
#[derive(Debug, Clone, Copy)]
pub struct Wanted<'a> {
    /// `None`: the administrator, if there is only one.
    pub username: Option<&'a str>,
    /// Takes their second factors away and ends their logins: for who has lost them all.
    pub reset_factors: bool,
}

/// The kind of the log's entry.
const RESET: &str = "factor_reset";

/// Makes a login link from a process that is not the server, which may run or not. Without a name it
/// is for the administrator, if there is only one.
///
/// # Errors
/// `Storage`: the log cannot be written, and no link was made; or the database cannot. `Invalid` with
/// the names there are, when this is none of them.
pub async fn create_from_outside(
    dir: &DataDir,
    wanted: Wanted<'_>,
    now: Timestamp,
) -> Result<(String, Link), Error> {
    let store = Store::open(&dir.database()).await?;
    let made = create_in(&store, dir, wanted, now).await;
    store.close().await;
    made
}

async fn create_in(
    store: &Store,
    dir: &DataDir,
    wanted: Wanted<'_>,
    now: Timestamp,
) -> Result<(String, Link), Error> {
    let users = store.users().await?;
    let user = match wanted.username {
        Some(name) => users.iter().find(|user| user.username == name).ok_or_else(|| {
            let names: Vec<_> = users.iter().map(|user| user.username.as_str()).collect();
            Error::Invalid(format!("no user {name:?}; there is: {}", names.join(", ")))
        })?,
        None => {
            let mut administrators = users.iter().filter(|user| user.role == Role::Admin && user.enabled);
            match (administrators.next(), administrators.next()) {
                (Some(user), None) => user,
                _ => {
                    let names: Vec<_> = users.iter().map(|user| user.username.as_str()).collect();
                    return Err(Error::Invalid(format!("name the user: one of {}", names.join(", "))));
                }
            }
        }
    };
    if !user.enabled {
        return Err(Error::Invalid(format!("{} is disabled: enable the user first", user.username)));
    }
    let uid = rustix::process::geteuid().as_raw();
    if wanted.reset_factors {
        note(dir, RESET, about(uid, &user.username)).await?;
        store.reset_factors(user.id).await?;
    }
    note(dir, CREATED, about(uid, &user.username)).await?;
    let link = create(store, user.id, &format!("uid {uid}"), now).await?;
    Ok((user.username.clone(), link))
}

async fn note(dir: &DataDir, kind: &'static str, about: Map<String, Value>) -> Result<(), Error> {
    let dir = dir.clone();
    let noted = tokio::task::spawn_blocking(move || note_from_outside(&dir, kind, about)).await;
    noted.map_err(|_| Error::Stopping)?
}

/// What the entry says: who asked, and for whom.
pub(crate) fn about(uid: u32, username: &str) -> Map<String, Value> {
    Map::from_iter([("by_uid".to_owned(), json!(uid)), ("username".to_owned(), json!(username))])
}

/// The link behind a secret, if it could be used at `now`. Changes nothing.
pub(crate) async fn look(store: &Store, token: &str, now: Timestamp) -> Result<bastide_store::Link, Error> {
    let link = store.link(&secret::digest(token)).await?;
    link.filter(|link| link.expires > now).ok_or_else(|| LoginError::LinkRefused.into())
}

/// Uses it up.
pub(crate) async fn consume(
    store: &Store,
    token: &str,
    now: Timestamp,
) -> Result<bastide_store::Link, Error> {
    let link = store.use_link(&secret::digest(token)).await?;
    link.filter(|link| link.expires > now).ok_or_else(|| LoginError::LinkRefused.into())
}
