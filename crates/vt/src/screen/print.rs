//! Characters onto the screen.

use super::{Charset, Screen, modes};
use crate::cell::{CLUSTER, Cell, SPACER, WIDE};
use crate::row::Wrap;
use crate::width::char_width;

impl Screen {
    /// A run of printable ASCII: whole stretches of a row at once where nothing forbids it.
    pub(crate) fn print_ascii(&mut self, text: &[u8]) {
        if !self.prints_plainly() {
            text.iter().for_each(|byte| self.print(char::from(*byte)));
            return;
        }
        let cols = self.cols();
        let mut rest = text;
        while !rest.is_empty() {
            if self.cursor.pending {
                self.wrap(Wrap::Soft);
            }
            let x = self.cursor.x;
            let (now, later) = rest.split_at(rest.len().min(cols - x));
            let row = &mut self.grid.rows[self.cursor.y];
            row.write_ascii(x, now, self.pen.style);
            self.advance(now.len());
            rest = later;
        }
        self.last = text.last().map(|byte| char::from(*byte));
    }

    /// Moves right after writing `width` columns.
    fn advance(&mut self, width: usize) {
        let cols = self.cols();
        self.cursor.x += width;
        if self.cursor.x >= cols {
            self.cursor.x = cols - 1;
            self.cursor.pending = true;
            let row = &mut self.grid.rows[self.cursor.y];
            if row.wrap == Wrap::SoftPad {
                row.wrap = Wrap::Soft;
            }
        }
    }

    /// To the start of the next row because the text goes on.
    fn wrap(&mut self, kind: Wrap) {
        let y = self.cursor.y;
        self.cursor.pending = false;
        self.cursor.x = 0;
        if y + 1 == self.grid.bottom {
            self.scroll(kind);
        } else if y + 1 < self.rows() {
            self.grid.rows[y].wrap = kind;
            self.cursor.y += 1;
        }
        // On the last row below the region nothing moves, so nothing goes on.
    }

    pub(crate) fn print(&mut self, typed: char) {
        let width = char_width(typed);
        let x = self.cursor.x;
        if width > 0 && x + width < self.cols() && !self.cursor.pending && self.prints_plainly() {
            let wide = if width == 2 { WIDE } else { 0 };
            let cell = Cell { glyph: u32::from(typed) | wide, style: self.pen.style };
            self.grid.rows[self.cursor.y].write(x, cell);
            self.cursor.x = x + width;
            self.last = Some(typed);
        } else {
            self.print_slowly(typed);
        }
    }

    /// Whether characters are written as they are, and wrap.
    fn prints_plainly(&self) -> bool {
        self.pen.charset() == Charset::Ascii && !self.has(modes::INSERT) && self.has(modes::AUTOWRAP)
    }

    /// A character in any circumstances.
    fn print_slowly(&mut self, typed: char) {
        self.last = None;
        let c = self.translate(typed);
        let width = char_width(c);
        let cols = self.cols();
        let autowrap = self.has(modes::AUTOWRAP);
        if width == 0 {
            self.combine(c);
            return;
        }
        if width > cols {
            return;
        }
        if self.cursor.pending && autowrap {
            self.wrap(Wrap::Soft);
        }
        if self.cursor.x + width > cols {
            // A wide character at the last column.
            if !autowrap {
                return;
            }
            self.make_pad();
        }
        let x = self.cursor.x;
        let fill = self.fill();
        let row = &mut self.grid.rows[self.cursor.y];
        if self.modes.has(modes::INSERT) {
            row.insert(x, width, cols, fill);
        }
        let wide = if width == 2 { WIDE } else { 0 };
        row.write(x, Cell { glyph: u32::from(c) | wide, style: self.pen.style });
        self.cursor.pending = false;
        self.advance(width);
        self.last = Some(typed);
    }

    /// Leaves the last column empty, in the style of the character that did not fit, and wraps.
    fn make_pad(&mut self) {
        let cols = self.cols();
        let row = &mut self.grid.rows[self.cursor.y];
        row.write(cols - 1, Cell::blank(self.pen.style));
        self.wrap(Wrap::SoftPad);
    }

    /// Adds a character without width to the one before the cursor.
    fn combine(&mut self, c: char) {
        let x = match (self.cursor.pending, self.cursor.x) {
            (true, x) => x,
            (false, 0) => return,
            (false, x) => x - 1,
        };
        self.sweep_if_full();
        let row = &mut self.grid.rows[self.cursor.y];
        let x = if row.get(x).has(SPACER) { x - 1 } else { x };
        let cell = row.get(x);
        let glyph = self.interner.combine(cell, c);
        if glyph & CLUSTER != 0 {
            let wide = cell.has(WIDE);
            row.write(x, Cell { glyph, ..cell });
            debug_assert_eq!(wide, row.get(x).has(WIDE));
        }
    }

    /// REP. More than a screenful would only scroll the same away.
    pub(crate) fn repeat(&mut self, c: Option<char>, count: usize) {
        if let Some(c) = c {
            for _ in 0..count.min(self.cols() * self.rows()) {
                self.print(c);
            }
        }
    }

    /// What the active character set makes of `c`.
    pub(crate) fn translate(&self, c: char) -> char {
        match self.pen.charset() {
            Charset::Ascii => c,
            Charset::British if c == '#' => '£',
            Charset::British => c,
            Charset::Graphics => graphics(c),
        }
    }
}

/// DEC special graphics, VT100 User Guide table 3-9.
fn graphics(c: char) -> char {
    const TABLE: [char; 31] = [
        '◆', '▒', '␉', '␌', '␍', '␊', '°', '±', '␤', '␋', '┘', '┐', '┌', '└', '┼', '⎺', '⎻', '─', '⎼', '⎽',
        '├', '┤', '┴', '┬', '│', '≤', '≥', 'π', '≠', '£', '·',
    ];
    match c {
        '_' => ' ',
        '`'..='~' => TABLE[c as usize - '`' as usize],
        _ => c,
    }
}

#[cfg(test)]
mod tests;
