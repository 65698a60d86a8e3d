//! `bastide sessions`

use clap::{Args, Subcommand};
use jiff::Timestamp;
use serde_json::{Value, json};
use uuid::Uuid;

use super::client::{Client, MOST};
use super::{At, shown};
use crate::cli::exit::{DONE, Failure, Outcome};
use crate::cli::sessions::{is_part_of, short_id};
use crate::cli::{duration, output};

const AFTER_HELP: &str = "\
These are the sessions that you may see on a server, wherever it runs. `bastide ls`, `attach` and `kill` ask the \
sessions daemon of this machine, and no server.

Examples:
  bastide sessions
  bastide sessions share build --expires 2h
  bastide sessions events 1a2b3c4d --json";

/// Sessions of a server
#[derive(Debug, Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct Sessions {
    #[command(flatten)]
    at: At,
    #[command(subcommand)]
    what: Option<What>,
    #[command(flatten)]
    list: List,
}

#[derive(Debug, Subcommand)]
enum What {
    /// List sessions (without a command, too)
    Ls(List),
    /// End one: its programs get SIGHUP, then SIGKILL
    End(End),
    /// Tell everybody in one something
    Say(Say),
    /// Print a link by which other users of the server look on
    Share(Share),
    /// List what happened in one
    Events(Events),
}

