//! Secrets that are handed out: cookies, links, tokens. Only their digests are kept.

use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use crate::hex;

/// 256 bits: nobody guesses one, so a fast digest is enough to keep it by.
const BYTES: usize = 32;

/// A new one, in hexadecimal.
pub(crate) fn generate() -> String {
    hex::encode(&rand::random::<[u8; BYTES]>())
}

/// A name that opens nothing, in hexadecimal.
pub(crate) fn name() -> String {
    hex::encode(&rand::random::<[u8; 16]>())
}

/// SHA-256 in hexadecimal: what is kept of a secret.
pub(crate) fn digest(secret: &str) -> String {
    hex::encode(Sha256::digest(secret.as_bytes()).as_slice())
}

/// Whether this is the secret with that digest, in a time that tells nothing.
pub(crate) fn matches(secret: &str, kept: &str) -> bool {
    digest(secret).as_bytes().ct_eq(kept.as_bytes()).into()
}
