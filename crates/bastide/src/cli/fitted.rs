//! A session of another size than the terminal, drawn as far as it fits.
//!
//! Its bytes cannot go to the terminal as they are: lines would wrap elsewhere, and the cursor would
//! be moved from the wrong places. So a screen of the session's size is kept here, and its upper left part
//! is drawn. Drawing waits until the terminal has taken the last one: that is pace enough, without a clock.

use std::fmt::Write;

use bastide_vt::{Effects, Scrollback, Terminal};
use bytes::Bytes;

use crate::cli::size::Size;

/// What a text snapshot begins with; it is drawn at other places here.
pub(crate) const CLEAR: &str = "\x1b[0m\x1b[H\x1b[2J";

pub(crate) struct Fitted {
    screen: Terminal,
    effects: Effects,
    /// Of the terminal when it was last drawn; `None`: it must be drawn anew.
    drawn: Option<Size>,
}

fn size_of(size: Size) -> bastide_vt::Size {
    bastide_vt::Size { cols: size.cols, rows: size.rows }
}

impl Fitted {
    /// A session of `size` in the state of `restore`.
    pub(crate) fn new(size: Size, restore: &[u8]) -> Self {
        let screen = Terminal::new(size_of(size), bastide_vt::Config::default());
        let mut fitted = Self { screen, effects: Effects::default(), drawn: None };
        fitted.feed(restore);
        fitted
    }

    pub(crate) fn feed(&mut self, output: &[u8]) {
        self.screen.feed(output, &mut self.effects);
        // The daemon answers what programs ask; nothing here does.
        self.effects.clear();
        self.drawn = None;
    }

    pub(crate) fn resize(&mut self, size: Size) {
        self.screen.resize(size_of(size));
        self.drawn = None;
    }

    /// The stream that shows the session, now of `size`, on a fresh terminal.
    pub(crate) fn restore_at(&mut self, size: Size) -> Vec<u8> {
        self.screen.resize(size_of(size));
        self.screen.snapshot(Scrollback::None).restore
    }

    /// What draws it on a terminal of `size`; `None` when that stands there already.
    pub(crate) fn paint(&mut self, size: Size) -> Option<Bytes> {
        (self.drawn != Some(size)).then(|| self.draw(size))
    }

    /// As [`Fitted::paint`], whatever stands there.
    pub(crate) fn draw(&mut self, size: Size) -> Bytes {
        self.drawn = Some(size);
        let modes = self.screen.modes();
        let content = self.screen.seed_snapshot(0).content;
        // One picture (2026), no cursor meanwhile, and nothing wraps.
        let mut out = String::from("\x1b[?2026h\x1b[?25;7l");
        let own = self.screen.size();
        let lines = content.strip_prefix(CLEAR).unwrap_or(&content).split("\r\n");
        for (y, line) in lines.enumerate().take(size.rows.into()) {
            // The line's rest is cleared after it, in the default colour.
            put(&mut out, format_args!("\x1b[{};1H{line}\x1b[0m\x1b[K", y + 1));
            if width(line) > usize::from(size.cols) {
                put(&mut out, format_args!("\x1b[{};{}H\x1b[7m>\x1b[0m", y + 1, size.cols));
            }
        }
        if size.rows > own.rows {
            let (cols, rows) = (own.cols, own.rows);
            let below = rows + 1;
            put(&mut out, format_args!("\x1b[{below};1H\x1b[J\x1b[2m[a session of {cols}x{rows}]\x1b[0m"));
        }
        let set = |on: bool| if on { 'h' } else { 'l' };
        put(
            &mut out,
            format_args!("\x1b[?1{}\x1b[?2004{}", set(modes.application_cursor), set(modes.bracketed_paste)),
        );
        let cursor = self.screen.cursor();
        if modes.cursor_visible && cursor.x < size.cols && cursor.y < size.rows {
            put(&mut out, format_args!("\x1b[{};{}H\x1b[?25h", cursor.y + 1, cursor.x + 1));
        }
        out.push_str("\x1b[?7h\x1b[?2026l");
        out.into()
    }
}

fn put(out: &mut String, text: std::fmt::Arguments<'_>) {
    out.write_fmt(text).expect("a String takes any text");
}

/// Characters of a line without its `CSI … m`. Good enough to know where a line goes on to the right.
fn width(line: &str) -> usize {
    let mut parts = line.split("\x1b[");
    let plain = parts.next().map_or(0, |text| text.chars().count());
    plain + parts.map(|part| part.split_once('m').map_or(0, |(_, text)| text.chars().count())).sum::<usize>()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    /// What stands on a terminal of `size` after a drawing.
    fn seen(fitted: &mut Fitted, size: Size) -> Terminal {
        let mut terminal = Terminal::new(size_of(size), bastide_vt::Config::default());
        terminal.feed(&fitted.paint(size).unwrap(), &mut Effects::default());
        terminal
    }

    #[test]
    fn a_smaller_terminal_shows_the_upper_left_part_and_says_where_more_is() {
        let mut fitted = Fitted::new(Size { cols: 20, rows: 5 }, b"short\r\nlonger than ten\r\n3\r\n4\r\n5");
        let small = seen(&mut fitted, Size { cols: 10, rows: 3 });
        assert_eq!(small.text(Scrollback::All), "short\nlonger th>\n3");
        assert!(!small.modes().cursor_visible, "it is outside");
    }

    #[test]
    fn a_larger_terminal_shows_all_of_it_and_its_size() {
        let mut fitted = Fitted::new(Size { cols: 10, rows: 2 }, b"abc\x1b[31mdef\x1b[?1h");
        let large = seen(&mut fitted, Size { cols: 40, rows: 5 });
        assert_eq!(large.text(Scrollback::All), "abcdef\n\n[a session of 10x2]");
        assert_eq!((large.cursor().x, large.cursor().y), (6, 0));
        assert!(large.modes().application_cursor && large.modes().cursor_visible);
    }

    #[test]
    fn it_is_drawn_only_when_something_changed() {
        let size = Size { cols: 10, rows: 2 };
        let mut fitted = Fitted::new(Size { cols: 20, rows: 2 }, b"a");
        assert!(fitted.paint(size).is_some());
        assert!(fitted.paint(size).is_none());
        fitted.feed(b"b");
        assert!(fitted.paint(size).is_some());
    }
}
