//! Reviews and alerts as a page is told of them: what is different since it was told last.

use std::collections::BTreeSet;
use std::sync::Arc;

use bastide_app::access_requests::{self, Request};
use bastide_app::alerts::{self, Alert};
use bastide_app::reviews::{self, Review};
use bastide_app::{Ctx, Now};
use serde::Serialize;
use tokio::sync::watch;
use uuid::Uuid;

/// Alerts sent at once; a page that was away longer reads the list.
const MOST: u32 = 100;

#[derive(Debug, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(super) enum Message {
    /// Commands that wait and that the caller may see, when the socket opens.
    Reviews {
        reviews: Vec<Review>,
    },
    ReviewOpened {
        review: Box<Review>,
    },
    ReviewClosed {
        review: Box<Review>,
    },
    Alert {
        alert: Box<Alert>,
    },
    /// An access request that is new, or has been answered.
    AccessRequest {
        request: Box<Request>,
    },
}

/// What one page has been told.
pub(super) struct Control {
    heard: watch::Receiver<Arc<Now>>,
    /// None: nothing yet.
    open: Option<BTreeSet<Uuid>>,
    /// Access requests that waited when it was told last.
    requests: BTreeSet<i64>,
    last_alert: i64,
}

impl Control {
    /// Alerts from now on; those before are in the list.
    pub(super) fn of(ctx: &Ctx) -> Self {
        let heard = ctx.app().heard();
        let (last_alert, requests) = {
            let now = heard.borrow();
            (now.last_alert, now.requests.keys().copied().collect())
        };
        Self { heard, open: None, requests, last_alert }
    }

    /// False when there will be nothing more.
    pub(super) async fn changed(&mut self) -> bool {
        self.heard.changed().await.is_ok()
    }

    /// As if nothing had been told of reviews: the caller's rights are others now.
    pub(super) fn forget(&mut self) {
        self.open = None;
    }

    /// What is different now, of what this caller may see. What cannot be read is told the next time.
    pub(super) async fn news(&mut self, ctx: &Ctx) -> Vec<Message> {
        let now = Arc::clone(&self.heard.borrow_and_update());
        let mut messages = self.reviews(ctx, &now).await;
        messages.extend(self.requests(ctx, &now).await);
        if now.last_alert > self.last_alert {
            match alerts::since(ctx, self.last_alert, MOST).await {
                Ok(found) => {
                    messages.extend(found.into_iter().map(|alert| Message::Alert { alert: Box::new(alert) }));
                }
                // Not for this caller.
                Err(bastide_app::Error::Forbidden(_)) => {}
                Err(error) => {
                    tracing::warn!(%error, "alerts are not shown");
                    return messages;
                }
            }
            self.last_alert = now.last_alert;
        }
        messages
    }

    async fn requests(&mut self, ctx: &Ctx, now: &Now) -> Vec<Message> {
        let open: BTreeSet<i64> = now.requests.keys().copied().collect();
        let known = std::mem::replace(&mut self.requests, open.clone());
        let mut messages = Vec::new();
        for id in open.symmetric_difference(&known) {
            // Whoever may not know of one is told nothing.
            let Ok(request) = access_requests::get(ctx, *id).await else { continue };
            messages.push(Message::AccessRequest { request: Box::new(request) });
        }
        messages
    }

    async fn reviews(&mut self, ctx: &Ctx, now: &Now) -> Vec<Message> {
        let open: BTreeSet<Uuid> = now.open.keys().copied().collect();
        let Some(known) = self.open.replace(open.clone()) else {
            let mut seen = Vec::new();
            for uid in &open {
                seen.extend(reviews::get(ctx, *uid).await.ok());
            }
            return vec![Message::Reviews { reviews: seen }];
        };
        let mut messages = Vec::new();
        for uid in open.symmetric_difference(&known) {
            // Whoever may not know of one is told nothing.
            let Ok(review) = reviews::get(ctx, *uid).await else { continue };
            let review = Box::new(review);
            messages.push(match open.contains(uid) {
                true => Message::ReviewOpened { review },
                false => Message::ReviewClosed { review },
            });
        }
        messages
    }
}
