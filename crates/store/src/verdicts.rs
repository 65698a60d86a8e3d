//! What was judged, as the server remembers it.

use jiff::Timestamp;
use serde_json::{Map, Value};
use sqlx::SqliteConnection;
use uuid::Uuid;

use crate::sessions::json;
use crate::time::{from_row, to_row};
use crate::{Error, Store};

/// The verdict on one command.
#[derive(Debug, Clone, PartialEq)]
pub struct Verdict {
    /// Given by the database.
    pub id: i64,
    /// None where no terminal was.
    pub session: Option<Uuid>,
    pub at: Timestamp,
    /// Milliseconds into the recording.
    pub offset_ms: Option<i64>,
    /// `exec`, `line`, `watched`.
    pub door: String,
    /// What it is worth: `enforced`, `gated`, `line`, `watched`, …
    pub label: String,
    /// `allow`, `alert`, `review`, `deny`.
    pub action: String,
    pub rule: Option<String>,
    pub command: Judged,
    /// The rest of what is known.
    pub data: Map<String, Value>,
}

/// What was judged.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Judged {
    pub program: Option<String>,
    pub argv: Vec<String>,
    /// As it was typed, where that is known.
    pub line: Option<String>,
}

/// Of a session that is not remembered nothing is kept.
pub(crate) async fn add(work: &mut SqliteConnection, verdict: &Verdict) -> Result<(), Error> {
    let (session, at) = (verdict.session.map(|uid| uid.to_string()), to_row(verdict.at));
    let (argv, data) = (json(&verdict.command.argv), json(&verdict.data));
    sqlx::query!(
        "INSERT INTO verdicts (session, at, offset_ms, door, label, action, rule, program, argv, line, data)
         SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11
         WHERE ?1 IS NULL OR EXISTS (SELECT 1 FROM sessions WHERE uid = ?1)",
        session,
        at,
        verdict.offset_ms,
        verdict.door,
        verdict.label,
        verdict.action,
        verdict.rule,
        verdict.command.program,
        argv,
        verdict.command.line,
        data
    )
    .execute(work)
    .await?;
    Ok(())
}

impl Store {
    /// Of one session, oldest first, from behind `after` on; without `allowed` only those that are more than
    /// an allow.
    ///
    /// # Errors
    /// `Query`.
    pub async fn verdicts(
        &self,
        session: Uuid,
        (after, limit): (i64, u32),
        allowed: bool,
    ) -> Result<Vec<Verdict>, Error> {
        let session = session.to_string();
        let rows = sqlx::query!(
            "SELECT id, session, at, offset_ms, door, label, action, rule, program, argv, line, data FROM verdicts
             WHERE session = ?1 AND id > ?2 AND (?3 OR action <> 'allow') ORDER BY id LIMIT ?4",
            session,
            after,
            allowed,
            limit
        );
        let rows = rows.fetch_all(&self.reader).await?.into_iter();
        Ok(rows
            .map(|row| Verdict {
                id: row.id,
                session: row.session.and_then(|uid| uid.parse().ok()),
                at: from_row(row.at),
                offset_ms: row.offset_ms,
                door: row.door,
                label: row.label,
                action: row.action,
                rule: row.rule,
                command: Judged {
                    program: row.program,
                    argv: serde_json::from_str(&row.argv).unwrap_or_default(),
                    line: row.line,
                },
                data: serde_json::from_str(&row.data).unwrap_or_default(),
            })
            .collect())
    }

    /// Forgets verdicts before `before`, and what is more than `most` of one session, the oldest first.
    /// Returns how many are gone.
    ///
    /// # Errors
    /// `DiskFull`, `ReadOnly`, `Query`.
    pub async fn forget_verdicts(&self, before: Timestamp, most: u32) -> Result<u64, Error> {
        let before = to_row(before);
        let old = sqlx::query!("DELETE FROM verdicts WHERE at < ?", before);
        let old = old.execute(&self.writer).await?.rows_affected();
        let many = sqlx::query!(
            "DELETE FROM verdicts WHERE id IN (
                 SELECT id FROM (SELECT id, row_number() OVER (PARTITION BY session ORDER BY id DESC) AS place
                                 FROM verdicts) WHERE place > ?)",
            most
        );
        Ok(old + many.execute(&self.writer).await?.rows_affected())
    }
}
