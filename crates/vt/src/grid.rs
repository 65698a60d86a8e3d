//! A screenful of rows with what belongs to it: scroll region, tab stops, saved cursor. There is
//! one for the primary screen and, while a program uses it, one for the alternate screen.

use std::collections::VecDeque;

use crate::cell::Style;
use crate::history::History;
use crate::intern::Interner;
use crate::row::{Row, Wrap};
use crate::screen::{Cursor, Pen};

/// Columns between tab stops unless a program sets its own (terminfo `it`).
pub(crate) const TAB_WIDTH: usize = 8;

/// What DECSC keeps (VT510: position, attributes, character sets, wrap flag, origin mode).
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
pub(crate) struct Saved {
    pub(crate) cursor: Cursor,
    pub(crate) pen: Pen,
    pub(crate) origin: bool,
}

pub(crate) struct Grid {
    pub(crate) rows: VecDeque<Row>,
    pub(crate) cols: usize,
    /// First row of the scroll region.
    pub(crate) top: usize,
    /// One past the last row of the scroll region.
    pub(crate) bottom: usize,
    /// `None`: every eighth column.
    pub(crate) tabs: Option<Vec<bool>>,
    pub(crate) saved: Saved,
}

impl Grid {
    pub(crate) fn new(cols: usize, rows: usize) -> Self {
        let lines = std::iter::repeat_n(Row::default(), rows).collect();
        Self { rows: lines, cols, top: 0, bottom: rows, tabs: None, saved: Saved::default() }
    }

    pub(crate) fn height(&self) -> usize {
        self.rows.len()
    }

    pub(crate) fn is_tab(&self, x: usize) -> bool {
        match &self.tabs {
            None => x.is_multiple_of(TAB_WIDTH),
            Some(tabs) => tabs.get(x).copied().unwrap_or(false),
        }
    }

    pub(crate) fn set_tab(&mut self, x: usize, on: bool) {
        let cols = self.cols;
        let tabs = self.tabs.get_or_insert_with(|| (0..cols).map(|x| x.is_multiple_of(TAB_WIDTH)).collect());
        if let Some(tab) = tabs.get_mut(x) {
            *tab = on;
        }
    }

    /// New columns get default stops, as in a new terminal.
    pub(crate) fn resize_tabs(&mut self, cols: usize) {
        if let Some(tabs) = &mut self.tabs {
            let old = tabs.len();
            tabs.truncate(cols);
            tabs.extend((old..cols).map(|x| x.is_multiple_of(TAB_WIDTH)));
        }
    }

    pub(crate) fn reset_region(&mut self) {
        self.top = 0;
        self.bottom = self.rows.len();
    }

    /// Moves the region's rows up by `count`. Rows leaving at the very top of the screen go to
    /// `history` if one is given. `seam` says whether the old last row goes on in the new one.
    pub(crate) fn scroll_up(
        &mut self,
        count: usize,
        fill: Style,
        seam: Wrap,
        mut history: Option<(&mut History, &Interner)>,
    ) {
        let (top, bottom, cols) = (self.top, self.bottom, self.cols);
        self.break_seam(top, bottom);
        self.rows[bottom - 1].wrap = seam;
        for _ in 0..count.min(bottom - top) {
            if top == 0
                && let Some((history, interner)) = &mut history
            {
                history.push(&self.rows[0], cols, interner);
            }
            self.lift(top, bottom);
            self.rows[bottom - 1].clear(cols, fill);
        }
    }

    /// Moves row `top` to `bottom - 1` and the rows between up by one.
    fn lift(&mut self, top: usize, bottom: usize) {
        if top == 0 && bottom == self.rows.len() {
            self.rows.rotate_left(1);
            return;
        }
        for y in top..bottom - 1 {
            self.rows.swap(y, y + 1);
        }
    }

    /// Moves the rows `top..bottom` down by `count`; what leaves at the bottom is lost.
    pub(crate) fn scroll_down(&mut self, top: usize, bottom: usize, count: usize, fill: Style) {
        self.break_seam(top, bottom);
        for _ in 0..count.min(bottom - top) {
            for y in (top + 1..bottom).rev() {
                self.rows.swap(y, y - 1);
            }
            self.rows[top].clear(self.cols, fill);
        }
        self.rows[bottom - 1].wrap = Wrap::No;
    }

    /// Removes `count` rows at `top`; blanks follow at the end of `..bottom`.
    pub(crate) fn delete_rows(&mut self, top: usize, bottom: usize, count: usize, fill: Style) {
        self.break_seam(top, bottom);
        for _ in 0..count.min(bottom - top) {
            self.lift(top, bottom);
            self.rows[bottom - 1].clear(self.cols, fill);
        }
    }

    /// Rows at the edge of a moved block no longer go on in their old neighbour.
    fn break_seam(&mut self, top: usize, bottom: usize) {
        if top > 0 {
            self.rows[top - 1].wrap = Wrap::No;
        }
        self.rows[bottom - 1].wrap = Wrap::No;
    }

    pub(crate) fn clear_rows(&mut self, from: usize, to: usize, fill: Style) {
        let cols = self.cols;
        for row in self.rows.range_mut(from..to) {
            row.clear(cols, fill);
        }
    }

    /// Heap bytes held by the rows.
    pub(crate) fn heap_bytes(&self) -> usize {
        let cells: usize = self.rows.iter().map(|r| r.cells.capacity()).sum();
        cells * size_of::<crate::cell::Cell>() + self.rows.capacity() * size_of::<Row>()
    }
}
