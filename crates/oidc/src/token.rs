//! What makes an ID token one that is believed (OpenID Connect Core 1.0, section 3.1.3.7).

use jiff::Timestamp;
use jsonwebtoken::jwk::{AlgorithmParameters, Jwk, PublicKeyUse};
use jsonwebtoken::{Algorithm, DecodingKey, Header, Validation, decode, decode_header};
use serde_json::{Map, Value};

use crate::claims::{Claims, MAX_SUBJECT};
use crate::error::TokenFault;

/// How far two clocks may be apart, in seconds.
const LEEWAY: i64 = 60;

/// What is signed with a secret (HS256) or not at all is not taken: both sides would know it, or everybody.
const ALGORITHMS: [Algorithm; 9] = [
    Algorithm::RS256,
    Algorithm::RS384,
    Algorithm::RS512,
    Algorithm::PS256,
    Algorithm::PS384,
    Algorithm::PS512,
    Algorithm::ES256,
    Algorithm::ES384,
    Algorithm::EdDSA,
];

/// What has to be the same in it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Expected<'a> {
    pub(crate) issuer: &'a str,
    pub(crate) client_id: &'a str,
    pub(crate) nonce: &'a str,
    pub(crate) now: Timestamp,
}

/// How it says that it is signed.
pub(crate) fn header(token: &str) -> Result<Header, TokenFault> {
    let header = decode_header(token).map_err(|error| match error.kind() {
        // A name that is not known, such as "none".
        jsonwebtoken::errors::ErrorKind::InvalidAlgorithmName
        | jsonwebtoken::errors::ErrorKind::UnsupportedAlgorithm
        | jsonwebtoken::errors::ErrorKind::Json(_) => TokenFault::Algorithm,
        _ => TokenFault::Malformed,
    })?;
    match ALGORITHMS.contains(&header.alg) {
        true => Ok(header),
        false => Err(TokenFault::Algorithm),
    }
}

/// Whether a key can be the one: by its name where the token names one, else by its kind.
pub(crate) fn fits(header: &Header, key: &Jwk) -> bool {
    let named = header.kid.is_none() || header.kid == key.common.key_id;
    let signs = key.common.public_key_use.as_ref().is_none_or(|it| *it == PublicKeyUse::Signature);
    let same = key.common.key_algorithm.is_none_or(|it| it.to_string() == format!("{:?}", header.alg));
    let kind = match (&key.algorithm, header.alg) {
        (AlgorithmParameters::EllipticCurve(_), alg) => {
            matches!(alg, Algorithm::ES256 | Algorithm::ES384)
        }
        (AlgorithmParameters::OctetKeyPair(_), alg) => alg == Algorithm::EdDSA,
        (AlgorithmParameters::RSA(_), alg) => {
            !matches!(alg, Algorithm::ES256 | Algorithm::ES384 | Algorithm::EdDSA)
        }
        _ => false,
    };
    named && signs && same && kind
}

pub(crate) fn verify(
    token: &str,
    (header, key): (&Header, &Jwk),
    expected: Expected<'_>,
) -> Result<Claims, TokenFault> {
    let key = DecodingKey::from_jwk(key).map_err(|_| TokenFault::UnknownKey)?;
    // The signature alone: the rest is compared below, by our own clock.
    let mut rules = Validation::new(header.alg);
    rules.required_spec_claims.clear();
    (rules.validate_exp, rules.validate_nbf, rules.validate_aud) = (false, false, false);
    let signed = decode::<Map<String, Value>>(token, &key, &rules).map_err(|error| match error.kind() {
        jsonwebtoken::errors::ErrorKind::InvalidSignature => TokenFault::Signature,
        jsonwebtoken::errors::ErrorKind::InvalidAlgorithm => TokenFault::Algorithm,
        _ => TokenFault::Malformed,
    })?;
    check(signed.claims, expected)
}

fn check(all: Map<String, Value>, expected: Expected<'_>) -> Result<Claims, TokenFault> {
    let text = |name: &str| all.get(name).and_then(Value::as_str);
    if text("iss") != Some(expected.issuer) {
        return Err(TokenFault::Issuer);
    }
    if !is_for(&all, expected.client_id) {
        return Err(TokenFault::Audience);
    }
    if text("nonce") != Some(expected.nonce) {
        return Err(TokenFault::Nonce);
    }
    let now = expected.now.as_second();
    // Seconds, of which some providers write parts.
    #[expect(clippy::cast_possible_truncation, reason = "a time that does not fit is far off either way")]
    let time = |name: &str| all.get(name).and_then(Value::as_f64).map(|seconds| seconds as i64);
    let past = |name: &str| time(name).is_none_or(|at| at <= now + LEEWAY);
    let ends = time("exp").ok_or(TokenFault::Time)?;
    if ends <= now - LEEWAY || time("iat").is_none() || !past("iat") || !past("nbf") {
        return Err(TokenFault::Time);
    }
    let subject = text("sub").filter(|subject| (1..=MAX_SUBJECT).contains(&subject.chars().count()));
    let subject = subject.ok_or(TokenFault::Subject)?.to_owned();
    Ok(Claims { issuer: expected.issuer.to_owned(), subject, all })
}

/// It is for us, and if for others too, it was given to us (`azp`).
fn is_for(all: &Map<String, Value>, client_id: &str) -> bool {
    let named = match all.get("aud") {
        Some(Value::String(one)) => one == client_id,
        Some(Value::Array(many)) => {
            let us = many.iter().any(|one| one.as_str() == Some(client_id));
            us && (many.len() == 1 || all.contains_key("azp"))
        }
        _ => false,
    };
    named && all.get("azp").is_none_or(|azp| azp.as_str() == Some(client_id))
}
