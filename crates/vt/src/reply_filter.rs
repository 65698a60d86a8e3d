//! Answers that viewers' terminals give to questions which were answered already.
//!
//! The program's question reaches every viewer, and every terminal answers it. One filter per
//! viewer takes those answers out of its input: for each question at most one answer, only within
//! [`WINDOW`], only while one is outstanding, since `CSI 1;2 R` is also Shift-F3.

use std::borrow::Cow;
use std::collections::VecDeque;
use std::time::{Duration, Instant};

use crate::effects::QueryKind;

/// How long an answer may take: a viewer at the end of a slow line.
const WINDOW: Duration = Duration::from_secs(5);
/// How long the beginning of an answer is held back for the rest of it. Longer than a terminal or
/// network takes between two packets, shorter than a person notices after pressing Escape.
const HOLD: Duration = Duration::from_millis(50);
/// Questions remembered at once; the oldest is forgotten first, and its answer then passes.
const MAX_EXPECTED: usize = 256;
/// The longest answer that is recognised. XTVERSION and colours stay well below.
const MAX_REPLY: usize = 256;

const ESC: u8 = 0x1b;

/// Takes the answers to known questions out of one viewer's input.
///
/// While an answer is outstanding, input that ends within something that may become that answer is
/// held back (at most 256 bytes). It is given back, in order, as soon as further input shows that
/// it is something else; if none comes, the caller gets it by [`flush`](Self::flush) at
/// [`flush_at`](Self::flush_at). Without an outstanding answer nothing is held and nothing changed.
#[derive(Default)]
pub struct ReplyFilter {
    expected: VecDeque<(QueryKind, Instant)>,
    held: Vec<u8>,
    flush_at: Option<Instant>,
}

/// What a piece of input is.
#[derive(PartialEq, Eq, Debug)]
enum Piece {
    /// Not the beginning of any sequence we know: so many bytes pass.
    Other(usize),
    /// A whole sequence of so many bytes, of such a kind if it is an answer.
    Sequence(usize, Option<QueryKind>),
    /// The beginning of a sequence.
    Incomplete,
}

impl ReplyFilter {
    /// A question of this kind was sent to the viewer at `now`.
    pub fn expect(&mut self, kind: QueryKind, now: Instant) {
        self.expire(now);
        if self.expected.len() == MAX_EXPECTED {
            self.expected.pop_front();
        }
        self.expected.push_back((kind, now + WINDOW));
    }

    /// Returns what of `input` (and of bytes held back before) is the viewer's own.
    pub fn filter<'a>(&mut self, input: &'a [u8], now: Instant) -> Cow<'a, [u8]> {
        self.expire(now);
        if self.held.is_empty() && (self.expected.is_empty() || !input.contains(&ESC)) {
            return Cow::Borrowed(input);
        }
        let late = self.flush_at.is_some_and(|at| now >= at);
        let mut passed = if late { std::mem::take(&mut self.held) } else { Vec::new() };
        self.flush_at = None;
        let mut bytes = std::mem::take(&mut self.held);
        bytes.extend_from_slice(input);
        let mut rest = bytes.as_slice();
        while !rest.is_empty() {
            if self.expected.is_empty() {
                passed.extend_from_slice(rest);
                break;
            }
            match classify(rest) {
                Piece::Other(len) => {
                    passed.extend_from_slice(&rest[..len]);
                    rest = &rest[len..];
                }
                Piece::Sequence(len, kind) => {
                    if !kind.is_some_and(|kind| self.take(kind)) {
                        passed.extend_from_slice(&rest[..len]);
                    }
                    rest = &rest[len..];
                }
                Piece::Incomplete => {
                    self.held = rest.to_vec();
                    self.flush_at = Some(now + HOLD);
                    break;
                }
            }
        }
        Cow::Owned(passed)
    }

    /// When [`flush`](Self::flush) should be called, if no input comes before.
    pub fn flush_at(&self) -> Option<Instant> {
        self.flush_at
    }

    /// Gives back what is held, if its time has come.
    pub fn flush(&mut self, now: Instant) -> Vec<u8> {
        if self.flush_at.is_none_or(|at| now < at) {
            return Vec::new();
        }
        self.flush_at = None;
        std::mem::take(&mut self.held)
    }

    /// Whether an answer of this kind is outstanding; if so it no longer is.
    fn take(&mut self, kind: QueryKind) -> bool {
        let at = self.expected.iter().position(|(expected, _)| *expected == kind);
        at.is_some_and(|at| self.expected.remove(at).is_some())
    }

    fn expire(&mut self, now: Instant) {
        while self.expected.front().is_some_and(|(_, until)| now >= *until) {
            self.expected.pop_front();
        }
    }
}

