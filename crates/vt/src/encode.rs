//! Cells to a VT stream: text, SGR, OSC 8. The same cells always give the same bytes, so equal
//! lines of scrollback are equal byte for byte.

use crate::cell::{
    BLINK, BOLD, CLUSTER, Cell, Colour, DIM, HIDDEN, INVERSE, ITALIC, OVERLINE, SPACER, STRIKE, Shade, Style,
    UNDERLINE_MASK,
};
use crate::intern::{Ext, Interner, Link};
use crate::row::{Row, Wrap};

/// SGR parameter of each attribute bit.
pub(crate) const ATTRS: [(u16, &[u8]); 8] = [
    (BOLD, b"1"),
    (DIM, b"2"),
    (ITALIC, b"3"),
    (BLINK, b"5"),
    (INVERSE, b"7"),
    (HIDDEN, b"8"),
    (STRIKE, b"9"),
    (OVERLINE, b"53"),
];

/// Writes cells after each other, changing style as needed. Starts in the default style.
pub(crate) struct Encoder<'a> {
    out: &'a mut Vec<u8>,
    interner: &'a Interner,
    style: Style,
}

impl<'a> Encoder<'a> {
    pub(crate) fn new(out: &'a mut Vec<u8>, interner: &'a Interner) -> Self {
        Self { out, interner, style: Style::DEFAULT }
    }

    pub(crate) fn cells(&mut self, cells: &[Cell]) {
        self.out.reserve(cells.len() * 3);
        for &cell in cells {
            self.cell(cell);
        }
    }

    #[inline]
    pub(crate) fn cell(&mut self, cell: Cell) {
        if cell.has(SPACER) {
            return;
        }
        if cell.style != self.style {
            self.style(cell.style);
        }
        if cell.glyph < 0x80 {
            self.out.push(cell.glyph as u8);
        } else if cell.has(CLUSTER) {
            self.out.extend_from_slice(self.interner.cluster(cell).unwrap_or(" ").as_bytes());
        } else {
            push_char(self.out, cell.value());
        }
    }

    pub(crate) fn style(&mut self, to: Style) {
        let from = std::mem::replace(&mut self.style, to);
        if from == to {
            return;
        }
        if from.ext == 0 && to.ext == 0 {
            write_sgr(self.out, (from, Colour::DEFAULT), (to, Colour::DEFAULT));
            return;
        }
        let (old, new) = (self.interner.ext(from), self.interner.ext(to));
        write_sgr(self.out, (from, old.underline), (to, new.underline));
        if old.link != new.link {
            write_link(self.out, new.link.as_deref());
        }
    }

    /// Spaces in the default style.
    fn blanks(&mut self, count: usize) {
        if count == 0 {
            return;
        }
        self.style(Style::DEFAULT);
        self.out.extend(std::iter::repeat_n(b' ', count));
    }

    /// Back to the default style.
    pub(crate) fn finish(mut self) {
        self.style(Style::DEFAULT);
    }
}

/// Appends a code point above ASCII as UTF-8.
#[inline]
fn push_char(out: &mut Vec<u8>, value: u32) {
    if (0x800..0x1_0000).contains(&value) {
        // Three bytes as one word: single ones would be stored and loaded again.
        let tail = |shift: u32| value >> shift & 0x3f | 0x80;
        let word = value >> 12 | 0xe0 | tail(6) << 8 | tail(0) << 16;
        let len = out.len() + 3;
        out.extend_from_slice(&word.to_le_bytes());
        out.truncate(len);
    } else {
        let c = char::from_u32(value).unwrap_or(' ');
        out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
    }
}

/// Style and underline colour together: what SGR can say.
type Sgr = (Style, Colour);

fn write_sgr(out: &mut Vec<u8>, from: Sgr, to: Sgr) {
    let plain = |(s, ul): Sgr| (Style { ext: 0, ..s }, ul) == (Style::DEFAULT, Colour::DEFAULT);
    if (Style { ext: 0, ..from.0 }, from.1) == (Style { ext: 0, ..to.0 }, to.1) {
        return;
    }
    out.extend_from_slice(b"\x1b[");
    if !plain(to) {
        let gone = from.0.attrs & !to.0.attrs & !UNDERLINE_MASK != 0
            || (from.0.underline() != 0 && to.0.underline() == 0);
        let start = out.len();
        if gone {
            out.push(b'0');
            write_changes(out, start, (Style::DEFAULT, Colour::DEFAULT), to);
        } else {
            write_changes(out, start, from, to);
        }
    }
    out.push(b'm');
}

/// The parameters of a full SGR that gives `ext` and `style` from any state: `0;1;…`.
pub(crate) fn full_sgr(out: &mut Vec<u8>, style: Style, ext: &Ext) {
    let start = out.len();
    out.push(b'0');
    write_changes(out, start, (Style::DEFAULT, Colour::DEFAULT), (style, ext.underline));
}

