//! Program starts between their question and their exec.

use std::collections::HashMap;

use super::before::Flight;

/// Bytes of their arguments, all together. They are few at a time but for a session that wants it
/// otherwise; more of them wait to be asked about.
const BYTES: usize = 32 * 1024 * 1024;

/// By thread.
#[derive(Debug, Default)]
pub(super) struct Flights {
    all: HashMap<i32, Flight>,
    bytes: usize,
}

fn bytes(flight: &Flight) -> usize {
    flight.facts.argv.iter().map(|argument| argument.len() + size_of::<Vec<u8>>()).sum()
}

impl Flights {
    pub(super) fn is_full(&self) -> bool {
        self.bytes >= BYTES
    }

    pub(super) fn contains(&self, tid: i32) -> bool {
        self.all.contains_key(&tid)
    }

    pub(super) fn insert(&mut self, tid: i32, flight: Flight) {
        self.bytes += bytes(&flight);
        if let Some(former) = self.all.insert(tid, flight) {
            self.bytes -= bytes(&former);
        }
    }

    pub(super) fn remove(&mut self, tid: i32) -> Option<Flight> {
        let flight = self.all.remove(&tid)?;
        self.bytes -= bytes(&flight);
        Some(flight)
    }
}
