//! Secrets at rest: sealed under a master key. The only place that sees a stored secret in clear.
//!
//! It must not know what a secret is for, the database, or the network: text goes in, sealed bytes come out.

#![forbid(unsafe_code)]
