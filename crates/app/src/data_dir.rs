//! The server's directory: 0700, every file in it 0600 and written whole or not at all.
//!
//! ```text
//! bastide.db      the database, with bastide.db-wal and bastide.db-shm while it is open
//! node            UUID of this machine in the log
//! server.sock     for `bastide login-link` beside a running server
//! vault.key       the master key of stored secrets, where no setting names another place
//! log/            the server's own log
//! ```

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use uuid::Uuid;

use crate::Error;

#[derive(Debug, Clone)]
pub struct DataDir {
    root: PathBuf,
}

impl DataDir {
    /// Makes the directory where it is missing, and refuses one that others may read or that
    /// belongs to somebody else.
    ///
    /// # Errors
    /// `Storage` with the path and what failed.
    pub fn open(root: impl Into<PathBuf>) -> Result<Self, Error> {
        let root = root.into();
        private_directory(&root)?;
        let about = fs::metadata(&root).map_err(Error::file("cannot read", &root))?;
        let own = rustix::process::geteuid().as_raw();
        let fault = if about.uid() != own {
            Some(format!("it belongs to user {}, not to {own}", about.uid()))
        } else if about.mode() & 0o077 != 0 {
            Some(format!("others may enter it (mode {:o}); run chmod 700", about.mode() & 0o777))
        } else {
            None
        };
        if let Some(why) = fault {
            let source = io::Error::new(io::ErrorKind::PermissionDenied, why);
            return Err(Error::file("will not keep secrets in", root)(source));
        }
        Ok(Self { root })
    }

    pub fn root(&self) -> &Path {
        &self.root
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.root.join(name)
    }

    /// A directory inside, made where it is missing.
    pub(crate) fn directory(&self, name: &str) -> Result<PathBuf, Error> {
        let path = self.path(name);
        private_directory(&path)?;
        Ok(path)
    }

    /// The database's file.
    pub fn database(&self) -> PathBuf {
        self.path("bastide.db")
    }

    /// Whether a server has run here.
    pub fn is_set_up(&self) -> bool {
        self.database().exists()
    }

    /// The UUID that names this machine in the log; made on first use.
    pub fn node(&self) -> Result<Uuid, Error> {
        let path = self.path("node");
        match fs::read_to_string(&path) {
            Ok(text) => text.trim().parse().map_err(|e| {
                Error::file("cannot understand", &path)(io::Error::new(io::ErrorKind::InvalidData, e))
            }),
            Err(e) if e.kind() == io::ErrorKind::NotFound => {
                let node = Uuid::now_v7();
                write_private(&path, format!("{node}\n").as_bytes())?;
                Ok(node)
            }
            Err(e) => Err(Error::file("cannot read", &path)(e)),
        }
    }
}

fn private_directory(path: &Path) -> Result<(), Error> {
    fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(path)
        .map_err(Error::file("cannot create the directory", path))
}

/// Writes a file of mode 0600 that is there whole or not at all, also after a power loss.
pub(crate) fn write_private(path: &Path, bytes: &[u8]) -> Result<(), Error> {
    let failed = |e| Error::file("cannot write", path)(e);
    let directory = path.parent().expect("files of the data directory have a parent");
    let temporary = directory.join(format!(".{}.tmp", Uuid::new_v4().simple()));
    let written = write_synced(&temporary, bytes)
        .and_then(|()| fs::rename(&temporary, path))
        .and_then(|()| File::open(directory)?.sync_all());
    written.map_err(|e| {
        // What is left of it says nothing to anybody; the first error is the one to report.
        fs::remove_file(&temporary).ok();
        failed(e)
    })
}

fn write_synced(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    file.set_permissions(fs::Permissions::from_mode(0o600))?;
    file.write_all(bytes)?;
    file.sync_all()
}
