//! `bastide users`

mod identities;

use clap::{Args, Subcommand, ValueEnum};
use jiff::Timestamp;
use reqwest::Method;
use serde_json::{Map, Value, json};

use super::client::Client;
use super::{At, person, prompt, shown};
use crate::cli::exit::{DONE, Failure, Outcome};
use crate::cli::output;

const AFTER_HELP: &str = "\
Examples:
  bastide users
  bastide users add ada --display-name 'Ada L.' --admin --account ada
  bastide users edit ada --disable
  bastide users link ada
  bastide users identities ada --add 3f9c1b2a
  bastide users reset-factors ada

For administrators. Who is added, or has forgotten the password, sets one by a link that works once.";

/// The people of a server
#[derive(Debug, Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct Users {
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
    /// List users (without a command, too)
    Ls(List),
    /// Add one, and print a login link
    Add(Add),
    /// Change one
    Edit(Edit),
    /// Remove one
    Rm(Remove),
    /// Print a link with which somebody logs in and sets a password, once
    Link(Link),
    /// By whom the provider of single sign-on knows somebody; with an option, change it
    Identities(identities::Identities),
    /// Take the second factors of somebody who has lost them away, and end their logins
    ResetFactors(ResetFactors),
}

#[derive(Debug, Args)]
struct List {
    /// Print a JSON array
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
struct Add {
    /// Name to log in with: a-z, 0-9, dot, dash, underscore
    username: String,
    /// Name that others see
    #[arg(long, value_name = "NAME")]
    display_name: Option<String>,
    /// May do everything
    #[arg(long)]
    admin: bool,
    /// Decides on commands of others that wait for a second person
    #[arg(long, conflicts_with = "admin")]
    reviewer: bool,
    /// OS user whose shells they open
    #[arg(long, value_name = "OS-USER")]
    account: Option<String>,
    /// Make no login link
    #[arg(long)]
    no_link: bool,
    /// Print a JSON object with the user and the link
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
#[command(group(clap::ArgGroup::new("change").required(true).multiple(true)))]
struct Edit {
    /// Name or number
    user: String,
    /// Name that others see; empty for none
    #[arg(long, value_name = "NAME", group = "change")]
    display_name: Option<String>,
    #[arg(long, value_enum, group = "change")]
    role: Option<Role>,
    /// OS user whose shells they open; empty for none
    #[arg(long, value_name = "OS-USER", group = "change")]
    account: Option<String>,
    /// Let them log in again
    #[arg(long, group = "change", conflicts_with = "disable")]
    enable: bool,
    /// End their logins and tokens, and take no new ones
    #[arg(long, group = "change")]
    disable: bool,
    /// Print a JSON object
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Role {
    /// Their own sessions, and what is shared with them
    User,
    /// That, and to decide on commands of others that wait for a second person
    Reviewer,
    /// To see everything, and to change nothing
    Auditor,
    /// To add, change and use every server; not people, rules or grants
    Operator,
    /// Everything
    Admin,
}

#[derive(Debug, Args)]
struct Remove {
    /// Name or number
    user: String,
    /// Do not ask
    #[arg(short, long)]
    yes: bool,
}

#[derive(Debug, Args)]
struct Link {
    /// Name or number
    user: String,
    /// Print a JSON object
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
struct ResetFactors {
    /// Name or number
    user: String,
    /// Do not ask
    #[arg(short, long)]
    yes: bool,
}

impl Users {
    pub(crate) async fn run(self) -> Outcome {
        let client = self.at.client()?;
        match self.what {
            None => List { json: self.json }.run(&client).await,
            Some(What::Ls(list)) => list.run(&client).await,
            Some(What::Add(add)) => add.run(&client).await,
            Some(What::Edit(edit)) => edit.run(&client).await,
            Some(What::Rm(remove)) => remove.run(&client).await,
            Some(What::Link(link)) => link.run(&client).await,
            Some(What::Identities(identities)) => identities.run(&client).await,
            Some(What::ResetFactors(reset)) => reset.run(&client).await,
        }
    }
}

impl List {
    async fn run(self, client: &Client) -> Outcome {
        let users = person::all(client).await?;
        if self.json {
            output::json(&users)?;
            return Ok(DONE);
        }
        let now = Timestamp::now();
        let row = |user: &Value| {
            let gets_in = user["password_set"] != false || user["single_sign_on"] == true;
            let state = match (user["enabled"].as_bool(), gets_in) {
                (Some(false), _) => "disabled",
                (_, false) => "no password yet",
                _ => "active",
            };
            vec![
                shown::text(user, "/id"),
                shown::text(user, "/username"),
                shown::text(user, "/display_name"),
                shown::text(user, "/role"),
                shown::text(user, "/account"),
                state.to_owned(),
                shown::when(user, "/last_login", now),
            ]
        };
        let head = ["ID", "USER", "NAME", "ROLE", "ACCOUNT", "STATE", "LAST LOGIN"];
        shown::table(&head, users.iter().map(row).collect(), "no users")?;
        Ok(DONE)
    }
}

impl Add {
    async fn run(self, client: &Client) -> Outcome {
        let mut wanted = Map::new();
        wanted.insert("username".to_owned(), json!(self.username));
        let role = match (self.admin, self.reviewer) {
            (true, _) => "admin",
            (_, true) => "reviewer",
            _ => "user",
        };
        wanted.insert("role".to_owned(), json!(role));
        for (field, value) in [("display_name", &self.display_name), ("account", &self.account)] {
            if let Some(value) = value {
                wanted.insert(field.to_owned(), json!(value));
            }
        }
        let user = client.post("/api/v1/users", &Value::Object(wanted)).await?;
        let link = match self.no_link {
            true => Value::Null,
            false => link(client, &user).await?,
        };
        if self.json {
            output::json(&json!({ "user": user, "link": link }))?;
            return Ok(DONE);
        }
        output::remark(&format!(
            "added {} ({})",
            shown::text(&user, "/username"),
            shown::text(&user, "/role")
        ));
        if link.is_null() { Ok(DONE) } else { say_link(&link) }
    }
}

impl Edit {
    async fn run(self, client: &Client) -> Outcome {
        let user = person::find(client, &self.user).await?;
        let mut wanted = Map::new();
        for (field, value) in [("display_name", &self.display_name), ("account", &self.account)] {
            if let Some(value) = value {
                let value = if value.is_empty() { Value::Null } else { json!(value) };
                wanted.insert(field.to_owned(), value);
            }
        }
        if let Some(role) = self.role {
            wanted.insert(
                "role".to_owned(),
                json!(match role {
                    Role::User => "user",
                    Role::Reviewer => "reviewer",
                    Role::Admin => "admin",
                    Role::Operator => "operator",
                    Role::Auditor => "auditor",
                }),
            );
        }
        if self.enable || self.disable {
            wanted.insert("enabled".to_owned(), json!(self.enable));
        }
        let changed = client.patch(&path(&user), &Value::Object(wanted)).await?;
        if self.json {
            output::json(&changed)?;
        } else {
            output::remark(&format!("changed {}", shown::text(&changed, "/username")));
        }
        Ok(DONE)
    }
}

impl Remove {
    async fn run(self, client: &Client) -> Outcome {
        let user = person::find(client, &self.user).await?;
        let name = shown::text(&user, "/username");
        let question = format!("Remove {name}, their logins and their tokens?");
        if !self.yes && !prompt::agreed(&question, "--yes")? {
            return Err(Failure::text("nothing was removed"));
        }
        client.delete(&path(&user)).await?;
        output::remark(&format!("removed {name}"));
        Ok(DONE)
    }
}

impl Link {
    async fn run(self, client: &Client) -> Outcome {
        let user = person::find(client, &self.user).await?;
        let link = link(client, &user).await?;
        if self.json {
            output::json(&link)?;
            return Ok(DONE);
        }
        say_link(&link)
    }
}

impl ResetFactors {
    async fn run(self, client: &Client) -> Outcome {
        let user = person::find(client, &self.user).await?;
        let name = shown::text(&user, "/username");
        let question =
            format!("Let {name} log in without the second factors there are, and end their logins?");
        if !self.yes && !prompt::agreed(&question, "--yes")? {
            return Err(Failure::text("nothing was changed"));
        }
        let reset = client.request(Method::POST, &format!("{}/factors/reset", path(&user)));
        client.send(reset.json(&json!({}))).await?;
        output::remark(&format!("{name} has no second factor now"));
        Ok(DONE)
    }
}

async fn link(client: &Client, user: &Value) -> Result<Value, Failure> {
    client.post(&format!("{}/login-link", path(user)), &json!({})).await
}

fn say_link(link: &Value) -> Outcome {
    output::line(&shown::text(link, "/url"))?;
    output::remark(&format!(
        "It works once; it expires {}.",
        shown::when(link, "/expires", Timestamp::now())
    ));
    Ok(DONE)
}

fn path(user: &Value) -> String {
    format!("/api/v1/users/{}", user["id"])
}
