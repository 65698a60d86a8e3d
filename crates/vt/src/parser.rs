//! Bytes to actions: Paul Williams' state machine for DEC terminals
//! (<https://vt100.net/emu/dec_ansi_parser>) over UTF-8. It keeps the raw bytes of an unfinished
//! sequence, so that a snapshot can end with them and the next bytes find the same state.

pub(crate) mod csi;
mod utf8;

use csi::{Csi, MAX_CSI};
use utf8::{Decoded, decode};

/// An OSC longer than this is read to its end and does nothing. The ones we act on (titles, links,
/// colours, directories) are far shorter; pictures and clipboards are the viewers' business.
const MAX_OSC: usize = 8192;
/// The same for DCS; we only answer short questions in it.
const MAX_DCS: usize = 1024;
/// More intermediates than any escape sequence has.
const MAX_INTERMEDIATES: usize = 3;

const ESC: u8 = 0x1b;
const CAN: u8 = 0x18;
const SUB: u8 = 0x1a;
/// What an overlong OSC becomes: no OSC begins with `!`, so every terminal skips it.
const SKIPPED_OSC: &[u8] = b"\x1b]!";
/// Strings without meaning to us (SOS, PM, APC, an overlong DCS).
const SKIPPED_STRING: &[u8] = b"\x1bX";

/// What the parser calls. All bytes are raw; nothing is interpreted yet.
pub(crate) trait Actions {
    /// A run of printable ASCII.
    fn text(&mut self, ascii: &[u8]);
    /// Any other printable character.
    fn print(&mut self, c: char);
    /// A C0 control other than ESC, CAN, SUB.
    fn control(&mut self, byte: u8);
    fn escape(&mut self, intermediates: &[u8], byte: u8);
    fn csi(&mut self, csi: &Csi);
    /// `bell`: the string ended with BEL; an answer should, too.
    fn osc(&mut self, payload: &[u8], bell: bool);
    fn dcs(&mut self, payload: &[u8]);
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum State {
    Ground,
    Escape,
    Csi,
    Osc,
    Dcs,
    /// A string to skip.
    Skip,
}

pub(crate) struct Parser {
    state: State,
    /// The unfinished sequence from its ESC on, or the unfinished character.
    raw: Vec<u8>,
    /// Room for the control sequence being read.
    csi: Csi,
}

impl Default for Parser {
    fn default() -> Self {
        Self { state: State::Ground, raw: Vec::new(), csi: Csi::EMPTY }
    }
}

impl Parser {
    /// Bytes that, fed to a new parser, bring it to this state.
    pub(crate) fn pending(&self) -> &[u8] {
        &self.raw
    }

    pub(crate) fn feed(&mut self, bytes: &[u8], actions: &mut impl Actions) {
        let mut at = 0;
        while at < bytes.len() {
            at += match self.state {
                State::Ground if self.raw.is_empty() => self.ground(&bytes[at..], actions),
                State::Ground => self.complete_character(bytes[at], actions),
                State::Escape => self.escape(bytes[at], actions),
                State::Csi => self.csi(bytes[at], actions),
                State::Osc | State::Dcs | State::Skip => self.string(&bytes[at..], actions),
            };
        }
    }

    /// Starts a sequence. The buffer's memory is kept: sequences are frequent and short.
    fn begin(&mut self, state: State, raw: &[u8]) {
        self.state = state;
        self.raw.clear();
        self.raw.extend_from_slice(raw);
    }

    fn end(&mut self) {
        self.state = State::Ground;
        self.raw.clear();
        if self.raw.capacity() > MAX_CSI {
            self.raw = Vec::new();
        }
    }

    fn ground(&mut self, bytes: &[u8], actions: &mut impl Actions) -> usize {
        match bytes[0] {
            b' '..=b'~' => {
                let len = printable_run(bytes);
                actions.text(&bytes[..len]);
                len
            }
            ESC => self.sequence(bytes, actions),
            0..ESC | 0x1c..b' ' => {
                if !matches!(bytes[0], CAN | SUB) {
                    actions.control(bytes[0]);
                }
                1
            }
            0x7f => 1,
            0x80.. => self.characters(bytes, actions),
        }
    }

    /// A whole control sequence in one step if it is all there.
    fn sequence(&mut self, bytes: &[u8], actions: &mut impl Actions) -> usize {
        if let [_, b'[', body @ ..] = bytes
            && let Some((valid, len)) = self.csi.read(body)
        {
            if valid {
                actions.csi(&self.csi);
            }
            return len + 2;
        }
        self.begin(State::Escape, &[ESC]);
        1
    }

    /// Characters outside ASCII, up to the next byte that is none.
    fn characters(&mut self, bytes: &[u8], actions: &mut impl Actions) -> usize {
        let mut at = 0;
        while at < bytes.len() && bytes[at] >= 0x80 {
            match decode(&bytes[at..]) {
                Decoded::Char(c, len) => {
                    at += len;
                    if c < '\u{a0}' {
                        self.c1(c, actions);
                        return at;
                    }
                    actions.print(c);
                }
                Decoded::Invalid(len) => {
                    at += len;
                    actions.print(char::REPLACEMENT_CHARACTER);
                }
                Decoded::Incomplete => {
                    self.raw.extend_from_slice(&bytes[at..]);
                    return bytes.len();
                }
            }
        }
        at
    }

