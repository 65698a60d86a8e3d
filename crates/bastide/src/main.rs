//! One program between people and their machines: terminals that stay, recorded and shared.

mod cli;
mod env;
mod host;
mod serve;

use std::process::ExitCode;

use clap::Parser;

/// Not a command for people: what the sessions daemon starts for each session under the gate.
const GATE: &str = "gate";

fn main() -> ExitCode {
    // Before anything else is touched: there is one such process for each session, so it stays small.
    if std::env::args_os().nth(1).is_some_and(|command| command == GATE) {
        return bastide_pty::gate::supervise();
    }
    let result = cli::run(cli::Cli::parse());
    cli::exit::code(result)
}
