//! API tokens.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::time::{from_row, to_row};
use crate::{Error, Store};

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Scope {
    /// All that its person may do.
    Full,
    /// Only look.
    Read,
}

impl Scope {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Full => "full",
            Self::Read => "read",
        }
    }

    /// The narrower one for what the schema does not allow.
    fn read(text: &str) -> Self {
        if text == "full" { Self::Full } else { Self::Read }
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Token {
    pub id: Uuid,
    pub user_id: i64,
    pub name: String,
    pub scope: Scope,
    /// Its first characters.
    pub hint: String,
    pub created: Timestamp,
    pub expires: Option<Timestamp>,
    pub last_used: Option<Timestamp>,
}

struct Row {
    id: String,
    user_id: i64,
    name: String,
    scope: String,
    hint: String,
    created: i64,
    expires: Option<i64>,
    last_used: Option<i64>,
}

impl From<Row> for Token {
    fn from(row: Row) -> Self {
        Self {
            id: row.id.parse().unwrap_or_default(),
            user_id: row.user_id,
            name: row.name,
            scope: Scope::read(&row.scope),
            hint: row.hint,
            created: from_row(row.created),
            expires: row.expires.map(from_row),
            last_used: row.last_used.map(from_row),
        }
    }
}

impl Store {
    /// Keeps a token by its secret's digest.
    ///
    /// # Errors
    /// `DiskFull`, `ReadOnly`, `Query`.
    pub async fn add_token(&self, token: &Token, digest: &str) -> Result<(), Error> {
        let (id, scope) = (token.id.to_string(), token.scope.as_str());
        let (created, expires) = (to_row(token.created), token.expires.map(to_row));
        sqlx::query!(
            "INSERT INTO tokens (id, user_id, name, scope, hint, digest, created, expires) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            id,
            token.user_id,
            token.name,
            scope,
            token.hint,
            digest,
            created,
            expires
        )
        .execute(&self.writer)
        .await?;
        Ok(())
    }

    /// # Errors
    /// `Query`.
    pub async fn token(&self, digest: &str) -> Result<Option<Token>, Error> {
        let row = sqlx::query_as!(
            Row,
            "SELECT id, user_id, name, scope, hint, created, expires, last_used FROM tokens WHERE digest = ?",
            digest
        );
        Ok(row.fetch_optional(&self.reader).await?.map(Token::from))
    }

    /// All of one person, newest first.
    ///
    /// # Errors
    /// `Query`.
    pub async fn tokens_of(&self, user: i64) -> Result<Vec<Token>, Error> {
        let rows = sqlx::query_as!(
            Row,
            "SELECT id, user_id, name, scope, hint, created, expires, last_used FROM tokens
             WHERE user_id = ? ORDER BY created DESC, id DESC",
            user
        );
        Ok(rows.fetch_all(&self.reader).await?.into_iter().map(Token::from).collect())
    }

    /// # Errors
    /// `Query`.
    pub async fn token_named(&self, id: Uuid) -> Result<Option<Token>, Error> {
        let id = id.to_string();
        let row = sqlx::query_as!(
            Row,
            "SELECT id, user_id, name, scope, hint, created, expires, last_used FROM tokens WHERE id = ?",
            id
        );
        Ok(row.fetch_optional(&self.reader).await?.map(Token::from))
    }

    /// # Errors
    /// `DiskFull`, `ReadOnly`, `Query`.
    pub async fn token_used(&self, id: Uuid, now: Timestamp) -> Result<(), Error> {
        let (id, now) = (id.to_string(), to_row(now));
        sqlx::query!("UPDATE tokens SET last_used = ? WHERE id = ?", now, id).execute(&self.writer).await?;
        Ok(())
    }

    /// False when there is no such token.
    ///
    /// # Errors
    /// `DiskFull`, `ReadOnly`, `Query`.
    pub async fn remove_token(&self, id: Uuid) -> Result<bool, Error> {
        let id = id.to_string();
        let gone = sqlx::query!("DELETE FROM tokens WHERE id = ?", id).execute(&self.writer).await?;
        Ok(gone.rows_affected() > 0)
    }
}
