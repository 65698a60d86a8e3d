//! Certificate authorities of SSH: keys whose signature is believed. Those that vouch for servers and those
//! that vouch for people have a table each.

use jiff::Timestamp;

use crate::time::{from_row, to_row};
use crate::{Error, Store};

/// What an authority's certificates are believed about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Certifies {
    /// Host keys, on every server.
    Hosts,
    /// Who somebody is at the SSH door.
    People,
}

/// A key whose certificates are believed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Authority {
    pub id: i64,
    /// Of authorities that certify people, no two have one name.
    pub name: String,
    /// `algorithm base64`
    pub key: String,
    /// `SHA256:…`
    pub fingerprint: String,
    pub created: Timestamp,
    /// A user name, as it was then.
    pub created_by: String,
}

struct Row {
    id: i64,
    name: String,
    key: String,
    fingerprint: String,
    created: i64,
    created_by: String,
}

impl From<Row> for Authority {
    fn from(row: Row) -> Self {
        let Row { id, name, key, fingerprint, created, created_by } = row;
        Self { id, name, key, fingerprint, created: from_row(created), created_by }
    }
}

impl Store {
    /// Oldest first.
    ///
    /// # Errors
    /// `Query`.
    pub async fn authorities(&self, of: Certifies) -> Result<Vec<Authority>, Error> {
        let rows =
            match of {
                Certifies::Hosts => sqlx::query_as!(
                    Row,
                    "SELECT id, name, key, fingerprint, created, created_by FROM host_authorities ORDER BY id"
                )
                .fetch_all(&self.reader)
                .await?,
                Certifies::People => sqlx::query_as!(
                    Row,
                    "SELECT id, name, key, fingerprint, created, created_by FROM user_authorities ORDER BY id"
                )
                .fetch_all(&self.reader)
                .await?,
            };
        Ok(rows.into_iter().map(Authority::from).collect())
    }

    /// `id` of `authority` is not looked at.
    ///
    /// # Errors
    /// `Taken` when it is there already, with its fingerprint, or of people its name; `DiskFull`, `ReadOnly`, `Query`.
    pub async fn add_authority(&self, of: Certifies, authority: &Authority) -> Result<i64, Error> {
        let Authority { name, key, fingerprint, created, created_by, .. } = authority;
        let created = to_row(*created);
        let (added, taken) = match of {
            Certifies::Hosts => {
                let added = sqlx::query!(
                    "INSERT INTO host_authorities (name, key, fingerprint, created, created_by) VALUES (?, ?, ?, ?, ?)",
                    name,
                    key,
                    fingerprint,
                    created,
                    created_by
                );
                (added.execute(&self.writer).await, fingerprint)
            }
            Certifies::People => {
                let added = sqlx::query!(
                    "INSERT INTO user_authorities (name, key, fingerprint, created, created_by) VALUES (?, ?, ?, ?, ?)",
                    name,
                    key,
                    fingerprint,
                    created,
                    created_by
                );
                (added.execute(&self.writer).await, name)
            }
        };
        match added {
            Ok(done) => Ok(done.last_insert_rowid()),
            Err(sqlx::Error::Database(e)) if e.is_unique_violation() => Err(Error::Taken(taken.clone())),
            Err(e) => Err(e.into()),
        }
    }

    /// False when there is no such authority.
    ///
    /// # Errors
    /// `DiskFull`, `ReadOnly`, `Query`.
    pub async fn remove_authority(&self, of: Certifies, id: i64) -> Result<bool, Error> {
        let gone = match of {
            Certifies::Hosts => sqlx::query!("DELETE FROM host_authorities WHERE id = ?", id),
            Certifies::People => sqlx::query!("DELETE FROM user_authorities WHERE id = ?", id),
        };
        Ok(gone.execute(&self.writer).await?.rows_affected() > 0)
    }
}
