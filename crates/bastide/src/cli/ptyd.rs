//! `bastide ptyd`: the sessions daemon, and what is asked of one that runs.

mod activation;
mod doctor;
mod start;

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, anyhow};
use bastide_rt::config::{File, Flag};
use clap::{Args, Subcommand, ValueEnum};

use super::daemon::{self, Place};
use super::exit::{self, DONE, Failure, Outcome};
use super::output;

const AFTER_HELP: &str = "\
Without a command it runs in the foreground until SIGTERM, SIGINT or SIGHUP; its sessions end with it. \
Every setting can also stand in the file or the environment (BASTIDE_PTYD_...; the RUST_PTY_... names of \
the earlier daemon are understood).

Examples:
  bastide ptyd --daemonize
  bastide ptyd --socket /tmp/try.sock --state-dir /tmp/try
  bastide ptyd stop";

/// Run the sessions daemon
#[derive(Debug, Args)]
#[command(after_help = AFTER_HELP, args_conflicts_with_subcommands = true)]
pub(crate) struct Ptyd {
    #[command(subcommand)]
    ask: Option<Ask>,
    #[command(flatten)]
    settings: Settings,
    /// Go to the background when it listens
    #[arg(long)]
    daemonize: bool,
    /// Write `ready` and a line end to this descriptor when it listens
    #[arg(long, value_name = "N", hide = true)]
    ready_fd: Option<u32>,
    /// Begin a session of processes (setsid(2)), away from the terminal it was started from
    #[arg(long, hide = true)]
    own_session: bool,
}

/// What is asked of a daemon that runs.
#[derive(Debug, Subcommand)]
enum Ask {
    /// End the daemon and its sessions
    Stop,
    /// Take no new sessions; end after the last one. For an upgrade without ending anybody's terminal
    Drain,
    /// Say what keeps a session under command control in, on this machine and as this user
    Doctor(doctor::Doctor),
}

