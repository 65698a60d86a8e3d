use std::fmt::Debug;
use std::future::{Future, ready};
use std::pin::Pin;
use std::sync::Arc;

use bastide_wire::ssh::{PresentedKey, PromptKind, Secret};

use crate::agent::Lender;

/// What only a person can answer while a connection is being made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Question {
    pub kind: PromptKind,
    /// The name of the server that it is about: one on the way, or the one meant.
    pub server: String,
    /// One or more lines for the person; control characters are taken out, at most 4 KB.
    pub text: String,
    /// Whether the answer may be shown while it is typed.
    pub echo: bool,
    /// With [`PromptKind::HostKey`] only.
    pub key: Option<PresentedKey>,
}

/// What came back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    Text(Secret),
    /// The host key is the right one.
    Accept,
    /// The person said no.
    Refused,
    /// Nobody answered in time.
    Expired,
    /// Nobody is there who could be asked.
    Nobody,
}

/// Whoever can reach a person. How long an answer is waited for is decided here: a dial waits as long as this does,
/// and does not count it to its own time limits. Dropping the future takes the question back.
pub trait Ask: Send + Sync + Debug {
    fn ask(&self, question: Question) -> Pin<Box<dyn Future<Output = Answer> + Send>>;

    /// The agent of whoever asks, for programs on the last server where one is to be forwarded; without one it is the
    /// key that logged in. A connection keeps that of its dial: who lends one isolates its connections.
    fn lender(&self) -> Option<Arc<dyn Lender>> {
        None
    }
}

/// For dials that nobody watches: every question fails the dial.
#[derive(Debug, Clone, Copy, Default)]
pub struct NobodyToAsk;

impl Ask for NobodyToAsk {
    fn ask(&self, _: Question) -> Pin<Box<dyn Future<Output = Answer> + Send>> {
        Box::pin(ready(Answer::Nobody))
    }
}
