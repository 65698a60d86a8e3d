//! The server's back door for other processes of its own user: a socket in the data directory, over
//! which they write to the log while the server holds it, and have it change its master key. One JSON line in,
//! one line out.

use std::fs;
use std::io::{self, Read, Write};
use std::os::unix::net::UnixStream as BlockingStream;
use std::time::Duration;

use bastide_store::Store;
use bastide_wire::ssh::Secret;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{UnixListener, UnixStream};
use tokio::time::timeout;

use zeroize::Zeroizing;

use crate::data_dir::DataDir;
use crate::journal::Journal;
use crate::vault::{self, Keys, Rotated};
use crate::{Clock, Error};

const SOCKET: &str = "server.sock";
/// An entry is a kind and a few facts.
const MAX_LINE: u64 = 16 * 1024;
/// Both sides are programs on one machine. Callers are served one after the other.
const PATIENCE: Duration = Duration::from_secs(5);
/// Every secret is wrapped again: some hundred thousand in a second.
const ROTATION: Duration = Duration::from_secs(60);
const DONE: &str = "ok\n";

#[derive(Debug, Serialize, Deserialize)]
struct Entry {
    kind: String,
    fields: Map<String, Value>,
}

/// To be sealed under another master key: the one given, or one of the server's own making.
#[derive(Serialize, Deserialize)]
struct Rotate {
    rotate: Option<Secret>,
    by_uid: u32,
}

#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum Asked {
    Rotate(Rotate),
    Entry(Entry),
}

/// What stands behind the door.
#[derive(Debug)]
pub(crate) struct Behind {
    pub(crate) journal: Journal,
    pub(crate) store: Store,
    pub(crate) keys: Keys,
    pub(crate) clock: Clock,
}

#[derive(Debug)]
pub(crate) struct Door {
    listener: UnixListener,
}

impl Door {
    /// Replaces what an earlier server left. Needs a tokio runtime.
    pub(crate) fn open(dir: &DataDir) -> Result<Self, Error> {
        let path = dir.path(SOCKET);
        // The log's lock says that no other server is there.
        if let Err(e) = fs::remove_file(&path)
            && e.kind() != io::ErrorKind::NotFound
        {
            return Err(Error::file("cannot replace", &path)(e));
        }
        let listener = UnixListener::bind(&path).map_err(Error::file("cannot listen on", &path))?;
        Ok(Self { listener })
    }

    pub(crate) async fn serve(self, behind: Behind) {
        loop {
            let served = match self.listener.accept().await {
                Ok((stream, _)) => timeout(ROTATION, answer(stream, &behind)).await,
                Err(error) => {
                    tracing::warn!(%error, "cannot accept on {SOCKET}");
                    // Out of descriptors, most likely: others need a moment to return some.
                    tokio::time::sleep(Duration::from_secs(1)).await;
                    continue;
                }
            };
            if !matches!(served, Ok(Ok(()))) {
                tracing::warn!("a caller on {SOCKET} was not answered");
            }
        }
    }
}

async fn answer(mut stream: UnixStream, behind: &Behind) -> io::Result<()> {
    let mut line = Zeroizing::new(Vec::with_capacity(usize::try_from(MAX_LINE).unwrap_or_default()));
    // The caller closes its half after the line.
    (&mut stream).take(MAX_LINE).read_to_end(&mut line).await?;
    let reply = match serde_json::from_slice::<Asked>(&line) {
        Ok(Asked::Entry(entry)) => match behind.journal.append(entry.kind, None, entry.fields).await {
            Ok(()) => DONE.to_owned(),
            Err(e) => format!("{e}\n"),
        },
        Ok(Asked::Rotate(asked)) => match rotate(behind, asked).await {
            Ok(rotated) => serde_json::to_string(&rotated).expect("facts are JSON"),
            Err(e) => format!("{e}\n"),
        },
        Err(e) => format!("not an entry: {e}\n"),
    };
    stream.write_all(reply.as_bytes()).await
}

async fn rotate(behind: &Behind, asked: Rotate) -> Result<Rotated, Error> {
    let Behind { journal, store, keys, clock } = behind;
    let Rotate { rotate, by_uid } = asked;
    let to = rotate.map(|text| vault::given(&text)).transpose()?;
    vault::rotate_noted(journal, (store, keys), to, (by_uid, clock.now())).await
}

/// Has the running server change its master key. Blocks.
///
/// # Errors
/// `Storage`; `Invalid` with what the server says.
pub(crate) fn rotate_from_outside(dir: &DataDir, to: Option<Secret>) -> Result<Rotated, Error> {
    let asked = Rotate { rotate: to, by_uid: rustix::process::geteuid().as_raw() };
    let line = Zeroizing::new(serde_json::to_vec(&asked).expect("texts are JSON"));
    let reply = ask(dir, &line, ROTATION)?;
    serde_json::from_str(&reply).map_err(|_| Error::Invalid(reply.trim_end().to_owned()))
}

fn ask(dir: &DataDir, line: &[u8], patience: Duration) -> Result<String, Error> {
    let path = dir.path(SOCKET);
    let exchange = || -> io::Result<String> {
        let mut stream = BlockingStream::connect(&path)?;
        stream.set_read_timeout(Some(patience))?;
        stream.write_all(line)?;
        stream.shutdown(std::net::Shutdown::Write)?;
        let mut reply = String::new();
        stream.take(MAX_LINE).read_to_string(&mut reply)?;
        Ok(reply)
    };
    exchange().map_err(Error::file("cannot reach the running server at", &path))
}

/// Writes an entry from a process that is not the server: into the log where it is free, else
/// through the server that holds it. Blocks.
///
/// # Errors
/// `Storage`; then nothing was written.
pub(crate) fn note_from_outside(dir: &DataDir, kind: &str, fields: Map<String, Value>) -> Result<(), Error> {
    if let Some(journal) = Journal::open_free(dir)? {
        return journal.append_blocking(kind, None, fields);
    }
    let entry = serde_json::to_vec(&Entry { kind: kind.to_owned(), fields }).expect("a JSON object is JSON");
    match ask(dir, &entry, PATIENCE)? {
        reply if reply == DONE => Ok(()),
        reply => Err(Error::journal(reply.trim_end())),
    }
}
