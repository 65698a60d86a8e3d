//! Commands that wait for a second person, and what became of them.

use jiff::Timestamp;
use serde_json::{Map, Value};
use sqlx::SqliteConnection;
use uuid::Uuid;

use crate::sessions::json;
use crate::time::{from_row, to_row};
use crate::{Error, Store};

/// What became of a review.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReviewState {
    Open,
    Approved,
    Refused,
    /// Nobody decided in time.
    Expired,
    /// Who asked gave it up, or the session is gone.
    Cancelled,
}

impl ReviewState {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Approved => "approved",
            Self::Refused => "refused",
            Self::Expired => "expired",
            Self::Cancelled => "cancelled",
        }
    }

    /// The state of that name.
    pub fn parse(word: &str) -> Option<Self> {
        [Self::Open, Self::Approved, Self::Refused, Self::Expired, Self::Cancelled]
            .into_iter()
            .find(|state| state.as_str() == word)
    }
}

/// Which reviews.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Which {
    Any,
    Open,
    Closed,
}

impl Which {
    fn open(self) -> Option<bool> {
        match self {
            Self::Any => None,
            Self::Open => Some(true),
            Self::Closed => Some(false),
        }
    }
}

/// One command that waits, or waited.
#[derive(Debug, Clone, PartialEq)]
pub struct Review {
    pub uid: Uuid,
    pub session: Uuid,
    /// Of exactly what runs when it is approved.
    pub hash: String,
    pub opened: Timestamp,
    /// When it is refused without anybody's word.
    pub expires: Option<Timestamp>,
    /// `uid` of the person whose command it is.
    pub opener: Option<Uuid>,
    /// What waits: `argv`, `exe`, `cwd`, `line`, `rule`.
    pub data: Map<String, Value>,
    pub decision: Decision,
}

/// How it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decision {
    pub state: ReviewState,
    pub closed: Option<Timestamp>,
    /// A user name.
    pub by: Option<String>,
    pub reason: Option<String>,
}

impl Decision {
    /// Nobody has decided yet.
    pub fn open() -> Self {
        Self { state: ReviewState::Open, closed: None, by: None, reason: None }
    }
}

struct Row {
    uid: String,
    session: String,
    hash: String,
    state: String,
    opened: i64,
    expires: Option<i64>,
    closed: Option<i64>,
    opener: Option<String>,
    reviewer: Option<String>,
    reason: Option<String>,
    data: String,
}

impl From<Row> for Review {
    fn from(row: Row) -> Self {
        Self {
            uid: row.uid.parse().unwrap_or_default(),
            session: row.session.parse().unwrap_or_default(),
            hash: row.hash,
            opened: from_row(row.opened),
            expires: row.expires.map(from_row),
            opener: row.opener.and_then(|uid| uid.parse().ok()),
            data: serde_json::from_str(&row.data).unwrap_or_default(),
            decision: Decision {
                // What the schema does not allow to be anything else.
                state: ReviewState::parse(&row.state).unwrap_or(ReviewState::Cancelled),
                closed: row.closed.map(from_row),
                by: row.reviewer,
                reason: row.reason,
            },
        }
    }
}

/// Told twice is told once. Whose it is says the session, where the log does not.
pub(crate) async fn open(work: &mut SqliteConnection, review: &Review) -> Result<(), Error> {
    let (uid, session, data) = (review.uid.to_string(), review.session.to_string(), json(&review.data));
    let (opened, expires) = (to_row(review.opened), review.expires.map(to_row));
    let opener = review.opener.map(|uid| uid.to_string());
    sqlx::query!(
        "INSERT INTO reviews (uid, session, hash, state, opened, expires, opener, data)
         VALUES (?1, ?2, ?3, 'open', ?4, ?5, coalesce(?6, (SELECT owner FROM sessions WHERE uid = ?2)), ?7)
         ON CONFLICT (uid) DO NOTHING",
        uid,
        session,
        review.hash,
        opened,
        expires,
        opener,
        data
    )
    .execute(work)
    .await?;
    Ok(())
}

/// The first decision stays.
pub(crate) async fn close(work: &mut SqliteConnection, uid: Uuid, decision: &Decision) -> Result<(), Error> {
    let (uid, state, closed) = (uid.to_string(), decision.state.as_str(), decision.closed.map(to_row));
    sqlx::query!(
        "UPDATE reviews SET state = ?2, closed = ?3, reviewer = coalesce(?4, reviewer), reason = coalesce(?5, reason)
         WHERE uid = ?1 AND state = 'open'",
        uid,
        state,
        closed,
        decision.by,
        decision.reason
    )
    .execute(work)
    .await?;
    Ok(())
}

/// With a session go the commands in it that wait.
pub(crate) async fn close_of(work: &mut SqliteConnection, session: Uuid, at: Timestamp) -> Result<(), Error> {
    let (session, at) = (session.to_string(), to_row(at));
    sqlx::query!(
        "UPDATE reviews SET state = 'cancelled', closed = ?2 WHERE session = ?1 AND state = 'open'",
        session,
        at
    )
    .execute(work)
    .await?;
    Ok(())
}

impl Store {
    /// Newest first, from below `before` on (their uids begin with the time); of one person where they are given.
    ///
    /// # Errors
    /// `Query`.
    pub async fn reviews(
        &self,
        which: Which,
        opener: Option<Uuid>,
        (before, limit): (Option<Uuid>, u32),
    ) -> Result<Vec<Review>, Error> {
        let (open, opener) = (which.open(), opener.map(|uid| uid.to_string()));
        let before = before.map(|uid| uid.to_string());
        let rows = sqlx::query_as!(
            Row,
            "SELECT uid, session, hash, state, opened, expires, closed, opener, reviewer, reason, data FROM reviews
             WHERE (?1 IS NULL OR (state = 'open') = ?1) AND (?2 IS NULL OR opener = ?2) AND (?3 IS NULL OR uid < ?3)
             ORDER BY uid DESC LIMIT ?4",
            open,
            opener,
            before,
            limit
        );
        Ok(rows.fetch_all(&self.writer).await?.into_iter().map(Review::from).collect())
    }

    /// # Errors
    /// `Query`.
    pub async fn review(&self, uid: Uuid) -> Result<Option<Review>, Error> {
        let uid = uid.to_string();
        let row = sqlx::query_as!(
            Row,
            "SELECT uid, session, hash, state, opened, expires, closed, opener, reviewer, reason, data FROM reviews
             WHERE uid = ?",
            uid
        );
        Ok(row.fetch_optional(&self.writer).await?.map(Review::from))
    }

    /// Forgets reviews that were closed before `before`. Returns how many are gone.
    ///
    /// # Errors
    /// `DiskFull`, `ReadOnly`, `Query`.
    pub async fn forget_reviews(&self, before: Timestamp) -> Result<u64, Error> {
        let before = to_row(before);
        let gone = sqlx::query!("DELETE FROM reviews WHERE closed < ?", before);
        Ok(gone.execute(&self.writer).await?.rows_affected())
    }
}
