//! `bastide verify`

use std::path::PathBuf;

use clap::Args;
use serde_json::json;

use super::exit::{DONE, Failure, Outcome};
use super::output;

/// Prove that nothing in a log was changed, removed or reordered
///
/// Works from the files alone, without a daemon. The first entry that does not fit is named.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  bastide verify ~/.local/state/bastide/ptyd/log")]
pub(crate) struct Verify {
    /// The directory of the log
    dir: PathBuf,
    #[arg(long)]
    json: bool,
}

impl Verify {
    pub(crate) fn run(self) -> Outcome {
        let found = bastide_audit::verify(&self.dir).map_err(|fault| Failure::text(fault.to_string()))?;
        if self.json {
            output::json(&json!({
                "entries": found.entries,
                "first_seq": found.first_seq,
                "last_seq": found.last_seq,
                "last_hash": found.last_hash.to_string(),
                "torn_bytes": found.torn_bytes,
            }))?;
        } else {
            let range = match (found.first_seq, found.last_seq) {
                (Some(first), Some(last)) => format!(", {first} to {last}"),
                _ => String::new(),
            };
            output::line(&format!("{} entries{range}, whole and in order", found.entries))?;
            output::line(&format!("last hash {}", found.last_hash))?;
        }
        if found.torn_bytes > 0 {
            output::remark(&format!(
                "{} bytes after it are an entry that was not finished",
                found.torn_bytes
            ));
        }
        Ok(DONE)
    }
}
