//! `bastide settings`

mod value;

use clap::{Args, Subcommand};
use reqwest::Method;
use serde_json::{Map, Value, json};

use super::client::Client;
use super::{At, person, prompt, servers, shown};
use crate::cli::exit::{DONE, Failure, Outcome};
use crate::cli::output;

const AFTER_HELP: &str = "\
Examples:
  bastide settings
  bastide settings show --for bob
  bastide settings set max_sessions=10 idle_timeout=8h
  bastide settings set --for bob limits.group.memory=2G umask=077
  bastide settings set --on web1 env.HTTP_PROXY=http://proxy:3128
  bastide settings set --secret API_TOKEN < token
  bastide settings unset --for bob umask env.API_TOKEN
  bastide settings effective --for bob --on web1

What holds for sessions that are opened from now on: for everybody, for those on a server, for those of a person. The \
later replaces what the earlier says; lists of what is forbidden grow.

Names: umask, private_tmp, read_only, deny, allow (lists: with commas), env.NAME, max_sessions, idle_timeout, \
max_lifetime, detach_keep, limits.open_files, .processes, .memory, .file_size, .cpu_seconds, and limits.group.processes, \
.memory, .cpu_percent. For administrators; everybody may ask what holds for them.";

/// What holds for sessions: variables, limits, times, how many
#[derive(Debug, Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct Settings {
    #[command(flatten)]
    at: At,
    #[command(subcommand)]
    what: Option<What>,
}

#[derive(Debug, Subcommand)]
enum What {
    /// What is set for a scope (without a command, for everybody)
    Show(Show),
    /// What holds, and which scope says it
    Effective(Effective),
    /// Set some, and leave the others as they are
    Set(Set),
    /// Take some away: then they are inherited
    Unset(Unset),
}

#[derive(Debug, Default, Args)]
struct Scope {
    /// For sessions of this person, by name or number
    #[arg(long = "for", value_name = "USER")]
    user: Option<String>,
    /// For sessions on this server, by name or number
    #[arg(long = "on", value_name = "SERVER", conflicts_with = "user")]
    server: Option<String>,
}

#[derive(Debug, Default, Args)]
struct Show {
    #[command(flatten)]
    scope: Scope,
    /// Print a JSON object
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
struct Effective {
    /// For this person, by name or number [default: yourself]
    #[arg(long = "for", value_name = "USER")]
    user: Option<String>,
    /// On this server, by name or number [default: the server's own machine]
    #[arg(long = "on", value_name = "SERVER")]
    server: Option<String>,
    /// Print a JSON array
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
struct Set {
    #[command(flatten)]
    scope: Scope,
    /// What to set
    #[arg(value_name = "NAME=VALUE", required_unless_present = "secret")]
    settings: Vec<String>,
    /// A variable whose value is asked for, or read from standard input, and never shown again
    #[arg(long, value_name = "VARIABLE")]
    secret: Option<String>,
    /// Print a JSON object
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
struct Unset {
    #[command(flatten)]
    scope: Scope,
    /// What to take away
    #[arg(value_name = "NAME", required = true)]
    names: Vec<String>,
    /// Print a JSON object
    #[arg(long)]
    json: bool,
}

const BASE: &str = "/api/v1/session-settings";

impl Settings {
    pub(crate) async fn run(self) -> Outcome {
        let client = self.at.client()?;
        match self.what {
            None => Show::default().run(&client).await,
            Some(What::Show(show)) => show.run(&client).await,
            Some(What::Effective(effective)) => effective.run(&client).await,
            Some(What::Set(set)) => set.run(&client).await,
            Some(What::Unset(unset)) => unset.run(&client).await,
        }
    }
}

impl Scope {
    async fn path(&self, client: &Client) -> Result<String, Failure> {
        Ok(match (&self.user, &self.server) {
            (Some(user), _) => format!("{BASE}/users/{}", person::find(client, user).await?["id"]),
            (None, Some(server)) => format!("{BASE}/servers/{}", servers::find(client, server).await?["id"]),
            (None, None) => format!("{BASE}/global"),
        })
    }

