//! What a terminal is made with.

use std::sync::Arc;

/// The most columns a terminal has; a larger size is cut to it. Real windows stay below 1000; a
/// screen of the largest size, fully written, takes 64 MB.
pub const MAX_COLS: u16 = 4096;
/// The most rows a terminal has.
pub const MAX_ROWS: u16 = 1024;

/// Columns and rows.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Size {
    /// Columns.
    pub cols: u16,
    /// Rows.
    pub rows: u16,
}

impl Size {
    /// The nearest size that a terminal can have: 1 to [`MAX_COLS`] by 1 to [`MAX_ROWS`].
    pub fn clamped(self) -> Self {
        Self { cols: self.cols.clamp(1, MAX_COLS), rows: self.rows.clamp(1, MAX_ROWS) }
    }
}

/// A colour, 8 bits each.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Rgb {
    /// Red.
    pub r: u8,
    /// Green.
    pub g: u8,
    /// Blue.
    pub b: u8,
}

/// The colours reported to programs that ask (OSC 4, 10, 11, 12).
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Palette {
    /// Text.
    pub foreground: Rgb,
    /// Behind the text.
    pub background: Rgb,
    /// The cursor.
    pub cursor: Rgb,
    /// The 256 indexed colours.
    pub indexed: [Rgb; 256],
}

/// The 16 ANSI colours as xterm has them.
const ANSI: [u32; 16] = [
    0x00_00_00, 0xcd_00_00, 0x00_cd_00, 0xcd_cd_00, 0x00_00_ee, 0xcd_00_cd, 0x00_cd_cd, 0xe5_e5_e5,
    0x7f_7f_7f, 0xff_00_00, 0x00_ff_00, 0xff_ff_00, 0x5c_5c_ff, 0xff_00_ff, 0x00_ff_ff, 0xff_ff_ff,
];

impl Default for Palette {
    /// xterm's colours, light on black.
    fn default() -> Self {
        let rgb = |v: u32| {
            let [_, r, g, b] = v.to_be_bytes();
            Rgb { r, g, b }
        };
        let indexed = std::array::from_fn(|i| match i {
            0..16 => rgb(ANSI[i]),
            16..232 => {
                let level = |n: usize| if n == 0 { 0 } else { (n * 40 + 55) as u8 };
                let n = i - 16;
                Rgb { r: level(n / 36), g: level(n / 6 % 6), b: level(n % 6) }
            }
            _ => {
                let grey = ((i - 232) * 10 + 8) as u8;
                Rgb { r: grey, g: grey, b: grey }
            }
        });
        let text = rgb(ANSI[7]);
        Self { foreground: text, background: rgb(0), cursor: text, indexed }
    }
}

/// Settings of a [`Terminal`](crate::Terminal).
#[derive(Clone, Debug)]
pub struct Config {
    /// Lines of scrollback to keep at most.
    pub scrollback_lines: usize,
    /// Colours to report.
    pub palette: Arc<Palette>,
    /// Name and version to report (XTVERSION), such as `bastide 0.1.0`.
    pub version: Arc<str>,
    /// Answer the kitty keyboard query. Only right if every viewer speaks that protocol.
    pub kitty_keyboard: bool,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            scrollback_lines: 10_000,
            palette: Arc::default(),
            version: concat!("bastide ", env!("CARGO_PKG_VERSION")).into(),
            kitty_keyboard: false,
        }
    }
}
