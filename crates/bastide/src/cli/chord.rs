//! The keys that leave a session, found in what the terminal sends.

use clap::Args;

use super::exit::Failure;
use super::keys;
use crate::env;

const DEFAULT: &str = r"ctrl-\ d";
/// The longest encoding of a key that is waited for.
const ENCODING_MAX: usize = 24;

/// The option that sets the keys.
#[derive(Debug, Args)]
pub(crate) struct Chord {
    /// Keys that leave the session, one after the other, or `none` [env: BASTIDE_DETACH_KEY]
    /// [default: ctrl-\ d]. Press the first one twice to send it to the program.
    #[arg(long, value_name = "KEYS")]
    detach_key: Option<String>,
}

impl Chord {
    /// # Errors
    /// A word that is no key.
    pub(crate) fn keys(&self) -> Result<Keys, Failure> {
        let from_env = || env::value(&env::DETACH_KEY).map(|keys| keys.to_string_lossy().into_owned());
        let text = self.detach_key.clone().or_else(from_env).unwrap_or_else(|| DEFAULT.to_owned());
        Keys::parse(&text).map_err(Failure::text)
    }
}

/// One or two keys.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Keys {
    keys: Vec<Key>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Key {
    /// What an ordinary terminal sends.
    plain: Vec<u8>,
    /// Code point and modifiers (1 + bits) under the kitty keyboard protocol and xterm's modifyOtherKeys,
    /// for keys that are one character.
    code: Option<(u32, u8)>,
}

impl Keys {
    fn parse(text: &str) -> Result<Self, String> {
        if text.eq_ignore_ascii_case("none") {
            return Ok(Self { keys: Vec::new() });
        }
        let keys: Result<Vec<_>, _> = text.split_whitespace().map(Key::parse).collect();
        match keys {
            Ok(keys) if (1..=2).contains(&keys.len()) => Ok(Self { keys }),
            Ok(_) => Err(format!("detach key {text:?}: name one key or two, or `none`")),
            Err(word) => Err(format!("detach key {text:?}: {word:?} is no key; write it like ctrl-a or F12")),
        }
    }
}

impl Key {
    fn parse(word: &str) -> Result<Self, String> {
        let one = |text: &str| {
            let mut chars = text.chars();
            chars.next().filter(|_| chars.next().is_none())
        };
        if let Some(c) = one(word) {
            return Ok(Self { plain: c.to_string().into_bytes(), code: Some((c.into(), 1)) });
        }
        let plain = keys::bytes(word).ok_or_else(|| word.to_owned())?;
        let ctrl = ["ctrl-", "c-", "^"].iter().find_map(|prefix| {
            word.get(..prefix.len()).filter(|head| head.eq_ignore_ascii_case(prefix))?;
            one(&word[prefix.len()..])
        });
        Ok(Self { plain, code: ctrl.map(|c| (c.to_ascii_lowercase().into(), 5)) })
    }
}

/// What to do with a piece of input.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Found {
    /// For the program.
    pub(crate) pass: Vec<u8>,
    /// The keys were pressed; what came after them is dropped.
    pub(crate) detach: bool,
}

/// Looks for the keys in a stream. Between the first key and the second it holds the first back.
#[derive(Debug)]
pub(crate) struct Watcher {
    keys: Keys,
    /// The first key as it came, while the second is awaited.
    held: Option<Vec<u8>>,
}

/// What stands at the beginning of some input.
enum Token<'a> {
    /// A key, its bytes, and whether it is a release.
    Press(&'a [u8]),
    Release(&'a [u8]),
    Other(&'a [u8]),
}

impl Watcher {
    pub(crate) fn new(keys: Keys) -> Self {
        Self { keys, held: None }
    }

    /// Splits what the terminal sent into what is for the program and what is for us.
    pub(crate) fn look(&mut self, mut input: &[u8]) -> Found {
        let mut found = Found::default();
        let Some(first) = self.keys.keys.first() else {
            found.pass.extend_from_slice(input);
            return found;
        };
        let second = self.keys.keys.get(1);
        while !input.is_empty() {
            let completes = |key: &Key| matches!(key.at_start(input), Token::Press(_));
            if self.held.is_some() && second.is_some_and(completes) {
                found.detach = true;
                return found;
            }
            let token = first.at_start(input);
            input = &input[token.length()..];
            match (token, self.held.take()) {
                (Token::Press(_), None) if second.is_none() => {
                    found.detach = true;
                    return found;
                }
                (Token::Press(bytes), None) => self.held = Some(bytes.to_vec()),
                // The first key again: once for the program.
                (Token::Press(_), Some(held)) => found.pass.extend(held),
                // Of a key that is held back: the program has not seen it pressed.
                (Token::Release(_), Some(held)) => self.held = Some(held),
                (Token::Release(bytes) | Token::Other(bytes), held) => {
                    found.pass.extend(held.unwrap_or_default());
                    found.pass.extend_from_slice(bytes);
                }
            }
        }
        found
    }
}

impl Token<'_> {
    fn length(&self) -> usize {
        match self {
            Self::Press(bytes) | Self::Release(bytes) | Self::Other(bytes) => bytes.len(),
        }
    }
}

impl Key {
    fn at_start<'a>(&self, input: &'a [u8]) -> Token<'a> {
        if let Some((length, code, modifiers, released)) = encoded(input) {
            let bytes = &input[..length];
            return match self.code {
                Some(own) if own == (code, modifiers) && released => Token::Release(bytes),
                Some(own) if own == (code, modifiers) => Token::Press(bytes),
                _ => Token::Other(bytes),
            };
        }
        if input.starts_with(&self.plain) {
            return Token::Press(&input[..self.plain.len()]);
        }
        // Up to the next byte with which either key can begin.
        let begins = |byte: &u8| *byte == 0x1b || self.plain.first() == Some(byte);
        let length = input[1..].iter().position(begins).map_or(input.len(), |at| at + 1);
        Token::Other(&input[..length])
    }
}

