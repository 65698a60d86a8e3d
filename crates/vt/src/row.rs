//! One row of the screen. Cells past the end of `cells` are blank, so an empty row costs nothing
//! and clearing is a truncation. A wide character always has both halves: every edit repairs what
//! it cuts.

use crate::cell::{BLANK, Cell, SPACER, Style, WIDE};

/// Whether the text of a row goes on in the next one.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) enum Wrap {
    #[default]
    No,
    /// It goes on after the last column.
    Soft,
    /// It goes on before the last column, which stayed empty because a wide character did not fit.
    SoftPad,
}

#[derive(Clone, Debug)]
pub(crate) struct Row {
    pub(crate) cells: Vec<Cell>,
    pub(crate) wrap: Wrap,
    /// All cells are ASCII in the default style. It may be false although they are.
    plain: bool,
}

impl Default for Row {
    fn default() -> Self {
        Self { cells: Vec::new(), wrap: Wrap::No, plain: true }
    }
}

impl Row {
    pub(crate) fn new(cells: Vec<Cell>, wrap: Wrap) -> Self {
        Self { cells, wrap, plain: false }
    }

    /// Whether all cells are known to be ASCII in the default style.
    pub(crate) fn is_plain(&self) -> bool {
        self.plain
    }

    /// Empties the row; `fill` is the style of the new blanks.
    pub(crate) fn clear(&mut self, cols: usize, fill: Style) {
        self.cells.clear();
        self.wrap = Wrap::No;
        self.plain = fill == Style::DEFAULT;
        if fill != Style::DEFAULT {
            self.cells.resize(cols, Cell::blank(fill));
        }
    }

    pub(crate) fn get(&self, x: usize) -> Cell {
        self.cells.get(x).copied().unwrap_or(BLANK)
    }

    /// The cells without blanks at the end.
    pub(crate) fn trimmed(&self) -> &[Cell] {
        let len = self.cells.iter().rposition(|c| *c != BLANK).map_or(0, |i| i + 1);
        &self.cells[..len]
    }

    /// Makes `x` a place where an edit may begin or end: a wide character across it becomes blanks
    /// in the style of the edit (as in xterm.js).
    fn cut(&mut self, x: usize, style: Style) {
        if x > 0 && self.cells.get(x).is_some_and(|c| c.has(SPACER)) {
            self.cells[x - 1..=x].fill(Cell::blank(style));
        }
    }

    fn reach(&mut self, len: usize) {
        if self.cells.len() < len {
            self.cells.resize(len, BLANK);
        }
    }

    /// Overwrites the cells from `x` with printable ASCII.
    pub(crate) fn write_ascii(&mut self, x: usize, text: &[u8], style: Style) {
        self.plain &= style == Style::DEFAULT;
        self.reach(x);
        if x == self.cells.len() {
            self.cells.extend(text.iter().map(|&byte| Cell { glyph: u32::from(byte), style }));
            return;
        }
        self.cut(x, style);
        let end = x + text.len();
        self.cut(end, style);
        let over = self.cells.len().min(end) - x;
        let (front, back) = text.split_at(over);
        for (cell, &byte) in self.cells[x..x + over].iter_mut().zip(front) {
            *cell = Cell { glyph: u32::from(byte), style };
        }
        self.cells.extend(back.iter().map(|&byte| Cell { glyph: u32::from(byte), style }));
    }

    /// Overwrites one cell, or two if `cell` is wide.
    #[inline(always)]
    pub(crate) fn write(&mut self, x: usize, cell: Cell) {
        self.plain = false;
        if x != self.cells.len() {
            self.overwrite(x, cell);
        } else if cell.has(WIDE) {
            let spacer = Cell { glyph: BLANK.glyph | SPACER, style: cell.style };
            self.cells.extend_from_slice(&[cell, spacer]);
        } else {
            self.cells.push(cell);
        }
    }

    fn overwrite(&mut self, x: usize, cell: Cell) {
        let width = if cell.has(WIDE) { 2 } else { 1 };
        self.reach(x + width);
        self.cut(x, cell.style);
        self.cut(x + width, cell.style);
        self.cells[x] = cell;
        if width == 2 {
            self.cells[x + 1] = Cell { glyph: BLANK.glyph | SPACER, style: cell.style };
        }
    }

    /// Erases the cells `from..to`. The text no longer goes on in the next row if its end is erased.
    pub(crate) fn erase(&mut self, from: usize, to: usize, cols: usize, fill: Style) {
        if from >= to {
            return;
        }
        self.cut(from, fill);
        self.cut(to, fill);
        if to >= cols {
            self.wrap = Wrap::No;
        }
        if fill == Style::DEFAULT && to >= self.cells.len() {
            self.cells.truncate(from);
            return;
        }
        self.plain &= fill == Style::DEFAULT;
        self.reach(to);
        self.cells[from..to].fill(Cell::blank(fill));
    }

    /// Shifts the cells from `x` right by `count`; what leaves the row is lost.
    pub(crate) fn insert(&mut self, x: usize, count: usize, cols: usize, fill: Style) {
        let count = count.min(cols - x);
        self.wrap = Wrap::No;
        self.plain &= fill == Style::DEFAULT;
        self.cut(x, fill);
        if x < self.cells.len() || fill != Style::DEFAULT {
            self.reach(x);
            let blank = Cell::blank(fill);
            self.cells.splice(x..x, std::iter::repeat_n(blank, count));
            self.crop(cols);
        }
    }

    /// Removes `count` cells at `x`; the rest moves left and blanks of `fill` follow.
    pub(crate) fn delete(&mut self, x: usize, count: usize, cols: usize, fill: Style) {
        let count = count.min(cols - x);
        self.wrap = Wrap::No;
        self.plain &= fill == Style::DEFAULT;
        self.cut(x, fill);
        self.cut(x + count, fill);
        if fill != Style::DEFAULT {
            self.reach(cols);
        }
        let end = (x + count).min(self.cells.len());
        if x < end {
            self.cells.drain(x..end);
        }
        if fill != Style::DEFAULT {
            self.cells.resize(cols, Cell::blank(fill));
        }
    }

    /// Makes the row at most `cols` wide without leaving half a character.
    pub(crate) fn crop(&mut self, cols: usize) {
        if self.cells.len() > cols {
            self.cut(cols, Style::DEFAULT);
            self.cells.truncate(cols);
        }
    }
}
