//! What is offered to a server, most wanted first.

use std::borrow::Cow;

use russh::keys::{Algorithm, EcdsaCurve, HashAlg, PublicKey};
use russh::{Preferred, cipher, compression, kex, mac};

const KEX: [kex::Name; 10] = [
    kex::MLKEM768X25519_SHA256,
    kex::CURVE25519,
    kex::CURVE25519_PRE_RFC_8731,
    kex::ECDH_SHA2_NISTP256,
    kex::ECDH_SHA2_NISTP384,
    kex::ECDH_SHA2_NISTP521,
    kex::DH_G16_SHA512,
    kex::DH_G18_SHA512,
    kex::DH_GEX_SHA256,
    kex::DH_G14_SHA256,
];

const KEX_LEGACY: [kex::Name; 3] = [kex::DH_GEX_SHA1, kex::DH_G14_SHA1, kex::DH_G1_SHA1];

/// Not algorithms but announcements: RFC 8308, and OpenSSH's answer to the Terrapin attack (CVE-2023-48795).
const KEX_EXTENSIONS: [kex::Name; 2] =
    [kex::EXTENSION_SUPPORT_AS_CLIENT, kex::EXTENSION_OPENSSH_STRICT_KEX_AS_CLIENT];

const CIPHERS_LEGACY: [cipher::Name; 4] =
    [cipher::AES_256_CBC, cipher::AES_192_CBC, cipher::AES_128_CBC, cipher::TRIPLE_DES_CBC];

const MACS: [mac::Name; 4] = [mac::HMAC_SHA256_ETM, mac::HMAC_SHA512_ETM, mac::HMAC_SHA256, mac::HMAC_SHA512];

const MACS_LEGACY: [mac::Name; 2] = [mac::HMAC_SHA1_ETM, mac::HMAC_SHA1];

const HOST_KEYS: [Algorithm; 6] = [
    Algorithm::Ed25519,
    Algorithm::Ecdsa { curve: EcdsaCurve::NistP256 },
    Algorithm::Ecdsa { curve: EcdsaCurve::NistP384 },
    Algorithm::Ecdsa { curve: EcdsaCurve::NistP521 },
    Algorithm::Rsa { hash: Some(HashAlg::Sha512) },
    Algorithm::Rsa { hash: Some(HashAlg::Sha256) },
];

/// The lists for one server. Algorithms of `pinned` keys come first among the host keys, so that a server that has
/// several shows the one that is known. Certificates are asked for only when there are `authorities`.
pub(crate) fn preferred(legacy: bool, pinned: &[PublicKey], authorities: bool) -> Preferred {
    let mut kex = KEX.to_vec();
    let mut cipher = ciphers().to_vec();
    let mut mac = MACS.to_vec();
    let mut key = HOST_KEYS.to_vec();
    if legacy {
        kex.extend(KEX_LEGACY);
        cipher.extend(CIPHERS_LEGACY);
        mac.extend(MACS_LEGACY);
        key.push(Algorithm::Rsa { hash: None });
    }
    kex.extend(KEX_EXTENSIONS);
    // Stable: among the pinned and among the others the order stays.
    key.sort_by_key(|algorithm| !pinned.iter().any(|pinned| same_kind(&pinned.algorithm(), algorithm)));
    Preferred {
        kex: Cow::Owned(kex),
        host_key_certificates: if authorities { Cow::Owned(key.clone()) } else { Cow::Borrowed(&[]) },
        key: Cow::Owned(key),
        cipher: Cow::Owned(cipher),
        mac: Cow::Owned(mac),
        compression: Cow::Borrowed(&[compression::NONE]),
    }
}

/// An RSA key signs with several hashes; it is one key all the same.
fn same_kind(key: &Algorithm, offered: &Algorithm) -> bool {
    match (key, offered) {
        (Algorithm::Rsa { .. }, Algorithm::Rsa { .. }) => true,
        (key, offered) => key == offered,
    }
}

/// AES in counter modes is the fastest where the processor has instructions for it, and slow and open to timing
/// attacks where it has none.
fn ciphers() -> [cipher::Name; 6] {
    let (gcm, gcm_more, chacha) = (cipher::AES_128_GCM, cipher::AES_256_GCM, cipher::CHACHA20_POLY1305);
    let (ctr, ctr_more, ctr_192) = (cipher::AES_128_CTR, cipher::AES_256_CTR, cipher::AES_192_CTR);
    if has_aes() {
        [gcm, gcm_more, chacha, ctr, ctr_more, ctr_192]
    } else {
        [chacha, gcm, gcm_more, ctr, ctr_more, ctr_192]
    }
}

#[cfg(any(target_arch = "x86_64", target_arch = "x86"))]
fn has_aes() -> bool {
    std::arch::is_x86_feature_detected!("aes") && std::arch::is_x86_feature_detected!("pclmulqdq")
}

#[cfg(target_arch = "aarch64")]
fn has_aes() -> bool {
    std::arch::is_aarch64_feature_detected!("aes") && std::arch::is_aarch64_feature_detected!("pmull")
}

#[cfg(not(any(target_arch = "x86_64", target_arch = "x86", target_arch = "aarch64")))]
fn has_aes() -> bool {
    false
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn legacy_names_come_last_and_only_when_asked_for() {
        let modern = preferred(false, &[], false);
        let legacy = preferred(true, &[], false);
        let names = |preferred: &Preferred| {
            preferred.cipher.iter().map(|name| name.as_ref().to_owned()).collect::<Vec<_>>()
        };
        assert!(!names(&modern).iter().any(|name| name.contains("cbc")));
        assert!(names(&legacy).starts_with(&names(&modern)));
        assert_eq!(names(&legacy).last().map(String::as_str), Some("3des-cbc"));
        assert!(!modern.key.contains(&Algorithm::Rsa { hash: None }));
        assert_eq!(legacy.key.last(), Some(&Algorithm::Rsa { hash: None }));
    }

    #[test]
    fn the_kind_of_a_pinned_key_is_wanted_first() {
        let key = russh::keys::PrivateKey::random(
            &mut russh::keys::key::safe_rng(),
            Algorithm::Ecdsa { curve: EcdsaCurve::NistP256 },
        );
        let preferred = preferred(false, &[key.unwrap().public_key().clone()], true);
        assert_eq!(preferred.key.first(), Some(&Algorithm::Ecdsa { curve: EcdsaCurve::NistP256 }));
        assert_eq!(preferred.host_key_certificates.first(), preferred.key.first());
        assert_eq!(preferred.key.len(), HOST_KEYS.len());
    }
}
