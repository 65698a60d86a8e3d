use std::sync::atomic::{AtomicU64, Ordering};

use super::Refusal;

/// What sign-ins came to, since the start.
#[derive(Debug, Default)]
pub(crate) struct Counts {
    admitted: AtomicU64,
    refused: [AtomicU64; Refusal::ALL.len()],
}

impl Counts {
    pub(super) fn admitted(&self) {
        self.admitted.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn refused(&self, refusal: Refusal) {
        if let Some(place) = Refusal::ALL.iter().position(|known| *known == refusal) {
            self.refused[place].fetch_add(1, Ordering::Relaxed);
        }
    }

    pub(super) fn all(&self) -> Vec<(&'static str, u64)> {
        let refused = Refusal::ALL.iter().zip(&self.refused);
        let refused = refused.map(|(refusal, count)| (refusal.as_str(), count.load(Ordering::Relaxed)));
        std::iter::once(("done", self.admitted.load(Ordering::Relaxed))).chain(refused).collect()
    }
}
