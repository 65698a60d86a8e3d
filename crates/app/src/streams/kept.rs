//! What a command writes, recorded as it comes.

use std::time::{Duration, Instant};

use bastide_record::Recorder;
use bastide_ssh::Exit;
use bastide_store::{End, Opened, RecordingState, Server};
use uuid::Uuid;

use crate::context::{Caller, Ctx};
use crate::exec::record::{CHUNK, SIZE, as_drawn, title};

/// More is counted and not kept, as with commands that are run to their end.
const MAX_KEPT: usize = 32 * 1024 * 1024;

/// A recording that grows.
pub(super) struct Kept {
    uid: Uuid,
    recorder: Recorder,
    room: usize,
    /// The byte before what comes.
    before: u8,
    title: String,
    command: String,
}

impl std::fmt::Debug for Kept {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Kept").field("uid", &self.uid).finish_non_exhaustive()
    }
}

impl Kept {
    /// `None` where it cannot be kept; sizes are in the log then all the same.
    pub(super) async fn begin(ctx: &Ctx, server: &Server, command: &str) -> Option<Self> {
        let (uid, title) = (Uuid::now_v7(), title(server));
        let recorders = ctx.app().execs().recorders();
        let recorder = recorders.begin(uid, (title.clone(), command), Instant::now()).await?;
        Some(Self { uid, recorder, room: MAX_KEPT, before: 0, title, command: command.to_owned() })
    }

    pub(super) fn uid(&self) -> Uuid {
        self.uid
    }

    /// Waits while the disk is slower than the server.
    pub(super) async fn add(&mut self, bytes: &[u8]) {
        if bytes.is_empty() {
            return;
        }
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

    pub(super) async fn close(mut self, ctx: &Ctx, exit: Option<&Exit>, took: Duration) {
        let uid = self.uid;
        let status = match exit {
            Some(Exit::Status(status)) => i32::try_from(*status).ok(),
            _ => None,
        };
        if let Some(status) = status {
            self.recorder.exit(Instant::now(), status);
        }
        if let Err(error) = self.recorder.close().await {
            tracing::warn!(%error, recording = %uid, "a recording of a command may be incomplete");
        }
        let Caller::Person(person) = ctx.caller() else { return };
        let at = ctx.clock().now();
        let began = jiff::SignedDuration::try_from(took).ok().and_then(|took| at.checked_sub(took).ok());
        let opened = Opened {
            uid,
            node: None,
            name: Some(self.title),
            owner: Some(person.user.uid),
            account: None,
            command: vec![self.command],
            size: Some(SIZE),
            created: began.unwrap_or(at),
            recording: RecordingState::Closed,
        };
        let exit = status.map(|code| bastide_store::Exit { code, signal: None });
        let end = End { at, exit, reason: "exec".to_owned(), bytes: None };
        if let Err(error) = ctx.app().store().adopt_sessions(&[(opened, end)]).await {
            tracing::warn!(%error, recording = %uid, "a command's recording has nobody's name");
        }
    }
}
