//! `bastide vault`.

use std::path::PathBuf;

use bastide_app::vault::{self, KeySource, Rotated, Status};
use bastide_app::{Clock, DataDir};
use bastide_wire::ssh::Secret;
use clap::{Args, Subcommand};

use super::config::{self, Config};
use super::flags::Flags;
use crate::cli::exit::{DONE, Failure, Outcome};
use crate::cli::output;
use crate::cli::remote::prompt;

const AFTER_HELP: &str = "\
Examples:
  bastide vault status
  bastide vault rotate
  bastide vault new-key > next.key     where the key is kept elsewhere
  bastide vault rotate --key-stdin < next.key

Run it as the user that runs the server, with the same settings. The server may run or not. Passwords and private \
keys of servers are sealed in the database; the master key is not in it: keep a copy of the key, apart from copies \
of the database.";

/// The master key that stored passwords and private keys are sealed under
#[derive(Debug, Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct Vault {
    #[command(subcommand)]
    what: What,
    /// The server's data directory [env: BASTIDE_DATA_DIR] [default: $XDG_DATA_HOME/bastide]
    #[arg(long, global = true, value_name = "DIR")]
    data_dir: Option<PathBuf>,
    /// The server's settings [default: server.toml in $XDG_CONFIG_HOME/bastide, if there is one]
    #[arg(long, global = true, value_name = "FILE")]
    config: Option<PathBuf>,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Where the key is, and whether it is the right one
    Status {
        /// Print a JSON object
        #[arg(long)]
        json: bool,
    },
    /// Seal everything under another key; an interrupted change is finished or undone by the next start
    Rotate {
        /// Take the new key from standard input: where it comes from a variable or a command, which must give
        /// the new one at the next start
        #[arg(long)]
        key_stdin: bool,
        /// Print a JSON object
        #[arg(long)]
        json: bool,
    },
    /// Print a new key, which nothing is sealed under
    NewKey,
}

impl Vault {
    pub(crate) fn run(self) -> Outcome {
        match self.what {
            What::NewKey => {
                output::line(vault::new_key().expose())?;
                Ok(DONE)
            }
            What::Status { json } => status(&self.place()?, json),
            What::Rotate { key_stdin, json } => {
                let to = match key_stdin {
                    true => Some(Secret::new(prompt::from_stdin("key")?)),
                    false => None,
                };
                rotate(self.place()?, to, json)
            }
        }
    }

    /// The server's directory, and where its key is.
    fn place(&self) -> Result<(DataDir, KeySource), Failure> {
        let config = Config::load(&Flags::beside(self.config.clone(), self.data_dir.as_deref()))?;
        let path = config::data_dir(config.data_dir.as_deref())?;
        if !path.join("bastide.db").exists() {
            return Err(Failure::text(format!(
                "{} holds no server's data: start `bastide serve` first, or name its directory with --data-dir",
                path.display()
            )));
        }
        let dir = DataDir::open(&path).map_err(anyhow::Error::from)?;
        let source = config.key_source(dir.root())?;
        Ok((dir, source))
    }
}

fn block_on<T>(work: impl Future<Output = T>) -> Result<T, Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|e| Failure::Other(anyhow::anyhow!("cannot start: {e}")))?;
    Ok(runtime.block_on(work))
}

fn status((dir, source): &(DataDir, KeySource), json: bool) -> Outcome {
    let found = block_on(vault::status(dir, source))?.map_err(anyhow::Error::from)?;
    let Some(status) = found else {
        return Err(Failure::text("this server has had no vault yet: start it once"));
    };
    if json {
        output::json(&status)?;
    } else {
        let Status { key_id, version, since, secrets, source, .. } = &status;
        output::line(&format!("secrets   {secrets}"))?;
        output::line(&format!("key       {key_id} (number {version}, since {since})"))?;
        output::line(&format!("source    {source}"))?;
    }
    match status.fault {
        None => Ok(DONE),
        Some(fault) => Err(Failure::text(format!("the server will not start with this key: {fault}"))),
    }
}

fn rotate((dir, source): (DataDir, KeySource), to: Option<Secret>, json: bool) -> Outcome {
    let elsewhere = !matches!(source, KeySource::File(_));
    let place = source.to_string();
    let now = Clock::system().now();
    let rotated = block_on(vault::rotate_from_elsewhere(&dir, source, to, now))?;
    let rotated = rotated.map_err(anyhow::Error::from)?;
    if json {
        output::json(&rotated)?;
    } else {
        let Rotated { from, to, secrets, kept, .. } = &rotated;
        output::line(&format!("{secrets} secrets are sealed under the key {to}, no longer under {from}"))?;
        if let Some(kept) = kept {
            output::remark(&format!(
                "The old key stays in {} for copies of the database made before; remove it when they are gone.",
                kept.display()
            ));
        }
        if elsewhere {
            output::remark(&format!("From now on the {place} must give the new key."));
        }
    }
    if let Some(warning) = &rotated.warning {
        output::remark(warning);
    }
    Ok(DONE)
}
