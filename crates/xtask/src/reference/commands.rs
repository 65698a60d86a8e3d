//! The page of commands, made from the program's own help.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail, ensure};

pub(super) const PAGE: &str = "docs/guide/cli.md";
const HEAD: &str =
    "# Commands\n\nMade from the program's own help by `cargo xtask reference`; do not edit.\n";

/// Subcommands of subcommands and no deeper: a loop in the help must not become one here.
const MAX_DEPTH: usize = 3;

/// The whole page.
pub(super) fn page(root: &Path) -> Result<String> {
    let mut page = HEAD.to_owned();
    describe(&program(root)?, &mut Vec::new(), &mut page)?;
    Ok(page)
}

/// What was built for the tests; `BASTIDE_BIN` names another one.
fn program(root: &Path) -> Result<PathBuf> {
    let path = match std::env::var_os("BASTIDE_BIN") {
        Some(path) => PathBuf::from(path),
        None => root.join("target/debug/bastide"),
    };
    ensure!(path.exists(), "{} is not there: build it first (cargo build)", path.display());
    Ok(path)
}

fn describe(program: &Path, words: &mut Vec<String>, page: &mut String) -> Result<()> {
    let help = help(program, words)?;
    let title =
        std::iter::once("bastide").chain(words.iter().map(String::as_str)).collect::<Vec<_>>().join(" ");
    page.push_str(&format!("\n## {title}\n\n```text\n{}\n```\n", help.trim_end()));
    ensure!(words.len() < MAX_DEPTH, "`{title}` is nested too deeply");
    for name in subcommands(&help) {
        words.push(name);
        describe(program, words, page)?;
        words.pop();
    }
    Ok(())
}

/// The long help, in an environment of its own: defaults shown in it must not depend on this machine.
fn help(program: &Path, words: &[String]) -> Result<String> {
    let output = Command::new(program)
        .args(words)
        .arg("--help")
        .env_clear()
        .env("HOME", "/home/you")
        .output()
        .with_context(|| program.display().to_string())?;
    if !output.status.success() {
        bail!("`{} --help` failed: {}", words.join(" "), String::from_utf8_lossy(&output.stderr).trim());
    }
    let text = String::from_utf8(output.stdout).context("help is not UTF-8")?;
    Ok(text.lines().map(str::trim_end).collect::<Vec<_>>().join("\n"))
}

/// Names in the block that begins with `Commands:`.
fn subcommands(help: &str) -> Vec<String> {
    help.lines()
        .skip_while(|line| *line != "Commands:")
        .skip(1)
        .take_while(|line| !line.is_empty())
        .filter_map(|line| line.strip_prefix("  ").filter(|rest| !rest.starts_with(' ')))
        .filter_map(|line| line.split_whitespace().next())
        .filter(|name| *name != "help")
        .map(str::to_owned)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::subcommands;

    #[test]
    fn subcommands_are_read_from_the_commands_block_only() {
        let help = "Does things\n\nUsage: x\n\nCommands:\n  new     Make one\n            and more of it\n  ls      List  them\n  help    Print\n\nOptions:\n  -h\n";
        assert_eq!(subcommands(help), ["new", "ls"]);
        assert_eq!(subcommands("Usage: x\n"), Vec::<String>::new());
    }
}