    /// Adds a byte to the character that the last chunk began.
    fn complete_character(&mut self, byte: u8, actions: &mut impl Actions) -> usize {
        self.raw.push(byte);
        match decode(&self.raw) {
            Decoded::Char(c, _) => {
                self.end();
                if c < '\u{a0}' {
                    self.c1(c, actions);
                } else {
                    actions.print(c);
                }
                1
            }
            Decoded::Invalid(len) => {
                // The new byte is not part of it unless it is all there is.
                let used = usize::from(len == self.raw.len());
                self.end();
                actions.print(char::REPLACEMENT_CHARACTER);
                used
            }
            Decoded::Incomplete => 1,
        }
    }

    /// C1 controls come as characters U+0080 to U+009F, each the same as an escape sequence.
    fn c1(&mut self, c: char, actions: &mut impl Actions) {
        match c {
            '\u{90}' => self.begin(State::Dcs, b"\x1bP"),
            '\u{98}' | '\u{9e}' | '\u{9f}' => self.begin(State::Skip, SKIPPED_STRING),
            '\u{9b}' => self.begin(State::Csi, b"\x1b["),
            '\u{9d}' => self.begin(State::Osc, b"\x1b]"),
            _ => actions.escape(&[], (u32::from(c) - 0x40) as u8),
        }
    }

    fn escape(&mut self, byte: u8, actions: &mut impl Actions) -> usize {
        let bare = self.raw.len() == 1;
        match byte {
            ESC => self.begin(State::Escape, &[ESC]),
            CAN | SUB => self.end(),
            0..b' ' => actions.control(byte),
            b' '..=b'/' if self.raw.len() <= MAX_INTERMEDIATES => self.raw.push(byte),
            b'[' if bare => self.begin(State::Csi, b"\x1b["),
            b']' if bare => self.begin(State::Osc, b"\x1b]"),
            b'P' if bare => self.begin(State::Dcs, b"\x1bP"),
            b'X' | b'^' | b'_' if bare => self.begin(State::Skip, SKIPPED_STRING),
            b'0'..=b'~' => {
                self.state = State::Ground;
                actions.escape(&self.raw[1..], byte);
                self.end();
            }
            _ => {}
        }
        1
    }

    fn csi(&mut self, byte: u8, actions: &mut impl Actions) -> usize {
        match byte {
            ESC => self.begin(State::Escape, &[ESC]),
            CAN | SUB => self.end(),
            0..b' ' => actions.control(byte),
            b' '..=b'?' if self.raw.len() <= MAX_CSI + 2 => self.raw.push(byte),
            b'@'..=b'~' => {
                self.raw.push(byte);
                if let Some((true, _)) = self.csi.read(&self.raw[2..]) {
                    actions.csi(&self.csi);
                }
                self.end();
            }
            _ => {}
        }
        1
    }

    fn string(&mut self, bytes: &[u8], actions: &mut impl Actions) -> usize {
        let len = bytes.iter().position(|b| *b < b' ').unwrap_or(bytes.len());
        if len > 0 {
            self.collect(&bytes[..len]);
            return len;
        }
        match bytes[0] {
            ESC => {
                self.finish_string(false, actions);
                self.begin(State::Escape, &[ESC]);
            }
            CAN | SUB => self.end(),
            0x07 if self.state == State::Osc => {
                self.finish_string(true, actions);
                self.end();
            }
            _ => {}
        }
        1
    }

    fn collect(&mut self, bytes: &[u8]) {
        let limit = match self.state {
            State::Osc => MAX_OSC,
            State::Dcs => MAX_DCS,
            _ => return,
        };
        if self.raw.starts_with(SKIPPED_OSC) {
            return;
        }
        if self.raw.len() + bytes.len() > limit || (self.raw.len() == 2 && bytes[0] == b'!') {
            self.skip();
        } else {
            self.raw.extend_from_slice(bytes);
        }
    }

    fn skip(&mut self) {
        self.raw = Vec::new();
        match self.state {
            State::Osc => self.begin(State::Osc, SKIPPED_OSC),
            _ => self.begin(State::Skip, SKIPPED_STRING),
        }
    }

    fn finish_string(&mut self, bell: bool, actions: &mut impl Actions) {
        match self.state {
            State::Osc if self.raw != SKIPPED_OSC => actions.osc(&self.raw[2..], bell),
            State::Dcs => actions.dcs(&self.raw[2..]),
            _ => {}
        }
    }
}

/// How many bytes at the start of `bytes` are printable ASCII.
fn printable_run(bytes: &[u8]) -> usize {
    const BLOCK: usize = 16;
    let mut at = 0;
    // Whole blocks without an early exit inside: the compiler makes vector code of it.
    while let Some(block) = bytes.get(at..at + BLOCK) {
        if block.iter().fold(false, |bad, b| bad | !(b' '..=b'~').contains(b)) {
            break;
        }
        at += BLOCK;
    }
    at + bytes[at..].iter().position(|b| !(b' '..=b'~').contains(b)).unwrap_or(bytes.len() - at)
}
