//! `bastide send-keys`

use std::io::Read;

use anyhow::Context;
use clap::Args;

use super::daemon::Place;
use super::exit::{DONE, Outcome};
use super::{keys, sessions};

const AFTER_HELP: &str = "\
A KEY is a name (Enter, Tab, Escape, Space, BSpace, Up, Home, PageUp, Delete, F1 to F18), with C-, M- or \
S- in front for Ctrl, Alt and Shift (C-c, M-x, C-Left), or else text, typed as it is. Nothing stands \
between two KEYs.

Examples:
  bastide send-keys build 'make test' Enter
  bastide send-keys build --enter 'make test'
  bastide send-keys build C-c
  bastide send-keys build -l Enter            the word, not the key
  bastide send-keys build - < script.txt      what standard input holds";

/// Type into a session without attaching
#[derive(Debug, Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct SendKeys {
    /// Name or id
    session: String,
    /// Take every KEY as text
    #[arg(short, long)]
    literal: bool,
    /// Type Enter at the end
    #[arg(short, long)]
    enter: bool,
    /// Names of keys, text, or `-` for standard input
    #[arg(value_name = "KEY", required_unless_present = "enter", allow_hyphen_values = true)]
    keys: Vec<String>,
}

impl SendKeys {
    pub(crate) async fn run(self, place: &Place) -> Outcome {
        let client = place.connect().await?;
        let all = client.list().await?;
        let session = sessions::find(&all, &self.session)?.id;
        client.input(session, &self.bytes()?).await?;
        Ok(DONE)
    }

    fn bytes(&self) -> anyhow::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        for key in &self.keys {
            match (self.literal, key.as_str()) {
                (false, "-") => {
                    std::io::stdin().lock().read_to_end(&mut bytes).context("cannot read standard input")?;
                }
                (false, name) => bytes.extend(keys::bytes(name).unwrap_or_else(|| name.as_bytes().to_vec())),
                (true, text) => bytes.extend_from_slice(text.as_bytes()),
            }
        }
        if self.enter {
            bytes.push(b'\r');
        }
        Ok(bytes)
    }
}
