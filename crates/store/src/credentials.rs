//! Credentials: how a server is logged in to. Secrets are sealed bytes here.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sqlx::SqliteConnection;
use uuid::Uuid;

use crate::time::{from_row, to_row};
use crate::{Error, Store};

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CredentialKind {
    Password,
    Key,
    /// The server asks; what is not the password is asked of a person.
    KeyboardInteractive,
    /// A person types the password each time.
    Ask,
}

impl CredentialKind {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Password => "password",
            Self::Key => "key",
            Self::KeyboardInteractive => "keyboard_interactive",
            Self::Ask => "ask",
        }
    }

    /// The one without secrets for what the schema does not allow.
    fn read(text: &str) -> Self {
        match text {
            "password" => Self::Password,
            "key" => Self::Key,
            "keyboard_interactive" => Self::KeyboardInteractive,
            _ => Self::Ask,
        }
    }
}

/// One credential, without anything secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Credential {
    pub id: i64,
    pub about: NewCredential,
    /// Which secrets there are.
    pub set: Set,
    /// Counts the changes from 1.
    pub version: i64,
    pub created: Timestamp,
    pub changed: Timestamp,
}

/// What a credential is, beside its secrets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewCredential {
    /// What its secrets are bound to.
    pub uid: Uuid,
    pub name: String,
    pub username: String,
    pub kind: CredentialKind,
    pub certificate: Option<String>,
    pub public_key: Option<String>,
    pub fingerprint: Option<String>,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Set {
    pub password: bool,
    pub private_key: bool,
    pub passphrase: bool,
}

/// Sealed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Secrets {
    pub password: Option<Vec<u8>>,
    pub private_key: Option<Vec<u8>>,
    pub passphrase: Option<Vec<u8>>,
}

struct Row {
    id: i64,
    uid: String,
    name: String,
    username: String,
    kind: String,
    /// Which there are: 1, 2 and 4.
    secrets: i64,
    certificate: Option<String>,
    public_key: Option<String>,
    fingerprint: Option<String>,
    version: i64,
    created: i64,
    changed: i64,
}

impl From<Row> for Credential {
    fn from(row: Row) -> Self {
        let about = NewCredential {
            uid: row.uid.parse().unwrap_or_default(),
            name: row.name,
            username: row.username,
            kind: CredentialKind::read(&row.kind),
            certificate: row.certificate,
            public_key: row.public_key,
            fingerprint: row.fingerprint,
        };
        let set = Set {
            password: row.secrets & 1 != 0,
            private_key: row.secrets & 2 != 0,
            passphrase: row.secrets & 4 != 0,
        };
        Self {
            id: row.id,
            about,
            set,
            version: row.version,
            created: from_row(row.created),
            changed: from_row(row.changed),
        }
    }
}

impl Store {
    /// All, by name.
    ///
    /// # Errors
    /// `Query`.
    pub async fn credentials(&self) -> Result<Vec<Credential>, Error> {
        let rows = sqlx::query_as!(
            Row,
            r#"SELECT id, uid, name, username, kind, (password IS NOT NULL) + 2 * (private_key IS NOT NULL)
                      + 4 * (passphrase IS NOT NULL) AS "secrets!: i64", certificate, public_key, fingerprint, version, created, changed
               FROM credentials ORDER BY name"#
        );
        Ok(rows.fetch_all(&self.reader).await?.into_iter().map(Credential::from).collect())
    }

    /// # Errors
    /// `Query`.
    pub async fn credential(&self, id: i64) -> Result<Option<Credential>, Error> {
        let row = sqlx::query_as!(
            Row,
            r#"SELECT id, uid, name, username, kind, (password IS NOT NULL) + 2 * (private_key IS NOT NULL)
                      + 4 * (passphrase IS NOT NULL) AS "secrets!: i64", certificate, public_key, fingerprint, version, created, changed
               FROM credentials WHERE id = ?"#,
            id
        );
        Ok(row.fetch_optional(&self.reader).await?.map(Credential::from))
    }

    /// A credential and its secrets, of one moment.
    ///
    /// # Errors
    /// `Query`.
    pub async fn credential_with_secrets(&self, id: i64) -> Result<Option<(Credential, Secrets)>, Error> {
        let mut one_moment = self.reader.begin().await?;
        let row = sqlx::query_as!(
            Row,
            r#"SELECT id, uid, name, username, kind, (password IS NOT NULL) + 2 * (private_key IS NOT NULL)
                      + 4 * (passphrase IS NOT NULL) AS "secrets!: i64", certificate, public_key, fingerprint, version, created, changed
               FROM credentials WHERE id = ?"#,
            id
        );
        let Some(row) = row.fetch_optional(&mut *one_moment).await? else { return Ok(None) };
        let secrets = sqlx::query_as!(
            Secrets,
            "SELECT password, private_key, passphrase FROM credentials WHERE id = ?",
            id
        );
        let secrets = secrets.fetch_one(&mut *one_moment).await?;
        Ok(Some((row.into(), secrets)))
    }

