//! Sessions that have run or run, as the server remembers them.

use std::collections::{BTreeMap, HashSet};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use uuid::Uuid;

use crate::time::{from_row, to_row};
use crate::{Alert, Decision, Error, Review, Store, Verdict};

mod apply;

/// What became of a session's recording.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RecordingState {
    Recording,
    Closed,
    /// It could not be written to its end.
    Failed,
    /// Nobody saw its end; it is readable up to the last second.
    Lost,
    /// There is none.
    Off,
}

impl RecordingState {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Recording => "recording",
            Self::Closed => "closed",
            Self::Failed => "failed",
            Self::Lost => "lost",
            Self::Off => "off",
        }
    }

    /// What the schema does not allow to be anything else.
    fn read(text: &str) -> Self {
        [Self::Recording, Self::Closed, Self::Failed, Self::Lost]
            .into_iter()
            .find(|state| state.as_str() == text)
            .unwrap_or(Self::Off)
    }
}

/// The beginning of a session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Opened {
    pub uid: Uuid,
    /// Whose log tells of it.
    pub node: Option<Uuid>,
    pub name: Option<String>,
    /// The person's `uid`.
    pub owner: Option<Uuid>,
    /// The OS user.
    pub account: Option<String>,
    pub command: Vec<String>,
    /// Columns and rows at the beginning.
    pub size: Option<(u16, u16)>,
    pub created: Timestamp,
    /// As it is now.
    pub recording: RecordingState,
}

/// How a session ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct End {
    pub at: Timestamp,
    pub exit: Option<Exit>,
    /// As the log says; `lost` when nobody saw it.
    pub reason: String,
    /// Of the recording's file.
    pub bytes: Option<u64>,
}

/// `code` is 128 + signal for a program that a signal ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Exit {
    pub code: i32,
    pub signal: Option<i32>,
}

/// A person as others are shown them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Owner {
    pub id: i64,
    pub username: String,
}

/// A remembered session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Session {
    pub opened: Opened,
    /// Of `opened.owner`, where they still have an account here.
    pub owner: Option<Owner>,
    /// The server it was on, with its name of that time.
    pub server: Option<(i64, String)>,
    pub environment: BTreeMap<String, String>,
    pub ended: Option<End>,
}

/// Something that happened in a session.
#[derive(Debug, Clone, PartialEq)]
pub struct Event {
    pub id: i64,
    pub kind: String,
    pub data: Map<String, Value>,
    pub at: Timestamp,
}

/// What one entry of a daemon's log changes.
#[derive(Debug, Clone, PartialEq)]
pub enum Step {
    Opened(Opened),
    Ended {
        uid: Uuid,
        end: End,
        /// A recording that failed or is off stays so.
        recording: RecordingState,
    },
    RecordingFailed(Uuid),
    Event {
        session: Uuid,
        kind: String,
        data: Map<String, Value>,
        at: Timestamp,
    },
    Verdict(Box<Verdict>),
    ReviewOpened(Box<Review>),
    ReviewClosed {
        review: Uuid,
        decision: Decision,
    },
    Alert(Alert),
}

/// Which sessions; `None` is any.
#[derive(Debug, Clone, Default)]
pub struct SessionFilter {
    pub uid: Option<Uuid>,
    /// The person's `uid`.
    pub owner: Option<Uuid>,
    /// Of the owner.
    pub username: Option<String>,
    /// In the name, the command or the account, whatever its case.
    pub text: Option<String>,
    /// Only those that have ended.
    pub ended: bool,
    /// Only those that are or were recorded.
    pub recorded: bool,
    /// Only those before this one in the list: with smaller `uid`s.
    pub before: Option<Uuid>,
    pub limit: u32,
}

/// Text that stands for itself in a pattern of LIKE with `\` as its escape.
fn pattern(text: &str) -> String {
    let mut pattern = String::from("%");
    for c in text.chars() {
        if matches!(c, '%' | '_' | '\\') {
            pattern.push('\\');
        }
        pattern.push(c);
    }
    pattern.push('%');
    pattern
}

pub(crate) fn json<T: Serialize>(value: &T) -> String {
    serde_json::to_string(value).expect("words and maps of words are JSON")
}

/// A number of a row; what does not fit was not written by us.
fn small<T: TryFrom<i64>>(value: Option<i64>) -> Option<T> {
    value.and_then(|value| T::try_from(value).ok())
}

