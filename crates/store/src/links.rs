//! One-time login links.

use jiff::Timestamp;

use crate::time::{from_row, to_row};
use crate::{Error, Store};

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Link {
    pub user_id: i64,
    pub created: Timestamp,
    pub expires: Timestamp,
    /// Who made it, in words for the log.
    pub created_by: String,
}

struct Row {
    user_id: i64,
    created: i64,
    expires: i64,
    created_by: String,
}

impl From<Row> for Link {
    fn from(row: Row) -> Self {
        let Row { user_id, created, expires, created_by } = row;
        Self { user_id, created: from_row(created), expires: from_row(expires), created_by }
    }
}

impl Store {
    /// Keeps a link by its secret's digest, and forgets those that have expired.
    ///
    /// # Errors
    /// `DiskFull`, `ReadOnly`, `Query`.
    pub async fn add_link(&self, digest: &str, link: &Link) -> Result<(), Error> {
        let (created, expires) = (to_row(link.created), to_row(link.expires));
        let mut work = self.begin().await?;
        sqlx::query!("DELETE FROM login_links WHERE expires <= ?", created).execute(&mut *work).await?;
        sqlx::query!(
            "INSERT INTO login_links (digest, user_id, created, expires, created_by) VALUES (?, ?, ?, ?, ?)",
            digest,
            link.user_id,
            created,
            expires,
            link.created_by
        )
        .execute(&mut *work)
        .await?;
        work.commit().await?;
        Ok(())
    }

    /// Looks; changes nothing.
    ///
    /// # Errors
    /// `Query`.
    pub async fn link(&self, digest: &str) -> Result<Option<Link>, Error> {
        let row = sqlx::query_as!(
            Row,
            "SELECT user_id, created, expires, created_by FROM login_links WHERE digest = ?",
            digest
        );
        // From the connection that writes: another process may just have made it.
        Ok(row.fetch_optional(&self.writer).await?.map(Link::from))
    }

    /// Takes the link away: of several who try at once, one gets it.
    ///
    /// # Errors
    /// `DiskFull`, `ReadOnly`, `Query`.
    pub async fn use_link(&self, digest: &str) -> Result<Option<Link>, Error> {
        let row = sqlx::query_as!(
            Row,
            "DELETE FROM login_links WHERE digest = ? RETURNING user_id, created, expires, created_by",
            digest
        );
        Ok(row.fetch_optional(&self.writer).await?.map(Link::from))
    }
}
