//! `bastide config`

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::daemon::Place;
use super::exit::{DONE, Outcome};
use super::{output, ptyd};

/// Check the settings of the sessions daemon, or show what they come to
///
/// They are read as `bastide ptyd` reads them: the file, the environment, --socket and --token-file.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  bastide config check\n  bastide config print --file /etc/bastide/ptyd.toml"
)]
pub(crate) struct Config {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Say whether a daemon would start with them; the message names the file and line, variable or flag at fault
    Check(Source),
    /// Show them
    Print(Source),
}

#[derive(Debug, Args)]
struct Source {
    /// File with settings [default: ptyd.toml in $XDG_CONFIG_HOME/bastide, if there is one]
    #[arg(long, value_name = "FILE")]
    file: Option<PathBuf>,
}

impl Config {
    pub(crate) fn run(self, place: &Place) -> Outcome {
        let (What::Check(source) | What::Print(source)) = &self.what;
        let config = ptyd::load(source.file.as_deref(), &ptyd::place_flags(place))?;
        for warning in &config.warnings {
            output::remark(warning);
        }
        if matches!(self.what, What::Print(_)) {
            output::print(shown(&config).as_bytes())?;
        }
        Ok(DONE)
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
