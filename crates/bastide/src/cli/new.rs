//! `bastide new`

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, anyhow};
use bastide_ptyd_client::{Client, Create, SessionInfo};
use bastide_wire::Spec;
use bastide_wire::spec::{RecordingMode, RecordingSpec};
use clap::{Args, ValueEnum};

use super::attach::{How, attach_to};
use super::chord::Chord;
use super::daemon::Place;
use super::exit::{DONE, Failure, Outcome};
use super::size::Size;
use super::terminal::Terminal;
use super::{duration, output, sessions};
use crate::env;

const AFTER_HELP: &str = "\
Starts the sessions daemon if none runs. The session gets a login environment, and from this shell PATH, \
the language and time zone, DISPLAY, WAYLAND_DISPLAY, XAUTHORITY, SSH_AUTH_SOCK, EDITOR and VISUAL.

Examples:
  bastide new                              your login shell
  bastide new -n build -- make all
  bastide new -A -n work                   attach to `work`, or make it
  bastide new -d --cwd /srv -- ./serve.sh  do not attach; prints the name";

/// Start a session and attach to it
#[derive(Debug, Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct New {
    /// A name to find it by [default: the program's]
    #[arg(short, long)]
    name: Option<String>,
    /// Do not attach; print the name
    #[arg(short, long)]
    detached: bool,
    /// If a session of that name runs, attach to it instead
    #[arg(short = 'A', long, requires = "name")]
    attach: bool,
    #[command(flatten)]
    start: Start,
    #[command(flatten)]
    chord: Chord,
    /// Program and arguments [default: your login shell]
    #[arg(last = true, value_name = "COMMAND")]
    command: Vec<String>,
}

/// How the session is made.
#[derive(Debug, Args)]
struct Start {
    /// Directory to start in [default: this one]
    #[arg(long, value_name = "DIR")]
    cwd: Option<PathBuf>,
    /// Set a variable in the session; without =VALUE, take this shell's
    #[arg(short, long, value_name = "NAME[=VALUE]")]
    env: Vec<String>,
    /// Columns and rows [default: this terminal's, else 80x24]
    #[arg(long, value_name = "COLSxROWS")]
    size: Option<Size>,
    /// Whether it must be recorded
    #[arg(long, value_enum, default_value_t = Record::BestEffort)]
    record: Record,
    /// End it after so long without a key typed or anything printed (30m, 2h)
    #[arg(long, value_name = "TIME", value_parser = duration::parse)]
    idle_timeout: Option<Duration>,
    /// End it so long after its start
    #[arg(long, value_name = "TIME", value_parser = duration::parse)]
    max_lifetime: Option<Duration>,
    /// Run it as this user (the daemon must be root's)
    #[arg(long, value_name = "USER")]
    account: Option<String>,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Record {
    /// Not at all
    Off,
    /// Go on when the recording cannot be written
    BestEffort,
    /// No session without its recording
    Required,
}

impl New {
    pub(crate) async fn run(self, place: &Place) -> Outcome {
        // Before anything is started: a session that nobody can see is not what was asked for.
        let terminal = if self.detached { None } else { Some(Terminal::open()?) };
        let how = How { write: true, scrollback: 0, chord: self.chord.keys()? };
        let client = place.connect_or_start().await?;
        let all = client.list().await?;
        if let Some(running) = self.running(&all) {
            return match terminal {
                Some(terminal) if self.attach => attach_to(&client, running, terminal, how).await,
                None if self.attach => self.print_name(running),
                _ => Err(Failure::Other(anyhow!(
                    "a session named {:?} runs already; `bastide attach` it, or choose another name",
                    sessions::label(running)
                ))),
            };
        }
        let made = self.create(&client, &all, terminal.as_ref()).await?;
        match terminal {
            Some(terminal) => attach_to(&client, &made, terminal, how).await,
            None => self.print_name(&made),
        }
    }

    fn running<'a>(&self, all: &'a [SessionInfo]) -> Option<&'a SessionInfo> {
        all.iter().find(|info| info.is_alive && self.name.is_some() && info.name == self.name)
    }

    fn print_name(&self, info: &SessionInfo) -> Outcome {
        output::line(&sessions::label(info))?;
        Ok(DONE)
    }

    async fn create(
        &self,
        client: &Client,
        all: &[SessionInfo],
        terminal: Option<&Terminal>,
    ) -> Result<SessionInfo, Failure> {
        let size = match (self.start.size, terminal) {
            (Some(size), _) => size,
            (None, Some(terminal)) => terminal.size(),
            (None, None) => Size { cols: 80, rows: 24 },
        };
        let name = self.name.clone().unwrap_or_else(|| sessions::free_name(all, &self.program_name()));
        let create = Create {
            cwd: Some(self.start.cwd()?),
            cols: Some(size.cols),
            rows: Some(size.rows),
            env: Some(self.start.environment()?),
            name: Some(name),
            argv: (!self.command.is_empty()).then(|| self.command.clone()),
            spec: Some(self.start.spec()),
            ..Create::default()
        };
        let created = client.create(create).await?;
        let all = client.list().await?;
        let made = all.into_iter().find(|info| info.id == created.session);
        made.ok_or_else(|| Failure::text("the new session is gone already; `bastide events` says why"))
    }

    /// The last part of the program's or the shell's path.
    fn program_name(&self) -> String {
        let shell =
            || nix::unistd::User::from_uid(nix::unistd::getuid()).ok().flatten().map(|user| user.shell);
        let program = self.command.first().map(PathBuf::from).or_else(shell).unwrap_or_default();
        program.file_name().map_or_else(|| "shell".to_owned(), |name| name.to_string_lossy().into_owned())
    }
}

impl Start {
    fn cwd(&self) -> Result<String, Failure> {
        let path = match &self.cwd {
            Some(dir) => {
                std::path::absolute(dir).with_context(|| format!("bad directory {}", dir.display()))?
            }
            None => std::env::current_dir().context("this directory is gone; name one with --cwd")?,
        };
        let text = |path: &Path| path.to_str().map(str::to_owned);
        Ok(text(&path).ok_or_else(|| anyhow!("the directory {} is not UTF-8", path.display()))?)
    }

    fn environment(&self) -> Result<BTreeMap<String, String>, Failure> {
        let passed = |name: &str| env::PASSED_ON.contains(&name) || name.starts_with(env::PASSED_ON_PREFIX);
        let mut all: BTreeMap<_, _> = std::env::vars_os()
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
            .filter(|(name, _)| passed(name))
            .collect();
        for item in &self.env {
            let (name, value) = match item.split_once('=') {
                Some((name, value)) => (name, value.to_owned()),
                None => (item.as_str(), std::env::var(item).with_context(|| format!("--env {item}"))?),
            };
            all.insert(name.to_owned(), value);
        }
        Ok(all)
    }

    fn spec(&self) -> Spec {
        let mode = match self.record {
            Record::Off => RecordingMode::Off,
            Record::BestEffort => RecordingMode::BestEffort,
            Record::Required => RecordingMode::Required,
        };
        Spec {
            account: self.account.clone(),
            recording: Some(RecordingSpec { mode, ..RecordingSpec::default() }),
            idle_timeout: self.idle_timeout.map(|time| time.as_secs()),
            max_lifetime: self.max_lifetime.map(|time| time.as_secs()),
            ..Spec::default()
        }
    }
}
