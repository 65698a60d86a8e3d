//! Servers.

use std::collections::HashMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sqlx::SqliteConnection;

use crate::credentials::{self, NewCredential, Secrets};
use crate::time::{from_row, to_row};
use crate::{Error, Store};

/// What the last look at a server found.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ServerStatus {
    #[default]
    Unknown,
    Online,
    Offline,
}

impl ServerStatus {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::Online => "online",
            Self::Offline => "offline",
        }
    }

    fn read(text: &str) -> Self {
        match text {
            "online" => Self::Online,
            "offline" => Self::Offline,
            _ => Self::Unknown,
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Server {
    pub id: i64,
    pub settings: ServerSettings,
    pub status: ServerStatus,
    pub last_check: Option<Timestamp>,
    pub created: Timestamp,
}

/// What people decide about a server.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ServerSettings {
    pub name: String,
    /// A name to resolve or an address, without brackets.
    pub host: String,
    pub port: u16,
    pub platform: String,
    /// In order, each once.
    pub tags: Vec<String>,
    /// Where it stands in lists.
    pub group: Option<String>,
    pub notes: Option<String>,
    /// The server on the way to it.
    pub jump: Option<i64>,
    pub default_credential: Option<i64>,
    pub node: NodeSettings,
    pub ssh: SshSettings,
}

/// What its model services need; kept for older clients.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct NodeSettings {
    pub agent_port: Option<u16>,
    pub brand_id: Option<i64>,
    pub accelerator_id: Option<i64>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SshSettings {
    /// Old algorithms are offered too.
    pub legacy_algorithms: bool,
    pub agent_forwarding: bool,
    /// People may be asked whether an unknown host key is the right one.
    pub ask_host_key: bool,
}

impl Default for SshSettings {
    fn default() -> Self {
        Self { legacy_algorithms: false, agent_forwarding: false, ask_host_key: true }
    }
}

fn small(value: Option<i64>) -> Option<u16> {
    value.and_then(|value| u16::try_from(value).ok())
}

impl Store {
    /// Every server, by id.
    ///
    /// # Errors
    /// `Query`.
    pub async fn servers(&self) -> Result<Vec<Server>, Error> {
        let mut work = self.begin().await?;
        let mut tags: HashMap<i64, Vec<String>> = HashMap::new();
        let rows = sqlx::query!("SELECT server_id, tag FROM server_tags ORDER BY server_id, tag");
        for row in rows.fetch_all(&mut *work).await? {
            tags.entry(row.server_id).or_default().push(row.tag);
        }
        let rows = sqlx::query!(
            "SELECT id, name, host, port, platform, group_name, notes, jump_id, default_credential, agent_port,
                    brand_id, accelerator_id, legacy_algorithms, agent_forwarding, ask_host_key, status,
                    last_check, created
             FROM servers ORDER BY id"
        );
        let rows = rows.fetch_all(&mut *work).await?.into_iter();
        Ok(rows
            .map(|row| Server {
                id: row.id,
                settings: ServerSettings {
                    name: row.name,
                    host: row.host,
                    port: small(Some(row.port)).unwrap_or_default(),
                    platform: row.platform,
                    tags: tags.remove(&row.id).unwrap_or_default(),
                    group: row.group_name,
                    notes: row.notes,
                    jump: row.jump_id,
                    default_credential: row.default_credential,
                    node: NodeSettings {
                        agent_port: small(row.agent_port),
                        brand_id: row.brand_id,
                        accelerator_id: row.accelerator_id,
                    },
                    ssh: SshSettings {
                        legacy_algorithms: row.legacy_algorithms != 0,
                        agent_forwarding: row.agent_forwarding != 0,
                        ask_host_key: row.ask_host_key != 0,
                    },
                },
                status: ServerStatus::read(&row.status),
                last_check: row.last_check.map(from_row),
                created: from_row(row.created),
            })
            .collect())
    }

    /// With a credential of its own, where one is told: it becomes the default one.
    ///
    /// # Errors
    /// `Taken` with the name of either; `DiskFull`, `ReadOnly`, `Query`.
    pub async fn add_server(
        &self,
        settings: &ServerSettings,
        own: Option<OwnCredential<'_>>,
        created: Timestamp,
    ) -> Result<i64, Error> {
        let mut work = self.begin().await?;
        let settings = with_own(&mut work, settings, own, created).await?;
        let id = insert(&mut work, &settings, created).await?;
        work.commit().await?;
        Ok(id)
    }

    /// Several at once, or none.
    ///
    /// # Errors
    /// `Taken` with the name; `DiskFull`, `ReadOnly`, `Query`.
    pub async fn add_servers(
        &self,
        settings: &[ServerSettings],
        created: Timestamp,
    ) -> Result<Vec<i64>, Error> {
        let mut work = self.begin().await?;
        let mut ids = Vec::with_capacity(settings.len());
        for one in settings {
            ids.push(insert(&mut work, one, created).await?);
        }
        work.commit().await?;
        Ok(ids)
    }

    /// Sets everything that people decide. What was found at another address is forgotten. False when there
    /// is no such server.
    ///
    /// # Errors
    /// `Taken` with the name; `DiskFull`, `ReadOnly`, `Query`.
    pub async fn change_server(
        &self,
        id: i64,
        settings: &ServerSettings,
        own: Option<OwnCredential<'_>>,
        now: Timestamp,
    ) -> Result<bool, Error> {
        let mut work = self.begin().await?;
        let settings = with_own(&mut work, settings, own, now).await?;
        let found = update(&mut work, id, &settings).await?;
        if found {
            work.commit().await?;
        }
        Ok(found)
    }

    /// Its tags, host keys and grants go with it. False when there is no such server.
    ///
    /// # Errors
    /// `Query` also while it is the way to another one.
    pub async fn remove_server(&self, id: i64) -> Result<bool, Error> {
        let gone = sqlx::query!("DELETE FROM servers WHERE id = ?", id).execute(&self.writer).await?;
        Ok(gone.rows_affected() > 0)
    }

    /// Keeps what a look at a server found. False when there is no such server.
    ///
    /// # Errors
    /// `DiskFull`, `ReadOnly`, `Query`.
    pub async fn set_server_status(
        &self,
        id: i64,
        status: ServerStatus,
        at: Timestamp,
    ) -> Result<bool, Error> {
        let (status, at) = (status.as_str(), to_row(at));
        let set = sqlx::query!("UPDATE servers SET status = ?, last_check = ? WHERE id = ?", status, at, id);
        Ok(set.execute(&self.writer).await?.rows_affected() > 0)
    }
}

/// A credential that is written together with its server.
#[derive(Debug, Clone, Copy)]
pub struct OwnCredential<'a> {
    /// Written anew in the place of this one of this version; none is another one.
    pub replaces: Option<(i64, i64)>,
    pub new: &'a NewCredential,
    pub secrets: &'a Secrets,
}

