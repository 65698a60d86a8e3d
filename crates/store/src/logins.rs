//! Browsers that are logged in.

use jiff::Timestamp;

use crate::time::{from_row, to_row};
use crate::{Error, Store};

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Login {
    /// Names it; opens nothing.
    pub id: String,
    pub user_id: i64,
    /// SHA-256 of the secret, in hexadecimal.
    pub digest: String,
    pub created: Timestamp,
    pub expires: Timestamp,
    pub address: Option<String>,
    pub agent: Option<String>,
}

struct Row {
    id: String,
    user_id: i64,
    digest: String,
    created: i64,
    expires: i64,
    address: Option<String>,
    agent: Option<String>,
}

impl From<Row> for Login {
    fn from(row: Row) -> Self {
        let Row { id, user_id, digest, created, expires, address, agent } = row;
        Self { id, user_id, digest, created: from_row(created), expires: from_row(expires), address, agent }
    }
}

impl Store {
    /// Begins a login of somebody who is enabled, notes when they came, and forgets logins that have
    /// expired. With `password`, the hash that theirs was compared with: only if it is still theirs.
    /// False when it was not begun: they were disabled, or the password was changed, meanwhile.
    ///
    /// # Errors
    /// `DiskFull`, `ReadOnly`, `Query`.
    pub async fn add_login(&self, login: &Login, password: Option<&str>) -> Result<bool, Error> {
        let (created, expires) = (to_row(login.created), to_row(login.expires));
        let mut work = self.begin().await?;
        sqlx::query!("DELETE FROM logins WHERE expires <= ?", created).execute(&mut *work).await?;
        let added = sqlx::query!(
            "INSERT INTO logins (id, user_id, digest, created, expires, address, agent)
             SELECT ?1, id, ?2, ?3, ?4, ?5, ?6 FROM users
             WHERE id = ?7 AND enabled = 1 AND (?8 IS NULL OR password = ?8)",
            login.id,
            login.digest,
            created,
            expires,
            login.address,
            login.agent,
            login.user_id,
            password
        )
        .execute(&mut *work)
        .await?;
        if added.rows_affected() == 0 {
            return Ok(false);
        }
        sqlx::query!("UPDATE users SET last_login = ? WHERE id = ?", created, login.user_id)
            .execute(&mut *work)
            .await?;
        work.commit().await?;
        Ok(true)
    }

    /// # Errors
    /// `Query`.
    pub async fn login(&self, id: &str) -> Result<Option<Login>, Error> {
        let row = sqlx::query_as!(
            Row,
            "SELECT id, user_id, digest, created, expires, address, agent FROM logins WHERE id = ?",
            id
        );
        Ok(row.fetch_optional(&self.reader).await?.map(Login::from))
    }

    /// Those of one person that hold at `now`, newest first.
    ///
    /// # Errors
    /// `Query`.
    pub async fn logins_of(&self, user: i64, now: Timestamp) -> Result<Vec<Login>, Error> {
        let now = to_row(now);
        let rows = sqlx::query_as!(
            Row,
            "SELECT id, user_id, digest, created, expires, address, agent FROM logins
             WHERE user_id = ? AND expires > ? ORDER BY created DESC, id",
            user,
            now
        );
        Ok(rows.fetch_all(&self.reader).await?.into_iter().map(Login::from).collect())
    }

    /// False when this person has no such login.
    ///
    /// # Errors
    /// `DiskFull`, `ReadOnly`, `Query`.
    pub async fn end_login(&self, user: i64, id: &str) -> Result<bool, Error> {
        let gone = sqlx::query!("DELETE FROM logins WHERE id = ? AND user_id = ?", id, user);
        Ok(gone.execute(&self.writer).await?.rows_affected() > 0)
    }
}
