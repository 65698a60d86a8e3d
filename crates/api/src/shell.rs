//! A shell on a server for clients of earlier designs, which know text only: they are told when it is there, what it
//! says and how it ended. The session behind it is one like any other.

use std::collections::VecDeque;
use std::fmt;
use std::sync::Arc;

use bastide_app::sessions::{self, NewSession, OnServer, State};
use bastide_app::terminal::{Answer, Event, Open, Prompt, PromptKind, Question, Terminal};
use bastide_app::{Ctx, Error, Table};
use bastide_wire::session::ExitStatus;
use bastide_wire::ssh::Secret;
use bastide_wire::terminal::json::Utf8Stream;
use tokio::sync::watch;
use uuid::Uuid;
use zeroize::Zeroizing;

use crate::typed::Typed;

/// What a terminal is sent before a snapshot that replaces what it shows (ECMA-48: RIS).
const RESET: &str = "\u{1b}c";

/// Seconds that such a shell is kept when its client is gone and could not say good-bye, as when this server was
/// restarted: these clients never ask for it again.
const KEEP: u64 = 60;

/// The exit code of a shell that could not be had, or was lost with its connection.
const NO_SHELL: i32 = 255;

/// The kind of notices about the connection, and how the one begins that says that there is a shell.
const CONNECTION: &str = "ssh";
const CONNECTED: &str = "connected to ";

/// Longer than any password or code.
const MAX_ANSWER: usize = 1024;
const CTRL_C: char = '\u{3}';
const BACKSPACE: char = '\u{8}';
const DELETE: char = '\u{7f}';

/// Which shell.
#[derive(Debug)]
pub(crate) struct Wanted {
    pub(crate) server: i64,
    /// The server's default one when absent.
    pub(crate) credential: Option<i64>,
    pub(crate) size: (u16, u16),
    pub(crate) name: Option<String>,
    /// It stays when its client goes.
    pub(crate) stays: bool,
}

/// What the client is told.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Said {
    /// The shell is there.
    Connected,
    Output(String),
    /// Words for the person; the shell goes on.
    Warning(String),
    /// It was there, and has ended.
    Ended(String),
    /// There will be none, or it was lost.
    Failed(String),
}

/// A question, and as much of its answer as has been typed.
struct Asking {
    id: Uuid,
    echo: bool,
    line: Zeroizing<String>,
}

impl fmt::Debug for Asking {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Asking").field("id", &self.id).finish_non_exhaustive()
    }
}

#[derive(Debug)]
pub(crate) struct Shell {
    uid: Uuid,
    stays: bool,
    terminal: Terminal,
    live: watch::Receiver<Arc<Table>>,
    typed: Typed,
    text: Utf8Stream,
    /// A snapshot after the first replaces what is shown.
    shown: bool,
    connected: bool,
    /// What follows what the client was told last.
    waiting: VecDeque<Said>,
    /// What the server asks, first the one that is being answered.
    questions: VecDeque<Asking>,
    /// The last word about the connection.
    reason: Option<String>,
    over: bool,
}

impl Shell {
    /// # Errors
    /// Those of opening a session and attaching to it.
    pub(crate) async fn open(ctx: &Ctx, wanted: Wanted) -> Result<Self, Error> {
        let new = NewSession {
            name: wanted.name,
            size: Some(wanted.size),
            server: Some(OnServer { server: wanted.server, credential: wanted.credential }),
            detach_keep: (!wanted.stays).then_some(KEEP),
            ..NewSession::default()
        };
        let uid = sessions::create(ctx, new).await?.session.uid;
        Self::attach(ctx, uid, wanted.stays).await
    }

    /// # Errors
    /// Those of attaching to a session.
    pub(crate) async fn attach(ctx: &Ctx, uid: Uuid, stays: bool) -> Result<Self, Error> {
        let open = Open {
            session: uid,
            write: true,
            from: None,
            client: Uuid::new_v4().to_string(),
            fresh: true,
            scrollback: 0,
        };
        let terminal = Terminal::open(ctx, open).await?;
        Ok(Self {
            uid,
            stays,
            terminal,
            live: ctx.app().live(),
            typed: Typed::default(),
            text: Utf8Stream::default(),
            shown: false,
            connected: false,
            waiting: VecDeque::new(),
            questions: VecDeque::new(),
            reason: None,
            over: false,
        })
    }

