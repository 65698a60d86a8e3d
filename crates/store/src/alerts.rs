//! What somebody has to be told.

use jiff::Timestamp;
use serde_json::{Map, Value};
use sqlx::SqliteConnection;
use uuid::Uuid;

use crate::sessions::json;
use crate::time::{from_row, to_row};
use crate::{Error, Store};

/// How much it matters, least first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    Info,
    Warning,
    Critical,
}

impl Severity {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Info => "info",
            Self::Warning => "warning",
            Self::Critical => "critical",
        }
    }

    /// What the schema does not allow to be anything else.
    fn read(text: &str) -> Self {
        [Self::Info, Self::Warning]
            .into_iter()
            .find(|severity| severity.as_str() == text)
            .unwrap_or(Self::Critical)
    }
}

#[derive(Debug, Clone, PartialEq)]
pub struct Alert {
    /// Given by the database.
    pub id: i64,
    pub at: Timestamp,
    pub kind: String,
    pub severity: Severity,
    pub session: Option<Uuid>,
    pub data: Map<String, Value>,
}

struct Row {
    id: i64,
    at: i64,
    kind: String,
    severity: String,
    session: Option<String>,
    data: String,
}

impl From<Row> for Alert {
    fn from(row: Row) -> Self {
        Self {
            id: row.id,
            at: from_row(row.at),
            kind: row.kind,
            severity: Severity::read(&row.severity),
            session: row.session.and_then(|uid| uid.parse().ok()),
            data: serde_json::from_str(&row.data).unwrap_or_default(),
        }
    }
}

/// Returns its number.
pub(crate) async fn add(work: &mut SqliteConnection, alert: &Alert) -> Result<i64, Error> {
    let (at, severity, data) = (to_row(alert.at), alert.severity.as_str(), json(&alert.data));
    let session = alert.session.map(|uid| uid.to_string());
    let added = sqlx::query!(
        "INSERT INTO alerts (at, kind, severity, session, data) VALUES (?, ?, ?, ?, ?)",
        at,
        alert.kind,
        severity,
        session,
        data
    );
    Ok(added.execute(work).await?.last_insert_rowid())
}

impl Store {
    /// Returns its number.
    ///
    /// # Errors
    /// `DiskFull`, `ReadOnly`, `Query`.
    pub async fn add_alert(&self, alert: &Alert) -> Result<i64, Error> {
        let mut work = self.begin().await?;
        let id = add(&mut work, alert).await?;
        work.commit().await?;
        Ok(id)
    }

    /// Newest first, from below `before` on.
    ///
    /// # Errors
    /// `Query`.
    pub async fn alerts(&self, before: Option<i64>, limit: u32) -> Result<Vec<Alert>, Error> {
        let before = before.unwrap_or(i64::MAX);
        let rows = sqlx::query_as!(
            Row,
            "SELECT id, at, kind, severity, session, data FROM alerts WHERE id < ? ORDER BY id DESC LIMIT ?",
            before,
            limit
        );
        Ok(rows.fetch_all(&self.reader).await?.into_iter().map(Alert::from).collect())
    }

    /// Oldest first, from behind `after` on.
    ///
    /// # Errors
    /// `Query`.
    pub async fn alerts_after(&self, after: i64, limit: u32) -> Result<Vec<Alert>, Error> {
        let rows = sqlx::query_as!(
            Row,
            "SELECT id, at, kind, severity, session, data FROM alerts WHERE id > ? ORDER BY id LIMIT ?",
            after,
            limit
        );
        Ok(rows.fetch_all(&self.reader).await?.into_iter().map(Alert::from).collect())
    }

    /// The number of the last alert; 0 without any.
    ///
    /// # Errors
    /// `Query`.
    pub async fn last_alert(&self) -> Result<i64, Error> {
        let last = sqlx::query_scalar!(r#"SELECT max(id) AS "last: i64" FROM alerts"#);
        Ok(last.fetch_one(&self.writer).await?.unwrap_or(0))
    }

    /// The last alert that was sent to `name`; none when nothing ever was.
    ///
    /// # Errors
    /// `Query`.
    pub async fn alert_place(&self, name: &str) -> Result<Option<i64>, Error> {
        let last = sqlx::query_scalar!("SELECT last FROM alert_places WHERE name = ?", name);
        Ok(last.fetch_optional(&self.writer).await?)
    }

    /// # Errors
    /// `DiskFull`, `ReadOnly`, `Query`.
    pub async fn set_alert_place(&self, name: &str, last: i64) -> Result<(), Error> {
        sqlx::query!(
            "INSERT INTO alert_places (name, last) VALUES (?1, ?2) ON CONFLICT (name) DO UPDATE SET last = ?2",
            name,
            last
        )
        .execute(&self.writer)
        .await?;
        Ok(())
    }

    /// Forgets alerts before `before`, and what is more than `most`. Returns how many are gone.
    ///
    /// # Errors
    /// `DiskFull`, `ReadOnly`, `Query`.
    pub async fn forget_alerts(&self, before: Timestamp, most: u32) -> Result<u64, Error> {
        let before = to_row(before);
        let gone = sqlx::query!(
            "DELETE FROM alerts WHERE at < ?1 OR id <= (SELECT max(id) FROM alerts) - ?2",
            before,
            most
        );
        Ok(gone.execute(&self.writer).await?.rows_affected())
    }
}
