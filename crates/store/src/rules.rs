//! Versions of the rule set: each is written once and stays.

use jiff::Timestamp;

use crate::time::{from_row, to_row};
use crate::{Error, Store};

/// A rule set as it was at one time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RuleVersion {
    /// Counts up from 1.
    pub version: i64,
    pub created: Timestamp,
    /// A user name, as it was then; none is the program itself.
    pub author: Option<String>,
    pub note: String,
    /// JSON.
    pub document: String,
    /// JSON.
    pub control: String,
    /// Hexadecimal.
    pub digest: String,
}

struct Row {
    version: i64,
    created: i64,
    author: Option<String>,
    note: String,
    document: String,
    control: String,
    digest: String,
}

impl From<Row> for RuleVersion {
    fn from(row: Row) -> Self {
        let Row { version, created, author, note, document, control, digest } = row;
        Self { version, created: from_row(created), author, note, document, control, digest }
    }
}

impl Store {
    /// The one that holds; none before the first start has written one.
    ///
    /// # Errors
    /// `Query`.
    pub async fn rules(&self) -> Result<Option<RuleVersion>, Error> {
        let row = sqlx::query_as!(
            Row,
            "SELECT version, created, author, note, document, control, digest FROM rule_versions
             ORDER BY version DESC LIMIT 1"
        );
        Ok(row.fetch_optional(&self.writer).await?.map(RuleVersion::from))
    }

    /// One version.
    ///
    /// # Errors
    /// `Query`.
    pub async fn rule_version(&self, version: i64) -> Result<Option<RuleVersion>, Error> {
        let row = sqlx::query_as!(
            Row,
            "SELECT version, created, author, note, document, control, digest FROM rule_versions
             WHERE version = ?",
            version
        );
        Ok(row.fetch_optional(&self.reader).await?.map(RuleVersion::from))
    }

    /// Newest first, from below `before` on; without the documents, which are large.
    ///
    /// # Errors
    /// `Query`.
    pub async fn rule_versions(&self, before: Option<i64>, limit: u32) -> Result<Vec<RuleVersion>, Error> {
        let before = before.unwrap_or(i64::MAX);
        let rows = sqlx::query_as!(
            Row,
            r#"SELECT version, created, author, note, '' AS "document!: String", '' AS "control!: String", digest
               FROM rule_versions WHERE version < ? ORDER BY version DESC LIMIT ?"#,
            before,
            limit
        );
        Ok(rows.fetch_all(&self.reader).await?.into_iter().map(RuleVersion::from).collect())
    }

    /// Writes the version that follows `known` (0: the first one), and says its number. `version` of `new` is
    /// not looked at.
    ///
    /// # Errors
    /// `ChangedMeanwhile` when another one holds than `known`; `DiskFull`, `ReadOnly`, `Query`.
    pub async fn add_rules(&self, known: i64, new: &RuleVersion) -> Result<i64, Error> {
        let created = to_row(new.created);
        let mut work = self.begin().await?;
        let last = sqlx::query_scalar!(r#"SELECT max(version) AS "last: i64" FROM rule_versions"#);
        if last.fetch_one(&mut *work).await?.unwrap_or(0) != known {
            return Err(Error::ChangedMeanwhile);
        }
        let added = sqlx::query!(
            "INSERT INTO rule_versions (created, author, note, document, control, digest) VALUES (?, ?, ?, ?, ?, ?)",
            created,
            new.author,
            new.note,
            new.document,
            new.control,
            new.digest
        );
        let version = added.execute(&mut *work).await?.last_insert_rowid();
        work.commit().await?;
        Ok(version)
    }
}

#[cfg(test)]
mod tests;
