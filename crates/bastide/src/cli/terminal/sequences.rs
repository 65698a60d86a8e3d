//! What is written to put a terminal into a known state. Everything here is safe on a terminal that does
//! not know it: unknown control sequences are ignored.

use crate::cli::size::Size;

/// Modes of DECSET that programs set, whose default is off: application cursor keys, reverse screen, origin,
/// reverse wrap, margins, mouse in all its kinds, focus reports, pasting with brackets, colour scheme
/// reports, synchronized output.
const MODES_OFF: &str = "\x1b[?1;5;6;45;69;66;9;1000;1001;1002;1003;1004;1005;1006;1015;1016;2004;2026;2031l";
/// Autowrap, cursor visible, alternate scroll as xterm has it.
const MODES_ON: &str = "\x1b[?7;25h";
const TAB: usize = 8;

/// Ends whatever sequence was cut, leaves the alternate screen, and sets everything but the screen's text
/// to its default. The cursor stays.
fn defaults(cols: u16, out: &mut String) {
    // CAN ends an unfinished sequence; ST a string (an OSC without its end).
    out.push_str("\x18\x1b\\");
    // On the main screen this pair does nothing; on the other one it goes back to the main one.
    out.push_str("\x1b7\x1b[?1049l");
    // Soft reset (DECSTR): insert, keypad, cursor keys, character sets, margins, pen.
    out.push_str("\x1b[!p");
    // What follows moves the cursor: margins, origin, tab stops.
    out.push_str("\x1b7");
    out.push_str(MODES_OFF);
    out.push_str("\x1b[4;20l\x1b[r\x1b[3g\r");
    for _ in 1..usize::from(cols).div_ceil(TAB) {
        out.push_str("\x1b[8C\x1bH");
    }
    out.push_str("\x1b8");
    out.push_str(MODES_ON);
    out.push_str("\x1b>\x0f\x1b(B\x1b)B\x1b[m\x1b[0 q");
    // Keyboard protocols: every level of kitty's, xterm's other keys.
    out.push_str("\x1b[<99u\x1b[>4m");
    // The end of a link.
    out.push_str("\x1b]8;;\x1b\\");
}

/// See [`super::Terminal::fresh`].
pub(super) fn fresh(size: Size, keep: bool) -> Vec<u8> {
    let mut out = String::new();
    if keep {
        // The title is kept on the terminal's own stack.
        out.push_str("\x1b[22;0t");
    }
    defaults(size.cols, &mut out);
    if keep {
        out.push_str(&format!("\x1b[{};1H", size.rows));
        out.extend(std::iter::repeat_n('\n', size.rows.into()));
    }
    out.push_str("\x1b[H\x1b[2J");
    out.into_bytes()
}

/// What a shell expects to find.
pub(super) fn leave(cols: u16) -> Vec<u8> {
    let mut out = String::new();
    defaults(cols, &mut out);
    out.push_str("\x1b[23;0t\r\n");
    out.into_bytes()
}
