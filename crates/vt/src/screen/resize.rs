//! A new size. Wrapped text of the primary screen and its scrollback is wrapped anew; the
//! alternate screen is cut or extended, since its program draws it again.

use super::Screen;
use crate::cell::{BLANK, Cell, SPACER};
use crate::config::Size;
use crate::decode::decode_line;
use crate::grid::Grid;
use crate::history::History;
use crate::row::{Row, Wrap};

/// A place on the primary screen that moves with the text.
#[derive(Clone, Copy, Default)]
struct Mark {
    row: usize,
    x: usize,
    pending: bool,
}

/// The rows of the primary screen while they are laid out anew.
struct Layout {
    rows: Vec<Row>,
    /// Their width.
    cols: usize,
    /// The place that must stay visible: the cursor, or where it will be on coming back from the
    /// alternate screen.
    anchor: Mark,
    saved: Mark,
}

impl Screen {
    pub(crate) fn resize(&mut self, size: Size) {
        let size = size.clamped();
        let (cols, rows) = (usize::from(size.cols), usize::from(size.rows));
        if (cols, rows) == (self.cols(), self.rows()) {
            return;
        }
        self.last = None;
        if let Some(mut primary) = self.primary.take() {
            let saved = self.mark_saved(&primary);
            let [_, saved] = self.resize_primary(&mut primary, (cols, rows), [saved; 2]);
            set_saved(&mut primary, saved);
            let cursor = self.cursor;
            let mark = Mark { row: cursor.y, x: cursor.x, pending: cursor.pending };
            let marks = resize_plain(&mut self.grid, (cols, rows), mark);
            self.set_cursor(marks);
            self.primary = Some(primary);
        } else {
            let mut grid = std::mem::replace(&mut self.grid, Grid::new(1, 1));
            let cursor = self.cursor;
            let cursor = Mark { row: cursor.y, x: cursor.x, pending: cursor.pending };
            let saved = self.mark_saved(&grid);
            let [cursor, saved] = self.resize_primary(&mut grid, (cols, rows), [cursor, saved]);
            set_saved(&mut grid, saved);
            self.grid = grid;
            self.set_cursor(cursor);
        }
    }

    fn mark_saved(&self, grid: &Grid) -> Mark {
        let saved = grid.saved.cursor;
        Mark { row: saved.y, x: saved.x, pending: saved.pending }
    }

    fn set_cursor(&mut self, mark: Mark) {
        self.cursor = super::Cursor { x: mark.x, y: mark.row, pending: mark.pending };
    }

    /// Returns where the anchor and the saved cursor went.
    fn resize_primary(
        &mut self,
        grid: &mut Grid,
        (cols, rows): (usize, usize),
        [anchor, saved]: [Mark; 2],
    ) -> [Mark; 2] {
        let at_bottom = anchor.row + 1 == grid.height();
        let old: Vec<Row> = std::mem::take(&mut grid.rows).into();
        let mut layout = Layout { rows: old, cols: grid.cols, anchor, saved };
        layout.drop_blank_end();
        if cols != grid.cols {
            let kept = Cell::blank(grid.saved.pen.style);
            let head = self.rewrap_history(cols, &layout.rows, kept);
            layout.rewrap(head, cols);
        }
        layout.fit(rows, cols, at_bottom, self);
        grid.rows = layout.rows.into();
        grid.resize_tabs(cols);
        grid.cols = cols;
        grid.reset_region();
        [layout.anchor, layout.saved].map(|mark| Mark {
            row: mark.row.min(rows - 1),
            x: mark.x.min(cols - 1),
            pending: mark.pending && mark.x + 1 >= cols,
        })
    }

    /// Wraps the scrollback for a new width. A text that goes on on the screen is taken out and
    /// returned: it is wrapped together with the rest of it. `kept`: one more cell in use.
    fn rewrap_history(&mut self, cols: usize, screen: &[Row], kept: Cell) -> Vec<Cell> {
        let empty = self.history.empty();
        let old = std::mem::replace(&mut self.history, empty);
        let mut new = old.empty();
        let mut text: Vec<Cell> = Vec::new();
        let mut open = false;
        for line in old.iter() {
            if !open && line.wrap == Wrap::No && line.width <= cols {
                new.push_line(line);
                continue;
            }
            decode_line(line.text(), &mut self.interner, &mut text);
            open = line.wrap != Wrap::No;
            if !open {
                self.push_text(&mut new, &text, cols);
                text.clear();
            }
            if self.interner.wants_sweep() {
                let on_screen = screen.iter().flat_map(|row| row.cells.iter().copied());
                let used: Vec<Cell> = text.iter().copied().chain(on_screen).chain([kept]).collect();
                self.sweep(&used);
            }
        }
        self.history = new;
        text
    }

    fn push_text(&self, history: &mut History, text: &[Cell], cols: usize) {
        for row in wrap(text, cols) {
            history.push(&row, cols, &self.interner);
        }
    }

    fn pop_history(&mut self) -> Option<Row> {
        let interner = &mut self.interner;
        self.history.pop(|line| {
            let mut cells = Vec::new();
            decode_line(line.text(), interner, &mut cells);
            Row::new(cells, line.wrap)
        })
    }
}

fn set_saved(grid: &mut Grid, mark: Mark) {
    let saved = &mut grid.saved.cursor;
    (saved.x, saved.y, saved.pending) = (mark.x, mark.row, mark.pending);
}

impl Layout {
    /// Blank rows below text and anchor are made anew as needed.
    fn drop_blank_end(&mut self) {
        let text = self.rows.iter().rposition(|r| !r.trimmed().is_empty()).map_or(0, |y| y + 1);
        self.rows.truncate(text.max(self.anchor.row + 1));
        if let Some(last) = self.rows.last_mut() {
            last.wrap = Wrap::No;
        }
    }

