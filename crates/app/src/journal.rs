//! The server's own log.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use bastide_audit as audit;
use serde_json::{Map, Value};
use uuid::Uuid;

use crate::Error;
use crate::data_dir::DataDir;

#[derive(Clone)]
pub(crate) struct Journal {
    log: Arc<Mutex<audit::Log>>,
}

impl fmt::Debug for Journal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Journal")
    }
}

impl Journal {
    pub(crate) fn open(dir: &DataDir) -> Result<Self, Error> {
        Self::open_free(dir)?
            .ok_or_else(|| Error::journal(format!("another server runs on {}", dir.root().display())))
    }

    /// `None` while another process holds it.
    pub(crate) fn open_free(dir: &DataDir) -> Result<Option<Self>, Error> {
        let origin = format!("{}/server", dir.node()?);
        let path = dir.directory("log")?;
        // Few entries, each somebody's act: it is on the medium before the act.
        let config = audit::Config { sync: audit::Sync::Each, ..audit::Config::default() };
        match audit::Log::open(&path, &origin, config) {
            Ok(log) => Ok(Some(Self { log: Arc::new(Mutex::new(log)) })),
            Err(audit::Error::Locked { .. }) => Ok(None),
            Err(e) => Err(Error::journal(e.to_string())),
        }
    }

    /// Returns when the entry is on disk.
    pub(crate) async fn append(
        &self,
        kind: impl Into<String>,
        uid: Option<Uuid>,
        fields: Map<String, Value>,
    ) -> Result<(), Error> {
        let (journal, kind) = (self.clone(), kind.into());
        tokio::task::spawn_blocking(move || journal.append_blocking(&kind, uid, fields))
            .await
            .unwrap_or_else(|e| Err(Error::journal(e.to_string())))
    }

    pub(crate) fn append_blocking(
        &self,
        kind: &str,
        uid: Option<Uuid>,
        fields: Map<String, Value>,
    ) -> Result<(), Error> {
        let mut log = self.log.lock().unwrap_or_else(PoisonError::into_inner);
        log.append(kind, uid, fields).map(drop).map_err(|e| Error::journal(e.to_string()))
    }
}
