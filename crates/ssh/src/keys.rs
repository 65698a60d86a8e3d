//! Key texts: what a form checks before it stores one, and what a dial reads.

use bastide_wire::ssh::PresentedKey;
use russh::keys::ssh_key::certificate::CertType;
use russh::keys::{Certificate, HashAlg, PrivateKey, PublicKey};

/// Real key files are a few KB; whatever is larger is none.
const MAX_TEXT: usize = 64 * 1024;

/// What a private key's text says about itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyFacts {
    /// As in a `.pub` file: `ssh-ed25519`, `ssh-rsa`, `ecdsa-sha2-nistp256`.
    pub algorithm: String,
    /// `algorithm base64`; absent when the text is encrypted so that not even this can be read.
    pub public: Option<String>,
    /// `SHA256:…`; absent with `public`.
    pub fingerprint: Option<String>,
    /// The text needs a passphrase. Also when the right one was given.
    pub encrypted: bool,
}

/// What a public key's or a certificate's line says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublicFacts {
    pub algorithm: String,
    pub fingerprint: String,
    /// `algorithm base64`, without options and comment.
    pub line: String,
}

/// Why a key's text cannot be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BadKey {
    #[error("the text is longer than any key")]
    TooLong,
    #[error("this is the public half; the private key is in the file without .pub")]
    Public,
    #[error("this is no private key in OpenSSH, PEM (PKCS#1, PKCS#8, SEC1) or PuTTY form")]
    Unreadable,
    #[error("the private key is encrypted and no passphrase is known")]
    NeedsPassphrase,
    #[error("the passphrase does not open the private key")]
    WrongPassphrase,
    #[error("keys of this kind are not supported; use ed25519, ecdsa or rsa")]
    Unsupported,
    #[error("an RSA key of fewer than 2048 bits is too weak")]
    TooWeak,
    #[error("this is no public key line (`algorithm base64`)")]
    NotPublic,
    #[error("this is no OpenSSH certificate line (`…-cert-v01@openssh.com base64`)")]
    NotCertificate,
}

/// Reads a private key's text: OpenSSH, PEM (PKCS#1, PKCS#8, SEC1) or PuTTY. Without `passphrase` an encrypted
/// one yields what can be told without it. Deriving the key from a passphrase takes some hundred milliseconds of CPU.
///
/// # Errors
/// The text is none of these, or the passphrase is wrong.
pub fn parse_private_key(text: &str, passphrase: Option<&str>) -> Result<KeyFacts, BadKey> {
    match decode(text, passphrase) {
        Ok((key, encrypted)) => Ok(facts(key.public_key(), encrypted)),
        Err(BadKey::NeedsPassphrase) => {
            // OpenSSH's own form carries the public half in clear.
            let clear = PrivateKey::from_openssh(text.trim()).ok();
            Ok(clear.map_or_else(
                || KeyFacts { algorithm: String::new(), public: None, fingerprint: None, encrypted: true },
                |key| facts(key.public_key(), true),
            ))
        }
        Err(error) => Err(error),
    }
}

/// Reads `algorithm base64 [comment]`.
///
/// # Errors
/// [`BadKey::NotPublic`].
pub fn parse_public_key(line: &str) -> Result<PublicFacts, BadKey> {
    let key = public_key(line)?;
    Ok(PublicFacts {
        algorithm: key.algorithm().to_string(),
        fingerprint: fingerprint(&key),
        line: key_line(&key),
    })
}

/// Reads the line of a `-cert.pub` file that a user logs in with; the facts are those of the key inside.
///
/// # Errors
/// [`BadKey::NotCertificate`], also for a host's certificate.
pub fn parse_certificate(line: &str) -> Result<PublicFacts, BadKey> {
    let certificate = certificate(line)?;
    let key = PublicKey::new(certificate.public_key().clone(), "");
    Ok(PublicFacts {
        algorithm: certificate.algorithm().to_certificate_type(),
        fingerprint: fingerprint(&key),
        line: line.split_whitespace().take(2).collect::<Vec<_>>().join(" "),
    })
}

pub(crate) fn certificate(line: &str) -> Result<Certificate, BadKey> {
    if line.len() > MAX_TEXT {
        return Err(BadKey::TooLong);
    }
    if nested_deeply(line.split_whitespace().nth(1).unwrap_or_default()) {
        return Err(BadKey::NotCertificate);
    }
    match Certificate::from_openssh(line.trim()) {
        Ok(certificate) if certificate.cert_type() == CertType::User => Ok(certificate),
        _ => Err(BadKey::NotCertificate),
    }
}

pub(crate) fn public_key(line: &str) -> Result<PublicKey, BadKey> {
    if line.len() > MAX_TEXT {
        return Err(BadKey::TooLong);
    }
    let mut words = line.split_whitespace();
    let (Some(algorithm), Some(base64)) = (words.next(), words.next()) else { return Err(BadKey::NotPublic) };
    // A certificate's line is none of a key, and is not unpacked here.
    if algorithm.contains("-cert-v01@") {
        return Err(BadKey::NotPublic);
    }
    let key = russh::keys::parse_public_key_base64(base64).map_err(|_| BadKey::NotPublic)?;
    // `rsa-sha2-256` and its like are names of signatures; in a known_hosts file the key is always `ssh-rsa`.
    (key.algorithm().to_string() == algorithm).then_some(key).ok_or(BadKey::NotPublic)
}

