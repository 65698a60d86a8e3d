//! One cell of the screen: 16 bytes, `Copy`, no heap. What does not fit (a cluster of combining
//! characters, a link, an underline colour) lies in the [`Interner`](crate::intern::Interner).

/// The cell holds the left half of a wide character; its right neighbour is a [`SPACER`].
pub(crate) const WIDE: u32 = 1 << 24;
/// The right half of a wide character.
pub(crate) const SPACER: u32 = 1 << 25;
/// The value is the number of a cluster, not a code point.
pub(crate) const CLUSTER: u32 = 1 << 26;
/// The bits of the code point or cluster number.
const VALUE: u32 = (1 << 24) - 1;

pub(crate) const BOLD: u16 = 1;
pub(crate) const DIM: u16 = 1 << 1;
pub(crate) const ITALIC: u16 = 1 << 2;
pub(crate) const BLINK: u16 = 1 << 3;
pub(crate) const INVERSE: u16 = 1 << 4;
pub(crate) const HIDDEN: u16 = 1 << 5;
pub(crate) const STRIKE: u16 = 1 << 6;
pub(crate) const OVERLINE: u16 = 1 << 7;
/// Where the underline kind starts: 0 none, 1 single, 2 double, 3 curly, 4 dotted, 5 dashed.
pub(crate) const UNDERLINE_SHIFT: u16 = 8;
pub(crate) const UNDERLINE_MASK: u16 = 7 << UNDERLINE_SHIFT;

/// A colour as SGR states it: default, one of 256, or 24 bits. Zero is the default.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default, Debug)]
pub(crate) struct Colour(u32);

/// What a [`Colour`] says.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Shade {
    Default,
    Indexed(u8),
    Rgb(u8, u8, u8),
}

const INDEXED: u32 = 1 << 24;
const RGB: u32 = 2 << 24;

impl Colour {
    pub(crate) const DEFAULT: Self = Self(0);

    pub(crate) fn indexed(index: u8) -> Self {
        Self(INDEXED | u32::from(index))
    }

    pub(crate) fn rgb(r: u8, g: u8, b: u8) -> Self {
        Self(RGB | u32::from(r) << 16 | u32::from(g) << 8 | u32::from(b))
    }

    pub(crate) fn shade(self) -> Shade {
        let [kind, r, g, b] = self.0.to_be_bytes();
        match kind {
            0 => Shade::Default,
            1 => Shade::Indexed(b),
            _ => Shade::Rgb(r, g, b),
        }
    }
}

/// Everything SGR and OSC 8 say about a cell. `ext` numbers an entry of the interner; 0 is none.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub(crate) struct Style {
    pub(crate) fg: Colour,
    pub(crate) bg: Colour,
    pub(crate) attrs: u16,
    pub(crate) ext: u16,
}

impl Style {
    pub(crate) const DEFAULT: Self = Self { fg: Colour::DEFAULT, bg: Colour::DEFAULT, attrs: 0, ext: 0 };

    /// What erasing leaves: the background alone (back colour erase, as in xterm).
    pub(crate) fn erased(self) -> Self {
        Self { bg: self.bg, ..Self::DEFAULT }
    }

    pub(crate) fn underline(self) -> u16 {
        (self.attrs & UNDERLINE_MASK) >> UNDERLINE_SHIFT
    }
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Cell {
    pub(crate) glyph: u32,
    pub(crate) style: Style,
}

/// An erased cell and a printed space of the default style are the same thing.
pub(crate) const BLANK: Cell = Cell { glyph: ' ' as u32, style: Style::DEFAULT };

impl Cell {
    pub(crate) fn blank(style: Style) -> Self {
        Self { glyph: ' ' as u32, style }
    }

    pub(crate) fn has(self, flag: u32) -> bool {
        self.glyph & flag != 0
    }

    /// The code point, or the number of the cluster if [`CLUSTER`] is set.
    pub(crate) fn value(self) -> u32 {
        self.glyph & VALUE
    }
}
