//! Who is logged in: signed cookies that need no table, and the few that were ended early.
//!
//! A cookie's value is `v1.ID.ISSUED.EXPIRES.MAC`: a random id and Unix seconds, signed with the
//! server's key. It survives a restart of the server, and all of them end with the key.

pub mod link;
pub(crate) mod refusals;

use std::collections::HashMap;
use std::fs;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use jiff::Timestamp;
use tokio::sync::watch;

use crate::data_dir::{DataDir, write_private};
use crate::key::ServerKey;
use crate::{Error, hex};

/// A login lasts a week: a browser that is used daily asks for a link rarely, a forgotten one ends.
const LIFETIME_SECONDS: i64 = 7 * 24 * 3600;

/// Ended logins that are remembered until they would have expired. Past it the oldest expiry goes
/// first; at one logout a minute a week holds fewer.
const MAX_ENDED: usize = 16_384;

const PURPOSE: &str = "login";
const ID_LENGTH: usize = 32;

/// One person's proof of having logged in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Login {
    id: String,
    expires: Timestamp,
}

impl Login {
    /// What stands in the log for this login; it opens nothing.
    pub fn id(&self) -> &str {
        &self.id
    }

    pub fn expires(&self) -> Timestamp {
        self.expires
    }
}

/// A cookie to be set, with what it may be called.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cookie {
    pub name: String,
    pub value: String,
    pub max_age_seconds: i64,
}

/// Makes, checks and ends logins.
#[derive(Debug, Clone)]
pub struct Logins {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    key: ServerKey,
    directory: PathBuf,
    ended: Mutex<HashMap<String, Timestamp>>,
    /// Counts up with every ended login, so that open connections can look again.
    changed: watch::Sender<u64>,
}

impl Logins {
    pub(crate) fn open(dir: &DataDir, now: Timestamp) -> Result<Self, Error> {
        let key = ServerKey::load(dir)?;
        let directory = dir.directory("logged-out")?;
        let mut ended = HashMap::new();
        for entry in fs::read_dir(&directory).map_err(Error::file("cannot read", &directory))?.flatten() {
            let path = entry.path();
            let name = entry.file_name().to_string_lossy().into_owned();
            let expires =
                fs::read_to_string(&path).ok().and_then(|text| text.trim().parse::<Timestamp>().ok());
            match expires {
                Some(expires) if expires > now => drop(ended.insert(name, expires)),
                // Expired, or left half-written by a crash: either way it ends nothing any more.
                _ => drop(fs::remove_file(&path)),
            }
        }
        let (changed, _) = watch::channel(0);
        Ok(Self { inner: Arc::new(Inner { key, directory, ended: Mutex::new(ended), changed }) })
    }

    /// The cookie's name holds the key's, so that two servers on one host keep their logins apart.
    pub fn cookie_name(&self) -> String {
        format!("bastide_{}", self.inner.key.name())
    }

    pub(crate) fn begin(&self, now: Timestamp) -> (Login, Cookie) {
        let id = hex::encode(&rand::random::<[u8; ID_LENGTH / 2]>());
        let issued = now.as_second();
        let expires = issued + LIFETIME_SECONDS;
        let body = format!("v1.{id}.{issued}.{expires}");
        let mac = hex::encode(&self.inner.key.sign(PURPOSE, &body));
        let login = Login { id, expires: Timestamp::from_second(expires).unwrap_or(Timestamp::MAX) };
        let cookie = Cookie {
            name: self.cookie_name(),
            value: format!("{body}.{mac}"),
            max_age_seconds: LIFETIME_SECONDS,
        };
        (login, cookie)
    }

    /// The login a cookie stands for, if it is ours, still valid, and was not ended.
    pub fn check(&self, value: &str, now: Timestamp) -> Option<Login> {
        let (body, mac) = value.rsplit_once('.')?;
        if !self.inner.key.verify(PURPOSE, body, &hex::decode(mac)?) {
            return None;
        }
        let mut parts = body.split('.');
        let (version, id) = (parts.next()?, parts.next()?);
        let (issued, expires) = (parts.next()?.parse::<i64>().ok()?, parts.next()?.parse::<i64>().ok()?);
        if version != "v1" || id.len() != ID_LENGTH || parts.next().is_some() || issued > expires {
            return None;
        }
        let expires = Timestamp::from_second(expires).ok()?;
        let login = Login { id: id.to_owned(), expires };
        self.holds(&login, now).then_some(login)
    }

    /// Whether a login that was good when its connection began still is.
    pub fn holds(&self, login: &Login, now: Timestamp) -> bool {
        let ended = self.inner.ended.lock().unwrap_or_else(PoisonError::into_inner);
        login.expires > now && !ended.contains_key(&login.id)
    }

    /// Changes when any login was ended.
    pub fn changes(&self) -> watch::Receiver<u64> {
        self.inner.changed.subscribe()
    }

    /// Ends a login before its time, lastingly.
    pub(crate) fn end(&self, login: &Login) -> Result<(), Error> {
        write_private(&self.inner.directory.join(&login.id), login.expires.to_string().as_bytes())?;
        {
            let mut ended = self.inner.ended.lock().unwrap_or_else(PoisonError::into_inner);
            if ended.len() >= MAX_ENDED
                && let Some(first) =
                    ended.iter().min_by_key(|(_, expires)| **expires).map(|(id, _)| id.clone())
            {
                ended.remove(&first);
            }
            ended.insert(login.id.clone(), login.expires);
        }
        self.inner.changed.send_modify(|count| *count += 1);
        Ok(())
    }
}

#[cfg(test)]
mod tests;
