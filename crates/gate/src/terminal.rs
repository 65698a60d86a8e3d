//! A session in the client's terminal: the same one that a page would show.

use std::collections::{BTreeMap, VecDeque};
use std::future::pending;
use std::pin::Pin;

use bastide_app::sessions::{self, NewSession};
use bastide_app::terminal::{
    Answer, Event as Shown, MAX_PIECES, Open, Prompt, PromptKind, Question, Terminal,
};
use bastide_app::{Ctx, Error};
use bytes::Bytes;
use uuid::Uuid;
use zeroize::Zeroizing;

use crate::channel::{Failed, Visit};
use crate::held;
use crate::inbox::{Event, Urgent};
use crate::line::{Line, Typed};
use crate::menu::Choice;
use crate::peer::{End, FAILED, Gone, Peer, visible};

/// Seconds that a shell stays when its client is gone.
const KEEP: u64 = 600;
/// A command in a terminal is ended when its client goes; this is for where that cannot be said.
const KEEP_COMMAND: u64 = 30;
/// One piece of input; the session takes no larger ones.
const PIECE: usize = 32 * 1024;
/// Output on its way to the client, in pieces of at most 64 KB.
const UNDER_WAY: usize = 4;
/// Before a snapshot: what the earlier screen may have left (VT510: DECSTR; xterm: the other screen off), and an empty
/// screen.
const FRESH: &[u8] = b"\x1b[!p\x1b[?1049l\x1b[?1000;1002;1003;1006;1004;2004l\x1b[0m\x1b[H\x1b[2J";

/// Output, and the position after it.
type Piece = (Bytes, Option<u64>);

/// Opens a session, or goes back to one, and stays until one side ends it.
pub(crate) async fn serve(
    visit: &Visit,
    (choice, mut size): (Choice, (u16, u16)),
    (env, command): (BTreeMap<String, String>, Option<String>),
) -> Result<End, Failed> {
    let ctx = visit.ctx.again().await?.ok_or(Error::NotLoggedIn)?;
    let ends = command.is_some();
    let (session, new) = match choice {
        Choice::Session(uid) => (uid, false),
        Choice::Server(on) => {
            let keep = if ends { KEEP_COMMAND } else { KEEP };
            let new = NewSession { server: Some(on), detach_keep: Some(keep), env, ..wanted(size) };
            let session = match command {
                Some(command) => {
                    let (session, other) = held::in_terminal(visit, &ctx, (new, command)).await?;
                    size = other.unwrap_or(size);
                    session
                }
                None => sessions::create(&ctx, new).await?.session.uid,
            };
            (session, true)
        }
        Choice::Here => {
            let new = NewSession { detach_keep: Some(KEEP), env, ..wanted(size) };
            (sessions::create(&ctx, new).await?.session.uid, true)
        }
    };
    let terminal = open(&ctx, session, new).await?;
    terminal.resize(size.0, size.1);
    let mut screen = Screen {
        terminal,
        sending: Sending::new(&visit.peer),
        questions: VecDeque::new(),
        counts: false,
        typed: 0,
        taken: 0,
        refused: String::new(),
        line: None,
    };
    let end = screen.run(visit).await;
    if let (true, Err(Failed::Gone)) = (ends, &end) {
        // Where it has ended already there is nothing to end.
        let _ = sessions::end(&ctx, session).await;
    }
    let end = end?;
    // What is under way still goes out; the session is left before.
    let Screen { sending, terminal, .. } = screen;
    drop(terminal);
    sending.rest().await?;
    Ok(end)
}

fn wanted(size: (u16, u16)) -> NewSession {
    NewSession { size: Some(size), ..NewSession::default() }
}

async fn open(ctx: &Ctx, session: Uuid, new: bool) -> Result<Terminal, Error> {
    let open = Open {
        session,
        write: true,
        // A new one is followed from its first byte.
        from: new.then_some(0),
        client: Uuid::new_v4().to_string(),
        fresh: true,
        scrollback: 0,
    };
    Terminal::open(ctx, open).await
}

/// Output on its way to the client: one piece is sent, others wait. While the client's terminal stands still, its keys
/// are heard.
///
/// It is polled by whoever fills it. With a channel between the two, each echo would wake the task that is running
/// anyway, and with it another thread, before it goes out.
struct Sending<'a> {
    peer: &'a Peer,
    waiting: VecDeque<Piece>,
    current: Option<(Sent<'a>, Option<u64>)>,
}

