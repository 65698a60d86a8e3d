//! `bastide grants`

use clap::{Args, Subcommand};
use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::client::{Client, MOST};
use super::{At, groups, person, servers, shown};
use crate::cli::exit::{DONE, Outcome};
use crate::cli::output;

const AFTER_HELP: &str = "\
Examples:
  bastide grants
  bastide grants add --user ada --on web1
  bastide grants add --group ops --tag prod --expires 2027-01-01T00:00:00Z
  bastide grants rm 3

For administrators. Without --credential a grant gives the server's default one. A grant that is taken away
ends the terminals that were opened by it.";

/// Who may use which servers
#[derive(Debug, Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct Grants {
    #[command(flatten)]
    at: At,
    #[command(subcommand)]
    what: Option<What>,
    /// Print a JSON array
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Subcommand)]
enum What {
    /// List grants (without a command, too)
    Ls(List),
    /// Let somebody use a server, or all with a tag
    Add(Add),
    /// Take one away
    Rm(Remove),
}

#[derive(Debug, Args)]
struct List {
    /// Print a JSON array
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
#[command(group(clap::ArgGroup::new("who").required(true)), group(clap::ArgGroup::new("where").required(true)))]
struct Add {
    /// A person, by name or number
    #[arg(long, group = "who")]
    user: Option<String>,
    /// A group, by name or number
    #[arg(long, group = "who")]
    group: Option<String>,
    /// A server, by name or number
    #[arg(long, value_name = "SERVER", group = "where")]
    on: Option<String>,
    /// Every server with this tag
    #[arg(long, group = "where")]
    tag: Option<String>,
    /// Number of a credential, instead of the server's default one
    #[arg(long, value_name = "ID")]
    credential: Option<i64>,
    /// When it ends (RFC 3339)
    #[arg(long, value_name = "TIME")]
    expires: Option<Timestamp>,
    /// Print a JSON object
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
struct Remove {
    /// Number of the grant
    id: i64,
}

impl Grants {
    pub(crate) async fn run(self) -> Outcome {
        let client = self.at.client()?;
        match self.what {
            None => List { json: self.json }.run(&client).await,
            Some(What::Ls(list)) => list.run(&client).await,
            Some(What::Add(add)) => add.run(&client).await,
            Some(What::Rm(Remove { id })) => {
                client.delete(&format!("/api/v1/grants/{id}")).await?;
                output::remark(&format!("took grant {id} away"));
                Ok(DONE)
            }
        }
    }
}

impl List {
    async fn run(self, client: &Client) -> Outcome {
        let grants = client.list("/api/v1/grants", "grants", &[], MOST).await?;
        if self.json {
            output::json(&grants)?;
            return Ok(DONE);
        }
        let (people, groups) = (person::all(client).await?, groups::all(client).await?);
        let servers = client.list("/api/v1/servers", "servers", &[], MOST).await?;
        let name = |all: &[Value], id: &Value, field: &str| {
            let found = all.iter().find(|one| one["id"] == *id);
            found.map_or_else(|| id.to_string(), |one| shown::text(one, field))
        };
        let now = Timestamp::now();
        let row = |grant: &Value| {
            vec![
                shown::text(grant, "/id"),
                match grant["user_id"].is_null() {
                    true => format!("group {}", name(&groups, &grant["group_id"], "/name")),
                    false => name(&people, &grant["user_id"], "/username"),
                },
                match grant["server_id"].is_null() {
                    true => format!("tag {}", shown::text(grant, "/tag")),
                    false => name(&servers, &grant["server_id"], "/name"),
                },
                match grant["credential_id"].is_null() {
                    true => "default".to_owned(),
                    false => shown::text(grant, "/credential_id"),
                },
                shown::when(grant, "/expires", now),
                shown::text(grant, "/created_by"),
            ]
        };
        let head = ["ID", "WHO", "WHERE", "CREDENTIAL", "EXPIRES", "BY"];
        shown::table(&head, grants.iter().map(row).collect(), "no grants")?;
        Ok(DONE)
    }
}

impl Add {
    async fn run(self, client: &Client) -> Outcome {
        let mut wanted = Map::new();
        if let Some(user) = &self.user {
            wanted.insert("user_id".to_owned(), person::find(client, user).await?["id"].clone());
        }
        if let Some(group) = &self.group {
            wanted.insert("group_id".to_owned(), groups::find(client, group).await?["id"].clone());
        }
        if let Some(server) = &self.on {
            wanted.insert("server_id".to_owned(), servers::find(client, server).await?["id"].clone());
        }
        if let Some(tag) = self.tag {
            wanted.insert("tag".to_owned(), json!(tag));
        }
        if let Some(credential) = self.credential {
            wanted.insert("credential_id".to_owned(), json!(credential));
        }
        if let Some(expires) = self.expires {
            wanted.insert("expires".to_owned(), json!(expires));
        }
        let grant = client.post("/api/v1/grants", &Value::Object(wanted)).await?;
        if self.json {
            output::json(&grant)?;
        } else {
            output::remark(&format!("made grant {}", grant["id"]));
        }
        Ok(DONE)
    }
}