    /// Whether more may be typed now; while not, the client's next input waits unread.
    pub(crate) fn takes_input(&self) -> bool {
        self.typed.open()
    }

    /// The session.
    pub(crate) fn uid(&self) -> Uuid {
        self.uid
    }

    /// Whether the client was told that there is a shell.
    pub(crate) fn was_there(&self) -> bool {
        self.connected
    }

    pub(crate) fn input(&mut self, data: String) {
        match self.questions.is_empty() {
            true => self.typed.add(&self.terminal, data),
            false => self.answer(&data),
        }
    }

    /// These clients have no place for questions: they are asked in the terminal, and the next line is the answer.
    fn answer(&mut self, typed: &str) {
        let mut rest = typed.chars();
        while let (Some(asking), Some(key)) = (self.questions.front_mut(), rest.next()) {
            let answer = match key {
                '\r' | '\n' => Answer::Text(Secret::new(std::mem::take(&mut asking.line).as_str())),
                CTRL_C => Answer::Refuse,
                BACKSPACE | DELETE => {
                    if asking.line.pop().is_some() && asking.echo {
                        self.waiting.push_back(Said::Output("\u{8} \u{8}".to_owned()));
                    }
                    continue;
                }
                key if key.is_control() || asking.line.len() >= MAX_ANSWER => continue,
                key => {
                    asking.line.push(key);
                    if asking.echo {
                        self.waiting.push_back(Said::Output(key.to_string()));
                    }
                    continue;
                }
            };
            // More answers than it was asked for are none.
            self.terminal.answer(asking.id, answer).ok();
            self.questions.pop_front();
            self.waiting.push_back(Said::Output("\r\n".to_owned()));
        }
        let rest = rest.as_str();
        if !rest.is_empty() {
            self.typed.add(&self.terminal, rest.to_owned());
        }
    }

    fn asked(&mut self, prompt: &Prompt) -> Said {
        let Prompt { prompt_id, kind, server, text, echo, key, .. } = prompt;
        if *kind == PromptKind::HostKey {
            // Nobody says yes without having been able to look: the page of ours asks.
            self.terminal.answer(*prompt_id, Answer::Refuse).ok();
            self.over = true;
            let key = key.as_ref().map(|key| format!("{} {}", key.algorithm, key.fingerprint));
            let key = key.unwrap_or_default();
            return Said::Failed(format!(
                "the host key of {server} is not known yet: {key}; compare it and accept it in the web page, or let an \
                 administrator add it"
            ));
        }
        self.questions.push_back(Asking { id: *prompt_id, echo: *echo, line: Zeroizing::default() });
        let end = if text.ends_with([' ', '\n']) { "" } else { " " };
        Said::Output(format!("{}{end}", text.replace('\n', "\r\n")))
    }

    fn taken_back(&mut self, id: Uuid) -> Option<Said> {
        let before = self.questions.len();
        self.questions.retain(|asking| asking.id != id);
        (self.questions.len() < before).then(|| Said::Output("\r\n".to_owned()))
    }

    pub(crate) fn resize(&self, cols: u16, rows: u16) {
        self.terminal.resize(cols, rows);
    }

    /// `None` after `Ended` or `Failed`. Cancel-safe.
    pub(crate) async fn next(&mut self) -> Option<Said> {
        if let Some(said) = self.waiting.pop_front() {
            return Some(said);
        }
        while !self.over {
            let event = tokio::select! {
                event = self.terminal.next() => event,
                // A shell that says nothing is there all the same.
                Ok(_) = self.live.wait_for(there(self.uid)), if !self.connected => {
                    self.connected = true;
                    return Some(Said::Connected);
                }
            };
            let said = match event {
                Some(event) => self.said(event),
                None => Some(self.lost("the session is gone".to_owned())),
            };
            if said.is_some() {
                return said;
            }
        }
        None
    }

