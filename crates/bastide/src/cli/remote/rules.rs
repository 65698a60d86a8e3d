//! `bastide rules`

use std::io::Read;
use std::path::{Path, PathBuf};

use anyhow::Context;
use clap::{Args, Subcommand, ValueEnum};
use jiff::Timestamp;
use reqwest::Method;
use serde_json::{Value, json};

use super::client::{Client, MOST};
use super::{At, prompt, shown};
use crate::cli::exit::{DONE, Failure, Outcome};
use crate::cli::output;

const AFTER_HELP: &str = "\
Examples:
  bastide rules > rules.json
  bastide rules put rules.json -m 'no reboots in the daytime'
  bastide rules try --user bob 'sudo reboot'
  bastide rules versions
  bastide rules diff 3 5
  bastide rules restore 3
  bastide rules import rules.csv --dry-run

Reviewers read and try, administrators change. What is saved holds at once, also in sessions that run.";

/// The server's limit of a rule set.
const MAX_FILE: u64 = 8 * 1024 * 1024;

/// Rules on commands: read, change, try
#[derive(Debug, Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct Rules {
    #[command(flatten)]
    at: At,
    #[command(subcommand)]
    what: Option<What>,
}

#[derive(Debug, Subcommand)]
enum What {
    /// The rules as JSON (without a command, too)
    Show(Show),
    /// Save a rule set
    Put(Put),
    /// Who changed the rules, and when
    Versions(Versions),
    /// What is different between two versions
    Diff(Diff),
    /// Save an earlier version again
    Restore(Restore),
    /// What the rules would say to a command, which does not run
    Try(Try),
    /// Take rules out of a list, each by itself
    Import(Import),
}

