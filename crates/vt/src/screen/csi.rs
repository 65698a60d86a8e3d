//! Control sequences that change the screen.

use super::{Cursor, Screen, modes, sgr};
use crate::cell::Style;
use crate::parser::csi::Csi;
use crate::row::Wrap;

impl Screen {
    pub(super) fn csi(&mut self, csi: &Csi) {
        match (csi.prefix, csi.intermediates) {
            (0, [0, 0]) if self.move_cursor(csi) || self.edit(csi) => {}
            (0, [0, 0]) => self.set(csi),
            (b'?', [0, 0]) => match csi.action {
                b'h' => self.private_modes(csi, true),
                b'l' => self.private_modes(csi, false),
                // Without protected characters selective erase is plain erase.
                b'J' | b'K' => {
                    self.edit(csi);
                }
                b'W' if csi.get(0, 0) == 5 => self.grid.tabs = None,
                _ => {}
            },
            (b'<' | b'=' | b'>', [0, 0]) => self.keyboard.csi(csi),
            (0, [b'!', 0]) if csi.action == b'p' => self.soft_reset(),
            (0, [b' ', 0]) if csi.action == b'q' && csi.get(0, 0) <= 6 => {
                self.modes.cursor_style = csi.get(0, 0) as u8;
            }
            _ => {}
        }
    }

    fn move_cursor(&mut self, csi: &Csi) -> bool {
        let count = csi.count();
        let Cursor { x, y, .. } = self.cursor;
        match csi.action {
            b'A' => self.up(count),
            b'B' | b'e' => self.down(count),
            b'C' | b'a' => self.place(x + count, y),
            b'D' => self.place(x.saturating_sub(count), y),
            b'E' => {
                self.down(count);
                self.cursor.x = 0;
            }
            b'F' => {
                self.up(count);
                self.cursor.x = 0;
            }
            b'G' | b'`' => self.place(count - 1, y),
            b'H' | b'f' => self.address(usize::from(csi.get(1, 1)) - 1, count - 1),
            b'd' => self.address(x, count - 1),
            b'I' => self.tab_forward(count),
            b'Z' => self.tab_backward(count),
            _ => return false,
        }
        true
    }

    /// CUP: with origin mode, rows count from the top of the region and stay in it.
    fn address(&mut self, x: usize, y: usize) {
        if self.has(modes::ORIGIN) {
            self.place(x, (self.grid.top + y).min(self.grid.bottom - 1));
        } else {
            self.place(x, y);
        }
    }

    /// Stops at the top of the region unless the cursor is above it.
    fn up(&mut self, count: usize) {
        let stop = if self.cursor.y >= self.grid.top { self.grid.top } else { 0 };
        let y = self.cursor.y.saturating_sub(count).max(stop);
        self.place(self.cursor.x, y);
    }

    fn down(&mut self, count: usize) {
        let inside = self.cursor.y < self.grid.bottom;
        let stop = if inside { self.grid.bottom } else { self.rows() } - 1;
        self.place(self.cursor.x, (self.cursor.y + count).min(stop));
    }

    fn edit(&mut self, csi: &Csi) -> bool {
        let count = csi.count();
        let (cols, fill) = (self.cols(), self.fill());
        let Cursor { x, y, .. } = self.cursor;
        match csi.action {
            b'@' => {
                self.cursor.pending = false;
                self.grid.rows[y].insert(x, count, cols, fill);
            }
            b'P' => {
                self.cursor.pending = false;
                self.grid.rows[y].delete(x, count, cols, fill);
            }
            b'X' => {
                self.cursor.pending = false;
                self.grid.rows[y].erase(x, (x + count).min(cols), cols, fill);
            }
            b'J' => self.erase_display(csi.get(0, 0), fill),
            b'K' => self.erase_line(csi.get(0, 0), fill),
            b'L' => self.insert_lines(count, fill),
            b'M' => self.delete_lines(count, fill),
            b'S' => {
                self.cursor.pending = false;
                self.grid.scroll_up(count, fill, Wrap::No, None);
            }
            b'T' if csi.params().len() <= 1 => {
                self.cursor.pending = false;
                let (top, bottom) = (self.grid.top, self.grid.bottom);
                self.grid.scroll_down(top, bottom, count, fill);
            }
            _ => return false,
        }
        true
    }

    fn erase_display(&mut self, what: u16, fill: Style) {
        let rows = self.rows();
        let y = self.cursor.y;
        match what {
            0 => {
                self.erase_line(0, fill);
                self.grid.clear_rows(y + 1, rows, fill);
            }
            1 => {
                self.grid.clear_rows(0, y, fill);
                self.erase_line(1, fill);
            }
            2 => self.grid.clear_rows(0, rows, fill),
            3 => self.history.clear(),
            _ => {}
        }
    }

    fn erase_line(&mut self, what: u16, fill: Style) {
        let cols = self.cols();
        let Cursor { x, y, pending } = self.cursor;
        let row = &mut self.grid.rows[y];
        match what {
            // The cursor is past the last column: nothing is right of it.
            0 if pending => {}
            0 => row.erase(x, cols, cols, fill),
            1 => row.erase(0, x + 1, cols, fill),
            2 => row.clear(cols, fill),
            _ => {}
        }
    }

    fn in_region(&self) -> bool {
        (self.grid.top..self.grid.bottom).contains(&self.cursor.y)
    }

    fn insert_lines(&mut self, count: usize, fill: Style) {
        if self.in_region() {
            let (y, bottom) = (self.cursor.y, self.grid.bottom);
            self.grid.scroll_down(y, bottom, count, fill);
            self.place(0, y);
        }
    }

    fn delete_lines(&mut self, count: usize, fill: Style) {
        if self.in_region() {
            let (y, bottom) = (self.cursor.y, self.grid.bottom);
            self.grid.delete_rows(y, bottom, count, fill);
            self.place(0, y);
        }
    }

    /// SGR.
    pub(super) fn select_graphics(&mut self, csi: &Csi) {
        self.sweep_if_full();
        sgr::apply(csi, &mut self.pen.style, &mut self.interner);
    }

    fn set(&mut self, csi: &Csi) {
        match csi.action {
            b'h' => self.ansi_modes(csi, true),
            b'l' => self.ansi_modes(csi, false),
            b'r' => self.set_region(csi),
            b's' if csi.params().is_empty() => self.save_cursor(),
            b'u' => self.restore_cursor(),
            b'g' => match csi.get(0, 0) {
                0 => self.grid.set_tab(self.cursor.x, false),
                3 => self.grid.tabs = Some(vec![false; self.cols()]),
                _ => {}
            },
            b't' => self.window.csi(csi),
            _ => {}
        }
    }

    /// DECSTBM: rows from 1; the cursor goes home.
    fn set_region(&mut self, csi: &Csi) {
        let rows = self.rows();
        let top = usize::from(csi.get(0, 1)) - 1;
        let bottom = usize::from(csi.get(1, u16::MAX)).min(rows);
        if top + 1 < bottom || (top == 0 && bottom == rows) {
            self.grid.top = top;
            self.grid.bottom = bottom;
            self.address(0, 0);
        }
    }
}
