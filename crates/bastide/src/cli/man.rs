//! `bastide man`

use std::path::PathBuf;

use anyhow::Context;
use clap::{Args, CommandFactory};

use super::exit::{DONE, Outcome};
use super::{Cli, output};

/// Print the manual page, or write the pages of all commands
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  bastide man | man -l -\n  bastide man --dir ~/.local/share/man/man1")]
pub(crate) struct Man {
    /// Write bastide.1, bastide-new.1 and so on here instead of printing the first
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,
}

impl Man {
    pub(crate) fn run(self) -> Outcome {
        let command = Cli::command();
        match self.dir {
            Some(dir) => {
                std::fs::create_dir_all(&dir).with_context(|| format!("cannot create {}", dir.display()))?;
                clap_mangen::generate_to(command, &dir)
                    .with_context(|| format!("cannot write to {}", dir.display()))?;
            }
            None => {
                let mut page = Vec::new();
                clap_mangen::Man::new(command).render(&mut page).context("cannot write the page")?;
                output::print(&page)?;
            }
        }
        Ok(DONE)
    }
}
