//! `bastide ssh-keys`

use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use jiff::Timestamp;
use serde_json::{Value, json};

use super::client::{Client, MOST};
use super::{At, shown};
use crate::cli::exit::{DONE, Failure, Outcome};
use crate::cli::output;

const AFTER_HELP: &str = "\
Examples:
  bastide ssh-keys
  bastide ssh-keys add ~/.ssh/id_ed25519.pub
  bastide ssh-keys rm laptop
  ssh -p 2222 ann+web1@gateway          then, with the key

The server keeps the public half only.";

/// Keys that let you in at the SSH door
#[derive(Debug, Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct SshKeys {
    #[command(flatten)]
    at: At,
    #[command(subcommand)]
    what: Option<What>,
    #[command(flatten)]
    list: List,
}

#[derive(Debug, Subcommand)]
enum What {
    /// List keys (without a command, too)
    Ls(List),
    /// Add one
    Add(Add),
    /// Remove one; connections that came by it end
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
    /// The public key's file, as in ~/.ssh/id_ed25519.pub
    file: PathBuf,
    /// The key's comment when it is left out
    #[arg(long)]
    name: Option<String>,
}

#[derive(Debug, Args)]
struct Remove {
    /// Its name, id, or fingerprint
    key: String,
}

const PATH: &str = "/api/v1/me/ssh-keys";

impl SshKeys {
    pub(crate) async fn run(self) -> Outcome {
        let client = self.at.client()?;
        match self.what {
            None => self.list.run(&client).await,
            Some(What::Ls(list)) => list.run(&client).await,
            Some(What::Add(add)) => add.run(&client).await,
            Some(What::Rm(remove)) => remove.run(&client).await,
        }
    }
}

async fn all(client: &Client) -> Result<Vec<Value>, Failure> {
    client.list(PATH, "items", &[], MOST).await
}

impl List {
    async fn run(self, client: &Client) -> Outcome {
        let keys = all(client).await?;
        if self.json {
            output::json(&keys)?;
            return Ok(DONE);
        }
        let now = Timestamp::now();
        let row = |key: &Value| {
            vec![
                shown::text(key, "/name"),
                shown::text(key, "/algorithm"),
                shown::text(key, "/fingerprint"),
                shown::when(key, "/created", now),
                shown::when(key, "/last_used", now),
            ]
        };
        let rows = keys.iter().map(row).collect();
        let head = ["NAME", "KIND", "FINGERPRINT", "ADDED", "USED"];
        shown::table(&head, rows, "no keys; `bastide ssh-keys add FILE.pub` adds one")?;
        Ok(DONE)
    }
}

/// What stands in a public key's file.
pub(super) fn public_key(file: &Path) -> Result<String, Failure> {
    let text = std::fs::read_to_string(file)
        .map_err(|e| Failure::text(format!("cannot read {}: {e}", file.display())))?;
    if text.contains("PRIVATE KEY") {
        let file = file.display();
        return Err(Failure::text(format!("{file} is the private half: name the file that ends in .pub")));
    }
    Ok(text.trim().to_owned())
}

impl Add {
    async fn run(self, client: &Client) -> Outcome {
        let key = public_key(&self.file)?;
        let made = client.post(PATH, &json!({ "key": key, "name": self.name })).await?;
        output::line(&shown::text(&made, "/fingerprint"))?;
        Ok(DONE)
    }
}

impl Remove {
    async fn run(self, client: &Client) -> Outcome {
        let keys = all(client).await?;
        let is = |key: &&Value| {
            ["name", "id", "fingerprint"].iter().any(|field| key[field].as_str() == Some(self.key.as_str()))
        };
        match keys.iter().filter(is).collect::<Vec<_>>().as_slice() {
            [one] => {
                client.delete(&format!("{PATH}/{}", one["id"].as_str().unwrap_or_default())).await?;
                output::remark(&format!("the key {} lets nobody in any more", shown::text(one, "/name")));
                Ok(DONE)
            }
            [] => Err(Failure::NotFound(format!("no key {:?}; `bastide ssh-keys` lists them", self.key))),
            _ => Err(Failure::text(format!("{:?} names several keys: give a fingerprint", self.key))),
        }
    }
}
