//! Under which master key the sealed secrets are, and the secrets of all tables together.

use jiff::Timestamp;

use crate::time::{from_row, to_row};
use crate::{Error, Store};

/// The master key that everything is sealed under: what is known of it without having it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Vault {
    pub key_id: String,
    /// 1 for the first one.
    pub version: i64,
    pub proof: Vec<u8>,
    pub since: Timestamp,
}

/// One sealed secret and where it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sealed {
    pub table: &'static str,
    /// The row's uid.
    pub uid: String,
    pub field: &'static str,
    pub bytes: Vec<u8>,
}

/// The tables with secrets, and their fields.
pub const CREDENTIALS: &str = "credentials";
pub const PASSWORD: &str = "password";
pub const PRIVATE_KEY: &str = "private_key";
pub const PASSPHRASE: &str = "passphrase";
pub const SESSION_SECRETS: &str = "session_secrets";
pub const VALUE: &str = "value";
pub const TOTP: &str = "totp";
pub const SECRET: &str = "secret";

impl Store {
    /// `None` before the first start with a vault.
    ///
    /// # Errors
    /// `Query`.
    pub async fn vault(&self) -> Result<Option<Vault>, Error> {
        let row = sqlx::query!("SELECT key_id, version, proof, since FROM vault");
        let row = row.fetch_optional(&self.writer).await?;
        Ok(row.map(|row| Vault {
            key_id: row.key_id,
            version: row.version,
            proof: row.proof,
            since: from_row(row.since),
        }))
    }

    /// Notes the first master key.
    ///
    /// # Errors
    /// `Query` also where there is one.
    pub async fn begin_vault(&self, vault: &Vault) -> Result<(), Error> {
        let since = to_row(vault.since);
        sqlx::query!(
            "INSERT INTO vault (id, key_id, version, proof, since) VALUES (1, ?, ?, ?, ?)",
            vault.key_id,
            vault.version,
            vault.proof,
            since
        )
        .execute(&self.writer)
        .await?;
        Ok(())
    }

    /// Every sealed secret.
    ///
    /// # Errors
    /// `Query`.
    pub async fn sealed(&self) -> Result<Vec<Sealed>, Error> {
        let rows = sqlx::query!("SELECT uid, password, private_key, passphrase FROM credentials ORDER BY id");
        let mut all = Vec::new();
        for row in rows.fetch_all(&self.writer).await? {
            let fields =
                [(PASSWORD, row.password), (PRIVATE_KEY, row.private_key), (PASSPHRASE, row.passphrase)];
            for (field, bytes) in fields {
                let uid = row.uid.clone();
                all.extend(bytes.map(|bytes| Sealed { table: CREDENTIALS, uid, field, bytes }));
            }
        }
        let rows = sqlx::query!("SELECT uid, value FROM session_secrets ORDER BY uid");
        let variables = rows.fetch_all(&self.writer).await?.into_iter();
        all.extend(variables.map(|row| Sealed {
            table: SESSION_SECRETS,
            uid: row.uid,
            field: VALUE,
            bytes: row.value,
        }));
        let rows = sqlx::query!("SELECT uid, secret FROM totp ORDER BY uid");
        let codes = rows.fetch_all(&self.writer).await?.into_iter();
        all.extend(codes.map(|row| Sealed { table: TOTP, uid: row.uid, field: SECRET, bytes: row.secret }));
        Ok(all)
    }

    /// Puts another master key in the place of the one named, with every secret as it is sealed under the new
    /// one, at once or not at all. False when the key is no longer that one.
    ///
    /// # Errors
    /// `DiskFull`, `ReadOnly`, `Query`.
    pub async fn rotate_vault(&self, from: &str, to: &Vault, sealed: &[Sealed]) -> Result<bool, Error> {
        let since = to_row(to.since);
        let mut work = self.begin().await?;
        let changed = sqlx::query!(
            "UPDATE vault SET key_id = ?, version = ?, proof = ?, since = ? WHERE key_id = ?",
            to.key_id,
            to.version,
            to.proof,
            since,
            from
        );
        if changed.execute(&mut *work).await?.rows_affected() != 1 {
            return Ok(false);
        }
        for Sealed { uid, field, bytes, .. } in sealed {
            // One statement for each field: a column cannot be a parameter.
            match *field {
                PASSWORD => sqlx::query!("UPDATE credentials SET password = ? WHERE uid = ?", bytes, uid)
                    .execute(&mut *work),
                VALUE => sqlx::query!("UPDATE session_secrets SET value = ? WHERE uid = ?", bytes, uid)
                    .execute(&mut *work),
                SECRET => {
                    sqlx::query!("UPDATE totp SET secret = ? WHERE uid = ?", bytes, uid).execute(&mut *work)
                }
                PRIVATE_KEY => {
                    sqlx::query!("UPDATE credentials SET private_key = ? WHERE uid = ?", bytes, uid)
                        .execute(&mut *work)
                }
                _ => sqlx::query!("UPDATE credentials SET passphrase = ? WHERE uid = ?", bytes, uid)
                    .execute(&mut *work),
            }
            .await?;
        }
        work.commit().await?;
        // Nor are they left in the log of writes.
        sqlx::query("PRAGMA wal_checkpoint(TRUNCATE)").execute(&self.writer).await?;
        Ok(true)
    }
}
