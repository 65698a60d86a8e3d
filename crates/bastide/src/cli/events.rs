//! `bastide events`

use bastide_ptyd_client::{LogEntry, LogEvent};
use clap::Args;

use super::daemon::Place;
use super::exit::{DONE, Failure, Outcome};
use super::{output, sessions};

/// Follow the daemon's log: sessions begun and ended, viewers, recordings
///
/// Prints what is there and goes on until you interrupt it.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  bastide events\n  bastide events --from 100 --json")]
pub(crate) struct Events {
    /// Number of the first entry wanted
    #[arg(long, value_name = "SEQ", default_value_t = 0)]
    from: u64,
    /// One JSON object a line
    #[arg(long)]
    json: bool,
}

impl Events {
    pub(crate) async fn run(self, place: &Place) -> Outcome {
        let mut events = place.connect().await?.subscribe(self.from).await?;
        while let Some(event) = events.next().await? {
            match event {
                LogEvent::Entry(entry) if self.json => output::line(&self.object(&entry)?)?,
                LogEvent::Entry(entry) => output::line(&text(&entry))?,
                LogEvent::Truncated { first_seq } => {
                    output::remark(&format!("entries before {first_seq} are no longer kept"));
                }
            }
        }
        output::remark("the sessions daemon has ended");
        Ok(DONE)
    }

    fn object(&self, entry: &LogEntry) -> Result<String, Failure> {
        serde_json::to_string(entry).map_err(|e| Failure::text(format!("cannot write JSON: {e}")))
    }
}

/// `12 2026-01-01T00:00:00Z session_ended 1a2b3c4d code=3`
fn text(entry: &LogEntry) -> String {
    let id = entry.uid.map_or_else(|| "-".to_owned(), sessions::short_id);
    let fields: String = entry.fields.iter().map(|(name, value)| format!(" {name}={value}")).collect();
    format!("{} {} {} {id}{fields}", entry.seq, entry.at, entry.kind)
}
