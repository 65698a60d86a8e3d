//! What others hold of a session.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};

use bastide_wire::session::RemoteInfo;
use jiff::Timestamp;
use tokio::sync::mpsc;
use uuid::Uuid;

use crate::command::Command;

/// What never changes about a session.
#[derive(Debug)]
pub struct Identity {
    /// Valid within one instance of the daemon.
    pub id: u32,
    /// Valid for ever.
    pub uid: Uuid,
    pub name: Option<String>,
    pub command: Vec<String>,
    pub account: String,
    pub user: Option<String>,
    /// Its program runs under the gate.
    pub gated: bool,
    /// 0 when the backend is not here.
    pub pid: i32,
    pub pts: String,
    pub created: Timestamp,
    /// Path of the recording.
    pub recording: Option<String>,
    /// Where the backend is, when it is not here.
    pub remote: Option<RemoteInfo>,
}

/// A few facts that can be read without asking the session.
#[derive(Debug, Default)]
pub(crate) struct Vitals {
    pub(crate) scrollback_bytes: AtomicUsize,
    /// Unix seconds of the last output, input or attach.
    pub(crate) active_at: AtomicU64,
    pub(crate) ended: AtomicBool,
}

#[derive(Debug, Clone)]
pub struct Handle {
    pub identity: Arc<Identity>,
    pub(crate) commands: mpsc::Sender<Command>,
    pub(crate) vitals: Arc<Vitals>,
}

impl Handle {
    /// Hands a command over. It waits only while the session is in the middle of a turn.
    ///
    /// # Errors
    /// The command itself, when the session is no more.
    pub async fn send(&self, command: Command) -> Result<(), Command> {
        self.commands.send(command).await.map_err(|gone| gone.0)
    }

    /// Bytes of scrollback it held when it last looked.
    pub fn scrollback_bytes(&self) -> usize {
        self.vitals.scrollback_bytes.load(Ordering::Relaxed)
    }

    /// Unix seconds of the last output, input or attach.
    pub fn active_at(&self) -> u64 {
        self.vitals.active_at.load(Ordering::Relaxed)
    }

    /// True when its program has ended and only its last screen is kept.
    pub fn has_ended(&self) -> bool {
        self.vitals.ended.load(Ordering::Acquire)
    }
}