    /// # Errors
    /// `Taken` with the name; `DiskFull`, `ReadOnly`, `Query`.
    pub async fn add_credential(
        &self,
        new: &NewCredential,
        secrets: &Secrets,
        now: Timestamp,
    ) -> Result<i64, Error> {
        let mut work = self.begin().await?;
        let id = insert(&mut work, new, secrets, now).await?;
        work.commit().await?;
        Ok(id)
    }

    /// Writes all of it anew. False when it is gone, or no longer of that version.
    ///
    /// # Errors
    /// `Taken` with the name; `DiskFull`, `ReadOnly`, `Query`.
    pub async fn change_credential(
        &self,
        (id, version): (i64, i64),
        new: &NewCredential,
        secrets: &Secrets,
        now: Timestamp,
    ) -> Result<bool, Error> {
        let mut work = self.begin().await?;
        let changed = update(&mut work, (id, version), new, secrets, now).await?;
        work.commit().await?;
        Ok(changed)
    }

    /// What uses each credential: servers whose default it is, and grants; by id, with names to show.
    ///
    /// # Errors
    /// `Query`.
    pub async fn credential_uses(&self) -> Result<Vec<(i64, String)>, Error> {
        let rows = sqlx::query!(
            r#"SELECT default_credential AS "id!: i64", 'server ' || name AS "by!: String" FROM servers
               WHERE default_credential IS NOT NULL
               UNION ALL
               SELECT credential_id AS "id!: i64", 'grant ' || grant_id AS "by!: String" FROM grant_credentials
               ORDER BY 2"#
        );
        Ok(rows.fetch_all(&self.reader).await?.into_iter().map(|row| (row.id, row.by)).collect())
    }

    /// False when there is none.
    ///
    /// # Errors
    /// `InUse` with what uses it; `DiskFull`, `ReadOnly`, `Query`.
    pub async fn remove_credential(&self, id: i64) -> Result<bool, Error> {
        let mut work = self.begin().await?;
        let used = sqlx::query_scalar!(
            r#"SELECT 'server ' || name AS "by!: String" FROM servers WHERE default_credential = ?
               UNION ALL
               SELECT 'grant ' || grant_id AS "by!: String" FROM grant_credentials WHERE credential_id = ?
               LIMIT 1"#,
            id,
            id
        );
        if let Some(by) = used.fetch_optional(&mut *work).await? {
            return Err(Error::InUse(by));
        }
        let gone = sqlx::query!("DELETE FROM credentials WHERE id = ?", id).execute(&mut *work).await?;
        work.commit().await?;
        Ok(gone.rows_affected() > 0)
    }
}

/// Inside somebody's transaction: a server that is added with its own credential.
pub(crate) async fn insert(
    work: &mut SqliteConnection,
    new: &NewCredential,
    secrets: &Secrets,
    now: Timestamp,
) -> Result<i64, Error> {
    let (uid, kind, now) = (new.uid.to_string(), new.kind.as_str(), to_row(now));
    let added = sqlx::query!(
        "INSERT INTO credentials (uid, name, username, kind, password, private_key, passphrase, certificate,
                                  public_key, fingerprint, created, changed)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        uid,
        new.name,
        new.username,
        kind,
        secrets.password,
        secrets.private_key,
        secrets.passphrase,
        new.certificate,
        new.public_key,
        new.fingerprint,
        now,
        now
    );
    match added.execute(work).await {
        Ok(done) => Ok(done.last_insert_rowid()),
        Err(e) => Err(taken(e, &new.name)),
    }
}

/// As [`insert`], for one that is there in that version.
pub(crate) async fn update(
    work: &mut SqliteConnection,
    (id, version): (i64, i64),
    new: &NewCredential,
    secrets: &Secrets,
    now: Timestamp,
) -> Result<bool, Error> {
    let (kind, now) = (new.kind.as_str(), to_row(now));
    let changed = sqlx::query!(
        "UPDATE credentials SET name = ?, username = ?, kind = ?, password = ?, private_key = ?, passphrase = ?,
                certificate = ?, public_key = ?, fingerprint = ?, changed = ?, version = version + 1
         WHERE id = ? AND version = ?",
        new.name,
        new.username,
        kind,
        secrets.password,
        secrets.private_key,
        secrets.passphrase,
        new.certificate,
        new.public_key,
        new.fingerprint,
        now,
        id,
        version
    );
    match changed.execute(work).await {
        Ok(done) => Ok(done.rows_affected() > 0),
        Err(e) => Err(taken(e, &new.name)),
    }
}

fn taken(error: sqlx::Error, name: &str) -> Error {
    match error {
        sqlx::Error::Database(e) if e.is_unique_violation() => Error::Taken(name.to_owned()),
        other => other.into(),
    }
}
