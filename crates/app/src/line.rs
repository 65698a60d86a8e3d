//! Line mode: the server owns the editor. Each line is judged, held where a second person has to approve it, and only
//! then leaves for the device. Nothing of a line is there before its verdict.
//!
//! One task for each session. It ends with whoever holds [`Lines`], and what runs there ends with it.

mod actor;
mod driver;
mod linux;
mod tape;

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use bastide_policy::Text;
use bastide_store::{Opened, Place, RecordingState};
use jiff::Timestamp;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, watch};
use tokio_util::sync::{CancellationToken, DropGuard};
use uuid::Uuid;

use self::actor::Actor;
use self::driver::LineDriver;
use self::linux::Linux;
use self::tape::Tape;
use crate::context::{About, Action, Ctx};
use crate::exec::{Beginning, Held, LONGEST, MAX_COMMAND, check_command, is_unix, record};
use crate::sessions::{Recording, Session, Shown, State};
use crate::{Error, rules, servers};

/// Lines that wait for the one before them: more than anybody types ahead.
const MAX_AHEAD: usize = 64;
/// What is told and not taken yet. Then what runs is not read, and waits.
const MAX_TOLD: usize = 16;
/// As shells keep them.
const MAX_HISTORY: usize = 1000;
/// Long lines make it shorter.
const MAX_HISTORY_BYTES: usize = 1024 * 1024;
/// Each holds a task, a recorder and up to [`MAX_OUTPUT`].
const MAX_SESSIONS: usize = 256;
/// So much of what a line writes is in its answer.
pub const MAX_OUTPUT: usize = 1024 * 1024;
/// Where a line asks for no other time. Longer than for a single command: somebody looks, and has Ctrl-C.
const LINE_TIMEOUT: Duration = Duration::from_secs(600);

/// A line that somebody has typed.
#[derive(Debug, Clone)]
pub struct Asked {
    pub line: String,
    /// Its output is told as it comes, and not again at its end.
    pub stream: bool,
    pub timeout: Option<Duration>,
}

/// A line, and how many times Ctrl-C had come before it.
#[derive(Debug)]
struct Typed {
    asked: Asked,
    before: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stream {
    Output,
    Errors,
}

/// What is told of lines, in their order.
#[derive(Debug, PartialEq, Eq)]
pub enum Event {
    Started {
        line: String,
    },
    /// It waits for a second person.
    Waiting {
        line: String,
        held: Held,
    },
    Chunk {
        line: String,
        stream: Stream,
        text: String,
    },
    Ended(Done),
    /// Nothing follows. Why, for people.
    Over(String),
}

/// How a line ended.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Done {
    pub line: String,
    /// What was not told in chunks; bytes that are no UTF-8 are U+FFFD.
    pub output: String,
    pub exit_status: Option<u32>,
    /// Without `SIG`.
    pub signal: Option<String>,
    /// Why it did not run, or not to its end.
    pub error: Option<String>,
    /// The rules, or whoever had to approve it, said no.
    pub refusal: Option<Text>,
    /// More was written than is here.
    pub truncated: bool,
    /// What stands before the next line.
    pub prompt: String,
}

impl Done {
    pub fn succeeded(&self) -> bool {
        self.exit_status == Some(0) && self.error.is_none()
    }
}

/// A session of lines. Dropping it ends it.
#[derive(Debug)]
pub struct Lines {
    uid: Uuid,
    server: i64,
    credential: Option<i64>,
    /// What stood before the first line.
    prompt: String,
    asks: mpsc::Sender<Typed>,
    events: mpsc::Receiver<Event>,
    /// Counts Ctrl-C.
    interrupts: watch::Sender<u64>,
    history: History,
    _ends: DropGuard,
}

/// Lines of one session, the oldest first.
#[derive(Debug, Default)]
struct History {
    lines: VecDeque<String>,
    bytes: usize,
}

impl History {
    fn add(&mut self, line: &str) {
        self.bytes += line.len();
        self.lines.push_back(line.to_owned());
        while self.lines.len() > MAX_HISTORY || self.bytes > MAX_HISTORY_BYTES {
            self.bytes -= self.lines.pop_front().map_or(0, |line| line.len());
        }
    }
}

/// How many sessions there may be.
#[derive(Debug)]
pub(crate) struct Room(Arc<Semaphore>);

impl Default for Room {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(MAX_SESSIONS)))
    }
}

impl Room {
    fn take(&self) -> Result<OwnedSemaphorePermit, Error> {
        let free = Arc::clone(&self.0).try_acquire_owned();
        free.map_err(|_| Error::Limit(format!("{MAX_SESSIONS} sessions of lines are open: try later")))
    }
}

