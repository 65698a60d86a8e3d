//! `bastide groups`

use clap::{Args, Subcommand};
use serde_json::{Map, Value, json};

use super::client::{Client, MOST};
use super::{At, person, prompt, shown};
use crate::cli::exit::{DONE, Failure, Outcome};
use crate::cli::output;

const AFTER_HELP: &str = "\
Examples:
  bastide groups
  bastide groups add ops ada bob
  bastide groups change ops --add eve --remove bob
  bastide groups rm ops

For administrators. Who leaves a group loses at once what was granted to it.";

/// Groups of people
#[derive(Debug, Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct Groups {
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
    /// List groups (without a command, too)
    Ls(List),
    /// Make one
    Add(Add),
    /// Change one
    Change(Edit),
    /// Remove one, and what was granted to it
    Rm(Remove),
}

#[derive(Debug, Args)]
struct List {
    /// Print a JSON array
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
struct Add {
    name: String,
    /// Who is in it, by name or number
    people: Vec<String>,
    /// Print a JSON object
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
#[command(group(clap::ArgGroup::new("change").required(true).multiple(true)))]
struct Edit {
    /// Name or number
    group: String,
    /// What it is called from now on
    #[arg(long, group = "change")]
    name: Option<String>,
    /// Somebody who joins, by name or number; again for more
    #[arg(long, value_name = "USER", group = "change")]
    add: Vec<String>,
    /// Somebody who leaves, by name or number; again for more
    #[arg(long, value_name = "USER", group = "change")]
    remove: Vec<String>,
    /// Print a JSON object
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
struct Remove {
    /// Name or number
    group: String,
    /// Do not ask
    #[arg(short, long)]
    yes: bool,
}

pub(super) async fn all(client: &Client) -> Result<Vec<Value>, Failure> {
    client.list("/api/v1/groups", "groups", &[], MOST).await
}

/// The group of this name, whatever its case, or of this number.
pub(super) async fn find(client: &Client, word: &str) -> Result<Value, Failure> {
    let all = all(client).await?;
    let lower = word.to_lowercase();
    let is_named = |group: &&Value| group["name"].as_str().is_some_and(|name| name.to_lowercase() == lower);
    let number: Option<i64> = word.parse().ok();
    let is_numbered = |group: &&Value| number.is_some() && group["id"].as_i64() == number;
    let found = all.iter().find(is_named).or_else(|| all.iter().find(is_numbered)).cloned();
    found.ok_or_else(|| Failure::NotFound(format!("no group {word:?}; `bastide groups` lists them")))
}

async fn ids(client: &Client, words: &[String]) -> Result<Vec<Value>, Failure> {
    let mut ids = Vec::with_capacity(words.len());
    for word in words {
        ids.push(person::find(client, word).await?["id"].clone());
    }
    Ok(ids)
}

impl Groups {
    pub(crate) async fn run(self) -> Outcome {
        let client = self.at.client()?;
        match self.what {
            None => List { json: self.json }.run(&client).await,
            Some(What::Ls(list)) => list.run(&client).await,
            Some(What::Add(add)) => add.run(&client).await,
            Some(What::Change(edit)) => edit.run(&client).await,
            Some(What::Rm(remove)) => remove.run(&client).await,
        }
    }
}

impl List {
    async fn run(self, client: &Client) -> Outcome {
        let groups = all(client).await?;
        if self.json {
            output::json(&groups)?;
            return Ok(DONE);
        }
        let people = person::all(client).await?;
        let row = |group: &Value| {
            let members = group["members"].as_array().map(Vec::as_slice).unwrap_or_default();
            let name = |id: &Value| people.iter().find(|one| one["id"] == *id);
            let names: Vec<_> =
                members.iter().filter_map(name).map(|one| shown::text(one, "/username")).collect();
            let names = if names.is_empty() { "-".to_owned() } else { names.join(",") };
            vec![shown::text(group, "/id"), shown::text(group, "/name"), names]
        };
        shown::table(&["ID", "NAME", "PEOPLE"], groups.iter().map(row).collect(), "no groups")?;
        Ok(DONE)
    }
}

impl Add {
    async fn run(self, client: &Client) -> Outcome {
        let members = ids(client, &self.people).await?;
        let wanted = json!({ "name": self.name, "members": members });
        say(&client.post("/api/v1/groups", &wanted).await?, self.json, "made")
    }
}

impl Edit {
    async fn run(self, client: &Client) -> Outcome {
        let group = find(client, &self.group).await?;
        let mut wanted = Map::new();
        if let Some(name) = &self.name {
            wanted.insert("name".to_owned(), json!(name));
        }
        if !self.add.is_empty() || !self.remove.is_empty() {
            let mut members = group["members"].as_array().cloned().unwrap_or_default();
            members.extend(ids(client, &self.add).await?);
            let leaving = ids(client, &self.remove).await?;
            members.retain(|id| !leaving.contains(id));
            wanted.insert("members".to_owned(), Value::Array(members));
        }
        let path = format!("/api/v1/groups/{}", group["id"]);
        say(&client.patch(&path, &Value::Object(wanted)).await?, self.json, "changed")
    }
}

impl Remove {
    async fn run(self, client: &Client) -> Outcome {
        let group = find(client, &self.group).await?;
        let name = shown::text(&group, "/name");
        let question = format!("Remove {name} and what was granted to it?");
        if !self.yes && !prompt::agreed(&question, "--yes")? {
            return Err(Failure::text("nothing was removed"));
        }
        client.delete(&format!("/api/v1/groups/{}", group["id"])).await?;
        output::remark(&format!("removed {name}"));
        Ok(DONE)
    }
}

fn say(group: &Value, as_json: bool, what: &str) -> Outcome {
    if as_json {
        output::json(group)?;
    } else {
        output::remark(&format!("{what} {}", shown::text(group, "/name")));
    }
    Ok(DONE)
}
