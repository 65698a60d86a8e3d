//! What was typed and waits for the program to read it.

use std::collections::VecDeque;
use std::io;

use bytes::{Buf, Bytes};

use crate::backend::Backend;

/// Bytes beyond the limit that the terminal's own answers to queries may take: they are few and
/// programs hang without them.
const ANSWERS: usize = 4096;

#[derive(Debug)]
pub(crate) struct InputQueue {
    pieces: VecDeque<Bytes>,
    bytes: usize,
    limit: usize,
}

impl InputQueue {
    pub(crate) fn new(limit: usize) -> Self {
        Self { pieces: VecDeque::new(), bytes: 0, limit }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.bytes == 0
    }

    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    pub(crate) fn limit(&self) -> usize {
        self.limit
    }

    /// True when all of `length` bytes fit.
    pub(crate) fn fits(&self, length: usize) -> bool {
        self.bytes + length <= self.limit
    }

    /// Adds a piece; the caller has asked whether it fits.
    pub(crate) fn push(&mut self, piece: Bytes) {
        self.bytes += piece.len();
        if !piece.is_empty() {
            self.pieces.push_back(piece);
        }
    }

    /// Adds an answer of the terminal itself, or the few bytes held back as a possible answer.
    pub(crate) fn push_answer(&mut self, answer: &[u8]) {
        if self.bytes + answer.len() <= self.limit + ANSWERS {
            self.push(Bytes::copy_from_slice(answer));
        }
    }

    pub(crate) fn clear(&mut self) {
        self.pieces.clear();
        self.bytes = 0;
    }

    /// Writes as much as the terminal takes now.
    ///
    /// # Errors
    /// Whatever the terminal says but "would block".
    pub(crate) fn write(&mut self, backend: &Backend) -> io::Result<()> {
        while let Some(piece) = self.pieces.front_mut() {
            match backend.try_write(piece) {
                Ok(written) => {
                    self.bytes -= written;
                    piece.advance(written);
                    if piece.is_empty() {
                        self.pieces.pop_front();
                    }
                }
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => return Ok(()),
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                Err(e) => return Err(e),
            }
        }
        Ok(())
    }
}