fn classify(bytes: &[u8]) -> Piece {
    match bytes {
        [ESC] => Piece::Incomplete,
        [ESC, b'[', body @ ..] => control_sequence(body),
        [ESC, kind @ (b'P' | b']'), body @ ..] => string(*kind, body),
        [ESC, ..] => Piece::Other(1),
        _ => Piece::Other(bytes.iter().position(|b| *b == ESC).unwrap_or(bytes.len())),
    }
}

fn control_sequence(body: &[u8]) -> Piece {
    let Some(len) = body.iter().position(|b| !(b' '..=b'?').contains(b)) else {
        return if body.len() > MAX_REPLY { Piece::Other(2) } else { Piece::Incomplete };
    };
    if !(b'@'..=b'~').contains(&body[len]) {
        return Piece::Other(2);
    }
    Piece::Sequence(len + 3, control_reply(&body[..len], body[len]))
}

/// Which answer `CSI params action` is.
fn control_reply(params: &[u8], action: u8) -> Option<QueryKind> {
    let private = params.strip_prefix(b"?");
    match action {
        b'c' if private.is_some_and(|p| numbers(p, 1..=32)) => Some(QueryKind::PrimaryAttributes),
        b'c' if params.strip_prefix(b">").is_some_and(|p| numbers(p, 1..=4)) => {
            Some(QueryKind::SecondaryAttributes)
        }
        b'n' if params == b"0" || params == b"3" => Some(QueryKind::Status),
        b'R' if numbers(params, 2..=2) => Some(QueryKind::CursorPosition),
        b'R' if private.is_some_and(|p| numbers(p, 2..=3)) => Some(QueryKind::ExtendedCursorPosition),
        b'y' => {
            let values = private.unwrap_or(params).strip_suffix(b"$")?;
            numbers(values, 2..=2).then_some(QueryKind::Mode)
        }
        b'u' if private.is_some_and(|p| numbers(p, 1..=1)) => Some(QueryKind::Keyboard),
        b't' if params.starts_with(b"8;") && numbers(params, 3..=3) => Some(QueryKind::TextArea),
        _ => None,
    }
}

/// Whether `params` is a list of that many numbers.
fn numbers(params: &[u8], count: std::ops::RangeInclusive<usize>) -> bool {
    let mut found = 0;
    params.split(|b| *b == b';').all(|number| {
        found += 1;
        !number.is_empty() && number.iter().all(u8::is_ascii_digit)
    }) && count.contains(&found)
}

/// A DCS or OSC up to its ST or BEL.
fn string(kind: u8, body: &[u8]) -> Piece {
    let end = body.iter().position(|b| *b < b' ');
    match end.map(|at| (at, &body[at..])) {
        None if body.len() > MAX_REPLY => Piece::Other(2),
        None | Some((_, [ESC])) => Piece::Incomplete,
        Some((len, [ESC, b'\\', ..])) => Piece::Sequence(len + 4, string_reply(kind, &body[..len])),
        Some((len, [0x07, ..])) if kind == b']' => Piece::Sequence(len + 3, string_reply(kind, &body[..len])),
        Some(_) => Piece::Other(2),
    }
}

fn string_reply(kind: u8, body: &[u8]) -> Option<QueryKind> {
    let starts = |heads: &[&[u8]]| heads.iter().any(|head| body.starts_with(head));
    match kind {
        b'P' if starts(&[b"!|"]) => Some(QueryKind::TertiaryAttributes),
        b'P' if starts(&[b">|"]) => Some(QueryKind::Version),
        b'P' if starts(&[b"0$r", b"1$r", b"0+r", b"1+r"]) => Some(QueryKind::Setting),
        b']' if starts(&[b"4;", b"10;", b"11;", b"12;"]) => Some(QueryKind::Colour),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
