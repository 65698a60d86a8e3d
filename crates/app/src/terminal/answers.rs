//! Questions of a session that is being dialled, and what the page says to them.

use bastide_ptyd_client::{self as ptyd, Answer, Prompt, PromptKind, Writer};
use tokio::sync::mpsc;
use uuid::Uuid;

use super::Event;
use crate::context::Ctx;
use crate::{Error, host_keys};

/// Answers that wait to be passed on; there are no more questions open at once.
pub(super) const MAX_ANSWERS: usize = 8;

/// An answer on its way.
#[derive(Debug)]
pub(super) struct Said {
    pub(super) prompt_id: Uuid,
    pub(super) answer: Answer,
}

/// What this page has been asked, and its answers.
#[derive(Debug)]
pub(super) struct Answers {
    said: mpsc::Receiver<Said>,
    open: Vec<Prompt>,
    writer: Option<Writer>,
}

impl Answers {
    pub(super) fn new(said: mpsc::Receiver<Said>) -> Self {
        Self { said, open: Vec::new(), writer: None }
    }

    /// The session daemon asks again what is open.
    pub(super) fn attached(&mut self, writer: Option<Writer>) {
        self.open.clear();
        self.writer = writer;
    }

    pub(super) fn asked(&mut self, prompt: &Prompt) {
        self.open.push(prompt.clone());
    }

    pub(super) fn closed(&mut self, prompt_id: Uuid) {
        self.open.retain(|prompt| prompt.prompt_id != prompt_id);
    }

    /// The next answer of the page; waits for ever when the page is gone. Cancel-safe.
    pub(super) async fn next(&mut self) -> Said {
        match self.said.recv().await {
            Some(said) => said,
            None => std::future::pending().await,
        }
    }

    /// Passes an answer on; what to tell the page if that did not go well. A host key is kept before the
    /// connection goes on with it.
    pub(super) async fn pass_on(&self, ctx: &Ctx, session: Uuid, said: Said) -> Vec<Event> {
        let prompt = self.open.iter().find(|prompt| prompt.prompt_id == said.prompt_id);
        let (Some(prompt), Some(writer)) = (prompt, &self.writer) else {
            return vec![notice("that question is not open any more")];
        };
        if said.answer == Answer::Accept
            && let Err(error) = pin(ctx, session, prompt).await
        {
            let why = notice(&format!("the host key was not kept: {error}"));
            if matches!(error, Error::Conflict(_)) {
                // Somebody was faster with another key: this one will not be accepted however often it is asked.
                writer.answer(said.prompt_id, Answer::Refuse).await.ok();
                return vec![why];
            }
            // The page has taken the question off its screen.
            return vec![why, Event::Question(Question::Asked(Box::new(prompt.clone())))];
        }
        match writer.answer(said.prompt_id, said.answer).await {
            Ok(()) => Vec::new(),
            Err(ptyd::Error::Reply { message, .. }) => vec![notice(&message)],
            // The connection broke: the page is greeted anew and asked again.
            Err(_) => Vec::new(),
        }
    }
}

async fn pin(ctx: &Ctx, session: Uuid, prompt: &Prompt) -> Result<(), Error> {
    match (prompt.kind, &prompt.key) {
        (PromptKind::HostKey, Some(key)) => host_keys::accept(&ctx.fresh().await?, session, key).await,
        _ => Ok(()),
    }
}

fn notice(text: &str) -> Event {
    Event::Notice { kind: "prompt".to_owned(), text: text.to_owned(), command: None }
}

/// What only a person can answer, for whoever may type.
#[derive(Debug, Clone)]
pub enum Question {
    Asked(Box<Prompt>),
    /// It needs no answer any more.
    Closed(Uuid),
}
