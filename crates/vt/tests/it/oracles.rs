//! Two independent terminals as witnesses. Each is fed the output itself and, in a second copy, our
//! restore of it: if both copies show the same, we read the output as the witness does *and* our
//! restore works in a terminal that is not ours.
//!
//! The grammar is what all three agree on. Left out, because they knowingly differ (we follow
//! xterm as xterm.js does it, since xterm.js shows our screens):
//! - ED 2: alacritty and avt move the screen to the scrollback, xterm.js erases it;
//! - IL, DL: we and xterm.js move to the first column, alacritty does not;
//! - LF and RI at a pending wrap: both keep it pending, xterm.js ends it;
//! - CUU, CUD at margins: alacritty ignores the scroll region;
//! - 47, 1047, DECSTR, LS2, LS3, British charset, C1: unknown to alacritty;
//! - half-overwritten wide characters: each leaves something else in the other half;
//! - ICH, DCH, ECH at a pending wrap: alacritty keeps it pending, xterm.js ends it; ED 0 there:
//!   alacritty erases the last column, xterm.js nothing;
//! - DCH of more than the rest of the row: alacritty erases before the cursor, too;
//! - combining characters have a column of their own in avt;
//! - HT: alacritty puts a tab character into the cell;
//! - ED 1: alacritty forgets the first row when the cursor is on the second;
//! - SGR 21: not bold (alacritty), double underline (xterm).

use alacritty_terminal::event::VoidListener;
use alacritty_terminal::index::{Column, Line};
use alacritty_terminal::term::cell::Flags;
use alacritty_terminal::term::test::TermSize;
use alacritty_terminal::term::{Config as AlacrittyConfig, Term, TermMode};
use alacritty_terminal::vte::ansi::{Color, NamedColor, Processor};
use bastide_vt::{Config, Effects, Scrollback, Size, Terminal};
use proptest::prelude::*;

use crate::streams;

const COLS: u16 = 20;
const ROWS: u16 = 6;

fn ours(output: &[u8], size: Size) -> Terminal {
    let mut terminal = Terminal::new(size, Config::default());
    terminal.feed(output, &mut Effects::default());
    terminal
}

/// What alacritty shows, in a form to compare and read.
#[derive(PartialEq)]
struct Seen {
    rows: Vec<Vec<(String, Color, Color, Flags)>>,
    cursor: (i32, usize),
    mode: TermMode,
}

impl std::fmt::Debug for Seen {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        writeln!(f, "cursor {:?} {:?}", self.cursor, self.mode)?;
        for row in &self.rows {
            let mut style = None;
            for (text, fg, bg, flags) in row {
                if style.replace((fg, bg, flags)) != Some((fg, bg, flags)) {
                    write!(f, "<{fg:?} {bg:?} {:x}>", flags.bits())?;
                }
                write!(f, "{text}")?;
            }
            writeln!(f)?;
        }
        Ok(())
    }
}

fn alacritty(output: &[u8], size: Size) -> Seen {
    let size = TermSize::new(size.cols.into(), size.rows.into());
    let mut term = Term::new(AlacrittyConfig::default(), &size, VoidListener);
    let mut processor: Processor = Processor::new();
    processor.advance(&mut term, output);
    let grid = term.grid();
    // A colour may be said in two ways.
    let colour = |c: Color| match c {
        Color::Named(n) if (n as usize) < 16 => Color::Indexed(n as u8),
        c => c,
    };
    let ignored = Flags::WRAPLINE | Flags::LEADING_WIDE_CHAR_SPACER;
    let cell = |x: usize, y: usize| {
        let cell = &grid[Line(y as i32)][Column(x)];
        let mut text = cell.c.to_string();
        text.extend(cell.zerowidth().into_iter().flatten());
        (text, colour(cell.fg), colour(cell.bg), cell.flags - ignored)
    };
    Seen {
        rows: (0..size.screen_lines).map(|y| (0..size.columns).map(|x| cell(x, y)).collect()).collect(),
        cursor: (grid.cursor.point.line.0, grid.cursor.point.column.0),
        mode: *term.mode(),
    }
}

/// What avt shows: text, and where its cursor is.
fn avt(output: &[u8], size: Size) -> (Vec<String>, (usize, usize)) {
    let mut terminal = avt::Terminal::new(size.cols.into(), size.rows.into()).unwrap();
    terminal.feed(&*String::from_utf8_lossy(output));
    let screen = terminal.screen();
    let lines = screen.visible_lines().map(|line| line.text().trim_end().to_owned()).collect();
    let cursor = terminal.cursor();
    (lines, (cursor.col.min(usize::from(size.cols) - 1), cursor.row))
}

/// Text of our screen by row.
fn rows(terminal: &Terminal) -> Vec<String> {
    let text = terminal.text(Scrollback::None);
    let mut rows: Vec<String> = text.split('\n').map(str::to_owned).collect();
    rows.resize(terminal.size().rows.into(), String::new());
    rows
}

