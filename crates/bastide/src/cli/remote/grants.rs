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
  bastide grants add --group ops --everywhere --during 22:00-06:00/Europe/Paris
  bastide grants add --user bob --on web1 --rights upload --from 10.0.0.0/8
  bastide grants rm 3

For administrators. Without --credential a grant gives the server's default one. A grant that is taken away
ends the terminals that were opened by it.";

/// Who may do what on which servers
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
    /// Let somebody do something on a server, on all with a tag, of a group, or on all
    Add(Box<Add>),
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
    /// Every server of this group of servers
    #[arg(long, value_name = "GROUP", group = "where")]
    server_group: Option<String>,
    /// Every server
    #[arg(long, group = "where")]
    everywhere: bool,
    /// What is granted, with commas between: connect, write, observe, upload, download, forward, execute, manage
    /// [default: connect,write,execute]
    #[arg(long, value_name = "RIGHTS", value_delimiter = ',')]
    rights: Vec<String>,
    /// Number of a credential, instead of the server's default one; may be given several times
    #[arg(long, value_name = "ID")]
    credential: Vec<i64>,
    /// With any credential
    #[arg(long, conflicts_with = "credential")]
    any_credential: bool,
    #[command(flatten)]
    limits: Limits,
    /// Print a JSON object
    #[arg(long)]
    json: bool,
}

/// When, and from where.
#[derive(Debug, Args)]
struct Limits {
    /// Only then: days, hours and time zone, as in mon,fri/09:00-17:00/Europe/Paris; without days it is every day;
    /// may be given several times
    #[arg(long, value_name = "HOURS", value_parser = hours)]
    during: Vec<Value>,
    /// Only from this network, as in 10.0.0.0/8; may be given several times
    #[arg(long, value_name = "NETWORK")]
    from: Vec<String>,
    /// When it ends (RFC 3339)
    #[arg(long, value_name = "TIME")]
    expires: Option<Timestamp>,
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
                match (&grant["server_id"], &grant["tag"], &grant["server_group"]) {
                    (Value::Null, Value::Null, Value::Null) => "everywhere".to_owned(),
                    (Value::Null, Value::Null, group) => format!("servers of {}", shown::words(group)),
                    (Value::Null, tag, _) => format!("tag {}", shown::words(tag)),
                    (id, ..) => name(&servers, id, "/name"),
                },
                shown::words(&grant["rights"]),
                match (&grant["any_credential"], shown::words(&grant["credential_ids"])) {
                    (Value::Bool(true), _) => "any".to_owned(),
                    (_, ids) if ids.is_empty() => "default".to_owned(),
                    (_, ids) => ids,
                },
                limits(grant),
                shown::when(grant, "/expires", now),
                shown::text(grant, "/created_by"),
            ]
        };
        let head = ["ID", "WHO", "WHERE", "RIGHTS", "CREDENTIAL", "ONLY", "EXPIRES", "BY"];
        shown::table(&head, grants.iter().map(row).collect(), "no grants")?;
        Ok(DONE)
    }
}

/// When and from where only.
fn limits(grant: &Value) -> String {
    let hours = |one: &Value| {
        let days = shown::words(&one["days"]);
        let days = if days.is_empty() { days } else { format!("{days} ") };
        format!(
            "{days}{}-{} {}",
            shown::words(&one["from"]),
            shown::words(&one["to"]),
            shown::words(&one["zone"])
        )
    };
    let times = grant["times"].as_array().into_iter().flatten().map(hours);
    let networks = grant["networks"].as_array().into_iter().flatten().map(shown::words);
    times.chain(networks).collect::<Vec<_>>().join("; ")
}

/// `mon,fri/09:00-17:00/Europe/Paris`; the days may be missing.
fn hours(text: &str) -> Result<Value, String> {
    let wrong = || "not as in mon,fri/09:00-17:00/Europe/Paris".to_owned();
    let (first, rest) = text.split_once('/').ok_or_else(wrong)?;
    let (days, span, zone) = match first.contains(':') {
        true => ("", first, rest),
        false => rest.split_once('/').map(|(span, zone)| (first, span, zone)).ok_or_else(wrong)?,
    };
    let (from, to) = span.split_once('-').ok_or_else(wrong)?;
    let days: Vec<_> = days.split(',').filter(|day| !day.is_empty()).collect();
    Ok(json!({ "days": days, "from": from, "to": to, "zone": zone }))
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
        if let Some(group) = self.server_group {
            wanted.insert("server_group".to_owned(), json!(group));
        }
        wanted.insert("everywhere".to_owned(), json!(self.everywhere));
        if !self.rights.is_empty() {
            wanted.insert("rights".to_owned(), json!(self.rights));
        }
        wanted.insert("credential_ids".to_owned(), json!(self.credential));
        wanted.insert("any_credential".to_owned(), json!(self.any_credential));
        wanted.insert("times".to_owned(), json!(self.limits.during));
        wanted.insert("networks".to_owned(), json!(self.limits.from));
        if let Some(expires) = self.limits.expires {
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
