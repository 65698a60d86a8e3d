//! `bastide credentials`. Secrets are typed, read from standard input or from a file: never an argument, which
//! other programs of the machine can read.

use std::io::Read;
use std::path::{Path, PathBuf};

use anyhow::Context;
use bastide_wire::ssh::Secret;
use clap::{Args, Subcommand, ValueEnum};
use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::client::Client;
use super::{At, prompt, shown};
use crate::cli::exit::{DONE, Failure, Outcome};
use crate::cli::output;

const AFTER_HELP: &str = "\
Examples:
  bastide credentials
  bastide credentials add ops --username root
  bastide credentials add deploy --username deploy --key-file id_ed25519
  bastide credentials change ops --password-stdin < new

For administrators. Secrets are typed, or read from a file or standard input; they are never shown again.";

const MOST: usize = 100_000;
/// Real key files are a few KB.
const MAX_FILE: u64 = 64 * 1024;

/// How servers are logged in to
#[derive(Debug, Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct Credentials {
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
    /// List credentials (without a command, too)
    Ls {
        /// Print a JSON array
        #[arg(long)]
        json: bool,
    },
    /// Show one, without its secrets, as a JSON object
    Show {
        /// Name or number
        credential: String,
    },
    /// Add one
    Add(Add),
    /// Change one
    Change(Change),
    /// Remove one that nothing uses
    Rm {
        /// Name or number
        credential: String,
        /// Do not ask
        #[arg(short, long)]
        yes: bool,
    },
}

