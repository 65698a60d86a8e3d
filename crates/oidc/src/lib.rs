//! The side of OpenID Connect that asks (OpenID Connect Core 1.0, "relying party"): the authorization code
//! flow with PKCE (RFC 7636), state and nonce; discovery and keys, which are kept for a while; the checks of
//! an ID token.
//!
//! It must not know of people, roles, groups, cookies or the database: it says which subject of which issuer
//! stands behind a code, and what the provider claims of them.

mod claims;
mod client;
mod config;
mod error;
mod fetch;
mod metadata;
mod secret;
mod token;

pub use claims::Claims;
pub use client::{Answer, Begun, Client, Waiting};
pub use config::Config;
pub use error::{Error, TokenFault};
pub use secret::ClientSecret;