    /// Ends what does not stay.
    pub(crate) async fn leave(self, ctx: &Ctx) {
        if self.stays || self.over {
            return;
        }
        let ended = match ctx.again().await {
            Ok(Some(ctx)) => sessions::end(&ctx, self.uid).await,
            // Whoever may not any more has lost the session already; if not, it ends as one that was left.
            Ok(None) => return,
            Err(error) => Err(error),
        };
        if let Err(error) = ended {
            tracing::debug!(%error, session = %self.uid, "a session that was left is not ended at once");
        }
    }

    fn said(&mut self, event: Event) -> Option<Said> {
        match event {
            Event::Output { pos, data } => {
                let text = self.text.push(&data);
                // The client has no way to say what it has drawn: what its socket takes counts.
                self.terminal.ack(pos + data.len() as u64);
                self.output(text)
            }
            Event::Snapshot(snapshot) => {
                let restore = snapshot.restore.as_deref().unwrap_or_default();
                self.text = Utf8Stream::default();
                let mut text = if self.shown { RESET.to_owned() } else { String::new() };
                self.shown = true;
                // Nothing has been written yet: an empty screen is no sign of a shell.
                if snapshot.pos.unwrap_or_default() == 0 {
                    return None;
                }
                text.push_str(&self.text.push(restore));
                self.output(text)
            }
            Event::Hello { input, .. } => {
                let certain = self.typed.resume(&self.terminal, input);
                (!certain).then(|| Said::Warning("input of the last moment may be lost".to_owned()))
            }
            Event::InputTaken { number } => {
                self.typed.taken(&self.terminal, number);
                None
            }
            Event::InputRefused { code, .. } if code == "LIMIT_REACHED" => {
                self.typed.again(&self.terminal);
                None
            }
            Event::InputRefused { number, message, .. } => {
                self.typed.give_up(number);
                Some(Said::Warning(message))
            }
            Event::Notice { kind, text, .. } if kind == CONNECTION => {
                let there = text.starts_with(CONNECTED);
                self.reason = (!there).then_some(text);
                (there && !std::mem::replace(&mut self.connected, true)).then_some(Said::Connected)
            }
            Event::Notice { text, .. } => Some(Said::Warning(text)),
            Event::Waiting { reason } => Some(Said::Warning(reason)),
            Event::Exit(status) => Some(self.exit(&status)),
            Event::Gone(error) => Some(self.lost(error.to_string())),
            Event::Question(Question::Asked(prompt)) => Some(self.asked(&prompt)),
            Event::Question(Question::Closed(id)) => self.taken_back(id),
            Event::Resized { .. } | Event::Lagged { .. } | Event::Viewers(_) => None,
        }
    }

    fn output(&mut self, text: String) -> Option<Said> {
        if std::mem::replace(&mut self.connected, true) {
            return (!text.is_empty()).then_some(Said::Output(text));
        }
        if !text.is_empty() {
            self.waiting.push_back(Said::Output(text));
        }
        Some(Said::Connected)
    }

    fn exit(&mut self, status: &ExitStatus) -> Said {
        self.over = true;
        let reason = self.reason.take();
        if !self.connected || (status.code == NO_SHELL && reason.is_some()) {
            return Said::Failed(reason.unwrap_or_else(|| "there is no shell".to_owned()));
        }
        Said::Ended(match status.signal {
            Some(signal) => format!("the shell was ended by signal {signal}"),
            None => format!("the shell ended with exit status {}", status.code),
        })
    }

    fn lost(&mut self, why: String) -> Said {
        self.over = true;
        Said::Failed(why)
    }
}

/// Whether a session has its shell.
fn there(uid: Uuid) -> impl Fn(&Arc<Table>) -> bool {
    move |table| table.sessions.get(&uid).is_some_and(|session| session.state == State::Running)
}
