//! `bastide config`

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

use super::daemon::Place;
use super::exit::{DONE, Failure, Outcome};
use super::{output, ptyd};
use crate::serve;

const AFTER_HELP: &str = "\
Examples:
  bastide config check                 both, before a start
  bastide config print serve
  bastide config print ptyd --file /etc/bastide/ptyd.toml";

/// Check the settings of the server and the sessions daemon, or show what they come to
///
/// They are read as `bastide serve` and `bastide ptyd` read them: the file, the environment, and for
/// ptyd --socket and --token-file.
#[derive(Debug, Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct Config {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Say whether they would start; the message names the file and line, variable or flag at fault
    Check(Source),
    /// Show the settings as lines of a file
    Print(Source),
}

#[derive(Debug, Args)]
struct Source {
    /// Whose settings; both by default
    #[arg(value_name = "PROCESS")]
    of: Option<Process>,
    /// File with settings [default: ptyd.toml or server.toml in $XDG_CONFIG_HOME/bastide, if there is
    /// one]
    #[arg(long, value_name = "FILE", requires = "of")]
    file: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Process {
    Ptyd,
    #[value(alias = "server")]
    Serve,
}

impl Config {
    pub(crate) fn run(self, place: &Place) -> Outcome {
        let (What::Check(source) | What::Print(source)) = &self.what;
        let both = [Process::Ptyd, Process::Serve];
        let mut text = String::new();
        for process in both.into_iter().filter(|one| source.of.is_none_or(|wanted| wanted == *one)) {
            let settings = process.read(source.file.clone(), place)?;
            if source.of.is_none() {
                let separator = if text.is_empty() { "" } else { "\n" };
                text.push_str(&format!("{separator}# {}\n", process.title()));
            }
            text.push_str(&settings);
        }
        if matches!(self.what, What::Print(_)) {
            output::print(text.as_bytes())?;
        }
        Ok(DONE)
    }
}

impl Process {
    fn title(self) -> &'static str {
        match self {
            Self::Ptyd => "bastide ptyd (ptyd.toml)",
            Self::Serve => "bastide serve (server.toml)",
        }
    }

    /// The settings as lines; what they warn of is said.
    fn read(self, file: Option<PathBuf>, place: &Place) -> Result<String, Failure> {
        let (text, warnings) = match self {
            Self::Ptyd => {
                let config = ptyd::load(file.as_deref(), &ptyd::place_flags(place))?;
                (shown(&config), config.warnings)
            }
            Self::Serve => {
                let config = serve::check(file)?;
                (config.shown(), config.warnings)
            }
        };
        for warning in &warnings {
            output::remark(warning);
        }
        Ok(text)
    }
}

/// As lines of a settings file.
fn shown(config: &bastide_ptyd::Config) -> String {
    let text = |path: &std::path::Path| format!("{:?}", path.to_string_lossy());
    let recording = format!(
        "{:?}",
        serde_json::to_value(config.recording).unwrap_or_default().as_str().unwrap_or_default()
    );
    let lines = [
        ("socket", text(&config.socket)),
        ("token_file", text(&config.token_file)),
        ("state_dir", text(&config.state_dir)),
        ("max_connections", config.max_connections.to_string()),
        ("max_sessions", config.max_sessions.to_string()),
        ("scrollback_lines", config.sessions.scrollback_lines.to_string()),
        ("scrollback_memory", config.scrollback_memory.to_string()),
        ("flow_threshold", config.sessions.flow_threshold.to_string()),
        ("flow_max_queue_size", config.sessions.flow_max_chunks.to_string()),
        ("flow_auto_disconnect", (config.flow == bastide_wire::spec::Flow::Disconnect).to_string()),
        ("input_queue_max_bytes", config.sessions.input_queue_bytes.to_string()),
        ("client_max_write_queue_bytes", config.sessions.viewer_queue_bytes.to_string()),
        ("session_event_queue_capacity", config.event_queue.to_string()),
        ("recording", recording),
        ("recording_reserve", config.recording_reserve.to_string()),
    ];
    lines.iter().map(|(key, value)| format!("{key} = {value}\n")).collect()
}
