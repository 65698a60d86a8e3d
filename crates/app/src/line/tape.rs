//! The recording of a session of lines: prompt, line, and what was written, as a terminal would have shown it.

use std::time::Instant;

use bastide_record::Recorder;
use uuid::Uuid;

use crate::exec::Recorders;
use crate::exec::record::as_drawn;

/// So much is kept of one session; the sizes of all of it are in the log.
const MAX_TAPE: usize = 256 * 1024 * 1024;
/// So much is handed over before room is waited for.
const CHUNK: usize = 64 * 1024;

pub(super) struct Tape {
    /// None where it cannot be written.
    recorder: Option<Recorder>,
    started: Instant,
    left: usize,
    /// The last byte that was kept.
    before: u8,
}

impl Tape {
    pub(super) async fn begin(recorders: &Recorders, uid: Uuid, title: String) -> Self {
        let started = Instant::now();
        let recorder = recorders.begin(uid, (title, ""), started).await;
        Self { recorder, started, left: MAX_TAPE, before: 0 }
    }

    pub(super) fn is_there(&self) -> bool {
        self.recorder.is_some()
    }

    /// Milliseconds since its beginning.
    pub(super) fn at_ms(&self) -> i64 {
        i64::try_from(self.started.elapsed().as_millis()).unwrap_or(i64::MAX)
    }

    /// Keeps what was written or shown. Waits while the disk is slow.
    pub(super) async fn show(&mut self, bytes: &[u8]) {
        let Some(recorder) = &mut self.recorder else { return };
        if self.left == 0 {
            return;
        }
        let drawn = as_drawn(&bytes[..bytes.len().min(self.left)], &mut self.before);
        self.left = self.left.saturating_sub(drawn.len());
        for chunk in drawn.chunks(CHUNK) {
            recorder.room().await;
            recorder.output(Instant::now(), chunk);
        }
        if self.left == 0 {
            recorder.marker(Instant::now(), "more was written; this is its beginning");
        }
    }

    pub(super) fn mark(&mut self, text: &str) {
        if let Some(recorder) = &mut self.recorder {
            recorder.marker(Instant::now(), text);
        }
    }

    /// Starts a new line where the last one has no end.
    pub(super) async fn new_line(&mut self) {
        if !matches!(self.before, 0 | b'\n') {
            self.show(b"\n").await;
        }
    }

    /// Whether it was written to its end.
    pub(super) async fn close(self) -> bool {
        match self.recorder {
            Some(recorder) => recorder.close().await.inspect_err(|error| {
                tracing::warn!(%error, "the recording of a session of lines may be incomplete");
            }),
            None => return false,
        }
        .is_ok()
    }
}
