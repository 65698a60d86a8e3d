//! One viewer of one session.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use bastide_wire::Snapshot;
use bastide_wire::control::CommandNotice;
use bastide_wire::event::Prompt;
use bastide_wire::request::PromptReply;
use bastide_wire::session::ExitStatus;
use bastide_wire::ssh::Secret;
use bastide_wire::together::About;
use bytes::Bytes;
use uuid::Uuid;

use crate::mailbox::Mailbox;
use crate::{Client, Error};

/// Unacknowledged output bytes on their way to a viewer, unless it says otherwise. Enough for a
/// local reader to never wait, little enough to be stale for a moment only.
pub const DEFAULT_CREDIT: u32 = 256 * 1024;
/// Acknowledgements are held back until this part of the credit has been taken: the other three
/// quarters keep the daemon sending, and single echoes cost no message each.
const ACK_SHARE: u64 = 4;

/// How to attach.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AttachOptions {
    /// May type and resize.
    pub write: bool,
    /// Lines above the screen in the snapshot.
    pub scrollback: u32,
    /// Go on from this position without a snapshot, where that is still possible.
    pub from: Option<u64>,
    /// Output bytes that may be unacknowledged.
    pub credit: u32,
    /// Who looks, as others are shown; the connection's name when `None`. At most 256 bytes.
    pub client: Option<String>,
    /// More about them, for a daemon that tells it to others.
    pub about: Option<About>,
}

impl AttachOptions {
    /// Watches only.
    pub fn reader() -> Self {
        Self { write: false, scrollback: 0, from: None, credit: DEFAULT_CREDIT, client: None, about: None }
    }

    /// May type.
    pub fn writer() -> Self {
        Self { write: true, ..Self::reader() }
    }

    #[must_use]
    pub fn scrollback(mut self, lines: u32) -> Self {
        self.scrollback = lines;
        self
    }

    #[must_use]
    pub fn client(mut self, name: impl Into<String>) -> Self {
        self.client = Some(name.into());
        self
    }

    #[must_use]
    pub fn about(mut self, about: About) -> Self {
        self.about = Some(about);
        self
    }

    #[must_use]
    pub fn from(mut self, pos: Option<u64>) -> Self {
        self.from = pos;
        self
    }

    #[must_use]
    pub fn credit(mut self, bytes: u32) -> Self {
        self.credit = bytes;
        self
    }
}

/// What a viewer is told. Positions count the backend's raw bytes since the session began.
#[derive(Debug, Clone)]
pub enum ViewerEvent {
    /// `pos` is the position before the first byte of `data`, which shares the frame's memory.
    Output { pos: u64, data: Bytes },
    /// The session has this size from `pos` on.
    Resized { pos: u64, cols: u16, rows: u16 },
    /// Output from `pos` on was not sent, because this viewer did not keep up. A `Resync` follows when it has
    /// acknowledged what it got.
    Lagged { pos: u64 },
    /// Reset the terminal to this; output goes on at its `pos`.
    Resync(Box<Snapshot>),
    /// Words for the person, not part of the output. `kind`: `recording`, `ending`, `detached`, `flow`,
    /// `ssh`, `command`, `limits`, `message`, `viewers`, `keyboard`.
    Notice { kind: String, text: String, command: Option<Box<CommandNotice>> },
    /// A question that a person has to answer ([`Writer::answer`]); to writers only.
    Prompt(Box<Prompt>),
    /// It needs no answer any more.
    PromptClosed(Uuid),
    /// May type from now on, or not any more ([`Attachment::writer`]).
    Keyboard { write: bool },
    /// Shown out, by whom; nothing follows.
    Removed { by: Option<String> },
    /// The program ended; nothing follows.
    Exit { status: ExitStatus, pos: Option<u64> },
}

/// One viewer. Dropping it detaches.
#[derive(Debug)]
pub struct Attachment {
    /// The session's number in this instance of the daemon.
    pub session: u32,
    /// Where output begins.
    pub pos: u64,
    /// True when the daemon goes on at the position asked for, without a snapshot.
    pub resumed: bool,
    /// The state at `pos`; absent when resumed.
    pub snapshot: Option<Snapshot>,
    /// Names this viewer in the session's list; absent from daemons that do not number them.
    pub id: Option<u64>,
    client: Client,
    viewer: u32,
    mailbox: Arc<Mailbox>,
    options: AttachOptions,
    progress: Progress,
    /// May type now.
    write: bool,
}

/// What has been taken and what the daemon knows of it.
#[derive(Debug, Default)]
struct Progress {
    taken: AtomicU64,
    told: AtomicU64,
    /// A re-sync waits for the last acknowledgement: none is held back.
    lagged: AtomicBool,
}

impl Attachment {
    pub(crate) fn new(
        client: Client,
        (session, viewer): (u32, u32),
        mailbox: Arc<Mailbox>,
        options: AttachOptions,
    ) -> Self {
        let write = options.write;
        Self {
            session,
            pos: 0,
            resumed: false,
            snapshot: None,
            id: None,
            client,
            viewer,
            mailbox,
            options,
            progress: Progress::default(),
            write,
        }
    }