/// Reads `CSI code ; modifiers [: event] u` (kitty) and `CSI 27 ; modifiers ; code ~` (xterm): length, code,
/// modifiers without the lock keys, and whether it is a release.
fn encoded(input: &[u8]) -> Option<(usize, u32, u8, bool)> {
    let body = input.strip_prefix(b"\x1b[")?;
    let end = body.iter().take(ENCODING_MAX).position(|byte| (0x40..=0x7e).contains(byte))?;
    let text = std::str::from_utf8(&body[..end]).ok()?;
    let length = 2 + end + 1;
    let mut fields = text.split(';');
    let number = |field: &str| field.split(':').next().and_then(|n| n.parse::<u32>().ok());
    let (code, modifiers) = match body[end] {
        b'u' => (number(fields.next()?)?, fields.next().unwrap_or("1")),
        b'~' if fields.next() == Some("27") => {
            let modifiers = fields.next()?;
            (number(fields.next()?)?, modifiers)
        }
        _ => return None,
    };
    let bits = number(modifiers).unwrap_or(1).checked_sub(1)?;
    // Shift, alt and ctrl count; caps lock and num lock do not.
    let bits = u8::try_from(bits & 0b1_1111).ok()?;
    Some((length, code, bits + 1, modifiers.ends_with(":3")))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn watcher(keys: &str) -> Watcher {
        Watcher::new(Keys::parse(keys).unwrap())
    }

    fn pass(text: &[u8]) -> Found {
        Found { pass: text.to_vec(), detach: false }
    }

    #[test]
    fn the_default_keys_leave_in_one_piece_and_in_two() {
        let found = watcher(DEFAULT).look(b"ls\x1cd rest");
        assert_eq!(found, Found { pass: b"ls".to_vec(), detach: true });
        let mut split = watcher(DEFAULT);
        assert_eq!(split.look(b"ls\x1c"), pass(b"ls"));
        assert!(split.look(b"d").detach);
    }

    #[test]
    fn the_first_key_twice_is_sent_once_and_before_another_key_it_passes() {
        let mut keys = watcher(DEFAULT);
        assert_eq!(keys.look(b"\x1c\x1cd"), pass(b"\x1cd"));
        assert_eq!(keys.look(b"\x1cx"), pass(b"\x1cx"));
        assert_eq!(keys.look(b"\x1c"), pass(b""));
        assert_eq!(keys.look(b"\x1b[A"), pass(b"\x1c\x1b[A"));
    }

    #[test]
    fn keys_are_found_in_the_newer_encodings() {
        let mut kitty = watcher(DEFAULT);
        assert_eq!(kitty.look(b"a\x1b[92;5u"), pass(b"a"));
        // Its release, with num lock on; then the second key.
        assert_eq!(kitty.look(b"\x1b[92;133:3u"), pass(b""));
        assert!(kitty.look(b"\x1b[100u").detach);
        assert!(watcher(DEFAULT).look(b"\x1b[27;5;92~d").detach);
        assert_eq!(watcher(DEFAULT).look(b"\x1b[99;5u"), pass(b"\x1b[99;5u"));
    }

    #[test]
    fn single_keys_function_keys_and_none() {
        assert!(watcher("ctrl-q").look(b"abc\x11").detach);
        assert!(watcher("F12").look(b"\x1b[24~").detach);
        assert_eq!(watcher("none").look(b"\x1cd\x11"), pass(b"\x1cd\x11"));
        assert!(Keys::parse("ctrl-a b c").is_err());
        assert!(Keys::parse("").is_err());
        assert!(Keys::parse("Nokey").unwrap_err().contains("Nokey"));
    }

    #[test]
    fn everything_else_passes_as_it_came() {
        let all: Vec<u8> = (0..=255).filter(|byte| *byte != 0x1c).collect();
        assert_eq!(watcher(DEFAULT).look(&all), pass(&all));
        let broken = b"\x1b[;;;u\x1b[999999999999u\x1b[u\x1b[1;0u";
        assert_eq!(watcher(DEFAULT).look(broken), pass(broken));
    }
}
