//! The state of the terminal and the parts shared by its operations. Behaviour follows xterm as
//! xterm.js implements it (our viewers): <https://invisible-island.net/xterm/ctlseqs/ctlseqs.html>.

mod csi;
pub(crate) mod modes;
mod osc;
mod print;
mod report;
mod resize;
pub(crate) mod sgr;
pub(crate) mod window;

use crate::cell::Style;
use crate::config::{Config, Size};
use crate::effects::Effects;
use crate::grid::{Grid, Saved};
use crate::history::History;
use crate::intern::Interner;
use crate::parser::Actions;
use crate::parser::csi::Csi;
use crate::row::Wrap;
pub(crate) use modes::{ModeSet, MouseEncoding, MouseTracking};
use window::{Keyboard, Window};

/// Where the next character goes. `pending` is set after writing the last column: the next
/// character wraps first (DEC's "last column flag").
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
pub(crate) struct Cursor {
    pub(crate) x: usize,
    pub(crate) y: usize,
    pub(crate) pending: bool,
}

/// A designated character set.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
pub(crate) enum Charset {
    #[default]
    Ascii,
    /// DEC special graphics: line drawing.
    Graphics,
    /// ASCII with £ for #.
    British,
}

/// How the next character is drawn.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
pub(crate) struct Pen {
    pub(crate) style: Style,
    pub(crate) charsets: [Charset; 4],
    /// Which of the four is in use.
    pub(crate) active: u8,
}

impl Pen {
    pub(crate) fn charset(&self) -> Charset {
        self.charsets[usize::from(self.active & 3)]
    }
}

pub(crate) struct Screen {
    /// The grid on show.
    pub(crate) grid: Grid,
    /// The primary grid while the alternate one is on show.
    pub(crate) primary: Option<Box<Grid>>,
    pub(crate) history: History,
    pub(crate) cursor: Cursor,
    pub(crate) pen: Pen,
    pub(crate) modes: ModeSet,
    pub(crate) window: Window,
    pub(crate) keyboard: Keyboard,
    /// The character that REP repeats: set only right after one was printed.
    pub(crate) last: Option<char>,
    pub(crate) interner: Interner,
    pub(crate) config: Config,
}

/// A screen while bytes are fed to it.
pub(crate) struct Feeding<'a> {
    pub(crate) screen: &'a mut Screen,
    pub(crate) effects: &'a mut Effects,
}

impl Actions for Feeding<'_> {
    fn text(&mut self, ascii: &[u8]) {
        self.screen.print_ascii(ascii);
    }

    fn print(&mut self, c: char) {
        self.screen.print(c);
    }

    fn control(&mut self, byte: u8) {
        self.screen.last = None;
        match byte {
            0x07 => self.effects.bell = true,
            0x08 => self.screen.backspace(),
            b'\t' => self.screen.tab_forward(1),
            b'\n' | 0x0b | 0x0c => self.screen.line_feed(),
            b'\r' => self.screen.carriage_return(),
            0x0e => self.screen.pen.active = 1,
            0x0f => self.screen.pen.active = 0,
            _ => {}
        }
    }

    fn escape(&mut self, intermediates: &[u8], byte: u8) {
        self.screen.last = None;
        match (intermediates, byte) {
            ([], b'Z') => self.primary_attributes(),
            ([], b'c') => {
                self.screen.reset();
                self.effects.title_changed = true;
            }
            _ => self.screen.escape(intermediates, byte),
        }
    }

    fn csi(&mut self, csi: &Csi) {
        let last = self.screen.last.take();
        if csi.action == b'm' && csi.is_bare() {
            // The most frequent by far.
            self.screen.select_graphics(csi);
        } else if csi.action == b'b' && csi.is_bare() {
            self.screen.repeat(last, csi.count());
        } else if !self.report(csi) {
            self.screen.csi(csi);
        }
    }

    fn osc(&mut self, payload: &[u8], bell: bool) {
        self.screen.last = None;
        self.osc_command(payload, bell);
    }

    fn dcs(&mut self, payload: &[u8]) {
        self.screen.last = None;
        self.setting(payload);
    }
}

impl Screen {
    pub(crate) fn new(size: Size, config: Config) -> Self {
        let size = size.clamped();
        Self {
            grid: Grid::new(usize::from(size.cols), usize::from(size.rows)),
            primary: None,
            history: History::new(config.scrollback_lines),
            cursor: Cursor::default(),
            pen: Pen::default(),
            modes: ModeSet::default(),
            window: Window::default(),
            keyboard: Keyboard::default(),
            last: None,
            interner: Interner::default(),
            config,
        }
    }

    pub(crate) fn cols(&self) -> usize {
        self.grid.cols
    }

    pub(crate) fn rows(&self) -> usize {
        self.grid.height()
    }

    /// RIS: as new, scrollback included.
    fn reset(&mut self) {
        let size = Size { cols: self.cols() as u16, rows: self.rows() as u16 };
        *self = Self::new(size, self.config.clone());
    }

    /// The fill of erased cells.
    pub(crate) fn fill(&self) -> Style {
        self.pen.style.erased()
    }

    pub(crate) fn has(&self, mode: u32) -> bool {
        self.modes.has(mode)
    }

    pub(crate) fn is_alternate(&self) -> bool {
        self.primary.is_some()
    }

    /// Moves to an absolute place on the screen.
    pub(crate) fn place(&mut self, x: usize, y: usize) {
        self.cursor = Cursor { x: x.min(self.cols() - 1), y: y.min(self.rows() - 1), pending: false };
    }

