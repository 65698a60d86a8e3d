//! Speed and memory beside peers: `bastide-bench` measures the whole table and writes
//! `bench/RESULTS.md`; `bastide-bench soak` is the long round of churning sessions.
//!
//! It uses the daemon as any client does, over its socket. The programs that run inside the
//! measured terminals are this binary too, started again (see `inside.rs`).

#![forbid(unsafe_code)]
#![allow(clippy::print_stdout, clippy::print_stderr)]

mod bare;
mod bridge;
mod corpus;
mod daemon;
mod inside;
mod machine;
mod page;
mod path;
mod peers;
mod report;
mod rows;
mod server;
mod soak;
mod ssh;
mod stats;
mod wire;

use std::path::PathBuf;

use anyhow::Result;
use clap::{Args, Parser, Subcommand};

#[derive(Debug, Parser)]
#[command(name = "bastide-bench", about = "Measures the session daemon beside its peers")]
struct Cli {
    #[command(flatten)]
    table: Table,
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, Args)]
struct Table {
    /// Rows to measure, by name; all when none is named. Only a whole table is written to the file.
    #[arg(long = "only", visible_alias = "row", value_name = "NAME")]
    rows: Vec<String>,
    /// The `bastide` binary; the one beside this binary when absent.
    #[arg(long, env = "BASTIDE_BIN")]
    bin: Option<PathBuf>,
    /// Interleaved rounds of the bulk rows.
    #[arg(long, default_value_t = 7)]
    rounds: usize,
    /// Megabytes of corpus.
    #[arg(long, default_value_t = 100)]
    megabytes: usize,
    /// Where the table goes.
    #[arg(long, default_value = "bench/RESULTS.md")]
    out: PathBuf,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Churning sessions for a long time; memory, descriptors and tasks must stay flat.
    Soak(soak::Soak),
    /// Programs that run inside the measured terminals.
    #[command(hide = true, subcommand)]
    Inside(inside::Inside),
}

fn main() -> Result<()> {
    let cli = Cli::parse();
    match cli.command {
        Some(Command::Inside(program)) => inside::run(program),
        Some(Command::Soak(soak)) => soak::run(&soak, cli.table.bin),
        None => table(&cli.table),
    }
}

fn table(options: &Table) -> Result<()> {
    let corpus = corpus::cached(options.megabytes)?;
    let bench = rows::Bench { binary: daemon::binary(options.bin.clone())?, corpus, rounds: options.rounds };
    let before = machine::describe();
    println!("{before}");
    let measured = rows::measure(&bench, &options.rows)?;
    let table = report::table(&measured);
    println!("\n{table}");
    if options.rows.is_empty() {
        std::fs::write(&options.out, report::page(&before, &table))?;
        println!("written to {}", options.out.display());
    }
    Ok(())
}