#[derive(Debug, Args)]
struct Settings {
    /// File with settings [default: ptyd.toml in $XDG_CONFIG_HOME/bastide, if there is one]
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Where recordings and the log are kept [default: $XDG_STATE_HOME/bastide/ptyd]
    #[arg(long, value_name = "DIR")]
    state_dir: Option<PathBuf>,
    /// Sessions at once [default: 1000]
    #[arg(long, value_name = "N")]
    max_sessions: Option<usize>,
    /// Connections at once [default: 128]
    #[arg(long, value_name = "N")]
    max_connections: Option<usize>,
    /// Lines kept above each screen [default: 10000]
    #[arg(long, value_name = "N")]
    scrollback_lines: Option<usize>,
    /// Recording where a client does not say [default: best-effort]
    #[arg(long, value_enum)]
    recording: Option<Recording>,
    /// How the log on standard error is written
    #[arg(long, value_enum, default_value_t = LogFormat::Text)]
    log_format: LogFormat,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Recording {
    Off,
    BestEffort,
    Required,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum LogFormat {
    Text,
    Json,
}

impl Ptyd {
    pub(crate) fn run(self, place: &Place) -> Outcome {
        match self.ask {
            Some(Ask::Stop) => exit::block_on(stop(place)),
            Some(Ask::Drain) => exit::block_on(drain(place)),
            Some(Ask::Doctor(doctor)) => doctor.run(),
            None if self.daemonize => {
                let args = std::env::args_os().skip(1).filter(|arg| arg != "--daemonize").collect();
                let pid = daemon::start(args)?.id();
                output::remark(&format!("the sessions daemon runs, pid {pid}"));
                Ok(DONE)
            }
            None => start::run(&self, place),
        }
    }
}

impl Settings {
    /// As the daemon's settings know them. Only what was given: the rest is its own to find.
    fn flags(&self, place: &Place) -> Vec<Flag> {
        let number = |number: Option<usize>| number.map(|number| number.to_string());
        let recording = self.recording.map(|recording| match recording {
            Recording::Off => "off",
            Recording::BestEffort => "best_effort",
            Recording::Required => "required",
        });
        let given = [
            ("--state-dir", "state_dir", text(self.state_dir.as_deref())),
            ("--max-sessions", "max_sessions", number(self.max_sessions)),
            ("--max-connections", "max_connections", number(self.max_connections)),
            ("--scrollback-lines", "scrollback_lines", number(self.scrollback_lines)),
            ("--recording", "recording", recording.map(str::to_owned)),
        ];
        place_flags(place).into_iter().chain(flags(given)).collect()
    }

    fn logging(&self) -> bastide_rt::logging::Logging {
        let format = match self.log_format {
            LogFormat::Text => bastide_rt::logging::Format::Text,
            LogFormat::Json => bastide_rt::logging::Format::Json,
        };
        bastide_rt::logging::Logging { filter: None, format }
    }
}

type Given = (&'static str, &'static str, Option<String>);

/// `--socket` and `--token-file`, as the daemon's settings know them.
pub(super) fn place_flags(place: &Place) -> Vec<Flag> {
    flags([
        ("--socket", "socket", text(place.socket.as_deref())),
        ("--token-file", "token_file", text(place.token_file.as_deref())),
    ])
    .collect()
}

fn text(path: Option<&Path>) -> Option<String> {
    path.map(|path| path.to_string_lossy().into_owned())
}

fn flags(given: impl IntoIterator<Item = Given>) -> impl Iterator<Item = Flag> {
    given.into_iter().filter_map(|(name, key, value)| Some(Flag { name, key, value: value? }))
}

/// The daemon's settings: the file by name, or the usual one if it is there; the environment; `flags`.
pub(super) fn load(file: Option<&Path>, flags: &[Flag]) -> Result<bastide_ptyd::Config, Failure> {
    let usual = bastide_rt::paths::config_dir().ok().map(|dir| dir.join("ptyd.toml"));
    let file = match (file, &usual) {
        (Some(file), _) => File::Required(file),
        (None, Some(file)) => File::IfPresent(file),
        (None, None) => File::None,
    };
    Ok(bastide_ptyd::Config::load(file, flags).context("the sessions daemon's settings")?)
}

/// It gives its sessions two seconds and its files five.
const STOP_DEADLINE: Duration = Duration::from_secs(15);

async fn stop(place: &Place) -> Outcome {
    let client = place.connect().await?;
    let pid = i32::try_from(client.daemon().pid).ok().and_then(rustix::process::Pid::from_raw);
    let pid = pid.ok_or_else(|| anyhow!("the daemon's pid {} is none", client.daemon().pid))?;
    // Taken before the signal: then it cannot be another process that has the number by now.
    let process = rustix::process::pidfd_open(pid, rustix::process::PidfdFlags::empty())
        .with_context(|| format!("the daemon's process {pid} is not here; is it in a container?"))?;
    rustix::process::pidfd_send_signal(&process, rustix::process::Signal::TERM)
        .with_context(|| format!("cannot signal the daemon, pid {pid}"))?;
    let ended = tokio::task::spawn_blocking(move || {
        let mut wait = [rustix::event::PollFd::new(&process, rustix::event::PollFlags::IN)];
        let deadline = rustix::event::Timespec::try_from(STOP_DEADLINE).expect("it is a few seconds");
        rustix::event::poll(&mut wait, Some(&deadline))
    });
    match ended.await.context("waiting for the daemon")? {
        Ok(1..) => {
            output::remark(&format!("the sessions daemon has ended, pid {pid}"));
            Ok(DONE)
        }
        _ => Err(Failure::text(format!(
            "the sessions daemon, pid {pid}, has not ended within {} s; a second SIGTERM ends it at once",
            STOP_DEADLINE.as_secs()
        ))),
    }
}

async fn drain(place: &Place) -> Outcome {
    let left = place.connect().await?.drain().await?;
    output::remark(&format!("the sessions daemon takes no new sessions; it ends when {left} have ended"));
    Ok(DONE)
}
