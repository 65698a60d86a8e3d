//! Time limits that stand still while a person is being asked.

use std::sync::Arc;
use std::time::Duration;

use bastide_wire::ssh::{PresentedKey, PromptKind};
use tokio::sync::watch;
use tokio::time::{Instant, sleep};

use crate::ask::{Answer, Ask, Question};

/// Longer texts of a server are cut: a person reads it in a dialog.
const MAX_TEXT: usize = 4096;

/// Asks about one server, and says to the dial's clock when it is waiting for a person.
#[derive(Debug, Clone)]
pub(crate) struct Asking {
    ask: Arc<dyn Ask>,
    server: String,
    open: Arc<watch::Sender<bool>>,
}

impl Asking {
    pub(crate) fn new(ask: Arc<dyn Ask>, server: &str) -> Self {
        Self { ask, server: server.to_owned(), open: Arc::new(watch::Sender::new(false)) }
    }

    pub(crate) async fn text(&self, kind: PromptKind, text: &str, echo: bool) -> Answer {
        self.question(Question { kind, server: self.server.clone(), text: plain(text), echo, key: None })
            .await
    }

    pub(crate) async fn host_key(&self, text: &str, key: PresentedKey) -> Answer {
        let kind = PromptKind::HostKey;
        self.question(Question {
            kind,
            server: self.server.clone(),
            text: plain(text),
            echo: true,
            key: Some(key),
        })
        .await
    }

    async fn question(&self, question: Question) -> Answer {
        let _closes = Open::new(&self.open);
        self.ask.ask(question).await
    }

    /// Runs `work` for at most `limit`, not counting the time that questions are open. `None` when it took longer.
    pub(crate) async fn limit<T>(&self, limit: Duration, work: impl Future<Output = T>) -> Option<T> {
        let mut open = self.open.subscribe();
        let mut work = std::pin::pin!(work);
        let mut left = limit;
        loop {
            let waiting = *open.borrow_and_update();
            let started = Instant::now();
            tokio::select! {
                done = &mut work => return Some(done),
                () = sleep(left), if !waiting => return None,
                // The sender lives in `self`.
                _ = open.changed() => if !waiting { left = left.saturating_sub(started.elapsed()); },
            }
        }
    }
}

/// Also closes when the question is dropped unanswered.
struct Open<'a>(&'a watch::Sender<bool>);

impl<'a> Open<'a> {
    fn new(open: &'a watch::Sender<bool>) -> Self {
        open.send_replace(true);
        Self(open)
    }
}

impl Drop for Open<'_> {
    fn drop(&mut self) {
        self.0.send_replace(false);
    }
}

/// A server's words without what could move a cursor or colour a page.
pub(crate) fn plain(text: &str) -> String {
    let mut plain: String = text.chars().filter(|c| *c == '\n' || !c.is_control()).take(MAX_TEXT).collect();
    plain.truncate(plain.trim_end().len());
    plain
}

/// The same in one line, for error texts.
pub(crate) fn line(text: &str) -> String {
    plain(text).split_whitespace().take(40).collect::<Vec<_>>().join(" ")
}
