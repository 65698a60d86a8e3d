//! Base64 (RFC 4648, section 4) of a key: 32 bytes, 44 characters.

use zeroize::Zeroizing;

use crate::key::KEY_BYTES;

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
/// With its padding.
const CHARACTERS: usize = KEY_BYTES.div_ceil(3) * 4;

pub(crate) fn encode(bytes: &[u8; KEY_BYTES]) -> Zeroizing<String> {
    // Room for all of it at once: a buffer that grows leaves copies behind.
    let mut text = Zeroizing::new(String::with_capacity(CHARACTERS));
    for group in bytes.chunks(3) {
        let byte = |at: usize| u32::from(group.get(at).copied().unwrap_or_default());
        let bits = byte(0) << 16 | byte(1) << 8 | byte(2);
        for at in 0..4 {
            let digit = (bits >> (18 - 6 * at)) & 0x3f;
            text.push(if at <= group.len() { char::from(ALPHABET[digit as usize]) } else { '=' });
        }
    }
    text
}

/// `None` for anything but 32 bytes in their one form; the padding may be missing.
pub(crate) fn decode(text: &str) -> Option<Zeroizing<[u8; KEY_BYTES]>> {
    let digits = text.strip_suffix('=').unwrap_or(text).as_bytes();
    if digits.len() != CHARACTERS - 1 {
        return None;
    }
    let mut bytes = Zeroizing::new([0; KEY_BYTES]);
    let (mut bits, mut held, mut at) = (0_u32, 0, 0);
    for digit in digits {
        let value = ALPHABET.iter().position(|known| known == digit)?;
        bits = (bits << 6 | u32::try_from(value).ok()?) & 0xffff;
        held += 6;
        if held >= 8 {
            held -= 8;
            *bytes.get_mut(at)? = u8::try_from(bits >> held & 0xff).ok()?;
            at += 1;
        }
    }
    // What is left over of the last digit is zero in the one form.
    (at == KEY_BYTES && bits & ((1 << held) - 1) == 0).then_some(bytes)
}
