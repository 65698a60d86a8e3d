//! What happens in a session that somebody keeps a log of.

use bastide_wire::control::{AlertEntry, ReviewClosedEntry, ReviewOpenedEntry, RulesEntry, VerdictEntry};
use bastide_wire::session::ExitStatus;
use bastide_wire::ssh::PromptKind;
use bastide_wire::together::About;
use tokio::sync::{mpsc, watch};
use uuid::Uuid;

use crate::command::EndReason;

#[derive(Debug, Clone)]
pub enum Happening {
    /// Boxed: most of it is words.
    Viewer {
        uid: Uuid,
        what: Box<Viewing>,
    },
    Resized {
        uid: Uuid,
        cols: u16,
        rows: u16,
    },
    Ended {
        uid: Uuid,
        reason: EndReason,
        status: Option<ExitStatus>,
        bytes: u64,
    },
    RecordingStalled {
        uid: Uuid,
        why: String,
    },
    RecordingResumed {
        uid: Uuid,
    },
    RecordingFailed {
        uid: Uuid,
        why: String,
    },
    ScrollbackDropped {
        uid: Uuid,
        lines: usize,
    },
    /// The shell on the other machine is there.
    Connected {
        uid: Uuid,
    },
    /// It will never be; `step` is the first word or words of `message`.
    ConnectFailed {
        uid: Uuid,
        step: &'static str,
        message: String,
    },
    /// A question to a person, and what became of it: `accepted`, `answered`, `refused`, `expired` or
    /// `taken_back`. Never the answer itself.
    Prompted {
        uid: Uuid,
        kind: PromptKind,
        server: String,
        /// Of the host key that was asked about.
        fingerprint: Option<String>,
        outcome: &'static str,
        /// Who answered.
        client: Option<String>,
    },
    /// Boxed: it is larger than the others.
    Controlled {
        uid: Uuid,
        what: Box<Controlled>,
    },
}

/// What people in a session did. Names are those that others are shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Viewing {
    Attached {
        client: Option<String>,
        write: bool,
        about: Option<About>,
    },
    Detached {
        client: Option<String>,
    },
    /// Wants the keyboard, or not any more; `by` somebody else's decision.
    Asked {
        client: Option<String>,
        asks: bool,
        by: Option<String>,
    },
    /// Who alone may type from now on; none: all that attached to type.
    Keyboard {
        client: Option<String>,
        by: Option<String>,
    },
    /// Another person than before types. Told at most once a second; the recording's marks miss none.
    Types {
        client: Option<String>,
    },
    Removed {
        client: Option<String>,
        by: Option<String>,
        barred: bool,
    },
    /// What was said is not in the log.
    Said {
        by: String,
        characters: usize,
    },
    EndAnnounced {
        by: String,
        text: String,
        after: u64,
    },
    EndStopped {
        by: String,
    },
}

/// What became of commands, as the log keeps it.
#[derive(Debug, Clone)]
pub enum Controlled {
    Verdict(VerdictEntry),
    ReviewOpened(ReviewOpenedEntry),
    ReviewClosed(ReviewClosedEntry),
    Alert(AlertEntry),
    Rules(RulesEntry),
}

impl Happening {
    /// The session it happened in.
    pub fn uid(&self) -> Uuid {
        match self {
            Self::Viewer { uid, .. }
            | Self::Resized { uid, .. }
            | Self::Ended { uid, .. }
            | Self::RecordingStalled { uid, .. }
            | Self::RecordingResumed { uid }
            | Self::RecordingFailed { uid, .. }
            | Self::ScrollbackDropped { uid, .. }
            | Self::Connected { uid }
            | Self::ConnectFailed { uid, .. }
            | Self::Prompted { uid, .. }
            | Self::Controlled { uid, .. } => *uid,
        }
    }
}

/// Where a session tells what happens in it. Bounded; a full queue is waited for, because a log
/// with holes is no log. The reader never waits for a session.
#[derive(Debug, Clone)]
pub struct Happenings {
    pub(crate) sender: mpsc::Sender<Happening>,
    takes: watch::Receiver<bool>,
    /// Whoever keeps the log is gone.
    is_closed: bool,
}

impl Happenings {
    /// `takes`: whether what is told is being written. While it is not, gated sessions start no programs.
    pub fn new(sender: mpsc::Sender<Happening>, takes: watch::Receiver<bool>) -> Self {
        Self { sender, takes, is_closed: false }
    }

    /// Without waiting; for an end that nobody else would tell.
    ///
    /// # Errors
    /// The queue is full, or nobody reads it.
    pub fn try_tell(&self, happening: Happening) -> Result<(), Box<Happening>> {
        self.sender.try_send(happening).map_err(|refused| match refused {
            mpsc::error::TrySendError::Full(it) | mpsc::error::TrySendError::Closed(it) => Box::new(it),
        })
    }

    pub(crate) async fn tell(&self, happening: Happening) {
        if self.sender.send(happening).await.is_err() {
            tracing::error!("the daemon's log is gone; an event of a session was not written");
        }
    }

    /// Whether a verdict that is told now will be recorded, as far as anybody knows.
    pub fn takes(&self) -> bool {
        !self.is_closed && *self.takes.borrow()
    }

    /// Waits for [`Self::takes`] to change. Cancel-safe.
    pub async fn changed(&mut self) {
        if self.is_closed {
            return std::future::pending().await;
        }
        self.is_closed = self.takes.changed().await.is_err();
    }
}