impl Lines {
    /// Logs in there and begins a session.
    ///
    /// # Errors
    /// `NotLoggedIn`, `NotFound`, `Forbidden`, `Invalid` also for a platform that has no line mode yet, `Limit`, `Ssh`,
    /// `Storage`.
    pub async fn open(ctx: &Ctx, server: i64, credential: Option<i64>) -> Result<Self, Error> {
        let chosen = servers::choose(ctx, Action::ServerExecute, server, credential)?;
        let target = Arc::clone(chosen.grant.target());
        if !is_unix(&target.settings.platform) {
            let platform = &target.settings.platform;
            return Err(Error::Invalid(format!("platform: there is no line mode for {platform} yet")));
        }
        let isolation = chosen.grant.person().user.uid.to_string();
        let ssh = servers::dial(ctx.app(), &target, chosen.credential, isolation).await?;
        let account = ssh.hops.last().map(|hop| hop.username.clone()).unwrap_or_default();
        let room = ctx.app().execs().lines().take()?;
        let uid = Uuid::now_v7();
        let about = About::session(uid)
            .with("server", server)
            .with("server_name", target.settings.name.as_str())
            .with("credential", credential)
            .with("does", "line mode");
        ctx.audited(Action::ServerExecute, about, async move |ctx| {
            let mut driver = Linux::new(ctx.app().execs().pool.clone(), ssh, &target.settings.name);
            driver.connect().await?;
            let prompt = driver.prompt();
            let ending = CancellationToken::new();
            let (beginning, title) = beginning(&ctx, uid, (&target, &account), (chosen.named, &ending))?;
            let mut session = ctx.app().execs().own().begin(ctx.app(), beginning).await?;
            let tape = Tape::begin(ctx.app().execs().recorders(), uid, title).await;
            if tape.is_there() {
                session.recorded(RecordingState::Recording).await?;
            }
            let (asks, asked) = mpsc::channel(MAX_AHEAD);
            let (tell, events) = mpsc::channel(MAX_TOLD);
            let interrupts = watch::Sender::new(0);
            let heard = interrupts.subscribe();
            let tasks = ctx.app().tasks().clone();
            let actor = Actor::new(ctx, (target, account), (driver, tape), (session, ending.clone()));
            tasks.spawn("line mode", async move {
                actor.run(asked, tell, heard).await;
                drop(room);
            });
            Ok(Self {
                uid,
                server,
                credential,
                prompt,
                asks,
                events,
                interrupts,
                history: History::default(),
                _ends: ending.drop_guard(),
            })
        })
        .await
    }

    /// Of the session.
    pub fn uid(&self) -> Uuid {
        self.uid
    }

    /// What stands before the first line.
    pub fn prompt(&self) -> &str {
        &self.prompt
    }

    /// Takes a line, behind those that were taken before.
    ///
    /// # Errors
    /// `Invalid` for what is no line, `Limit` when too many wait; nothing of it runs then.
    pub fn line(&mut self, asked: Asked) -> Result<(), Error> {
        check_command(&asked.line, MAX_COMMAND)?;
        if asked.timeout.is_some_and(|timeout| timeout.is_zero() || timeout > LONGEST) {
            return Err(Error::Invalid(format!("timeout: 1 to {} seconds", LONGEST.as_secs())));
        }
        let line = asked.line.clone();
        let before = *self.interrupts.borrow();
        let taken = self.asks.try_send(Typed { asked, before });
        taken.map_err(|_| Error::Limit(format!("{MAX_AHEAD} lines wait already")))?;
        if !line.trim().is_empty() {
            self.history.add(&line);
        }
        Ok(())
    }

    /// Ctrl-C: ends what runs or waits, and forgets what comes behind it.
    pub fn interrupt(&self) {
        self.interrupts.send_modify(|count| *count += 1);
    }

    /// What was typed, the oldest first.
    pub fn history(&self) -> impl Iterator<Item = &str> {
        self.history.lines.iter().map(String::as_str)
    }

    /// Looks again whether the caller may do this; if not, drop it.
    ///
    /// # Errors
    /// `NotLoggedIn`, `NotFound`, `Forbidden`, `Invalid`.
    pub fn still(&self, ctx: &Ctx) -> Result<(), Error> {
        servers::choose(ctx, Action::ServerExecute, self.server, self.credential).map(drop)
    }

    /// What happens next; `None` after [`Event::Over`]. Cancel-safe.
    pub async fn next(&mut self) -> Option<Event> {
        self.events.recv().await
    }
}

/// The session as it is remembered, and what its recording is called.
fn beginning(
    ctx: &Ctx,
    uid: Uuid,
    (server, account): (&bastide_store::Server, &str),
    (credential_id, ending): (Option<i64>, &CancellationToken),
) -> Result<(Beginning, String), Error> {
    let created = ctx.clock().now();
    let owner = Some(ctx.person()?.user.uid);
    let server_name = server.settings.name.clone();
    let title = format!("lines on {server_name}");
    let opened = Opened {
        uid,
        node: None,
        name: Some(title.clone()),
        owner,
        account: Some(account.to_owned()),
        command: Vec::new(),
        size: Some(record::SIZE),
        created,
        recording: RecordingState::Off,
    };
    let address = ctx.origin().address;
    let place = Place { session: uid, server_id: server.id, server_name, credential_id, address, created };
    let shown = shown(&opened, created);
    Ok((Beginning { opened, place, shown: Some(shown), ending: ending.clone() }, title))
}

fn shown(opened: &Opened, created: Timestamp) -> Session {
    let (cols, rows) = record::SIZE;
    Session {
        uid: opened.uid,
        name: opened.name.clone(),
        state: State::Running,
        created,
        pid: None,
        shown: Shown { cols, rows, title: None, cwd: None, label: Some(rules::LABEL.to_owned()) },
        command: Vec::new(),
        account: opened.account.clone().unwrap_or_default(),
        owner: opened.owner,
        viewers: Vec::new(),
        recording: Recording { state: RecordingState::Recording.as_str().to_owned(), reason: None },
        exit: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn history_is_bounded_by_lines_and_by_bytes() {
        let mut history = History::default();
        (0..MAX_HISTORY + 5).for_each(|number| history.add(&number.to_string()));
        assert_eq!((history.lines.len(), history.lines[0].as_str()), (MAX_HISTORY, "5"));
        let long = "x".repeat(MAX_COMMAND);
        (0..100).for_each(|_| history.add(&long));
        assert!(history.bytes <= MAX_HISTORY_BYTES);
        assert_eq!(history.bytes, history.lines.iter().map(String::len).sum::<usize>());
    }
}
