//! Reading the command line from the screen when Enter is typed.
//!
//! What is typed goes through here in pieces: up to the end of a line at once, and the end itself when the screen
//! has shown what will be sent and the rules have been asked. It helps against mistakes and stops nobody who
//! means it: what the shell makes of a line is not on the screen.
//!
//! This is a machine without clock and I/O: it is told the time, and says when it wants to be asked again.

mod reading;
#[cfg(test)]
mod screens;
#[cfg(test)]
mod tests;
mod typed;

use std::time::{Duration, Instant};

use bastide_vt::{CursorLine, Terminal};
use bytes::{Bytes, BytesMut};
use sha2::{Digest, Sha256};
use uuid::Uuid;

pub(crate) use reading::Line;
use typed::{Typed, line_end};

/// Output this old is all that will come of what was typed: longer than any shell takes to redraw a line, and
/// than most networks' delay is uneven.
const QUIET: Duration = Duration::from_millis(50);
/// Without any echo for so long, there will be none: a password.
const NO_ECHO: Duration = Duration::from_millis(400);
/// A line is read as it stands after this time, and what was pasted after a line goes on.
const SETTLE_LIMIT: Duration = Duration::from_secs(1);
/// Bytes that may wait here for a line before them.
pub(crate) const PENDING: usize = 256 * 1024;
/// How often a refused line is cleared while it is still there.
const CLEARS: u8 = 3;
/// Ctrl-C: gives a line up, here and there.
const INTERRUPT: u8 = 0x03;
/// Lines of a command that goes on are judged together up to this; the rules look at no more.
const CARRIED: usize = 16 * 1024;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// What is typed goes on until a line ends.
    Open,
    /// The line's end waits until the screen shows the line.
    Settling { since: Instant },
    /// The rules are being asked.
    Asked,
    /// A second person is.
    Held(Uuid),
    /// A line has gone; the next one waits for its prompt.
    Sent { since: Instant },
    /// A refused line is being cleared there; what is typed must not be added to it.
    Clearing { since: Instant, tries: u8 },
}

/// What to do next.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Next {
    /// Nothing, until something comes or [`Watched::wakes_at`].
    Wait,
    Send(Bytes),
    /// Ask the rules; then [`Watched::pass`], [`Watched::refuse`] or [`Watched::hold`].
    Ask(Line),
}

pub(crate) struct Watched {
    pending: BytesMut,
    stage: Stage,
    /// In a bracketed paste: ends of lines in it send nothing.
    pasting: bool,
    typed: Typed,
    /// What stood left of the cursor when the first key of this line was typed: the prompt.
    prompt: Option<String>,
    /// What the lines before it are, when this one goes on.
    carried: String,
    /// When something last went out.
    sent_at: Option<Instant>,
    /// When something last came in.
    output_at: Instant,
    /// Something came after it.
    echoed: bool,
    wakes_at: Option<Instant>,
    held: Option<Line>,
    /// The screen's line that is being cleared.
    refused: String,
}

impl Watched {
    pub(crate) fn new(now: Instant) -> Self {
        Self {
            pending: BytesMut::new(),
            stage: Stage::Open,
            pasting: false,
            typed: Typed::default(),
            prompt: None,
            carried: String::new(),
            sent_at: None,
            output_at: now,
            echoed: false,
            wakes_at: None,
            held: None,
            refused: String::new(),
        }
    }

    /// When to ask again although nothing has come.
    pub(crate) fn wakes_at(&self) -> Option<Instant> {
        self.wakes_at
    }

    pub(crate) fn pending(&self) -> usize {
        self.pending.len()
    }

