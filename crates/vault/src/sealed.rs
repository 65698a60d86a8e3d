//! Sealing and opening.
//!
//! ```text
//! 1 byte    form: 1
//! 8 bytes   id of the master key
//! 24 bytes  nonce of the wrapping
//! 48 bytes  the data key, wrapped under the master key
//! 24 bytes  nonce of the secret
//! rest      the secret, encrypted with the data key: its length (4 bytes, little-endian), its bytes, zeros up
//!           to a multiple of 64, and the tag. The zeros hide how long a password is.
//! ```

use std::fmt;

use chacha20poly1305::aead::{AeadInOut, KeyInit};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};
use zeroize::Zeroizing;

use crate::key::{ID_BYTES, KEY_BYTES};
use crate::{Error, KeyId, MasterKey};

const FORM: u8 = 1;
const NONCE: usize = 24;
const TAG: usize = 16;
const WRAPPED: usize = KEY_BYTES + TAG;
const PAD_TO: usize = 64;
const LENGTH: usize = 4;
const HEAD: usize = 1 + ID_BYTES + NONCE + WRAPPED + NONCE;

/// Private keys with a long comment are some 10 KB.
pub const MAX_SECRET: usize = 64 * 1024;

/// What a secret belongs to. It opens there and nowhere else.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place<'a> {
    pub table: &'a str,
    /// Of the row; never given to another row.
    pub id: &'a str,
    pub field: &'a str,
}

impl Place<'_> {
    /// Each part with its length before it, so that no two places are one text.
    fn bound(&self, label: &str) -> Vec<u8> {
        let mut bytes = Vec::new();
        for part in [label, self.table, self.id, self.field] {
            bytes.extend_from_slice(&(part.len() as u64).to_le_bytes());
            bytes.extend_from_slice(part.as_bytes());
        }
        bytes
    }
}

impl fmt::Display for Place<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} of {} {}", self.field, self.table, self.id)
    }
}

/// Seals and opens under one master key.
#[derive(Debug, Clone)]
pub struct Vault {
    key: MasterKey,
}

/// What a sealed secret consists of.
struct Parts<'a> {
    key: KeyId,
    wrapping: &'a [u8],
    wrapped: &'a [u8],
    nonce: &'a [u8],
    secret: &'a [u8],
}

impl<'a> Parts<'a> {
    fn read(place: &Place<'_>, sealed: &'a [u8]) -> Result<Self, Error> {
        let unknown = || Error::UnknownForm(place.to_string());
        let (&form, rest) = sealed.split_first().ok_or_else(unknown)?;
        if form != FORM {
            return Err(unknown());
        }
        let mut rest = rest;
        let mut take = |length: usize| {
            let (part, after) = rest.split_at_checked(length)?;
            rest = after;
            Some(part)
        };
        let damaged = || Error::Damaged(place.to_string());
        let mut id = [0; ID_BYTES];
        id.copy_from_slice(take(ID_BYTES).ok_or_else(damaged)?);
        let wrapping = take(NONCE).ok_or_else(damaged)?;
        let wrapped = take(WRAPPED).ok_or_else(damaged)?;
        let nonce = take(NONCE).ok_or_else(damaged)?;
        Ok(Self { key: KeyId(id), wrapping, wrapped, nonce, secret: rest })
    }
}

impl Vault {
    pub fn new(key: MasterKey) -> Self {
        Self { key }
    }

    pub fn key_id(&self) -> KeyId {
        self.key.id()
    }

    /// # Errors
    /// `TooLong`.
    pub fn seal(&self, place: &Place<'_>, secret: &str) -> Result<Vec<u8>, Error> {
        if secret.len() > MAX_SECRET {
            return Err(Error::TooLong(secret.len()));
        }
        let data_key = Zeroizing::new(rand::random::<[u8; KEY_BYTES]>());
        let nonce: [u8; NONCE] = rand::random();
        let padded = (LENGTH + secret.len()).next_multiple_of(PAD_TO);
        let mut sealed = Vec::with_capacity(HEAD + padded + TAG);
        sealed.extend_from_slice(&self.wrap(place, &data_key));
        sealed.extend_from_slice(&nonce);
        // The rest in place, so that no copy of the secret stays behind.
        let start = sealed.len();
        let length = u32::try_from(secret.len()).expect("it is at most MAX_SECRET");
        sealed.extend_from_slice(&length.to_le_bytes());
        sealed.extend_from_slice(secret.as_bytes());
        sealed.resize(start + padded, 0);
        let bound = place.bound("bastide vault secret");
        let tag = encrypt(&data_key, &nonce, &bound, &mut sealed[start..]);
        sealed.extend_from_slice(&tag);
        Ok(sealed)
    }

