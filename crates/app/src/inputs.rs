//! Which input piece of which page was taken last, so that a page that reconnects neither loses
//! nor doubles what was typed.
//!
//! A page numbers its pieces from 1 and sends them again after a reconnect. A number that was taken
//! is not taken twice; one that would leave a gap is passed over until the missing one comes. Where
//! the last number is not known the page begins at 1 again. While a piece is on its way the slot is
//! locked: the page's next connection waits and then knows.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};

use serde::{Deserialize, Serialize};
use tokio::sync::MutexGuard;
use uuid::Uuid;

/// Pages that are remembered; the one that has been silent longest goes first. At some 100 bytes
/// each this is under 1 MB. A page that was forgotten is told so, and sends nothing twice.
const MAX_PAGES: usize = 4096;

#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub(crate) struct Page {
    pub(crate) session: Uuid,
    pub(crate) client: String,
}

/// What a page's numbers say about a piece.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Turn {
    Take,
    AlreadyTaken,
    /// One before it is missing.
    TooEarly,
    /// The page has a newer connection.
    Superseded,
}

#[derive(Debug, Default)]
pub(crate) struct Progress {
    /// `None`: not known, because the page is new or its last piece's fate is.
    last: Option<u32>,
    /// Which connection of the page may write.
    connection: u64,
}

/// One page's place in the order.
#[derive(Debug, Clone)]
pub(crate) struct Slot {
    progress: Arc<tokio::sync::Mutex<Progress>>,
    connection: u64,
}

impl Slot {
    /// Waits for the piece that is on its way, if one is.
    pub(crate) async fn lock(&self) -> Held<'_> {
        Held { progress: self.progress.lock().await, connection: self.connection }
    }
}

/// While this lives, no other connection of the page can decide about a piece.
#[derive(Debug)]
pub(crate) struct Held<'a> {
    progress: MutexGuard<'a, Progress>,
    connection: u64,
}

impl Held<'_> {
    pub(crate) fn turn(&self, number: u32) -> Turn {
        if self.progress.connection != self.connection {
            return Turn::Superseded;
        }
        match self.progress.last {
            Some(last) if number <= last => Turn::AlreadyTaken,
            Some(last) if number == last.saturating_add(1) => Turn::Take,
            // So that nothing still on its way from before the doubt is taken without what it follows.
            None if number == 1 => Turn::Take,
            _ => Turn::TooEarly,
        }
    }

    pub(crate) fn took(&mut self, number: u32) {
        self.progress.last = Some(number);
    }

    /// The page says that it has sent nothing yet.
    pub(crate) fn taken_none(&mut self) {
        self.progress.last.get_or_insert(0);
    }

    /// It was not taken: it comes again, or another one under its number.
    pub(crate) fn refused(&mut self, number: u32) {
        self.progress.last.get_or_insert(number.saturating_sub(1));
    }

    /// The fate of a piece is not known: it may or may not have reached the program.
    pub(crate) fn lost_track(&mut self) {
        self.progress.last = None;
    }

    pub(crate) fn last(&self) -> Option<u32> {
        self.progress.last
    }
}

#[derive(Debug, Default)]
pub(crate) struct Inputs {
    pages: Mutex<Pages>,
}

#[derive(Debug, Default)]
struct Pages {
    slots: HashMap<Page, Arc<tokio::sync::Mutex<Progress>>>,
    /// Least recently opened first.
    order: VecDeque<Page>,
}

/// What is written when the server stops, so that the next one knows.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Remembered {
    pub(crate) page: Page,
    pub(crate) last: u32,
}

impl Inputs {
    /// The page's slot, for a new connection of it: an earlier connection may not write any more
    /// from the moment this returns.
    pub(crate) async fn open(&self, page: Page) -> Slot {
        let progress = self.slot(page);
        let connection = {
            let mut held = progress.lock().await;
            held.connection += 1;
            held.connection
        };
        Slot { progress, connection }
    }

    fn slot(&self, page: Page) -> Arc<tokio::sync::Mutex<Progress>> {
        let mut pages = self.pages.lock().unwrap_or_else(PoisonError::into_inner);
        if pages.slots.contains_key(&page) {
            pages.order.retain(|other| *other != page);
        } else if pages.slots.len() >= MAX_PAGES
            && let Some(oldest) = pages.order.pop_front()
        {
            pages.slots.remove(&oldest);
        }
        pages.order.push_back(page.clone());
        Arc::clone(pages.slots.entry(page).or_default())
    }