    /// Something was typed. Returns the review that it gives up.
    pub(crate) fn on_input(&mut self, bytes: &[u8]) -> Option<Uuid> {
        let waits = !matches!(self.stage, Stage::Open);
        let Some(at) = bytes.iter().rposition(|byte| *byte == INTERRUPT).filter(|_| waits) else {
            self.pending.extend_from_slice(bytes);
            return None;
        };
        // It gives up what waits, and goes on to the program.
        let held = match self.stage {
            Stage::Held(id) => Some(id),
            _ => None,
        };
        self.pending.clear();
        self.pending.extend_from_slice(&bytes[at..]);
        self.begin_line();
        self.held = None;
        self.stage = Stage::Open;
        held
    }

    /// The program wrote something.
    pub(crate) fn on_output(&mut self, now: Instant) {
        self.output_at = now;
        self.echoed = true;
    }

    /// What to do now. To be asked until it waits.
    pub(crate) fn next(&mut self, now: Instant, terminal: &Terminal) -> Next {
        self.wakes_at = None;
        match self.stage {
            Stage::Asked | Stage::Held(_) => Next::Wait,
            Stage::Clearing { since, tries } => self.clear(now, (since, tries), terminal),
            _ if self.pending.is_empty() => {
                if matches!(self.stage, Stage::Sent { .. }) {
                    self.stage = Stage::Open;
                }
                Next::Wait
            }
            // An editor, a pager: its keys are no lines.
            _ if terminal.modes().alternate_screen => {
                self.begin_line();
                self.stage = Stage::Open;
                self.send(now, self.pending.len())
            }
            Stage::Open => self.open(now, terminal),
            Stage::Settling { since } => self.settle(now, since, terminal),
            Stage::Sent { since } => self.after_a_line(now, since, terminal),
        }
    }

    fn open(&mut self, now: Instant, terminal: &Terminal) -> Next {
        let mut pasting = self.pasting;
        let bracketed = terminal.modes().bracketed_paste;
        match line_end(&self.pending, bracketed, &mut pasting) {
            Some((0, _)) => {
                self.stage = Stage::Settling { since: now };
                self.settle(now, now, terminal)
            }
            found => {
                let end = found.map_or(self.pending.len(), |(at, _)| at);
                self.pasting = pasting;
                if self.prompt.is_none() {
                    self.prompt = Some(terminal.cursor_line().before);
                }
                self.typed.take(&self.pending[..end]);
                self.send(now, end)
            }
        }
    }

    fn send(&mut self, now: Instant, length: usize) -> Next {
        self.sent_at = Some(now);
        self.echoed = false;
        Next::Send(self.pending.split_to(length).freeze())
    }

    fn settle(&mut self, now: Instant, since: Instant, terminal: &Terminal) -> Next {
        let shown = terminal.cursor_line();
        if let Err(until) = self.is_settled(now, since, &shown) {
            self.wakes_at = Some(until);
            return Next::Wait;
        }
        match reading::read(&shown, self.prompt.as_deref(), &self.typed, &self.carried) {
            Some(line) => {
                self.stage = Stage::Asked;
                Next::Ask(line)
            }
            None => {
                self.carried.clear();
                Next::Send(self.release(now))
            }
        }
    }

    /// Whether the screen shows what will be sent; else when to look again.
    fn is_settled(&self, now: Instant, since: Instant, shown: &CursorLine) -> Result<(), Instant> {
        let Some(sent_at) = self.sent_at else { return Ok(()) };
        if self.typed.is_shown_in(shown) || now >= since + SETTLE_LIMIT {
            return Ok(());
        }
        let until = if self.echoed { self.output_at.max(sent_at) + QUIET } else { sent_at + NO_ECHO };
        let until = until.min(since + SETTLE_LIMIT);
        if now >= until { Ok(()) } else { Err(until) }
    }

