//! The master key.

use std::fmt;
use std::str::FromStr;

use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use crate::{Error, base64};

pub(crate) const KEY_BYTES: usize = 32;
pub(crate) const ID_BYTES: usize = 8;

/// What data keys are wrapped with: 256 random bits. Gone from memory when dropped.
#[derive(Clone)]
pub struct MasterKey {
    bytes: Zeroizing<[u8; KEY_BYTES]>,
    id: KeyId,
}

/// Tells master keys apart, and nothing else about them.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct KeyId(pub(crate) [u8; ID_BYTES]);

impl MasterKey {
    pub fn generate() -> Self {
        Self::from_bytes(Zeroizing::new(rand::random()))
    }

    /// A key as text: one line of base64; empty lines and lines that begin with `#` say nothing. `place` is
    /// where it came from, for the error.
    ///
    /// # Errors
    /// `KeyMissing` without such a line, `KeyMalformed`.
    pub fn from_text(text: &str, place: &str) -> Result<Self, Error> {
        let mut lines = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
        let line = lines.next().ok_or_else(|| Error::KeyMissing { place: place.to_owned() })?;
        let malformed = |why| Error::KeyMalformed { place: place.to_owned(), why };
        if lines.next().is_some() {
            return Err(malformed("more than one line"));
        }
        let bytes = base64::decode(line).ok_or_else(|| malformed("not 32 bytes in base64"))?;
        if bytes.iter().all(|byte| *byte == bytes[0]) {
            return Err(malformed("all its bytes are the same"));
        }
        Ok(Self::from_bytes(bytes))
    }

    fn from_bytes(bytes: Zeroizing<[u8; KEY_BYTES]>) -> Self {
        let mut digest = Sha256::new();
        digest.update(b"bastide vault key id\0");
        digest.update(*bytes);
        let digest = digest.finalize();
        let mut id = [0; ID_BYTES];
        id.copy_from_slice(&digest[..ID_BYTES]);
        Self { bytes, id: KeyId(id) }
    }

    /// For a file, a variable or the answer of a command: base64.
    pub fn to_text(&self) -> Zeroizing<String> {
        base64::encode(&self.bytes)
    }

    pub fn id(&self) -> KeyId {
        self.id
    }

    pub(crate) fn bytes(&self) -> &[u8; KEY_BYTES] {
        &self.bytes
    }
}

impl fmt::Debug for MasterKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "MasterKey({})", self.id)
    }
}

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for KeyId {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        if text.len() != 2 * ID_BYTES || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Err(());
        }
        let mut id = [0; ID_BYTES];
        for (at, byte) in id.iter_mut().enumerate() {
            *byte = u8::from_str_radix(&text[2 * at..2 * at + 2], 16).map_err(drop)?;
        }
        Ok(Self(id))
    }
}
