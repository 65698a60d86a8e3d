//! The snapshot strings of the wire's first version: simple, inexact, and fixed by what its
//! clients expect.

use super::SeedSnapshot;
use crate::cell::{BOLD, Cell, Colour, DIM, HIDDEN, INVERSE, ITALIC, SPACER, STRIKE, Style, UNDERLINE_MASK};
use crate::decode::decode_line;
use crate::encode::write_colour;
use crate::screen::{MouseEncoding, MouseTracking, Screen, modes as m};

/// SGR codes in the order in which they stand.
const CODES: [(u16, &[u8]); 7] = [
    (BOLD, b";1"),
    (DIM, b";2"),
    (ITALIC, b";3"),
    (UNDERLINE_MASK, b";4"),
    (INVERSE, b";7"),
    (HIDDEN, b";8"),
    (STRIKE, b";9"),
];

pub(crate) fn seed(screen: &mut Screen, lines: usize) -> SeedSnapshot {
    let mut out = b"\x1b[0m\x1b[H\x1b[2J".to_vec();
    let mut cells = Vec::new();
    let mut first = true;
    screen.sweep_if_full();
    for line in screen.history.newest(lines) {
        cells.clear();
        decode_line(line.text(), &mut screen.interner, &mut cells);
        push_line(screen_text(&screen.interner), &cells, &mut first, &mut out);
    }
    for row in &screen.grid.rows {
        push_line(screen_text(&screen.interner), row.trimmed(), &mut first, &mut out);
    }
    out.extend_from_slice(b"\x1b[0m");
    SeedSnapshot { content: String::from_utf8_lossy(&out).into_owned(), rehydrate: rehydrate(screen) }
}

fn screen_text(interner: &crate::intern::Interner) -> impl Fn(Cell, &mut String) + '_ {
    |cell, out| interner.push_text(cell, out)
}

fn push_line(text: impl Fn(Cell, &mut String), cells: &[Cell], first: &mut bool, out: &mut Vec<u8>) {
    if !std::mem::replace(first, false) {
        out.extend_from_slice(b"\r\n");
    }
    out.extend_from_slice(b"\x1b[0m");
    let visible = |s: Style| (s.fg, s.bg, attrs(s));
    let mut current = visible(Style::DEFAULT);
    let mut glyph = String::new();
    for &cell in cells {
        if cell.has(SPACER) {
            continue;
        }
        if visible(cell.style) != current {
            current = visible(cell.style);
            push_sgr(out, cell.style);
        }
        glyph.clear();
        text(cell, &mut glyph);
        out.extend_from_slice(glyph.as_bytes());
    }
}

/// The attributes that this form can say; every underline is a plain one.
fn attrs(style: Style) -> u16 {
    CODES.iter().filter(|(mask, _)| style.attrs & mask != 0).fold(0, |all, (mask, _)| all | mask)
}

fn push_sgr(out: &mut Vec<u8>, style: Style) {
    out.extend_from_slice(b"\x1b[0");
    for (mask, code) in CODES {
        if style.attrs & mask != 0 {
            out.extend_from_slice(code);
        }
    }
    for (colour, base) in [(style.fg, 30), (style.bg, 40)] {
        if colour != Colour::DEFAULT {
            out.push(b';');
            write_colour(out, colour, base);
        }
    }
    out.push(b'm');
}

fn rehydrate(screen: &Screen) -> String {
    let modes = screen.modes;
    let sgr = matches!(modes.encoding, MouseEncoding::Sgr | MouseEncoding::SgrPixels);
    let parts = [
        (modes.has(m::APP_CURSOR), "\x1b[?1h"),
        (modes.has(m::BRACKETED_PASTE), "\x1b[?2004h"),
        (modes.tracking != MouseTracking::Off, "\x1b[?1000h"),
        (sgr, "\x1b[?1006h"),
        (modes.has(m::FOCUS), "\x1b[?1004h"),
        (!modes.has(m::CURSOR_VISIBLE), "\x1b[?25l"),
        (!modes.has(m::AUTOWRAP), "\x1b[?7l"),
    ];
    parts.iter().filter(|(on, _)| *on).map(|(_, code)| *code).collect()
}