    fn after_a_line(&mut self, now: Instant, since: Instant, terminal: &Terminal) -> Next {
        let mut pasting = self.pasting;
        let ends = line_end(&self.pending, terminal.modes().bracketed_paste, &mut pasting).is_some();
        // Keys for the program that the line started do not wait.
        let quiet = self.echoed && now >= self.output_at + QUIET;
        if !ends || quiet || now >= since + SETTLE_LIMIT {
            self.stage = Stage::Open;
            return self.open(now, terminal);
        }
        let quiet_at = if self.echoed { self.output_at + QUIET } else { since + SETTLE_LIMIT };
        self.wakes_at = Some(quiet_at.min(since + SETTLE_LIMIT));
        Next::Wait
    }

    /// Waits until the refused line is gone; a shell that was just taking over the terminal may have missed that.
    fn clear(&mut self, now: Instant, (since, tries): (Instant, u8), terminal: &Terminal) -> Next {
        let quiet_at = if self.echoed { self.output_at + QUIET } else { since + NO_ECHO };
        if now < quiet_at && now < since + SETTLE_LIMIT {
            self.wakes_at = Some(quiet_at.min(since + SETTLE_LIMIT));
            return Next::Wait;
        }
        let line = terminal.cursor_line();
        let is_there = format!("{}{}", line.before, line.after) == self.refused;
        if is_there && tries < CLEARS {
            self.stage = Stage::Clearing { since: now, tries: tries + 1 };
            self.echoed = false;
            self.wakes_at = Some(now + NO_ECHO);
            return Next::Send(Bytes::from_static(&[INTERRUPT]));
        }
        self.refused.clear();
        self.stage = Stage::Open;
        self.next(now, terminal)
    }

    /// The line's end goes out.
    fn release(&mut self, now: Instant) -> Bytes {
        let mut pasting = false;
        // What counts as an end was decided when it was found, at the front.
        let length = line_end(&self.pending, false, &mut pasting).map_or(1, |(_, length)| length);
        let end = self.pending.split_to(length.min(self.pending.len())).freeze();
        self.begin_line();
        self.stage = Stage::Sent { since: now };
        self.sent_at = Some(now);
        self.echoed = false;
        end
    }

    fn begin_line(&mut self) {
        self.typed.clear();
        self.prompt = None;
        self.pasting = false;
    }

    /// The line may go.
    pub(crate) fn pass(&mut self, now: Instant, line: &Line) -> Bytes {
        line.together().clone_into(&mut self.carried);
        let keeps = self.carried.floor_char_boundary(CARRIED);
        self.carried.truncate(keeps);
        self.release(now)
    }

    /// The line may not go: it is cleared there, and what was pasted after it is dropped. Returns what to send, and
    /// how many bytes were dropped.
    pub(crate) fn refuse(&mut self, now: Instant, terminal: &Terminal) -> (Bytes, usize) {
        let line = terminal.cursor_line();
        self.refused = format!("{}{}", line.before, line.after);
        self.sent_at = Some(now);
        self.echoed = false;
        let dropped = self.pending.len().saturating_sub(1);
        self.pending.clear();
        self.carried.clear();
        self.begin_line();
        self.held = None;
        self.stage = Stage::Clearing { since: now, tries: 1 };
        (Bytes::from_static(&[INTERRUPT]), dropped)
    }

    /// The line waits for a second person.
    pub(crate) fn hold(&mut self, review: Uuid, line: Line) {
        self.stage = Stage::Held(review);
        self.held = Some(line);
    }

    /// The line that waited may go.
    pub(crate) fn pass_held(&mut self, now: Instant) -> Bytes {
        match self.held.take() {
            Some(line) => self.pass(now, &line),
            None => self.release(now),
        }
    }

    /// What an approval is bound to: the line in every reading.
    pub(crate) fn hash(&self, line: &Line) -> String {
        let mut hasher = Sha256::new();
        for reading in line.readings() {
            hasher.update((reading.len() as u64).to_le_bytes());
            hasher.update(reading.as_bytes());
        }
        bastide_policy::hex(&hasher.finalize())
    }

    /// Whether this review is what everything waits for.
    pub(crate) fn holds(&self, review: Uuid) -> bool {
        self.stage == Stage::Held(review)
    }
}
