//! Keys that people log in with.

use jiff::Timestamp;
use uuid::Uuid;

use crate::time::{from_row, to_row};
use crate::{Error, Store};

/// A public key that lets its person in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UserKey {
    pub id: Uuid,
    pub user_id: i64,
    pub name: String,
    pub algorithm: String,
    /// `algorithm base64`
    pub key: String,
    /// `SHA256:…`
    pub fingerprint: String,
    pub created: Timestamp,
    pub last_used: Option<Timestamp>,
}

struct Row {
    id: String,
    user_id: i64,
    name: String,
    algorithm: String,
    key: String,
    fingerprint: String,
    created: i64,
    last_used: Option<i64>,
}

impl From<Row> for UserKey {
    fn from(row: Row) -> Self {
        let Row { id, user_id, name, algorithm, key, fingerprint, created, last_used } = row;
        Self {
            id: id.parse().unwrap_or_default(),
            user_id,
            name,
            algorithm,
            key,
            fingerprint,
            created: from_row(created),
            last_used: last_used.map(from_row),
        }
    }
}

impl Store {
    /// # Errors
    /// `Taken` with the fingerprint when the person has this key already; `DiskFull`, `ReadOnly`, `Query`.
    pub async fn add_user_key(&self, key: &UserKey) -> Result<(), Error> {
        let (id, created) = (key.id.to_string(), to_row(key.created));
        let added = sqlx::query!(
            "INSERT INTO user_keys (id, user_id, name, algorithm, key, fingerprint, created) VALUES (?, ?, ?, ?, ?, ?, ?)",
            id,
            key.user_id,
            key.name,
            key.algorithm,
            key.key,
            key.fingerprint,
            created
        );
        match added.execute(&self.writer).await {
            Ok(_) => Ok(()),
            Err(sqlx::Error::Database(e)) if e.is_unique_violation() => {
                Err(Error::Taken(key.fingerprint.clone()))
            }
            Err(e) => Err(e.into()),
        }
    }

    /// All of one person, newest first.
    ///
    /// # Errors
    /// `Query`.
    pub async fn user_keys(&self, user: i64) -> Result<Vec<UserKey>, Error> {
        let rows = sqlx::query_as!(
            Row,
            "SELECT id, user_id, name, algorithm, key, fingerprint, created, last_used FROM user_keys
             WHERE user_id = ? ORDER BY created DESC, id DESC",
            user
        );
        Ok(rows.fetch_all(&self.reader).await?.into_iter().map(UserKey::from).collect())
    }

    /// # Errors
    /// `Query`.
    pub async fn user_key(&self, id: Uuid) -> Result<Option<UserKey>, Error> {
        let id = id.to_string();
        let row = sqlx::query_as!(
            Row,
            "SELECT id, user_id, name, algorithm, key, fingerprint, created, last_used FROM user_keys
             WHERE id = ?",
            id
        );
        Ok(row.fetch_optional(&self.reader).await?.map(UserKey::from))
    }

    /// # Errors
    /// `DiskFull`, `ReadOnly`, `Query`.
    pub async fn user_key_used(&self, id: Uuid, now: Timestamp) -> Result<(), Error> {
        let (id, now) = (id.to_string(), to_row(now));
        sqlx::query!("UPDATE user_keys SET last_used = ? WHERE id = ?", now, id)
            .execute(&self.writer)
            .await?;
        Ok(())
    }

    /// False when there is no such key.
    ///
    /// # Errors
    /// `DiskFull`, `ReadOnly`, `Query`.
    pub async fn remove_user_key(&self, id: Uuid) -> Result<bool, Error> {
        let id = id.to_string();
        let gone = sqlx::query!("DELETE FROM user_keys WHERE id = ?", id).execute(&self.writer).await?;
        Ok(gone.rows_affected() > 0)
    }
}
