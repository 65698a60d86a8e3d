//! People.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::time::{from_row, to_row};
use crate::{Error, Store};

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    Admin,
    /// Manages servers and uses them all; neither people, nor rules, nor grants.
    Operator,
    /// Sees everything and changes nothing.
    Auditor,
    /// Decides reviews of others' commands, beside what a user may.
    Reviewer,
    User,
}

impl Role {
    pub const ALL: [Self; 5] = [Self::Admin, Self::Operator, Self::Auditor, Self::Reviewer, Self::User];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Admin => "admin",
            Self::Operator => "operator",
            Self::Auditor => "auditor",
            Self::Reviewer => "reviewer",
            Self::User => "user",
        }
    }

    /// What the schema does not allow to be anything else.
    fn read(text: &str) -> Self {
        match text {
            "admin" => Self::Admin,
            "operator" => Self::Operator,
            "auditor" => Self::Auditor,
            "reviewer" => Self::Reviewer,
            _ => Self::User,
        }
    }
}

/// One person, without anything secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    pub id: i64,
    pub uid: Uuid,
    pub username: String,
    pub display_name: Option<String>,
    pub role: Role,
    /// The OS user whose shells they open.
    pub account: Option<String>,
    pub enabled: bool,
    pub password_set: bool,
    /// When a provider of single sign-on vouched for them last, or, before the first time, since when it knows them;
    /// none: none knows them.
    pub signed_on: Option<Timestamp>,
    /// They have an app for codes, or a passkey.
    pub second_factor: bool,
    pub created: Timestamp,
    pub last_login: Option<Timestamp>,
}

#[derive(Debug, Clone)]
pub struct NewUser {
    pub username: String,
    pub display_name: Option<String>,
    pub role: Role,
    pub account: Option<String>,
}

/// What is to be changed; `None` stays as it is.
#[derive(Debug, Clone, Default)]
pub struct Change {
    pub display_name: Option<Option<String>>,
    pub role: Option<Role>,
    pub account: Option<Option<String>>,
    pub enabled: Option<bool>,
}

struct Row {
    id: i64,
    uid: String,
    username: String,
    display_name: Option<String>,
    role: String,
    account: Option<String>,
    enabled: i64,
    password_set: i64,
    signed_on: Option<i64>,
    second_factor: i64,
    created: i64,
    last_login: Option<i64>,
}

impl From<Row> for User {
    fn from(row: Row) -> Self {
        Self {
            id: row.id,
            uid: row.uid.parse().unwrap_or_default(),
            username: row.username,
            display_name: row.display_name,
            role: Role::read(&row.role),
            account: row.account,
            enabled: row.enabled != 0,
            password_set: row.password_set != 0,
            signed_on: row.signed_on.map(from_row),
            second_factor: row.second_factor != 0,
            created: from_row(row.created),
            last_login: row.last_login.map(from_row),
        }
    }
}

impl User {
    /// Whether only a provider of single sign-on can say that they may still come: it knows them, and they have no
    /// password here.
    pub fn only_by_provider(&self) -> bool {
        self.signed_on.is_some() && !self.password_set
    }
}

impl Store {
    /// Everybody, by name.
    ///
    /// # Errors
    /// `Query`.
    pub async fn users(&self) -> Result<Vec<User>, Error> {
        let rows = sqlx::query_as!(
            Row,
            r#"SELECT id, uid, username, display_name, role, account, enabled,
                      password IS NOT NULL AS "password_set!: i64", created, last_login,
                      (SELECT max(coalesce(last_used, created)) FROM user_identities
                       WHERE user_id = users.id) AS "signed_on?: i64",
                      EXISTS (SELECT 1 FROM totp WHERE user_id = users.id)
                      OR EXISTS (SELECT 1 FROM passkeys WHERE user_id = users.id) AS "second_factor!: i64"
               FROM users ORDER BY username"#
        );
        Ok(rows.fetch_all(&self.writer).await?.into_iter().map(User::from).collect())
    }

