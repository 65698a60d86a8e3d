//! One program between people and their machines: terminals that stay, recorded and shared.

mod cli;
mod env;
mod host;
mod serve;

use std::process::ExitCode;

use clap::Parser;

fn main() -> ExitCode {
    let result = cli::run(cli::Cli::parse());
    cli::exit::code(result)
}
