//! SGR: colours and attributes.

use crate::cell::{
    BLINK, BOLD, Colour, DIM, HIDDEN, INVERSE, ITALIC, OVERLINE, STRIKE, Style, UNDERLINE_MASK,
    UNDERLINE_SHIFT,
};
use crate::intern::{Ext, Interner};
use crate::parser::csi::Csi;

/// Applies a whole `CSI … m` to `style`.
pub(crate) fn apply(csi: &Csi, style: &mut Style, interner: &mut Interner) {
    if csi.params().is_empty() {
        reset(style, interner);
    }
    let mut at = 0;
    while at < csi.params().len() {
        let group = csi.group(at);
        at += group.len();
        match group {
            [0] => reset(style, interner),
            [38] => {
                if let Some(colour) = semicolon_colour(csi, &mut at) {
                    style.fg = colour;
                }
            }
            [48] => {
                if let Some(colour) = semicolon_colour(csi, &mut at) {
                    style.bg = colour;
                }
            }
            [58] => {
                if let Some(colour) = semicolon_colour(csi, &mut at) {
                    set_underline_colour(style, interner, colour);
                }
            }
            [38, rest @ ..] => style.fg = colon_colour(rest).unwrap_or(style.fg),
            [48, rest @ ..] => style.bg = colon_colour(rest).unwrap_or(style.bg),
            [58, rest @ ..] => {
                if let Some(colour) = colon_colour(rest) {
                    set_underline_colour(style, interner, colour);
                }
            }
            [59] => set_underline_colour(style, interner, Colour::DEFAULT),
            [code, rest @ ..] => simple(*code, rest, style),
            [] => return,
        }
    }
}

fn reset(style: &mut Style, interner: &mut Interner) {
    set_underline_colour(style, interner, Colour::DEFAULT);
    // A link goes on: SGR does not end it.
    *style = Style { ext: style.ext, ..Style::DEFAULT };
}

fn set_underline_colour(style: &mut Style, interner: &mut Interner, colour: Colour) {
    if style.ext == 0 && colour == Colour::DEFAULT {
        return;
    }
    let ext = Ext { underline: colour, ..interner.ext(*style) };
    style.ext = interner.ext_number(ext);
}

fn simple(code: u16, rest: &[u16], style: &mut Style) {
    let underline = |style: &mut Style, kind: u16| {
        style.attrs = style.attrs & !UNDERLINE_MASK | kind << UNDERLINE_SHIFT;
    };
    match code {
        1 => style.attrs |= BOLD,
        2 => style.attrs |= DIM,
        3 => style.attrs |= ITALIC,
        4 => underline(style, rest.first().copied().filter(|kind| *kind <= 5).unwrap_or(1)),
        5 | 6 => style.attrs |= BLINK,
        7 => style.attrs |= INVERSE,
        8 => style.attrs |= HIDDEN,
        9 => style.attrs |= STRIKE,
        21 => underline(style, 2),
        22 => style.attrs &= !(BOLD | DIM),
        23 => style.attrs &= !ITALIC,
        24 => underline(style, 0),
        25 => style.attrs &= !BLINK,
        27 => style.attrs &= !INVERSE,
        28 => style.attrs &= !HIDDEN,
        29 => style.attrs &= !STRIKE,
        30..=37 => style.fg = Colour::indexed((code - 30) as u8),
        39 => style.fg = Colour::DEFAULT,
        40..=47 => style.bg = Colour::indexed((code - 40) as u8),
        49 => style.bg = Colour::DEFAULT,
        53 => style.attrs |= OVERLINE,
        55 => style.attrs &= !OVERLINE,
        90..=97 => style.fg = Colour::indexed((code - 90 + 8) as u8),
        100..=107 => style.bg = Colour::indexed((code - 100 + 8) as u8),
        _ => {}
    }
}

/// `38;5;n` and `38;2;r;g;b`: the colour lies in the parameters that follow.
fn semicolon_colour(csi: &Csi, at: &mut usize) -> Option<Colour> {
    let rest = csi.params().get(*at..)?;
    let (used, colour) = match rest {
        [5, n, ..] => (2, indexed(*n)),
        [2, r, g, b, ..] => (4, rgb(*r, *g, *b)),
        // Incomplete: the rest means nothing.
        [2 | 5, ..] => (rest.len(), None),
        _ => (rest.len().min(1), None),
    };
    *at += used;
    colour
}

/// `38:5:n`, `38:2:r:g:b` and `38:2:space:r:g:b` (ITU T.416).
fn colon_colour(rest: &[u16]) -> Option<Colour> {
    match rest {
        [5, n, ..] => indexed(*n),
        [2, _, r, g, b, ..] | [2, r, g, b] => rgb(*r, *g, *b),
        _ => None,
    }
}

fn indexed(n: u16) -> Option<Colour> {
    u8::try_from(n).ok().map(Colour::indexed)
}

fn rgb(r: u16, g: u16, b: u16) -> Option<Colour> {
    Some(Colour::rgb(u8::try_from(r).ok()?, u8::try_from(g).ok()?, u8::try_from(b).ok()?))
}