    /// Makes a person; `uid` and `created` are the caller's.
    ///
    /// # Errors
    /// `Taken` with the name; `DiskFull`, `ReadOnly`, `Query`.
    pub async fn add_user(&self, new: NewUser, uid: Uuid, created: Timestamp) -> Result<i64, Error> {
        let (uid, created, role) = (uid.to_string(), to_row(created), new.role.as_str());
        let added = sqlx::query!(
            "INSERT INTO users (uid, username, display_name, role, account, created) VALUES (?, ?, ?, ?, ?, ?)",
            uid,
            new.username,
            new.display_name,
            role,
            new.account,
            created
        );
        match added.execute(&self.writer).await {
            Ok(done) => Ok(done.last_insert_rowid()),
            Err(sqlx::Error::Database(e)) if e.is_unique_violation() => Err(Error::Taken(new.username)),
            Err(e) => Err(e.into()),
        }
    }

    /// False when there is no such person. Who is disabled loses logins and login links with it, so that
    /// none of them is good again when they are enabled.
    ///
    /// # Errors
    /// `LastAdministrator` when nobody else who is enabled would administer.
    pub async fn change_user(&self, id: i64, change: Change) -> Result<bool, Error> {
        let mut work = self.begin().await?;
        let found = sqlx::query!("SELECT display_name, role, account, enabled FROM users WHERE id = ?", id);
        let Some(old) = found.fetch_optional(&mut *work).await? else { return Ok(false) };
        let role = change.role.map_or(old.role, |role| role.as_str().to_owned());
        let enabled = change.enabled.map_or(old.enabled, i64::from);
        let display_name = change.display_name.unwrap_or(old.display_name);
        let account = change.account.unwrap_or(old.account);
        sqlx::query!(
            "UPDATE users SET display_name = ?, role = ?, account = ?, enabled = ? WHERE id = ?",
            display_name,
            role,
            account,
            enabled,
            id
        )
        .execute(&mut *work)
        .await?;
        if enabled == 0 {
            sqlx::query!("DELETE FROM logins WHERE user_id = ?", id).execute(&mut *work).await?;
            sqlx::query!("DELETE FROM login_links WHERE user_id = ?", id).execute(&mut *work).await?;
        }
        somebody_administers(&mut work).await?;
        work.commit().await?;
        Ok(true)
    }

    /// False when there is no such person. Their logins, links, tokens and shares go with them.
    ///
    /// # Errors
    /// `LastAdministrator`.
    pub async fn remove_user(&self, id: i64) -> Result<bool, Error> {
        let mut work = self.begin().await?;
        let gone = sqlx::query!("DELETE FROM users WHERE id = ?", id).execute(&mut *work).await?;
        if gone.rows_affected() == 0 {
            return Ok(false);
        }
        somebody_administers(&mut work).await?;
        work.commit().await?;
        Ok(true)
    }

    /// The stored hash of a person's password, if one is set.
    ///
    /// # Errors
    /// `Query`.
    pub async fn password(&self, id: i64) -> Result<Option<String>, Error> {
        let row = sqlx::query!("SELECT password FROM users WHERE id = ?", id);
        Ok(row.fetch_optional(&self.reader).await?.and_then(|row| row.password))
    }

    /// Sets the hash and ends every login of theirs but `keep`, and every login link, at once.
    ///
    /// # Errors
    /// `DiskFull`, `ReadOnly`, `Query`.
    pub async fn set_password(&self, id: i64, hash: &str, keep: Option<&str>) -> Result<(), Error> {
        let mut work = self.begin().await?;
        sqlx::query!("UPDATE users SET password = ? WHERE id = ?", hash, id).execute(&mut *work).await?;
        let keep = keep.unwrap_or_default();
        sqlx::query!("DELETE FROM logins WHERE user_id = ? AND id <> ?", id, keep)
            .execute(&mut *work)
            .await?;
        sqlx::query!("DELETE FROM login_links WHERE user_id = ?", id).execute(&mut *work).await?;
        work.commit().await?;
        Ok(())
    }
}

pub(crate) async fn somebody_administers(work: &mut sqlx::SqliteConnection) -> Result<(), Error> {
    let row = sqlx::query!(r#"SELECT count(*) AS "count!" FROM users WHERE role = 'admin' AND enabled = 1"#);
    match row.fetch_one(work).await?.count {
        // The transaction is dropped, and with it what was done.
        0 => Err(Error::LastAdministrator),
        _ => Ok(()),
    }
}