/// The key and whether its text was encrypted.
pub(crate) fn decode(text: &str, passphrase: Option<&str>) -> Result<(PrivateKey, bool), BadKey> {
    let text = text.trim();
    if text.len() > MAX_TEXT {
        return Err(BadKey::TooLong);
    }
    let body = |line: &&str| !line.starts_with('-') && !line.contains(':');
    if nested_deeply(&zeroize::Zeroizing::new(text.lines().filter(body).collect::<String>())) {
        return Err(BadKey::Unreadable);
    }
    if public_key(text).is_ok() || certificate(text).is_ok() {
        return Err(BadKey::Public);
    }
    let encrypted = is_encrypted(text);
    let passphrase = match (encrypted, passphrase) {
        (true, None | Some("")) => return Err(BadKey::NeedsPassphrase),
        (true, some) => some,
        (false, _) => None,
    };
    // Lines of some editors end in CR.
    let text = zeroize::Zeroizing::new(text.replace('\r', ""));
    match russh::keys::decode_secret_key(&text, passphrase) {
        Ok(key) => strong_enough(&key).then_some((key, encrypted)).ok_or(BadKey::TooWeak),
        Err(russh::keys::Error::KeyIsEncrypted) => Err(BadKey::NeedsPassphrase),
        Err(russh::keys::Error::UnsupportedKeyType { .. } | russh::keys::Error::UnknownAlgorithm(_)) => {
            Err(BadKey::Unsupported)
        }
        Err(_) if encrypted => Err(BadKey::WrongPassphrase),
        Err(_) => Err(BadKey::Unreadable),
    }
}

/// A certificate's signing key may be a certificate again, and the library that reads them goes down without end:
/// a text made for that would overflow the stack. Good ones have one level.
fn nested_deeply(base64: &str) -> bool {
    const MARK: &[u8] = b"-cert-v01@";
    const MAX: usize = 4;
    let bytes = zeroize::Zeroizing::new(from_base64(base64));
    bytes.windows(MARK.len()).filter(|window| *window == MARK).count() > MAX
}

/// What can be read of it; other characters are passed over.
fn from_base64(text: &str) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(text.len() * 3 / 4);
    let (mut bits, mut count) = (0_u32, 0);
    for byte in text.bytes() {
        let value = match byte {
            b'A'..=b'Z' => byte - b'A',
            b'a'..=b'z' => byte - b'a' + 26,
            b'0'..=b'9' => byte - b'0' + 52,
            b'+' => 62,
            b'/' => 63,
            _ => continue,
        };
        bits = (bits << 6) | u32::from(value);
        count += 6;
        if count >= 8 {
            count -= 8;
            bytes.push((bits >> count).to_be_bytes()[3]);
        }
    }
    bytes
}

/// By the outer form alone, before anything is derived from a passphrase.
fn is_encrypted(text: &str) -> bool {
    if text.starts_with("-----BEGIN OPENSSH PRIVATE KEY-----") {
        return PrivateKey::from_openssh(text).is_ok_and(|key| key.is_encrypted());
    }
    if text.starts_with("PuTTY-User-Key-File-") {
        return text
            .lines()
            .any(|line| line.trim().strip_prefix("Encryption: ").is_some_and(|kind| kind != "none"));
    }
    text.starts_with("-----BEGIN ENCRYPTED PRIVATE KEY-----") || text.contains("Proc-Type: 4,ENCRYPTED")
}

/// OpenSSH refuses RSA below 1024 bits, NIST SP 800-131A below 2048.
fn strong_enough(key: &PrivateKey) -> bool {
    match key.public_key().key_data().rsa() {
        Some(rsa) => rsa.n().as_positive_bytes().is_none_or(|n| n.len() >= 256),
        None => true,
    }
}

fn facts(key: &PublicKey, encrypted: bool) -> KeyFacts {
    KeyFacts {
        algorithm: key.algorithm().to_string(),
        public: Some(key_line(key)),
        fingerprint: Some(fingerprint(key)),
        encrypted,
    }
}

/// `SHA256:…`, as `ssh-keygen -l` prints it.
pub(crate) fn fingerprint(key: &PublicKey) -> String {
    key.fingerprint(HashAlg::Sha256).to_string()
}

/// `algorithm base64`, without a comment.
pub(crate) fn key_line(key: &PublicKey) -> String {
    use russh::keys::PublicKeyBase64;
    format!("{} {}", key.algorithm(), key.public_key_base64())
}

pub(crate) fn presented(host: &str, port: u16, key: &PublicKey) -> PresentedKey {
    PresentedKey {
        host: host.to_owned(),
        port,
        algorithm: key.algorithm().to_string(),
        fingerprint: fingerprint(key),
        key: key_line(key),
    }
}

/// Fuzz body: key texts of any shape are read or refused, and what was read is read again as the same.
///
/// # Panics
/// When that does not hold.
pub fn fuzz_keys(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let _ = parse_certificate(&text);
    if let Ok(facts) = parse_public_key(&text) {
        assert_eq!(parse_public_key(&facts.line).as_ref(), Ok(&facts));
    }
    if let Ok(facts) = parse_private_key(&text, None)
        && let Some(line) = &facts.public
    {
        let public = parse_public_key(line).map(|public| public.fingerprint);
        assert_eq!(public.ok(), facts.fingerprint);
    }
}

#[cfg(test)]
mod tests;