/// A piece that is being sent.
type Sent<'a> = Pin<Box<dyn Future<Output = Result<(), Gone>> + Send + 'a>>;

impl<'a> Sending<'a> {
    fn new(peer: &'a Peer) -> Self {
        Self { peer, waiting: VecDeque::new(), current: None }
    }

    fn has_room(&self) -> bool {
        self.waiting.len() < UNDER_WAY
    }

    /// Sends the next piece: the position after it, where it has one. Waits for ever when there is none. Cancel-safe.
    async fn next(&mut self) -> Result<Option<u64>, Gone> {
        if self.current.is_none() {
            let peer = self.peer;
            let next = self.waiting.pop_front();
            self.current = next.map(|(bytes, pos)| -> (Sent<'a>, _) { (Box::pin(peer.output(bytes)), pos) });
        }
        let Some((sending, pos)) = &mut self.current else { return pending().await };
        let sent = sending.await;
        let pos = *pos;
        self.current = None;
        sent.map(|()| pos)
    }

    /// All that is left.
    async fn rest(mut self) -> Result<(), Gone> {
        while self.current.is_some() || !self.waiting.is_empty() {
            self.next().await?;
        }
        Ok(())
    }
}

struct Screen<'a> {
    terminal: Terminal,
    sending: Sending<'a>,
    /// What is asked, first the one that is being answered.
    questions: VecDeque<Prompt>,
    /// The session has said from which number on it counts: what is typed before would stand under a wrong one.
    counts: bool,
    /// Pieces of input, and those that were taken or refused.
    typed: u32,
    taken: u32,
    /// Why what is typed is refused, as it was last told.
    refused: String,
    /// The answer while it is typed.
    line: Option<Line>,
}

impl Screen<'_> {
    async fn run(&mut self, visit: &Visit) -> Result<End, Failed> {
        loop {
            let room = self.sending.has_room();
            let under_way = self.typed.saturating_sub(self.taken);
            // An answer is shown while it is typed.
            let shows = self.line.is_none() || room;
            let free = self.counts && shows && under_way < u32::try_from(MAX_PIECES).unwrap_or(u32::MAX);
            tokio::select! {
                sent = self.sending.next() => if let Some(pos) = sent? {
                    self.terminal.ack(pos);
                },
                shown = self.terminal.next(), if room => match shown {
                    Some(shown) => if let Some(end) = self.show(shown) {
                        return Ok(end);
                    },
                    None => return Ok(End::Status(0)),
                },
                event = visit.inbox.next(), if free => match event {
                    Some(Event::Data(bytes)) => self.hear(bytes),
                    // A shell reads the end of its input from its terminal, as Ctrl-D.
                    Some(_) => {}
                    None => return Err(Failed::Gone),
                },
                urgent = visit.inbox.urgent() => match urgent {
                    Urgent::Size((cols, rows)) => self.terminal.resize(cols, rows),
                    // Ctrl-C and its like come as keys; ssh(1) sends no signals for a terminal.
                    Urgent::Signal(_) => {}
                    Urgent::Closed => return Err(Failed::Gone),
                },
            }
        }
    }

    /// How it ended, when it has.
    fn show(&mut self, shown: Shown) -> Option<End> {
        match shown {
            Shown::Output { pos, data } => {
                let after = pos + data.len() as u64;
                self.write(data, Some(after));
            }
            Shown::Snapshot(snapshot) => {
                let mut bytes = FRESH.to_vec();
                bytes.extend_from_slice(snapshot.restore.as_deref().unwrap_or_default());
                self.write(Bytes::from(bytes), snapshot.pos);
            }
            Shown::InputTaken { .. } => {
                self.taken += 1;
                self.refused.clear();
            }
            Shown::InputRefused { number, message, .. } => {
                // With it all after it; the next piece stands under its number.
                self.typed = number.saturating_sub(1);
                self.taken = self.typed;
                // Said once, not with every key.
                if self.refused != message {
                    self.tell(&message);
                    self.refused = message;
                }
            }
            Shown::Hello { input, .. } => {
                self.counts = true;
                self.typed = input.unwrap_or(0);
                self.taken = self.typed;
            }
            Shown::Notice { text, .. } => self.tell(&text),
            Shown::Question(Question::Asked(prompt)) => {
                self.questions.push_back(*prompt);
                if self.questions.len() == 1 {
                    self.ask();
                }
            }
            Shown::Question(Question::Closed(id)) => {
                let first = self.questions.front().is_some_and(|prompt| prompt.prompt_id == id);
                self.questions.retain(|prompt| prompt.prompt_id != id);
                if first {
                    self.line = None;
                    self.ask();
                }
            }
            Shown::Waiting { reason } => self.tell(&format!("waiting: {reason}")),
            Shown::Exit(status) => return Some(end(status.code, status.signal)),
            Shown::Gone(error) => {
                self.tell(&error.to_string());
                return Some(FAILED);
            }
            Shown::Resized { .. } | Shown::Lagged { .. } | Shown::Viewers(_) => {}
        }
        None
    }

