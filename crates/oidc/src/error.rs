//! What asking a provider can fail with. No message holds a code, a token or a secret, nor anything long that
//! a provider has written.

use thiserror::Error;

#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum Error {
    /// Of the settings.
    #[error("{0}")]
    Settings(String),
    /// Nobody answers, or not in time, or with 5xx.
    #[error("the provider cannot be reached for its {what}: {why}")]
    Unreachable { what: &'static str, why: String },
    /// It answers something that is not what was asked for.
    #[error("the provider's answer for its {what} cannot be used: {why}")]
    Answer { what: &'static str, why: String },
    /// OpenID Connect Discovery 1.0, section 4.3.
    #[error("the provider names another issuer than the one it was asked as")]
    OtherIssuer,
    /// It does not take our code or our secret (RFC 6749, section 5.2), or the person said no (section 4.1.2.1).
    #[error("the provider refuses: {code}")]
    Refused { code: String },
    #[error("the provider's token is not good: {0}")]
    Token(#[from] TokenFault),
}

/// Why an ID token is not believed (OpenID Connect Core 1.0, section 3.1.3.7).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum TokenFault {
    #[error("it is no token")]
    Malformed,
    #[error("its algorithm is not one with a public key")]
    Algorithm,
    #[error("it is signed with a key that the provider does not name")]
    UnknownKey,
    #[error("its signature is wrong")]
    Signature,
    #[error("it is of another issuer")]
    Issuer,
    #[error("it is for somebody else")]
    Audience,
    #[error("its nonce is not ours")]
    Nonce,
    #[error("it has expired, or lies in the future: compare the clocks of both machines")]
    Time,
    #[error("it names no subject")]
    Subject,
    #[error("what the provider says beside it is of another subject")]
    OtherSubject,
}

impl Error {
    /// Whether trying again later may help, without anybody changing anything.
    pub fn passes(&self) -> bool {
        matches!(self, Self::Unreachable { .. })
    }

    pub(crate) fn answer(what: &'static str, why: impl Into<String>) -> Self {
        Self::Answer { what, why: why.into() }
    }
}