fn token() -> impl Strategy<Value = Vec<u8>> {
    let number = || 1u16..8;
    let sgr = prop::sample::select(
        &["0", "1", "2;3", "4", "7", "9", "31", "42", "95", "38;5;99", "48;2;1;2;3", "22", "27"][..],
    );
    prop_oneof![
        8 => "[a-z ]{1,12}".prop_map(String::into_bytes),
        2 => "[a-z]{30}".prop_map(String::into_bytes),
        3 => Just(b"\r\n".to_vec()),
        1 => Just(b"\r".to_vec()),
        1 => Just(b"\r\x1b[m\x1bM".to_vec()),
        3 => (number(), 1u16..20).prop_map(|(y, x)| format!("\x1b[{y};{x}H").into()),
        2 => (number(), prop::sample::select(&b"CDGd"[..]))
            .prop_map(|(n, action)| format!("\x1b[{n}{}", action as char).into()),
        2 => (1u16..12, number(), prop::sample::select(&b"PX@"[..]))
            .prop_map(|(x, n, action)| format!("\x1b[{x}G\x1b[{n}{}", action as char).into()),
        1 => Just(b"\x1b[5G\x1b[J".to_vec()),
        2 => (1u8..3).prop_map(|n| format!("\x1b[{n}K").into()),
        1 => Just(b"\r\x1b[K".to_vec()),
        3 => sgr.prop_map(|code| format!("\x1b[{code}m").into()),
        1 => (1u16..4, 4u16..7).prop_map(|(top, bottom)| format!("\x1b[{top};{bottom}r").into()),
        1 => Just(b"\x1b[r".to_vec()),
        1 => prop::sample::select(MODES).prop_map(<[u8]>::to_vec),
    ]
}

const MODES: &[&[u8]] = &[b"\x1b[?1h", b"\x1b[?2004h", b"\x1b[?25l", b"\x1b[?1006h", b"\x1b(0q\x1b(B"];

/// Wide and combining characters that are never cut in half: text that only flows.
fn flow() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        4 => "[a-z 漢字仮名한]{1,25}",
        1 => "[a-z]e\u{301}",
        3 => Just("\r\n".to_owned()),
        2 => (30u8..38).prop_map(|n| format!("\x1b[{n}m")),
        1 => (40u8..48).prop_map(|n| format!("\x1b[{n}m")),
        1 => Just("\x1b[m".to_owned()),
    ]
    .prop_map(String::into_bytes)
}

/// Output that shows itself as text when a test fails.
#[derive(Clone)]
struct Output(Vec<u8>);

impl std::fmt::Debug for Output {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:?}", String::from_utf8_lossy(&self.0))
    }
}

fn stream() -> impl Strategy<Value = Output> {
    prop_oneof![
        2 => prop::collection::vec(token(), 0..40),
        1 => prop::collection::vec(flow(), 0..40),
    ]
    .prop_map(|tokens: Vec<Vec<u8>>| Output(tokens.concat()))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn alacritty_agrees(Output(output) in stream()) {
        let size = Size { cols: COLS, rows: ROWS };
        let mut terminal = ours(&output, size);
        let restore = terminal.snapshot(Scrollback::All).restore;
        prop_assert_eq!(alacritty(&output, size), alacritty(&restore, size));
    }

    #[test]
    fn avt_agrees(Output(output) in stream()) {
        let size = Size { cols: COLS, rows: ROWS };
        let output: String = String::from_utf8_lossy(&output).replace('\u{301}', "");
        let output = output.as_bytes();
        let mut terminal = ours(output, size);
        let (text, cursor) = avt(output, size);
        prop_assert_eq!(&rows(&terminal), &text);
        let place = terminal.cursor();
        prop_assert_eq!((usize::from(place.x), usize::from(place.y)), cursor);
        let restore = terminal.snapshot(Scrollback::All).restore;
        prop_assert_eq!((text, cursor), avt(&restore, size));
    }
}

/// The recorded programs: the text agrees at every step.
#[test]
fn witnesses_agree_on_recorded_programs() {
    for stream in streams::all() {
        let whole = stream.bytes.len();
        for cut in [whole / 3, whole / 2, whole] {
            let output = &stream.bytes[..cut];
            let mut terminal = ours(output, stream.size);
            // avt widens characters before U+FE0F; we, alacritty and xterm.js do not.
            if stream.name != "colour" {
                assert_eq!(rows(&terminal), avt(output, stream.size).0, "{} to {cut}", stream.name);
            }
            let restore = terminal.snapshot(Scrollback::All).restore;
            let (a, b) = (alacritty(output, stream.size), alacritty(&restore, stream.size));
            assert_eq!(text_of(&a), rows(&terminal), "{} to {cut}", stream.name);
            assert_eq!(a.rows, b.rows, "{} to {cut}", stream.name);
        }
    }
}

fn text_of(seen: &Seen) -> Vec<String> {
    let text = |row: &Vec<(String, Color, Color, Flags)>| {
        let cells = row.iter().filter(|cell| !cell.3.contains(Flags::WIDE_CHAR_SPACER));
        let text: String = cells.map(|cell| cell.0.replace('\t', " ")).collect();
        text.trim_end().to_owned()
    };
    seen.rows.iter().map(text).collect()
}

#[test]
fn default_colours_are_named() {
    // The comparison above relies on it.
    let seen = alacritty(b"", Size { cols: 2, rows: 1 });
    assert_eq!(seen.rows[0][0].1, Color::Named(NamedColor::Foreground));
}
