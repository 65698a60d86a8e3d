//! The line that the cursor is in: rows that go on in each other are one.

use crate::row::{Row, Wrap};
use crate::screen::Screen;
use crate::snapshot::push_cell;

/// A line of the screen, cut at the cursor. Blanks at its end are left out, but not those before the cursor.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct CursorLine {
    /// What is left of the cursor, from the line's first row on the screen.
    pub before: String,
    /// What is under it and right of it, to the line's last row.
    pub after: String,
    /// What stands apart from it at the right edge: a prompt there, as zsh and fish have it.
    pub right: String,
    /// Full rows right above the line, which may be its beginning: some editors of lines break them themselves.
    pub above: String,
}

pub(crate) fn at_cursor(screen: &Screen) -> CursorLine {
    let rows = &screen.grid.rows;
    let y = screen.cursor.y.min(rows.len().saturating_sub(1));
    let goes_on = |y: usize| rows.get(y).is_some_and(|row: &Row| row.wrap != Wrap::No);
    let first = (0..y).rev().take_while(|y| goes_on(*y)).last().unwrap_or(y);
    let cols = screen.cols();
    let mut line = CursorLine::default();
    let is_full = |y: usize| rows.get(y).is_some_and(|row: &Row| cols > 0 && row.trimmed().len() >= cols);
    let above = (0..first).rev().take_while(|y| is_full(*y)).last().unwrap_or(first);
    for row in rows.range(above..first) {
        push(screen, row, (0, cols), &mut line.above);
    }
    for row in rows.range(first..y) {
        push(screen, row, (0, width(row, cols)), &mut line.before);
    }
    // After writing the last column the cursor stands on what was written.
    let x = if screen.cursor.pending { cols } else { screen.cursor.x.min(cols) };
    if let Some(row) = rows.get(y) {
        push(screen, row, (0, x), &mut line.before);
        push(screen, row, (x, width(row, cols)), &mut line.after);
        // zsh leaves the last column free.
        if !goes_on(y) && row.trimmed().len() + 1 >= cols {
            set_apart(&mut line);
        }
    }
    let mut next = y;
    while goes_on(next) && next + 1 < rows.len() {
        next += 1;
        push(screen, &rows[next], (0, width(&rows[next], cols)), &mut line.after);
    }
    line.after.truncate(line.after.trim_end_matches(' ').len());
    line
}

/// Takes what is right of the last gap in `after` out of it.
fn set_apart(line: &mut CursorLine) {
    if let Some(gap) = line.after.trim_end().rfind("  ") {
        line.right = line.after.split_off(gap).trim().to_owned();
    }
}

/// Columns of a row that hold text of its line.
fn width(row: &Row, cols: usize) -> usize {
    match row.wrap {
        Wrap::Soft => cols,
        Wrap::SoftPad => cols.saturating_sub(1),
        Wrap::No => row.trimmed().len(),
    }
}

fn push(screen: &Screen, row: &Row, (from, to): (usize, usize), out: &mut String) {
    for x in from..to {
        push_cell(screen, row.get(x), out);
    }
}

#[cfg(test)]
mod tests {
    use crate::{Config, CursorLine, Effects, Size, Terminal};

    fn line(cols: u16, rows: u16, bytes: &str) -> CursorLine {
        let mut terminal = Terminal::new(Size { cols, rows }, Config::default());
        terminal.feed(bytes.as_bytes(), &mut Effects::default());
        terminal.cursor_line()
    }

    fn cut(before: &str, after: &str) -> CursorLine {
        CursorLine { before: before.into(), after: after.into(), ..CursorLine::default() }
    }

    #[test]
    fn a_line_is_cut_at_the_cursor() {
        assert_eq!(line(20, 4, "ada$ ls"), cut("ada$ ls", ""));
        assert_eq!(line(20, 4, "ada$ "), cut("ada$ ", ""), "the blank of a prompt stays");
        assert_eq!(line(20, 4, "one\r\nada$ ls -l\x1b[3D"), cut("ada$ ls", " -l"));
        assert_eq!(line(20, 4, ""), cut("", ""));
    }

    #[test]
    fn rows_that_go_on_are_one_line() {
        assert_eq!(line(5, 4, "$ echo abc"), cut("$ echo abc", ""));
        assert_eq!(line(5, 4, "x\r\n$ echo abc\x1b[A\x1b[2D"), cut("$ ", "echo abc"));
        assert_eq!(line(4, 4, "$ 日本語"), cut("$ 日本語", ""), "wide characters leave no blank behind");
    }

    #[test]
    fn what_stands_at_the_right_edge_is_apart() {
        let right = |line: CursorLine| (line.before, line.after, line.right);
        let parts = |before: &str, after: &str, edge: &str| (before.into(), after.into(), edge.into());
        assert_eq!(right(line(20, 4, "$ \x1b[16G12:00\r\x1b[2Cls")), parts("$ ls", "", "12:00"));
        assert_eq!(
            right(line(20, 4, "$ \x1b[14G[1:00]\r\x1b[2Cls -l\x1b[3D")),
            parts("$ ls", " -l", "[1:00]")
        );
        assert_eq!(right(line(20, 4, "$ ls  x\x1b[3D")), parts("$ ls", "  x", ""), "it is not at the edge");
        assert_eq!(right(line(20, 4, "$ 345678901234567890\x1b[9D")), parts("$ 34567890", "1234567890", ""));
    }

    #[test]
    fn full_rows_above_may_be_its_beginning() {
        let shown = line(5, 4, "x\r\n$ ech\r\no abc");
        assert_eq!((shown.above.as_str(), shown.before.as_str()), ("$ ech", "o abc"));
        assert_eq!(line(5, 4, "$ ec\r\no abc").above, "");
    }

    #[test]
    fn a_line_whose_beginning_has_scrolled_away_is_what_is_left() {
        assert_eq!(line(5, 2, "$ echo abcde"), cut("o abcde", ""));
    }
}