fn write_changes(out: &mut Vec<u8>, start: usize, from: Sgr, to: Sgr) {
    let separate = |out: &mut Vec<u8>| {
        if out.len() > start {
            out.push(b';');
        }
    };
    let added = to.0.attrs & !from.0.attrs;
    for (bit, code) in ATTRS {
        if added & bit != 0 {
            separate(out);
            out.extend_from_slice(code);
        }
    }
    let underline = to.0.underline();
    if underline != from.0.underline() {
        separate(out);
        out.push(b'4');
        if underline != 1 {
            out.extend_from_slice(&[b':', b'0' + underline as u8]);
        }
    }
    if to.0.fg != from.0.fg {
        separate(out);
        write_colour(out, to.0.fg, 30);
    }
    if to.0.bg != from.0.bg {
        separate(out);
        write_colour(out, to.0.bg, 40);
    }
    if to.1 != from.1 {
        separate(out);
        match to.1.shade() {
            Shade::Default => out.extend_from_slice(b"59"),
            Shade::Indexed(n) => push_numbers(out, b"58:5", b':', &[n]),
            Shade::Rgb(r, g, b) => push_numbers(out, b"58:2:", b':', &[r, g, b]),
        }
    }
}

/// The SGR parameters that select `colour`; `base` is 30 for text, 40 for background.
pub(crate) fn write_colour(out: &mut Vec<u8>, colour: Colour, base: u8) {
    match colour.shade() {
        Shade::Default => push_decimal(out, base + 9),
        Shade::Indexed(n @ 0..8) => push_decimal(out, base + n),
        Shade::Indexed(n @ 8..16) => push_decimal(out, base + 60 + n - 8),
        Shade::Indexed(n) => {
            push_decimal(out, base + 8);
            push_numbers(out, b";5", b';', &[n]);
        }
        Shade::Rgb(r, g, b) => {
            push_decimal(out, base + 8);
            push_numbers(out, b";2", b';', &[r, g, b]);
        }
    }
}

fn push_numbers(out: &mut Vec<u8>, head: &[u8], separator: u8, numbers: &[u8]) {
    out.extend_from_slice(head);
    for &n in numbers {
        out.push(separator);
        push_decimal(out, n);
    }
}

fn push_decimal(out: &mut Vec<u8>, n: u8) {
    let (hundreds, tens, ones) = (b'0' + n / 100, b'0' + n / 10 % 10, b'0' + n % 10);
    match n {
        0..10 => out.push(ones),
        10..100 => out.extend_from_slice(&[tens, ones]),
        _ => out.extend_from_slice(&[hundreds, tens, ones]),
    }
}

/// OSC 8, see <https://gist.github.com/egmontkob/eb114294efbcd5adb1944c9f3cb5feda>.
pub(crate) fn write_link(out: &mut Vec<u8>, link: Option<&Link>) {
    out.extend_from_slice(b"\x1b]8;");
    if let Some(link) = link {
        if let Some(id) = &link.id {
            out.extend_from_slice(b"id=");
            out.extend_from_slice(id.as_bytes());
        }
        out.push(b';');
        out.extend_from_slice(link.uri.as_bytes());
    } else {
        out.push(b';');
    }
    out.extend_from_slice(b"\x1b\\");
}

/// Makes the terminal that reads it wrap before the last column, which takes the current style; any
/// wide character will do. It is erased again, and the cursor is at the start of the next row.
const PAD: &str = "\u{3000}\r";
const PAD_END: &[u8] = b"\x1b[K";

/// Writes a row's text and returns how many columns it takes: without blanks at the end, unless it
/// goes on in the next row. A row that leaves its last column empty ends with the wrap itself.
pub(crate) fn encode_row(row: &Row, cols: usize, interner: &Interner, out: &mut Vec<u8>) -> usize {
    let (cells, width) = match row.wrap {
        Wrap::No => (row.trimmed(), row.trimmed().len()),
        Wrap::Soft => (row.cells.as_slice(), cols),
        Wrap::SoftPad => (&row.cells[..row.cells.len().min(cols - 1)], cols - 1),
    };
    let blanks = width.saturating_sub(cells.len());
    if row.is_plain() && row.wrap != Wrap::SoftPad {
        out.extend(cells.iter().map(|cell| cell.glyph as u8));
        out.extend(std::iter::repeat_n(b' ', blanks));
        return width;
    }
    let mut encoder = Encoder::new(out, interner);
    encoder.cells(cells);
    encoder.blanks(blanks);
    if row.wrap == Wrap::SoftPad {
        encoder.style(row.get(cols - 1).style);
        encoder.out.extend_from_slice(PAD.as_bytes());
        encoder.style(Style::DEFAULT);
        encoder.out.extend_from_slice(PAD_END);
    }
    encoder.finish();
    width
}

/// The text of an encoded line without the wrap at its end.
pub(crate) fn without_pad(bytes: &[u8], wrap: Wrap) -> &[u8] {
    if wrap != Wrap::SoftPad {
        return bytes;
    }
    let pad = PAD.as_bytes();
    let at = bytes.windows(pad.len()).rposition(|window| window == pad);
    &bytes[..at.unwrap_or(bytes.len())]
}
