//! A directory of recordings, each named by a UUID.

use std::collections::HashMap;
use std::fs::{self, File};
use std::io::{self, BufReader};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use rustix::fs::{Mode, OFlags};
use uuid::Uuid;

use crate::cast::{Cast, Index};
use crate::error::ReadError;
use crate::header::Header;
use crate::read::Reader;

/// What follows the UUID in a file's name.
pub const SUFFIX: &str = ".cast.zst";

/// Recordings whose index is kept: those that people look at now. Each is 64 KB at most.
const MAX_INDEXES: usize = 64;

/// The file of a recording.
pub fn file_name(uid: Uuid) -> String {
    format!("{uid}{SUFFIX}")
}

/// Reads recordings of one directory. Only names made of a UUID are asked for, and only plain files
/// are opened: neither `..` nor a symbolic link leads out of it.
#[derive(Debug)]
pub struct Shelf {
    directory: PathBuf,
    indexes: Mutex<Indexes>,
}

/// One file of the directory, not looked into.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    pub uid: Uuid,
    /// Of the file.
    pub bytes: u64,
    pub modified: Option<SystemTime>,
}

#[derive(Debug, Default)]
struct Indexes {
    kept: HashMap<Uuid, Kept>,
    /// Counts uses, so that the one used longest ago is known.
    uses: u64,
}

#[derive(Debug)]
struct Kept {
    index: Arc<Index>,
    of: State,
    used: u64,
}

/// What tells one content of a file from another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct State {
    device: u64,
    inode: u64,
    bytes: u64,
    modified: (i64, i64),
}

impl State {
    fn read(about: &fs::Metadata) -> Self {
        Self {
            device: about.dev(),
            inode: about.ino(),
            bytes: about.size(),
            modified: (about.mtime(), about.mtime_nsec()),
        }
    }

    /// The same file, and longer: what was there is there still, for a recording is only appended to.
    fn grew_from(&self, before: &Self) -> bool {
        (self.device, self.inode) == (before.device, before.inode) && self.bytes > before.bytes
    }
}

impl Shelf {
    /// The directory need not be there yet.
    pub fn new(directory: impl Into<PathBuf>) -> Self {
        Self { directory: directory.into(), indexes: Mutex::default() }
    }

    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// Looks a recording up. It waits for the disk; the first time it steps through the whole file by
    /// the headers of its frames, later through what was appended.
    ///
    /// # Errors
    /// `Open`, [`ReadError::is_missing`] when there is none; `Storage`.
    pub fn cast(&self, uid: Uuid) -> Result<Cast, ReadError> {
        let (file, about) = self.open(uid)?;
        let state = State::read(&about);
        let known = self.known(uid, &state);
        let index = match known {
            Some((index, true)) => index,
            Some((index, false)) => self.extended(uid, (*index).clone(), (&file, state))?,
            None => self.extended(uid, Index::default(), (&file, state))?,
        };
        Ok(Cast::new(Arc::new(file), index, (state.bytes, about.modified().ok())))
    }

    /// The first line of a recording, and nothing else of it.
    ///
    /// # Errors
    /// As [`Shelf::cast`], and `Header`, `Damaged`, `Read`.
    pub fn header(&self, uid: Uuid) -> Result<Header, ReadError> {
        let (file, _) = self.open(uid)?;
        Ok(Reader::new(BufReader::new(file))?.header().clone())
    }

    /// Every recording by name; the order is the directory's.
    ///
    /// # Errors
    /// The directory cannot be read. One that is not there holds nothing.
    pub fn list(&self) -> io::Result<Vec<Found>> {
        let entries = match fs::read_dir(&self.directory) {
            Ok(entries) => entries,
            Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(e) => return Err(e),
        };
        let mut found = Vec::new();
        for entry in entries {
            let entry = entry?;
            let Some(uid) = entry.file_name().to_str().and_then(read_name) else { continue };
            // Of the link itself, were it one. One that has just gone is no recording any more.
            let Ok(about) = entry.metadata() else { continue };
            if about.is_file() {
                found.push(Found { uid, bytes: about.len(), modified: about.modified().ok() });
            }
        }
        Ok(found)
    }

    /// When files came to it or left it last; `None` while it is not there.
    pub fn changed(&self) -> Option<SystemTime> {
        fs::metadata(&self.directory).and_then(|about| about.modified()).ok()
    }

    /// A file as [`Shelf::list`] shows it.
    ///
    /// # Errors
    /// As [`Shelf::cast`].
    pub fn look(&self, uid: Uuid) -> Result<Found, ReadError> {
        let (_, about) = self.open(uid)?;
        Ok(Found { uid, bytes: about.len(), modified: about.modified().ok() })
    }

    fn open(&self, uid: Uuid) -> Result<(File, fs::Metadata), ReadError> {
        let path = self.directory.join(file_name(uid));
        let failed = |source: io::Error| ReadError::Open { path: path.clone(), source };
        // A pipe or a device in its place must not make us wait; a link is not followed.
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC | OFlags::NOCTTY;
        let file = rustix::fs::open(&path, flags, Mode::empty()).map_err(|e| failed(e.into()))?;
        let file = File::from(file);
        let about = file.metadata().map_err(failed)?;
        if about.is_file() {
            Ok((file, about))
        } else {
            Err(failed(io::Error::new(io::ErrorKind::NotFound, "not a plain file")))
        }
    }

    /// What is known of a file, and whether that is all of it.
    fn known(&self, uid: Uuid, state: &State) -> Option<(Arc<Index>, bool)> {
        let mut indexes = self.indexes.lock().unwrap_or_else(PoisonError::into_inner);
        indexes.uses += 1;
        let uses = indexes.uses;
        let kept = indexes.kept.get_mut(&uid)?;
        kept.used = uses;
        let all = kept.of == *state;
        (all || state.grew_from(&kept.of)).then(|| (Arc::clone(&kept.index), all))
    }

    fn extended(
        &self,
        uid: Uuid,
        mut index: Index,
        (file, state): (&File, State),
    ) -> Result<Arc<Index>, ReadError> {
        index.extend(file, state.bytes).map_err(|source| ReadError::Storage { source })?;
        let index = Arc::new(index);
        let mut indexes = self.indexes.lock().unwrap_or_else(PoisonError::into_inner);
        if indexes.kept.len() >= MAX_INDEXES
            && !indexes.kept.contains_key(&uid)
            && let Some(oldest) = indexes.kept.iter().min_by_key(|(_, kept)| kept.used).map(|(uid, _)| *uid)
        {
            indexes.kept.remove(&oldest);
        }
        let used = indexes.uses;
        indexes.kept.insert(uid, Kept { index: Arc::clone(&index), of: state, used });
        Ok(index)
    }

    #[cfg(test)]
    fn indexes(&self) -> usize {
        self.indexes.lock().unwrap_or_else(PoisonError::into_inner).kept.len()
    }
}

/// The UUID of a name, in the one spelling that is ours.
fn read_name(name: &str) -> Option<Uuid> {
    let uid: Uuid = name.strip_suffix(SUFFIX)?.parse().ok()?;
    (file_name(uid) == name).then_some(uid)
}

#[cfg(test)]
mod tests;
