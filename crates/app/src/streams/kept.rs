//! What a command writes, recorded as it comes, and the session that it is meanwhile.

use std::time::Instant;

use bastide_record::Recorder;
use bastide_ssh::Exit;
use bastide_store::{RecordingState, Server};
use uuid::Uuid;

use crate::context::Ctx;
use crate::exec::record::{CHUNK, as_drawn, title};
use crate::exec::{self, OwnSession};

/// More is counted and not kept, as with commands that are run to their end.
const MAX_KEPT: usize = 32 * 1024 * 1024;

/// A command that runs. Dropped without [`Kept::close`] it was given up half-way.
pub(super) struct Kept {
    session: OwnSession,
    tape: Option<Tape>,
}

/// A recording that grows.
struct Tape {
    recorder: Recorder,
    room: usize,
    /// The byte before what comes.
    before: u8,
}

impl std::fmt::Debug for Kept {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Kept").field("session", &self.session.uid()).finish_non_exhaustive()
    }
}

impl Kept {
    /// Of a session that is not to be recorded: what passes is a file.
    pub(super) fn unrecorded(session: OwnSession) -> Self {
        Self { session, tape: None }
    }

    /// Unrecorded too where it cannot be kept; sizes are in the log then all the same.
    pub(super) async fn begin(ctx: &Ctx, session: OwnSession, (server, command): (&Server, &str)) -> Self {
        let recorders = ctx.app().execs().recorders();
        let recorder = recorders.begin(session.uid(), (title(server), command), Instant::now()).await;
        let tape = recorder.map(|recorder| Tape { recorder, room: MAX_KEPT, before: 0 });
        Self { session, tape }
    }

    /// Under which its output can be read again.
    pub(super) fn recording(&self) -> Option<Uuid> {
        self.tape.as_ref().map(|_| self.session.uid())
    }

    /// Waits while the disk is slower than the server.
    pub(super) async fn add(&mut self, bytes: &[u8]) {
        if let (Some(tape), false) = (&mut self.tape, bytes.is_empty()) {
            tape.add(bytes).await;
        }
    }

    pub(super) async fn close(self, ctx: &Ctx, exit: Option<&Exit>) {
        let status = match exit {
            Some(Exit::Status(status)) => Some(*status),
            _ => None,
        };
        let recording = match self.tape {
            Some(tape) => {
                tape.close(status, self.session.uid()).await;
                RecordingState::Closed
            }
            None => RecordingState::Off,
        };
        let reason = if exit.is_some() { "exec" } else { "failed" };
        self.session.finish(recording, exec::ended(ctx, reason, status)).await;
    }
}

impl Tape {
    async fn add(&mut self, bytes: &[u8]) {
        let fits = self.room.min(bytes.len());
        for chunk in as_drawn(&bytes[..fits], &mut self.before).chunks(CHUNK) {
            self.recorder.room().await;
            self.recorder.output(Instant::now(), chunk);
        }
        if fits < bytes.len() && self.room > 0 {
            self.recorder.marker(Instant::now(), "more was written than is kept");
        }
        self.room -= fits;
    }

    async fn close(mut self, status: Option<u32>, uid: Uuid) {
        if let Some(status) = status.and_then(|status| i32::try_from(status).ok()) {
            self.recorder.exit(Instant::now(), status);
        }
        if let Err(error) = self.recorder.close().await {
            tracing::warn!(%error, recording = %uid, "a recording of a command may be incomplete");
        }
    }
}