    /// Wraps all rows for `cols`; `head` is text of the scrollback that goes on in the first row.
    fn rewrap(&mut self, head: Vec<Cell>, cols: usize) {
        let old = std::mem::take(&mut self.rows);
        let mut text = head;
        // Marks inside the text being collected: (mark, offset).
        let mut inside: [Option<usize>; 2] = [None; 2];
        let marks = [self.anchor, self.saved];
        let mut moved = marks;
        for (y, row) in old.iter().enumerate() {
            for (mark, offset) in marks.iter().zip(&mut inside) {
                if mark.row == y {
                    *offset = Some(text.len() + mark.x + usize::from(mark.pending));
                }
            }
            let start = text.len();
            text.extend_from_slice(&row.cells);
            match row.wrap {
                Wrap::No => {}
                Wrap::Soft => text.resize(start + self.cols, BLANK),
                Wrap::SoftPad => {
                    text.resize(start + self.cols - 1, BLANK);
                }
            }
            if row.wrap != Wrap::No {
                continue;
            }
            let reach = inside[0].unwrap_or(0);
            let rows = wrap_to(&mut text, cols, reach);
            for (mark, offset) in moved.iter_mut().zip(&mut inside) {
                if let Some(offset) = offset.take() {
                    *mark = locate(&rows, offset, cols, self.rows.len(), mark.pending);
                }
            }
            self.rows.extend(rows);
            text.clear();
        }
        [self.anchor, self.saved] = moved;
    }

    /// Makes the rows exactly `rows` many: what is above goes to the scrollback, or comes back from
    /// it if the anchor was on the last row.
    fn fit(&mut self, rows: usize, cols: usize, at_bottom: bool, screen: &mut Screen) {
        if self.rows.len() > rows {
            // Below the anchor first, as xterm.js does.
            self.rows.truncate(rows.max(self.anchor.row + 1));
            let above = self.rows.len() - rows;
            for row in self.rows.drain(..above) {
                screen.history.push(&row, cols, &screen.interner);
            }
            self.anchor.row -= above;
            self.saved.row = self.saved.row.saturating_sub(above);
        }
        let mut back = Vec::new();
        while at_bottom && self.rows.len() + back.len() < rows {
            let Some(row) = screen.pop_history() else { break };
            back.push(row);
        }
        self.anchor.row += back.len();
        self.saved.row += back.len();
        self.rows.splice(0..0, back.into_iter().rev());
        if let Some(last) = self.rows.last_mut() {
            last.wrap = Wrap::No;
        }
        self.rows.resize(rows, Row::default());
    }
}

/// Where `offset` of a text is in its new rows, the first of which is row `first`.
fn locate(rows: &[Row], offset: usize, cols: usize, first: usize, pending: bool) -> Mark {
    let mut left = offset;
    for (y, row) in rows.iter().enumerate() {
        let width = if row.wrap == Wrap::SoftPad { cols - 1 } else { cols };
        let last = y + 1 == rows.len();
        if left < width || last {
            let past = left >= cols && last;
            let x = if past { cols - 1 } else { left };
            // Exactly after a full row: the next character wraps.
            let full = past && left == cols && (pending || row.cells.len() >= cols);
            return Mark { row: first + y, x, pending: full };
        }
        left -= width;
    }
    Mark { row: first, x: 0, pending: false }
}

/// Wraps `text` so that offset `reach` has a place, too: blanks before the cursor are text.
fn wrap_to(text: &mut Vec<Cell>, cols: usize, reach: usize) -> Vec<Row> {
    let len = text.iter().rposition(|c| *c != BLANK).map_or(0, |i| i + 1);
    text.truncate(len);
    if reach > len {
        text.resize(reach, BLANK);
    }
    wrap(text, cols)
}

/// Cuts a text into rows. There is always at least one.
fn wrap(text: &[Cell], cols: usize) -> Vec<Row> {
    let mut rows = Vec::new();
    let mut rest = text;
    while rest.len() > cols {
        let splits = cols > 1 && rest[cols].has(SPACER);
        let (now, later) = rest.split_at(if splits { cols - 1 } else { cols });
        let wrap = if splits { Wrap::SoftPad } else { Wrap::Soft };
        rows.push(row(now, wrap, cols));
        rest = later;
    }
    rows.push(row(rest, Wrap::No, cols));
    rows
}

fn row(cells: &[Cell], wrap: Wrap, cols: usize) -> Row {
    let mut cells = cells.to_vec();
    if cols == 1 {
        // Half a wide character cannot be shown.
        for cell in &mut cells {
            if cell.has(SPACER | crate::cell::WIDE) {
                cell.glyph = BLANK.glyph;
            }
        }
    }
    Row::new(cells, wrap)
}

/// Cuts or extends rows in place; nothing goes to the scrollback.
fn resize_plain(grid: &mut Grid, (cols, rows): (usize, usize), cursor: Mark) -> Mark {
    let mut mark = cursor;
    if cols != grid.cols {
        for row in &mut grid.rows {
            row.crop(cols);
            row.wrap = Wrap::No;
        }
        mark.pending = false;
        mark.x = mark.x.min(cols - 1);
    }
    let above = (mark.row + 1).saturating_sub(rows);
    grid.rows.drain(..above);
    mark.row -= above;
    grid.rows.resize(rows, Row::default());
    if let Some(last) = grid.rows.back_mut() {
        last.wrap = Wrap::No;
    }
    let saved = &mut grid.saved.cursor;
    saved.pending &= cols == grid.cols;
    saved.y = saved.y.saturating_sub(above).min(rows - 1);
    saved.x = saved.x.min(cols - 1);
    grid.resize_tabs(cols);
    grid.cols = cols;
    grid.reset_region();
    mark
}
