//! Second factors of people: codes of an app, passkeys, recovery codes.

use jiff::Timestamp;
use sqlx::{Sqlite, SqliteConnection, Transaction};
use uuid::Uuid;

use crate::time::{from_row, to_row};
use crate::{Error, Store};

/// Codes of an app (RFC 6238).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Totp {
    pub user_id: i64,
    /// What the sealed secret is bound to.
    pub uid: Uuid,
    /// Sealed.
    pub secret: Vec<u8>,
    pub created: Timestamp,
    /// The latest step whose code was taken.
    pub last_step: i64,
    pub last_used: Option<Timestamp>,
    /// Since when no code of it is looked at any more: too many wrong ones had come.
    pub locked: Option<Timestamp>,
}

/// A key pair of somebody's authenticator, without the private half.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Passkey {
    pub id: Uuid,
    pub user_id: i64,
    pub name: String,
    /// As the authenticator names it, base64url.
    pub credential_id: String,
    /// Public key, counter and flags, as JSON.
    pub material: String,
    pub created: Timestamp,
    pub last_used: Option<Timestamp>,
}

/// Which second factors somebody has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct FactorsHeld {
    pub totp: bool,
    pub passkeys: usize,
    /// Not used yet.
    pub recovery_codes: usize,
}

impl FactorsHeld {
    /// Recovery codes alone are none: they stand in for another.
    pub fn any(&self) -> bool {
        self.totp || self.passkeys > 0
    }
}

/// What came of removing a factor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Removed {
    Done,
    Missing,
    /// It is the last one, and one has to stay.
    Last,
}

struct PasskeyRow {
    id: String,
    user_id: i64,
    name: String,
    credential_id: String,
    material: String,
    created: i64,
    last_used: Option<i64>,
}

impl From<PasskeyRow> for Passkey {
    fn from(row: PasskeyRow) -> Self {
        let PasskeyRow { id, user_id, name, credential_id, material, created, last_used } = row;
        Self {
            id: id.parse().unwrap_or_default(),
            user_id,
            name,
            credential_id,
            material,
            created: from_row(created),
            last_used: last_used.map(from_row),
        }
    }
}

impl Store {
    /// # Errors
    /// `Query`.
    pub async fn factors_held(&self, user: i64) -> Result<FactorsHeld, Error> {
        let row = sqlx::query!(
            r#"SELECT (SELECT count(*) FROM totp WHERE user_id = ?1) AS "totp!: i64",
                      (SELECT count(*) FROM passkeys WHERE user_id = ?1) AS "passkeys!: i64",
                      (SELECT count(*) FROM recovery_codes WHERE user_id = ?1 AND used IS NULL) AS "codes!: i64""#,
            user
        );
        let row = row.fetch_one(&self.reader).await?;
        let count = |count: i64| usize::try_from(count).unwrap_or_default();
        Ok(FactorsHeld {
            totp: row.totp > 0,
            passkeys: count(row.passkeys),
            recovery_codes: count(row.codes),
        })
    }