    /// Reads, changes, and writes over what was read.
    async fn change(
        &self,
        client: &Client,
        as_json: bool,
        change: impl FnOnce(&mut Value) -> Result<(), Failure>,
    ) -> Outcome {
        let path = self.path(client).await?;
        let mut written = client.get(&path).await?;
        let version = written["version"].as_i64().unwrap_or_default();
        change(&mut written["settings"])?;
        let request = client.request(Method::PUT, &path).header("if-match", format!("\"{version}\""));
        let written = client.json(request.json(&written["settings"])).await?;
        if as_json {
            output::json(&written)?;
        } else {
            output::remark("saved: it holds for sessions that are opened from now on");
        }
        Ok(DONE)
    }
}

impl Show {
    async fn run(self, client: &Client) -> Outcome {
        let written = client.get(&self.scope.path(client).await?).await?;
        if self.json {
            output::json(&written)?;
            return Ok(DONE);
        }
        let rows = value::rows(&written["settings"]);
        let rows = rows.into_iter().map(|(name, value)| vec![name, value]).collect();
        shown::table(&["SETTING", "VALUE"], rows, "nothing is set")?;
        Ok(DONE)
    }
}

impl Effective {
    async fn run(self, client: &Client) -> Outcome {
        let mut query = Vec::new();
        if let Some(user) = &self.user {
            query.push(("user", person::find(client, user).await?["id"].to_string()));
        }
        if let Some(server) = &self.server {
            query.push(("server", servers::find(client, server).await?["id"].to_string()));
        }
        let request = client.request(Method::GET, &format!("{BASE}/effective")).query(&query);
        let found = client.json(request).await?;
        if self.json {
            output::json(&found["settings"])?;
            return Ok(DONE);
        }
        let all = found["settings"].as_array().map(Vec::as_slice).unwrap_or_default();
        let row = |one: &Value| {
            let setting = one["setting"].as_str().unwrap_or_default();
            let value = match one["secret"].as_bool() {
                Some(true) => value::SECRET.to_owned(),
                _ => value::text(setting, &one["value"]),
            };
            vec![value::shown_name(setting), value, shown::text(one, "/from")]
        };
        shown::table(&["SETTING", "VALUE", "FROM"], all.iter().map(row).collect(), "nothing is set")?;
        Ok(DONE)
    }
}

impl Set {
    async fn run(self, client: &Client) -> Outcome {
        let mut changes = Vec::new();
        for setting in &self.settings {
            let (name, text) = setting
                .split_once('=')
                .ok_or_else(|| Failure::text(format!("{setting:?}: write it like umask=027")))?;
            changes.push((name, value::read(name, text).map_err(Failure::text)?));
        }
        let secret = self.secret.as_deref().map(ask).transpose()?;
        self.scope
            .change(client, self.json, |settings| {
                for (name, value) in changes {
                    value::put(settings, name, Some(value)).map_err(Failure::text)?;
                }
                if let Some(variable) = secret {
                    value::put_variable(settings, variable);
                }
                Ok(())
            })
            .await
    }
}

/// A secret variable, its value from the terminal or from standard input.
fn ask(name: &str) -> Result<Map<String, Value>, Failure> {
    use std::io::IsTerminal;
    let value = match std::io::stdin().is_terminal() {
        true => prompt::secret(&format!("Value of {name}"), "standard input")?,
        false => prompt::from_stdin("value")?,
    };
    let variable = json!({ "name": name, "value": value, "secret": true });
    Ok(variable.as_object().cloned().unwrap_or_default())
}

impl Unset {
    async fn run(self, client: &Client) -> Outcome {
        self.scope
            .change(client, self.json, |settings| {
                self.names.iter().try_for_each(|name| value::put(settings, name, None)).map_err(Failure::text)
            })
            .await
    }
}
