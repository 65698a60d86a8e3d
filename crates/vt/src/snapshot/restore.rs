//! The restore stream: standard sequences only, in an order that works in every terminal, xterm.js
//! above all.
//!
//! 1. title, directory, colours;
//! 2. the primary screen: tab stops, the saved cursor (on the still empty screen, since a pending
//!    wrap can only be made by writing the last column), then scrollback and rows as text, so that
//!    soft wraps happen by themselves;
//! 3. if the alternate screen is on show: 1049, then the same for it;
//! 4. scroll region, modes, cursor, pen;
//! 5. the bytes of an unfinished sequence.

use std::io::Write;

use crate::cell::{SPACER, Style};
use crate::encode::{Encoder, encode_row};
use crate::grid::{Grid, Saved, TAB_WIDTH};
use crate::row::Wrap;
use crate::screen::modes as m;
use crate::screen::window::{BACKGROUND, CURSOR, FOREGROUND, KeyStack};
use crate::screen::{Charset, ModeSet, MouseEncoding, MouseTracking, Pen, Screen};
use crate::terminal::Scrollback;
use crate::width::char_width;

pub(crate) fn restore(screen: &Screen, pending: &[u8], scrollback: Scrollback) -> Vec<u8> {
    let mut writer = Writer { out: Vec::new(), screen };
    writer.window();
    match screen.primary.as_deref() {
        None => {
            writer.key_stack(&screen.keyboard.current);
            writer.grid(&screen.grid, scrollback);
        }
        Some(primary) => {
            writer.key_stack(&screen.keyboard.hidden);
            writer.grid(primary, scrollback);
            writer.enter_alternate(primary);
            writer.key_stack(&screen.keyboard.current);
            writer.grid(&screen.grid, Scrollback::None);
        }
    }
    writer.finish();
    writer.out.extend_from_slice(pending);
    writer.out
}

struct Writer<'a> {
    out: Vec<u8>,
    screen: &'a Screen,
}

