//! One dial for all who want the same connection at the same time.

use std::sync::{Arc, Weak};

use bastide_rt::Task;
use tokio::sync::watch;

use crate::connection::Connection;
use crate::error::Error;

/// What a dial came to; `None` while it goes on.
pub(super) type Landing = watch::Receiver<Option<Result<Arc<Connection>, Error>>>;

/// A dial that goes on, as the pool keeps it.
pub(super) struct Flight {
    passengers: Weak<Passengers>,
}

/// Everybody who waits holds this; with the last of them the dial is given up.
#[derive(Debug)]
pub(super) struct Passengers {
    task: Task<()>,
    landing: Landing,
}

impl Drop for Passengers {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Flight {
    pub(super) fn new(task: Task<()>, landing: Landing) -> (Self, Arc<Passengers>) {
        let passengers = Arc::new(Passengers { task, landing });
        (Self { passengers: Arc::downgrade(&passengers) }, passengers)
    }

    /// `None` when everybody has left.
    pub(super) fn board(&self) -> Option<Arc<Passengers>> {
        self.passengers.upgrade()
    }
}

impl Passengers {
    pub(super) async fn landed(&self) -> Result<Arc<Connection>, Error> {
        let mut landing = self.landing.clone();
        match landing.wait_for(Option::is_some).await {
            Ok(result) => result.clone().unwrap_or(Err(Error::Closed)),
            // The dial was ended with the pool.
            Err(_) => Err(Error::Closed),
        }
    }
}
