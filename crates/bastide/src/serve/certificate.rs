//! The certificate that the settings name.

use std::path::Path;

use anyhow::Context;
use bastide_api::{Origin, Tls};
use jiff::Timestamp;

use super::config::{Certificate, Config};
use crate::cli::exit::Failure;

/// In the data directory: the key and the certificate of the server's own making.
const FILE: &str = "self-signed.pem";

/// `None` without TLS. What will trouble people is logged.
pub(super) fn load(config: &Config, data_dir: &Path) -> Result<Option<Tls>, Failure> {
    let now = Timestamp::now();
    let tls = match &config.tls {
        None => return Ok(None),
        Some(Certificate::Files { certificate, key }) => Tls::from_files(certificate.clone(), key.clone()),
        Some(Certificate::SelfSigned) => Tls::self_signed(&data_dir.join(FILE), &own_names(config), now),
    };
    let tls = tls.context("TLS")?;
    for warning in tls.warnings(&wanted_names(config), now) {
        tracing::warn!("{warning}");
    }
    Ok(Some(tls))
}

/// What is wrong with the files, and what will trouble people, before a start.
pub(super) fn check(config: &Config) -> Result<Vec<String>, Failure> {
    match &config.tls {
        Some(Certificate::Files { certificate, key }) => {
            let tls = Tls::from_files(certificate.clone(), key.clone()).context("TLS")?;
            Ok(tls.warnings(&wanted_names(config), Timestamp::now()))
        }
        _ => Ok(Vec::new()),
    }
}

/// Under which names people come, as far as it is known.
fn wanted_names(config: &Config) -> Vec<String> {
    match (&config.public_url, config.listen.web.ip()) {
        (Some(origin), _) => vec![host(origin).to_owned()],
        (None, _) if config.tls != Some(Certificate::SelfSigned) => Vec::new(),
        (None, ip) if ip.is_unspecified() => vec!["localhost".to_owned()],
        (None, ip) => vec![ip.to_string()],
    }
}

/// What a certificate of our own is for.
fn own_names(config: &Config) -> Vec<String> {
    let mut names = wanted_names(config);
    names.extend(["localhost", "127.0.0.1", "::1"].map(str::to_owned));
    names.extend(crate::host::name());
    names.sort();
    names.dedup();
    names
}

/// Without port and brackets.
fn host(origin: &Origin) -> &str {
    let authority = origin.authority.as_str();
    match authority.strip_prefix('[') {
        Some(bracketed) => bracketed.split(']').next().unwrap_or(bracketed),
        None => authority.split(':').next().unwrap_or(authority),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn the_host_of_an_address_is_found() {
        for (url, wanted) in [
            ("https://shell.example.org", "shell.example.org"),
            ("https://shell.example.org:8443", "shell.example.org"),
            ("https://[2001:db8::1]:8443/", "2001:db8::1"),
            ("https://[2001:db8::1]", "2001:db8::1"),
            ("https://192.0.2.1:1", "192.0.2.1"),
        ] {
            assert_eq!(host(&Origin::read(url).unwrap()), wanted);
        }
    }
}