#[derive(Debug, Default, Args)]
struct Show {
    /// Of this version instead of the one that holds
    #[arg(long, value_name = "N")]
    version: Option<u64>,
    /// With version, author, note and digest
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
struct Put {
    /// The rule set as JSON; `-` is standard input
    file: PathBuf,
    /// Why
    #[arg(short = 'm', long, value_name = "TEXT")]
    note: Option<String>,
    /// The version that was changed [default: the one that holds]
    #[arg(long, value_name = "N")]
    over: Option<i64>,
    /// Print a JSON object
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
struct Versions {
    /// Print a JSON array
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
struct Diff {
    from: u64,
    /// The version that holds, where it is not said
    to: Option<u64>,
    /// Print a JSON object
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
struct Restore {
    version: u64,
    /// Do not ask
    #[arg(short, long)]
    yes: bool,
    /// Print a JSON object
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
struct Try {
    /// The line as it would be typed; with --argv, the words as they would be executed
    #[arg(required = true, trailing_var_arg = true, allow_hyphen_values = true)]
    words: Vec<String>,
    /// Judge a program start instead of a line
    #[arg(long)]
    argv: bool,
    /// For whom
    #[arg(long, value_name = "NAME")]
    user: Option<String>,
    /// On which server; this machine where it is not said
    #[arg(long, value_name = "NAME")]
    server: Option<String>,
    /// As which account there
    #[arg(long, value_name = "NAME")]
    account: Option<String>,
    /// At which door [default: exec with --argv, else line]
    #[arg(long, value_enum)]
    door: Option<Door>,
    /// By this rule set instead of the one that holds
    #[arg(long, value_name = "FILE")]
    rules: Option<PathBuf>,
    /// Print a JSON object
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Door {
    Exec,
    Line,
    Watched,
}

#[derive(Debug, Args)]
struct Import {
    /// The list; `-` is standard input
    file: PathBuf,
    /// What it is [default: by its name, else json]
    #[arg(long, value_enum)]
    format: Option<Format>,
    /// Only say what would be done
    #[arg(long)]
    dry_run: bool,
    /// Print a JSON object
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Format {
    Json,
    Csv,
}

impl Rules {
    pub(crate) async fn run(self) -> Outcome {
        let client = self.at.client()?;
        match self.what {
            None => Show::default().run(&client).await,
            Some(What::Show(show)) => show.run(&client).await,
            Some(What::Put(put)) => put.run(&client).await,
            Some(What::Versions(versions)) => versions.run(&client).await,
            Some(What::Diff(diff)) => diff.run(&client).await,
            Some(What::Restore(restore)) => restore.run(&client).await,
            Some(What::Try(trial)) => trial.run(&client).await,
            Some(What::Import(import)) => import.run(&client).await,
        }
    }
}

/// A text of at most [`MAX_FILE`] bytes.
fn read(file: &Path) -> Result<String, Failure> {
    let mut text = String::new();
    let said = || format!("cannot read {}", file.display());
    let mut take = |from: &mut dyn Read| from.take(MAX_FILE + 1).read_to_string(&mut text);
    let length = match file.as_os_str() == "-" {
        true => take(&mut std::io::stdin().lock()).with_context(said)?,
        false => take(&mut std::fs::File::open(file).with_context(said)?).with_context(said)?,
    };
    match length as u64 > MAX_FILE {
        true => Err(Failure::text(format!("{}: more than {MAX_FILE} bytes", file.display()))),
        false => Ok(text),
    }
}

fn read_json(file: &Path) -> Result<Value, Failure> {
    let text = read(file)?;
    Ok(serde_json::from_str(&text).with_context(|| format!("{} is no JSON", file.display()))?)
}

impl Show {
    async fn run(self, client: &Client) -> Outcome {
        let path = match self.version {
            Some(version) => format!("/api/v1/rules/versions/{version}"),
            None => "/api/v1/rules".to_owned(),
        };
        let mut found = client.get(&path).await?;
        if let Some(fields) = found.as_object_mut() {
            fields.remove("ready_groups");
        }
        output::json(if self.json { &found } else { &found["rules"] })?;
        Ok(DONE)
    }
}

impl Put {
    async fn run(self, client: &Client) -> Outcome {
        let rules = read_json(&self.file)?;
        let known = match self.over {
            Some(version) => version,
            None => client.get("/api/v1/rules").await?["version"].as_i64().unwrap_or_default(),
        };
        let body = json!({ "rules": rules, "note": self.note });
        let request = client.request(Method::PUT, "/api/v1/rules").header("if-match", format!("\"{known}\""));
        say_saved(&client.json(request.json(&body)).await?, self.json)
    }
}

fn say_saved(saved: &Value, as_json: bool) -> Outcome {
    if as_json {
        let mut saved = saved.clone();
        if let Some(fields) = saved.as_object_mut() {
            fields.remove("ready_groups");
        }
        output::json(&saved)?;
    } else {
        output::remark(&format!(
            "version {} holds ({})",
            shown::text(saved, "/version"),
            shown::text(saved, "/digest")
        ));
    }
    Ok(DONE)
}

impl Versions {
    async fn run(self, client: &Client) -> Outcome {
        let versions = client.list("/api/v1/rules/versions", "versions", &[], MOST).await?;
        if self.json {
            output::json(&versions)?;
            return Ok(DONE);
        }
        let now = Timestamp::now();
        let row = |one: &Value| {
            let digest: String = shown::text(one, "/digest").chars().take(12).collect();
            let (number, by) = (shown::text(one, "/version"), shown::text(one, "/author"));
            vec![number, shown::when(one, "/created", now), by, digest, shown::text(one, "/note")]
        };
        let rows = versions.iter().map(row).collect();
        shown::table(&["VERSION", "SAVED", "BY", "DIGEST", "NOTE"], rows, "no versions")?;
        Ok(DONE)
    }
}

impl Diff {
    async fn run(self, client: &Client) -> Outcome {
        let to = self.to.map(|to| format!("?to={to}")).unwrap_or_default();
        let diff = client.get(&format!("/api/v1/rules/versions/{}/diff{to}", self.from)).await?;
        if self.json {
            output::json(&diff)?;
            return Ok(DONE);
        }
        let mut lines = Vec::new();
        for (part, what) in [("rules", "rule"), ("command_groups", "group")] {
            for (list, sign) in [("added", '+'), ("removed", '-'), ("changed", '~')] {
                for one in array(&diff[part], list) {
                    lines.push(format!("{sign} {what} {}", shown::text(one, "/id")));
                }
            }
        }
        lines.extend(array(&diff, "settings").iter().map(|one| format!("~ {}", shown::text(one, "/id"))));
        if lines.is_empty() {
            output::remark("nothing is different");
        }
        for line in lines {
            output::line(&line)?;
        }
        Ok(DONE)
    }
}

fn array<'a>(of: &'a Value, name: &str) -> &'a [Value] {
    of[name].as_array().map(Vec::as_slice).unwrap_or_default()
}

impl Restore {
    async fn run(self, client: &Client) -> Outcome {
        let question = format!("Save version {} again, in place of the rules that hold?", self.version);
        if !self.yes && !prompt::agreed(&question, "--yes")? {
            return Err(Failure::text("nothing was changed"));
        }
        let path = format!("/api/v1/rules/versions/{}/restore", self.version);
        say_saved(&client.post(&path, &json!({})).await?, self.json)
    }
}

impl Try {
    async fn run(self, client: &Client) -> Outcome {
        let door = match self.door {
            Some(Door::Line) => "line",
            Some(Door::Watched) => "watched",
            Some(Door::Exec) => "exec",
            None if self.argv => "exec",
            None => "line",
        };
        let mut body = json!({ "subject": {
            "user": self.user, "server": self.server, "account": self.account, "door": door,
        } });
        match self.argv {
            true => body["argv"] = json!(self.words),
            false => body["line"] = json!(self.words.join(" ")),
        }
        if let Some(file) = &self.rules {
            body["rules"] = read_json(file)?;
        }
        let tried = client.post("/api/v1/rules/try", &body).await?;
        if self.json {
            output::json(&tried)?;
            return Ok(DONE);
        }
        let by = |of: &Value| match (of["rule"].as_str(), of["perhaps"].as_str()) {
            (Some(rule), _) => format!("rule {rule}"),
            (None, Some(rule)) => format!("rule {rule} may match"),
            (None, None) => "no rule".to_owned(),
        };
        let verdict = &tried["verdict"];
        output::line(&format!("{}: {}", shown::text(verdict, "/action"), by(verdict)))?;
        for text in ["/reason/en", "/reason/zh"].map(|text| shown::text(verdict, text)) {
            if text != "-" {
                output::line(&format!("  {text}"))?;
            }
        }
        for (fact, judged) in array(&tried, "facts").iter().zip(array(verdict, "facts")) {
            let line = format!("  {} ({}): {}", command(fact), shown::text(judged, "/action"), by(judged));
            output::line(&line)?;
        }
        for would in array(verdict, "dry_run") {
            output::line(&format!("  would be {} by {}", shown::text(would, "/action"), by(would)))?;
        }
        Ok(DONE)
    }
}

/// A fact as people read it.
fn command(fact: &Value) -> String {
    let word = |word: &Value| match word["unknown"].as_str() {
        Some(raw) => raw.to_owned(),
        None => word.as_str().unwrap_or_default().to_owned(),
    };
    let words: Vec<_> = std::iter::once(&fact["program"]).chain(array(fact, "arguments")).map(word).collect();
    let via = array(fact, "via").iter().filter_map(Value::as_str).map(|name| format!("{name} > "));
    crate::cli::list::printable(&format!("{}{}", via.collect::<String>(), words.join(" ")))
}

impl Import {
    async fn run(self, client: &Client) -> Outcome {
        let by_name = self.file.extension().is_some_and(|end| end.eq_ignore_ascii_case("csv"));
        let format = match self.format {
            Some(Format::Csv) => "csv",
            Some(Format::Json) => "json",
            None if by_name => "csv",
            None => "json",
        };
        let body = json!({ "format": format, "text": read(&self.file)?, "dry_run": self.dry_run });
        let done = client.post("/api/v1/rules/import", &body).await?;
        if self.json {
            output::json(&done)?;
            return Ok(DONE);
        }
        for (list, sign) in [("created", '+'), ("changed", '~')] {
            for id in array(&done, list).iter().filter_map(Value::as_str) {
                output::line(&format!("{sign} {id}"))?;
            }
        }
        for one in array(&done, "skipped") {
            let (line, why) = (shown::text(one, "/line"), shown::text(one, "/why"));
            output::remark(&format!("line {line}: {}: {why}", shown::text(one, "/name")));
        }
        let would = if self.dry_run { "nothing was saved; " } else { "" };
        output::remark(&format!(
            "{would}{} unchanged; version {} holds",
            shown::text(&done, "/unchanged"),
            shown::text(&done, "/version")
        ));
        Ok(DONE)
    }
}