    /// Of everybody who has a code's app or a passkey.
    ///
    /// # Errors
    /// `Query`.
    pub async fn users_with_factors(&self) -> Result<Vec<i64>, Error> {
        let rows =
            sqlx::query!(r#"SELECT user_id AS "user_id!: i64" FROM totp UNION SELECT user_id FROM passkeys"#);
        Ok(rows.fetch_all(&self.reader).await?.into_iter().map(|row| row.user_id).collect())
    }

    /// # Errors
    /// `Query`.
    pub async fn totp(&self, user: i64) -> Result<Option<Totp>, Error> {
        let row = sqlx::query!(
            "SELECT user_id, uid, secret, created, last_step, last_used, locked FROM totp WHERE user_id = ?",
            user
        );
        let row = row.fetch_optional(&self.reader).await?;
        Ok(row.map(|row| Totp {
            user_id: row.user_id,
            uid: row.uid.parse().unwrap_or_default(),
            secret: row.secret,
            created: from_row(row.created),
            last_step: row.last_step,
            last_used: row.last_used.map(from_row),
            locked: row.locked.map(from_row),
        }))
    }

    /// No code of this secret is to be looked at any more. False when it is so already, or the secret is another one.
    ///
    /// # Errors
    /// `DiskFull`, `ReadOnly`, `Query`.
    pub async fn lock_totp(&self, uid: Uuid, now: Timestamp) -> Result<bool, Error> {
        let (uid, now) = (uid.to_string(), to_row(now));
        let locked = sqlx::query!("UPDATE totp SET locked = ? WHERE uid = ? AND locked IS NULL", now, uid);
        Ok(locked.execute(&self.writer).await?.rows_affected() > 0)
    }

    /// In the place of the one before.
    ///
    /// # Errors
    /// `DiskFull`, `ReadOnly`, `Query`.
    pub async fn set_totp(&self, totp: &Totp) -> Result<(), Error> {
        let (uid, created) = (totp.uid.to_string(), to_row(totp.created));
        sqlx::query!(
            "INSERT OR REPLACE INTO totp (user_id, uid, secret, created, last_step) VALUES (?, ?, ?, ?, ?)",
            totp.user_id,
            uid,
            totp.secret,
            created,
            totp.last_step
        )
        .execute(&self.writer)
        .await?;
        Ok(())
    }

    /// Takes the code of a step, of the secret `uid`. False when it or a later one was taken before, or the secret is
    /// another one.
    ///
    /// # Errors
    /// `DiskFull`, `ReadOnly`, `Query`.
    pub async fn take_totp_step(&self, uid: Uuid, step: i64, now: Timestamp) -> Result<bool, Error> {
        let (uid, now) = (uid.to_string(), to_row(now));
        let taken = sqlx::query!(
            "UPDATE totp SET last_step = ?1, last_used = ?2 WHERE uid = ?3 AND last_step < ?1",
            step,
            now,
            uid
        );
        Ok(taken.execute(&self.writer).await?.rows_affected() > 0)
    }

    /// With the last factor the recovery codes go; with `one_stays` the last factor does not go.
    ///
    /// # Errors
    /// `DiskFull`, `ReadOnly`, `Query`.
    pub async fn remove_totp(&self, user: i64, one_stays: bool) -> Result<Removed, Error> {
        let mut work = self.begin().await?;
        let gone = sqlx::query!("DELETE FROM totp WHERE user_id = ?", user).execute(&mut *work).await?;
        finish_removal(work, user, (gone.rows_affected() > 0, one_stays)).await
    }

    /// # Errors
    /// `Taken` when this credential is known already; `DiskFull`, `ReadOnly`, `Query`.
    pub async fn add_passkey(&self, passkey: &Passkey) -> Result<(), Error> {
        let (id, created) = (passkey.id.to_string(), to_row(passkey.created));
        let added = sqlx::query!(
            "INSERT INTO passkeys (id, user_id, name, credential_id, material, created) VALUES (?, ?, ?, ?, ?, ?)",
            id,
            passkey.user_id,
            passkey.name,
            passkey.credential_id,
            passkey.material,
            created
        );
        match added.execute(&self.writer).await {
            Ok(_) => Ok(()),
            Err(sqlx::Error::Database(e)) if e.is_unique_violation() => {
                Err(Error::Taken(passkey.name.clone()))
            }
            Err(e) => Err(e.into()),
        }
    }

    /// All of one person, oldest first.
    ///
    /// # Errors
    /// `Query`.
    pub async fn passkeys(&self, user: i64) -> Result<Vec<Passkey>, Error> {
        let rows = sqlx::query_as!(
            PasskeyRow,
            "SELECT id, user_id, name, credential_id, material, created, last_used FROM passkeys
             WHERE user_id = ? ORDER BY created, id",
            user
        );
        Ok(rows.fetch_all(&self.reader).await?.into_iter().map(Passkey::from).collect())
    }

    /// Notes a use: the counter in `material` has moved. False when the passkey is gone.
    ///
    /// # Errors
    /// `DiskFull`, `ReadOnly`, `Query`.
    pub async fn passkey_used(&self, id: Uuid, material: &str, now: Timestamp) -> Result<bool, Error> {
        let (id, now) = (id.to_string(), to_row(now));
        let noted =
            sqlx::query!("UPDATE passkeys SET material = ?, last_used = ? WHERE id = ?", material, now, id);
        Ok(noted.execute(&self.writer).await?.rows_affected() > 0)
    }

    /// False when this person has no such passkey.
    ///
    /// # Errors
    /// `DiskFull`, `ReadOnly`, `Query`.
    pub async fn rename_passkey(&self, user: i64, id: Uuid, name: &str) -> Result<bool, Error> {
        let id = id.to_string();
        let named = sqlx::query!("UPDATE passkeys SET name = ? WHERE id = ? AND user_id = ?", name, id, user);
        Ok(named.execute(&self.writer).await?.rows_affected() > 0)
    }

    /// With the last factor the recovery codes go; with `one_stays` the last factor does not go.
    ///
    /// # Errors
    /// `DiskFull`, `ReadOnly`, `Query`.
    pub async fn remove_passkey(&self, user: i64, id: Uuid, one_stays: bool) -> Result<Removed, Error> {
        let id = id.to_string();
        let mut work = self.begin().await?;
        let gone = sqlx::query!("DELETE FROM passkeys WHERE id = ? AND user_id = ?", id, user)
            .execute(&mut *work)
            .await?;
        finish_removal(work, user, (gone.rows_affected() > 0, one_stays)).await
    }

    /// Puts these in the place of all that there were.
    ///
    /// # Errors
    /// `DiskFull`, `ReadOnly`, `Query`.
    pub async fn set_recovery_codes(&self, user: i64, digests: &[String]) -> Result<(), Error> {
        let mut work = self.begin().await?;
        sqlx::query!("DELETE FROM recovery_codes WHERE user_id = ?", user).execute(&mut *work).await?;
        for digest in digests {
            sqlx::query!("INSERT INTO recovery_codes (user_id, digest) VALUES (?, ?)", user, digest)
                .execute(&mut *work)
                .await?;
        }
        work.commit().await?;
        Ok(())
    }

    /// Whether it could be used. Changes nothing.
    ///
    /// # Errors
    /// `Query`.
    pub async fn has_recovery_code(&self, user: i64, digest: &str) -> Result<bool, Error> {
        let row = sqlx::query!(
            r#"SELECT count(*) AS "count!: i64" FROM recovery_codes
               WHERE user_id = ? AND digest = ? AND used IS NULL"#,
            user,
            digest
        );
        Ok(row.fetch_one(&self.reader).await?.count > 0)
    }

    /// Uses one up. False when there is none such, or it was used.
    ///
    /// # Errors
    /// `DiskFull`, `ReadOnly`, `Query`.
    pub async fn use_recovery_code(&self, user: i64, digest: &str, now: Timestamp) -> Result<bool, Error> {
        let now = to_row(now);
        let used = sqlx::query!(
            "UPDATE recovery_codes SET used = ? WHERE user_id = ? AND digest = ? AND used IS NULL",
            now,
            user,
            digest
        );
        Ok(used.execute(&self.writer).await?.rows_affected() > 0)
    }

    /// Takes every factor of a person away, and ends every login and every login link of theirs. False when they had
    /// no factor.
    ///
    /// # Errors
    /// `DiskFull`, `ReadOnly`, `Query`.
    pub async fn reset_factors(&self, user: i64) -> Result<bool, Error> {
        let mut work = self.begin().await?;
        let totp = sqlx::query!("DELETE FROM totp WHERE user_id = ?", user).execute(&mut *work).await?;
        let keys = sqlx::query!("DELETE FROM passkeys WHERE user_id = ?", user).execute(&mut *work).await?;
        sqlx::query!("DELETE FROM recovery_codes WHERE user_id = ?", user).execute(&mut *work).await?;
        sqlx::query!("DELETE FROM logins WHERE user_id = ?", user).execute(&mut *work).await?;
        sqlx::query!("DELETE FROM login_links WHERE user_id = ?", user).execute(&mut *work).await?;
        work.commit().await?;
        Ok(totp.rows_affected() + keys.rows_affected() > 0)
    }
}

/// Keeps what was removed removed, unless it was the last factor and one has to stay: looked at in the transaction that
/// removes, so that of two who remove the last two at once one is refused.
async fn finish_removal(
    mut work: Transaction<'static, Sqlite>,
    user: i64,
    (gone, one_stays): (bool, bool),
) -> Result<Removed, Error> {
    if !gone {
        return Ok(Removed::Missing);
    }
    let row = sqlx::query!(
        r#"SELECT (SELECT count(*) FROM totp WHERE user_id = ?1)
                  + (SELECT count(*) FROM passkeys WHERE user_id = ?1) AS "count!: i64""#,
        user
    );
    if one_stays && row.fetch_one(&mut *work).await?.count == 0 {
        // The transaction is dropped, and with it what was done.
        return Ok(Removed::Last);
    }
    forget_codes_of_nothing(&mut work, user).await?;
    work.commit().await?;
    Ok(Removed::Done)
}

/// Recovery codes stand in for another factor; without one they would open nothing and stay for ever.
async fn forget_codes_of_nothing(work: &mut SqliteConnection, user: i64) -> Result<(), Error> {
    sqlx::query!(
        "DELETE FROM recovery_codes WHERE user_id = ?1
         AND NOT EXISTS (SELECT 1 FROM totp WHERE user_id = ?1)
         AND NOT EXISTS (SELECT 1 FROM passkeys WHERE user_id = ?1)",
        user
    )
    .execute(work)
    .await?;
    Ok(())
}
