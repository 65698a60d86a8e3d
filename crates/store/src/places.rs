//! Which server a session is on.

use std::net::IpAddr;

use jiff::Timestamp;
use uuid::Uuid;

use crate::time::{from_row, to_row};
use crate::{Error, Store};

/// Where a session is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    pub session: Uuid,
    pub server_id: i64,
    /// As it was called when the session was opened.
    pub server_name: String,
    /// None for the server's default one.
    pub credential_id: Option<i64>,
    /// From where it was opened.
    pub address: Option<IpAddr>,
    pub created: Timestamp,
}

struct Row {
    session: String,
    server_id: i64,
    server_name: String,
    credential_id: Option<i64>,
    address: Option<String>,
    created: i64,
}

impl From<Row> for Place {
    fn from(row: Row) -> Self {
        let Row { session, server_id, server_name, credential_id, address, created } = row;
        let address = address.and_then(|text| text.parse().ok());
        let session = session.parse().unwrap_or_default();
        Self { session, server_id, server_name, credential_id, address, created: from_row(created) }
    }
}

impl Store {
    /// # Errors
    /// `DiskFull`, `ReadOnly`, `Query`.
    pub async fn add_place(&self, place: &Place) -> Result<(), Error> {
        let (session, created) = (place.session.to_string(), to_row(place.created));
        let address = place.address.map(|address| address.to_string());
        sqlx::query!(
            "INSERT INTO session_servers (session, server_id, server_name, credential_id, address, created)
             VALUES (?, ?, ?, ?, ?, ?)",
            session,
            place.server_id,
            place.server_name,
            place.credential_id,
            address,
            created
        )
        .execute(&self.writer)
        .await?;
        Ok(())
    }

    /// Of a session that did not come to be.
    ///
    /// # Errors
    /// `DiskFull`, `ReadOnly`, `Query`.
    pub async fn remove_place(&self, session: Uuid) -> Result<(), Error> {
        let session = session.to_string();
        sqlx::query!("DELETE FROM session_servers WHERE session = ?", session).execute(&self.writer).await?;
        Ok(())
    }

    /// # Errors
    /// `Query`.
    pub async fn place(&self, session: Uuid) -> Result<Option<Place>, Error> {
        let session = session.to_string();
        let row = sqlx::query_as!(
            Row,
            "SELECT session, server_id, server_name, credential_id, address, created
             FROM session_servers WHERE session = ?",
            session
        );
        Ok(row.fetch_optional(&self.reader).await?.map(Place::from))
    }

    /// Those of sessions whose end is not known.
    ///
    /// # Errors
    /// `Query`.
    pub async fn open_places(&self) -> Result<Vec<Place>, Error> {
        let rows = sqlx::query_as!(
            Row,
            "SELECT session, server_id, server_name, credential_id, address, session_servers.created
             FROM session_servers LEFT JOIN sessions ON sessions.uid = session_servers.session
             WHERE sessions.ended IS NULL"
        );
        Ok(rows.fetch_all(&self.reader).await?.into_iter().map(Place::from).collect())
    }
}
