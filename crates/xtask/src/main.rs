//! Checks of the repository itself: budgets, layers, names, and the pages made from code.
//!
//! It reads sources and manifests as text and must not know any other crate of the workspace:
//! it has to build and run while they do not.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

mod reference;
mod sources;
mod tidy;

const USAGE: &str = "usage: cargo xtask tidy | reference [--check]";

fn main() -> ExitCode {
    let root = repository_root();
    let words: Vec<String> = std::env::args().skip(1).collect();
    let done = match words.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["tidy"] => tidy::run(&root),
        ["reference"] => reference::run(&root, false),
        ["reference", "--check"] => reference::run(&root, true),
        _ => {
            complain(USAGE);
            return ExitCode::from(2);
        }
    };
    match done {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            complain(&format!("xtask: {error:#}"));
            ExitCode::FAILURE
        }
    }
}

/// The workspace that cargo runs this in; the one it was built from when it is started without cargo.
fn repository_root() -> PathBuf {
    let here = std::env::var_os("CARGO_MANIFEST_DIR").map(PathBuf::from);
    let here = here.unwrap_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).to_path_buf());
    here.ancestors().nth(2).expect("crates/xtask lies two levels below the root").to_path_buf()
}

#[expect(clippy::print_stderr, reason = "a command line program")]
fn complain(text: &str) {
    eprintln!("{text}");
}
