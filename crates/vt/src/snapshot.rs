//! Ways out: the exact restore stream, the first protocol's strings, plain text.

mod restore;
mod seed;

use crate::cell::{Cell, SPACER};
use crate::config::Size;
use crate::screen::Screen;
use crate::terminal::{Cursor, Modes, Scrollback};
pub(crate) use restore::restore;
pub(crate) use seed::seed;

/// A terminal at one byte of its output.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Snapshot {
    /// The size it was taken at; `restore` needs a screen of this size.
    pub size: Size,
    /// Where the cursor is.
    pub cursor: Cursor,
    /// Modes in effect.
    pub modes: Modes,
    /// The window title.
    pub title: Option<String>,
    /// The reported working directory.
    pub cwd: Option<String>,
    /// Lines of scrollback in `restore`.
    pub scrollback_lines: usize,
    /// A VT stream that gives a *new* terminal of the same size this state. It asks nothing and
    /// rings no bell, and the program's next byte can follow it directly, even within a sequence
    /// or a character.
    pub restore: Vec<u8>,
}

/// The snapshot of the wire's first version.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SeedSnapshot {
    /// Clears the screen and draws scrollback and screen, without placing the cursor.
    pub content: String,
    /// Sets the modes that differ from a new terminal's; the alternate screen is not among them.
    pub rehydrate: String,
}

/// See [`Terminal::text`](crate::Terminal::text).
pub(crate) fn text(screen: &Screen, scrollback: Scrollback) -> String {
    let mut out = String::new();
    for line in screen.history.newest(scrollback.limit()) {
        push_plain(line.text(), &mut out);
        end_line(&mut out);
    }
    for row in &screen.grid.rows {
        for &cell in row.trimmed() {
            push_cell(screen, cell, &mut out);
        }
        end_line(&mut out);
    }
    out.truncate(out.trim_end_matches([' ', '\n']).len());
    out
}

pub(crate) fn push_cell(screen: &Screen, cell: Cell, out: &mut String) {
    if !cell.has(SPACER) {
        screen.interner.push_text(cell, out);
    }
}

fn end_line(out: &mut String) {
    out.truncate(out.trim_end_matches(' ').len());
    out.push('\n');
}

/// The text of an encoded line: it holds nothing but text, `CSI … m` and `OSC 8 … ST`.
fn push_plain(bytes: &[u8], out: &mut String) {
    let mut rest = bytes;
    loop {
        let end = rest.iter().position(|b| *b == 0x1b).unwrap_or(rest.len());
        out.push_str(&String::from_utf8_lossy(&rest[..end]));
        rest = &rest[end..];
        let skipped = match rest {
            [] => return,
            [_, b'[', ..] => rest.iter().position(|b| *b == b'm').map(|at| at + 1),
            _ => rest.windows(2).position(|pair| pair == b"\x1b\\").map(|at| at + 2),
        };
        let Some(skipped) = skipped else { return };
        rest = &rest[skipped..];
    }
}
