//! The terminal as others see it.

use crate::config::{Config, Size};
use crate::effects::Effects;
use crate::line::CursorLine;
use crate::parser::Parser;
use crate::screen::{Feeding, MouseEncoding, MouseTracking, Screen, modes as m};
use crate::snapshot::{SeedSnapshot, Snapshot};
use crate::state::State;

/// A place on the screen, from 0. After writing the last column `x` stays there.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Cursor {
    /// Column.
    pub x: u16,
    /// Row.
    pub y: u16,
}

/// Modes that matter to whoever shows the screen or sends input.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Modes {
    /// DECCKM: arrow keys send SS3.
    pub application_cursor: bool,
    /// DECKPAM.
    pub application_keypad: bool,
    /// 2004.
    pub bracketed_paste: bool,
    /// Any of 9, 1000, 1002, 1003.
    pub mouse_tracking: bool,
    /// 1006 or 1016.
    pub mouse_sgr: bool,
    /// 1004.
    pub focus_reporting: bool,
    /// The alternate screen is on show.
    pub alternate_screen: bool,
    /// DECTCEM.
    pub cursor_visible: bool,
    /// DECAWM.
    pub auto_wrap: bool,
}

/// How much scrollback to include.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Scrollback {
    /// The screen alone.
    None,
    /// At most so many of the newest lines.
    Lines(usize),
    /// All there is.
    All,
}

impl Scrollback {
    pub(crate) fn limit(self) -> usize {
        match self {
            Self::None => 0,
            Self::Lines(count) => count,
            Self::All => usize::MAX,
        }
    }
}

/// A terminal without a window. Bytes of a program go in by [`feed`](Self::feed); it never blocks,
/// does no I/O, and no bytes and no sizes make it panic.
pub struct Terminal {
    parser: Parser,
    screen: Screen,
}

impl Terminal {
    /// An empty terminal. A size out of range is [clamped](Size::clamped).
    pub fn new(size: Size, config: Config) -> Self {
        Self { parser: Parser::default(), screen: Screen::new(size, config) }
    }

    /// Takes output of the program. What it causes outside the screen is added to `effects`. How
    /// the bytes are cut into calls makes no difference.
    pub fn feed(&mut self, bytes: &[u8], effects: &mut Effects) {
        self.parser.feed(bytes, &mut Feeding { screen: &mut self.screen, effects });
    }

    /// Changes the size; text of the primary screen and the scrollback is wrapped anew. A size out
    /// of range is [clamped](Size::clamped).
    pub fn resize(&mut self, size: Size) {
        self.screen.resize(size);
    }

    /// The size in effect.
    pub fn size(&self) -> Size {
        Size { cols: self.screen.cols() as u16, rows: self.screen.rows() as u16 }
    }

    /// Where the cursor is.
    pub fn cursor(&self) -> Cursor {
        Cursor { x: self.screen.cursor.x as u16, y: self.screen.cursor.y as u16 }
    }

    /// The modes in effect.
    pub fn modes(&self) -> Modes {
        let screen = &self.screen;
        let modes = screen.modes;
        Modes {
            application_cursor: modes.has(m::APP_CURSOR),
            application_keypad: modes.has(m::APP_KEYPAD),
            bracketed_paste: modes.has(m::BRACKETED_PASTE),
            mouse_tracking: modes.tracking != MouseTracking::Off,
            mouse_sgr: matches!(modes.encoding, MouseEncoding::Sgr | MouseEncoding::SgrPixels),
            focus_reporting: modes.has(m::FOCUS),
            alternate_screen: screen.is_alternate(),
            cursor_visible: modes.has(m::CURSOR_VISIBLE),
            auto_wrap: modes.has(m::AUTOWRAP),
        }
    }

    /// The window title, if a program set one (OSC 0, 2).
    pub fn title(&self) -> Option<&str> {
        self.screen.window.title.as_deref()
    }

    /// The working directory that the shell reported (OSC 7), decoded to a path.
    pub fn cwd(&self) -> Option<&str> {
        self.screen.window.directory.as_ref().map(|d| d.path.as_str())
    }

    /// Everything needed to show this terminal elsewhere, at this byte.
    pub fn snapshot(&mut self, scrollback: Scrollback) -> Snapshot {
        let restore = crate::snapshot::restore(&self.screen, self.parser.pending(), scrollback);
        Snapshot {
            size: self.size(),
            cursor: self.cursor(),
            modes: self.modes(),
            title: self.title().map(str::to_owned),
            cwd: self.cwd().map(str::to_owned),
            scrollback_lines: self.scrollback_lines().min(scrollback.limit()),
            restore,
        }
    }

    /// The two strings of the first protocol's snapshot, with at most `lines` of scrollback.
    pub fn seed_snapshot(&mut self, lines: usize) -> SeedSnapshot {
        crate::snapshot::seed(&mut self.screen, lines)
    }

    /// The text, a line per row, blanks at the end of lines and blank rows at the end cut.
    pub fn text(&self, scrollback: Scrollback) -> String {
        crate::snapshot::text(&self.screen, scrollback)
    }

    /// The line that the cursor is in, with the rows that it wraps over.
    pub fn cursor_line(&self) -> CursorLine {
        crate::line::at_cursor(&self.screen)
    }

    /// Forgets the scrollback.
    pub fn clear_scrollback(&mut self) {
        self.screen.history.clear();
    }

    /// Lines of scrollback.
    pub fn scrollback_lines(&self) -> usize {
        self.screen.history.len()
    }

    /// Heap bytes that the scrollback holds.
    pub fn scrollback_bytes(&self) -> usize {
        self.screen.history.heap_bytes()
    }

    /// Heap bytes that the screens hold, without the scrollback.
    pub fn screen_bytes(&self) -> usize {
        let hidden = self.screen.primary.as_ref().map_or(0, |grid| grid.heap_bytes());
        self.screen.grid.heap_bytes() + hidden
    }

    /// Drops the oldest lines of scrollback but `keep_lines`, gives their memory back, and returns
    /// how many went.
    pub fn drop_scrollback(&mut self, keep_lines: usize) -> usize {
        self.screen.history.keep_newest(keep_lines)
    }

    /// The whole state in a form to compare and print: two terminals with equal states show the
    /// same and behave the same from here on.
    pub fn state(&self) -> State {
        State::of(&self.screen, self.parser.pending())
    }
}
