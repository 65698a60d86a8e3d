//! What was typed and is on its way to the program.

use std::future::{Future, pending};
use std::pin::Pin;
use std::time::{Duration, Instant};

use bastide_ptyd_client::{Error, Writer};
use bastide_wire::Code;
use bytes::{Bytes, BytesMut};

/// What may wait here while the program does not read. Past it the terminal is not read either, and a
/// paste waits in the terminal; but neither are the keys that leave.
const WAITING_MAX: usize = 1024 * 1024;
/// One request; the daemon takes it whole or refuses it whole.
const PIECE: usize = 64 * 1024;

/// A piece that is under way for so long is not being read.
const STUCK_AFTER: Duration = Duration::from_secs(1);
/// From one request to the next after a refusal. The daemon waits longer before it refuses, but not where what others
/// have typed waits already.
const ASK_AGAIN_AFTER: Duration = Duration::from_secs(1);

type Sending = Pin<Box<dyn Future<Output = (Result<(), Error>, Bytes)>>>;

/// One piece under way, the rest behind it.
pub(super) struct Typing {
    writer: Writer,
    waiting: BytesMut,
    sending: Option<Sending>,
    /// When it was sent, or will be.
    since: Instant,
    /// The daemon has refused a piece because the program does not read, and no later one was taken.
    stuck: bool,
}

/// How it goes on.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Progress {
    Taken,
    /// The program does not read; said once.
    Stuck,
}

impl Typing {
    pub(super) fn new(writer: Writer) -> Self {
        Self { writer, waiting: BytesMut::new(), sending: None, since: Instant::now(), stuck: false }
    }

    pub(super) fn writer(&self) -> &Writer {
        &self.writer
    }

    pub(super) fn push(&mut self, bytes: &[u8]) {
        self.waiting.extend_from_slice(bytes);
    }

    pub(super) fn has_room(&self) -> bool {
        self.waiting.len() < WAITING_MAX
    }

    /// The program does not read.
    pub(super) fn is_stuck(&self) -> bool {
        self.stuck || (self.sending.is_some() && self.since.elapsed() > STUCK_AFTER)
    }

    /// Forgets what waits. The piece under way may still arrive.
    pub(super) fn drop_waiting(&mut self) {
        self.waiting.clear();
        self.sending = None;
        self.stuck = false;
    }

    /// Sends the next piece; waits for ever when there is none. Cancel-safe: the piece under way stays so.
    pub(super) async fn progress(&mut self) -> Result<Progress, Error> {
        let sending = match &mut self.sending {
            Some(sending) => sending,
            None if self.waiting.is_empty() => return pending().await,
            None => {
                self.since = Instant::now();
                let piece = self.waiting.split_to(self.waiting.len().min(PIECE)).freeze();
                self.sending.insert(send(self.writer.clone(), piece, self.since))
            }
        };
        let (result, piece) = sending.await;
        self.sending = None;
        match result {
            Ok(()) => {
                self.stuck = false;
                Ok(Progress::Taken)
            }
            Err(e) if e.is(Code::LimitReached) => {
                self.since = Instant::now().max(self.since + ASK_AGAIN_AFTER);
                self.sending = Some(send(self.writer.clone(), piece, self.since));
                let first = !std::mem::replace(&mut self.stuck, true);
                Ok(if first { Progress::Stuck } else { Progress::Taken })
            }
            Err(e) => Err(e),
        }
    }
}

/// Not before `at`.
fn send(writer: Writer, piece: Bytes, at: Instant) -> Sending {
    Box::pin(async move {
        tokio::time::sleep_until(at.into()).await;
        (writer.input(piece.clone()).await, piece)
    })
}