    pub(crate) fn began(&mut self, pos: Option<u64>, snapshot: Option<Snapshot>) {
        self.pos = pos.or_else(|| snapshot.as_ref().and_then(|s| s.pos)).unwrap_or_default();
        self.resumed = snapshot.is_none() && self.options.from.is_some();
        self.snapshot = snapshot;
        self.restart_progress(self.pos);
    }

    fn restart_progress(&self, pos: u64) {
        self.progress.taken.store(pos, Ordering::Relaxed);
        self.progress.told.store(pos, Ordering::Relaxed);
        self.progress.lagged.store(false, Ordering::Relaxed);
    }

    /// The next event; `None` after the exit, when the connection is gone (see [`Client::closed`]),
    /// or when the daemon did not keep to the credit. Cancel-safe.
    pub async fn next(&mut self) -> Option<ViewerEvent> {
        let event = self.mailbox.next().await?;
        match &event {
            ViewerEvent::Lagged { .. } => {
                self.progress.lagged.store(true, Ordering::Relaxed);
                self.tell_daemon();
            }
            ViewerEvent::Keyboard { write } => self.write = *write,
            ViewerEvent::Resync(snapshot) => self.restart_progress(snapshot.pos.unwrap_or_default()),
            _ => {}
        }
        Some(event)
    }

    /// Everything before `pos` has been taken. Returns at once; calls are gathered.
    pub fn ack(&self, pos: u64) {
        let taken = self.progress.taken.fetch_max(pos, Ordering::Relaxed).max(pos);
        let unsaid = taken.saturating_sub(self.progress.told.load(Ordering::Relaxed));
        let share = u64::from(self.options.credit) / ACK_SHARE;
        if unsaid >= share.max(1) || self.progress.lagged.load(Ordering::Relaxed) {
            self.tell_daemon();
        }
    }

    fn tell_daemon(&self) {
        let taken = self.progress.taken.load(Ordering::Relaxed);
        if self.progress.told.swap(taken, Ordering::Relaxed) < taken {
            self.client.shared().ack(self.session, self.viewer, taken);
        }
    }

    /// The right to type, as a value that can be used beside [`Attachment::next`]. `None` for a
    /// viewer that only watches and was not given the keyboard, as far as the events that were taken say. Where somebody
    /// else was given it, the daemon refuses what this one types.
    pub fn writer(&self) -> Option<Writer> {
        (self.options.write || self.write).then(|| Writer {
            client: self.client.clone(),
            session: self.session,
            viewer: self.viewer,
        })
    }

    /// Types. Returns when everything is queued at the program; long input goes in pieces.
    ///
    /// # Errors
    /// `Reply` with READ_ONLY, or LIMIT_REACHED when the program does not read (the pieces before
    /// the refused one have been taken); or the connection's.
    pub async fn input(&self, data: impl Into<Bytes>) -> Result<(), Error> {
        self.client.input_as(self.session, Some(self.viewer), &data.into()).await
    }

    /// Wants this size. A writer that does not own the size gets it when it next types.
    ///
    /// # Errors
    /// `Reply` with READ_ONLY or INVALID_ARGUMENT; or the connection's.
    pub async fn resize(&self, cols: u16, rows: u16) -> Result<(), Error> {
        self.client.resize_as(self.session, Some(self.viewer), (cols, rows)).await
    }

    /// Leaves, and waits until the daemon knows.
    ///
    /// # Errors
    /// The connection's.
    pub async fn detach(self) -> Result<(), Error> {
        self.client.detach(self.session, self.viewer).await
    }
}

impl Drop for Attachment {
    fn drop(&mut self) {
        self.client.shared().farewell(self.session, self.viewer);
    }
}

/// The right to type into one session, made by an attachment that has it. It does not keep the
/// attachment: after that is gone, the daemon refuses.
#[derive(Debug, Clone)]
pub struct Writer {
    client: Client,
    session: u32,
    viewer: u32,
}

impl Writer {
    /// As [`Attachment::input`].
    ///
    /// # Errors
    /// As there.
    pub async fn input(&self, data: impl Into<Bytes>) -> Result<(), Error> {
        self.client.input_as(self.session, Some(self.viewer), &data.into()).await
    }

    /// As [`Attachment::resize`].
    ///
    /// # Errors
    /// As there.
    pub async fn resize(&self, cols: u16, rows: u16) -> Result<(), Error> {
        self.client.resize_as(self.session, Some(self.viewer), (cols, rows)).await
    }

    /// Answers a question. The first answer counts, of whichever viewer.
    ///
    /// # Errors
    /// `Reply` with NOT_FOUND when it is not open any more, READ_ONLY, INVALID_ARGUMENT for an answer that is too
    /// long; `Unsupported`; or the connection's.
    pub async fn answer(&self, prompt_id: Uuid, answer: Answer) -> Result<(), Error> {
        let (answer, accept) = match answer {
            Answer::Text(text) => (Some(text), false),
            Answer::Accept => (None, true),
            Answer::Refuse => (None, false),
        };
        let body = PromptReply { session: self.session, viewer: self.viewer, prompt_id, answer, accept };
        self.client.prompt_reply(body).await
    }
}

/// What a person says to a question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    Text(Secret),
    /// The host key is the right one.
    Accept,
    Refuse,
}
