//! `bastide kill`

use bastide_ptyd_client::{Client, SessionInfo};
use clap::Args;

use super::daemon::Place;
use super::exit::{DONE, Failure, Outcome};
use super::{output, sessions};

const AFTER_HELP: &str = "\
Without options a session's programs get SIGHUP, as when a terminal closes, and SIGKILL shortly after.

Examples:
  bastide kill build
  bastide kill --signal INT build    only Ctrl-C what runs in it
  bastide kill --all";

/// End sessions
#[derive(Debug, Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct Kill {
    /// Names or ids
    #[arg(required_unless_present = "all", value_name = "SESSION")]
    sessions: Vec<String>,
    /// Every session of the daemon
    #[arg(long, conflicts_with = "sessions")]
    all: bool,
    /// Only send this signal to the program in the foreground
    #[arg(short, long, value_name = "NAME", conflicts_with = "now")]
    signal: Option<String>,
    /// SIGKILL at once
    #[arg(long)]
    now: bool,
}

impl Kill {
    pub(crate) async fn run(self, place: &Place) -> Outcome {
        let client = place.connect().await?;
        let all = client.list().await?;
        if self.all {
            for info in all.iter().filter(|info| info.is_alive) {
                self.kill(&client, info).await?;
            }
            return Ok(DONE);
        }
        // All of them are known before the first is touched.
        let found: Result<Vec<_>, _> = self.sessions.iter().map(|word| sessions::find(&all, word)).collect();
        for info in found? {
            self.kill(&client, info).await?;
        }
        Ok(DONE)
    }

    async fn kill(&self, client: &Client, info: &SessionInfo) -> Result<(), Failure> {
        match (&self.signal, info.uid) {
            (Some(signal), _) => client.signal(info.id, signal).await?,
            (None, Some(uid)) if !self.now => client.end(uid, "ended from the command line").await?,
            (None, _) => client.kill(info.id).await?,
        }
        if self.signal.is_none() {
            output::remark(&format!("ended {}", sessions::label(info)));
        }
        Ok(())
    }
}
