//! `bastide attach` and `bastide watch`

mod asking;
mod told;
mod typing;
mod view;

use bastide_ptyd_client::{Client, ExitStatus, SessionInfo};
use clap::Args;

use super::chord::{Chord, Keys};
use super::daemon::Place;
use super::exit::{DONE, Failure, Outcome, Status};
use super::terminal::Terminal;
use super::{list, output, sessions};
use view::{End, View};

const AFTER_HELP: &str = "\
Ctrl-\\ then d leaves the session running; Ctrl-\\ twice sends one Ctrl-\\. What stood on your terminal \
goes up into its scrollback. When the program ends, its exit status becomes that of this command.

The writer that typed last decides the size. In a terminal of another size the screen is drawn as \
far as it fits; typing makes the session yours again.

When the program does not read, what you type waits; Ctrl-C then drops it and interrupts the program.

Examples:
  bastide attach build
  bastide attach --scrollback 1000 build
  bastide attach --detach-key 'ctrl-a d' build";

/// Work in a session
#[derive(Debug, Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct Attach {
    /// Name or id [default: the running session used last]
    session: Option<String>,
    /// Look only; nothing you type reaches the program
    #[arg(short, long)]
    read_only: bool,
    #[command(flatten)]
    look: Look,
}

/// Look at a session without being able to type; Ctrl-C leaves
#[derive(Debug, Args)]
pub(crate) struct Watch {
    /// Name or id [default: the running session used last]
    session: Option<String>,
    #[command(flatten)]
    look: Look,
}

#[derive(Debug, Args)]
struct Look {
    /// Lines above the screen to bring along
    #[arg(long, value_name = "LINES", default_value_t = 0)]
    scrollback: u32,
    #[command(flatten)]
    chord: Chord,
}

/// How to be attached.
#[derive(Debug)]
pub(crate) struct How {
    pub(crate) write: bool,
    pub(crate) scrollback: u32,
    pub(crate) chord: Keys,
}

impl Attach {
    pub(crate) async fn run(self, place: &Place) -> Outcome {
        self.look.run(place, self.session.as_deref(), !self.read_only).await
    }
}

impl Watch {
    pub(crate) async fn run(self, place: &Place) -> Outcome {
        self.look.run(place, self.session.as_deref(), false).await
    }
}

impl Look {
    async fn run(self, place: &Place, session: Option<&str>, write: bool) -> Outcome {
        let how = How { write, scrollback: self.scrollback, chord: self.chord.keys()? };
        let terminal = Terminal::open()?;
        let client = place.connect().await?;
        let info = sessions::choose(&client, session).await?;
        Box::pin(attach_to(&client, &info, terminal, how)).await
    }
}

/// Shows a session until it ends or the person leaves.
pub(crate) async fn attach_to(client: &Client, info: &SessionInfo, terminal: Terminal, how: How) -> Outcome {
    let label = sessions::label(info);
    if terminal.name().as_os_str() == info.pts.as_str() {
        return Err(Failure::text(format!("this terminal is session {label:?} itself")));
    }
    let mut view = View::begin(client, info, terminal, how).await?;
    let end = view.run().await;
    let notices = view.notices();
    // The terminal is the person's again before a word is said.
    drop(view);
    for notice in notices {
        output::remark(&format!("[{label}: {}]", list::printable(&notice)));
    }
    match end? {
        End::Left => {
            output::remark(&format!("[left {label}; it runs on: bastide attach {label}]"));
            Ok(DONE)
        }
        End::Exited(status) => {
            output::remark(&format!("[{label} ended, {}]", how_it_ended(status)));
            Ok(Status(u8::try_from(status.code).unwrap_or(1)))
        }
        End::Signal(number) => {
            output::remark(&format!("[left {label}; it runs on]"));
            Ok(Status(128_u8.saturating_add(number)))
        }
        End::Lost(why) => Err(Failure::text(format!("left {label}: {why}"))),
    }
}

fn how_it_ended(status: ExitStatus) -> String {
    match status.signal {
        Some(signal) => format!("signal {signal}"),
        None => format!("exit code {}", status.code),
    }
}
