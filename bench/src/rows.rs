//! The rows of the table, each measured by itself.

mod bulk;
mod connect;
mod door;
mod echo;
mod files;
mod first_page;
mod gate;
mod memory;
mod neighbours;
mod packing;
mod people;
mod policy;
mod reattach;
mod rights;
mod ssh;
mod terminals;
mod viewers;
mod websocket;

use std::path::PathBuf;

use anyhow::{Context, Result, bail};

use crate::corpus::Corpus;
use crate::report::Row;

/// What every row needs.
#[derive(Debug)]
pub(crate) struct Bench {
    pub(crate) binary: PathBuf,
    pub(crate) corpus: Corpus,
    pub(crate) rounds: usize,
}

impl Bench {
    pub(crate) fn corpus_file(&self) -> Result<&str> {
        self.corpus.path.to_str().context("temporary directory with a strange name")
    }
}

type Measure = fn(&Bench) -> Result<Vec<Row>>;

/// Names for `--only`, in the order of the table.
const ROWS: [(&str, Measure); 24] = [
    ("bulk", bulk::measure),
    ("echo", echo::measure),
    ("reattach", reattach::measure),
    ("viewers", viewers::measure),
    ("memory", memory::measure),
    ("connect", connect::measure),
    ("neighbours", neighbours::measure),
    ("websocket", websocket::measure),
    ("terminals", terminals::measure),
    ("people", people::measure),
    ("packing", packing::measure),
    ("policy-line", policy::measure),
    ("first-page", first_page::measure),
    ("ssh-open", ssh::open::measure),
    ("ssh-echo", ssh::echo::measure),
    ("ssh-bulk", ssh::bulk::measure),
    ("ssh-idle", ssh::idle::measure),
    ("gate", gate::measure),
    ("door-session", door::session),
    ("door-echo", door::echo),
    ("door-bulk", door::bulk),
    ("rights", rights::measure),
    ("download", files::download),
    ("upload", files::upload),
];

pub(crate) fn measure(bench: &Bench, names: &[String]) -> Result<Vec<Row>> {
    if let Some(unknown) = names.iter().find(|name| ROWS.iter().all(|(known, _)| known != name)) {
        bail!("no row is named {unknown}; there are: {}", ROWS.map(|(name, _)| name).join(", "));
    }
    let mut all = Vec::new();
    for (name, measure) in ROWS {
        if names.is_empty() || names.iter().any(|wanted| wanted == name) {
            eprintln!("measuring: {name}");
            match measure(bench).with_context(|| format!("row {name}")) {
                Ok(rows) => all.extend(rows),
                // One that cannot be measured here does not take the others with it.
                Err(error) if names.is_empty() => {
                    eprintln!("  {error:#}");
                    all.push(Row::new(name, format!("not measured: {}", error.root_cause())));
                }
                Err(error) => return Err(error),
            }
        }
    }
    Ok(all)
}
