//! Groups of people, and who may use which servers.

use std::collections::HashMap;

use jiff::Timestamp;

use sqlx::SqliteConnection;

use crate::rights::Rights;
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

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Grantee {
    User(i64),
    Group(i64),
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum GrantTarget {
    Server(i64),
    Tag(String),
    /// Servers of a group of servers.
    Group(String),
    Everywhere,
}

/// What may be logged in with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Credentials {
    /// The server's default one, whichever that is.
    Default,
    /// These, in order.
    Listed(Vec<i64>),
    Any,
}

impl Credentials {
    fn as_str(&self) -> &'static str {
        match self {
            Self::Default => "default",
            Self::Listed(_) => "listed",
            Self::Any => "any",
        }
    }
}

/// When, and from where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Terms {
    /// A JSON array of windows of the week; empty is always.
    pub times: String,
    /// A JSON array of networks; empty is from anywhere.
    pub networks: String,
    pub expires: Option<Timestamp>,
}

impl Default for Terms {
    fn default() -> Self {
        Self { times: "[]".to_owned(), networks: "[]".to_owned(), expires: None }
    }
}

/// Somebody may do something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grant {
    pub id: i64,
    pub to: Grantee,
    pub on: GrantTarget,
    pub rights: Rights,
    pub credentials: Credentials,
    pub terms: Terms,
    /// The access request that it answers.
    pub request: Option<i64>,
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

/// What it is on: the schema lets one of them be something.
fn target(server: Option<i64>, tag: Option<String>, group: Option<String>) -> GrantTarget {
    match (server, tag, group) {
        (Some(id), _, _) => GrantTarget::Server(id),
        (_, Some(tag), _) => GrantTarget::Tag(tag),
        (_, _, Some(group)) => GrantTarget::Group(group),
        _ => GrantTarget::Everywhere,
    }
}

/// Inside somebody's transaction. `None` when what it names is gone; the transaction is then to be dropped.
pub(crate) async fn insert(work: &mut SqliteConnection, grant: &Grant) -> Result<Option<i64>, Error> {
    let (user, group) = match grant.to {
        Grantee::User(id) => (Some(id), None),
        Grantee::Group(id) => (None, Some(id)),
    };
    let (mut server, mut tag, mut server_group, mut everywhere) = (None, None, None, false);
    match &grant.on {
        GrantTarget::Server(id) => server = Some(*id),
        GrantTarget::Tag(name) => tag = Some(name),
        GrantTarget::Group(name) => server_group = Some(name),
        GrantTarget::Everywhere => everywhere = true,
    }
    let (rights, credentials) = (grant.rights.to_string(), grant.credentials.as_str());
    let (expires, created) = (grant.terms.expires.map(to_row), to_row(grant.created));
    let added = sqlx::query!(
        "INSERT INTO grants (user_id, group_id, server_id, tag, server_group, everywhere, rights, credentials,
                             times, networks, expires, request_id, created, created_by)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        user,
        group,
        server,
        tag,
        server_group,
        everywhere,
        rights,
        credentials,
        grant.terms.times,
        grant.terms.networks,
        expires,
        grant.request,
        created,
        grant.created_by
    );
    let id = match added.execute(&mut *work).await {
        Ok(done) => done.last_insert_rowid(),
        Err(sqlx::Error::Database(e)) if e.is_foreign_key_violation() => return Ok(None),
        Err(e) => return Err(e.into()),
    };
    if let Credentials::Listed(listed) = &grant.credentials {
        for credential in listed {
            sqlx::query!(
                "INSERT INTO grant_credentials (grant_id, credential_id) VALUES (?, ?) ON CONFLICT DO NOTHING",
                id,
                credential
            )
            .execute(&mut *work)
            .await?;
        }
    }
    Ok(Some(id))
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
        let mut work = self.begin().await?;
        let mut listed: HashMap<i64, Vec<i64>> = HashMap::new();
        let rows = sqlx::query!("SELECT grant_id, credential_id FROM grant_credentials ORDER BY 1, 2");
        for row in rows.fetch_all(&mut *work).await? {
            listed.entry(row.grant_id).or_default().push(row.credential_id);
        }
        let rows = sqlx::query!(
            "SELECT id, user_id, group_id, server_id, tag, server_group, rights, credentials, times, networks,
                    expires, request_id, created, created_by
             FROM grants ORDER BY id"
        );
        let rows = rows.fetch_all(&mut *work).await?.into_iter();
        Ok(rows
            .filter_map(|row| {
                Some(Grant {
                    id: row.id,
                    to: row.user_id.map(Grantee::User).or(row.group_id.map(Grantee::Group))?,
                    on: target(row.server_id, row.tag, row.server_group),
                    rights: Rights::read(&row.rights),
                    credentials: match row.credentials.as_str() {
                        "any" => Credentials::Any,
                        "listed" => Credentials::Listed(listed.remove(&row.id).unwrap_or_default()),
                        _ => Credentials::Default,
                    },
                    terms: Terms {
                        times: row.times,
                        networks: row.networks,
                        expires: row.expires.map(from_row),
                    },
                    request: row.request_id,
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
        let mut work = self.begin().await?;
        let added = insert(&mut work, grant).await?;
        work.commit().await?;
        Ok(added)
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

impl Store {
    /// Forgets the grants that were over before a time; how many there were.
    ///
    /// # Errors
    /// `DiskFull`, `ReadOnly`, `Query`.
    pub async fn forget_grants(&self, over_before: Timestamp) -> Result<u64, Error> {
        let before = to_row(over_before);
        let gone = sqlx::query!("DELETE FROM grants WHERE expires < ?", before);
        Ok(gone.execute(&self.writer).await?.rows_affected())
    }
}

/// People who are gone are left out.
async fn set_members(work: &mut SqliteConnection, id: i64, members: &[i64]) -> Result<(), Error> {
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
