//! Groups of people, and who may use which servers.

use jiff::Timestamp;

use crate::time::{from_row, to_row};
use crate::{Error, Store};

/// A group of people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Group {
    pub id: i64,
    pub name: String,
    /// Ids of users, in order.
    pub members: Vec<i64>,
    pub created: Timestamp,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Grantee {
    User(i64),
    Group(i64),
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum GrantTarget {
    Server(i64),
    Tag(String),
}

/// Somebody may use something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grant {
    pub id: i64,
    pub to: Grantee,
    pub on: GrantTarget,
    /// None is the server's default one, whichever that is.
    pub credential: Option<i64>,
    pub expires: Option<Timestamp>,
    pub created: Timestamp,
    /// A user name, as it was then.
    pub created_by: String,
}

/// What a changed group could fail with beside the database.
fn taken(error: sqlx::Error, name: &str) -> Error {
    match error {
        sqlx::Error::Database(e) if e.is_unique_violation() => Error::Taken(name.to_owned()),
        other => other.into(),
    }
}

impl Store {
    /// By id.
    ///
    /// # Errors
    /// `Query`.
    pub async fn groups(&self) -> Result<Vec<Group>, Error> {
        let mut work = self.begin().await?;
        let rows = sqlx::query!("SELECT id, name, created FROM groups ORDER BY id");
        let mut groups: Vec<_> = rows
            .fetch_all(&mut *work)
            .await?
            .into_iter()
            .map(|row| Group {
                id: row.id,
                name: row.name,
                members: Vec::new(),
                created: from_row(row.created),
            })
            .collect();
        let rows = sqlx::query!("SELECT group_id, user_id FROM group_members ORDER BY group_id, user_id");
        for row in rows.fetch_all(&mut *work).await? {
            if let Ok(place) = groups.binary_search_by_key(&row.group_id, |group| group.id) {
                groups[place].members.push(row.user_id);
            }
        }
        Ok(groups)
    }

    /// # Errors
    /// `Taken` with the name; `DiskFull`, `ReadOnly`, `Query`.
    pub async fn add_group(&self, name: &str, members: &[i64], created: Timestamp) -> Result<i64, Error> {
        let created = to_row(created);
        let mut work = self.begin().await?;
        let added = sqlx::query!("INSERT INTO groups (name, created) VALUES (?, ?)", name, created);
        let added = added.execute(&mut *work).await.map_err(|e| taken(e, name))?;
        let id = added.last_insert_rowid();
        set_members(&mut work, id, members).await?;
        work.commit().await?;
        Ok(id)
    }

    /// `None` stays as it is. False when there is no such group.
    ///
    /// # Errors
    /// `Taken` with the name; `DiskFull`, `ReadOnly`, `Query`.
    pub async fn change_group(
        &self,
        id: i64,
        name: Option<&str>,
        members: Option<&[i64]>,
    ) -> Result<bool, Error> {
        let mut work = self.begin().await?;
        let set = sqlx::query!("UPDATE groups SET name = coalesce(?, name) WHERE id = ?", name, id);
        let set = set.execute(&mut *work).await.map_err(|e| taken(e, name.unwrap_or_default()))?;
        if set.rows_affected() == 0 {
            return Ok(false);
        }
        if let Some(members) = members {
            set_members(&mut work, id, members).await?;
        }
        work.commit().await?;
        Ok(true)
    }

    /// Its grants go with it. False when there is no such group.
    ///
    /// # Errors
    /// `DiskFull`, `ReadOnly`, `Query`.
    pub async fn remove_group(&self, id: i64) -> Result<bool, Error> {
        let gone = sqlx::query!("DELETE FROM groups WHERE id = ?", id).execute(&self.writer).await?;
        Ok(gone.rows_affected() > 0)
    }

    /// By id, also those that have expired.
    ///
    /// # Errors
    /// `Query`.
    pub async fn grants(&self) -> Result<Vec<Grant>, Error> {
        let rows = sqlx::query!(
            "SELECT id, user_id, group_id, server_id, tag, credential_id, expires, created, created_by
             FROM grants ORDER BY id"
        );
        let rows = rows.fetch_all(&self.writer).await?.into_iter();
        Ok(rows
            .filter_map(|row| {
                Some(Grant {
                    id: row.id,
                    to: row.user_id.map(Grantee::User).or(row.group_id.map(Grantee::Group))?,
                    on: row.server_id.map(GrantTarget::Server).or(row.tag.map(GrantTarget::Tag))?,
                    credential: row.credential_id,
                    expires: row.expires.map(from_row),
                    created: from_row(row.created),
                    created_by: row.created_by,
                })
            })
            .collect())
    }

    /// `id` of `grant` is not looked at. `None` when what it names is gone.
    ///
    /// # Errors
    /// `DiskFull`, `ReadOnly`, `Query`.
    pub async fn add_grant(&self, grant: &Grant) -> Result<Option<i64>, Error> {
        let (user, group) = match grant.to {
            Grantee::User(id) => (Some(id), None),
            Grantee::Group(id) => (None, Some(id)),
        };
        let (server, tag) = match &grant.on {
            GrantTarget::Server(id) => (Some(*id), None),
            GrantTarget::Tag(tag) => (None, Some(tag)),
        };
        let (expires, created) = (grant.expires.map(to_row), to_row(grant.created));
        let added = sqlx::query!(
            "INSERT INTO grants (user_id, group_id, server_id, tag, credential_id, expires, created, created_by)
             VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            user,
            group,
            server,
            tag,
            grant.credential,
            expires,
            created,
            grant.created_by
        );
        match added.execute(&self.writer).await {
            Ok(done) => Ok(Some(done.last_insert_rowid())),
            Err(sqlx::Error::Database(e)) if e.is_foreign_key_violation() => Ok(None),
            Err(e) => Err(e.into()),
        }
    }

    /// False when there is no such grant.
    ///
    /// # Errors
    /// `DiskFull`, `ReadOnly`, `Query`.
    pub async fn remove_grant(&self, id: i64) -> Result<bool, Error> {
        let gone = sqlx::query!("DELETE FROM grants WHERE id = ?", id).execute(&self.writer).await?;
        Ok(gone.rows_affected() > 0)
    }
}

/// People who are gone are left out.
async fn set_members(work: &mut sqlx::SqliteConnection, id: i64, members: &[i64]) -> Result<(), Error> {
    sqlx::query!("DELETE FROM group_members WHERE group_id = ?", id).execute(&mut *work).await?;
    for user in members {
        sqlx::query!(
            "INSERT INTO group_members (group_id, user_id) SELECT ?, id FROM users WHERE id = ?
             ON CONFLICT DO NOTHING",
            id,
            user
        )
        .execute(&mut *work)
        .await?;
    }
    Ok(())
}
