//! Crates depend downward only, and each large library has one crate that knows it. ARCHITECTURE.md draws it.

use std::path::Path;

use anyhow::{Context, Result};
use toml::Table;

use super::Finding;

/// Every crate and its layer. A crate may use what lies below it.
const LAYERS: [(&str, u8); 21] = [
    ("bastide-wire", 0),
    ("bastide-vt", 0),
    ("bastide-policy", 0),
    ("bastide-rt", 1),
    ("bastide-pty", 1),
    ("bastide-record", 1),
    ("bastide-audit", 1),
    ("bastide-store", 1),
    ("bastide-ssh", 1),
    ("bastide-vault", 1),
    ("bastide-oidc", 1),
    ("bastide-session", 2),
    ("bastide-ptyd", 2),
    ("bastide-ptyd-client", 2),
    ("bastide-app", 3),
    ("bastide-api", 4),
    ("bastide-gate", 4),
    ("bastide", 5),
    // Not part of the program.
    ("bastide-testkit", 6),
    ("bastide-bench", 7),
    ("bastide-fuzz", 7),
];

/// From this layer on nothing is part of the program, and may look at any library.
const FIRST_OUTSIDE: u8 = 6;

/// The only uses inside one layer: the daemon is made of sessions, and connections are kept by tasks.
const SIDEWAYS: [(&str, &str); 2] = [("bastide-ptyd", "bastide-session"), ("bastide-ssh", "bastide-rt")];

/// Dependencies for tests may also use what is for tests.
const FOR_TESTS: [&str; 2] = ["bastide-testkit", "bastide-ptyd-client"];

/// Libraries that exactly these crates may know: what they offer is hidden behind our own types.
const CONFINED: [(&str, &[&str]); 17] = [
    // Only to compare with: see TESTS_ONLY.
    ("alacritty_terminal", &["bastide-vt"]),
    ("avt", &["bastide-vt"]),
    ("brush-parser", &["bastide-policy"]),
    ("landlock", &["bastide-pty"]),
    ("axum", &["bastide-api"]),
    ("tower-http", &["bastide-api"]),
    ("rust-embed", &["bastide-api"]),
    // The server, and the command line that knows a server by its fingerprint.
    ("rustls", &["bastide-api", "bastide"]),
    ("sqlx", &["bastide-store"]),
    ("argon2", &["bastide-app"]),
    // The command line, and what speaks to a provider of single sign-on.
    ("reqwest", &["bastide", "bastide-oidc"]),
    ("jsonwebtoken", &["bastide-oidc"]),
    ("russh", &["bastide-ssh", "bastide-gate"]),
    ("cedar-policy", &["bastide-app"]),
    ("webauthn-rs", &["bastide-app"]),
    ("chacha20poly1305", &["bastide-vault"]),
    ("socketioxide", &["bastide-api"]),
];

/// Libraries that no part of the program is made of.
const TESTS_ONLY: [&str; 3] = ["alacritty_terminal", "avt", "proptest"];

/// Crates whose dependencies nobody limits: they only look at the others from outside.
const OUTSIDE: [&str; 1] = ["xtask"];

pub(super) fn check(root: &Path) -> Result<Vec<Finding>> {
    let mut manifests = vec!["bench/Cargo.toml".to_owned(), "fuzz/Cargo.toml".to_owned()];
    for entry in std::fs::read_dir(root.join("crates")).context("crates")? {
        manifests.push(format!("crates/{}/Cargo.toml", entry?.file_name().to_string_lossy()));
    }
    manifests.sort();
    let mut findings = Vec::new();
    for manifest in manifests {
        let text = std::fs::read_to_string(root.join(&manifest)).with_context(|| manifest.clone())?;
        findings.extend(manifest_findings(&manifest, &text)?);
    }
    Ok(findings)
}

/// What is wrong with one Cargo.toml.
pub(super) fn manifest_findings(path: &str, text: &str) -> Result<Vec<Finding>> {
    let manifest: Table = text.parse().with_context(|| path.to_owned())?;
    let name = manifest
        .get("package")
        .and_then(|package| package.get("name"))
        .and_then(|name| name.as_str())
        .with_context(|| format!("{path}: no package name"))?;
    if OUTSIDE.contains(&name) {
        return Ok(Vec::new());
    }
    let Some(layer) = layer_of(name) else {
        return Ok(vec![Finding::rule(
            path,
            0,
            format!("`{name}` has no layer: give it one in layers.rs and ARCHITECTURE.md"),
        )]);
    };
    let mut findings = Vec::new();
    for section in ["dependencies", "build-dependencies", "dev-dependencies"] {
        let tests = section == "dev-dependencies";
        let table = manifest.get(section).and_then(|table| table.as_table());
        for used in table.into_iter().flat_map(Table::keys) {
            let text = match layer_of(used) {
                Some(below) => may_use((name, layer), (used, below), tests),
                None if layer < FIRST_OUTSIDE => may_know(name, used, tests),
                None => None,
            };
            findings.extend(text.map(|text| Finding::rule(path, 0, text)));
        }
    }
    Ok(findings)
}

fn layer_of(name: &str) -> Option<u8> {
    LAYERS.iter().find(|(known, _)| *known == name).map(|(_, layer)| *layer)
}

fn may_use(user: (&str, u8), used: (&str, u8), tests: bool) -> Option<String> {
    let allowed =
        used.1 < user.1 || SIDEWAYS.contains(&(user.0, used.0)) || (tests && FOR_TESTS.contains(&used.0));
    (!allowed).then(|| {
        format!("`{}` (layer {}) uses `{}` (layer {}): depend downward only", user.0, user.1, used.0, used.1)
    })
}

fn may_know(name: &str, library: &str, tests: bool) -> Option<String> {
    if TESTS_ONLY.contains(&library) && !tests {
        return Some(format!("`{library}` is for tests only"));
    }
    let (_, crates) = CONFINED.iter().find(|(confined, _)| *confined == library)?;
    (!crates.contains(&name)).then(|| format!("`{library}` is known to {} only", crates.join(", ")))
}