#[derive(Debug, Args)]
struct List {
    /// Those that have ended, too
    #[arg(short, long)]
    all: bool,
    /// Print a JSON array
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
struct End {
    /// Name or id
    session: String,
    /// Why, for everybody there; at most 500 characters
    #[arg(long, value_name = "TEXT")]
    notice: Option<String>,
    /// Seconds until then, which everybody there is told [default: 10 with a notice, else at once]
    #[arg(long, value_name = "SECONDS")]
    after: Option<u64>,
}

#[derive(Debug, Args)]
struct Say {
    /// Name or id
    session: String,
    /// At most 500 characters
    text: String,
}

#[derive(Debug, Args)]
struct Share {
    /// Name or id
    session: String,
    /// They may type, too
    #[arg(long)]
    write: bool,
    /// How long the link can be used
    #[arg(long, value_name = "TIME", default_value = "1h", value_parser = duration::parse)]
    expires: std::time::Duration,
    /// Print a JSON object
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
struct Events {
    /// Name or id
    session: String,
    /// Print a JSON array
    #[arg(long)]
    json: bool,
}

impl Sessions {
    pub(crate) async fn run(self) -> Outcome {
        let client = self.at.client()?;
        match self.what {
            None => self.list.run(&client).await,
            Some(What::Ls(list)) => list.run(&client).await,
            Some(What::End(end)) => end.run(&client).await,
            Some(What::Say(say)) => {
                let session = find(&client, &say.session).await?;
                client.tell(&format!("{}/message", path(&session)), &json!({ "text": say.text })).await?;
                Ok(DONE)
            }
            Some(What::Share(share)) => share.run(&client).await,
            Some(What::Events(events)) => events.run(&client).await,
        }
    }
}

impl End {
    async fn run(self, client: &Client) -> Outcome {
        let session = find(client, &self.session).await?;
        let label = label(&session);
        if self.notice.is_none() && self.after.is_none() {
            client.delete(&path(&session)).await?;
            output::remark(&format!("ended {label}"));
            return Ok(DONE);
        }
        let mut body = json!({ "notice": self.notice.unwrap_or_default() });
        if let Some(after) = self.after {
            body["after"] = json!(after);
        }
        client.tell(&format!("{}/end", path(&session)), &body).await?;
        output::remark(&format!("everybody in {label} is told that it ends"));
        Ok(DONE)
    }
}

async fn all(client: &Client, ended: bool) -> Result<Vec<Value>, Failure> {
    let query = if ended { Vec::new() } else { vec![("state", "running".to_owned())] };
    client.list("/api/v1/sessions", "sessions", &query, MOST).await
}

/// The session that `word` names: by name (one that runs first), uid, or the beginning or end of it.
pub(super) async fn find(client: &Client, word: &str) -> Result<Value, Failure> {
    let all = all(client, true).await?;
    let named = |session: &&Value| session["name"].as_str() == Some(word);
    let running: Vec<_> = all.iter().filter(named).filter(|session| session["state"] == "running").collect();
    let by_name: Vec<_> = all.iter().filter(named).collect();
    let by_uid: Vec<_> = all.iter().filter(|one| uid(one).is_some_and(|uid| is_part_of(word, uid))).collect();
    let found = [running, by_name, by_uid].into_iter().find(|found| !found.is_empty()).unwrap_or_default();
    match found.as_slice() {
        [one] => Ok((*one).clone()),
        [] => Err(Failure::NotFound(format!("no session {word:?}; `bastide sessions --all` lists them"))),
        several => {
            let ids: Vec<_> = several.iter().filter_map(|one| uid(one)).map(short_id).collect();
            Err(Failure::text(format!("{word:?} names several sessions; use an id: {}", ids.join(", "))))
        }
    }
}

fn uid(session: &Value) -> Option<Uuid> {
    session["uid"].as_str()?.parse().ok()
}

fn path(session: &Value) -> String {
    format!("/api/v1/sessions/{}", session["uid"].as_str().unwrap_or_default())
}

fn label(session: &Value) -> String {
    match shown::text(session, "/name").as_str() {
        "-" => uid(session).map_or_else(|| "?".to_owned(), short_id),
        name => name.to_owned(),
    }
}

impl List {
    async fn run(self, client: &Client) -> Outcome {
        let sessions = all(client, self.all).await?;
        if self.json {
            output::json(&sessions)?;
            return Ok(DONE);
        }
        let now = Timestamp::now();
        let row = |session: &Value| {
            let state = match session.pointer("/exit/code").and_then(Value::as_i64) {
                Some(code) => format!("ended {code}"),
                None => shown::text(session, "/state"),
            };
            vec![
                shown::text(session, "/name"),
                uid(session).map_or_else(|| "-".to_owned(), short_id),
                state,
                shown::when(session, "/created", now),
                shown::text(session, "/owner/username"),
                shown::text(session, "/access"),
                shown::text(session, "/command"),
                shown::text(session, "/cwd"),
            ]
        };
        let head = ["NAME", "ID", "STATE", "STARTED", "OWNER", "ACCESS", "COMMAND", "DIRECTORY"];
        let none =
            if self.all { "no sessions" } else { "no session runs; --all shows those that have ended" };
        shown::table(&head, sessions.iter().map(row).collect(), none)?;
        Ok(DONE)
    }
}

impl Share {
    async fn run(self, client: &Client) -> Outcome {
        let session = find(client, &self.session).await?;
        let minutes = self.expires.as_secs().div_ceil(60).max(1);
        let access = if self.write { "write" } else { "watch" };
        let wanted = json!({ "access": access, "expires_in_minutes": minutes });
        let made = client.post(&format!("{}/shares", path(&session)), &wanted).await?;
        if self.json {
            output::json(&made)?;
            return Ok(DONE);
        }
        output::line(&shown::text(&made, "/url"))?;
        let expires = shown::when(&made, "/share/expires", Timestamp::now());
        let may = if self.write { "look on and type" } else { "look on" };
        output::remark(&format!(
            "Whoever is logged in to the server may {may} with it; it expires {expires}."
        ));
        Ok(DONE)
    }
}

impl Events {
    async fn run(self, client: &Client) -> Outcome {
        let session = find(client, &self.session).await?;
        let events = client.list(&format!("{}/events", path(&session)), "events", &[], MOST).await?;
        if self.json {
            output::json(&events)?;
            return Ok(DONE);
        }
        let row = |event: &Value| {
            let data = event["data"].as_object().into_iter().flatten();
            let facts: Vec<_> = data
                .map(|(name, _)| format!("{name}={}", shown::text(event, &format!("/data/{name}"))))
                .collect();
            vec![shown::text(event, "/at"), shown::text(event, "/type"), facts.join(" ")]
        };
        shown::table(&["TIME", "EVENT", "FACTS"], events.iter().map(row).collect(), "nothing has happened")?;
        Ok(DONE)
    }
}
