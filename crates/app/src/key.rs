//! The server's own key. Whoever has it can write login cookies.

use std::{fmt, fs, io};

use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use crate::data_dir::{DataDir, write_private};
use crate::{Error, hex};

const LENGTH: usize = 32;

#[derive(Clone)]
pub(crate) struct ServerKey(Zeroizing<[u8; LENGTH]>);

impl ServerKey {
    /// Reads `server.key`, or makes it.
    pub(crate) fn load(dir: &DataDir) -> Result<Self, Error> {
        let path = dir.path("server.key");
        match fs::read(&path).map(Zeroizing::new) {
            Ok(bytes) => {
                <[u8; LENGTH]>::try_from(bytes.as_slice()).map(|key| Self(key.into())).map_err(|_| {
                    let why = format!(
                        "{} bytes instead of {LENGTH}; remove it to have a new one made",
                        bytes.len()
                    );
                    Error::file("cannot use the key", &path)(io::Error::new(io::ErrorKind::InvalidData, why))
                })
            }
            Err(e) if e.kind() == io::ErrorKind::NotFound => {
                let key = Self(Zeroizing::new(rand::random()));
                write_private(&path, key.0.as_slice())?;
                Ok(key)
            }
            Err(e) => Err(Error::file("cannot read the key", &path)(e)),
        }
    }

    /// HMAC-SHA256 of `message` for one purpose; a signature for one is none for another.
    pub(crate) fn sign(&self, purpose: &str, message: &str) -> [u8; 32] {
        self.mac(purpose, message).finalize().into_bytes().into()
    }

    /// Compares in constant time.
    pub(crate) fn verify(&self, purpose: &str, message: &str, signature: &[u8]) -> bool {
        self.mac(purpose, message).verify_slice(signature).is_ok()
    }

    /// Eight characters that name this key and tell nothing about it.
    pub(crate) fn name(&self) -> String {
        hex::encode(&self.sign("name", "")[..4])
    }

    fn mac(&self, purpose: &str, message: &str) -> Hmac<Sha256> {
        let mut mac =
            Hmac::<Sha256>::new_from_slice(self.0.as_slice()).expect("HMAC takes keys of any length");
        mac.update(purpose.as_bytes());
        mac.update(&[0]);
        mac.update(message.as_bytes());
        mac
    }
}

impl fmt::Debug for ServerKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ServerKey")
    }
}

/// SHA-256 in hexadecimal: the name of a secret that may stand in a file name.
pub(crate) fn digest(secret: &str) -> String {
    hex::encode(Sha256::digest(secret.as_bytes()).as_slice())
}
