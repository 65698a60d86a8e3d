//! Whether a message to the browser is packed: where that gets it there sooner.
//!
//! Packing is agreed on for a connection and decided for each message. What it costs is the
//! browser's time: its decoder, in JavaScript, takes some 2 ms for 64 KB, the server 0.2 ms. A
//! network that carries 64 KB in less is not helped. Such a network is near, so the round trip tells
//! them apart; it is the browser's, also behind a proxy or a tunnel, where the address of the other
//! side is not.

use std::cell::RefCell;
use std::time::Duration;

use bastide_wire::terminal::binary::Downstream;
use bastide_wire::terminal::packed::Packer;

/// Smaller messages go in one packet as they are: what somebody types and sees, most of all.
const FROM: usize = 1024;
/// This machine answers in 0.1 ms, one in the same house in 1 ms or less. The first that is farther has
/// a line between that is slower than unpacking, or soon will be.
pub(crate) const FAR: Duration = Duration::from_millis(3);
/// A message that does not get shorter by an eighth is sent plain.
const SAVES: usize = 8;
/// After so many messages sent plain unseen, one is tried again. At 64 KB each, 2 MB of a picture or a
/// packed file.
const MOST_UNSEEN: u32 = 32;
thread_local! {
    /// One for each of the runtime's threads, made when first needed: a terminal has none of its own.
    static PACKER: RefCell<Option<Packer>> = const { RefCell::new(None) };
}

/// One connection's state: three numbers.
#[derive(Debug)]
pub(super) struct Packing {
    agreed: bool,
    /// Messages to send plain without trying.
    unseen: u32,
    /// How many of them after the next that does not pack.
    next_unseen: u32,
}

impl Packing {
    pub(super) fn new(agreed: bool) -> Self {
        Self { agreed, unseen: 0, next_unseen: 1 }
    }

    pub(super) fn agreed(&self) -> bool {
        self.agreed
    }

    /// The message, packed or plain, for a browser at this distance.
    pub(super) fn encode(&mut self, message: &Downstream<'_>, round_trip: Duration) -> Vec<u8> {
        let length = message.body().len();
        if !self.worth_trying(length, round_trip) {
            return message.encode();
        }
        let packed = PACKER.with_borrow_mut(|packer| {
            packer.get_or_insert_with(Packer::new).pack(message, length - length / SAVES)
        });
        self.tried(packed.is_some());
        packed.unwrap_or_else(|| message.encode())
    }

    fn worth_trying(&mut self, length: usize, round_trip: Duration) -> bool {
        if !self.agreed || length < FROM || round_trip < FAR {
            return false;
        }
        if self.unseen > 0 {
            self.unseen -= 1;
            return false;
        }
        true
    }

    fn tried(&mut self, packed: bool) {
        if packed {
            self.next_unseen = 1;
        } else {
            self.unseen = self.next_unseen;
            self.next_unseen = (self.next_unseen * 2).min(MOST_UNSEEN);
        }
    }
}

#[cfg(test)]
mod tests;
