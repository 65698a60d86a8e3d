//! A line that a person types into a raw terminal, with echo or without.

use zeroize::Zeroizing;

/// More than any password or name.
const MAX: usize = 1024;

#[derive(Debug, Default)]
pub(crate) struct Line {
    text: Zeroizing<Vec<u8>>,
    echo: bool,
    /// Inside an escape sequence, as of an arrow key.
    escape: Escape,
}

#[derive(Debug, Default, PartialEq, Eq)]
enum Escape {
    #[default]
    No,
    Begun,
    Inside,
}

/// What came of some bytes.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Typed {
    /// Nothing yet.
    More,
    /// Enter.
    Line(Zeroizing<String>),
    /// Ctrl-C or Ctrl-D.
    Given,
}

impl Line {
    pub(crate) fn new(echo: bool) -> Self {
        Self { echo, ..Self::default() }
    }

    /// Takes bytes up to the end of the line: how many, what came of them, and what is to be shown.
    pub(crate) fn take(&mut self, bytes: &[u8]) -> (usize, Typed, Vec<u8>) {
        let mut shown = Vec::new();
        for (at, byte) in bytes.iter().copied().enumerate() {
            if self.in_escape(byte) {
                continue;
            }
            match byte {
                b'\r' | b'\n' => {
                    let text = Zeroizing::new(String::from_utf8_lossy(&self.text).into_owned());
                    shown.extend(b"\r\n");
                    self.text = Zeroizing::default();
                    return (at + 1, Typed::Line(text), shown);
                }
                0x03 | 0x04 => return (at + 1, Typed::Given, shown),
                0x08 | 0x7f => self.back(&mut shown),
                0x15 => {
                    while !self.text.is_empty() {
                        self.back(&mut shown);
                    }
                }
                byte if byte < 0x20 => {}
                byte if self.text.len() < MAX => {
                    self.text.push(byte);
                    if self.echo {
                        shown.push(byte);
                    }
                }
                _ => {}
            }
        }
        (bytes.len(), Typed::More, shown)
    }

    fn in_escape(&mut self, byte: u8) -> bool {
        let (inside, next) = match (&self.escape, byte) {
            (Escape::No, 0x1b) => (true, Escape::Begun),
            (Escape::No, _) => (false, Escape::No),
            (Escape::Begun, b'[' | b'O') => (true, Escape::Inside),
            (Escape::Begun, _) => (true, Escape::No),
            (Escape::Inside, 0x40..=0x7e) => (true, Escape::No),
            (Escape::Inside, _) => (true, Escape::Inside),
        };
        self.escape = next;
        inside
    }

    /// One character.
    fn back(&mut self, shown: &mut Vec<u8>) {
        let mut gone = false;
        while let Some(byte) = self.text.pop() {
            gone = true;
            // The bytes after a character's first one (RFC 3629) are 10xxxxxx.
            if byte & 0xc0 != 0x80 {
                break;
            }
        }
        if gone && self.echo {
            shown.extend(b"\x08 \x08");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_edited_and_shown() {
        let mut line = Line::new(true);
        let (taken, typed, shown) = line.take("ax\x7f\u{1b}[Aé\u{7f}b\rrest".as_bytes());
        assert_eq!(typed, Typed::Line(Zeroizing::new("ab".to_owned())));
        assert_eq!(&"ax\x7f\u{1b}[Aé\u{7f}b\rrest".as_bytes()[taken..], b"rest");
        assert!(shown.ends_with(b"b\r\n"));
        assert_eq!(line.take(b"no\x15yes").1, Typed::More);
        assert_eq!(line.take(b"\n").1, Typed::Line(Zeroizing::new("yes".to_owned())));
        assert_eq!(line.take(b"\x03").1, Typed::Given);
    }

    #[test]
    fn a_secret_is_not_shown() {
        let mut line = Line::new(false);
        assert_eq!(line.take(b"secret").2, b"");
        assert_eq!(line.take(b"\x7f\r").1, Typed::Line(Zeroizing::new("secre".to_owned())));
        assert_eq!(line.take(&[b'x'; 4000]).1, Typed::More);
    }
}
