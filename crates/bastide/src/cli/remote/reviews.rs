//! `bastide reviews`

use clap::{Args, Subcommand};
use jiff::Timestamp;
use serde_json::{Value, json};

use super::client::Client;
use super::{At, shown};
use crate::cli::exit::{DONE, Outcome};
use crate::cli::output;

const AFTER_HELP: &str = "\
Examples:
  bastide reviews
  bastide reviews show 0198c0de
  bastide reviews approve 0198c0de -m 'as agreed'
  bastide reviews refuse 0198c0de -m 'not on a Friday'
  bastide reviews cancel 0198c0de

An id may be shortened to where it is the only one. Nobody decides on a command of their own.";

/// Shown where nothing else is asked for.
const SHOWN: usize = 100;

/// Commands that wait for a second person
#[derive(Debug, Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct Reviews {
    #[command(flatten)]
    at: At,
    #[command(subcommand)]
    what: Option<What>,
    /// Also those that are decided
    #[arg(short, long)]
    all: bool,
    /// Print a JSON array
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Everything about one
    Show(One),
    /// Let it run
    Approve(Decide),
    /// Do not let it run
    Refuse(Decide),
    /// Give up a command of your own
    Cancel(One),
}

#[derive(Debug, Args)]
struct One {
    /// Its id
    review: String,
    /// Print a JSON object
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
struct Decide {
    #[command(flatten)]
    one: One,
    /// Why; whoever waits is told
    #[arg(short = 'm', long, value_name = "TEXT")]
    reason: Option<String>,
}

impl Reviews {
    pub(crate) async fn run(self) -> Outcome {
        let client = self.at.client()?;
        match self.what {
            None => list(&client, self.all, self.json).await,
            Some(What::Show(one)) => {
                let found = client.get(&path(&client, &one.review).await?).await?;
                say(&found, one.json)
            }
            Some(What::Approve(decide)) => decide.run(&client, "approve").await,
            Some(What::Refuse(decide)) => decide.run(&client, "refuse").await,
            Some(What::Cancel(one)) => {
                let path = format!("{}/cancel", path(&client, &one.review).await?);
                say(&client.post(&path, &json!({})).await?, one.json)
            }
        }
    }
}

impl Decide {
    async fn run(self, client: &Client, word: &str) -> Outcome {
        let path = format!("{}/{word}", path(client, &self.one.review).await?);
        say(&client.post(&path, &json!({ "reason": self.reason })).await?, self.one.json)
    }
}

/// Of the one whose id begins so; an id that is in no list may still be one.
async fn path(client: &Client, word: &str) -> Result<String, crate::cli::exit::Failure> {
    let word = word.to_lowercase();
    let all = client.list("/api/v1/reviews", "reviews", &[], SHOWN).await?;
    let ids: Vec<_> =
        all.iter().filter_map(|one| one["id"].as_str()).filter(|id| id.starts_with(&word)).collect();
    match ids.as_slice() {
        [only] => Ok(format!("/api/v1/reviews/{only}")),
        [] if word.parse::<uuid::Uuid>().is_ok() => Ok(format!("/api/v1/reviews/{word}")),
        [] => Err(crate::cli::exit::Failure::NotFound(format!(
            "no review {word:?}; `bastide reviews --all` lists them"
        ))),
        _ => Err(crate::cli::exit::Failure::text(format!("several reviews begin with {word:?}"))),
    }
}

async fn list(client: &Client, all: bool, as_json: bool) -> Outcome {
    let state = if all { Vec::new() } else { vec![("state", "open".to_owned())] };
    let found = client.list("/api/v1/reviews", "reviews", &state, SHOWN).await?;
    if as_json {
        output::json(&found)?;
        return Ok(DONE);
    }
    let now = Timestamp::now();
    let row = |one: &Value| {
        let id = shown::text(one, "/id");
        let left = match one["state"].as_str() {
            Some("open") => shown::when(one, "/expires", now),
            _ => shown::when(one, "/closed", now),
        };
        let place = shown::text(one, "/server/name");
        let (user, state) = (shown::text(one, "/user/name"), shown::text(one, "/state"));
        vec![id, state, left, user, place, command(one)]
    };
    let head = ["ID", "STATE", "ENDS", "USER", "SERVER", "COMMAND"];
    shown::table(&head, found.iter().map(row).collect(), "nothing waits")?;
    Ok(DONE)
}

fn command(one: &Value) -> String {
    match one["argv"].as_array().is_some_and(|argv| !argv.is_empty()) {
        true => shown::text(one, "/argv"),
        false => shown::text(one, "/line"),
    }
}

fn say(one: &Value, as_json: bool) -> Outcome {
    if as_json {
        output::json(one)?;
        return Ok(DONE);
    }
    output::line(&format!("{}: {}", shown::text(one, "/state"), command(one)))?;
    for (name, pointer) in [
        ("typed", "/line"),
        ("program", "/exe"),
        ("directory", "/cwd"),
        ("user", "/user/name"),
        ("server", "/server/name"),
        ("account", "/account"),
        ("rule", "/rule"),
        ("session", "/session"),
        ("decided by", "/decided_by"),
        ("because", "/decision"),
    ] {
        let text = shown::text(one, pointer);
        if text != "-" {
            output::line(&format!("  {name}: {text}"))?;
        }
    }
    Ok(DONE)
}
