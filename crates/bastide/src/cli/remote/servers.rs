//! `bastide servers`

use clap::{Args, Subcommand};
use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::client::Client;
use super::{At, import, prompt, shown};
use crate::cli::exit::{DONE, Failure, Outcome};
use crate::cli::output;

const AFTER_HELP: &str = "\
Examples:
  bastide servers
  bastide servers ls --tag web
  bastide servers add web1 10.0.0.7 --user deploy --ask-password --tag web
  bastide servers change web1 --port 2222 --jump gate
  bastide servers rm web1
  bastide servers import servers.csv --apply
  bastide servers export --format ansible

Whoever is no administrator sees the servers that are granted to them.";

/// Servers that terminals are opened on
#[derive(Debug, Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct Servers {
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
    /// List servers (without a command, too)
    Ls(List),
    /// Show one, and its host keys
    Show(Show),
    /// Add one
    Add(Box<Add>),
    /// Change one
    Change(Box<Edit>),
    /// Take one off the list; sessions that run on it go on
    Rm(Remove),
    /// Take over those of a list; the same as `bastide import`
    Import(Box<import::List>),
    /// Print all as a list
    Export(import::Export),
}

#[derive(Debug, Args)]
struct List {
    /// Only those with this in their name, host or a tag
    text: Option<String>,
    /// Only those with this tag
    #[arg(long)]
    tag: Option<String>,
    /// Only those that stand there
    #[arg(long)]
    group: Option<String>,
    /// Print a JSON array
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
struct Show {
    /// Name or number
    #[arg(value_name = "SERVER")]
    which: String,
    /// Print a JSON object
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
struct Add {
    /// What it is called
    name: String,
    /// A name to resolve or an address
    host: String,
    #[command(flatten)]
    facts: Facts,
    /// Print a JSON object
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
struct Edit {
    /// Name or number
    #[arg(value_name = "SERVER")]
    which: String,
    /// What it is called from now on
    #[arg(long)]
    name: Option<String>,
    /// A name to resolve or an address
    #[arg(long)]
    host: Option<String>,
    #[command(flatten)]
    facts: Facts,
    /// Print a JSON object
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
struct Facts {
    #[arg(long)]
    port: Option<u16>,
    /// `linux`, or a network system such as `cisco_ios`
    #[arg(long)]
    platform: Option<String>,
    /// A tag; again for more. One empty tag takes all away
    #[arg(long = "tag", value_name = "TAG")]
    tags: Vec<String>,
    /// Where it stands in lists; empty for nowhere
    #[arg(long)]
    group: Option<String>,
    /// The server on the way to it, by name or number; empty for none
    #[arg(long, value_name = "SERVER")]
    jump: Option<String>,
    /// Number of the default credential
    #[arg(long, value_name = "ID", conflicts_with_all = ["user", "ask_password"])]
    credential: Option<i64>,
    /// User name of a default credential of its own
    #[arg(long, value_name = "NAME")]
    user: Option<String>,
    /// Ask for the password that goes with it; standard input is read where there is no terminal
    #[arg(long)]
    ask_password: bool,
    /// Offer old algorithms too
    #[arg(long, value_name = "YES")]
    legacy_algorithms: Option<bool>,
}

impl Servers {
    pub(crate) async fn run(self) -> Outcome {
        let client = self.at.client()?;
        match self.what {
            None => List { text: None, tag: None, group: None, json: self.json }.run(&client).await,
            Some(What::Ls(list)) => list.run(&client).await,
            Some(What::Show(show)) => show.run(&client).await,
            Some(What::Add(add)) => add.run(&client).await,
            Some(What::Change(edit)) => edit.run(&client).await,
            Some(What::Rm(remove)) => remove.run(&client).await,
            Some(What::Import(list)) => list.run(&client).await,
            Some(What::Export(export)) => export.run(&client).await,
        }
    }
}

/// More than one screen shows; the rest is found by searching.
const MOST: usize = 50_000;

/// The server of this name, whatever its case, or of this number.
pub(super) async fn find(client: &Client, word: &str) -> Result<Value, Failure> {
    let all = client.list("/api/v1/servers", "servers", &[("q", word.to_owned())], MOST).await?;
    let is_named = |server: &&Value| {
        server["name"].as_str().is_some_and(|name| name.to_lowercase() == word.to_lowercase())
    };
    if let Some(found) = all.iter().find(is_named) {
        return Ok(found.clone());
    }
    match word.parse::<i64>() {
        Ok(id) => client.get(&format!("/api/v1/servers/{id}")).await,
        Err(_) => Err(Failure::NotFound(format!("no server {word:?}; `bastide servers` lists them"))),
    }
}

fn path(server: &Value) -> String {
    format!("/api/v1/servers/{}", server["id"])
}

impl List {
    async fn run(self, client: &Client) -> Outcome {
        let asked = [("q", self.text), ("tag", self.tag), ("group", self.group)];
        let asked: Vec<_> = asked.into_iter().filter_map(|(name, value)| Some((name, value?))).collect();
        let servers = client.list("/api/v1/servers", "servers", &asked, MOST).await?;
        if self.json {
            output::json(&servers)?;
            return Ok(DONE);
        }
        let row = |server: &Value| {
            let tags = server["tags"].as_array().map(Vec::as_slice).unwrap_or_default();
            let tags: Vec<_> = tags.iter().filter_map(Value::as_str).collect();
            vec![
                shown::text(server, "/id"),
                shown::text(server, "/name"),
                format!("{}:{}", shown::text(server, "/host"), server["port"]),
                shown::text(server, "/username"),
                shown::text(server, "/group"),
                if tags.is_empty() { "-".to_owned() } else { tags.join(",") },
                shown::text(server, "/jump/name"),
                shown::text(server, "/status"),
            ]
        };
        let head = ["ID", "NAME", "ADDRESS", "USER", "GROUP", "TAGS", "JUMP", "STATUS"];
        shown::table(&head, servers.iter().map(row).collect(), "no servers")?;
        Ok(DONE)
    }
}

impl Show {
    async fn run(self, client: &Client) -> Outcome {
        let server = find(client, &self.which).await?;
        let keys = client.get(&format!("{}/host-keys", path(&server))).await?;
        if self.json {
            output::json(&json!({ "server": server, "host_keys": keys["items"] }))?;
            return Ok(DONE);
        }
        let facts = [
            ("id", "/id"),
            ("name", "/name"),
            ("host", "/host"),
            ("port", "/port"),
            ("platform", "/platform"),
            ("group", "/group"),
            ("jump", "/jump/name"),
            ("credential", "/default_credential/name"),
            ("user", "/username"),
            ("status", "/status"),
            ("notes", "/notes"),
        ];
        for (name, pointer) in facts {
            output::line(&format!("{name:<11} {}", shown::text(&server, pointer)))?;
        }
        let now = Timestamp::now();
        for key in keys["items"].as_array().map(Vec::as_slice).unwrap_or_default() {
            output::line(&format!(
                "{:<11} {} {} ({}, {})",
                "host key",
                shown::text(key, "/algorithm"),
                shown::text(key, "/fingerprint"),
                shown::text(key, "/accepted_by"),
                shown::when(key, "/first_seen", now),
            ))?;
        }
        Ok(DONE)
    }
}

impl Facts {
    async fn read(self, client: &Client, name: &str) -> Result<Map<String, Value>, Failure> {
        let mut wanted = Map::new();
        let mut put = |field: &str, value: Option<Value>| {
            if let Some(value) = value {
                wanted.insert(field.to_owned(), value);
            }
        };
        put("port", self.port.map(Value::from));
        put("platform", self.platform.map(Value::from));
        let tags: Vec<_> = self.tags.iter().filter(|tag| !tag.is_empty()).collect();
        put("tags", (!self.tags.is_empty()).then(|| json!(tags)));
        put("group", self.group.map(|group| if group.is_empty() { Value::Null } else { json!(group) }));
        put("default_credential_id", self.credential.map(Value::from));
        put("username", self.user.map(Value::from));
        put("legacy_algorithms", self.legacy_algorithms.map(Value::from));
        match self.jump.as_deref() {
            None => {}
            Some("") => put("jump_id", Some(Value::Null)),
            Some(jump) => put("jump_id", Some(find(client, jump).await?["id"].clone())),
        }
        if self.ask_password {
            let password = match prompt::secret(&format!("Password for {name}"), "a terminal") {
                Ok(password) => password,
                Err(_) => prompt::from_stdin("a password")?,
            };
            put("password", Some(json!(password)));
        }
        Ok(wanted)
    }
}

impl Add {
    async fn run(self, client: &Client) -> Outcome {
        let mut wanted = self.facts.read(client, &self.name).await?;
        wanted.insert("name".to_owned(), json!(self.name));
        wanted.insert("host".to_owned(), json!(self.host));
        let server = client.post("/api/v1/servers", &Value::Object(wanted)).await?;
        say(&server, self.json, "added")
    }
}

impl Edit {
    async fn run(self, client: &Client) -> Outcome {
        let server = find(client, &self.which).await?;
        let mut wanted = self.facts.read(client, &self.which).await?;
        for (field, value) in [("name", self.name), ("host", self.host)] {
            if let Some(value) = value {
                wanted.insert(field.to_owned(), json!(value));
            }
        }
        if wanted.is_empty() {
            return Err(Failure::text("nothing to change is named: see --help"));
        }
        let server = client.patch(&path(&server), &Value::Object(wanted)).await?;
        say(&server, self.json, "changed")
    }
}

fn say(server: &Value, as_json: bool, what: &str) -> Outcome {
    if as_json {
        output::json(server)?;
    } else {
        output::remark(&format!(
            "{what} {} ({}:{}), number {}",
            shown::text(server, "/name"),
            shown::text(server, "/host"),
            server["port"],
            server["id"]
        ));
    }
    Ok(DONE)
}

#[derive(Debug, Args)]
struct Remove {
    /// Name or number
    #[arg(value_name = "SERVER")]
    which: String,
    /// Do not ask
    #[arg(short, long)]
    yes: bool,
}

impl Remove {
    async fn run(self, client: &Client) -> Outcome {
        let server = find(client, &self.which).await?;
        let name = shown::text(&server, "/name");
        let question = format!("Take {name} off the list, with its host keys and grants?");
        if !self.yes && !prompt::agreed(&question, "--yes")? {
            return Err(Failure::text("nothing was removed"));
        }
        client.delete(&path(&server)).await?;
        output::remark(&format!("removed {name}"));
        Ok(DONE)
    }
}
