//! `bastide requests`

use std::time::Duration;

use clap::{Args, Subcommand};
use jiff::Timestamp;
use serde_json::{Value, json};

use super::client::Client;
use super::{At, shown};
use crate::cli::exit::{DONE, Outcome};
use crate::cli::{duration, output};

const AFTER_HELP: &str = "\
Examples:
  bastide requests
  bastide requests ask web1 -m 'a disk is full'
  bastide requests ask web1 --rights upload --for 4h -m 'the release'
  bastide requests approve 7 --for 1h -m 'for now'
  bastide requests refuse 7 -m 'ask the owner first'
  bastide requests cancel 8

Those decide who manage the server; nobody decides on what they have asked for themselves. A yes is a grant
that ends by itself.";

/// Shown where nothing else is asked for.
const SHOWN: usize = 100;

/// Rights that are asked for
#[derive(Debug, Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct Requests {
    #[command(flatten)]
    at: At,
    #[command(subcommand)]
    what: Option<What>,
    /// Also those that are answered
    #[arg(short, long)]
    all: bool,
    /// Print a JSON array
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Ask for rights on a server
    Ask(Ask),
    /// Give what is asked for, or some of it
    Approve(Approve),
    /// Do not give it
    Refuse(Refuse),
    /// Take a request of your own back
    Cancel(One),
}

#[derive(Debug, Args)]
struct Ask {
    /// Its name or number; whether there is such a server is not told
    #[arg(value_name = "SERVER")]
    place: String,
    /// What is needed, with commas between: connect, write, observe, upload, download, forward, execute, manage
    #[arg(long, value_name = "RIGHTS", value_delimiter = ',', default_value = "connect,write")]
    rights: Vec<String>,
    /// For how long, from now; at most 90d
    #[arg(long = "for", value_name = "TIME", default_value = "1d", value_parser = duration::parse)]
    term: Duration,
    /// What it is needed for
    #[arg(short = 'm', long, value_name = "TEXT")]
    reason: String,
    /// Print a JSON object
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
struct One {
    /// Number of the request
    id: i64,
    /// Print a JSON object
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
struct Approve {
    #[command(flatten)]
    one: One,
    /// Only these of the rights that are asked for
    #[arg(long, value_name = "RIGHTS", value_delimiter = ',')]
    rights: Option<Vec<String>>,
    /// For how long, from now, instead of until when it is asked for
    #[arg(long = "for", value_name = "TIME", value_parser = duration::parse)]
    term: Option<Duration>,
    /// Why; whoever asked is told
    #[arg(short = 'm', long, value_name = "TEXT")]
    reason: Option<String>,
}

#[derive(Debug, Args)]
struct Refuse {
    #[command(flatten)]
    one: One,
    /// Why; whoever asked is told
    #[arg(short = 'm', long, value_name = "TEXT", default_value = "")]
    reason: String,
}

impl Requests {
    pub(crate) async fn run(self) -> Outcome {
        let client = self.at.client()?;
        match self.what {
            None => list(&client, self.all, self.json).await,
            Some(What::Ask(ask)) => {
                let body = json!({
                    "server": ask.place,
                    "rights": ask.rights,
                    "reason": ask.reason,
                    "until": Timestamp::now() + ask.term,
                });
                say(&client.post("/api/v1/access-requests", &body).await?, ask.json)
            }
            Some(What::Approve(approve)) => {
                let until = approve.term.map(|term| Timestamp::now() + term);
                let body = json!({ "rights": approve.rights, "until": until, "reason": approve.reason });
                approve.one.post(&client, "approve", &body).await
            }
            Some(What::Refuse(refuse)) => {
                refuse.one.post(&client, "refuse", &json!({ "reason": refuse.reason })).await
            }
            Some(What::Cancel(one)) => one.post(&client, "cancel", &json!({})).await,
        }
    }
}

impl One {
    async fn post(&self, client: &Client, word: &str, body: &Value) -> Outcome {
        say(&client.post(&format!("/api/v1/access-requests/{}/{word}", self.id), body).await?, self.json)
    }
}

async fn list(client: &Client, all: bool, as_json: bool) -> Outcome {
    let state = [("state", if all { "all" } else { "open" }.to_owned())];
    let found = client.list("/api/v1/access-requests", "requests", &state, SHOWN).await?;
    if as_json {
        output::json(&found)?;
        return Ok(DONE);
    }
    let now = Timestamp::now();
    let row = |one: &Value| {
        vec![
            shown::text(one, "/id"),
            shown::text(one, "/state"),
            shown::text(one, "/user/name"),
            shown::text(one, "/server_name"),
            shown::words(&one["rights"]),
            shown::when(one, "/until", now),
            shown::text(one, "/reason"),
        ]
    };
    let head = ["ID", "STATE", "USER", "SERVER", "RIGHTS", "UNTIL", "FOR"];
    shown::table(&head, found.iter().map(row).collect(), "nothing waits")?;
    Ok(DONE)
}

fn say(one: &Value, as_json: bool) -> Outcome {
    if as_json {
        output::json(one)?;
    } else {
        let state = shown::text(one, "/state");
        output::remark(&format!("request {} is {state}", one["id"]));
    }
    Ok(DONE)
}
