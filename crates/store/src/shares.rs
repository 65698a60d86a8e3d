//! Links that let signed-in people into a session, and who has used them.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::time::{from_row, to_row};
use crate::{Error, Store};

/// What a guest may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Access {
    Watch,
    Write,
}

impl Access {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Watch => "watch",
            Self::Write => "write",
        }
    }

    /// The narrower one for what the schema does not allow.
    fn read(text: &str) -> Self {
        if text == "write" { Self::Write } else { Self::Watch }
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Share {
    pub id: Uuid,
    pub session: Uuid,
    pub access: Access,
    pub created: Timestamp,
    pub expires: Timestamp,
    pub created_by: i64,
}

/// One person in one session by one share.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Guest {
    pub share: Share,
    pub user_id: i64,
}

struct Row {
    id: String,
    session: String,
    access: String,
    created: i64,
    expires: i64,
    created_by: i64,
}

impl From<Row> for Share {
    fn from(row: Row) -> Self {
        Self {
            id: row.id.parse().unwrap_or_default(),
            session: row.session.parse().unwrap_or_default(),
            access: Access::read(&row.access),
            created: from_row(row.created),
            expires: from_row(row.expires),
            created_by: row.created_by,
        }
    }
}

impl Store {
    /// Keeps a share by its secret's digest, and forgets those that have expired.
    ///
    /// # Errors
    /// `DiskFull`, `ReadOnly`, `Query`.
    pub async fn add_share(&self, share: &Share, digest: &str) -> Result<(), Error> {
        let (id, session, access) = (share.id.to_string(), share.session.to_string(), share.access.as_str());
        let (created, expires) = (to_row(share.created), to_row(share.expires));
        let mut work = self.begin().await?;
        sqlx::query!("DELETE FROM shares WHERE expires <= ?", created).execute(&mut *work).await?;
        sqlx::query!(
            "INSERT INTO shares (id, session, digest, access, created, expires, created_by) VALUES (?, ?, ?, ?, ?, ?, ?)",
            id,
            session,
            digest,
            access,
            created,
            expires,
            share.created_by
        )
        .execute(&mut *work)
        .await?;
        work.commit().await?;
        Ok(())
    }

    /// # Errors
    /// `Query`.
    pub async fn share(&self, digest: &str) -> Result<Option<Share>, Error> {
        let row = sqlx::query_as!(
            Row,
            "SELECT id, session, access, created, expires, created_by FROM shares WHERE digest = ?",
            digest
        );
        Ok(row.fetch_optional(&self.reader).await?.map(Share::from))
    }

    /// Those of one session that hold at `now`, newest first.
    ///
    /// # Errors
    /// `Query`.
    pub async fn shares_of(&self, session: Uuid, now: Timestamp) -> Result<Vec<Share>, Error> {
        let (session, now) = (session.to_string(), to_row(now));
        let rows = sqlx::query_as!(
            Row,
            "SELECT id, session, access, created, expires, created_by FROM shares
             WHERE session = ? AND expires > ? ORDER BY created DESC, id DESC",
            session,
            now
        );
        Ok(rows.fetch_all(&self.reader).await?.into_iter().map(Share::from).collect())
    }

    /// Lets a person in. False when nothing is new: they are in already, or the share is gone.
    ///
    /// # Errors
    /// `DiskFull`, `ReadOnly`, `Query`.
    pub async fn add_guest(&self, share: Uuid, user: i64, now: Timestamp) -> Result<bool, Error> {
        let (share, now) = (share.to_string(), to_row(now));
        let added = sqlx::query!(
            "INSERT INTO guests (share_id, user_id, since) SELECT id, ?, ? FROM shares WHERE id = ? ON CONFLICT DO NOTHING",
            user,
            now,
            share
        );
        Ok(added.execute(&self.writer).await?.rows_affected() > 0)
    }

    /// Every guest of a share that holds at `now`.
    ///
    /// # Errors
    /// `Query`.
    pub async fn guests(&self, now: Timestamp) -> Result<Vec<Guest>, Error> {
        let now = to_row(now);
        let rows = sqlx::query!(
            "SELECT shares.id, session, access, created, expires, created_by, user_id
             FROM guests JOIN shares ON shares.id = guests.share_id WHERE expires > ?",
            now
        );
        let rows = rows.fetch_all(&self.writer).await?;
        let guest = |row: Row, user_id| Guest { share: Share::from(row), user_id };
        Ok(rows
            .into_iter()
            .map(|row| {
                let user = row.user_id;
                let (id, session, access) = (row.id, row.session, row.access);
                let (created, expires, created_by) = (row.created, row.expires, row.created_by);
                guest(Row { id, session, access, created, expires, created_by }, user)
            })
            .collect())
    }

    /// Ends one person's stay in a session, by whatever links they came. False when they had none.
    ///
    /// # Errors
    /// `DiskFull`, `ReadOnly`, `Query`.
    pub async fn remove_guest(&self, session: Uuid, user: i64) -> Result<bool, Error> {
        let session = session.to_string();
        let gone = sqlx::query!(
            "DELETE FROM guests WHERE user_id = ? AND share_id IN (SELECT id FROM shares WHERE session = ?)",
            user,
            session
        );
        Ok(gone.execute(&self.writer).await?.rows_affected() > 0)
    }

    /// Ends a share of this session and with it its guests' stay. False when there is none.
    ///
    /// # Errors
    /// `DiskFull`, `ReadOnly`, `Query`.
    pub async fn remove_share(&self, session: Uuid, id: Uuid) -> Result<bool, Error> {
        let (session, id) = (session.to_string(), id.to_string());
        let gone = sqlx::query!("DELETE FROM shares WHERE id = ? AND session = ?", id, session);
        Ok(gone.execute(&self.writer).await?.rows_affected() > 0)
    }
}
