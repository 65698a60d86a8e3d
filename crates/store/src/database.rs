//! Opening the file, and the two ways to it: one connection that writes, a few that read.

use std::path::Path;
use std::time::Duration;

use sqlx::migrate::{MigrateError, Migrator};
use sqlx::sqlite::{
    SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteSynchronous,
};
use sqlx::{Sqlite, Transaction};

use crate::Error;

static MIGRATIONS: Migrator = sqlx::migrate!("./migrations");

/// Reads are short; two of them keep both cores of a small machine busy. Each is a thread of SQLite.
const READERS: u32 = 2;
/// `bastide login-link` writes beside the server; nobody holds the file for longer.
const BUSY: Duration = Duration::from_secs(5);
/// A request that waits longer for a connection is better told so.
const ACQUIRE: Duration = Duration::from_secs(10);

/// Clones are the same database.
#[derive(Debug, Clone)]
pub struct Store {
    pub(crate) writer: SqlitePool,
    pub(crate) reader: SqlitePool,
}

impl Store {
    /// Opens the file, makes it where it is missing (mode 0600), and brings its schema up to date. A
    /// migration is one transaction: killed in it, the next start does it again.
    ///
    /// # Errors
    /// `Open`, `Newer`, `Migrate`, `DiskFull`, `ReadOnly`.
    pub async fn open(path: &Path) -> Result<Self, Error> {
        make_private(path)?;
        let options = SqliteConnectOptions::new()
            .filename(path)
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            // With WAL this survives kill -9; a commit is on the medium before it is answered.
            .synchronous(SqliteSynchronous::Full)
            .foreign_keys(true)
            .busy_timeout(BUSY)
            // What was removed is not left lying in free pages: sealed secrets under an old key, for one.
            .pragma("secure_delete", "ON")
            .optimize_on_close(true, None);
        let opened = |source| match Error::from(source) {
            Error::Query(source) => Error::Open { path: path.to_owned(), source },
            clear => clear,
        };
        let writer = SqlitePoolOptions::new()
            .max_connections(1)
            .acquire_timeout(ACQUIRE)
            .idle_timeout(None)
            .max_lifetime(None)
            .connect_with(options.clone())
            .await
            .map_err(opened)?;
        migrate(&writer, path).await?;
        let reader = SqlitePoolOptions::new()
            .max_connections(READERS)
            .acquire_timeout(ACQUIRE)
            .idle_timeout(None)
            .max_lifetime(None)
            .connect_with(options.read_only(true).create_if_missing(false))
            .await
            .map_err(opened)?;
        Ok(Self { writer, reader })
    }

    /// Whether a row can be read now.
    ///
    /// # Errors
    /// Why not.
    pub async fn check(&self) -> Result<(), Error> {
        sqlx::query_scalar!("SELECT count(*) FROM users").fetch_one(&self.reader).await?;
        Ok(())
    }

    /// A transaction that writes. It has the file's lock from its first statement: one that read first and
    /// then asked for it would be refused at once where another process has written in between, without
    /// the wait of [`BUSY`] (SQLite, "Write-Ahead Logging": SQLITE_BUSY_SNAPSHOT).
    pub(crate) async fn begin(&self) -> Result<Transaction<'static, Sqlite>, Error> {
        Ok(self.writer.begin_with("BEGIN IMMEDIATE").await?)
    }

    /// Waits for what is under way, then closes the file.
    pub async fn close(&self) {
        self.reader.close().await;
        self.writer.close().await;
    }
}

/// SQLite makes its files by the process's umask; ours are for their owner only.
fn make_private(path: &Path) -> Result<(), Error> {
    use std::os::unix::fs::OpenOptionsExt;
    let made = std::fs::OpenOptions::new().create(true).append(true).mode(0o600).open(path);
    made.map(drop).map_err(|e| Error::Open { path: path.to_owned(), source: sqlx::Error::Io(e) })
}

async fn migrate(writer: &SqlitePool, path: &Path) -> Result<(), Error> {
    let known = MIGRATIONS.iter().map(|migration| migration.version).max().unwrap_or_default();
    MIGRATIONS.run(writer).await.map_err(|error| match error {
        MigrateError::VersionMissing(found) | MigrateError::VersionTooNew(found, _) => {
            Error::Newer { path: path.to_owned(), found, known }
        }
        MigrateError::Execute(source) => match Error::from(source) {
            Error::Query(source) => Error::Migrate { path: path.to_owned(), why: source.to_string() },
            clear => clear,
        },
        other => Error::Migrate { path: path.to_owned(), why: other.to_string() },
    })
}
