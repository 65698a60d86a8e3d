//! Which byte of the text lies where in the file, kept small.

use std::io;

use super::frames::{Found, ReadAt, Walk};

/// Text between two marks at first. From a mark on frames are stepped over by their headers.
const FIRST_STRIDE: u64 = 1024 * 1024;
/// Marks of one recording: 64 KB. One more, and every second is dropped.
const MAX_MARKS: usize = 4096;

/// A place where a frame begins.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Mark {
    /// Bytes of text before it.
    pub(crate) text: u64,
    /// Bytes of the file before it.
    pub(crate) file: u64,
}

#[derive(Debug, Clone)]
pub(crate) struct Index {
    marks: Vec<Mark>,
    stride: u64,
    /// Behind the last whole frame.
    end: Mark,
    /// Why the rest of the file cannot be read; a frame that is only begun is no damage.
    damage: Option<String>,
}

impl Default for Index {
    fn default() -> Self {
        Self { marks: Vec::new(), stride: FIRST_STRIDE, end: Mark::default(), damage: None }
    }
}

impl Index {
    /// Goes on to the end of a file that now has `size` bytes.
    pub(crate) fn extend(&mut self, source: &dyn ReadAt, size: u64) -> io::Result<()> {
        let mut walk = Walk::new(source, size);
        self.damage = None;
        loop {
            match walk.look(self.end.file)? {
                Found::Frame { bytes, text } => {
                    self.mark();
                    self.end.file += bytes;
                    self.end.text += text;
                }
                Found::End => return Ok(()),
                Found::Damaged(why) => {
                    self.damage = Some(format!("at byte {}: {why}", self.end.file));
                    return Ok(());
                }
            }
        }
    }

    fn mark(&mut self) {
        if self.marks.last().is_some_and(|last| self.end.text - last.text < self.stride) {
            return;
        }
        if self.marks.len() >= MAX_MARKS {
            let mut place = 0;
            self.marks.retain(|_| {
                place += 1;
                place % 2 == 1
            });
            self.stride *= 2;
        }
        self.marks.push(self.end);
    }

    /// The last mark at or before a byte of text.
    pub(crate) fn before(&self, text: u64) -> Mark {
        let after = self.marks.partition_point(|mark| mark.text <= text);
        after.checked_sub(1).and_then(|place| self.marks.get(place)).copied().unwrap_or_default()
    }

    pub(crate) fn end(&self) -> Mark {
        self.end
    }

    pub(crate) fn damage(&self) -> Option<&str> {
        self.damage.as_deref()
    }

    #[cfg(test)]
    pub(crate) fn marks(&self) -> usize {
        self.marks.len()
    }
}
