//! Names of keys, as tmux(1) has them, and the bytes an xterm sends for them.

/// The bytes of a key's name; `None` when it is no name, but text.
pub(crate) fn bytes(name: &str) -> Option<Vec<u8>> {
    let (modifiers, key) = modifiers(name);
    let mut chars = key.chars();
    if let (Some(c), None) = (chars.next(), chars.next()) {
        return (modifiers != NONE).then(|| character(c, modifiers)).flatten();
    }
    let key = NAMED.iter().find(|(known, _)| known.eq_ignore_ascii_case(key)).map(|(_, key)| *key)?;
    Some(match key {
        Key::Plain(byte) => with_meta(plain(byte, modifiers), modifiers),
        Key::Letter(letter) if modifiers == NONE => vec![0x1b, b'[', letter],
        Key::Letter(letter) => format!("\x1b[1;{}{}", parameter(modifiers), char::from(letter)).into_bytes(),
        Key::Function(letter) if modifiers == NONE => vec![0x1b, b'O', letter],
        Key::Function(letter) => {
            format!("\x1b[1;{}{}", parameter(modifiers), char::from(letter)).into_bytes()
        }
        Key::Number(number) if modifiers == NONE => format!("\x1b[{number}~").into_bytes(),
        Key::Number(number) => format!("\x1b[{number};{}~", parameter(modifiers)).into_bytes(),
        Key::BackTab => b"\x1b[Z".to_vec(),
    })
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Modifiers {
    ctrl: bool,
    meta: bool,
    shift: bool,
}

const NONE: Modifiers = Modifiers { ctrl: false, meta: false, shift: false };

/// How a key is sent.
#[derive(Debug, Clone, Copy)]
enum Key {
    /// One byte.
    Plain(u8),
    /// `CSI letter`.
    Letter(u8),
    /// `SS3 letter`.
    Function(u8),
    /// `CSI number ~`.
    Number(u8),
    BackTab,
}

const NAMED: [(&str, Key); 43] = [
    ("Enter", Key::Plain(b'\r')),
    ("Return", Key::Plain(b'\r')),
    ("Escape", Key::Plain(0x1b)),
    ("Esc", Key::Plain(0x1b)),
    ("Tab", Key::Plain(b'\t')),
    ("Space", Key::Plain(b' ')),
    ("BSpace", Key::Plain(0x7f)),
    ("Backspace", Key::Plain(0x7f)),
    ("BTab", Key::BackTab),
    ("Up", Key::Letter(b'A')),
    ("Down", Key::Letter(b'B')),
    ("Right", Key::Letter(b'C')),
    ("Left", Key::Letter(b'D')),
    ("End", Key::Letter(b'F')),
    ("Home", Key::Letter(b'H')),
    ("IC", Key::Number(2)),
    ("Insert", Key::Number(2)),
    ("DC", Key::Number(3)),
    ("Delete", Key::Number(3)),
    ("PPage", Key::Number(5)),
    ("PageUp", Key::Number(5)),
    ("PgUp", Key::Number(5)),
    ("NPage", Key::Number(6)),
    ("PageDown", Key::Number(6)),
    ("PgDn", Key::Number(6)),
    ("F1", Key::Function(b'P')),
    ("F2", Key::Function(b'Q')),
    ("F3", Key::Function(b'R')),
    ("F4", Key::Function(b'S')),
    ("F5", Key::Number(15)),
    ("F6", Key::Number(17)),
    ("F7", Key::Number(18)),
    ("F8", Key::Number(19)),
    ("F9", Key::Number(20)),
    ("F10", Key::Number(21)),
    ("F11", Key::Number(23)),
    ("F12", Key::Number(24)),
    ("F13", Key::Number(25)),
    ("F14", Key::Number(26)),
    ("F15", Key::Number(28)),
    ("F16", Key::Number(29)),
    ("F17", Key::Number(31)),
    ("F18", Key::Number(32)),
];

/// `C-M-x` and `^x` to modifiers and the rest.
fn modifiers(name: &str) -> (Modifiers, &str) {
    let mut found = NONE;
    let mut rest = name;
    if let Some(key) = name.strip_prefix('^').filter(|key| !key.is_empty()) {
        return (Modifiers { ctrl: true, ..NONE }, key);
    }
    while let Some((first, tail)) = rest.split_once('-').filter(|(_, tail)| !tail.is_empty()) {
        match first {
            "C" | "c" | "Ctrl" | "ctrl" => found.ctrl = true,
            "M" | "m" | "Alt" | "alt" => found.meta = true,
            "S" | "s" | "Shift" | "shift" => found.shift = true,
            _ => break,
        }
        rest = tail;
    }
    (found, rest)
}

/// Xterm's parameter: 1 plus a bit for each modifier.
fn parameter(modifiers: Modifiers) -> u8 {
    1 + u8::from(modifiers.shift) + 2 * u8::from(modifiers.meta) + 4 * u8::from(modifiers.ctrl)
}

fn plain(byte: u8, modifiers: Modifiers) -> Vec<u8> {
    match (byte, modifiers.ctrl, modifiers.shift) {
        (b'\t', _, true) => b"\x1b[Z".to_vec(),
        (b' ', true, _) => vec![0],
        (0x7f, true, _) => vec![0x08],
        _ => vec![byte],
    }
}

fn character(c: char, modifiers: Modifiers) -> Option<Vec<u8>> {
    let c = if modifiers.shift { c.to_ascii_uppercase() } else { c };
    let bytes = if modifiers.ctrl { vec![control(c)?] } else { c.to_string().into_bytes() };
    Some(with_meta(bytes, modifiers))
}

/// The control character of a key, as xterm makes it.
fn control(c: char) -> Option<u8> {
    Some(match c.to_ascii_lowercase() {
        letter @ 'a'..='z' => letter as u8 - b'a' + 1,
        ' ' | '@' | '2' => 0x00,
        '[' | '3' => 0x1b,
        '\\' | '4' => 0x1c,
        ']' | '5' => 0x1d,
        '^' | '6' => 0x1e,
        '_' | '-' | '/' | '7' => 0x1f,
        '?' | '8' => 0x7f,
        _ => return None,
    })
}

fn with_meta(mut bytes: Vec<u8>, modifiers: Modifiers) -> Vec<u8> {
    if modifiers.meta {
        bytes.insert(0, 0x1b);
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_keys_are_what_an_xterm_sends() {
        let sent = |name: &str| bytes(name).map(|sent| String::from_utf8_lossy(&sent).into_owned());
        for (name, expected) in [
            ("Enter", "\r"),
            ("enter", "\r"),
            ("C-c", "\x03"),
            ("^c", "\x03"),
            ("C-\\", "\x1c"),
            ("C-Space", "\0"),
            ("M-x", "\x1bx"),
            ("C-M-a", "\x1b\x01"),
            ("M-Enter", "\x1b\r"),
            ("S-Tab", "\x1b[Z"),
            ("BTab", "\x1b[Z"),
            ("Up", "\x1b[A"),
            ("C-Up", "\x1b[1;5A"),
            ("F1", "\x1bOP"),
            ("S-F1", "\x1b[1;2P"),
            ("F12", "\x1b[24~"),
            ("C-Delete", "\x1b[3;5~"),
            ("C--", "\x1f"),
        ] {
            assert_eq!(sent(name).as_deref(), Some(expected), "{name}");
        }
    }

    #[test]
    fn what_is_no_name_is_text() {
        for text in ["", "a", "ls -la", "C-", "-", "^", "Enterprise", "x-y", "C-é", "日本"] {
            assert_eq!(bytes(text), None, "{text}");
        }
    }
}