    /// Scrolls the region up by one because the cursor leaves it at the bottom.
    pub(crate) fn scroll(&mut self, seam: Wrap) {
        let fill = self.fill();
        let history = self.primary.is_none().then_some((&mut self.history, &self.interner));
        self.grid.scroll_up(1, fill, seam, history);
    }

    /// IND: down, scrolling at the bottom of the region.
    pub(crate) fn index(&mut self) {
        self.cursor.pending = false;
        if self.cursor.y + 1 == self.grid.bottom {
            self.scroll(Wrap::No);
        } else if self.cursor.y + 1 < self.rows() {
            self.cursor.y += 1;
        }
    }

    /// RI: up, scrolling at the top of the region.
    fn reverse_index(&mut self) {
        self.cursor.pending = false;
        if self.cursor.y == self.grid.top {
            let fill = self.fill();
            let (top, bottom) = (self.grid.top, self.grid.bottom);
            self.grid.scroll_down(top, bottom, 1, fill);
        } else {
            self.cursor.y = self.cursor.y.saturating_sub(1);
        }
    }

    fn line_feed(&mut self) {
        // An explicit line feed: this row's text does not go on in the next (as in xterm.js).
        self.grid.rows[self.cursor.y].wrap = Wrap::No;
        self.index();
        if self.has(modes::NEW_LINE) {
            self.cursor.x = 0;
        }
    }

    fn carriage_return(&mut self) {
        self.cursor.x = 0;
        self.cursor.pending = false;
    }

    fn backspace(&mut self) {
        self.cursor.pending = false;
        self.cursor.x = self.cursor.x.saturating_sub(1);
    }

    /// HT, CHT. After the last column nothing moves.
    fn tab_forward(&mut self, count: usize) {
        if self.cursor.pending {
            return;
        }
        let last = self.cols() - 1;
        for _ in 0..count.min(self.cols()) {
            let next = (self.cursor.x + 1..last).find(|x| self.grid.is_tab(*x));
            self.cursor.x = next.unwrap_or(last);
        }
    }

    fn tab_backward(&mut self, count: usize) {
        self.cursor.pending = false;
        for _ in 0..count.min(self.cols()) {
            let next = (0..self.cursor.x).rev().find(|x| self.grid.is_tab(*x));
            self.cursor.x = next.unwrap_or(0);
        }
    }

    /// DECSC.
    pub(crate) fn save_cursor(&mut self) {
        self.grid.saved = Saved { cursor: self.cursor, pen: self.pen, origin: self.has(modes::ORIGIN) };
    }

    /// DECRC. With origin mode the cursor stays within the region.
    pub(crate) fn restore_cursor(&mut self) {
        let saved = self.grid.saved;
        self.pen = saved.pen;
        self.modes.set(modes::ORIGIN, saved.origin);
        self.cursor = saved.cursor;
        self.keep_in_region();
        let row = &mut self.grid.rows[self.cursor.y];
        if self.cursor.pending && row.wrap == Wrap::SoftPad {
            // As if the last column had just been written.
            row.wrap = Wrap::Soft;
        }
    }

    /// Origin mode confines the cursor to the scroll region.
    fn keep_in_region(&mut self) {
        if self.has(modes::ORIGIN) {
            self.cursor.y = self.cursor.y.clamp(self.grid.top, self.grid.bottom - 1);
        }
    }

    fn escape(&mut self, intermediates: &[u8], byte: u8) {
        match (intermediates, byte) {
            ([], b'7') => self.save_cursor(),
            ([], b'8') => self.restore_cursor(),
            ([], b'D') => self.index(),
            ([], b'E') => {
                self.index();
                self.cursor.x = 0;
            }
            ([], b'H') => self.grid.set_tab(self.cursor.x, true),
            ([], b'M') => self.reverse_index(),
            ([], b'=') => self.modes.set(modes::APP_KEYPAD, true),
            ([], b'>') => self.modes.set(modes::APP_KEYPAD, false),
            ([], b'n') => self.pen.active = 2,
            ([], b'o') => self.pen.active = 3,
            ([b'#'], b'8') => self.alignment_test(),
            ([slot @ b'('..=b'+'], _) => {
                self.pen.charsets[usize::from(slot - b'(')] = match byte {
                    b'0' => Charset::Graphics,
                    b'A' => Charset::British,
                    _ => Charset::Ascii,
                };
            }
            _ => {}
        }
    }

    /// DECALN: the screen full of E.
    fn alignment_test(&mut self) {
        let cols = self.cols();
        self.grid.reset_region();
        let line = vec![b'E'; cols];
        for row in &mut self.grid.rows {
            row.clear(cols, Style::DEFAULT);
            row.write_ascii(0, &line, Style::DEFAULT);
        }
        self.place(0, 0);
        self.keep_in_region();
    }

    /// Frees what no cell refers to any more, if the tables are full.
    pub(crate) fn sweep_if_full(&mut self) {
        if self.interner.wants_sweep() {
            self.sweep(&[]);
        }
    }

    /// `extra`: cells in use outside the grids.
    pub(crate) fn sweep(&mut self, extra: &[crate::cell::Cell]) {
        let mut marks = self.interner.marks();
        for grid in std::iter::once(&self.grid).chain(self.primary.as_deref()) {
            marks.style(grid.saved.pen.style);
            for &cell in grid.rows.iter().flat_map(|row| &row.cells) {
                marks.cell(cell);
            }
        }
        marks.style(self.pen.style);
        extra.iter().for_each(|cell| marks.cell(*cell));
        self.interner.sweep(&marks);
    }
}
