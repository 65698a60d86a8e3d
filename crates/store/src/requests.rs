//! Requests for rights on a server.

use jiff::Timestamp;

use crate::rights::Rights;
use crate::time::{from_row, to_row};
use crate::{Error, Store};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RequestState {
    Open,
    Approved,
    Refused,
    Expired,
    Cancelled,
}

impl RequestState {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Approved => "approved",
            Self::Refused => "refused",
            Self::Expired => "expired",
            Self::Cancelled => "cancelled",
        }
    }

    /// What the schema does not allow to be anything else.
    fn read(text: &str) -> Self {
        [Self::Approved, Self::Refused, Self::Expired, Self::Cancelled]
            .into_iter()
            .find(|state| state.as_str() == text)
            .unwrap_or(Self::Open)
    }
}

/// Somebody asks for rights.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccessRequest {
    pub id: i64,
    pub user_id: i64,
    pub wanted: Wanted,
    pub created: Timestamp,
    /// Unanswered until then, it is over.
    pub expires: Timestamp,
    pub answer: Answer,
}

/// What is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wanted {
    /// As it was asked for.
    pub server_name: String,
    /// Which it is, if there is one.
    pub server_id: Option<i64>,
    pub rights: Rights,
    pub reason: String,
    pub until: Timestamp,
}

/// What was said to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    pub state: RequestState,
    pub at: Option<Timestamp>,
    /// A user name, as it was then.
    pub by: Option<String>,
    pub why: Option<String>,
    /// The grant that came of it.
    pub grant: Option<i64>,
}

impl Store {
    /// Its number. `None` when whoever asks is gone.
    ///
    /// # Errors
    /// `DiskFull`, `ReadOnly`, `Query`.
    pub async fn add_request(
        &self,
        user: i64,
        wanted: &Wanted,
        (created, expires): (Timestamp, Timestamp),
    ) -> Result<Option<i64>, Error> {
        let (rights, until) = (wanted.rights.to_string(), to_row(wanted.until));
        let (created, expires) = (to_row(created), to_row(expires));
        let added = sqlx::query!(
            "INSERT INTO access_requests (user_id, server_name, server_id, rights, reason, until, created, expires, state)
             VALUES (?, ?, ?, ?, ?, ?, ?, ?, 'open')",
            user,
            wanted.server_name,
            wanted.server_id,
            rights,
            wanted.reason,
            until,
            created,
            expires
        );
        match added.execute(&self.writer).await {
            Ok(done) => Ok(Some(done.last_insert_rowid())),
            Err(sqlx::Error::Database(e)) if e.is_foreign_key_violation() => Ok(None),
            Err(e) => Err(e.into()),
        }
    }

    /// Newest first, those before `before`; of one person, and only open ones, where that is asked.
    ///
    /// # Errors
    /// `Query`.
    pub async fn requests(
        &self,
        (user, open): (Option<i64>, bool),
        (before, limit): (Option<i64>, u32),
    ) -> Result<Vec<AccessRequest>, Error> {
        self.request_rows(None, (user, open), (before, limit)).await
    }

    /// # Errors
    /// `Query`.
    pub async fn request(&self, id: i64) -> Result<Option<AccessRequest>, Error> {
        Ok(self.request_rows(Some(id), (None, false), (None, 1)).await?.pop())
    }

    async fn request_rows(
        &self,
        id: Option<i64>,
        (user, open): (Option<i64>, bool),
        (before, limit): (Option<i64>, u32),
    ) -> Result<Vec<AccessRequest>, Error> {
        let rows = sqlx::query!(
            "SELECT id, user_id, server_name, server_id, rights, reason, until, created, expires, state, decided,
                    decided_by, decision, grant_id
             FROM access_requests
             WHERE (?1 IS NULL OR user_id = ?1) AND (NOT ?2 OR state = 'open') AND (?3 IS NULL OR id < ?3)
               AND (?4 IS NULL OR id = ?4)
             ORDER BY id DESC LIMIT ?5",
            user,
            open,
            before,
            id,
            limit
        );
        let rows = rows.fetch_all(&self.writer).await?.into_iter();
        Ok(rows
            .map(|row| AccessRequest {
                id: row.id,
                user_id: row.user_id,
                wanted: Wanted {
                    server_name: row.server_name,
                    server_id: row.server_id,
                    rights: Rights::read(&row.rights),
                    reason: row.reason,
                    until: from_row(row.until),
                },
                created: from_row(row.created),
                expires: from_row(row.expires),
                answer: Answer {
                    state: RequestState::read(&row.state),
                    at: row.decided.map(from_row),
                    by: row.decided_by,
                    why: row.decision,
                    grant: row.grant_id,
                },
            })
            .collect())
    }

    /// Closes one that is open, and makes its grant with it. The grant's number, where one was made; `None` when
    /// the request is not open any more, or what is granted is gone.
    ///
    /// # Errors
    /// `DiskFull`, `ReadOnly`, `Query`.
    pub async fn answer_request(
        &self,
        id: i64,
        answer: &Answer,
        grant: Option<&crate::Grant>,
    ) -> Result<Option<Option<i64>>, Error> {
        let mut work = self.begin().await?;
        let granted = match grant {
            Some(grant) => match crate::grants::insert(&mut work, grant).await? {
                Some(granted) => Some(granted),
                None => return Ok(None),
            },
            None => None,
        };
        let (state, at) = (answer.state.as_str(), answer.at.map(to_row));
        let done = sqlx::query!(
            "UPDATE access_requests SET state = ?, decided = ?, decided_by = ?, decision = ?, grant_id = ?
             WHERE id = ? AND state = 'open'",
            state,
            at,
            answer.by,
            answer.why,
            granted,
            id
        );
        if done.execute(&mut *work).await?.rows_affected() == 0 {
            return Ok(None);
        }
        work.commit().await?;
        Ok(Some(granted))
    }

    /// Closes the open ones whose time is over; how many.
    ///
    /// # Errors
    /// `DiskFull`, `ReadOnly`, `Query`.
    pub async fn expire_requests(&self, now: Timestamp) -> Result<u64, Error> {
        let now = to_row(now);
        let done = sqlx::query!(
            "UPDATE access_requests SET state = 'expired', decided = ?1 WHERE state = 'open' AND expires <= ?1",
            now
        );
        Ok(done.execute(&self.writer).await?.rows_affected())
    }
}
