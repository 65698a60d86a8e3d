//! Secrets at rest: sealed under a master key. The only place that sees a stored secret in clear.
//!
//! It must not know what a secret is for, the database, or the network: text goes in, sealed bytes come out.
//!
//! Each secret is encrypted with a data key of its own (XChaCha20-Poly1305, random nonces), and the data key with
//! the master key. Both are bound to the [`Place`] that the secret belongs to, so that sealed bytes that were
//! moved to another row open nowhere. To change the master key only the data keys are wrapped again.

#![forbid(unsafe_code)]

mod base64;
mod error;
mod file;
mod key;
mod sealed;
mod source;

pub use error::Error;
pub use file::KeyFile;
pub use key::{KeyId, MasterKey};
pub use sealed::{MAX_SECRET, Place, Vault};
pub use source::{Source, told_by};

/// Whatever bytes are read back: they are opened or refused, and what is opened seals again.
///
/// # Panics
/// When what is said above does not hold: for fuzzing.
pub fn fuzz_sealed(data: &[u8]) {
    let vault = Vault::new(MasterKey::from_text(FUZZ_KEY, "here").expect("it is one"));
    let place = Place { table: "fuzz", id: "1", field: "a" };
    assert!(vault.open(&place, data).is_err(), "nobody has sealed this");
    assert!(vault.rewrap(&vault, &place, data).is_err(), "nobody has sealed this");
    let text = String::from_utf8_lossy(data);
    if let Ok(key) = MasterKey::from_text(&text, "here") {
        let again = MasterKey::from_text(&key.to_text(), "here").expect("it was written by us");
        assert_eq!(key.id(), again.id());
    }
    let Ok(sealed) = vault.seal(&place, &text) else { return assert!(text.len() > MAX_SECRET) };
    assert_eq!(vault.open(&place, &sealed).expect("it was just sealed").as_str(), text);
}

/// Not a secret: it seals nothing but what the fuzzer makes.
const FUZZ_KEY: &str = "AQIDBAUGBwgJCgsMDQ4PEBESExQVFhcYGRobHB0eHyA=";

#[cfg(test)]
mod tests;
