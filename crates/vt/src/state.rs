//! A terminal's state to compare, for tests: equal states behave equally from here on.

use std::collections::BTreeMap;

use crate::cell::{CLUSTER, Cell, SPACER, Style, WIDE};
use crate::config::{Rgb, Size};
use crate::grid::{Grid, Saved};
use crate::intern::{Ext, Interner};
use crate::row::Wrap;
use crate::screen::window::{Keyboard, Window};
use crate::screen::{Charset, Cursor, ModeSet, Pen, Screen};

/// Opaque; compare it, print it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct State {
    size: Size,
    /// The grid on show, then the hidden primary one.
    grids: Vec<GridState>,
    scrollback: Vec<(String, usize, Wrap)>,
    cursor: Cursor,
    pen: PenState,
    modes: ModeSet,
    window: Window,
    keyboard: Keyboard,
    last: Option<char>,
    pending: Vec<u8>,
}

#[derive(Clone, PartialEq, Eq, Debug)]
struct GridState {
    rows: Vec<RowState>,
    region: (usize, usize),
    tabs: Vec<usize>,
    saved: (Cursor, PenState, bool),
}

#[derive(Clone, PartialEq, Eq, Debug)]
struct RowState {
    wrap: Wrap,
    /// Stretches of one style, without blanks at the end.
    runs: Vec<(String, StyleState)>,
    /// Columns with the left half of a wide character, and with the right half.
    wide: Vec<(usize, bool)>,
}

#[derive(Clone, PartialEq, Eq, Debug)]
struct StyleState {
    style: Style,
    ext: Ext,
}

#[derive(Clone, PartialEq, Eq, Debug)]
struct PenState {
    style: StyleState,
    charsets: [Charset; 4],
    active: u8,
}

impl State {
    pub(crate) fn of(screen: &Screen, pending: &[u8]) -> Self {
        let interner = &screen.interner;
        let grids = std::iter::once(&screen.grid).chain(screen.primary.as_deref());
        let lines = screen.history.iter();
        Self {
            size: Size { cols: screen.cols() as u16, rows: screen.rows() as u16 },
            grids: grids.map(|grid| grid_state(grid, interner)).collect(),
            scrollback: lines
                .map(|l| (String::from_utf8_lossy(l.bytes).into_owned(), l.width, l.wrap))
                .collect(),
            cursor: screen.cursor,
            pen: pen_state(screen.pen, interner),
            modes: screen.modes,
            window: screen.window.clone(),
            keyboard: screen.keyboard.clone(),
            last: screen.last,
            pending: pending.to_vec(),
        }
    }

    /// The state without its scrollback, to compare what a shorter snapshot restores.
    pub fn without_scrollback(mut self) -> Self {
        self.scrollback.clear();
        self
    }

    /// Colours that programs changed, by number (256 text, 257 background, 258 cursor).
    pub fn changed_colours(&self) -> &BTreeMap<u16, Rgb> {
        &self.window.colours
    }
}

fn grid_state(grid: &Grid, interner: &Interner) -> GridState {
    let Saved { cursor, pen, origin } = grid.saved;
    GridState {
        rows: grid.rows.iter().map(|row| row_state(row.trimmed(), row.wrap, interner)).collect(),
        region: (grid.top, grid.bottom),
        tabs: (0..grid.cols).filter(|x| grid.is_tab(*x)).collect(),
        saved: (cursor, pen_state(pen, interner), origin),
    }
}

fn row_state(cells: &[Cell], wrap: Wrap, interner: &Interner) -> RowState {
    let mut runs: Vec<(String, StyleState)> = Vec::new();
    let mut wide = Vec::new();
    for (x, &cell) in cells.iter().enumerate() {
        if cell.has(WIDE | SPACER) {
            wide.push((x, cell.has(WIDE)));
        }
        let style = style_state(cell.style, interner);
        if runs.last().is_none_or(|run| run.1 != style) {
            runs.push((String::new(), style));
        }
        if let Some((text, _)) = runs.last_mut() {
            // Clusters are fenced: "e" and a lone accent after it are something else.
            let fence = if cell.has(CLUSTER) { "|" } else { "" };
            text.push_str(fence);
            interner.push_text(cell, text);
            text.push_str(fence);
        }
    }
    // A row that goes on counts its blanks: they are text.
    RowState { wrap, runs, wide }
}

fn style_state(style: Style, interner: &Interner) -> StyleState {
    StyleState { style: Style { ext: 0, ..style }, ext: interner.ext(style) }
}

fn pen_state(pen: Pen, interner: &Interner) -> PenState {
    PenState { style: style_state(pen.style, interner), charsets: pen.charsets, active: pen.active }
}
