//! How many columns a character takes.

use unicode_width::UnicodeWidthChar;

/// 0, 1 or 2 columns (UAX #11; ambiguous characters take one). Controls never come here; if one
/// did it would take no column.
pub(crate) fn char_width(c: char) -> usize {
    match c {
        // Most wide text is here: no table needed.
        '\u{20}'..='\u{7e}' => 1,
        '\u{4e00}'..='\u{9fff}' | '\u{ac00}'..='\u{d7a3}' | '\u{3041}'..='\u{3096}' => 2,
        _ => c.width().unwrap_or(0).min(2),
    }
}
