//! How much memory the scrollback of all sessions may take together.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::sync::Notify;

/// A shared account. Sessions report what they hold; whoever waits in [`Self::exceeded`] makes
/// the oldest idle ones give some back.
#[derive(Debug, Clone)]
pub struct ScrollbackBudget(Arc<Account>);

#[derive(Debug)]
struct Account {
    held: AtomicUsize,
    limit: usize,
    /// Told of every change while the account is over its limit, and of the change back.
    changed: Notify,
}

impl ScrollbackBudget {
    /// An account of `limit` bytes.
    pub fn new(limit: usize) -> Self {
        Self(Arc::new(Account { held: AtomicUsize::new(0), limit, changed: Notify::new() }))
    }

    /// Bytes over the limit now.
    pub fn excess(&self) -> usize {
        self.0.held.load(Ordering::Relaxed).saturating_sub(self.0.limit)
    }

    /// Bytes held by all sessions.
    pub fn held(&self) -> usize {
        self.0.held.load(Ordering::Relaxed)
    }

    /// Returns when the account has been exceeded.
    pub async fn exceeded(&self) {
        while self.excess() == 0 {
            self.0.changed.notified().await;
        }
    }

    /// Returns when the account is within its limit, or has changed and still is not. Growth
    /// counts: a session may have had nothing to give when it was asked.
    pub async fn relieved(&self) {
        if self.excess() > 0 {
            self.0.changed.notified().await;
        }
    }

    fn change(&self, from: usize, to: usize) {
        let before = if to >= from {
            self.0.held.fetch_add(to - from, Ordering::Relaxed)
        } else {
            self.0.held.fetch_sub(from - to, Ordering::Relaxed)
        };
        if before > self.0.limit || self.excess() > 0 {
            self.0.changed.notify_one();
        }
    }
}

/// One session's part of the account; given back on drop.
#[derive(Debug)]
pub(crate) struct Share {
    budget: ScrollbackBudget,
    held: usize,
}

/// Changes smaller than this are not worth touching a shared counter.
const GRAIN: usize = 256 * 1024;

impl Share {
    pub(crate) fn new(budget: ScrollbackBudget) -> Self {
        Self { budget, held: 0 }
    }

    /// Reports that the session now holds `bytes`.
    pub(crate) fn report(&mut self, bytes: usize) {
        if bytes.abs_diff(self.held) >= GRAIN || (bytes == 0 && self.held > 0) {
            self.budget.change(self.held, bytes);
            self.held = bytes;
        }
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        self.budget.change(self.held, 0);
    }
}
