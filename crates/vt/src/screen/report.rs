//! Answers to questions. Every question is answered here once, whoever is watching; the viewers'
//! own answers are dropped by [`ReplyFilter`](crate::ReplyFilter).

use super::{Feeding, modes};
use crate::effects::{Query, QueryKind};
use crate::encode::full_sgr;
use crate::parser::csi::Csi;

/// DA1: a VT220 with colour.
const PRIMARY: &str = "\x1b[?62;22c";
/// DA2: what xterm.js says; programs derive from the second number which xterm they talk to.
const SECONDARY: &str = "\x1b[>0;276;0c";
/// DA3: unit id 0.
const TERTIARY: &str = "\x1bP!|00000000\x1b\\";

impl Feeding<'_> {
    pub(super) fn answer(&mut self, kind: QueryKind, reply: impl Into<Vec<u8>>) {
        self.effects.queries.push(Query { kind, reply: reply.into() });
    }

    pub(super) fn primary_attributes(&mut self) {
        self.answer(QueryKind::PrimaryAttributes, PRIMARY);
    }

    /// Answers `csi` if it is a question.
    pub(super) fn report(&mut self, csi: &Csi) -> bool {
        let first = csi.get(0, 0);
        match (csi.prefix, csi.intermediates, csi.action) {
            (0, [0, 0], b'c') if first == 0 => self.primary_attributes(),
            (b'>', [0, 0], b'c') if first == 0 => {
                self.answer(QueryKind::SecondaryAttributes, SECONDARY);
            }
            (b'=', [0, 0], b'c') if first == 0 => {
                self.answer(QueryKind::TertiaryAttributes, TERTIARY);
            }
            (b'>', [0, 0], b'q') if first == 0 => {
                let reply = format!("\x1bP>|{}\x1b\\", self.screen.config.version);
                self.answer(QueryKind::Version, reply);
            }
            (0, [0, 0], b'n') if first == 5 => self.answer(QueryKind::Status, "\x1b[0n"),
            (0, [0, 0], b'n') if first == 6 => {
                let place = self.cursor_report();
                self.answer(QueryKind::CursorPosition, format!("\x1b[{place}R"));
            }
            (b'?', [0, 0], b'n') if first == 6 => {
                let place = self.cursor_report();
                self.answer(QueryKind::ExtendedCursorPosition, format!("\x1b[?{place}R"));
            }
            (0, [b'$', 0], b'p') => {
                let value = self.screen.mode_value(first, false);
                self.answer(QueryKind::Mode, format!("\x1b[{first};{value}$y"));
            }
            (b'?', [b'$', 0], b'p') => {
                let value = self.screen.mode_value(first, true);
                self.answer(QueryKind::Mode, format!("\x1b[?{first};{value}$y"));
            }
            (b'?', [0, 0], b'u') => {
                if self.screen.config.kitty_keyboard {
                    let flags = self.screen.keyboard.current.flags;
                    self.answer(QueryKind::Keyboard, format!("\x1b[?{flags}u"));
                }
            }
            (0, [0, 0], b't') if first == 18 => {
                let (rows, cols) = (self.screen.rows(), self.screen.cols());
                self.answer(QueryKind::TextArea, format!("\x1b[8;{rows};{cols}t"));
            }
            _ => return false,
        }
        true
    }

    /// `row;column` from 1; with origin mode the row counts from the top of the region.
    fn cursor_report(&self) -> String {
        let screen = &self.screen;
        let top = if screen.has(modes::ORIGIN) { screen.grid.top } else { 0 };
        format!("{};{}", screen.cursor.y - top + 1, screen.cursor.x + 1)
    }

    /// DECRQSS (`$q`) and XTGETTCAP (`+q`).
    pub(super) fn setting(&mut self, payload: &[u8]) {
        if let Some(name) = payload.strip_prefix(b"+q") {
            // We have no terminfo to give: "unknown", so that the program need not wait.
            if name.iter().all(|b| b.is_ascii_hexdigit() || *b == b';') {
                let reply = [b"\x1bP0+r", name, b"\x1b\\"].concat();
                self.answer(QueryKind::Setting, reply);
            }
            return;
        }
        let Some(what) = payload.strip_prefix(b"$q") else { return };
        let screen = &self.screen;
        let value = match what {
            b"m" => {
                let mut sgr = Vec::new();
                let style = screen.pen.style;
                full_sgr(&mut sgr, style, &screen.interner.ext(style));
                sgr.push(b'm');
                String::from_utf8(sgr).unwrap_or_default()
            }
            b"r" => format!("{};{}r", screen.grid.top + 1, screen.grid.bottom),
            b" q" => format!("{} q", screen.modes.cursor_style),
            b"\"p" => "62;1\"p".to_owned(),
            b"\"q" => "0\"q".to_owned(),
            _ => return self.answer(QueryKind::Setting, "\x1bP0$r\x1b\\"),
        };
        self.answer(QueryKind::Setting, format!("\x1bP1$r{value}\x1b\\"));
    }
}
