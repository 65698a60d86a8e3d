//! Finding and reading the Rust files of the repository.

use std::path::Path;

use anyhow::{Context, Result};

/// Where Rust files lie.
const ROOTS: [&str; 3] = ["crates", "bench", "fuzz"];
/// Folders that hold no sources of ours.
const SKIPPED: [&str; 3] = ["target", "node_modules", "corpus"];

/// One Rust file.
#[derive(Debug)]
pub(crate) struct Source {
    /// Relative to the root, with `/`.
    pub(crate) path: String,
    pub(crate) text: String,
}

impl Source {
    /// The crate's folder: `crates/vt` for `crates/vt/src/lib.rs`, `bench` for `bench/src/main.rs`.
    pub(crate) fn folder(&self) -> &str {
        let depth = if self.path.starts_with("crates/") { 2 } else { 1 };
        let end = self.path.match_indices('/').nth(depth - 1).map_or(self.path.len(), |(at, _)| at);
        &self.path[..end]
    }
}

/// Every Rust file below the roots, in the order of their paths.
pub(crate) fn read(root: &Path) -> Result<Vec<Source>> {
    let mut found = Vec::new();
    for folder in ROOTS {
        walk(root, &root.join(folder), &mut found)?;
    }
    found.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(found)
}

fn walk(root: &Path, folder: &Path, found: &mut Vec<Source>) -> Result<()> {
    let entries = std::fs::read_dir(folder).with_context(|| folder.display().to_string())?;
    for entry in entries {
        let entry = entry?;
        let path = entry.path();
        if entry.file_type()?.is_dir() {
            if !SKIPPED.iter().any(|skipped| entry.file_name() == *skipped) {
                walk(root, &path, found)?;
            }
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let relative = path.strip_prefix(root).expect("found below the root");
            let text = std::fs::read_to_string(&path).with_context(|| path.display().to_string())?;
            found.push(Source { path: relative.to_string_lossy().replace('\\', "/"), text });
        }
    }
    Ok(())
}
