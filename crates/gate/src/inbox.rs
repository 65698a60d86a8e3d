//! What a client sends into one channel, until it is taken.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bastide_app::streams::ClientAgent;
use bytes::Bytes;
use tokio::sync::Notify;

use crate::flow::Flow;

/// In their order.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Event {
    /// A terminal of this size.
    Pty((u16, u16)),
    Env {
        name: String,
        value: String,
    },
    /// It lends its agent.
    Agent(ClientAgent),
    Shell,
    Exec(Vec<u8>),
    Subsystem(String),
    Data(Bytes),
    Eof,
}

impl Event {
    /// What it counts among what waits: many small ones are much as well.
    fn weight(&self) -> usize {
        const ENTRY: usize = 64;
        ENTRY
            + match self {
                Self::Data(bytes) => bytes.len(),
                Self::Exec(bytes) => bytes.len(),
                Self::Env { name, value } => name.len() + value.len(),
                Self::Subsystem(text) => text.len(),
                Self::Pty(_) | Self::Agent(_) | Self::Shell | Self::Eof => 0,
            }
    }
}

/// What does not wait behind bytes that nobody reads.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Urgent {
    Size((u16, u16)),
    Signal(String),
    /// The client is gone, or wants no more of this channel.
    Closed,
}

/// More signals than these say nothing new.
const MAX_SIGNALS: usize = 8;

#[derive(Debug)]
pub(crate) struct Inbox {
    flow: Arc<Flow>,
    state: Mutex<State>,
    news: Notify,
    urgent: Notify,
}

#[derive(Debug, Default)]
struct State {
    events: VecDeque<Event>,
    size: Option<(u16, u16)>,
    signals: VecDeque<String>,
    closed: bool,
    /// Nobody takes any more.
    abandoned: bool,
}

impl Inbox {
    pub(crate) fn new(flow: Arc<Flow>) -> Self {
        Self { flow, state: Mutex::default(), news: Notify::new(), urgent: Notify::new() }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// False when the client has sent far too much.
    pub(crate) fn push(&self, event: Event) -> bool {
        let mut state = self.state();
        if state.closed || state.abandoned {
            return true;
        }
        let fits = self.flow.came(event.weight());
        state.events.push_back(event);
        drop(state);
        self.news.notify_one();
        fits
    }

    /// The last one counts.
    pub(crate) fn resize(&self, size: (u16, u16)) {
        self.state().size = Some(size);
        self.urgent.notify_one();
    }

    pub(crate) fn signal(&self, name: String) {
        let mut state = self.state();
        if state.signals.len() < MAX_SIGNALS {
            state.signals.push_back(name);
        }
        drop(state);
        self.urgent.notify_one();
    }

    pub(crate) fn close(&self) {
        self.state().closed = true;
        self.news.notify_one();
        self.urgent.notify_one();
    }

    /// What has come waits for nobody any more.
    pub(crate) fn abandon(&self) {
        let mut state = self.state();
        state.abandoned = true;
        let left: usize = state.events.drain(..).map(|event| event.weight()).sum();
        drop(state);
        self.flow.went(left);
    }

    /// What was taken and is for the next taker.
    pub(crate) fn unread(&self, bytes: Bytes) {
        let event = Event::Data(bytes);
        // It has been let in once.
        let _ = self.flow.came(event.weight());
        self.state().events.push_front(event);
        self.news.notify_one();
    }

    pub(crate) fn is_abandoned(&self) -> bool {
        self.state().abandoned
    }

    /// The next one; `None` at the end. Cancel-safe; one taker at a time.
    pub(crate) async fn next(&self) -> Option<Event> {
        loop {
            {
                let mut state = self.state();
                if let Some(event) = state.events.pop_front() {
                    drop(state);
                    self.flow.went(event.weight());
                    return Some(event);
                }
                if state.closed {
                    return None;
                }
            }
            self.news.notified().await;
        }
    }

    /// What cannot wait; [`Urgent::Closed`] for ever after the end. Cancel-safe; one taker at a time.
    pub(crate) async fn urgent(&self) -> Urgent {
        loop {
            {
                let mut state = self.state();
                if let Some(size) = state.size.take() {
                    return Urgent::Size(size);
                }
                if let Some(signal) = state.signals.pop_front() {
                    return Urgent::Signal(signal);
                }
                if state.closed {
                    return Urgent::Closed;
                }
            }
            self.urgent.notified().await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn bytes_come_in_order_and_what_cannot_wait_passes_them() {
        let flow = Arc::new(Flow::default());
        let inbox = Inbox::new(Arc::clone(&flow));
        assert!(inbox.push(Event::Data(Bytes::from_static(b"a"))));
        inbox.resize((1, 2));
        inbox.resize((3, 4));
        inbox.signal("INT".to_owned());
        assert_eq!(inbox.urgent().await, Urgent::Size((3, 4)));
        assert_eq!(inbox.urgent().await, Urgent::Signal("INT".to_owned()));
        assert!(inbox.push(Event::Eof));
        inbox.close();
        assert_eq!(inbox.urgent().await, Urgent::Closed);
        assert_eq!(inbox.next().await, Some(Event::Data(Bytes::from_static(b"a"))));
        assert_eq!(inbox.next().await, Some(Event::Eof));
        assert_eq!(inbox.next().await, None);
    }

    #[tokio::test]
    async fn what_is_left_behind_weighs_no_more() {
        let flow = Arc::new(Flow::default());
        let inbox = Inbox::new(Arc::clone(&flow));
        assert!(inbox.push(Event::Data(Bytes::from(vec![0; 600_000]))));
        assert!(flow.window() < crate::flow::WINDOW);
        inbox.abandon();
        assert_eq!(flow.window(), crate::flow::WINDOW);
        assert!(inbox.push(Event::Eof), "nobody hears it");
        assert_eq!(flow.window(), crate::flow::WINDOW);
    }
}
