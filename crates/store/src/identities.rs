//! Who somebody is at a provider of single sign-on.

use jiff::Timestamp;
use uuid::Uuid;

use crate::time::{from_row, to_row};
use crate::users::somebody_administers;
use crate::{Error, NewUser, Store};

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    pub id: i64,
    pub user_id: i64,
    pub issuer: String,
    pub subject: String,
    /// What the issuer called them last.
    pub name: Option<String>,
    pub created: Timestamp,
    /// The administrator who prepared it; `None`: the person was made by their first sign-in.
    pub linked_by: Option<String>,
    pub last_used: Option<Timestamp>,
}

/// One that is to be kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewIdentity {
    pub issuer: String,
    pub subject: String,
    pub name: Option<String>,
    pub linked_by: Option<String>,
}

struct Row {
    id: i64,
    user_id: i64,
    issuer: String,
    subject: String,
    name: Option<String>,
    created: i64,
    linked_by: Option<String>,
    last_used: Option<i64>,
}

impl From<Row> for Identity {
    fn from(row: Row) -> Self {
        let Row { id, user_id, issuer, subject, name, created, linked_by, last_used } = row;
        let (created, last_used) = (from_row(created), last_used.map(from_row));
        Self { id, user_id, issuer, subject, name, created, linked_by, last_used }
    }
}

impl Store {
    /// # Errors
    /// `Query`.
    pub async fn identity(&self, issuer: &str, subject: &str) -> Result<Option<Identity>, Error> {
        let row = sqlx::query_as!(
            Row,
            "SELECT id, user_id, issuer, subject, name, created, linked_by, last_used FROM user_identities
             WHERE issuer = ? AND subject = ?",
            issuer,
            subject
        );
        Ok(row.fetch_optional(&self.reader).await?.map(Identity::from))
    }

    /// All of one person, oldest first.
    ///
    /// # Errors
    /// `Query`.
    pub async fn identities(&self, user: i64) -> Result<Vec<Identity>, Error> {
        let rows = sqlx::query_as!(
            Row,
            "SELECT id, user_id, issuer, subject, name, created, linked_by, last_used FROM user_identities
             WHERE user_id = ? ORDER BY id",
            user
        );
        Ok(rows.fetch_all(&self.reader).await?.into_iter().map(Identity::from).collect())
    }

    /// # Errors
    /// `Taken` with the subject when it is somebody's already; `DiskFull`, `ReadOnly`, `Query`.
    pub async fn add_identity(&self, user: i64, new: &NewIdentity, now: Timestamp) -> Result<i64, Error> {
        add(&mut *self.writer.acquire().await?, user, new, now).await
    }

    /// Makes a person and who they are elsewhere, both or neither.
    ///
    /// # Errors
    /// `Taken` with the user name or the subject; `DiskFull`, `ReadOnly`, `Query`.
    pub async fn add_user_with_identity(
        &self,
        user: NewUser,
        new: &NewIdentity,
        now: Timestamp,
    ) -> Result<i64, Error> {
        let (uid, created, role) = (Uuid::now_v7().to_string(), to_row(now), user.role.as_str());
        let mut work = self.begin().await?;
        let added = sqlx::query!(
            "INSERT INTO users (uid, username, display_name, role, account, created) VALUES (?, ?, ?, ?, ?, ?)",
            uid,
            user.username,
            user.display_name,
            role,
            user.account,
            created
        );
        let id = match added.execute(&mut *work).await {
            Ok(done) => done.last_insert_rowid(),
            Err(sqlx::Error::Database(e)) if e.is_unique_violation() => {
                return Err(Error::Taken(user.username));
            }
            Err(e) => return Err(e.into()),
        };
        add(&mut work, id, new, now).await?;
        work.commit().await?;
        Ok(id)
    }

    /// Notes that it was used, and what the issuer called the person.
    ///
    /// # Errors
    /// `DiskFull`, `ReadOnly`, `Query`.
    pub async fn identity_used(&self, id: i64, name: Option<&str>, now: Timestamp) -> Result<(), Error> {
        let now = to_row(now);
        sqlx::query!(
            "UPDATE user_identities SET last_used = ?, name = coalesce(?, name) WHERE id = ?",
            now,
            name,
            id
        )
        .execute(&self.writer)
        .await?;
        Ok(())
    }

    /// Takes an identity from a person, and ends their logins: one of them may have come by it. Who has neither
    /// a password nor another identity is disabled. False when they have no such identity.
    ///
    /// # Errors
    /// `LastAdministrator` when nobody else who is enabled would administer; `DiskFull`, `ReadOnly`, `Query`.
    pub async fn remove_identity(&self, user: i64, id: i64) -> Result<bool, Error> {
        let mut work = self.begin().await?;
        let gone = sqlx::query!("DELETE FROM user_identities WHERE id = ? AND user_id = ?", id, user);
        if gone.execute(&mut *work).await?.rows_affected() == 0 {
            return Ok(false);
        }
        sqlx::query!("DELETE FROM logins WHERE user_id = ?", user).execute(&mut *work).await?;
        let out = sqlx::query!(
            "UPDATE users SET enabled = 0 WHERE id = ? AND enabled = 1 AND password IS NULL
             AND NOT EXISTS (SELECT 1 FROM user_identities WHERE user_id = users.id)",
            user
        );
        if out.execute(&mut *work).await?.rows_affected() > 0 {
            sqlx::query!("DELETE FROM login_links WHERE user_id = ?", user).execute(&mut *work).await?;
            somebody_administers(&mut work).await?;
        }
        work.commit().await?;
        Ok(true)
    }

    /// Puts a person into groups and takes them out of others, at once. Groups that are gone are left out.
    ///
    /// # Errors
    /// `DiskFull`, `ReadOnly`, `Query`.
    pub async fn move_between_groups(&self, user: i64, into: &[i64], out_of: &[i64]) -> Result<(), Error> {
        let mut work = self.begin().await?;
        for group in into {
            sqlx::query!(
                "INSERT INTO group_members (group_id, user_id) SELECT id, ? FROM groups WHERE id = ?
                 ON CONFLICT DO NOTHING",
                user,
                group
            )
            .execute(&mut *work)
            .await?;
        }
        for group in out_of {
            sqlx::query!("DELETE FROM group_members WHERE group_id = ? AND user_id = ?", group, user)
                .execute(&mut *work)
                .await?;
        }
        work.commit().await?;
        Ok(())
    }
}

async fn add(
    work: &mut sqlx::SqliteConnection,
    user: i64,
    new: &NewIdentity,
    now: Timestamp,
) -> Result<i64, Error> {
    let created = to_row(now);
    let added = sqlx::query!(
        "INSERT INTO user_identities (user_id, issuer, subject, name, created, linked_by) VALUES (?, ?, ?, ?, ?, ?)",
        user,
        new.issuer,
        new.subject,
        new.name,
        created,
        new.linked_by
    );
    match added.execute(work).await {
        Ok(done) => Ok(done.last_insert_rowid()),
        Err(sqlx::Error::Database(e)) if e.is_unique_violation() => Err(Error::Taken(new.subject.clone())),
        Err(e) => Err(e.into()),
    }
}
