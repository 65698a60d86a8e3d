//! Reading a log while it is appended to.

use std::fs::File;
use std::io::{self, BufReader, Read, Seek, SeekFrom};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::entry::Entry;
use crate::error::{Error, Fault, Why};
use crate::line::{Found, read_line, unseal};
use crate::segment::{self, Segment};

/// A page ends after this many bytes of lines, however many entries were asked for.
const PAGE_BYTES: u64 = 1024 * 1024;

/// What the appender tells its readers.
pub(crate) struct Published {
    pub(crate) dir: PathBuf,
    state: Mutex<State>,
}

#[derive(Clone)]
pub(crate) struct State {
    /// Oldest first, never empty of bytes: only what readers may see.
    pub(crate) segments: Vec<Segment>,
    pub(crate) next_seq: u64,
}

impl Published {
    pub(crate) fn new(dir: PathBuf, segments: Vec<Segment>, next_seq: u64) -> Published {
        Published { dir, state: Mutex::new(State { segments, next_seq }) }
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    pub(crate) fn first_seq(&self) -> u64 {
        self.segments.first().map_or(self.next_seq, |s| s.first_seq)
    }
}

/// Part of a log.
#[derive(Debug, Clone, PartialEq)]
pub enum Page {
    /// In order, from the one asked for; empty when there is none yet.
    Entries(Vec<Entry>),
    /// The one asked for was removed; the log begins with this one now.
    Truncated { first_seq: u64 },
}

/// Reads a log that this process has open. Cheap to clone; each clone goes on well from where it was.
pub struct Reader {
    published: Arc<Published>,
    /// Where the next page is likely to begin.
    place: Mutex<Option<Place>>,
}

#[derive(Debug, Clone, Copy)]
struct Place {
    seq: u64,
    /// First entry of its segment.
    segment: u64,
    offset: u64,
}

impl Clone for Reader {
    fn clone(&self) -> Reader {
        Reader { published: Arc::clone(&self.published), place: Mutex::new(self.take_place()) }
    }
}

impl Reader {
    pub(crate) fn new(published: Arc<Published>) -> Reader {
        Reader { published, place: Mutex::new(None) }
    }

    /// Number of the oldest entry that is kept; the next one's while there is none.
    pub fn first_seq(&self) -> u64 {
        self.published.lock().first_seq()
    }

    /// Number that the next entry will have.
    pub fn next_seq(&self) -> u64 {
        self.published.lock().next_seq
    }

    /// Up to `max_entries` entries from `seq` on (0 and 1 both mean the first); fewer when they are large.
    /// Blocks while it reads files.
    ///
    /// # Errors
    /// [`Error::Read`], and [`Error::Damaged`] when an entry is not as it was written.
    pub fn read_from(&self, seq: u64, max_entries: usize) -> Result<Page, Error> {
        let mut seq = seq.max(1);
        let mut entries = Vec::new();
        let mut bytes = 0;
        while entries.len() < max_entries && bytes < PAGE_BYTES {
            let segment = {
                let state = self.published.lock();
                let first_seq = state.first_seq();
                if seq < first_seq {
                    // Removed while this page was read: the next page says so.
                    return Ok(if entries.is_empty() {
                        Page::Truncated { first_seq }
                    } else {
                        Page::Entries(entries)
                    });
                }
                if seq >= state.next_seq {
                    break;
                }
                let after = state.segments.partition_point(|s| s.first_seq <= seq);
                state.segments[after - 1]
            };
            let room = max_entries - entries.len();
            match self.read_segment(segment, seq, room, &mut entries) {
                Err(Error::Read { source, .. }) if source.kind() == io::ErrorKind::NotFound => {
                    // Removed between the look and the opening; if it was not, that is an error.
                    if self.published.lock().first_seq() <= seq {
                        let file = segment::path(&self.published.dir, segment.first_seq);
                        return Err(Error::Read { file, source });
                    }
                }
                Err(error) => return Err(error),
                Ok(read) => bytes += read,
            }
            seq = entries.last().map_or(seq, |entry: &Entry| entry.seq + 1);
        }
        Ok(Page::Entries(entries))
    }

    /// Appends entries of one segment from `seq` on and says how many bytes they took.
    fn read_segment(
        &self,
        segment: Segment,
        seq: u64,
        room: usize,
        entries: &mut Vec<Entry>,
    ) -> Result<u64, Error> {
        let file = segment::path(&self.published.dir, segment.first_seq);
        let read = |source| Error::Read { file: file.clone(), source };
        let known = self.take_place().filter(|p| p.segment == segment.first_seq && p.seq == seq);
        let mut place =
            known.unwrap_or(Place { seq: segment.first_seq, segment: segment.first_seq, offset: 0 });
        let mut open = File::open(&file).map_err(read)?;
        open.seek(SeekFrom::Start(place.offset)).map_err(read)?;
        // Past what was published there may be the start of a line.
        let mut input = BufReader::new(open.take(segment.bytes.saturating_sub(place.offset)));
        let mut line = Vec::new();
        let (mut taken, mut bytes) = (0, 0);
        while taken < room && bytes < PAGE_BYTES && place.offset < segment.bytes {
            let fault = |why| {
                let line = place.seq - segment.first_seq + 1;
                Error::Damaged(Fault { file: file.clone(), line, seq: Some(place.seq), why })
            };
            match read_line(&mut input, &mut line).map_err(read)? {
                Found::Line => {}
                Found::TooLong => return Err(fault(Why::TooLong(crate::MAX_LINE_BYTES))),
                Found::Rest | Found::End => {
                    return Err(fault(Why::NotAnEntry("the file ends before it".to_owned())));
                }
            }
            if place.seq >= seq {
                let entry = unseal(&line).map_err(fault)?;
                if entry.seq != place.seq {
                    return Err(fault(Why::OutOfOrder { expected: place.seq, found: entry.seq }));
                }
                entries.push(entry);
                taken += 1;
                bytes += line.len() as u64;
            }
            place.offset += line.len() as u64 + 1;
            place.seq += 1;
        }
        *self.place.lock().unwrap_or_else(PoisonError::into_inner) = Some(place);
        Ok(bytes)
    }

    fn take_place(&self) -> Option<Place> {
        *self.place.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
