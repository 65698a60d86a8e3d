//! `bastide tokens`

use clap::{Args, Subcommand};
use jiff::Timestamp;
use serde_json::{Value, json};

use super::client::{Client, MOST};
use super::{At, person, shown};
use crate::cli::exit::{DONE, Failure, Outcome};
use crate::cli::output;

const AFTER_HELP: &str = "\
Examples:
  bastide tokens
  bastide tokens create backup --read-only --expires 365 > token
  bastide tokens rm backup

A token is shown once, when it is made. Programs send it as `Authorization: Bearer bst_…`.";

/// Tokens, with which programs do what you may do
#[derive(Debug, Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct Tokens {
    #[command(flatten)]
    at: At,
    #[command(subcommand)]
    what: Option<What>,
    #[command(flatten)]
    list: List,
}

#[derive(Debug, Subcommand)]
enum What {
    /// List tokens (without a command, too)
    Ls(List),
    /// Make one, and print it
    Create(Create),
    /// End one
    Rm(Remove),
}

#[derive(Debug, Args)]
struct List {
    /// Somebody else's; for administrators
    #[arg(long, value_name = "NAME")]
    user: Option<String>,
    /// Print a JSON array
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
struct Create {
    /// What it is for
    name: String,
    /// It can look but change nothing
    #[arg(long)]
    read_only: bool,
    /// Days until it expires, or `never`
    #[arg(long, value_name = "DAYS", default_value = "90", value_parser = days)]
    expires: Days,
    /// Print a JSON object with the token's facts and its secret
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
struct Remove {
    /// Its name, id, or the beginning of either id or token (bst_abcd1234)
    token: String,
    /// Somebody else's; for administrators
    #[arg(long, value_name = "NAME")]
    user: Option<String>,
}

/// `None`: for ever.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Days(pub(super) Option<u16>);

pub(super) fn days(text: &str) -> Result<Days, String> {
    match text.parse::<u16>() {
        _ if text == "never" => Ok(Days(None)),
        Ok(days @ 1..=3650) => Ok(Days(Some(days))),
        _ => Err("a number of days from 1 to 3650, or `never`".to_owned()),
    }
}

impl Tokens {
    pub(crate) async fn run(self) -> Outcome {
        let client = self.at.client()?;
        match self.what {
            None => self.list.run(&client).await,
            Some(What::Ls(list)) => list.run(&client).await,
            Some(What::Create(create)) => create.run(&client).await,
            Some(What::Rm(remove)) => remove.run(&client).await,
        }
    }
}

async fn all(client: &Client, user: Option<&str>) -> Result<Vec<Value>, Failure> {
    let mut query = Vec::new();
    if let Some(name) = user {
        query.push(("user", person::find(client, name).await?["id"].to_string()));
    }
    client.list("/api/v1/tokens", "tokens", &query, MOST).await
}

impl List {
    async fn run(self, client: &Client) -> Outcome {
        let tokens = all(client, self.user.as_deref()).await?;
        if self.json {
            output::json(&tokens)?;
            return Ok(DONE);
        }
        let now = Timestamp::now();
        let row = |token: &Value| {
            vec![
                shown::text(token, "/name"),
                shown::text(token, "/hint"),
                shown::text(token, "/scope"),
                shown::when(token, "/created", now),
                shown::when(token, "/last_used", now),
                match token["expires"].is_null() {
                    true => "never".to_owned(),
                    false => shown::when(token, "/expires", now),
                },
            ]
        };
        let rows = tokens.iter().map(row).collect();
        let head = ["NAME", "TOKEN", "SCOPE", "MADE", "USED", "EXPIRES"];
        shown::table(&head, rows, "no tokens; `bastide tokens create NAME` makes one")?;
        Ok(DONE)
    }
}

impl Create {
    async fn run(self, client: &Client) -> Outcome {
        let scope = if self.read_only { "read" } else { "full" };
        let wanted = json!({ "name": self.name, "scope": scope, "expires_in_days": self.expires.0 });
        let made = client.post("/api/v1/tokens", &wanted).await?;
        if self.json {
            output::json(&made)?;
            return Ok(DONE);
        }
        output::line(made["secret"].as_str().unwrap_or_default())?;
        output::remark("It is not shown again. `bastide tokens rm` ends it.");
        Ok(DONE)
    }
}

impl Remove {
    async fn run(self, client: &Client) -> Outcome {
        let tokens = all(client, self.user.as_deref()).await?;
        let word = self.token.as_str();
        let is = |token: &&Value, field: &str| token[field].as_str() == Some(word);
        let begins = |token: &&Value| {
            let id = token["id"].as_str().is_some_and(|id| id.starts_with(word));
            // Also where somebody gives more of the secret than the hint shows.
            let hint =
                token["hint"].as_str().is_some_and(|hint| hint.starts_with(word) || word.starts_with(hint));
            (id || hint) && word.len() >= 4
        };
        let named: Vec<_> = tokens.iter().filter(|token| is(token, "name") || is(token, "id")).collect();
        let found = if named.is_empty() { tokens.iter().filter(begins).collect() } else { named };
        match found.as_slice() {
            [one] => {
                client.delete(&format!("/api/v1/tokens/{}", one["id"].as_str().unwrap_or_default())).await?;
                output::remark(&format!("the token {} has ended", shown::text(one, "/name")));
                Ok(DONE)
            }
            [] => Err(Failure::NotFound(format!("no token {word:?}; `bastide tokens` lists them"))),
            several => {
                let hints: Vec<_> = several.iter().map(|token| shown::text(token, "/hint")).collect();
                Err(Failure::text(format!("{word:?} names several tokens: {}", hints.join(", "))))
            }
        }
    }
}
