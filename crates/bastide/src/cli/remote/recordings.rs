//! `bastide recordings`

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::Context;
use clap::{Args, Subcommand, ValueEnum};
use jiff::Timestamp;
use serde_json::Value;
use uuid::Uuid;

use super::client::{Client, MOST};
use super::{At, cast, shown};
use crate::cli::exit::{DONE, Failure, Outcome};
use crate::cli::output;
use crate::cli::sessions::{is_part_of, short_id};

const AFTER_HELP: &str = "\
Examples:
  bastide recordings --search deploy
  bastide recordings get 1a2b3c4d -o deploy.cast
  bastide play 1a2b3c4d";

/// Recordings on a server
#[derive(Debug, Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct Recordings {
    #[command(flatten)]
    at: At,
    #[command(subcommand)]
    what: Option<What>,
    #[command(flatten)]
    list: List,
}

#[derive(Debug, Subcommand)]
enum What {
    /// List recordings, newest first (without a command, too)
    Ls(List),
    /// Fetch one as an asciicast file
    Get(Get),
}

#[derive(Debug, Args)]
struct List {
    /// Words of the name, the command or the owner
    #[arg(short, long, value_name = "WORDS")]
    search: Option<String>,
    /// Of this user
    #[arg(long, value_name = "NAME")]
    user: Option<String>,
    /// At most so many
    #[arg(short = 'n', long, value_name = "N", default_value_t = 50)]
    limit: usize,
    /// Print a JSON array
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
struct Get {
    /// Id, or the name of the session
    recording: String,
    /// Write here; it must not exist; `-` is standard output [default: ID.cast]
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    #[arg(short, long, value_enum, default_value_t = Format::V3)]
    format: Format,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Format {
    /// asciicast v2, which every player reads
    V2,
    /// asciicast v3
    V3,
}

impl Recordings {
    pub(crate) async fn run(self) -> Outcome {
        let client = self.at.client()?;
        match self.what {
            None => self.list.run(&client).await,
            Some(What::Ls(list)) => list.run(&client).await,
            Some(What::Get(get)) => get.run(&client).await,
        }
    }
}

/// The recording that `word` names: by its id, the beginning or end of it, or the session's name.
pub(super) async fn find(client: &Client, word: &str) -> Result<Value, Failure> {
    if let Ok(uid) = word.parse::<Uuid>() {
        return client.get(&format!("/api/v1/recordings/{uid}")).await;
    }
    let all = client.list("/api/v1/recordings", "recordings", &[], MOST).await?;
    let by_id = all.iter().filter(|one| uid(one).is_some_and(|uid| is_part_of(word, uid)));
    let named = all.iter().filter(|one| one["name"].as_str() == Some(word));
    let mut found: Vec<_> = named.collect();
    if found.is_empty() {
        found = by_id.collect();
    }
    match found.as_slice() {
        [one] => Ok((*one).clone()),
        [] => Err(Failure::NotFound(format!("no recording {word:?}; `bastide recordings` lists them"))),
        several => {
            let ids: Vec<_> = several.iter().filter_map(|one| uid(one)).map(short_id).collect();
            Err(Failure::text(format!("{word:?} names several recordings; use an id: {}", ids.join(", "))))
        }
    }
}

fn uid(recording: &Value) -> Option<Uuid> {
    recording["id"].as_str()?.parse().ok()
}

impl List {
    async fn run(self, client: &Client) -> Outcome {
        let mut query = Vec::new();
        for (name, value) in [("q", self.search), ("user", self.user)] {
            query.extend(value.map(|value| (name, value)));
        }
        let recordings = client.list("/api/v1/recordings", "recordings", &query, self.limit).await?;
        if self.json {
            output::json(&recordings)?;
            return Ok(DONE);
        }
        let now = Timestamp::now();
        let row = |recording: &Value| {
            vec![
                uid(recording).map_or_else(|| "-".to_owned(), short_id),
                shown::text(recording, "/name"),
                shown::text(recording, "/owner/username"),
                shown::when(recording, "/started", now),
                shown::length(recording, "/duration_ms"),
                shown::size(recording, "/bytes"),
                shown::text(recording, "/state"),
                shown::text(recording, "/command"),
            ]
        };
        let head = ["ID", "NAME", "OWNER", "STARTED", "LENGTH", "SIZE", "STATE", "COMMAND"];
        shown::table(&head, recordings.iter().map(row).collect(), "no recordings")?;
        Ok(DONE)
    }
}

impl Get {
    async fn run(self, client: &Client) -> Outcome {
        let recording = find(client, &self.recording).await?;
        let uid = uid(&recording).context("the server has named a recording that has no id")?;
        let format = match self.format {
            Format::V2 => "v2",
            Format::V3 => "v3",
        };
        let path = self.output.unwrap_or_else(|| PathBuf::from(format!("{}.cast", short_id(uid))));
        if path.as_os_str() == "-" {
            let mut out = std::io::stdout().lock();
            cast::fetch(client, uid, format, &mut out).await?;
            return Ok(DONE);
        }
        let mut file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .open(&path)
            .with_context(|| format!("cannot write {}", path.display()))?;
        let fetched = cast::fetch(client, uid, format, &mut file).await;
        let whole = fetched.and_then(|()| finished(&mut file, &path));
        if whole.is_err() {
            // Half a recording would look like a whole one; the first error is the one to report.
            fs::remove_file(&path).ok();
        }
        whole?;
        output::remark(&format!("wrote {}", path.display()));
        Ok(DONE)
    }
}

fn finished(file: &mut fs::File, path: &Path) -> Result<(), Failure> {
    let written = file.flush().and_then(|()| file.sync_all());
    Ok(written.with_context(|| format!("cannot write {}", path.display()))?)
}