    fn hear(&mut self, bytes: Bytes) {
        let mut rest = bytes;
        while !rest.is_empty() && self.line.is_some() {
            let taken = self.answer(&rest);
            rest = rest.slice(taken..);
        }
        while !rest.is_empty() {
            let piece = rest.split_to(rest.len().min(PIECE));
            self.typed += 1;
            // The window was looked at; one message of the client is one piece, or two.
            if self.terminal.input(self.typed, piece).is_err() {
                self.taken += 1;
            }
        }
    }

    /// Puts the first question on the screen.
    fn ask(&mut self) {
        let Some(prompt) = self.questions.front() else { return };
        let text = match prompt.kind {
            PromptKind::HostKey => format!("{}\r\nIs it the right one? (yes/no) ", visible(&prompt.text)),
            _ => format!("{}: {} ", visible(&prompt.server), visible(prompt.text.trim_end())),
        };
        self.line = Some(Line::new(prompt.echo || prompt.kind == PromptKind::HostKey));
        self.write(Bytes::from(text), None);
    }

    /// Takes what is typed to the first question; how many bytes that were.
    fn answer(&mut self, bytes: &[u8]) -> usize {
        let Some(line) = &mut self.line else { return 0 };
        let (taken, typed, shown) = line.take(bytes);
        self.write(Bytes::from(shown), None);
        let kind = self.questions.front().map(|prompt| prompt.kind);
        let answer = match typed {
            Typed::More => return taken,
            Typed::Given => Answer::Refuse,
            Typed::Line(text) if kind == Some(PromptKind::HostKey) => match text.trim() {
                "yes" => Answer::Accept,
                "no" => Answer::Refuse,
                _ => {
                    self.write(Bytes::from_static(b"yes or no? "), None);
                    return taken;
                }
            },
            Typed::Line(text) => Answer::Text(secret(&text)),
        };
        self.line = None;
        if let Some(prompt) = self.questions.pop_front() {
            // A question that is closed by now needs none.
            let _ = self.terminal.answer(prompt.prompt_id, answer);
        }
        self.ask();
        taken
    }

    fn tell(&mut self, text: &str) {
        self.write(notice(text), None);
    }

    fn write(&mut self, bytes: Bytes, pos: Option<u64>) {
        if !bytes.is_empty() || pos.is_some() {
            self.sending.waiting.push_back((bytes, pos));
        }
    }
}

/// Something that this side says, on a line of its own.
pub(crate) fn notice(text: &str) -> Bytes {
    Bytes::from(format!("\r\n[bastide] {}\r\n", visible(text)))
}

fn secret(text: &Zeroizing<String>) -> bastide_app::terminal::Secret {
    bastide_app::terminal::Secret::new(text.as_str())
}

/// signal(7): a program that a signal ended.
fn end(code: i32, signal: Option<i32>) -> End {
    let name = signal.and_then(|number| match number {
        1 => Some("HUP"),
        2 => Some("INT"),
        3 => Some("QUIT"),
        6 => Some("ABRT"),
        9 => Some("KILL"),
        11 => Some("SEGV"),
        13 => Some("PIPE"),
        15 => Some("TERM"),
        _ => None,
    });
    match name {
        Some(name) => End::Signal(name.to_owned()),
        None => End::Status(u32::try_from(code).unwrap_or(255)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_end_is_told_as_ssh_tells_it() {
        assert_eq!(end(3, None), End::Status(3));
        assert_eq!(end(137, Some(9)), End::Signal("KILL".to_owned()));
        assert_eq!(end(-1, None), End::Status(255));
    }
}
