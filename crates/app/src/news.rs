//! What people are told at once: commands that wait for a second person, and alerts. What they are stands in
//! the database; this says that there is something else now.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bastide_store::{AccessRequest, Review, Store, Which};
use tokio::sync::{Mutex, watch};
use uuid::Uuid;

/// More waiting commands than any reviewer looks through; the rest is in the list.
const MAX_OPEN: u32 = 1000;

/// As it is now.
#[derive(Debug, Default)]
pub struct Now {
    /// Commands that wait.
    pub open: BTreeMap<Uuid, Arc<Review>>,
    /// Access requests that wait.
    pub requests: BTreeMap<i64, Arc<AccessRequest>>,
    /// The number of the last alert.
    pub last_alert: i64,
}

/// Clones tell and hear the same.
#[derive(Debug, Clone)]
pub(crate) struct News {
    now: watch::Sender<Arc<Now>>,
    /// Held from reading to telling: what was read first must not be told last.
    reading: Arc<Mutex<()>>,
    verdicts: Arc<[AtomicU64; ACTIONS.len()]>,
}

/// What verdicts can be.
const ACTIONS: [&str; 4] = ["allow", "alert", "review", "deny"];

impl News {
    pub(crate) async fn load(store: &Store) -> Result<Self, bastide_store::Error> {
        let news = Self {
            now: watch::Sender::new(Arc::default()),
            reading: Arc::default(),
            verdicts: Arc::default(),
        };
        news.read(store).await?;
        Ok(news)
    }

    async fn read(&self, store: &Store) -> Result<(), bastide_store::Error> {
        let _reading = self.reading.lock().await;
        let open = store.reviews(Which::Open, None, (None, MAX_OPEN)).await?;
        let requests = store.requests((None, true), (None, MAX_OPEN)).await?;
        let requests = requests.into_iter().map(|request| (request.id, Arc::new(request))).collect();
        let last_alert = store.last_alert().await?;
        let open = open.into_iter().map(|review| (review.uid, Arc::new(review))).collect();
        self.now.send_replace(Arc::new(Now { open, requests, last_alert }));
        Ok(())
    }

    /// After something was written.
    pub(crate) async fn tell(&self, store: &Store) {
        if let Err(error) = self.read(store).await {
            tracing::warn!(%error, "reviews and alerts are shown late");
        }
    }

    pub(crate) fn hear(&self) -> watch::Receiver<Arc<Now>> {
        self.now.subscribe()
    }

    /// Counts a verdict, for metrics.
    pub(crate) fn judged(&self, action: &str) {
        if let Some(place) = ACTIONS.iter().position(|known| *known == action) {
            self.verdicts[place].fetch_add(1, Ordering::Relaxed);
        }
    }

    /// How many there were of each since the start.
    pub(crate) fn verdicts(&self) -> [(&'static str, u64); ACTIONS.len()] {
        std::array::from_fn(|place| (ACTIONS[place], self.verdicts[place].load(Ordering::Relaxed)))
    }

    /// Whether a command waits in this session.
    pub(crate) fn waits_in(&self, session: Uuid) -> bool {
        self.now.borrow().open.values().any(|review| review.session == session)
    }
}
