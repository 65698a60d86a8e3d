//! `bastide alerts`

use clap::Args;
use jiff::Timestamp;
use serde_json::Value;

use super::{At, shown};
use crate::cli::exit::{DONE, Outcome};
use crate::cli::output;

const AFTER_HELP: &str = "\
Examples:
  bastide alerts
  bastide alerts -n 1000 --json

For reviewers and administrators.";

/// Refused commands, and what failed in controlling them
#[derive(Debug, Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct Alerts {
    #[command(flatten)]
    at: At,
    /// How many at most, the newest first
    #[arg(short = 'n', long, value_name = "N", default_value_t = 50)]
    most: usize,
    /// Print a JSON array
    #[arg(long)]
    json: bool,
}

impl Alerts {
    pub(crate) async fn run(self) -> Outcome {
        let client = self.at.client()?;
        let found = client.list("/api/v1/alerts", "alerts", &[], self.most).await?;
        if self.json {
            output::json(&found)?;
            return Ok(DONE);
        }
        let now = Timestamp::now();
        let row = |one: &Value| {
            let (severity, kind) = (shown::text(one, "/severity"), shown::text(one, "/kind"));
            let (user, server) = (shown::text(one, "/user/name"), shown::text(one, "/server/name"));
            let when = shown::when(one, "/at", now);
            vec![when, severity, kind, user, server, shown::text(one, "/rule"), shown::text(one, "/text")]
        };
        let head = ["WHEN", "SEVERITY", "KIND", "USER", "SERVER", "RULE", "WHAT"];
        shown::table(&head, found.iter().map(row).collect(), "no alerts")?;
        Ok(DONE)
    }
}
