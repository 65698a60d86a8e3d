//! The scrollback: lines that left the screen, kept as VT text (see [`encode`](crate::encode)), not
//! as cells. A line of a log costs its own length, writing one touches little memory, and a
//! snapshot copies it as it is.

use std::collections::VecDeque;

use crate::encode::{encode_row, without_pad};
use crate::intern::Interner;
use crate::row::{Row, Wrap};

/// A block of lines is closed at this size: dropping the oldest lines gives memory back in these
/// steps, and a block is one allocation.
const CHUNK_BYTES: usize = 32 * 1024;

#[derive(Clone, Copy)]
struct End {
    /// Where the line ends in its chunk.
    at: u32,
    /// Columns it takes.
    width: u16,
    wrap: Wrap,
}

#[derive(Default)]
struct Chunk {
    bytes: Vec<u8>,
    ends: Vec<End>,
    /// Lines at the front that were dropped.
    dropped: usize,
}

/// One line of scrollback.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Line<'a> {
    /// Starts and ends in the default style.
    pub(crate) bytes: &'a [u8],
    pub(crate) width: usize,
    pub(crate) wrap: Wrap,
}

pub(crate) struct History {
    chunks: VecDeque<Chunk>,
    len: usize,
    limit: usize,
    /// A chunk to use again: a flood then allocates nothing.
    spare: Option<Chunk>,
}

impl<'a> Line<'a> {
    /// The text alone, still with its styles.
    pub(crate) fn text(&self) -> &'a [u8] {
        without_pad(self.bytes, self.wrap)
    }
}

impl Chunk {
    fn line(&self, index: usize) -> Line<'_> {
        let start = index.checked_sub(1).map_or(0, |before| self.ends[before].at as usize);
        let end = self.ends[index];
        let bytes = &self.bytes[start..end.at as usize];
        Line { bytes, width: usize::from(end.width), wrap: end.wrap }
    }

    fn heap_bytes(&self) -> usize {
        self.bytes.capacity() + self.ends.capacity() * size_of::<End>()
    }
}

impl History {
    pub(crate) fn new(limit: usize) -> Self {
        Self { chunks: VecDeque::new(), len: 0, limit, spare: None }
    }

    /// An empty one with the same limit.
    pub(crate) fn empty(&self) -> Self {
        Self::new(self.limit)
    }

    pub(crate) fn len(&self) -> usize {
        self.len
    }

    pub(crate) fn clear(&mut self) {
        *self = self.empty();
    }

    pub(crate) fn heap_bytes(&self) -> usize {
        let chunks: usize = self.chunks.iter().chain(&self.spare).map(Chunk::heap_bytes).sum();
        chunks + self.chunks.capacity() * size_of::<Chunk>()
    }

    /// Adds a row that leaves the screen; the oldest line goes if there are too many.
    pub(crate) fn push(&mut self, row: &Row, cols: usize, interner: &Interner) {
        if self.limit == 0 {
            return;
        }
        let width = encode_row(row, cols, interner, &mut self.writable().bytes);
        self.close_line(width, row.wrap);
    }

    /// Adds a line that is encoded already.
    pub(crate) fn push_line(&mut self, line: Line<'_>) {
        if self.limit == 0 {
            return;
        }
        self.writable().bytes.extend_from_slice(line.bytes);
        self.close_line(line.width, line.wrap);
    }

    fn writable(&mut self) -> &mut Chunk {
        if self.chunks.back().is_none_or(|c| c.bytes.len() >= CHUNK_BYTES) {
            let chunk = self.spare.take().unwrap_or_default();
            self.chunks.push_back(chunk);
        }
        let last = self.chunks.len() - 1;
        &mut self.chunks[last]
    }

    fn close_line(&mut self, width: usize, wrap: Wrap) {
        let chunk = self.chunks.back_mut().expect("a line was just written into the last chunk");
        let at = chunk.bytes.len() as u32;
        chunk.ends.push(End { at, width: width as u16, wrap });
        self.len += 1;
        if self.len > self.limit {
            self.drop_oldest();
        }
    }

    fn drop_oldest(&mut self) {
        let Some(chunk) = self.chunks.front_mut() else { return };
        chunk.dropped += 1;
        self.len -= 1;
        if chunk.dropped == chunk.ends.len()
            && let Some(mut chunk) = self.chunks.pop_front()
        {
            chunk.bytes.clear();
            chunk.ends.clear();
            chunk.dropped = 0;
            // One huge line must not keep its memory for ever.
            if chunk.bytes.capacity() <= 4 * CHUNK_BYTES {
                self.spare = Some(chunk);
            }
        }
    }

    /// Drops the oldest lines and frees their memory; returns how many went.
    pub(crate) fn keep_newest(&mut self, keep: usize) -> usize {
        let before = self.len;
        while self.len > keep {
            self.drop_oldest();
        }
        self.spare = None;
        if let Some(chunk) = self.chunks.front_mut()
            && chunk.dropped > 0
        {
            let from = chunk.ends[chunk.dropped - 1].at;
            chunk.bytes.drain(..from as usize);
            chunk.ends.drain(..chunk.dropped);
            chunk.dropped = 0;
            for end in &mut chunk.ends {
                end.at -= from;
            }
        }
        for chunk in &mut self.chunks {
            chunk.bytes.shrink_to_fit();
            chunk.ends.shrink_to_fit();
        }
        self.chunks.shrink_to_fit();
        before - self.len
    }

    /// The newest `count` lines, oldest first.
    pub(crate) fn newest(&self, count: usize) -> impl Iterator<Item = Line<'_>> {
        self.iter().skip(self.len.saturating_sub(count))
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = Line<'_>> {
        self.chunks
            .iter()
            .flat_map(|chunk| (chunk.dropped..chunk.ends.len()).map(move |index| chunk.line(index)))
    }

    /// Takes the newest line back, for a screen that grows.
    pub(crate) fn pop(&mut self, take: impl FnOnce(Line<'_>) -> Row) -> Option<Row> {
        let chunk = self.chunks.back_mut()?;
        let last = chunk.ends.len() - 1;
        let row = take(chunk.line(last));
        chunk.ends.truncate(last);
        chunk.bytes.truncate(last.checked_sub(1).map_or(0, |i| chunk.ends[i].at as usize));
        self.len -= 1;
        if chunk.ends.len() == chunk.dropped {
            self.chunks.pop_back();
        }
        Some(row)
    }
}
