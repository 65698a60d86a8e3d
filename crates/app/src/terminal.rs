//! One page's view of one session, over every reconnect to the session daemon.

mod actor;
mod answers;
mod typing;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

pub use answers::Question;
pub use bastide_ptyd_client::{Answer, Prompt, PromptKind, Secret};
use bastide_ptyd_client::{AttachOptions, Attachment};
use bastide_wire::Snapshot;
use bastide_wire::control::CommandNotice;
use bastide_wire::session::{ExitStatus, ViewerInfo};
pub use bastide_wire::terminal::MAX_PIECES;
use bytes::Bytes;
use jiff::Timestamp;
use tokio::sync::{mpsc, watch};
use uuid::Uuid;

use crate::context::{About, Action, Ctx};
use crate::daemon::refused;
use crate::error::{Forbidden, Together};
use crate::inputs::Page;
use crate::sessions::{Access, Found};
use crate::{Error, sessions, together};
use actor::Actor;
use answers::{Answers, MAX_ANSWERS, Said};
use typing::{Piece, Typing};

/// Events on their way to the page. Output among them is bounded by the viewer's credit; this
/// bounds the rest.
const MAX_EVENTS: usize = 64;

/// Drawn bytes that the page has acknowledged and its task has not been told of: it need not wake for
/// every key. Far below the credit, of which the daemon's client holds back a quarter itself.
const ACK_GATHER: u64 = 16 * 1024;

/// A page chooses its own id; a UUID has 36 characters.
const MAX_CLIENT: usize = 64;

/// As much scrollback as a session keeps by default.
const MAX_SCROLLBACK: u32 = 10_000;

/// How a page wants to look.
#[derive(Debug, Clone)]
pub struct Open {
    pub session: Uuid,
    pub write: bool,
    /// Go on from this position where that is possible.
    pub from: Option<u64>,
    /// The same over all connections of one page.
    pub client: String,
    /// The page has not sent any input yet.
    pub fresh: bool,
    /// Lines above the screen.
    pub scrollback: u32,
}

impl Open {
    fn action(&self) -> Action {
        if self.write { Action::SessionWrite } else { Action::SessionWatch }
    }
}

/// What a page is told. Positions count the backend's raw bytes.
#[derive(Debug)]
pub enum Event {
    /// Output goes on at `pos`; unless resumed, a snapshot comes next. `input` is the last piece
    /// taken from this page, `None` when that is not known.
    Hello {
        pos: u64,
        resumed: bool,
        input: Option<u32>,
    },
    Snapshot(Box<Snapshot>),
    Output {
        pos: u64,
        data: Bytes,
    },
    Resized {
        pos: u64,
        cols: u16,
        rows: u16,
    },
    Lagged {
        pos: u64,
    },
    Notice {
        kind: String,
        text: String,
        command: Option<Box<CommandNotice>>,
    },
    Viewers(There),
    InputTaken {
        number: u32,
    },
    InputRefused {
        number: u32,
        code: String,
        message: String,
    },
    Question(Question),
    Exit(ExitStatus),
    /// The daemon is not reachable; a new `Hello` follows when it is.
    Waiting {
        reason: String,
    },
    /// The end, and not by an exit.
    Gone(Error),
}

/// Who is in the session, and what that means for this page.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct There {
    pub viewers: Vec<ViewerInfo>,
    /// This page may type now.
    pub write: bool,
    /// This page among the viewers.
    pub you: Option<u64>,
}

/// Columns and rows.
type Size = (u16, u16);

/// A page sent more pieces than it may have under way, or more answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TooMany;

/// Dropping it detaches.
#[derive(Debug)]
pub struct Terminal {
    write: bool,
    /// The last event has been taken.
    over: bool,
    events: mpsc::Receiver<Event>,
    /// The last acknowledgement, and what of it the task was told.
    drawn: AtomicU64,
    acks: watch::Sender<u64>,
    /// The daemon waits for the last acknowledgement before it sends again: none is held back.
    lagged: AtomicBool,
    sizes: watch::Sender<Option<Size>>,
    pieces: mpsc::Sender<Piece>,
    answers: mpsc::Sender<Said>,
    rounds: Arc<typing::Rounds>,
}

