//! `bastide users identities`

use clap::Args;
use jiff::Timestamp;
use serde_json::{Value, json};

use super::path;
use crate::cli::exit::{DONE, Failure, Outcome};
use crate::cli::output;
use crate::cli::remote::client::Client;
use crate::cli::remote::{person, shown};

#[derive(Debug, Args)]
pub(super) struct Identities {
    /// Name or number
    user: String,
    /// Let this subject (the claim `sub`) of the provider in as this person
    #[arg(long, value_name = "SUBJECT", conflicts_with = "remove")]
    add: Option<String>,
    /// Take this subject from them; they are logged out
    #[arg(long, value_name = "SUBJECT")]
    remove: Option<String>,
    /// Print a JSON array
    #[arg(long)]
    json: bool,
}

impl Identities {
    pub(super) async fn run(self, client: &Client) -> Outcome {
        let user = person::find(client, &self.user).await?;
        let place = format!("{}/identities", path(&user));
        let name = shown::text(&user, "/username");
        if let Some(subject) = &self.add {
            client.post(&place, &json!({ "subject": subject })).await?;
            output::remark(&format!("{subject} gets in as {name}"));
            return Ok(DONE);
        }
        let known = client.get(&place).await?;
        let known = known["items"].as_array().cloned().unwrap_or_default();
        if let Some(subject) = &self.remove {
            let found = known.iter().find(|one| one["subject"] == subject.as_str());
            let found = found.ok_or_else(|| Failure::text(format!("{name} has no identity {subject}")))?;
            client.delete(&format!("{place}/{}", found["id"])).await?;
            output::remark(&format!("{subject} does not get in as {name} any more"));
            return Ok(DONE);
        }
        if self.json {
            output::json(&known)?;
            return Ok(DONE);
        }
        let now = Timestamp::now();
        let row = |one: &Value| {
            vec![
                shown::text(one, "/subject"),
                shown::text(one, "/name"),
                shown::text(one, "/issuer"),
                shown::text(one, "/linked_by"),
                shown::when(one, "/last_used", now),
            ]
        };
        let head = ["SUBJECT", "NAME", "ISSUER", "LINKED BY", "LAST USED"];
        let nobody = format!("the provider knows nobody as {name}");
        shown::table(&head, known.iter().map(row).collect(), &nobody)?;
        Ok(DONE)
    }
}
