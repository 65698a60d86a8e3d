//! Recovery codes: for who has lost the other factor. Each is good once; only digests are kept.

use sha2::{Digest, Sha256};

use crate::hex;

/// A person prints them once and has some left for years.
pub(crate) const HOW_MANY: usize = 10;
/// 16 letters of 5 bits are 80 bits: nobody guesses one, so a fast digest is enough to keep it by.
const LETTERS: usize = 16;
const GROUP: usize = 4;
/// Crockford's base32: without the letters that are read for others.
const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";

/// A new set.
pub(crate) fn generate() -> Vec<String> {
    (0..HOW_MANY).map(|_| one()).collect()
}

fn one() -> String {
    let letters = rand::random::<[u8; LETTERS]>().map(|byte| char::from(ALPHABET[usize::from(byte & 0x1f)]));
    let groups: Vec<String> = letters.chunks(GROUP).map(|group| group.iter().collect()).collect();
    groups.join("-")
}

/// What is kept of one, however it was typed. `None` for what cannot be one.
pub(crate) fn digest(typed: &str) -> Option<String> {
    let letters: String = typed
        .chars()
        .filter(|letter| !letter.is_whitespace() && *letter != '-')
        .map(|letter| match letter.to_ascii_lowercase() {
            'o' => '0',
            'i' | 'l' => '1',
            other => other,
        })
        .take(LETTERS + 1)
        .collect();
    let known = letters.bytes().all(|letter| ALPHABET.contains(&letter));
    (known && letters.len() == LETTERS).then(|| hex::encode(Sha256::digest(letters.as_bytes()).as_slice()))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_code_is_the_same_however_it_is_typed() {
        let code = "0a1b-2c3d-4e5f-6g7h";
        let kept = digest(code).unwrap();
        for typed in ["0a1b2c3d4e5f6g7h", " 0A1B 2C3D 4E5F 6G7H ", "Oalb-2c3d-4e5f-6g7h"] {
            assert_eq!(digest(typed).unwrap(), kept, "{typed}");
        }
        for bad in ["", "123456", "0a1b-2c3d-4e5f-6g7", "0a1b-2c3d-4e5f-6g7hh", "ua1b-2c3d-4e5f-6g7h"] {
            assert_eq!(digest(bad), None, "{bad}");
        }
    }

    #[test]
    fn a_set_is_ten_that_differ() {
        let codes = generate();
        let digests: std::collections::HashSet<_> = codes.iter().map(|code| digest(code).unwrap()).collect();
        assert_eq!((codes.len(), digests.len()), (HOW_MANY, HOW_MANY));
        assert!(codes.iter().all(|code| code.len() == 19), "{codes:?}");
    }
}