/// The settings with the credential that was written.
async fn with_own(
    work: &mut SqliteConnection,
    settings: &ServerSettings,
    own: Option<OwnCredential<'_>>,
    now: Timestamp,
) -> Result<ServerSettings, Error> {
    let mut settings = settings.clone();
    if let Some(OwnCredential { replaces, new, secrets }) = own {
        let id = match replaces {
            // One that was changed meanwhile is not overwritten.
            Some(at) if credentials::update(work, at, new, secrets, now).await? => at.0,
            Some(_) => return Err(Error::ChangedMeanwhile),
            None => credentials::insert(work, new, secrets, now).await?,
        };
        settings.default_credential = Some(id);
    }
    Ok(settings)
}

fn taken(error: sqlx::Error, name: &str) -> Error {
    match error {
        sqlx::Error::Database(e) if e.is_unique_violation() => Error::Taken(name.to_owned()),
        other => other.into(),
    }
}

pub(crate) async fn insert(
    work: &mut SqliteConnection,
    settings: &ServerSettings,
    created: Timestamp,
) -> Result<i64, Error> {
    let ServerSettings { name, host, port, platform, tags, group, notes, jump, .. } = settings;
    let (node, ssh, created) = (settings.node, settings.ssh, to_row(created));
    let added = sqlx::query!(
        "INSERT INTO servers (name, host, port, platform, group_name, notes, jump_id, default_credential,
                              agent_port, brand_id, accelerator_id, legacy_algorithms, agent_forwarding,
                              ask_host_key, created)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        name,
        host,
        port,
        platform,
        group,
        notes,
        jump,
        settings.default_credential,
        node.agent_port,
        node.brand_id,
        node.accelerator_id,
        ssh.legacy_algorithms,
        ssh.agent_forwarding,
        ssh.ask_host_key,
        created
    );
    let added = added.execute(&mut *work).await.map_err(|e| taken(e, name))?;
    let id = added.last_insert_rowid();
    set_tags(work, id, tags).await?;
    Ok(id)
}

pub(crate) async fn update(
    work: &mut SqliteConnection,
    id: i64,
    settings: &ServerSettings,
) -> Result<bool, Error> {
    let ServerSettings { name, host, port, platform, tags, group, notes, jump, .. } = settings;
    let (node, ssh) = (settings.node, settings.ssh);
    let set = sqlx::query!(
        "UPDATE servers SET status = CASE WHEN host = ?2 AND port = ?3 THEN status ELSE 'unknown' END,
                name = ?1, host = ?2, port = ?3, platform = ?4, group_name = ?5, notes = ?6, jump_id = ?7,
                default_credential = ?8, agent_port = ?9, brand_id = ?10, accelerator_id = ?11,
                legacy_algorithms = ?12, agent_forwarding = ?13, ask_host_key = ?14
         WHERE id = ?15",
        name,
        host,
        port,
        platform,
        group,
        notes,
        jump,
        settings.default_credential,
        node.agent_port,
        node.brand_id,
        node.accelerator_id,
        ssh.legacy_algorithms,
        ssh.agent_forwarding,
        ssh.ask_host_key,
        id
    );
    let set = set.execute(&mut *work).await.map_err(|e| taken(e, name))?;
    if set.rows_affected() == 0 {
        return Ok(false);
    }
    set_tags(work, id, tags).await?;
    Ok(true)
}

async fn set_tags(work: &mut SqliteConnection, id: i64, tags: &[String]) -> Result<(), Error> {
    sqlx::query!("DELETE FROM server_tags WHERE server_id = ?", id).execute(&mut *work).await?;
    for tag in tags {
        sqlx::query!(
            "INSERT INTO server_tags (server_id, tag) VALUES (?, ?) ON CONFLICT DO NOTHING",
            id,
            tag
        )
        .execute(&mut *work)
        .await?;
    }
    Ok(())
}
