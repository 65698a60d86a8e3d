//! The servers of an earlier program's database, `infini.db` (SQLite): read, never written.

use std::path::Path;

use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{ConnectOptions, Connection, Row};

use crate::Error;

/// One of its servers, as it stands there.
#[derive(Clone, PartialEq, Eq)]
pub struct InfiniServer {
    pub id: i64,
    pub name: String,
    pub host: String,
    pub port: Option<i64>,
    pub username: Option<String>,
    /// In clear: that is how it was kept.
    pub password: Option<String>,
    pub agent_port: Option<i64>,
    pub brand_id: Option<i64>,
    /// Of `accelerator_cards`.
    pub accelerator_id: Option<i64>,
}

/// What such a database holds.
#[derive(Clone, PartialEq, Eq)]
pub struct Infini {
    pub servers: Vec<InfiniServer>,
    /// Rows of its other tables, by their names.
    pub others: Vec<(&'static str, i64)>,
    /// Names of uploaded files that its brands and models show, each once.
    pub pictures: Vec<String>,
}

/// Its other tables.
const OTHERS: [&str; 6] = ["brands", "accelerator_cards", "models", "services", "tasks", "chat_history"];

/// # Errors
/// `Open`, `Query`: the file is no such database.
pub async fn read_infini(path: &Path) -> Result<Infini, Error> {
    let options = SqliteConnectOptions::new().filename(path).read_only(true).create_if_missing(false);
    let opened = options.connect().await;
    let mut file = opened.map_err(|source| Error::Open { path: path.to_owned(), source })?;
    let read = read_all(&mut file).await;
    // Nothing was written: nothing can be lost.
    file.close().await.ok();
    read
}

async fn read_all(file: &mut SqliteConnection) -> Result<Infini, Error> {
    // Its columns have no strict types: a port may be a text.
    let rows = sqlx::query(
        "SELECT id, CAST(name AS TEXT) AS name, CAST(host_ip AS TEXT) AS host, CAST(port AS INTEGER) AS port,
                CAST(username AS TEXT) AS username, CAST(password AS TEXT) AS password,
                CAST(agent_port AS INTEGER) AS agent_port, CAST(brand_id AS INTEGER) AS brand_id,
                CAST(model_id AS INTEGER) AS accelerator_id
         FROM servers ORDER BY id",
    )
    .fetch_all(&mut *file)
    .await?;
    let mut servers = Vec::with_capacity(rows.len());
    for row in rows {
        servers.push(InfiniServer {
            id: row.try_get("id")?,
            name: row.try_get("name")?,
            host: row.try_get("host")?,
            port: row.try_get("port")?,
            username: row.try_get("username")?,
            password: row.try_get("password")?,
            agent_port: row.try_get("agent_port")?,
            brand_id: row.try_get("brand_id")?,
            accelerator_id: row.try_get("accelerator_id")?,
        });
    }
    let mut others = Vec::new();
    for table in OTHERS {
        let named = sqlx::query("SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = ?").bind(table);
        if named.fetch_optional(&mut *file).await?.is_some() {
            let count = count(table);
            others.push((table, sqlx::query_scalar(count).fetch_one(&mut *file).await?));
        }
    }
    let mut pictures = Vec::new();
    for (named, wanted) in LOGOS {
        if sqlx::query(named).fetch_optional(&mut *file).await?.is_some() {
            let logos: Vec<String> = sqlx::query_scalar(wanted).fetch_all(&mut *file).await?;
            pictures.extend(logos.iter().filter_map(|logo| picture(logo)));
        }
    }
    pictures.sort_unstable();
    pictures.dedup();
    Ok(Infini { servers, others, pictures })
}

/// The name of an uploaded file in the address that shows it; a picture elsewhere is none.
fn picture(logo: &str) -> Option<String> {
    let (_, name) = logo.split_once("/api/uploads/")?;
    Some(name.to_owned()).filter(|name| !name.is_empty() && !name.contains(['/', '\\']))
}

/// Whether a table has pictures (early versions had none), and which.
const LOGOS: [(&str, &str); 2] = [
    (
        "SELECT 1 FROM pragma_table_info('brands') WHERE name = 'logo'",
        "SELECT CAST(logo AS TEXT) FROM brands WHERE logo IS NOT NULL",
    ),
    (
        "SELECT 1 FROM pragma_table_info('models') WHERE name = 'logo'",
        "SELECT CAST(logo AS TEXT) FROM models WHERE logo IS NOT NULL",
    ),
];

/// A table cannot be a parameter.
fn count(table: &str) -> &'static str {
    match table {
        "brands" => "SELECT count(*) FROM brands",
        "accelerator_cards" => "SELECT count(*) FROM accelerator_cards",
        "models" => "SELECT count(*) FROM models",
        "services" => "SELECT count(*) FROM services",
        "tasks" => "SELECT count(*) FROM tasks",
        _ => "SELECT count(*) FROM chat_history",
    }
}
