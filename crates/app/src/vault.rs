//! The key that stored secrets are sealed under: found at the start, held while the server runs, changed for
//! another.
//!
//! To change it, the new key is put beside the old one's file, then everything is sealed under it in one
//! transaction, then its file takes the place of the old one. Whoever is killed in between leaves two files, and the
//! database says which one holds.

use std::path::PathBuf;
use std::sync::Arc;

use bastide_store::Store;
use bastide_store::vault::Sealed;
use bastide_vault::{Error as Fault, MasterKey, Place, Vault};
use bastide_wire::ssh::Secret;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, json};
use tokio::sync::{OwnedRwLockReadGuard, RwLock};

pub use bastide_vault::{KeyFile, Source as KeySource, told_by};

use crate::data_dir::DataDir;
use crate::door::rotate_from_outside;
use crate::error::VaultError;
use crate::journal::Journal;
use crate::{Error, error::Conflict};

/// The key's file in the data directory, where no setting names another source.
pub const KEY_FILE: &str = "vault.key";

/// Clones hold the same key.
#[derive(Debug, Clone)]
pub(crate) struct Keys {
    current: Arc<RwLock<Vault>>,
    source: KeySource,
}

/// While this lives the key stays: from sealing a secret until it is stored.
pub(crate) type Held = OwnedRwLockReadGuard<Vault>;

/// What is known of the vault without opening anything.
#[derive(Debug, Clone, Serialize)]
pub struct Status {
    /// Tells master keys apart.
    pub key_id: String,
    /// Counts them from 1.
    pub version: i64,
    pub since: Timestamp,
    /// How many secrets are stored.
    pub secrets: usize,
    /// Where the settings say that the key is.
    pub source: String,
    /// Why the key there is not the right one.
    pub fault: Option<String>,
}

/// Another master key holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rotated {
    pub from: String,
    pub to: String,
    pub version: i64,
    /// How many secrets were sealed again.
    pub secrets: usize,
    /// Where the key before stays, for older copies of the database.
    pub kept: Option<PathBuf>,
    /// Something is left to do.
    pub warning: Option<String>,
}

impl Keys {
    /// Finds the key that the stored secrets are sealed under. Where there are none yet, a file is made; never
    /// beside secrets that it would not open.
    ///
    /// # Errors
    /// `Storage`.
    pub(crate) async fn start(store: &Store, source: KeySource, now: Timestamp) -> Result<Self, Error> {
        let vault = match store.vault().await? {
            Some(kept) => find(&source, &kept).await?,
            None => begin(store, &source, now).await?,
        };
        Ok(Self { current: Arc::new(RwLock::new(vault)), source })
    }

    pub(crate) async fn hold(&self) -> Held {
        Arc::clone(&self.current).read_owned().await
    }

    /// Seals everything under another key: `to`, or a new one where the key is in a file.
    async fn rotate(&self, store: &Store, to: Option<MasterKey>, now: Timestamp) -> Result<Rotated, Error> {
        let mut current = self.current.write().await;
        let kept = store.vault().await?.ok_or(Conflict::ChangedMeanwhile)?;
        let (key, file) = match (&self.source, to) {
            (KeySource::File(file), to) => {
                file.remove_next()?;
                let key = to.unwrap_or_else(MasterKey::generate);
                file.next().write(&key)?;
                (key, Some(file))
            }
            (_, Some(key)) => (key, None),
            (source, None) => {
                return Err(Error::Invalid(format!(
                    "the key comes from the {source}: make a new one (bastide vault new-key), and give it on \
                     standard input with --key-stdin"
                )));
            }
        };
        let next = Vault::new(key);
        let prepared = prepare(store, &current, &next, now).await;
        let (vault, sealed) = match prepared {
            Ok(prepared) => prepared,
            Err(error) => {
                if let Some(file) = file {
                    file.remove_next()?;
                }
                return Err(error);
            }
        };
        // From here on the database says which key holds: both files stay until it has.
        if !store.rotate_vault(&kept.key_id, &vault, &sealed).await? {
            return Err(Conflict::ChangedMeanwhile.into());
        }
        let old = current.key_id();
        *current = next;
        let adopted = file.map(|file| file.adopt_next(Some(old))).transpose();
        let (left, warning) = match adopted {
            Ok(left) => (left.flatten(), None),
            Err(error) => (None, Some(format!("{error}; the next start tries again"))),
        };
        Ok(Rotated {
            from: kept.key_id,
            to: vault.key_id,
            version: vault.version,
            secrets: sealed.len(),
            kept: left,
            warning,
        })
    }
}

async fn prepare(
    store: &Store,
    current: &Vault,
    next: &Vault,
    now: Timestamp,
) -> Result<(bastide_store::vault::Vault, Vec<Sealed>), Error> {
    if next.key_id() == current.key_id() {
        return Err(Error::Invalid("this is the key that everything is sealed under already".to_owned()));
    }
    let version = store.vault().await?.map_or(1, |kept| kept.version + 1);
    let mut sealed = store.sealed().await?;
    for one in &mut sealed {
        let place = Place { table: one.table, id: &one.uid, field: one.field };
        one.bytes = current.rewrap(next, &place, &one.bytes)?;
    }
    Ok((row(next, version, now), sealed))
}

fn row(vault: &Vault, version: i64, now: Timestamp) -> bastide_store::vault::Vault {
    bastide_store::vault::Vault {
        key_id: vault.key_id().to_string(),
        version,
        proof: vault.proof(),
        since: now,
    }
}

