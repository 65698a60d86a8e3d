//! `cargo xtask reference`: the pages of the guide that are made from code, and the check that they are current.

use std::path::Path;

use anyhow::{Context, Result};

mod commands;
mod settings;

/// Write the pages, or with `check` only compare. `false`: one is out of date.
pub(crate) fn run(root: &Path, check: bool) -> Result<bool> {
    let settings = put(root, settings::PAGE, &settings::page(root)?, check)?;
    let commands = put(root, commands::PAGE, &commands::page(root)?, check)?;
    Ok(settings && commands)
}

fn put(root: &Path, name: &str, page: &str, check: bool) -> Result<bool> {
    let path = root.join(name);
    if std::fs::read_to_string(&path).is_ok_and(|old| old == page) {
        return Ok(true);
    }
    if check {
        say(&format!("{name} is out of date: run `cargo xtask reference`"));
        return Ok(false);
    }
    std::fs::write(&path, page).with_context(|| name.to_owned())?;
    say(&format!("wrote {name}"));
    Ok(true)
}

#[expect(clippy::print_stdout, reason = "a command line program")]
fn say(text: &str) {
    println!("{text}");
}
