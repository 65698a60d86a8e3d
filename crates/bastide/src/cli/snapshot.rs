//! `bastide snapshot`

use bastide_ptyd_client::SessionInfo;
use bastide_vt::{Effects, Scrollback, Size, Terminal};
use clap::{Args, ValueEnum};
use serde_json::{Value, json};

use super::daemon::Place;
use super::exit::{DONE, Outcome};
use super::fitted::CLEAR;
use super::{output, sessions};

const AFTER_HELP: &str = "\
Examples:
  bastide snapshot build
  bastide snapshot --scrollback all build > build.txt
  bastide snapshot --format ansi build | less -R
  bastide snapshot --format json build | jq .cursor";

/// Print a session's screen
#[derive(Debug, Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct Snapshot {
    /// Name or id [default: the running session used last]
    session: Option<String>,
    #[arg(short, long, value_enum, default_value_t = Format::Text)]
    format: Format,
    /// Lines above the screen: a number, or `all`
    #[arg(long, value_name = "LINES", default_value = "0", value_parser = lines)]
    scrollback: u32,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Format {
    /// Characters only
    Text,
    /// With colours and attributes
    Ansi,
    /// Lines, cursor, modes, title, directory, position
    Json,
}

fn lines(text: &str) -> Result<u32, String> {
    if text == "all" {
        return Ok(u32::MAX);
    }
    text.parse().map_err(|_| "a number of lines, or `all`".to_owned())
}

impl Snapshot {
    pub(crate) async fn run(self, place: &Place) -> Outcome {
        let client = place.connect().await?;
        let info = sessions::choose(&client, self.session.as_deref()).await?;
        let snapshot = client.snapshot(info.id, self.scrollback).await?;
        let mut screen = screen(&snapshot);
        match self.format {
            Format::Text => output::line(&screen.text(Scrollback::All))?,
            Format::Ansi => {
                let content = screen.seed_snapshot(usize::MAX).content;
                output::line(&content.strip_prefix(CLEAR).unwrap_or(&content).replace("\r\n", "\n"))?;
            }
            Format::Json => output::json(&object(&info, &snapshot, &screen))?,
        }
        Ok(DONE)
    }
}

/// A terminal in the snapshot's state.
fn screen(snapshot: &bastide_ptyd_client::Snapshot) -> Terminal {
    let size = Size { cols: snapshot.cols, rows: snapshot.rows };
    // As many lines as the daemon has sent.
    let config = bastide_vt::Config { scrollback_lines: usize::MAX, ..bastide_vt::Config::default() };
    let mut screen = Terminal::new(size, config);
    screen.feed(snapshot.restore.as_deref().unwrap_or_default(), &mut Effects::default());
    screen
}

fn object(info: &SessionInfo, snapshot: &bastide_ptyd_client::Snapshot, screen: &Terminal) -> Value {
    let text = screen.text(Scrollback::All);
    json!({
        "uid": info.uid,
        "name": info.name,
        "pos": snapshot.pos,
        "cols": snapshot.cols,
        "rows": snapshot.rows,
        "cursor": { "x": snapshot.cursor_x, "y": snapshot.cursor_y },
        "modes": snapshot.modes,
        "title": snapshot.title,
        "cwd": snapshot.cwd,
        "scrollback_lines": screen.scrollback_lines(),
        "lines": text.lines().collect::<Vec<_>>(),
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn scrollback_is_a_number_or_all() {
        assert_eq!((lines("all"), lines("12")), (Ok(u32::MAX), Ok(12)));
        assert!(lines("-1").is_err());
    }
}