/// The first key of a database.
async fn begin(store: &Store, source: &KeySource, now: Timestamp) -> Result<Vault, Error> {
    let key = match (source.read().await, source) {
        (Err(Fault::KeyMissing { .. }), KeySource::File(file)) if !file.path().exists() => {
            let key = file.create()?;
            tracing::info!(
                path = %file.path().display(),
                "made the master key of stored secrets; keep a copy of it, apart from copies of the database"
            );
            key
        }
        (key, _) => key?,
    };
    let vault = Vault::new(key);
    store.begin_vault(&row(&vault, 1, now)).await?;
    Ok(vault)
}

/// The key that this database is sealed under.
async fn find(source: &KeySource, kept: &bastide_store::vault::Vault) -> Result<Vault, Error> {
    let read = source.read().await;
    if let Ok(key) = &read
        && key.id().to_string() == kept.key_id
    {
        let vault = Vault::new(key.clone());
        vault.prove(&kept.proof)?;
        if let KeySource::File(file) = source
            && file.next().path().exists()
        {
            tracing::warn!(
                "the master key was being changed when the server stopped; it was not, run it again"
            );
            file.remove_next()?;
        }
        return Ok(vault);
    }
    if let KeySource::File(file) = source
        && let Ok(key) = file.next().read()
        && key.id().to_string() == kept.key_id
    {
        let vault = Vault::new(key);
        vault.prove(&kept.proof)?;
        match file.adopt_next(read.ok().map(|old| old.id())) {
            Ok(_) => tracing::warn!("finished the change of the master key that was under way"),
            Err(error) => tracing::warn!(%error, "the new master key is in use and not in its place yet"),
        }
        return Ok(vault);
    }
    let needed = kept.key_id.clone();
    Err(match read {
        Ok(key) => VaultError::OtherKey { needed, given: key.id(), source_of_it: source.to_string() },
        Err(why) => VaultError::NoKey { needed, why },
    }
    .into())
}

/// A key that somebody gave as text.
pub(crate) fn given(text: &Secret) -> Result<MasterKey, Error> {
    MasterKey::from_text(text.expose(), "the new key").map_err(|e| Error::Invalid(e.to_string()))
}

/// A new key as text, for whoever keeps it elsewhere.
pub fn new_key() -> Secret {
    Secret::new(MasterKey::generate().to_text().as_str())
}

/// Writes that the key is changed, and changes it.
pub(crate) async fn rotate_noted(
    journal: &Journal,
    (store, keys): (&Store, &Keys),
    to: Option<MasterKey>,
    (by_uid, now): (u32, Timestamp),
) -> Result<Rotated, Error> {
    let fields = |phase: &str| {
        Map::from_iter([("phase".to_owned(), json!(phase)), ("by_uid".to_owned(), json!(by_uid))])
    };
    journal.append(ROTATED, None, fields("begin")).await?;
    let rotated = keys.rotate(store, to, now).await;
    let mut outcome = match &rotated {
        Ok(_) => fields("done"),
        Err(_) => fields("failed"),
    };
    match &rotated {
        Ok(rotated) => {
            outcome.insert("from".to_owned(), json!(rotated.from));
            outcome.insert("to".to_owned(), json!(rotated.to));
            outcome.insert("secrets".to_owned(), json!(rotated.secrets));
        }
        Err(error) => {
            outcome.insert("why".to_owned(), json!(error.to_string()));
        }
    }
    if let Err(error) = journal.append(ROTATED, None, outcome).await {
        tracing::error!(%error, "the outcome of the change of the master key is missing in the log");
    }
    rotated
}

/// The kind of the log's entry.
const ROTATED: &str = "vault_rotate";

/// Changes the master key from a process that is not the server, which may run or not.
///
/// # Errors
/// `Storage`, `Invalid`, `Conflict`.
pub async fn rotate_from_elsewhere(
    dir: &DataDir,
    source: KeySource,
    to: Option<Secret>,
    now: Timestamp,
) -> Result<Rotated, Error> {
    let Some(journal) = Journal::open_free(dir)? else {
        let dir = dir.clone();
        let asked = tokio::task::spawn_blocking(move || rotate_from_outside(&dir, to)).await;
        return asked.unwrap_or(Err(Error::Stopping));
    };
    let to = to.as_ref().map(given).transpose()?;
    let store = Store::open(&dir.database()).await?;
    let by_uid = rustix::process::geteuid().as_raw();
    let rotated = match Keys::start(&store, source, now).await {
        Ok(keys) => rotate_noted(&journal, (&store, &keys), to, (by_uid, now)).await,
        Err(error) => Err(error),
    };
    store.close().await;
    rotated
}

/// What is known, also beside a running server. `None`: no secret was ever stored here.
///
/// # Errors
/// `Storage`.
pub async fn status(dir: &DataDir, source: &KeySource) -> Result<Option<Status>, Error> {
    let store = Store::open(&dir.database()).await?;
    let found = status_in(&store, source).await;
    store.close().await;
    found
}

async fn status_in(store: &Store, source: &KeySource) -> Result<Option<Status>, Error> {
    let Some(kept) = store.vault().await? else { return Ok(None) };
    let fault = match source.read().await {
        Ok(key) if key.id().to_string() == kept.key_id => {
            Vault::new(key).prove(&kept.proof).err().map(|e| e.to_string())
        }
        Ok(key) => Some(format!("the key there is another one, {}", key.id())),
        Err(error) => Some(error.to_string()),
    };
    Ok(Some(Status {
        key_id: kept.key_id,
        version: kept.version,
        since: kept.since,
        secrets: store.sealed().await?.len(),
        source: source.to_string(),
        fault,
    }))
}

#[cfg(test)]
mod tests;
