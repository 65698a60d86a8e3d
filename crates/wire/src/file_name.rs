//! Names of files as text. A name on a Unix system is any bytes but zero and `/`; in JSON, addresses and logs it is
//! text in which whatever is not plain is escaped.
//!
//! The form: `\\` is a backslash, `\xNN` one byte in two hexadecimal digits. Escaped are the backslash, bytes that
//! are not UTF-8, and characters that would break a line, steer a terminal or turn the direction of writing.
//! Everything else stands for itself, so that nearly every name looks as it is.

use std::fmt::Write as _;

/// Longer than any path that a system takes (`PATH_MAX` of Linux is 4096).
pub const MAX_PATH: usize = 8192;

/// A text that is not the written form of a name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct NoName(&'static str);

/// Bytes of a name or path as text.
pub fn shown(name: &[u8]) -> String {
    let mut text = String::with_capacity(name.len());
    for chunk in name.utf8_chunks() {
        for c in chunk.valid().chars() {
            match c {
                '\\' => text.push_str("\\\\"),
                c if hides(c) => escape(&mut text, c.encode_utf8(&mut [0; 4]).as_bytes()),
                c => text.push(c),
            }
        }
        escape(&mut text, chunk.invalid());
    }
    text
}

/// The bytes that a text stands for; of [`shown`] the ones it was made of. Characters that `shown` would escape may
/// also stand for themselves.
///
/// # Errors
/// What is wrong with it, in words for people.
pub fn read(text: &str) -> Result<Vec<u8>, NoName> {
    const WRONG: NoName = NoName(r"after a backslash comes another one, or x and two hexadecimal digits");
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((byte, after)) = rest.split_first() {
        rest = after;
        if *byte != b'\\' {
            bytes.push(*byte);
            continue;
        }
        rest = match rest {
            [b'\\', after @ ..] => {
                bytes.push(b'\\');
                after
            }
            [b'x', high, low, after @ ..] => {
                let digit =
                    |digit: u8| char::from(digit).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
                bytes.push(digit(*high).zip(digit(*low)).map(|(high, low)| high << 4 | low).ok_or(WRONG)?);
                after
            }
            _ => return Err(WRONG),
        };
    }
    if bytes.contains(&0) {
        return Err(NoName("no name of a file has a zero byte in it"));
    }
    if bytes.len() > MAX_PATH {
        return Err(NoName("this is longer than a path can be"));
    }
    Ok(bytes)
}

fn escape(text: &mut String, bytes: &[u8]) {
    for byte in bytes {
        write!(text, "\\x{byte:02x}").expect("a String takes all");
    }
}

/// Controls, separators of lines, and what changes the direction of text or is not seen.
fn hides(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn names_look_as_they_are_and_break_no_line() {
        for (name, text) in [
            ("a b/ä用".as_bytes(), "a b/ä用"),
            (b"a\nb\x1b[2J", r"a\x0ab\x1b[2J"),
            (b"\xff\\x", r"\xff\\x"),
            ("x\u{202e}gpj.exe".as_bytes(), r"x\xe2\x80\xaegpj.exe"),
            (b"ab\xe7\x94", r"ab\xe7\x94"),
            (b"", ""),
        ] {
            assert_eq!(shown(name), text);
            assert_eq!(read(text).unwrap(), name);
        }
        assert_eq!(read("a\nb").unwrap(), b"a\nb");
    }

    #[test]
    fn what_is_no_name_is_refused() {
        for text in [r"\", r"\n", r"\x", r"\x1", r"\xg0", r"\x+1", "a\0", r"a\x00", &"a".repeat(MAX_PATH + 1)]
        {
            assert!(read(text).is_err(), "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn every_name_comes_back(name in prop::collection::vec(1_u8.., 0..300)) {
            let text = shown(&name);
            prop_assert!(!text.chars().any(char::is_control));
            prop_assert_eq!(read(&text).unwrap(), name);
        }
    }
}
