//! A shell that is being dialled, and the questions that only a person can answer on the way.
//!
//! The dial is polled by the session's own task. Dropping it gives the dial up and takes its questions back.

use std::fmt::Debug;
use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use bastide_ssh::{Answer, Ask, Error, Pool, Question, Shell, ShellOptions};
use bastide_vt::Size;
use bastide_wire::event::{MAX_PROMPT, Prompt};
use bastide_wire::ssh::{PromptKind, Ssh};
use jiff::Timestamp;
use tokio::sync::{mpsc, oneshot};
use uuid::Uuid;

use crate::config::OPEN_QUESTIONS;

/// A dial in progress.
pub type Dial = Pin<Box<dyn Future<Output = Result<Shell, Error>> + Send>>;

/// Who makes shells on other machines: the daemon's pool, or a test.
pub trait Dialler: Send + Sync + Debug {
    /// Begins; nothing happens before the result is polled, and dropping it gives up.
    fn dial(&self, to: Box<Ssh>, options: ShellOptions, ask: Arc<dyn Ask>) -> Dial;
}

impl Dialler for Pool {
    fn dial(&self, to: Box<Ssh>, options: ShellOptions, ask: Arc<dyn Ask>) -> Dial {
        let pool = self.clone();
        // What was asked for holds secrets: it goes with the dial.
        Box::pin(async move { pool.shell(&to, options, ask).await })
    }
}

/// A question on its way to the session, with the place for its answer.
#[derive(Debug)]
struct Asked {
    question: Question,
    answer: oneshot::Sender<Answer>,
}

/// The dial's way to whoever watches the session.
#[derive(Debug)]
struct Asker(mpsc::Sender<Asked>);

impl Ask for Asker {
    fn ask(&self, question: Question) -> Pin<Box<dyn Future<Output = Answer> + Send>> {
        let session = self.0.clone();
        Box::pin(async move {
            let (answer, answered) = oneshot::channel();
            if session.send(Asked { question, answer }).await.is_err() {
                return Answer::Nobody;
            }
            answered.await.unwrap_or(Answer::Nobody)
        })
    }
}

/// A question that viewers have been or will be asked.
#[derive(Debug)]
pub(crate) struct OpenQuestion {
    pub(crate) id: Uuid,
    pub(crate) question: Question,
    pub(crate) expires: Instant,
    /// The same moment on the wall.
    expires_at: String,
    answer: oneshot::Sender<Answer>,
}

impl OpenQuestion {
    fn new(asked: Asked, within: Duration) -> Self {
        let Asked { mut question, answer } = asked;
        question.text = printable(&question.text);
        question.server = printable(&question.server);
        let wall = Timestamp::now() + within;
        Self {
            id: Uuid::new_v4(),
            question,
            expires: Instant::now() + within,
            expires_at: wall.to_string(),
            answer,
        }
    }

    /// As one viewer is asked it.
    pub(crate) fn prompt(&self, session: u32, uid: Uuid, viewer: u32) -> Prompt {
        Prompt {
            session,
            viewer,
            prompt_id: self.id,
            uid,
            kind: self.question.kind,
            server: self.question.server.clone(),
            text: self.question.text.clone(),
            echo: self.question.echo,
            expires: self.expires_at.clone(),
            key: self.question.key.clone(),
        }
    }

    /// Hands the answer to the dial, which may be gone.
    pub(crate) fn answer(self, answer: Answer) {
        let _ = self.answer.send(answer);
    }
}

/// What a server says is shown to people: no control characters, no tricks with the direction of writing, and
/// not more than anybody reads.
fn printable(text: &str) -> String {
    let shown = |c: &char| {
        (*c == '\n' || !c.is_control())
            && !matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{200e}' | '\u{200f}')
    };
    let mut text: String = text.chars().filter(shown).take(MAX_PROMPT).collect();
    text.truncate(text.floor_char_boundary(MAX_PROMPT));
    text
}

/// What a viewer's reply means for a question of this kind.
pub(crate) fn answer_of(kind: PromptKind, reply: crate::command::PromptAnswer) -> Answer {
    match (kind, reply.accept, reply.text) {
        (PromptKind::HostKey, true, _) => Answer::Accept,
        (PromptKind::HostKey, false, _) | (_, _, None) => Answer::Refused,
        (_, _, Some(text)) => Answer::Text(text),
    }
}

pub(crate) struct Dialling {
    dial: Dial,
    questions: mpsc::Receiver<Asked>,
    pub(crate) open: Vec<OpenQuestion>,
    answer_within: Duration,
    /// The size that the shell begins with.
    pub(crate) size: Size,
}

/// What has happened to a dial.
pub(crate) enum Step {
    /// It ends here.
    Done(Result<Shell, Error>),
    /// The last of the open questions is new.
    Asked,
    /// The dial waits for this one's answer no longer.
    TakenBack(OpenQuestion),
}

impl Dialling {
    pub(crate) fn begin(
        dialler: &dyn Dialler,
        (to, term, env): (Box<Ssh>, String, Vec<(String, String)>),
        size: Size,
        answer_within: Duration,
    ) -> Self {
        let (sender, questions) = mpsc::channel(1);
        let options = ShellOptions { cols: size.cols, rows: size.rows, term, env };
        let dial = dialler.dial(to, options, Arc::new(Asker(sender)));
        Self { dial, questions, open: Vec::new(), answer_within, size }
    }

    /// The next step; not to be called after [`Step::Done`]. Cancel-safe: all state is here.
    pub(crate) async fn next(&mut self) -> Step {
        poll_fn(|cx| self.poll(cx)).await
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Step> {
        if let Poll::Ready(result) = self.dial.as_mut().poll(cx) {
            return Poll::Ready(Step::Done(result));
        }
        let taken_back = self.open.iter_mut().position(|open| open.answer.poll_closed(cx).is_ready());
        if let Some(index) = taken_back {
            return Poll::Ready(Step::TakenBack(self.open.remove(index)));
        }
        if self.open.len() < OPEN_QUESTIONS
            && let Poll::Ready(Some(asked)) = self.questions.poll_recv(cx)
        {
            self.open.push(OpenQuestion::new(asked, self.answer_within));
            return Poll::Ready(Step::Asked);
        }
        Poll::Pending
    }

    pub(crate) fn take(&mut self, id: Uuid) -> Option<OpenQuestion> {
        let index = self.open.iter().position(|open| open.id == id)?;
        Some(self.open.remove(index))
    }

    /// Questions whose time is over.
    pub(crate) fn take_expired(&mut self, now: Instant) -> Vec<OpenQuestion> {
        self.open.extract_if(.., |open| open.expires <= now).collect()
    }

    pub(crate) fn next_expiry(&self) -> Option<Instant> {
        self.open.iter().map(|open| open.expires).min()
    }
}
