//! One character of UTF-8, with errors as the Unicode standard advises (section 3.9, "maximal
//! subpart"): the longest beginning of a valid sequence counts as one wrong character.

#[derive(Debug, PartialEq, Eq)]
pub(super) enum Decoded {
    /// A character of so many bytes.
    Char(char, usize),
    /// So many bytes that can never become a character.
    Invalid(usize),
    /// The bytes end within a character.
    Incomplete,
}

/// Decodes the first character of `bytes`, which must not be empty.
#[inline]
pub(super) fn decode(bytes: &[u8]) -> Decoded {
    // Most of what is not ASCII has three bytes; the rest of E0 and ED is below.
    if let [lead @ 0xe1..=0xec, second @ 0x80..=0xbf, third @ 0x80..=0xbf, ..] = *bytes {
        let high = u32::from(lead & 0x0f) << 12 | u32::from(second & 0x3f) << 6;
        let value = high | u32::from(third & 0x3f);
        return Decoded::Char(char::from_u32(value).unwrap_or(char::REPLACEMENT_CHARACTER), 3);
    }
    decode_any(bytes)
}

fn decode_any(bytes: &[u8]) -> Decoded {
    let lead = bytes[0];
    let (len, low, high) = match lead {
        0..=0x7f => return Decoded::Char(char::from(lead), 1),
        0xc2..=0xdf => (2, 0x80, 0xbf),
        0xe0 => (3, 0xa0, 0xbf),
        0xed => (3, 0x80, 0x9f),
        0xe1..=0xef => (3, 0x80, 0xbf),
        0xf0 => (4, 0x90, 0xbf),
        0xf1..=0xf3 => (4, 0x80, 0xbf),
        0xf4 => (4, 0x80, 0x8f),
        _ => return Decoded::Invalid(1),
    };
    let mut value = u32::from(lead) & (0x7f >> len);
    for at in 1..len {
        let (low, high) = if at == 1 { (low, high) } else { (0x80, 0xbf) };
        match bytes.get(at) {
            None => return Decoded::Incomplete,
            Some(&byte) if (low..=high).contains(&byte) => {
                value = value << 6 | u32::from(byte & 0x3f);
            }
            Some(_) => return Decoded::Invalid(at),
        }
    }
    Decoded::Char(char::from_u32(value).unwrap_or(char::REPLACEMENT_CHARACTER), len)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    /// What the standard library makes of the same bytes.
    fn expected(bytes: &[u8]) -> Decoded {
        match std::str::from_utf8(bytes) {
            Ok(text) => {
                let c = text.chars().next().unwrap();
                Decoded::Char(c, c.len_utf8())
            }
            Err(error) if error.valid_up_to() > 0 => expected(&bytes[..error.valid_up_to()]),
            Err(error) => error.error_len().map_or(Decoded::Incomplete, Decoded::Invalid),
        }
    }

    #[test]
    fn agrees_with_the_standard_library_on_all_short_sequences() {
        for first in 0..=255u8 {
            for second in 0..=255u8 {
                for tail in [&[][..], &[0x80], &[0xbf, 0x80], &[0x41], &[0xbf, 0x41], &[0xe2]] {
                    let bytes = [&[first, second], tail].concat();
                    assert_eq!(decode(&bytes), expected(&bytes), "{bytes:x?}");
                    assert_eq!(decode(&bytes[..1]), expected(&bytes[..1]), "{first:x}");
                }
            }
        }
    }
}
