//! Host keys of servers.

use jiff::Timestamp;

use crate::time::{from_row, to_row};
use crate::{Error, Store};

/// A pinned key of a server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostKey {
    pub id: i64,
    pub server_id: i64,
    pub algorithm: String,
    /// `algorithm base64`.
    pub key: String,
    /// `SHA256:…`.
    pub fingerprint: String,
    pub first_seen: Timestamp,
    /// A user name, as it was then.
    pub accepted_by: String,
}

/// What adding a pinned key came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pinned {
    New(i64),
    /// It was there already.
    Known(i64),
    /// Another one is pinned, which stays.
    Other,
    NoServer,
}

struct Row {
    id: i64,
    server_id: i64,
    algorithm: String,
    key: String,
    fingerprint: String,
    first_seen: i64,
    accepted_by: String,
}

impl From<Row> for HostKey {
    fn from(row: Row) -> Self {
        let Row { id, server_id, algorithm, key, fingerprint, first_seen, accepted_by } = row;
        Self { id, server_id, algorithm, key, fingerprint, first_seen: from_row(first_seen), accepted_by }
    }
}

impl Store {
    /// Those of one server, oldest first.
    ///
    /// # Errors
    /// `Query`.
    pub async fn host_keys(&self, server: i64) -> Result<Vec<HostKey>, Error> {
        let rows = sqlx::query_as!(
            Row,
            "SELECT id, server_id, algorithm, key, fingerprint, first_seen, accepted_by
             FROM host_keys WHERE server_id = ? ORDER BY id",
            server
        );
        Ok(rows.fetch_all(&self.reader).await?.into_iter().map(HostKey::from).collect())
    }

    /// # Errors
    /// `Query`.
    pub async fn host_key(&self, id: i64) -> Result<Option<HostKey>, Error> {
        let row = sqlx::query_as!(
            Row,
            "SELECT id, server_id, algorithm, key, fingerprint, first_seen, accepted_by
             FROM host_keys WHERE id = ?",
            id
        );
        Ok(row.fetch_optional(&self.reader).await?.map(HostKey::from))
    }

    /// Pins a key; `id` of `key` is not looked at. With `only_first`, only where none is pinned yet: of two
    /// that come at the same moment, one stays.
    ///
    /// # Errors
    /// `DiskFull`, `ReadOnly`, `Query`.
    pub async fn add_host_key(&self, key: &HostKey, only_first: bool) -> Result<Pinned, Error> {
        let mut work = self.begin().await?;
        let server = sqlx::query!("SELECT id FROM servers WHERE id = ?", key.server_id);
        if server.fetch_optional(&mut *work).await?.is_none() {
            return Ok(Pinned::NoServer);
        }
        let there = sqlx::query!("SELECT id, key FROM host_keys WHERE server_id = ?", key.server_id);
        let there = there.fetch_all(&mut *work).await?;
        if let Some(same) = there.iter().find(|row| row.key == key.key) {
            return Ok(Pinned::Known(same.id));
        }
        if only_first && !there.is_empty() {
            return Ok(Pinned::Other);
        }
        let first_seen = to_row(key.first_seen);
        let added = sqlx::query!(
            "INSERT INTO host_keys (server_id, algorithm, key, fingerprint, first_seen, accepted_by)
             VALUES (?, ?, ?, ?, ?, ?)",
            key.server_id,
            key.algorithm,
            key.key,
            key.fingerprint,
            first_seen,
            key.accepted_by
        );
        let id = added.execute(&mut *work).await?.last_insert_rowid();
        work.commit().await?;
        Ok(Pinned::New(id))
    }

    /// False when there is no such key.
    ///
    /// # Errors
    /// `DiskFull`, `ReadOnly`, `Query`.
    pub async fn remove_host_key(&self, id: i64) -> Result<bool, Error> {
        let gone = sqlx::query!("DELETE FROM host_keys WHERE id = ?", id).execute(&self.writer).await?;
        Ok(gone.rows_affected() > 0)
    }
}
