//! `cargo xtask tidy`: what the compiler and clippy do not check. STYLE.md explains the rules.

use std::path::Path;

use anyhow::{Context, Result};

use crate::sources::{self, Source};

mod budgets;
mod exceptions;
mod layers;
mod names;
#[cfg(test)]
mod tests;

/// The list of allowed excesses, relative to the root.
const EXCEPTIONS: &str = "crates/xtask/tidy-exceptions.txt";

/// ARCHITECTURE.md is read in one sitting or not at all.
const ARCHITECTURE_LINES: usize = 300;

/// A rule that is broken somewhere. `budget` is there for what an exception can allow.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Finding {
    /// Path relative to the root, with `/`.
    pub(crate) file: String,
    /// 1-based; 0 means the file as a whole.
    pub(crate) line: usize,
    pub(crate) text: String,
    pub(crate) budget: Option<Excess>,
}

/// How far something is over a budget: what an exception names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Excess {
    /// `lines`, `function`, `parameters`, `nesting`, `variants` or `fields`.
    pub(crate) kind: &'static str,
    /// The item's path inside its file (`Session::input`), or `-` for the file.
    pub(crate) item: String,
    pub(crate) actual: usize,
}

impl Finding {
    fn rule(file: &str, line: usize, text: impl Into<String>) -> Self {
        Self { file: file.to_owned(), line, text: text.into(), budget: None }
    }
}

/// Check the repository at `root`; print what is wrong. `false`: something is.
pub(crate) fn run(root: &Path) -> Result<bool> {
    let sources = sources::read(root)?;
    let mut findings = Vec::new();
    let mut advice = Vec::new();
    for source in &sources {
        findings.extend(names::check(source));
        match budgets::check(source) {
            Ok((over, large)) => {
                findings.extend(over);
                advice.extend(large);
            }
            Err(error) => findings.push(Finding::rule(&source.path, 0, format!("does not parse: {error}"))),
        }
    }
    findings.extend(layers::check(root)?);
    findings.extend(architecture(root)?);

    let list = std::fs::read_to_string(root.join(EXCEPTIONS)).with_context(|| EXCEPTIONS.to_owned())?;
    let mut findings = exceptions::apply(&list, findings);
    findings.sort_by(|a, b| (&a.file, a.line).cmp(&(&b.file, b.line)));
    report(&findings, &advice, sources.len());
    Ok(findings.is_empty())
}

fn architecture(root: &Path) -> Result<Vec<Finding>> {
    let name = "ARCHITECTURE.md";
    let lines = std::fs::read_to_string(root.join(name)).with_context(|| name.to_owned())?.lines().count();
    Ok((lines > ARCHITECTURE_LINES)
        .then(|| Finding::rule(name, 0, format!("{lines} lines; at most {ARCHITECTURE_LINES}")))
        .into_iter()
        .collect())
}

#[expect(clippy::print_stdout, reason = "a command line program")]
fn report(findings: &[Finding], advice: &[String], files: usize) {
    for line in advice {
        println!("note: {line}");
    }
    for finding in findings {
        println!("{}:{}: {}", finding.file, finding.line, finding.text);
    }
    println!("tidy: {files} files, {} findings", findings.len());
}
