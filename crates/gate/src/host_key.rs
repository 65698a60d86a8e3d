//! The door's own key: made at the first start, the same ever after.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use russh::keys::ssh_key::LineEnding;
use russh::keys::{Algorithm, HashAlg, PrivateKey, PublicKeyBase64};
use thiserror::Error;

/// Beside it, with `.pub`, lies what people put into their known_hosts.
const FILE: &str = "ssh_host_ed25519_key";
/// An ed25519 key file has some 400 bytes.
const MAX_FILE: u64 = 16 * 1024;

#[derive(Debug, Error)]
pub enum HostKeyError {
    #[error("cannot use the host key {path}: {source}", path = path.display())]
    File { path: PathBuf, source: io::Error },
    #[error("the host key {path} is none in OpenSSH's form without a passphrase", path = path.display())]
    Unreadable { path: PathBuf },
}

/// A private key, and its fingerprint.
#[derive(Clone)]
pub struct HostKey {
    key: PrivateKey,
}

impl std::fmt::Debug for HostKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("HostKey").field("fingerprint", &self.fingerprint()).finish_non_exhaustive()
    }
}

impl HostKey {
    /// Reads the key in this directory; makes one (ed25519, mode 0600) where there is none.
    ///
    /// # Errors
    /// The file cannot be read or written, or is no key.
    pub fn of(directory: &Path) -> Result<Self, HostKeyError> {
        let path = directory.join(FILE);
        let failed = |source| HostKeyError::File { path: path.clone(), source };
        match std::fs::metadata(&path) {
            Ok(about) if about.len() > MAX_FILE => Err(HostKeyError::Unreadable { path: path.clone() }),
            Ok(_) => {
                let text = zeroize::Zeroizing::new(std::fs::read_to_string(&path).map_err(failed)?);
                let key = PrivateKey::from_openssh(text.as_str()).ok().filter(|key| !key.is_encrypted());
                let key = key.ok_or_else(|| HostKeyError::Unreadable { path: path.clone() })?;
                Ok(Self { key })
            }
            Err(e) if e.kind() == io::ErrorKind::NotFound => {
                let made = Self::made();
                made.write(directory).map_err(failed)?;
                Ok(made)
            }
            Err(e) => Err(failed(e)),
        }
    }

    fn made() -> Self {
        let key = PrivateKey::random(&mut russh::keys::key::safe_rng(), Algorithm::Ed25519);
        Self { key: key.expect("an ed25519 key is 32 bytes of chance") }
    }

    /// There whole or not at all, also after a power loss.
    fn write(&self, directory: &Path) -> io::Result<()> {
        let text = self.key.to_openssh(LineEnding::LF).map_err(io::Error::other)?;
        let path = directory.join(FILE);
        std::fs::write(path.with_extension("pub"), format!("{}\n", self.line()))?;
        let half = directory.join(format!(".{FILE}.tmp"));
        // What an earlier start left half done.
        match std::fs::remove_file(&half) {
            Err(e) if e.kind() != io::ErrorKind::NotFound => return Err(e),
            _ => {}
        }
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&half)?;
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        std::fs::rename(&half, &path)?;
        File::open(directory)?.sync_all()
    }

    /// `SHA256:…`, as a client shows it at the first visit.
    pub fn fingerprint(&self) -> String {
        self.key.fingerprint(HashAlg::Sha256).to_string()
    }

    /// `algorithm base64`
    pub fn line(&self) -> String {
        format!("{} {}", self.key.algorithm(), self.key.public_key_base64())
    }

    pub(crate) fn key(&self) -> PrivateKey {
        self.key.clone()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn the_key_is_made_once_and_for_its_owner_only() {
        let dir = tempfile::tempdir().unwrap();
        let first = HostKey::of(dir.path()).unwrap();
        let path = dir.path().join(FILE);
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(HostKey::of(dir.path()).unwrap().fingerprint(), first.fingerprint());
        let public = std::fs::read_to_string(path.with_extension("pub")).unwrap();
        assert_eq!(public.trim(), first.line());
        std::fs::write(&path, "rubbish").unwrap();
        assert!(matches!(HostKey::of(dir.path()), Err(HostKeyError::Unreadable { .. })));
    }
}