impl Store {
    /// Newest first.
    ///
    /// # Errors
    /// `Query`.
    pub async fn sessions(&self, filter: &SessionFilter) -> Result<Vec<Session>, Error> {
        let (uid, owner) = (filter.uid.map(|uid| uid.to_string()), filter.owner.map(|uid| uid.to_string()));
        let (before, text) = (filter.before.map(|uid| uid.to_string()), filter.text.as_deref().map(pattern));
        let rows = sqlx::query!(
            r#"SELECT s.uid, s.node, s.name, s.owner, s.account, s.command, s.environment, s.cols, s.rows,
                      s.created, s.ended, s.exit_code, s.exit_signal, s.reason, s.recording, s.bytes,
                      u.id AS "owner_id?: i64", u.username AS "owner_name?: String",
                      p.server_id AS "server_id?: i64", p.server_name AS "server_name?: String"
               FROM sessions s LEFT JOIN users u ON u.uid = s.owner
               LEFT JOIN session_servers p ON p.session = s.uid
               WHERE (?1 IS NULL OR s.uid = ?1) AND (?2 IS NULL OR s.owner = ?2)
                 AND (?3 IS NULL OR u.username = ?3)
                 AND (?4 IS NULL OR s.name LIKE ?4 ESCAPE '\' OR s.command LIKE ?4 ESCAPE '\'
                      OR s.account LIKE ?4 ESCAPE '\')
                 AND (NOT ?5 OR s.ended IS NOT NULL) AND (NOT ?6 OR s.recording <> 'off')
                 AND (?7 IS NULL OR s.uid < ?7)
               ORDER BY s.uid DESC LIMIT ?8"#,
            uid,
            owner,
            filter.username,
            text,
            filter.ended,
            filter.recorded,
            before,
            filter.limit
        );
        let rows = rows.fetch_all(&self.reader).await?.into_iter();
        Ok(rows
            .map(|row| Session {
                opened: Opened {
                    uid: row.uid.parse().unwrap_or_default(),
                    node: row.node.and_then(|node| node.parse().ok()),
                    name: row.name,
                    owner: row.owner.and_then(|owner| owner.parse().ok()),
                    account: row.account,
                    command: serde_json::from_str(&row.command).unwrap_or_default(),
                    size: small(row.cols).zip(small(row.rows)),
                    created: from_row(row.created),
                    recording: RecordingState::read(&row.recording),
                },
                owner: row.owner_id.zip(row.owner_name).map(|(id, username)| Owner { id, username }),
                server: row.server_id.zip(row.server_name),
                environment: serde_json::from_str(&row.environment).unwrap_or_default(),
                ended: row.ended.map(|at| End {
                    at: from_row(at),
                    exit: small(row.exit_code).map(|code| Exit { code, signal: small(row.exit_signal) }),
                    reason: row.reason.unwrap_or_default(),
                    bytes: small(row.bytes),
                }),
            })
            .collect())
    }

    /// # Errors
    /// `Query`.
    pub async fn session(&self, uid: Uuid) -> Result<Option<Session>, Error> {
        let filter = SessionFilter { uid: Some(uid), limit: 1, ..SessionFilter::default() };
        Ok(self.sessions(&filter).await?.pop())
    }

    /// Events of one session, oldest first, from behind `after` on.
    ///
    /// # Errors
    /// `Query`.
    pub async fn session_events(&self, uid: Uuid, after: i64, limit: u32) -> Result<Vec<Event>, Error> {
        let uid = uid.to_string();
        let rows = sqlx::query!(
            "SELECT id, type AS kind, data, at FROM session_events WHERE session = ? AND id > ? ORDER BY id LIMIT ?",
            uid,
            after,
            limit
        );
        let rows = rows.fetch_all(&self.reader).await?.into_iter();
        Ok(rows
            .map(|row| Event {
                id: row.id,
                kind: row.kind,
                data: serde_json::from_str(&row.data).unwrap_or_default(),
                at: from_row(row.at),
            })
            .collect())
    }

    /// Those whose end is not known.
    ///
    /// # Errors
    /// `Query`.
    pub async fn open_sessions(&self) -> Result<Vec<Uuid>, Error> {
        let rows = sqlx::query_scalar!("SELECT uid FROM sessions WHERE ended IS NULL");
        let rows = rows.fetch_all(&self.writer).await?;
        Ok(rows.iter().filter_map(|uid| uid.parse().ok()).collect())
    }

    /// Every session that is remembered.
    ///
    /// # Errors
    /// `Query`.
    pub async fn session_uids(&self) -> Result<HashSet<Uuid>, Error> {
        let rows = sqlx::query_scalar!("SELECT uid FROM sessions").fetch_all(&self.reader).await?;
        Ok(rows.iter().filter_map(|uid| uid.parse().ok()).collect())
    }

    /// Forgets events before `before` of sessions that have ended, and what is more than `most` of one
    /// that runs. Returns how many are gone.
    ///
    /// # Errors
    /// `DiskFull`, `ReadOnly`, `Query`.
    pub async fn forget_events(&self, before: Timestamp, most: u32) -> Result<u64, Error> {
        let before = to_row(before);
        let old = sqlx::query!(
            "DELETE FROM session_events WHERE at < ?
             AND session IN (SELECT uid FROM sessions WHERE ended IS NOT NULL)",
            before
        );
        let old = old.execute(&self.writer).await?.rows_affected();
        let many = sqlx::query!(
            "DELETE FROM session_events WHERE id IN (
                 SELECT id FROM (SELECT id, row_number() OVER (PARTITION BY session ORDER BY id DESC) AS place
                                 FROM session_events) WHERE place > ?)",
            most
        );
        Ok(old + many.execute(&self.writer).await?.rows_affected())
    }

    /// Those that ended before `before`, oldest first, from behind `after` on.
    ///
    /// # Errors
    /// `Query`.
    pub async fn sessions_ended_before(
        &self,
        before: Timestamp,
        after: Option<Uuid>,
        limit: u32,
    ) -> Result<Vec<Uuid>, Error> {
        let (before, after) = (to_row(before), after.map(|uid| uid.to_string()).unwrap_or_default());
        let rows = sqlx::query_scalar!(
            "SELECT uid FROM sessions WHERE ended < ? AND uid > ? ORDER BY uid LIMIT ?",
            before,
            after,
            limit
        );
        let rows = rows.fetch_all(&self.reader).await?;
        Ok(rows.iter().filter_map(|uid| uid.parse().ok()).collect())
    }

    /// Forgets a session and its events.
    ///
    /// # Errors
    /// `DiskFull`, `ReadOnly`, `Query`.
    pub async fn forget_session(&self, uid: Uuid) -> Result<(), Error> {
        let uid = uid.to_string();
        sqlx::query!("DELETE FROM sessions WHERE uid = ?", uid).execute(&self.writer).await?;
        Ok(())
    }
}

#[cfg(test)]
mod tests;
