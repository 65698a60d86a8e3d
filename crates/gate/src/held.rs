//! A command that waits for a second person: what its client is told, and how it gives up.

use std::pin::pin;

use bastide_app::exec::{Approval, Held};
use bastide_app::sessions::{self, NewSession};
use bastide_app::{Ctx, Error};
use bytes::Bytes;
use tokio::sync::oneshot;
use uuid::Uuid;

use crate::channel::{Failed, Visit};
use crate::inbox::{Event, Urgent};
use crate::terminal::notice;

/// Columns and rows.
type Size = (u16, u16);

/// Signals that would end a program that does not run yet.
const ENDING: [&str; 5] = ["HUP", "INT", "KILL", "QUIT", "TERM"];
/// Ctrl-C, as a terminal in raw mode sends it.
const INTERRUPT: u8 = 0x03;
/// So much is typed ahead of a command that waits. More is not taken from the client; it may still leave.
const AHEAD: usize = 64 * 1024;

pub(crate) fn waiting(held: &Held) -> String {
    let why = match (held.reason.en.as_str(), &held.rule) {
        ("", Some(rule)) => format!(" (rule {rule})"),
        ("", None) => String::new(),
        (reason, _) => format!(" ({reason})"),
    };
    let until = held.expires.strftime("%H:%M:%S UTC");
    format!(
        "the command waits until {until} for a reviewer or an administrator to approve it{why}: review {}",
        held.review
    )
}

pub(crate) fn approved(Approval { by, reason, .. }: &Approval) -> String {
    let reason = if reason.is_empty() { String::new() } else { format!(": {reason}") };
    format!("approved by {by}{reason}")
}

fn gave_up() -> Failed {
    Error::Invalid("the command was given up".to_owned()).into()
}

/// The client left, or interrupts what it waits for.
pub(crate) async fn given_up(visit: &Visit) -> Failed {
    loop {
        match visit.inbox.urgent().await {
            Urgent::Closed => return Failed::Gone,
            Urgent::Signal(name) if ENDING.contains(&name.as_str()) => return gave_up(),
            Urgent::Signal(_) | Urgent::Size(_) => {}
        }
    }
}

/// Opens a session for a command in the client's terminal; the size that it was given meanwhile. While it waits, Ctrl-C
/// gives it up; other keys are for the command.
pub(crate) async fn in_terminal(
    visit: &Visit,
    ctx: &Ctx,
    (new, command): (NewSession, String),
) -> Result<(Uuid, Option<Size>), Failed> {
    let (waits, held) = oneshot::channel();
    let mut opening = pin!(sessions::run(ctx, (new, command), waits));
    let held = tokio::select! {
        opened = opening.as_mut() => return Ok((opened?.0.session.uid, None)),
        Ok(held) = held => held,
    };
    visit.peer.output(notice(&format!("{}; Ctrl-C gives it up", waiting(&held)))).await?;
    let mut ahead = Ahead::default();
    let (session, approval) = tokio::select! {
        opened = opening.as_mut() => opened?,
        failed = ahead.given_up(visit) => return Err(failed),
    };
    let size = ahead.give_back(visit);
    if let Some(approval) = approval {
        visit.peer.output(notice(&approved(&approval))).await?;
    }
    Ok((session.session.uid, size))
}

/// What is typed while a command waits.
#[derive(Debug, Default)]
struct Ahead {
    kept: Vec<Bytes>,
    size: Option<Size>,
}

impl Ahead {
    async fn given_up(&mut self, visit: &Visit) -> Failed {
        loop {
            let room = self.kept.iter().map(Bytes::len).sum::<usize>() < AHEAD;
            tokio::select! {
                urgent = visit.inbox.urgent() => match urgent {
                    Urgent::Closed => return Failed::Gone,
                    Urgent::Signal(name) if ENDING.contains(&name.as_str()) => return gave_up(),
                    Urgent::Size(size) => self.size = Some(size),
                    Urgent::Signal(_) => {}
                },
                event = visit.inbox.next(), if room => match event {
                    Some(Event::Data(bytes)) if bytes.contains(&INTERRUPT) => return gave_up(),
                    Some(Event::Data(bytes)) => self.kept.push(bytes),
                    // A terminal hears the end of its input from a key.
                    Some(_) => {}
                    None => return Failed::Gone,
                },
            }
        }
    }

    /// Keys for the command; the size that it is to have.
    fn give_back(self, visit: &Visit) -> Option<Size> {
        for bytes in self.kept.into_iter().rev() {
            visit.inbox.unread(bytes);
        }
        self.size
    }
}