    /// What is known for certain. A piece that is on its way right now is left out.
    pub(crate) fn remembered(&self) -> Vec<Remembered> {
        let pages = self.pages.lock().unwrap_or_else(PoisonError::into_inner);
        let known = |page: &Page| pages.slots.get(page)?.try_lock().ok()?.last;
        let entry = |page: &Page| Some(Remembered { last: known(page)?, page: page.clone() });
        pages.order.iter().filter_map(entry).collect()
    }

    pub(crate) fn recall(&self, remembered: Vec<Remembered>) {
        for Remembered { page, last } in remembered.into_iter().take(MAX_PAGES) {
            if let Ok(mut progress) = self.slot(page).try_lock() {
                progress.last = Some(last);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(client: &str) -> Page {
        Page { session: Uuid::nil(), client: client.to_owned() }
    }

    #[tokio::test]
    async fn a_piece_is_taken_once_and_in_order() {
        let inputs = Inputs::default();
        let slot = inputs.open(page("a")).await;
        let mut held = slot.lock().await;
        assert_eq!(held.last(), None);
        assert_eq!(held.turn(2), Turn::TooEarly, "a page that is not known begins at 1");
        assert_eq!(held.turn(1), Turn::Take);
        held.took(1);
        assert_eq!(held.turn(1), Turn::AlreadyTaken);
        assert_eq!(held.turn(3), Turn::TooEarly);
        assert_eq!(held.turn(2), Turn::Take);
    }

    #[tokio::test]
    async fn of_a_page_that_sent_nothing_nothing_was_taken() {
        let inputs = Inputs::default();
        inputs.open(page("a")).await.lock().await.taken_none();
        assert_eq!(inputs.open(page("a")).await.lock().await.last(), Some(0));
    }

    #[tokio::test]
    async fn what_follows_a_refused_first_piece_waits_for_it() {
        let slot = Inputs::default().open(page("a")).await;
        let mut held = slot.lock().await;
        held.refused(1);
        assert_eq!(held.turn(2), Turn::TooEarly);
        assert_eq!(held.turn(1), Turn::Take);
    }

    #[tokio::test]
    async fn an_older_connection_may_not_write_any_more() {
        let inputs = Inputs::default();
        let old = inputs.open(page("a")).await;
        old.lock().await.took(1);
        let new = inputs.open(page("a")).await;
        assert_eq!(old.lock().await.turn(2), Turn::Superseded);
        assert_eq!(new.lock().await.last(), Some(1));
        assert_eq!(new.lock().await.turn(2), Turn::Take);
    }

    #[tokio::test]
    async fn the_next_connection_waits_for_the_piece_on_its_way() {
        let inputs = Inputs::default();
        let old = inputs.open(page("a")).await;
        let mut on_its_way = old.lock().await;
        let next = inputs.open(page("a"));
        tokio::pin!(next);
        assert!(futures_poll(next.as_mut()).is_none());
        on_its_way.took(5);
        drop(on_its_way);
        assert_eq!(next.await.lock().await.last(), Some(5));
    }

    fn futures_poll<F: Future>(future: std::pin::Pin<&mut F>) -> Option<F::Output> {
        let mut context = std::task::Context::from_waker(std::task::Waker::noop());
        match future.poll(&mut context) {
            std::task::Poll::Ready(output) => Some(output),
            std::task::Poll::Pending => None,
        }
    }

    #[tokio::test]
    async fn the_number_of_pages_is_bounded_and_the_silent_one_goes() {
        let inputs = Inputs::default();
        inputs.open(page("first")).await.lock().await.took(1);
        for other in 0..MAX_PAGES {
            inputs.open(page(&other.to_string())).await;
        }
        assert_eq!(inputs.pages.lock().map(|pages| pages.slots.len()).ok(), Some(MAX_PAGES));
        assert_eq!(inputs.open(page("first")).await.lock().await.last(), None);
    }

    #[tokio::test]
    async fn what_one_server_knew_the_next_knows() {
        let inputs = Inputs::default();
        inputs.open(page("a")).await.lock().await.took(3);
        inputs.open(page("b")).await.lock().await.lost_track();
        let next = Inputs::default();
        next.recall(inputs.remembered());
        assert_eq!(next.open(page("a")).await.lock().await.last(), Some(3));
        assert_eq!(next.open(page("b")).await.lock().await.last(), None);
    }
}
