//! `bastide ssh-authorities`

use std::path::PathBuf;

use clap::{Args, Subcommand};
use jiff::Timestamp;
use serde_json::{Value, json};

use super::client::{Client, MOST};
use super::ssh_keys::public_key;
use super::{At, shown};
use crate::cli::exit::{DONE, Failure, Outcome};
use crate::cli::output;

const AFTER_HELP: &str = "\
Examples:
  bastide ssh-authorities
  bastide ssh-authorities add company ca.pub
  bastide ssh-authorities rm company
  ssh-keygen -s ca -I ann@work -n ann -V +8h id_ed25519.pub

Whoever has an authority's private half can come as anybody.";

/// Authorities whose certificates let people in at the SSH door
#[derive(Debug, Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct SshAuthorities {
    #[command(flatten)]
    at: At,
    #[command(subcommand)]
    what: Option<What>,
    #[command(flatten)]
    list: List,
}

#[derive(Debug, Subcommand)]
enum What {
    /// List them (without a command, too)
    Ls(List),
    /// Trust one
    Add(Add),
    /// Trust it no longer; connections that came by it end
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
    /// Its public key's file
    file: PathBuf,
}

#[derive(Debug, Args)]
struct Remove {
    /// Its name, number, or fingerprint
    authority: String,
}

const PATH: &str = "/api/v1/user-authorities";

impl SshAuthorities {
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
        let known = all(client).await?;
        if self.json {
            output::json(&known)?;
            return Ok(DONE);
        }
        let now = Timestamp::now();
        let row = |one: &Value| {
            vec![
                shown::text(one, "/name"),
                shown::text(one, "/fingerprint"),
                shown::when(one, "/created", now),
                shown::text(one, "/created_by"),
            ]
        };
        let rows = known.iter().map(row).collect();
        let head = ["NAME", "FINGERPRINT", "ADDED", "BY"];
        shown::table(&head, rows, "none; `bastide ssh-authorities add NAME FILE.pub` trusts one")?;
        Ok(DONE)
    }
}

impl Add {
    async fn run(self, client: &Client) -> Outcome {
        let key = public_key(&self.file)?;
        let made = client.post(PATH, &json!({ "name": self.name, "key": key })).await?;
        output::line(&shown::text(&made, "/fingerprint"))?;
        Ok(DONE)
    }
}

impl Remove {
    async fn run(self, client: &Client) -> Outcome {
        let known = all(client).await?;
        let wanted = self.authority.as_str();
        let is = |one: &&Value| {
            ["name", "fingerprint"].iter().any(|field| one[field].as_str() == Some(wanted))
                || one["id"].as_i64().is_some_and(|id| Ok(id) == wanted.parse())
        };
        let Some(one) = known.iter().find(is) else {
            return Err(Failure::NotFound(format!(
                "no authority {wanted:?}; `bastide ssh-authorities` lists them"
            )));
        };
        client.delete(&format!("{PATH}/{}", one["id"])).await?;
        output::remark(&format!("certificates of {} let nobody in any more", shown::text(one, "/name")));
        Ok(DONE)
    }
}
