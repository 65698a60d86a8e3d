//! How a command ends, and what the shell sees of it.

use std::future::Future;
use std::io::Write;
use std::process::ExitCode;

use bastide_ptyd_client::Error;
use bastide_wire::Code;

/// 0 and 2 come from the program's beginning and from clap.
const FAILED: u8 = 1;
const NOT_FOUND: u8 = 3;
/// The daemon or the server is not there.
const AWAY: u8 = 4;
const REFUSED: u8 = 5;

/// A status for the shell, or why not.
pub(crate) type Outcome = Result<Status, Failure>;

/// The exit status of a command that did what it was asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Status(pub(crate) u8);

pub(crate) const DONE: Status = Status(0);

#[derive(Debug)]
pub(crate) enum Failure {
    /// Anything that has no status of its own.
    Other(anyhow::Error),
    /// No such session, user, token or recording; the text says which.
    NotFound(String),
    /// The server cannot be reached, or is not the one that is trusted.
    NoServer(String),
    /// Not logged in, or not allowed.
    Refused(String),
    /// The daemon's answer, or that there is none.
    Daemon(Error),
    /// Whoever read our output has gone. Not an error of ours, and nobody to tell.
    Unread,
}

impl From<anyhow::Error> for Failure {
    fn from(error: anyhow::Error) -> Self {
        Self::Other(error)
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Daemon(error)
    }
}

impl Failure {
    pub(crate) fn text(text: impl Into<String>) -> Self {
        Self::Other(anyhow::Error::msg(text.into()))
    }

    fn status(&self) -> u8 {
        match self {
            Self::Other(_) => FAILED,
            Self::NotFound(_) => NOT_FOUND,
            Self::NoServer(_) | Self::Daemon(Error::NoDaemon { .. }) => AWAY,
            Self::Refused(_) => REFUSED,
            Self::Daemon(error) if error.is(Code::NotFound) => NOT_FOUND,
            Self::Daemon(_) => FAILED,
            Self::Unread => 0,
        }
    }

    pub(crate) fn message(&self) -> Option<String> {
        Some(match self {
            Self::Other(error) => chain(error),
            Self::NotFound(text) | Self::NoServer(text) | Self::Refused(text) => text.clone(),
            Self::Daemon(error) => match advice(error) {
                Some(advice) => format!("{error}; {advice}"),
                None => error.to_string(),
            },
            Self::Unread => return None,
        })
    }
}

/// The error and its causes, each once: many quote their cause already.
fn chain(error: &anyhow::Error) -> String {
    error.chain().fold(String::new(), |said, cause| {
        let cause = cause.to_string();
        if said.is_empty() {
            cause
        } else if said.contains(&cause) {
            said
        } else {
            format!("{said}: {cause}")
        }
    })
}

/// What to do about an error that many commands can meet.
fn advice(error: &Error) -> Option<&'static str> {
    match error {
        Error::NoDaemon { .. } => Some("start one with `bastide new` or `bastide ptyd`"),
        Error::Token { .. } => {
            Some("name the daemon's token file with --token-file or BASTIDE_PTYD_TOKEN_FILE")
        }
        Error::Refused { .. } if error.is(Code::AuthFailed) => {
            Some("the token file is not this daemon's: see --token-file")
        }
        Error::Dropped { .. } => Some("it may have reached its limit of connections"),
        Error::Reply { .. } if error.is(Code::LimitReached) => {
            Some("end some sessions (`bastide ls`, `bastide kill`) or raise the limit")
        }
        Error::Reply { .. } if error.is(Code::Draining) => {
            Some("it ends after its last session; start another on its own --socket")
        }
        Error::Unsupported { .. } => Some("end its sessions and start the daemon of this release"),
        _ => None,
    }
}

/// Says what there is to say and gives the shell its status.
pub(crate) fn code(outcome: Outcome) -> ExitCode {
    match outcome {
        Ok(Status(status)) => ExitCode::from(status),
        Err(failure) => {
            if let Some(message) = failure.message() {
                // Nobody reads our errors: then there is nobody to tell.
                let _ = writeln!(std::io::stderr(), "bastide: {message}");
            }
            ExitCode::from(failure.status())
        }
    }
}

/// Runs a short command: one thread is enough.
pub(crate) fn block_on<F: Future<Output = Outcome>>(command: F) -> Outcome {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|e| Failure::text(format!("cannot start: {e}")))?;
    let outcome = runtime.block_on(command);
    // Nothing is left to do; a blocking read of a terminal must not hold up the end.
    runtime.shutdown_background();
    outcome
}
