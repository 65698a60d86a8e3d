//! `bastide completions`

use clap::{Args, CommandFactory};
use clap_complete::Shell;

use super::exit::{DONE, Outcome};
use super::{Cli, output};

const AFTER_HELP: &str = "\
Examples:
  bastide completions bash > ~/.local/share/bash-completion/completions/bastide
  bastide completions zsh > \"${fpath[1]}/_bastide\"
  bastide completions fish > ~/.config/fish/completions/bastide.fish";

/// Print a completion script for a shell
#[derive(Debug, Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct Completions {
    shell: Shell,
}

impl Completions {
    pub(crate) fn run(self) -> Outcome {
        let mut script = Vec::new();
        clap_complete::generate(self.shell, &mut Cli::command(), "bastide", &mut script);
        output::print(&script)?;
        Ok(DONE)
    }
}
