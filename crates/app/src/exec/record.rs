//! What commands wrote, kept as recordings beside those of sessions.

use std::fmt;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use bastide_record::{Begin, Config, Header, Mode, Pool, Recorder, file_name};
use bastide_ssh::{Exit, Output};
use bastide_store::Server;
use uuid::Uuid;

/// As a terminal would show it; nobody asked for a size.
pub(crate) const SIZE: (u16, u16) = (120, 40);
/// So much is handed over before room is waited for.
pub(crate) const CHUNK: usize = 64 * 1024;
/// At the end of the server, for what is being written then.
const END_WITHIN: Duration = Duration::from_millis(500);

/// Writes such recordings. Its threads begin with the first one.
pub(crate) struct Recorders {
    directory: PathBuf,
    pool: Mutex<Option<Pool>>,
}

impl fmt::Debug for Recorders {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Recorders").field("directory", &self.directory).finish_non_exhaustive()
    }
}

impl Recorders {
    pub(crate) fn new(directory: PathBuf) -> Self {
        Self { directory, pool: Mutex::default() }
    }

    /// Keeps what a command wrote: first its output, then its errors. False where it cannot be kept, as when the
    /// directory is the session daemon's and this process may not write there; sizes and digests are in the log then
    /// all the same.
    pub(crate) async fn keep(
        &self,
        (uid, took): (Uuid, Duration),
        (server, command): (&Server, &str),
        output: &Output,
    ) -> bool {
        let now = Instant::now();
        let started = now.checked_sub(took).unwrap_or(now);
        let Some(recorder) = self.begin(uid, (title(server), command), started).await else { return false };
        match write(recorder, now, output).await {
            Ok(()) => true,
            Err(error) => self.missing(&error),
        }
    }

    /// Begins a recording; none where that cannot be.
    pub(crate) async fn begin(
        &self,
        uid: Uuid,
        (title, command): (String, &str),
        started: Instant,
    ) -> Option<Recorder> {
        let since_1970 =
            jiff::Timestamp::now().as_second() - i64::try_from(started.elapsed().as_secs()).unwrap_or(0);
        let header = Header {
            cols: SIZE.0,
            rows: SIZE.1,
            timestamp: u64::try_from(since_1970).ok(),
            command: Some(command.to_owned()),
            title: Some(title),
            ..Header::default()
        };
        let path = self.directory.join(file_name(uid));
        let begin = Begin { path, mode: Mode::BestEffort, header, started };
        let begun = match self.pool() {
            Ok(pool) => tokio::task::spawn_blocking(move || pool.begin(begin)).await,
            Err(error) => Ok(Err(error)),
        };
        match begun.unwrap_or(Err(bastide_record::Error::ShutDown)) {
            Ok(recorder) => Some(recorder),
            Err(error) => {
                self.missing(&error);
                None
            }
        }
    }

    fn missing(&self, error: &bastide_record::Error) -> bool {
        tracing::warn!(%error, directory = %self.directory.display(), "the output of a command is not kept");
        false
    }

    fn pool(&self) -> Result<Pool, bastide_record::Error> {
        let mut pool = self.pool.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(pool) = &*pool {
            return Ok(pool.clone());
        }
        let begun = Pool::start(Config { writers: 1, ..Config::default() })?;
        Ok(pool.insert(begun).clone())
    }

    /// When the server stops. Blocks for a moment.
    pub(crate) fn end(&self) {
        let pool = self.pool.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(Err(error)) = pool.map(|pool| pool.shutdown(END_WITHIN)) {
            tracing::warn!(%error, "a recording of a command may be incomplete");
        }
    }
}

async fn write(mut recorder: Recorder, now: Instant, output: &Output) -> Result<(), bastide_record::Error> {
    for stream in [&output.stdout, &output.stderr] {
        for chunk in as_drawn(stream, &mut 0).chunks(CHUNK) {
            recorder.room().await;
            recorder.output(now, chunk);
        }
    }
    if output.truncated {
        let text = format!(
            "{} + {} bytes were written; this is their beginning",
            output.stdout_bytes, output.stderr_bytes
        );
        recorder.marker(now, &text);
    }
    if let Exit::Status(status) = output.exit {
        recorder.exit(now, i32::try_from(status).unwrap_or(i32::MAX));
    }
    recorder.close().await.map(drop)
}

/// What such a recording is called.
pub(crate) fn title(server: &Server) -> String {
    format!("a command on {}", server.settings.name)
}

/// A terminal's line ends, which a command without one does not write. `before` is the byte before these.
pub(crate) fn as_drawn(bytes: &[u8], before: &mut u8) -> Vec<u8> {
    let mut drawn = Vec::with_capacity(bytes.len());
    for byte in bytes {
        if *byte == b'\n' && *before != b'\r' {
            drawn.push(b'\r');
        }
        drawn.push(*byte);
        *before = *byte;
    }
    drawn
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn lines_end_as_a_terminal_draws_them() {
        assert_eq!(as_drawn(b"a\nb\r\nc\n\n", &mut 0), b"a\r\nb\r\nc\r\n\r\n");
    }
}
