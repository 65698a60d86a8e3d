//! The server's back door for other processes of its own user: a socket in the data directory, over
//! which they write to the log while the server holds it. One JSON line in, one line out.

use std::fs;
use std::io::{self, Read, Write};
use std::os::unix::net::UnixStream as BlockingStream;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{UnixListener, UnixStream};
use tokio::time::timeout;

use crate::Error;
use crate::data_dir::DataDir;
use crate::journal::Journal;

const SOCKET: &str = "server.sock";
/// An entry is a kind and a few facts.
const MAX_LINE: u64 = 16 * 1024;
/// Both sides are programs on one machine. Callers are served one after the other.
const PATIENCE: Duration = Duration::from_secs(5);
const DONE: &str = "ok\n";

#[derive(Debug, Serialize, Deserialize)]
struct Entry {
    kind: String,
    fields: Map<String, Value>,
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

    pub(crate) async fn serve(self, journal: Journal) {
        loop {
            let served = match self.listener.accept().await {
                Ok((stream, _)) => timeout(PATIENCE, answer(stream, &journal)).await,
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

async fn answer(mut stream: UnixStream, journal: &Journal) -> io::Result<()> {
    let mut line = Vec::new();
    // The caller closes its half after the line.
    (&mut stream).take(MAX_LINE).read_to_end(&mut line).await?;
    let reply = match serde_json::from_slice::<Entry>(&line) {
        Ok(entry) => match journal.append(entry.kind, None, entry.fields).await {
            Ok(()) => DONE.to_owned(),
            Err(e) => format!("{e}\n"),
        },
        Err(e) => format!("not an entry: {e}\n"),
    };
    stream.write_all(reply.as_bytes()).await
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
    let path = dir.path(SOCKET);
    let entry = serde_json::to_vec(&Entry { kind: kind.to_owned(), fields }).expect("a JSON object is JSON");
    let ask = || -> io::Result<String> {
        let mut stream = BlockingStream::connect(&path)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.write_all(&entry)?;
        stream.shutdown(std::net::Shutdown::Write)?;
        let mut reply = String::new();
        stream.take(MAX_LINE).read_to_string(&mut reply)?;
        Ok(reply)
    };
    match ask().map_err(Error::file("cannot reach the running server at", &path))? {
        reply if reply == DONE => Ok(()),
        reply => Err(Error::journal(reply.trim_end())),
    }
}
