//! What a page types, taken one piece after the other beside everything else: a program that does
//! not read holds up its own input and nothing more.

use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use bastide_ptyd_client::{self as ptyd, Writer};
use bastide_rt::Shutdown;
use bytes::Bytes;
use tokio::sync::{mpsc, watch};

use super::{Event, MAX_PIECES, Size};
use crate::Error;
use crate::app::App;
use crate::error::Forbidden;
use crate::inputs::{Held, Slot, Turn};

/// A piece on its way when the server stops is waited for this long; a program that reads takes it
/// within milliseconds.
const LAST_PIECE: Duration = Duration::from_millis(500);

#[derive(Debug)]
pub(super) struct Piece {
    pub(super) number: u32,
    pub(super) data: Bytes,
    pub(super) round: Round,
}

/// When a piece came: pieces of an earlier attachment are dropped, for the page sends them again;
/// pieces from before a cancel count as taken, and go nowhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Round {
    attachment: u32,
    cancel: u32,
}

#[derive(Debug, Default)]
pub(super) struct Rounds {
    attachment: AtomicU32,
    cancel: AtomicU32,
}

impl Rounds {
    pub(super) fn now(&self) -> Round {
        Round {
            attachment: self.attachment.load(Ordering::Acquire),
            cancel: self.cancel.load(Ordering::Acquire),
        }
    }

    pub(super) fn cancel(&self) {
        self.cancel.fetch_add(1, Ordering::AcqRel);
    }
}

/// What types; to be run beside the actor.
pub(super) struct Worker {
    pieces: mpsc::Receiver<Piece>,
    writers: watch::Receiver<Option<Writer>>,
    sizes: watch::Receiver<Option<Size>>,
    slot: Slot,
    rounds: Arc<Rounds>,
    events: mpsc::Sender<Event>,
    shutdown: Shutdown,
}

/// The actor's hand on it.
#[derive(Debug)]
pub(super) struct Typing {
    slot: Slot,
    rounds: Arc<Rounds>,
    writer: watch::Sender<Option<Writer>>,
}

impl Typing {
    pub(super) fn new(
        app: &App,
        slot: Slot,
        events: &mpsc::Sender<Event>,
        (rounds, sizes): (&Arc<Rounds>, watch::Receiver<Option<Size>>),
    ) -> (mpsc::Sender<Piece>, Self, Worker) {
        // Beside a window of pieces, those of the window before, which are passed over after a refusal.
        let (sender, pieces) = mpsc::channel(2 * MAX_PIECES);
        let (writer, writers) = watch::channel(None);
        let worker = Worker {
            pieces,
            writers,
            sizes,
            slot: slot.clone(),
            rounds: Arc::clone(rounds),
            events: events.clone(),
            shutdown: app.shutdown().clone(),
        };
        (sender, Self { slot, rounds: Arc::clone(rounds), writer }, worker)
    }

    /// The right to type came or went.
    pub(super) fn keyboard(&self, writer: Option<Writer>) {
        self.writer.send_replace(writer);
    }

    /// A new attachment: what came before and was not taken the page sends again. Returns the last
    /// piece that was taken.
    pub(super) async fn attached(&self, writer: Option<Writer>) -> Option<u32> {
        self.rounds.attachment.fetch_add(1, Ordering::AcqRel);
        // After the piece that is on its way.
        let last = self.slot.lock().await.last();
        self.writer.send_replace(writer);
        last
    }
}

impl Worker {
    pub(super) async fn run(mut self) {
        loop {
            let piece = tokio::select! {
                // A size that was asked for before a piece is there before it.
                biased;
                Ok(()) = self.sizes.changed() => {
                    self.resize().await;
                    continue;
                }
                piece = self.pieces.recv() => match piece {
                    Some(piece) => piece,
                    None => return,
                },
            };
            if self.shutdown.is_draining() || piece.round.attachment != self.rounds.now().attachment {
                continue;
            }
            let slot = self.slot.clone();
            let mut held = slot.lock().await;
            let event = match held.turn(piece.number) {
                Turn::TooEarly => continue,
                Turn::Superseded => {
                    Event::Gone(Error::Invalid("this page has a newer connection".to_owned()))
                }
                Turn::AlreadyTaken => Event::InputTaken { number: piece.number },
                Turn::Take => match self.take(&piece, &mut held).await {
                    Some(event) => event,
                    None => continue,
                },
            };
            drop(held);
            if self.events.send(event).await.is_err() {
                // Nobody hears the answers any more, and the page's next connection knows them.
                return;
            }
        }
    }

    async fn take(&mut self, piece: &Piece, held: &mut Held<'_>) -> Option<Event> {
        let number = piece.number;
        let rounds = Arc::clone(&self.rounds);
        let cancelled = || piece.round.cancel != rounds.now().cancel;
        let writer = self.writers.borrow().clone();
        let written = match writer {
            _ if cancelled() => Ok(()),
            Some(writer) => self.write(&writer, piece.data.clone()).await,
            None => {
                held.refused(number);
                let (code, message) = ("READ_ONLY".to_owned(), Forbidden::WatchOnly.to_string());
                return Some(Event::InputRefused { number, code, message });
            }
        };
        match written {
            Err(ptyd::Error::Reply { code, message }) if !(code == "LIMIT_REACHED" && cancelled()) => {
                held.refused(number);
                Some(Event::InputRefused { number, code, message })
            }
            Ok(()) | Err(ptyd::Error::Reply { .. }) => {
                held.took(number);
                Some(Event::InputTaken { number })
            }
            // The connection broke: the actor sees it too, and greets the page anew.
            Err(_) => {
                held.lost_track();
                None
            }
        }
    }

    /// Sizes go on while a piece waits: a program that does not read may still be looked at.
    async fn write(&mut self, writer: &Writer, data: Bytes) -> Result<(), ptyd::Error> {
        let shutdown = self.shutdown.clone();
        let mut too_late = pin!(async {
            shutdown.draining().await;
            tokio::time::sleep(LAST_PIECE).await;
        });
        let mut written = pin!(writer.input(data));
        loop {
            tokio::select! {
                written = written.as_mut() => return written,
                () = too_late.as_mut() => return Err(ptyd::Error::Closed { why: "the server stops".to_owned() }),
                Ok(()) = self.sizes.changed() => self.resize().await,
            }
        }
    }

    async fn resize(&mut self) {
        let wanted = *self.sizes.borrow_and_update();
        let writer = self.writers.borrow().clone();
        let (Some((cols, rows)), Some(writer)) = (wanted, writer) else { return };
        if let Err(e) = writer.resize(cols, rows).await
            && let Some(code) = e.code()
        {
            let notice = Event::Notice { kind: code.to_owned(), text: e.to_string(), command: None };
            // A page that is gone is noticed by the actor.
            self.events.send(notice).await.ok();
        }
    }
}
