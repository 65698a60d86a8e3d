//! `bastide reach`

use clap::Args;
use jiff::Timestamp;
use serde_json::Value;

use super::client::MOST;
use super::{At, person, servers, shown};
use crate::cli::exit::{DONE, Outcome};
use crate::cli::output;

const AFTER_HELP: &str = "\
Examples:
  bastide reach --on web1
  bastide reach --user ada";

/// Who can reach a server, or what a person can reach, and why
#[derive(Debug, Args)]
#[command(after_help = AFTER_HELP, group(clap::ArgGroup::new("of").required(true)))]
pub(crate) struct Reach {
    #[command(flatten)]
    at: At,
    /// Who can reach this server, by name or number
    #[arg(long, value_name = "SERVER", group = "of")]
    on: Option<String>,
    /// What this person can reach, by name or number
    #[arg(long, group = "of")]
    user: Option<String>,
    /// Print a JSON array
    #[arg(long)]
    json: bool,
}

impl Reach {
    pub(crate) async fn run(self) -> Outcome {
        let client = self.at.client()?;
        let (path, head) = match (&self.on, &self.user) {
            (Some(server), _) => {
                let id = servers::find(&client, server).await?["id"].clone();
                (format!("/api/v1/servers/{id}/access"), "USER")
            }
            (None, user) => {
                let id = person::find(&client, user.as_deref().unwrap_or_default()).await?["id"].clone();
                (format!("/api/v1/users/{id}/access"), "SERVER")
            }
        };
        let found = client.list(&path, "items", &[], MOST).await?;
        if self.json {
            output::json(&found)?;
            return Ok(DONE);
        }
        let now = Timestamp::now();
        let rows = found.iter().flat_map(|one| {
            let because = one["because"].as_array().into_iter().flatten();
            because.map(|why| row(&one["who"], why, now))
        });
        let head = [head, "BY", "ON", "RIGHTS", "CREDENTIAL", "HOLDS", "EXPIRES"];
        shown::table(&head, rows.collect(), "nobody")?;
        Ok(DONE)
    }
}

/// One reason.
fn row(who: &Value, why: &Value, now: Timestamp) -> Vec<String> {
    let by = match (why["role"].as_str(), why["group"].as_str()) {
        (Some(role), _) => format!("role {role}"),
        (None, Some(group)) => format!("grant {} to group {group}", why["grant_id"]),
        (None, None) => format!("grant {}", why["grant_id"]),
    };
    let holds = match why["holds"].as_str() {
        Some("network") => format!("from {}", shown::words(&why["networks"])),
        Some("hours") => "not at this hour".to_owned(),
        other => other.unwrap_or_default().to_owned(),
    };
    vec![
        shown::text(who, "/name"),
        by,
        shown::text(why, "/on"),
        shown::words(&why["rights"]),
        shown::text(why, "/credentials"),
        holds,
        shown::when(why, "/expires", now),
    ]
}
