//! Where this account is logged in: `credentials.toml` in the configuration directory, mode 0600.

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions, Permissions};
use std::io::{ErrorKind, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::PathBuf;

use anyhow::{Context, anyhow};
use serde::{Deserialize, Serialize};

use crate::cli::exit::Failure;

const FILE: &str = "credentials.toml";
const HEAD: &str = "# Made by `bastide login`. Whoever reads this file can do what you can do.\n";
/// Every right of group and others.
const OTHERS: u32 = 0o077;

#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Accounts {
    /// The address that commands use which name none.
    pub(super) default: Option<String>,
    /// By address: `https://host:port`.
    pub(super) server: BTreeMap<String, Account>,
}

#[derive(Clone, Serialize, Deserialize)]
pub(super) struct Account {
    pub(super) username: String,
    /// The token's id on the server; it opens nothing.
    pub(super) token_id: Option<String>,
    pub(super) token: String,
    #[serde(flatten)]
    pub(super) trust: Trust,
}

/// Why the server is believed to be itself. Neither: somebody whom this machine trusts says so.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Trust {
    /// SHA-256 of its certificate.
    pub(super) fingerprint: Option<String>,
    /// File with the certificates of those who may vouch for it.
    pub(super) ca: Option<PathBuf>,
}

impl std::fmt::Debug for Account {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Account").field("username", &self.username).finish_non_exhaustive()
    }
}

impl Accounts {
    pub(super) fn path() -> Result<PathBuf, Failure> {
        Ok(bastide_rt::paths::config_dir().context("no directory for logins")?.join(FILE))
    }

    /// Empty where nobody has logged in yet.
    pub(super) fn read() -> Result<Self, Failure> {
        let path = Self::path()?;
        let text = match fs::read_to_string(&path) {
            Err(e) if e.kind() == ErrorKind::NotFound => return Ok(Self::default()),
            read => read.with_context(|| format!("cannot read {}", path.display()))?,
        };
        let mode = fs::metadata(&path).map(|meta| meta.mode()).unwrap_or_default();
        if mode & OTHERS != 0 {
            return Err(Failure::text(format!(
                "{} may be read by others (mode {:o}): run chmod 600, and `bastide login` again if somebody has",
                path.display(),
                mode & 0o777
            )));
        }
        // The parser's own message quotes lines of the file.
        let read = toml::from_str(&text).map_err(|e: toml::de::Error| {
            let line = 1 + text[..e.span().map_or(0, |span| span.start)].matches('\n').count();
            anyhow!("{}:{line}: {}", path.display(), e.message())
        });
        Ok(read?)
    }

    /// Whole or not at all.
    pub(super) fn write(&self) -> Result<PathBuf, Failure> {
        let path = Self::path()?;
        let directory = path.parent().context("no directory for logins")?.to_owned();
        bastide_rt::paths::private_dir(&directory).context("no directory for logins")?;
        let text = format!("{HEAD}{}", toml::to_string(self).context("cannot write logins")?);
        let temporary = directory.join(format!(".{FILE}.{}", uuid::Uuid::new_v4().simple()));
        let written = || -> std::io::Result<()> {
            let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&temporary)?;
            file.set_permissions(Permissions::from_mode(0o600))?;
            file.write_all(text.as_bytes())?;
            file.sync_all()?;
            fs::rename(&temporary, &path)?;
            File::open(&directory)?.sync_all()
        };
        written().map_err(|e| {
            // The first error is the one to report.
            fs::remove_file(&temporary).ok();
            anyhow!("cannot write {}: {e}", path.display())
        })?;
        Ok(path)
    }
}
