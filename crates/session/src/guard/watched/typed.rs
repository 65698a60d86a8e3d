//! What was typed since the line began, as far as it can be told from the keys.

use bastide_vt::CursorLine;

/// Longer than any line that is judged.
const LONGEST: usize = 64 * 1024;

const PASTE_BEGINS: &[u8] = b"\x1b[200~";
const PASTE_ENDS: &[u8] = b"\x1b[201~";
/// Enter of the keypad in application mode.
const KEYPAD_ENTER: &[u8] = b"\x1bOM";

/// The text, while it is certain: arrows, completion and history make it unknown. It may be a password, so it is
/// wiped, and believed only where the screen shows it.
#[derive(Default)]
pub(crate) struct Typed {
    bytes: Vec<u8>,
    unknown: bool,
}

impl Typed {
    pub(crate) fn clear(&mut self) {
        self.bytes.fill(0);
        self.bytes.clear();
        self.unknown = false;
    }

    pub(crate) fn take(&mut self, mut keys: &[u8]) {
        while let Some((&key, rest)) = keys.split_first() {
            let marker = [PASTE_BEGINS, PASTE_ENDS].into_iter().find(|marker| keys.starts_with(marker));
            keys = marker.map_or(rest, |marker| &keys[marker.len()..]);
            if marker.is_some() {
                continue;
            }
            match key {
                0x7f | 0x08 => self.erase(),
                // Ctrl-U and Ctrl-C: from here on the line is empty.
                0x15 | 0x03 => self.clear(),
                // In a paste.
                b'\r' | b'\n' => self.bytes.push(b'\n'),
                0..0x20 => self.unknown = true,
                _ => self.bytes.push(key),
            }
            if self.bytes.len() > LONGEST {
                self.bytes.fill(0);
                self.bytes.clear();
                self.unknown = true;
            }
        }
    }

    /// One character back.
    fn erase(&mut self) {
        while let Some(byte) = self.bytes.pop() {
            if byte & 0xc0 != 0x80 {
                return;
            }
        }
    }

    fn text(&self) -> Option<&str> {
        let text = std::str::from_utf8(&self.bytes).ok().filter(|_| !self.unknown)?;
        (!text.trim().is_empty()).then_some(text)
    }

    /// The text, when its last line is on the screen's.
    pub(crate) fn shown_in(&self, shown: &CursorLine) -> Option<&str> {
        let text = self.text()?;
        let last = text.trim_end().rsplit('\n').next().unwrap_or_default();
        let last = last.trim();
        let line = format!("{}{}", shown.before, shown.after);
        (!last.is_empty() && line.contains(last)).then_some(text)
    }

    pub(crate) fn is_shown_in(&self, shown: &CursorLine) -> bool {
        self.shown_in(shown).is_some()
    }
}

/// Where the first line ends that would be sent, and how long its end is: CR, LF (Ctrl-J), Ctrl-O, Enter of the
/// keypad. In a bracketed paste, where the program has asked for those, they send nothing.
pub(crate) fn line_end(keys: &[u8], bracketed: bool, pasting: &mut bool) -> Option<(usize, usize)> {
    let mut at = 0;
    while at < keys.len() {
        let rest = &keys[at..];
        if bracketed && rest.starts_with(PASTE_BEGINS) {
            *pasting = true;
            at += PASTE_BEGINS.len();
        } else if rest.starts_with(PASTE_ENDS) {
            *pasting = false;
            at += PASTE_ENDS.len();
        } else if *pasting {
            at += 1;
        } else if matches!(rest[0], b'\r' | b'\n' | 0x0f) {
            return Some((at, 1));
        } else if rest.starts_with(KEYPAD_ENTER) {
            return Some((at, KEYPAD_ENTER.len()));
        } else {
            at += 1;
        }
    }
    None
}
