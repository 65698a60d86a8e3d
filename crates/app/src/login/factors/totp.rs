//! Codes that an app counts from a shared secret and the time (RFC 6238, with RFC 4226's truncation): SHA-1, six
//! digits, 30 seconds, which is what every app can do.

use std::ops::RangeInclusive;

use hmac::{Hmac, KeyInit, Mac};
use jiff::Timestamp;
use sha1::Sha1;
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

/// As long as the digest (RFC 4226, section 4, R6).
const SECRET_BYTES: usize = 20;
const STEP_SECONDS: i64 = 30;
pub(super) const DIGITS: usize = 6;
/// Clocks differ and people are slow (RFC 6238, section 5.2): one step to each side.
const DRIFT: RangeInclusive<i64> = -1..=1;
/// RFC 4648, section 6.
const BASE32: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

/// What the app and the server both know.
#[derive(Clone)]
pub(crate) struct Shared(Zeroizing<Vec<u8>>);

impl std::fmt::Debug for Shared {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Shared")
    }
}

impl Shared {
    pub(crate) fn generate() -> Self {
        Self(Zeroizing::new(rand::random::<[u8; SECRET_BYTES]>().to_vec()))
    }

    /// `None` for what is not base32.
    pub(crate) fn from_text(text: &str) -> Option<Self> {
        let mut bytes = Zeroizing::new(Vec::with_capacity(text.len() * 5 / 8));
        let (mut held, mut bits) = (0_u32, 0);
        for letter in text.bytes() {
            let value = BASE32.iter().position(|known| *known == letter)?;
            held = held << 5 | u32::try_from(value).ok()?;
            bits += 5;
            if bits >= 8 {
                bits -= 8;
                bytes.push(u8::try_from(held >> bits & 0xff).ok()?);
            }
        }
        Some(Self(bytes))
    }

    /// In base32, as people type it into an app.
    pub(crate) fn to_text(&self) -> Zeroizing<String> {
        let mut text = Zeroizing::new(String::with_capacity(self.0.len() * 8 / 5 + 1));
        for chunk in self.0.chunks(5) {
            let mut group = [0_u8; 8];
            group[3..3 + chunk.len()].copy_from_slice(chunk);
            let group = u64::from_be_bytes(group);
            let letters = (chunk.len() * 8).div_ceil(5);
            for letter in 0..letters {
                let value = group >> (35 - 5 * letter) & 0x1f;
                text.push(char::from(BASE32[usize::try_from(value).unwrap_or_default()]));
            }
        }
        text
    }

    fn code(&self, step: i64) -> String {
        let mut mac = Hmac::<Sha1>::new_from_slice(&self.0).expect("HMAC takes a key of any length");
        mac.update(&step.to_be_bytes());
        let digest = mac.finalize().into_bytes();
        let offset = usize::from(digest[digest.len() - 1] & 0x0f);
        let part = [digest[offset], digest[offset + 1], digest[offset + 2], digest[offset + 3]];
        let number = u32::from_be_bytes(part) & 0x7fff_ffff;
        format!("{:0DIGITS$}", number % 10_u32.pow(DIGITS as u32))
    }

    /// The step that this is the code of, the latest of those that may be; in a time that tells nothing.
    pub(crate) fn step_of(&self, code: &str, now: Timestamp) -> Option<i64> {
        let current = step_at(now);
        let mut found = None;
        for step in DRIFT.map(|drift| current + drift) {
            if bool::from(self.code(step).as_bytes().ct_eq(code.as_bytes())) {
                found = Some(step);
            }
        }
        found
    }

    /// What a QR code tells an app: the format that Google Authenticator began and all others read.
    pub(crate) fn uri(&self, username: &str, site: &str) -> Zeroizing<String> {
        let account = escape(&format!("{username}@{site}"));
        let secret = self.to_text();
        Zeroizing::new(format!("otpauth://totp/Bastide:{account}?secret={}&issuer=Bastide", *secret))
    }
}

fn step_at(now: Timestamp) -> i64 {
    now.as_second().div_euclid(STEP_SECONDS)
}

/// RFC 3986, section 2.1.
fn escape(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    let escaped = text.bytes().map(|byte| match plain(byte) {
        true => char::from(byte).to_string(),
        false => format!("%{byte:02X}"),
    });
    escaped.collect()
}

/// The code of now, for tests of what takes one.
#[cfg(test)]
pub(crate) fn code_at(secret: &str, now: Timestamp) -> String {
    Shared::from_text(secret).expect("the test has a secret").code(step_at(now))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    /// RFC 6238, appendix B, the last six of its eight digits.
    #[test]
    fn codes_are_those_of_the_rfc() {
        let shared = Shared(Zeroizing::new(b"12345678901234567890".to_vec()));
        for (second, code) in [
            (59, "287082"),
            (1_111_111_109, "081804"),
            (1_111_111_111, "050471"),
            (1_234_567_890, "005924"),
            (2_000_000_000, "279037"),
            (20_000_000_000, "353130"),
        ] {
            assert_eq!(shared.code(step_at(at(second))), code, "{second}");
            assert_eq!(shared.step_of(code, at(second)), Some(second / 30));
        }
    }

    #[test]
    fn a_clock_may_differ_by_one_step_and_no_more() {
        let shared = Shared::generate();
        let code = shared.code(1000);
        let good: Vec<i64> =
            (900..1100).filter(|step| shared.step_of(&code, at(step * 30)).is_some()).collect();
        assert_eq!(good, [999, 1000, 1001]);
        for bad in ["", "12345", "1234567", "abcdef"] {
            assert_eq!(shared.step_of(bad, at(30_000)), None, "{bad}");
        }
    }

    /// RFC 4648, section 10.
    #[test]
    fn the_secret_is_written_in_base32() {
        for (plain, text) in [
            ("f", "MY"),
            ("fo", "MZXQ"),
            ("foo", "MZXW6"),
            ("foob", "MZXW6YQ"),
            ("fooba", "MZXW6YTB"),
            ("foobar", "MZXW6YTBOI"),
        ] {
            let shared = Shared(Zeroizing::new(plain.as_bytes().to_vec()));
            assert_eq!(shared.to_text().as_str(), text);
            assert_eq!(Shared::from_text(text).unwrap().0.as_slice(), plain.as_bytes());
        }
        assert!(Shared::from_text("MZXW1").is_none());
        assert_eq!(Shared::generate().to_text().len(), 32);
    }

    #[test]
    fn what_an_app_reads_names_the_person_and_the_place() {
        let shared = Shared(Zeroizing::new(b"foobar".to_vec()));
        let uri = shared.uri("ada", "gate.example:8722");
        assert_eq!(
            uri.as_str(),
            "otpauth://totp/Bastide:ada%40gate.example%3A8722?secret=MZXW6YTBOI&issuer=Bastide"
        );
    }
}