    /// # Errors
    /// `UnknownForm`, `OtherKey`, `Damaged`.
    pub fn open(&self, place: &Place<'_>, sealed: &[u8]) -> Result<Zeroizing<String>, Error> {
        let parts = Parts::read(place, sealed)?;
        let damaged = || Error::Damaged(place.to_string());
        let data_key = self.unwrap_key(place, &parts)?;
        let (secret, tag) = parts.secret.split_last_chunk::<TAG>().ok_or_else(damaged)?;
        let mut plain = Zeroizing::new(secret.to_vec());
        let bound = place.bound("bastide vault secret");
        decrypt(&data_key, parts.nonce, (&bound, tag), &mut plain).ok_or_else(damaged)?;
        let (length, text) = plain.split_first_chunk::<LENGTH>().ok_or_else(damaged)?;
        let length = usize::try_from(u32::from_le_bytes(*length)).map_err(|_| damaged())?;
        let text = text.get(..length).ok_or_else(damaged)?;
        std::str::from_utf8(text).map(|text| Zeroizing::new(text.to_owned())).map_err(|_| damaged())
    }

    /// The same secret under another master key. The secret itself is neither opened nor changed.
    ///
    /// # Errors
    /// `UnknownForm`, `OtherKey`, `Damaged`.
    pub fn rewrap(&self, to: &Self, place: &Place<'_>, sealed: &[u8]) -> Result<Vec<u8>, Error> {
        let parts = Parts::read(place, sealed)?;
        let data_key = self.unwrap_key(place, &parts)?;
        Ok([&to.wrap(place, &data_key), parts.nonce, parts.secret].concat())
    }

    /// What proves later that a key is this one.
    pub fn proof(&self) -> Vec<u8> {
        self.seal(&PROOF, PROVEN).expect("it is short")
    }

    /// Whether this key made that proof.
    ///
    /// # Errors
    /// `OtherKey`, `Damaged`, `UnknownForm`: it did not.
    pub fn prove(&self, proof: &[u8]) -> Result<(), Error> {
        match self.open(&PROOF, proof)?.as_str() == PROVEN {
            true => Ok(()),
            false => Err(Error::Damaged(PROOF.to_string())),
        }
    }

    /// Everything before the secret's own nonce.
    fn wrap(&self, place: &Place<'_>, data_key: &[u8; KEY_BYTES]) -> Vec<u8> {
        let nonce: [u8; NONCE] = rand::random();
        let mut wrapped = Zeroizing::new(*data_key);
        let tag = encrypt(self.key.bytes(), &nonce, &self.bound(place), wrapped.as_mut_slice());
        [&[FORM], &self.key.id().0[..], &nonce, wrapped.as_slice(), &tag].concat()
    }

    fn unwrap_key(&self, place: &Place<'_>, parts: &Parts<'_>) -> Result<Zeroizing<[u8; KEY_BYTES]>, Error> {
        if parts.key != self.key.id() {
            return Err(Error::OtherKey { needed: parts.key, given: self.key.id() });
        }
        let damaged = || Error::Damaged(place.to_string());
        let (wrapped, tag) = parts.wrapped.split_last_chunk::<TAG>().ok_or_else(damaged)?;
        let mut data_key = Zeroizing::new([0; KEY_BYTES]);
        data_key.copy_from_slice(wrapped);
        let bound = self.bound(place);
        decrypt(self.key.bytes(), parts.wrapping, (&bound, tag), data_key.as_mut_slice())
            .ok_or_else(damaged)?;
        Ok(data_key)
    }

    fn bound(&self, place: &Place<'_>) -> Vec<u8> {
        let mut bound = place.bound("bastide vault data key");
        bound.extend_from_slice(&self.key.id().0);
        bound
    }
}

const PROOF: Place<'static> = Place { table: "vault", id: "1", field: "proof" };
const PROVEN: &str = "this is the key";

fn encrypt(key: &[u8; KEY_BYTES], nonce: &[u8; NONCE], bound: &[u8], buffer: &mut [u8]) -> [u8; TAG] {
    let cipher = XChaCha20Poly1305::new(key.into());
    let tag = cipher.encrypt_inout_detached(&XNonce::from(*nonce), bound, buffer.into());
    tag.expect("it is far shorter than the cipher's limit").into()
}

/// `None` when the tag is not the right one; then nothing was decrypted.
fn decrypt(
    key: &[u8; KEY_BYTES],
    nonce: &[u8],
    (bound, tag): (&[u8], &[u8; TAG]),
    buffer: &mut [u8],
) -> Option<()> {
    let cipher = XChaCha20Poly1305::new(key.into());
    let nonce = XNonce::try_from(nonce).ok()?;
    cipher.decrypt_inout_detached(&nonce, bound, buffer.into(), tag.into()).ok()
}