#[derive(Debug, Args)]
struct Add {
    /// Its name in lists
    name: String,
    /// The account to log in to
    #[arg(long, value_name = "NAME")]
    username: String,
    /// [default: key with --key-file, else password]
    #[arg(long, value_enum)]
    kind: Option<Kind>,
    #[command(flatten)]
    secrets: Secrets,
    /// Print a JSON object
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
struct Change {
    /// Name or number
    credential: String,
    /// Another name in lists
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
    /// The account to log in to
    #[arg(long, value_name = "NAME")]
    username: Option<String>,
    #[arg(long, value_enum)]
    kind: Option<Kind>,
    /// Ask for another password on the terminal
    #[arg(long, conflicts_with = "password_stdin")]
    password: bool,
    #[command(flatten)]
    secrets: Secrets,
    /// Print a JSON object
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
struct Secrets {
    /// Take the password from standard input
    #[arg(long)]
    password_stdin: bool,
    /// A private key in OpenSSH or PEM form
    #[arg(long, value_name = "FILE")]
    key_file: Option<PathBuf>,
    /// Ask for the key's passphrase and store it too; else whoever logs in is asked
    #[arg(long)]
    passphrase: bool,
    /// The certificate for the key: a file that ends in -cert.pub
    #[arg(long, value_name = "FILE")]
    certificate_file: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Kind {
    Password,
    Key,
    /// The server asks; what is not the password is asked of the person
    KeyboardInteractive,
    /// The person types the password each time
    Ask,
}

impl Kind {
    fn word(self) -> &'static str {
        match self {
            Self::Password => "password",
            Self::Key => "key",
            Self::KeyboardInteractive => "keyboard_interactive",
            Self::Ask => "ask",
        }
    }
}

impl Credentials {
    pub(crate) async fn run(self) -> Outcome {
        let client = self.at.client()?;
        match self.what {
            None => list(&client, self.json).await,
            Some(What::Ls { json }) => list(&client, json).await,
            Some(What::Show { credential }) => {
                output::json(&find(&client, &credential).await?)?;
                Ok(DONE)
            }
            Some(What::Add(add)) => add.run(&client).await,
            Some(What::Change(change)) => change.run(&client).await,
            Some(What::Rm { credential, yes }) => remove(&client, &credential, yes).await,
        }
    }
}

impl Secrets {
    /// Those that are given, asked for where they have to be.
    fn read(&self, ask_password: bool) -> Result<Map<String, Value>, Failure> {
        let mut secrets = Map::new();
        let mut put = |field: &str, secret: &Secret| secrets.insert(field.to_owned(), json!(secret));
        if self.password_stdin {
            put("password", &Secret::new(prompt::from_stdin("password")?));
        } else if ask_password {
            put("password", &Secret::new(prompt::secret("Password", "--password-stdin")?));
        }
        if let Some(path) = &self.key_file {
            put("key", &file(path)?);
        }
        if self.passphrase {
            put("passphrase", &Secret::new(prompt::secret("Passphrase of the key", "a terminal")?));
        }
        if let Some(path) = &self.certificate_file {
            put("certificate", &file(path)?);
        }
        Ok(secrets)
    }
}

fn file(path: &Path) -> Result<Secret, Failure> {
    let mut text = String::new();
    let file = std::fs::File::open(path).with_context(|| format!("cannot read {}", path.display()))?;
    file.take(MAX_FILE)
        .read_to_string(&mut text)
        .with_context(|| format!("cannot read {}", path.display()))?;
    Ok(Secret::new(text))
}

async fn list(client: &Client, json: bool) -> Outcome {
    let all = all(client).await?;
    if json {
        output::json(&all)?;
        return Ok(DONE);
    }
    let now = Timestamp::now();
    let row = |one: &Value| {
        let used = one["used_by"].as_array().map_or(0, Vec::len);
        vec![
            shown::text(one, "/id"),
            shown::text(one, "/name"),
            shown::text(one, "/username"),
            shown::text(one, "/kind"),
            shown::text(one, "/fingerprint"),
            used.to_string(),
            shown::when(one, "/changed", now),
        ]
    };
    let head = ["ID", "NAME", "USERNAME", "KIND", "KEY", "USED BY", "CHANGED"];
    shown::table(&head, all.iter().map(row).collect(), "no credentials")?;
    Ok(DONE)
}

impl Add {
    async fn run(self, client: &Client) -> Outcome {
        let usual = if self.secrets.key_file.is_some() { Kind::Key } else { Kind::Password };
        let kind = self.kind.unwrap_or(usual);
        let mut wanted = self.secrets.read(kind == Kind::Password)?;
        wanted.insert("name".to_owned(), json!(self.name));
        wanted.insert("username".to_owned(), json!(self.username));
        wanted.insert("kind".to_owned(), json!(kind.word()));
        say(&client.post(PATH, &Value::Object(wanted)).await?, "added", self.json)
    }
}

impl Change {
    async fn run(self, client: &Client) -> Outcome {
        let one = find(client, &self.credential).await?;
        let mut wanted = self.secrets.read(self.password)?;
        for (field, value) in [("name", self.name), ("username", self.username)] {
            wanted.extend(value.map(|value| (field.to_owned(), json!(value))));
        }
        wanted.extend(self.kind.map(|kind| ("kind".to_owned(), json!(kind.word()))));
        if wanted.is_empty() {
            return Err(Failure::text("there is nothing to change: say what"));
        }
        say(&client.patch(&path(&one), &Value::Object(wanted)).await?, "changed", self.json)
    }
}

fn say(one: &Value, done: &str, json: bool) -> Outcome {
    match json {
        true => output::json(one)?,
        false => {
            output::remark(&format!("{done} {} ({})", shown::text(one, "/name"), shown::text(one, "/kind")));
        }
    }
    Ok(DONE)
}

async fn remove(client: &Client, word: &str, yes: bool) -> Outcome {
    let one = find(client, word).await?;
    let name = shown::text(&one, "/name");
    if !yes && !prompt::agreed(&format!("Remove {name} and its secrets?"), "--yes")? {
        return Err(Failure::text("nothing was removed"));
    }
    client.delete(&path(&one)).await?;
    output::remark(&format!("removed {name}"));
    Ok(DONE)
}

const PATH: &str = "/api/v1/credentials";

fn path(one: &Value) -> String {
    format!("{PATH}/{}", one["id"])
}

async fn all(client: &Client) -> Result<Vec<Value>, Failure> {
    client.list(PATH, "credentials", &[], MOST).await
}

/// The one of this name, or of this number.
async fn find(client: &Client, word: &str) -> Result<Value, Failure> {
    let mut all = all(client).await?;
    let named = all.iter().position(|one| one["name"].as_str() == Some(word));
    let numbered = || {
        let number = word.parse::<i64>().ok()?;
        all.iter().position(|one| one["id"].as_i64() == Some(number))
    };
    let found = named.or_else(numbered).map(|at| all.swap_remove(at));
    found
        .ok_or_else(|| Failure::NotFound(format!("no credential {word:?}; `bastide credentials` lists them")))
}
