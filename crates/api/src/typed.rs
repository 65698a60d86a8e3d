//! What is typed into a terminal by a client that numbers nothing and is told nothing about it.

use std::collections::VecDeque;

use bastide_app::terminal::{MAX_PIECES, Terminal};
use bastide_wire::terminal::MAX_INPUT;
use bytes::Bytes;

/// What was typed and not yet taken. These forms have no answer to input, so nothing is given up: what
/// the program does not read waits here, bounded by not reading the socket.
#[derive(Debug, Default)]
pub(crate) struct Typed {
    waiting: VecDeque<(u32, Bytes)>,
    last: u32,
    greeted: bool,
}

impl Typed {
    /// The numbers are known, and there is room.
    pub(crate) fn open(&self) -> bool {
        self.greeted && self.waiting.len() < MAX_PIECES
    }

    /// This piece and all after it are not wanted there; what is typed next stands under its number.
    pub(crate) fn give_up(&mut self, number: u32) {
        self.waiting.clear();
        self.last = number.saturating_sub(1);
    }

    pub(crate) fn add(&mut self, terminal: &Terminal, data: String) {
        let mut rest = Bytes::from(data);
        while !rest.is_empty() {
            let piece = rest.split_to(rest.len().min(MAX_INPUT));
            self.last += 1;
            self.waiting.push_back((self.last, piece.clone()));
            self.send(terminal, self.last, piece);
        }
    }

    /// A message of four pieces at most may go over the window: those pieces go when others have
    /// been taken.
    fn send(&self, terminal: &Terminal, number: u32, piece: Bytes) {
        let first = self.waiting.front().map_or(number, |(first, _)| *first);
        if usize::try_from(number - first).is_ok_and(|ahead| ahead < MAX_PIECES) {
            // A full queue refuses it; it is sent again with the next answer.
            terminal.input(number, piece).ok();
        }
    }

    pub(crate) fn taken(&mut self, terminal: &Terminal, number: u32) {
        self.waiting.retain(|(waiting, _)| *waiting > number);
        if let Some((number, piece)) = self.waiting.get(MAX_PIECES - 1) {
            self.send(terminal, *number, piece.clone());
        }
    }

    pub(crate) fn again(&self, terminal: &Terminal) {
        for (number, piece) in &self.waiting {
            self.send(terminal, *number, piece.clone());
        }
    }

    /// A new attachment: `last` is what was taken. Where that is not known, nothing is repeated.
    pub(crate) fn resume(&mut self, terminal: &Terminal, last: Option<u32>) -> bool {
        self.greeted = true;
        match last {
            Some(last) => {
                self.waiting.retain(|(number, _)| *number > last);
                self.again(terminal);
                true
            }
            None => {
                let certain = self.waiting.is_empty();
                self.waiting.clear();
                self.last = 0;
                certain
            }
        }
    }
}