impl Terminal {
    /// # Errors
    /// `NotLoggedIn`, `NotFound`, `Forbidden`, `Invalid`, `Storage`, `DaemonUnreachable`, `Daemon`.
    pub async fn open(ctx: &Ctx, open: Open) -> Result<Self, Error> {
        // Before the log is written: what may not be known leaves no entry of that session.
        sessions::find(ctx, open.action(), open.session).await?;
        if open.client.len() > MAX_CLIENT
            || !open.client.chars().all(|c| c.is_ascii_alphanumeric() || c == '-')
        {
            return Err(Error::Invalid(format!("client: at most {MAX_CLIENT} letters, digits and hyphens")));
        }
        let about = About::session(open.session).with("resumed_from", open.from);
        ctx.audited(open.action(), about, async move |ctx| {
            // First of all: from here on an earlier connection of this page types nothing.
            // Another person's page may have chosen the same name.
            let client = format!("{}/{}", ctx.person()?.user.id, open.client);
            let page = Page { session: open.session, client };
            let slot = ctx.app().inputs().open(page).await;
            if open.fresh {
                slot.lock().await.taken_none();
            }
            // The earlier connection may have been waited for.
            let ctx = ctx.fresh().await?;
            let attached = attach(&ctx, &open).await?;

            let (event_sender, events) = mpsc::channel(MAX_EVENTS);
            let (acks, acked) = watch::channel(0);
            let (sizes, sized) = watch::channel(None);
            let rounds = Arc::default();
            let (pieces, typing, worker) = Typing::new(ctx.app(), slot, &event_sender, (&rounds, sized));
            let write = open.write;
            let (answers, said) = mpsc::channel(MAX_ANSWERS);
            let channels = (event_sender, acked);
            let actor = Actor::new(ctx.clone(), open, channels, typing, Answers::new(said));
            // One task: a key's answer and its echo, which come together, wake it once. The answer first, which
            // goes to the page with the echo.
            let both = async move { tokio::join!(biased; worker.run(), actor.run(attached)) };
            ctx.app().tasks().spawn("terminal", both);
            Ok(Self {
                write,
                over: false,
                events,
                drawn: AtomicU64::new(0),
                acks,
                lagged: AtomicBool::new(false),
                sizes,
                pieces,
                answers,
                rounds,
            })
        })
        .await
    }

    pub fn write(&self) -> bool {
        self.write
    }

    /// `None` after the exit or after `Gone`. Cancel-safe.
    pub async fn next(&mut self) -> Option<Event> {
        if self.over {
            return None;
        }
        let event = self.events.recv().await;
        self.over = matches!(event, None | Some(Event::Exit(_) | Event::Gone(_)));
        match event {
            Some(Event::Lagged { .. }) => {
                *self.lagged.get_mut() = true;
                self.tell_acks(0);
            }
            Some(Event::Snapshot(_)) => *self.lagged.get_mut() = false,
            _ => {}
        }
        event
    }

    /// Everything before `pos` has been drawn.
    pub fn ack(&self, pos: u64) {
        self.drawn.fetch_max(pos, Ordering::Relaxed);
        self.tell_acks(if self.lagged.load(Ordering::Relaxed) { 0 } else { ACK_GATHER });
    }

    /// Tells the task what has been drawn if it knows of less by more than `gathered` bytes.
    fn tell_acks(&self, gathered: u64) {
        let drawn = self.drawn.load(Ordering::Relaxed);
        self.acks.send_if_modified(|told| {
            let forward = drawn > told.saturating_add(gathered);
            if forward {
                *told = drawn;
            }
            forward
        });
    }

    /// Wants this size; the last one asked for counts.
    pub fn resize(&self, cols: u16, rows: u16) {
        if self.write {
            self.sizes.send_replace(Some((cols, rows)));
        }
    }

    /// Types. The answer is `InputTaken` or `InputRefused`.
    ///
    /// # Errors
    /// `TooMany`: the page does not keep to its window.
    pub fn input(&self, number: u32, data: Bytes) -> Result<(), TooMany> {
        let piece = Piece { number, data, round: self.rounds.now() };
        self.pieces.try_send(piece).map_err(|_| TooMany)
    }

    /// Answers a question.
    ///
    /// # Errors
    /// `TooMany`: the page answers more than it was asked.
    pub fn answer(&self, prompt_id: Uuid, answer: Answer) -> Result<(), TooMany> {
        self.answers.try_send(Said { prompt_id, answer }).map_err(|_| TooMany)
    }

    /// Drops the input that waits for the program.
    pub fn cancel_input(&self) {
        self.rounds.cancel();
    }
}

/// An attachment, whose session it is of, and when the right to it ends by itself.
struct Attached {
    attachment: Attachment,
    owner: Option<Uuid>,
    access: Access,
    until: Option<Timestamp>,
}

/// Finds the session and becomes its viewer.
async fn attach(ctx: &Ctx, open: &Open) -> Result<Attached, Error> {
    let found = sessions::find(ctx, open.action(), open.session).await?;
    let options = if open.write { AttachOptions::writer() } else { AttachOptions::reader() };
    let options = options
        .scrollback(open.scrollback.min(MAX_SCROLLBACK))
        .from(open.from)
        .client(found.grant.person().user.username.as_str());
    let options = match together::about(ctx, (open.session, found.owner), &found.held) {
        Some(about) => options.about(about),
        None => options,
    };
    let client = ctx.app().daemon().client()?;
    let attachment = client.attach(found.number, options).await.map_err(|e| match e.code() {
        Some("NOT_FOUND") => Error::session(open.session),
        Some("BARRED") => Forbidden::Together(Together::ShownOut { by: None }).into(),
        _ => refused(e),
    })?;
    let Found { owner, held, .. } = found;
    Ok(Attached { attachment, owner, access: held.access, until: held.until })
}
