//! The server's own log, and the inbox through which other processes of the same user write to it
//! while the server holds it.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use bastide_audit as audit;
use rustix::fs::inotify;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use tokio::io::unix::AsyncFd;
use uuid::Uuid;

use crate::data_dir::{DataDir, write_private};
use crate::{Error, hex};

#[derive(Debug, Clone)]
pub(crate) struct Journal {
    log: Arc<Mutex<audit::Log>>,
}

/// An entry left by a process that could not open the log.
#[derive(Debug, Serialize, Deserialize)]
struct Left {
    kind: String,
    fields: Map<String, Value>,
}

impl Journal {
    pub(crate) fn open(dir: &DataDir) -> Result<Self, Error> {
        let origin = format!("{}/server", dir.node()?);
        let path = dir.directory("log")?;
        let log = audit::Log::open(&path, &origin, audit::Config::default())
            .map_err(|e| Error::Journal(e.to_string()))?;
        Ok(Self { log: Arc::new(Mutex::new(log)) })
    }

    /// Returns when the entry is on disk.
    pub(crate) async fn append(
        &self,
        kind: &'static str,
        uid: Option<Uuid>,
        fields: Map<String, Value>,
    ) -> Result<(), Error> {
        let journal = self.clone();
        tokio::task::spawn_blocking(move || journal.append_blocking(kind, uid, fields))
            .await
            .unwrap_or_else(|e| Err(Error::Journal(e.to_string())))
    }

    fn append_blocking(&self, kind: &str, uid: Option<Uuid>, fields: Map<String, Value>) -> Result<(), Error> {
        let mut log = self.log.lock().unwrap_or_else(PoisonError::into_inner);
        log.append(kind, uid, fields).map(drop).map_err(|e| Error::Journal(e.to_string()))
    }
}

/// Writes an entry from a process that is not the server: into the log where it is free, else into
/// the inbox, from where the server takes it.
///
/// # Errors
/// `Journal` or `File`; then nothing was written.
pub fn note_from_outside(dir: &DataDir, kind: &str, fields: Map<String, Value>) -> Result<(), Error> {
    if let Ok(journal) = Journal::open(dir) {
        return journal.append_blocking(kind, None, fields);
    }
    let name = hex::encode(&rand::random::<[u8; 16]>());
    let left = serde_json::to_vec(&Left { kind: kind.to_owned(), fields }).expect("a JSON object is JSON");
    write_private(&dir.directory("inbox")?.join(name), &left)
}

/// The inbox, watched.
#[derive(Debug)]
pub(crate) struct Inbox {
    directory: PathBuf,
    arrivals: AsyncFd<rustix::fd::OwnedFd>,
}

impl Inbox {
    /// Needs a tokio runtime.
    pub(crate) fn open(dir: &DataDir) -> Result<Self, Error> {
        let directory = dir.directory("inbox")?;
        let failed = |e: io::Error| Error::file("cannot watch", &directory)(e);
        let flags = inotify::CreateFlags::CLOEXEC | inotify::CreateFlags::NONBLOCK;
        let watch = inotify::init(flags).map_err(|e| failed(e.into()))?;
        // Files arrive by a rename, whole.
        inotify::add_watch(&watch, &directory, inotify::WatchFlags::MOVED_TO).map_err(|e| failed(e.into()))?;
        let arrivals = AsyncFd::new(watch).map_err(failed)?;
        Ok(Self { directory, arrivals })
    }

    /// Takes in what is there, and then what comes. Never returns but by an error of the watch.
    pub(crate) async fn take_in(self, journal: Journal) -> io::Error {
        loop {
            let (directory, journal) = (self.directory.clone(), journal.clone());
            let taken = tokio::task::spawn_blocking(move || take_all(&directory, &journal)).await;
            if let Ok(Err(error)) | Err(error) = taken.map_err(|e| Error::Journal(e.to_string())) {
                tracing::error!(%error, "the inbox of the log cannot be taken in");
            }
            if let Err(e) = self.arrival().await {
                return e;
            }
        }
    }

    async fn arrival(&self) -> io::Result<()> {
        let mut buffer = [const { std::mem::MaybeUninit::uninit() }; 4096];
        loop {
            let mut ready = self.arrivals.readable().await?;
            let read = ready.try_io(|watch| {
                let mut reader = inotify::Reader::new(watch.get_ref(), &mut buffer);
                reader.next().map(drop).map_err(io::Error::from)?;
                // The rest that is ready says the same; the directory is read as a whole.
                while reader.next().is_ok() {}
                Ok(())
            });
            if let Ok(result) = read {
                return result;
            }
        }
    }
}

fn take_all(directory: &Path, journal: &Journal) -> Result<(), Error> {
    for entry in fs::read_dir(directory).map_err(Error::file("cannot read", directory))?.flatten() {
        let path = entry.path();
        if entry.file_name().as_encoded_bytes().starts_with(b".") {
            continue;
        }
        let bytes = fs::read(&path).map_err(Error::file("cannot read", &path))?;
        match serde_json::from_slice::<Left>(&bytes) {
            Ok(left) => journal.append_blocking(&left.kind, None, left.fields)?,
            Err(e) => {
                let fields = Map::from_iter([("why".to_owned(), json!(e.to_string()))]);
                journal.append_blocking("unreadable_inbox_entry", None, fields)?;
            }
        }
        // After the append: a crash between the two writes it twice, never not at all.
        fs::remove_file(&path).map_err(Error::file("cannot remove", &path))?;
    }
    Ok(())
}
