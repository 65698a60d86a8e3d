//! Output of real programs, recorded once in a pseudo-terminal. Each file is named after the
//! program and the size it ran at.

use bastide_vt::Size;

pub(crate) struct Stream {
    pub(crate) name: &'static str,
    pub(crate) size: Size,
    pub(crate) bytes: &'static [u8],
}

macro_rules! stream {
    ($name:literal, $cols:literal, $rows:literal) => {
        Stream {
            name: $name,
            size: Size { cols: $cols, rows: $rows },
            bytes: include_bytes!(concat!("../streams/", $name, ".", $cols, "x", $rows, ".vt")),
        }
    };
}

pub(crate) fn all() -> Vec<Stream> {
    vec![
        // A prompt, line editing, a clear screen.
        stream!("bash", 60, 12),
        // Colours of all kinds, emoji, wide text that wraps.
        stream!("colour", 50, 14),
        // A full-screen monitor made with curses.
        stream!("curses", 64, 18),
        // Chinese, Japanese, Korean; search highlights.
        stream!("less", 72, 20),
        stream!("top", 80, 16),
        // Split windows, insert mode, scroll regions, the alternate screen.
        stream!("vim", 80, 24),
    ]
}
