//! A server that is known by its certificate's fingerprint, as with ssh: nobody has to vouch for it,
//! and nobody else can take its place.

use std::sync::{Arc, Mutex, PoisonError};

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, aws_lc_rs, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{CertificateError, ClientConfig, DigitallySignedStruct, Error, SignatureScheme};
use sha2::{Digest, Sha256};

/// SHA-256 of a certificate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Fingerprint([u8; 32]);

impl Fingerprint {
    /// With or without colons, in any case.
    pub(super) fn read(text: &str) -> Result<Self, String> {
        let digits: Vec<u32> = text.chars().filter(|c| *c != ':').map_while(|c| c.to_digit(16)).collect();
        let wrong = || "a fingerprint is 64 hexadecimal digits, as in AB:CD:…".to_owned();
        if digits.len() != text.chars().filter(|c| *c != ':').count() {
            return Err(wrong());
        }
        let bytes: Vec<u8> =
            digits.chunks(2).filter_map(|pair| u8::try_from(pair[0] << 4 | pair.get(1)?).ok()).collect();
        bytes.try_into().map(Self).map_err(|_| wrong())
    }

    fn of(certificate: &CertificateDer<'_>) -> Self {
        Self(Sha256::digest(certificate).into())
    }
}

impl std::fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for (at, byte) in self.0.iter().enumerate() {
            write!(f, "{}{byte:02X}", if at == 0 { "" } else { ":" })?;
        }
        Ok(())
    }
}

/// Which certificate a server has shown.
#[derive(Debug, Clone, Default)]
pub(super) struct Seen(Arc<Mutex<Option<Fingerprint>>>);

impl Seen {
    pub(super) fn get(&self) -> Option<Fingerprint> {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// TLS with the server of this fingerprint alone; without one, with nobody: to see what is shown.
pub(super) fn config(expected: Option<Fingerprint>) -> (ClientConfig, Seen) {
    let provider = Arc::new(aws_lc_rs::default_provider());
    let seen = Seen::default();
    let pinned = Pinned { expected, seen: seen.clone(), provider: Arc::clone(&provider) };
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("the provider has suites for both versions")
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(pinned))
        .with_no_client_auth();
    (config, seen)
}

#[derive(Debug)]
struct Pinned {
    expected: Option<Fingerprint>,
    seen: Seen,
    provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for Pinned {
    fn verify_server_cert(
        &self,
        certificate: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let shown = Fingerprint::of(certificate);
        *self.seen.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(shown);
        if self.expected == Some(shown) {
            Ok(ServerCertVerified::assertion())
        } else {
            Err(CertificateError::ApplicationVerificationFailure.into())
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let known = &self.provider.signature_verification_algorithms;
        verify_tls12_signature(message, certificate, signed, known)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let known = &self.provider.signature_verification_algorithms;
        verify_tls13_signature(message, certificate, signed, known)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn fingerprints_are_read_as_they_are_written() {
        let text = (0..32).map(|n| format!("{n:02X}")).collect::<Vec<_>>().join(":");
        let fingerprint = Fingerprint::read(&text).unwrap();
        assert_eq!(fingerprint.to_string(), text);
        assert_eq!(Fingerprint::read(&text.replace(':', "").to_lowercase()).unwrap(), fingerprint);
        for wrong in ["", "AB", &text[1..], &text.replace('0', "x"), &format!("{text}:00")] {
            assert!(Fingerprint::read(wrong).is_err(), "{wrong}");
        }
    }
}