impl Writer<'_> {
    fn put(&mut self, text: &str) {
        self.out.extend_from_slice(text.as_bytes());
    }

    fn format(&mut self, text: std::fmt::Arguments<'_>) {
        self.out.write_fmt(text).expect("writing to a Vec cannot fail");
    }

    fn goto(&mut self, x: usize, y: usize) {
        self.format(format_args!("\x1b[{};{}H", y + 1, x + 1));
    }

    fn window(&mut self) {
        let window = &self.screen.window;
        for title in &window.titles {
            if let Some(title) = title {
                self.format(format_args!("\x1b]2;{title}\x1b\\"));
            }
            self.put("\x1b[22;2t");
        }
        if let Some(title) = &window.title {
            self.format(format_args!("\x1b]2;{title}\x1b\\"));
        }
        if let Some(directory) = &window.directory {
            self.format(format_args!("\x1b]7;{}\x1b\\", directory.url));
        }
        for (&key, rgb) in &window.colours {
            let (r, g, b) = (rgb.r, rgb.g, rgb.b);
            match key {
                FOREGROUND | BACKGROUND | CURSOR => {
                    self.format(format_args!("\x1b]{};", key - FOREGROUND + 10));
                }
                _ => self.format(format_args!("\x1b]4;{key};")),
            }
            self.format(format_args!("rgb:{r:02x}/{g:02x}/{b:02x}\x1b\\"));
        }
    }

    fn key_stack(&mut self, keys: &KeyStack) {
        let mut levels = keys.below.iter().chain([&keys.flags]);
        if let Some(first) = levels.next()
            && *first != 0
        {
            self.format(format_args!("\x1b[={first};1u"));
        }
        for flags in levels {
            self.format(format_args!("\x1b[>{flags}u"));
        }
    }

    /// One screen with all that belongs to it but its region. Cursor and pen are left anywhere.
    fn grid(&mut self, grid: &Grid, scrollback: Scrollback) {
        self.tabs(grid);
        self.saved(grid.saved);
        self.text(grid, scrollback);
    }

    fn tabs(&mut self, grid: &Grid) {
        if (0..grid.cols).all(|x| grid.is_tab(x) == x.is_multiple_of(TAB_WIDTH)) {
            return;
        }
        self.put("\x1b[3g");
        for x in (0..grid.cols).filter(|x| grid.is_tab(*x)) {
            self.goto(x, 0);
            self.put("\x1bH");
        }
        self.goto(0, 0);
    }

    fn saved(&mut self, saved: Saved) {
        if saved == Saved::default() {
            return;
        }
        if saved.origin {
            self.put("\x1b[?6h");
        }
        self.goto(saved.cursor.x, saved.cursor.y);
        if saved.cursor.pending {
            self.put(" ");
        }
        self.pen(saved.pen);
        self.put("\x1b7");
        self.neutral(saved.pen);
    }

    /// Undoes what `pen` set and goes home.
    fn neutral(&mut self, pen: Pen) {
        self.put("\x1b[m");
        if self.screen.interner.ext(pen.style).link.is_some() {
            self.put("\x1b]8;;\x1b\\");
        }
        if pen.charsets != [Charset::Ascii; 4] {
            self.put("\x1b(B\x1b)B\x1b*B\x1b+B");
        }
        if pen.active != 0 {
            self.put("\x0f");
        }
        self.put("\x1b[?6l\x1b[H");
    }

    /// Scrollback and rows. Every line starts and ends in the default style.
    fn text(&mut self, grid: &Grid, scrollback: Scrollback) {
        let mut above: Option<Wrap> = None;
        let history = &self.screen.history;
        let lines = history.len().min(scrollback.limit());
        self.out.reserve(history.heap_bytes().min(lines * grid.cols));
        for line in history.newest(lines) {
            self.line_end(above, line.bytes);
            self.out.extend_from_slice(line.bytes);
            above = Some(line.wrap);
        }
        let used = grid.rows.iter().rposition(|r| r.wrap != Wrap::No || !r.trimmed().is_empty());
        let used = match used {
            // All rows are needed to move the scrollback out of the screen.
            _ if lines > 0 => grid.height(),
            None => 0,
            Some(y) if grid.rows[y].wrap == Wrap::No => y + 1,
            Some(y) => (y + 2).min(grid.height()),
        };
        let mut encoded = Vec::new();
        for row in grid.rows.range(..used) {
            encoded.clear();
            encode_row(row, grid.cols, &self.screen.interner, &mut encoded);
            self.line_end(above, &encoded);
            self.out.extend_from_slice(&encoded);
            above = Some(row.wrap);
        }
    }

    /// From a line that ends as `above` says to `next`. A soft wrap must happen in the default
    /// style: a scrolled-in row takes the background of the character that wraps.
    fn line_end(&mut self, above: Option<Wrap>, next: &[u8]) {
        let plain = next.first().is_some_and(|b| *b != 0x1b);
        match above {
            None => {}
            Some(Wrap::No) => self.put("\r\n"),
            Some(Wrap::Soft) if plain => {}
            Some(Wrap::Soft) => self.put(" \r"),
            // The line has wrapped already.
            Some(Wrap::SoftPad) => {}
        }
    }

    /// As a program does it: 1049 saves the cursor, so the saved one is put in place first. Where
    /// that is not exact, it is saved already and 1047 leaves it alone.
    fn enter_alternate(&mut self, primary: &Grid) {
        let saved = primary.saved;
        let full = (primary.top, primary.bottom) == (0, primary.height());
        if full && !saved.origin && !saved.cursor.pending {
            self.put("\x1b8\x1b[?1049h");
            self.neutral(saved.pen);
        } else {
            self.region(primary);
            self.put("\x1b[?1047h\x1b[H");
        }
        self.put("\x1b[2J");
    }

    fn region(&mut self, grid: &Grid) {
        if (grid.top, grid.bottom) != (0, grid.height()) {
            self.format(format_args!("\x1b[{};{}r", grid.top + 1, grid.bottom));
        }
    }

    fn pen(&mut self, pen: Pen) {
        if pen.style == Style::DEFAULT {
            self.put("\x1b[m");
        } else {
            let mut encoder = Encoder::new(&mut self.out, &self.screen.interner);
            encoder.style(pen.style);
        }
        for (charset, slot) in pen.charsets.iter().zip(['(', ')', '*', '+']) {
            match charset {
                Charset::Ascii => {}
                Charset::Graphics => self.format(format_args!("\x1b{slot}0")),
                Charset::British => self.format(format_args!("\x1b{slot}A")),
            }
        }
        self.put(match pen.active {
            1 => "\x0e",
            2 => "\x1bn",
            3 => "\x1bo",
            _ => "",
        });
    }

    /// Region, modes, cursor, pen.
    fn finish(&mut self) {
        let screen = self.screen;
        let (cols, cursor) = (screen.cols(), screen.cursor);
        self.region(&screen.grid);
        let mut y = cursor.y;
        if screen.has(m::ORIGIN) {
            self.put("\x1b[?6h");
            y -= screen.grid.top;
        }
        if let Some(c) = screen.last {
            // REP must find the character: write it again, as the very last thing.
            let width = char_width(screen.translate(c)).max(1);
            let end = if cursor.pending { cols } else { cursor.x };
            self.modes(screen.modes);
            self.pen(screen.pen);
            self.goto(end.saturating_sub(width), y);
            if screen.has(m::INSERT) {
                self.format(format_args!("\x1b[{width}P"));
            }
            self.format(format_args!("{c}"));
            return;
        }
        if cursor.pending {
            let row = &screen.grid.rows[cursor.y];
            let half = row.get(cols - 1).has(SPACER);
            let x = if half { cols - 2 } else { cols - 1 };
            self.goto(x, y);
            let mut encoder = Encoder::new(&mut self.out, &screen.interner);
            encoder.cell(row.get(x));
            encoder.finish();
        } else {
            self.goto(cursor.x, y);
        }
        self.pen(screen.pen);
        self.modes(screen.modes);
    }

    fn modes(&mut self, modes: ModeSet) {
        let fresh = ModeSet::default();
        if modes.has(m::APP_KEYPAD) {
            self.put("\x1b=");
        }
        if modes.has(m::INSERT) {
            self.put("\x1b[4h");
        }
        if modes.has(m::NEW_LINE) {
            self.put("\x1b[20h");
        }
        for (number, tracking) in m::TRACKING {
            if modes.tracking == tracking && tracking != MouseTracking::Off {
                self.format(format_args!("\x1b[?{number}h"));
            }
        }
        for (number, encoding) in m::ENCODING {
            if modes.encoding == encoding && encoding != MouseEncoding::Default {
                self.format(format_args!("\x1b[?{number}h"));
            }
        }
        if modes.cursor_style != 0 {
            self.format(format_args!("\x1b[{} q", modes.cursor_style));
        }
        if self.screen.keyboard.modify_other != 0 {
            self.format(format_args!("\x1b[>4;{}m", self.screen.keyboard.modify_other));
        }
        for (number, bit) in m::PRIVATE_BITS {
            if bit != m::APP_KEYPAD && modes.has(bit) != fresh.has(bit) {
                let action = if modes.has(bit) { 'h' } else { 'l' };
                self.format(format_args!("\x1b[?{number}{action}"));
            }
        }
    }
}
