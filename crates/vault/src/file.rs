//! A file with a master key, and its change to another.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

use crate::{Error, KeyId, MasterKey};

/// A key and some words about it.
pub(crate) const MAX_TEXT: u64 = 4096;

const WORDS: &str = "\
# The master key of a Bastide vault. Without it stored passwords and keys cannot be read again: keep a copy,
# apart from copies of the database.
";

/// Made whole or not at all, mode 0600.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyFile {
    path: PathBuf,
}

impl KeyFile {
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into() }
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    /// # Errors
    /// `KeyMissing` where there is no file; `KeyExposed` where others may write it; `KeyUnreadable`,
    /// `KeyMalformed`.
    pub fn read(&self) -> Result<MasterKey, Error> {
        let place = self.path.display().to_string();
        let file = match File::open(&self.path) {
            Ok(file) => file,
            Err(e) if e.kind() == io::ErrorKind::NotFound => return Err(Error::KeyMissing { place }),
            Err(source) => return Err(Error::KeyUnreadable { place, source }),
        };
        let mut text = Zeroizing::new(String::with_capacity(usize::try_from(MAX_TEXT).unwrap_or_default()));
        let mode = file.metadata().map(|about| about.mode() & 0o777);
        // Who may only read it is for its owner to decide: mounted secrets are often 0444.
        if let Ok(mode) = mode
            && mode & 0o022 != 0
        {
            return Err(Error::KeyExposed { path: self.path.clone(), mode });
        }
        match file.take(MAX_TEXT).read_to_string(&mut text) {
            Ok(_) => MasterKey::from_text(&text, &place),
            Err(source) => Err(Error::KeyUnreadable { place, source }),
        }
    }

    /// Whether others may read it, which is worth a word where we made it.
    pub fn others_may_read(&self) -> bool {
        fs::metadata(&self.path).is_ok_and(|about| about.mode() & 0o044 != 0)
    }

    /// Makes the file with a new key. Of two who try at once, one does.
    ///
    /// # Errors
    /// `KeyNotWritten`, also where there is a file already.
    pub fn create(&self) -> Result<MasterKey, Error> {
        let key = MasterKey::generate();
        self.write(&key)?;
        Ok(key)
    }

    /// # Errors
    /// `KeyNotWritten`, also where there is a file already.
    pub fn write(&self, key: &MasterKey) -> Result<(), Error> {
        let temporary = self.beside(&format!("tmp-{}", std::process::id()));
        let written = write_synced(&temporary, key)
            .and_then(|()| fs::hard_link(&temporary, &self.path))
            .and_then(|()| self.sync_directory());
        // Once it has its own name it needs no other; where it has not, it is of no use.
        fs::remove_file(&temporary).ok();
        written.map_err(|source| self.not_written(source))
    }

    /// Where the next key waits until everything is sealed under it.
    pub fn next(&self) -> Self {
        Self { path: self.beside("next") }
    }

    /// Removes what an earlier change that did not happen left.
    ///
    /// # Errors
    /// `KeyNotWritten`.
    pub fn remove_next(&self) -> Result<(), Error> {
        match fs::remove_file(&self.next().path) {
            Err(source) if source.kind() != io::ErrorKind::NotFound => Err(self.next().not_written(source)),
            _ => Ok(()),
        }
    }

    /// Puts the next key in the place of this one, which stays beside it under the name of its id: older copies
    /// of the database need it. Returns where it stays.
    ///
    /// # Errors
    /// `KeyNotWritten`; both are still there.
    pub fn adopt_next(&self, old: Option<KeyId>) -> Result<Option<PathBuf>, Error> {
        let kept = old.map(|id| self.beside(&format!("old-{id}")));
        let keep = |kept: &PathBuf| match fs::hard_link(&self.path, kept) {
            Err(e) if e.kind() != io::ErrorKind::AlreadyExists => Err(e),
            _ => Ok(()),
        };
        kept.as_ref()
            .map_or(Ok(()), keep)
            .and_then(|()| fs::rename(&self.next().path, &self.path))
            .and_then(|()| self.sync_directory())
            .map_err(|source| self.not_written(source))?;
        Ok(kept)
    }

    fn beside(&self, suffix: &str) -> PathBuf {
        let mut name = self.path.clone().into_os_string();
        name.push(".");
        name.push(suffix);
        name.into()
    }

    fn sync_directory(&self) -> io::Result<()> {
        let directory = self.path.parent().filter(|parent| !parent.as_os_str().is_empty());
        File::open(directory.unwrap_or(Path::new(".")))?.sync_all()
    }

    fn not_written(&self, source: io::Error) -> Error {
        Error::KeyNotWritten { path: self.path.clone(), source }
    }
}

fn write_synced(path: &Path, key: &MasterKey) -> io::Result<()> {
    // What a process that was killed left under this name.
    fs::remove_file(path).ok();
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    file.write_all(WORDS.as_bytes())?;
    file.write_all(key.to_text().as_bytes())?;
    file.write_all(b"\n")?;
    file.sync_all()
}
