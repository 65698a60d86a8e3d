//! What the logs of the daemons tell, and the server itself, put into the tables.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::{Map, Value};
use sqlx::SqliteConnection;
use uuid::Uuid;

use super::{End, Opened, RecordingState, Step, json};
use crate::time::to_row;
use crate::{Error, Store, alerts, reviews, verdicts};

impl Store {
    /// Keeps what only the server knows of a session it has made: whether or not the log has told of
    /// it yet.
    ///
    /// # Errors
    /// `DiskFull`, `ReadOnly`, `Query`.
    pub async fn remember_session(
        &self,
        opened: &Opened,
        environment: &BTreeMap<String, String>,
    ) -> Result<(), Error> {
        let mut work = self.begin().await?;
        open(&mut work, opened).await?;
        let (uid, environment) = (opened.uid.to_string(), json(environment));
        sqlx::query!("UPDATE sessions SET environment = ? WHERE uid = ?", environment, uid)
            .execute(&mut *work)
            .await?;
        work.commit().await?;
        Ok(())
    }

    /// Remembers sessions that are known by their recordings alone; those that are remembered stay as
    /// they are.
    ///
    /// # Errors
    /// `DiskFull`, `ReadOnly`, `Query`.
    pub async fn adopt_sessions(&self, found: &[(Opened, End)]) -> Result<(), Error> {
        let mut work = self.begin().await?;
        for (opened, how) in found {
            let uid = opened.uid.to_string();
            let known = sqlx::query!("SELECT uid FROM sessions WHERE uid = ?", uid);
            if known.fetch_optional(&mut *work).await?.is_none() {
                open(&mut work, opened).await?;
                end(&mut work, (opened.uid, how), opened.recording).await?;
            }
        }
        work.commit().await?;
        Ok(())
    }

    /// Up to where a daemon's log has been applied.
    ///
    /// # Errors
    /// `Query`.
    pub async fn log_place(&self, node: Uuid) -> Result<Option<u64>, Error> {
        let node = node.to_string();
        let row = sqlx::query!("SELECT next_seq FROM daemons WHERE node = ?", node);
        let row = row.fetch_optional(&self.writer).await?;
        Ok(row.and_then(|row| u64::try_from(row.next_seq).ok()))
    }

    /// Applies what no daemon's log tells: of sessions that the server runs itself. All or nothing.
    ///
    /// # Errors
    /// `DiskFull`, `ReadOnly`, `Query`.
    pub async fn apply_own(&self, steps: &[Step]) -> Result<(), Error> {
        let mut work = self.begin().await?;
        for step in steps {
            apply(&mut work, step).await?;
        }
        work.commit().await?;
        Ok(())
    }

    /// Applies what a daemon's log told, and keeps how far that was: both or neither.
    ///
    /// # Errors
    /// `DiskFull`, `ReadOnly`, `Query`.
    pub async fn apply_log(&self, node: Uuid, next_seq: u64, steps: &[Step]) -> Result<(), Error> {
        let (node, next_seq) = (node.to_string(), i64::try_from(next_seq).unwrap_or(i64::MAX));
        let mut work = self.begin().await?;
        for step in steps {
            apply(&mut work, step).await?;
        }
        sqlx::query!(
            "INSERT INTO daemons (node, next_seq) VALUES (?1, ?2) ON CONFLICT (node) DO UPDATE SET next_seq = ?2",
            node,
            next_seq
        )
        .execute(&mut *work)
        .await?;
        work.commit().await?;
        Ok(())
    }
}

async fn apply(work: &mut SqliteConnection, step: &Step) -> Result<(), Error> {
    match step {
        Step::Opened(opened) => open(work, opened).await?,
        Step::Ended { uid, end: how, recording } => {
            end(work, (*uid, how), *recording).await?;
            reviews::close_of(work, *uid, how.at).await?;
        }
        Step::RecordingFailed(uid) => {
            let uid = uid.to_string();
            sqlx::query!("UPDATE sessions SET recording = 'failed' WHERE uid = ?", uid).execute(work).await?;
        }
        Step::Event { session, kind, data, at } => note(work, *session, (kind, data, *at)).await?,
        Step::Verdict(verdict) => verdicts::add(work, verdict).await?,
        Step::ReviewOpened(review) => reviews::open(work, review).await?,
        Step::ReviewClosed { review, decision } => reviews::close(work, *review, decision).await?,
        Step::Alert(alert) => drop(alerts::add(work, alert).await?),
    }
    Ok(())
}

/// The log may tell of what is known already; what only the server knows stays. One that was known by its
/// file alone has not ended because of that.
async fn open(work: &mut SqliteConnection, opened: &Opened) -> Result<(), Error> {
    let (uid, command) = (opened.uid.to_string(), json(&opened.command));
    let (node, owner) = (opened.node.map(|node| node.to_string()), opened.owner.map(|uid| uid.to_string()));
    let (created, recording) = (to_row(opened.created), opened.recording.as_str());
    let (cols, rows) = (opened.size.map(|size| size.0), opened.size.map(|size| size.1));
    sqlx::query!(
        "INSERT INTO sessions (uid, node, name, owner, account, command, cols, rows, created, recording)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
         ON CONFLICT (uid) DO UPDATE SET
             node = coalesce(excluded.node, node), name = excluded.name, owner = coalesce(owner, excluded.owner),
             account = coalesce(excluded.account, account), command = excluded.command,
             cols = coalesce(cols, excluded.cols), rows = coalesce(rows, excluded.rows),
             created = min(created, excluded.created),
             recording = CASE WHEN ended IS NOT NULL AND (node IS NOT NULL OR excluded.node IS NULL)
                                   OR recording = 'failed' THEN recording ELSE excluded.recording END,
             ended = CASE WHEN node IS NULL AND excluded.node IS NOT NULL THEN NULL ELSE ended END",
        uid,
        node,
        opened.name,
        owner,
        opened.account,
        command,
        cols,
        rows,
        created,
        recording
    )
    .execute(work)
    .await?;
    Ok(())
}

/// A seen end replaces a guessed one, never the other way round.
async fn end(
    work: &mut SqliteConnection,
    (uid, end): (Uuid, &End),
    recording: RecordingState,
) -> Result<(), Error> {
    let (uid, at, recording) = (uid.to_string(), to_row(end.at), recording.as_str());
    let (code, signal) = (end.exit.map(|exit| exit.code), end.exit.and_then(|exit| exit.signal));
    let bytes = end.bytes.and_then(|bytes| i64::try_from(bytes).ok());
    sqlx::query!(
        "UPDATE sessions SET ended = max(?2, created), exit_code = ?3, exit_signal = ?4, reason = ?5, bytes = ?6,
             recording = CASE WHEN recording IN ('failed', 'off') THEN recording ELSE ?7 END
         WHERE uid = ?1 AND (ended IS NULL OR reason = 'lost')",
        uid,
        at,
        code,
        signal,
        end.reason,
        bytes,
        recording
    )
    .execute(work)
    .await?;
    Ok(())
}

/// Of a session that is not remembered nothing is kept.
async fn note(
    work: &mut SqliteConnection,
    session: Uuid,
    (kind, data, at): (&str, &Map<String, Value>, Timestamp),
) -> Result<(), Error> {
    let (session, data, at) = (session.to_string(), json(data), to_row(at));
    sqlx::query!(
        "INSERT INTO session_events (session, type, data, at) SELECT uid, ?, ?, ? FROM sessions WHERE uid = ?",
        kind,
        data,
        at,
        session
    )
    .execute(work)
    .await?;
    Ok(())
}
