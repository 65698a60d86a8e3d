//! What holds for sessions, by scope, and the sealed values of secret variables.

use jiff::Timestamp;
use uuid::Uuid;

use crate::time::{from_row, to_row};
use crate::{Error, Store};

/// For which sessions settings are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SettingsScope {
    Global,
    /// Those on this server, by its number.
    Server(i64),
    /// Those of this person, by their number.
    User(i64),
}

impl SettingsScope {
    /// `server_id` and `user_id` of its rows.
    fn columns(self) -> (Option<i64>, Option<i64>) {
        match self {
            Self::Global => (None, None),
            Self::Server(id) => (Some(id), None),
            Self::User(id) => (None, Some(id)),
        }
    }

    fn of(server: Option<i64>, user: Option<i64>) -> Self {
        match (server, user) {
            (Some(id), _) => Self::Server(id),
            (None, Some(id)) => Self::User(id),
            (None, None) => Self::Global,
        }
    }
}

/// One version of the settings of a scope.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionSettings {
    pub scope: SettingsScope,
    /// Counts up from 1.
    pub version: i64,
    pub created: Timestamp,
    /// A user name, as it was then.
    pub author: Option<String>,
    /// JSON.
    pub document: String,
}

/// A secret variable of a scope.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SealedVariable {
    pub scope: SettingsScope,
    /// What the sealed value is bound to.
    pub uid: Uuid,
    pub name: String,
    pub value: Vec<u8>,
}

struct Row {
    server_id: Option<i64>,
    user_id: Option<i64>,
    version: i64,
    created: i64,
    author: Option<String>,
    document: String,
}

impl From<Row> for SessionSettings {
    fn from(row: Row) -> Self {
        let Row { server_id, user_id, version, created, author, document } = row;
        let scope = SettingsScope::of(server_id, user_id);
        Self { scope, version, created: from_row(created), author, document }
    }
}

impl Store {
    /// The newest version; none before the first.
    ///
    /// # Errors
    /// `Query`.
    pub async fn session_settings(&self, scope: SettingsScope) -> Result<Option<SessionSettings>, Error> {
        let (server, user) = scope.columns();
        let row = sqlx::query_as!(
            Row,
            "SELECT server_id, user_id, version, created, author, document FROM session_settings
             WHERE server_id IS ? AND user_id IS ? ORDER BY version DESC LIMIT 1",
            server,
            user
        );
        Ok(row.fetch_optional(&self.writer).await?.map(SessionSettings::from))
    }

    /// What holds for sessions of a person, on a server or on none: the newest versions in the order global,
    /// server, user, and their secret variables, all of one moment.
    ///
    /// # Errors
    /// `Query`.
    pub async fn settings_of_session(
        &self,
        server: Option<i64>,
        user: Option<i64>,
    ) -> Result<(Vec<SessionSettings>, Vec<SealedVariable>), Error> {
        let mut moment = self.reader.begin().await?;
        let rows = sqlx::query_as!(
            Row,
            "SELECT server_id, user_id, version, created, author, document FROM session_settings AS one
             WHERE ((server_id IS NULL AND user_id IS NULL) OR server_id = ? OR user_id = ?)
               AND version = (SELECT max(version) FROM session_settings AS other
                              WHERE other.server_id IS one.server_id AND other.user_id IS one.user_id)",
            server,
            user
        );
        let mut settings: Vec<_> =
            rows.fetch_all(&mut *moment).await?.into_iter().map(SessionSettings::from).collect();
        settings.sort_by_key(|one| match one.scope {
            SettingsScope::Global => 0,
            SettingsScope::Server(_) => 1,
            SettingsScope::User(_) => 2,
        });
        let secrets = sqlx::query!(
            "SELECT uid, server_id, user_id, name, value FROM session_secrets
             WHERE (server_id IS NULL AND user_id IS NULL) OR server_id = ? OR user_id = ?",
            server,
            user
        );
        let secrets = secrets.fetch_all(&mut *moment).await?.into_iter().map(|row| SealedVariable {
            scope: SettingsScope::of(row.server_id, row.user_id),
            uid: row.uid.parse().unwrap_or_default(),
            name: row.name,
            value: row.value,
        });
        Ok((settings, secrets.collect()))
    }

    /// Writes the version of `new` that follows `known` (0: the first one), and says its number; `version` of
    /// `new` is not looked at. Of the scope's secrets those named in `kept` stay, `fresh` join them, the others go.
    ///
    /// # Errors
    /// `ChangedMeanwhile` when another one holds than `known`; `DiskFull`, `ReadOnly`, `Query`, also where the
    /// server or person is not there.
    pub async fn put_session_settings(
        &self,
        known: i64,
        new: &SessionSettings,
        (kept, fresh): (&[String], &[SealedVariable]),
    ) -> Result<i64, Error> {
        let (server, user) = new.scope.columns();
        let (created, version) = (to_row(new.created), known + 1);
        let mut work = self.begin().await?;
        let last = sqlx::query_scalar!(
            r#"SELECT max(version) AS "last: i64" FROM session_settings WHERE server_id IS ? AND user_id IS ?"#,
            server,
            user
        );
        if last.fetch_one(&mut *work).await?.unwrap_or(0) != known {
            return Err(Error::ChangedMeanwhile);
        }
        let added = sqlx::query!(
            "INSERT INTO session_settings (server_id, user_id, version, created, author, document)
             VALUES (?, ?, ?, ?, ?, ?)",
            server,
            user,
            version,
            created,
            new.author,
            new.document
        );
        added.execute(&mut *work).await?;
        let kept = serde_json::to_string(kept).expect("names are JSON");
        let gone = sqlx::query!(
            "DELETE FROM session_secrets WHERE server_id IS ? AND user_id IS ?
             AND name NOT IN (SELECT value FROM json_each(?))",
            server,
            user,
            kept
        );
        gone.execute(&mut *work).await?;
        for one in fresh {
            let uid = one.uid.to_string();
            let added = sqlx::query!(
                "INSERT INTO session_secrets (uid, server_id, user_id, name, value) VALUES (?, ?, ?, ?, ?)",
                uid,
                server,
                user,
                one.name,
                one.value
            );
            added.execute(&mut *work).await?;
        }
        work.commit().await?;
        Ok(version)
    }
}

#[cfg(test)]
mod tests;
