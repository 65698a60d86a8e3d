//! Appending.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, FileExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Instant, SystemTime};

use jiff::Timestamp;
use rustix::fs::{FlockOperation, flock};
use serde_json::{Map, Value};
use uuid::Uuid;

use crate::config::{Config, Sync};
use crate::entry::{Entry, check_names};
use crate::error::Error;
use crate::hash::Hash;
use crate::line::{MAX_LINE_BYTES, seal};
use crate::reader::{Page, Published, Reader};
use crate::recover::{Cut, recover};
use crate::segment::{self, Segment};

/// The one appender of a log. Another process cannot open it at the same time.
pub struct Log {
    config: Config,
    origin: String,
    boot_id: Uuid,
    /// Locked while open.
    _lock: File,
    published: Arc<Published>,
    reader: Reader,
    /// The newest segment; none before the first entry.
    current: Option<Current>,
    last_hash: Hash,
    unsynced_since: Option<Instant>,
}

struct Current {
    file: File,
    path: PathBuf,
    first_seq: u64,
    /// Bytes of whole entries.
    len: u64,
    /// A write failed half-way: bytes may follow the last whole entry.
    torn: bool,
}

impl Log {
    /// Opens the log in `dir`, or begins one. After a crash, the unfinished end of the last line is cut
    /// off, and an entry `log_recovered` says how much. Blocks while it reads the newest segment.
    ///
    /// # Errors
    /// [`Error::Locked`] when it is open elsewhere, [`Error::Origin`] when it is another's, [`Error::Damaged`] when its newest segment is not as
    /// it was written, and what the directory and its files refuse.
    pub fn open(dir: &Path, origin: &str, config: Config) -> Result<Log, Error> {
        let directory = |source| Error::Directory { dir: dir.to_owned(), source };
        DirBuilder::new().recursive(true).mode(0o700).create(dir).map_err(directory)?;
        let lock = lock(dir)?;
        let tail = recover(dir)?;
        if let Some(found) = tail.origin.filter(|found| found != origin) {
            return Err(Error::Origin { dir: dir.to_owned(), expected: origin.to_owned(), found });
        }
        let current = match tail.segments.last() {
            Some(last) => Some(reopen(dir, *last)?),
            None => None,
        };
        let published = Arc::new(Published::new(dir.to_owned(), tail.segments, tail.next_seq));
        let mut log = Log {
            config,
            origin: origin.to_owned(),
            boot_id: boot_id(),
            _lock: lock,
            reader: Reader::new(Arc::clone(&published)),
            published,
            current,
            last_hash: tail.last_hash,
            unsynced_since: None,
        };
        if let Some(cut) = tail.cut {
            log.note_recovered(&cut)?;
        }
        log.trim()?;
        Ok(log)
    }

    /// Writes an entry and gives it back as written. Blocks while the file takes it, and with
    /// [`Sync::Each`] until it is on the medium. On an error the log is as it was before.
    ///
    /// # Errors
    /// [`Error::Kind`], [`Error::ReservedField`] and [`Error::TooLarge`] for what cannot be an entry;
    /// [`Error::Write`] and [`Error::Sync`] from the disk.
    pub fn append(
        &mut self,
        kind: &str,
        uid: Option<Uuid>,
        fields: Map<String, Value>,
    ) -> Result<Entry, Error> {
        let full = self.current.as_ref().is_some_and(|c| c.len >= self.config.segment_bytes);
        if full {
            self.sync()?;
            self.current = None;
        }
        let entry = self.write(kind, uid, fields)?;
        if full && let Err(error) = self.trim() {
            // The entry stands; that the old ones take too much room is tried again at the next segment.
            tracing::error!(%error, "could not remove old segments of the log");
        }
        Ok(entry)
    }

    /// Puts all entries on the medium.
    ///
    /// # Errors
    /// [`Error::Sync`].
    pub fn sync(&mut self) -> Result<(), Error> {
        if self.unsynced_since.is_some()
            && let Some(current) = &self.current
        {
            let sync = |source| Error::Sync { file: current.path.clone(), source };
            current.file.sync_data().map_err(sync)?;
        }
        self.unsynced_since = None;
        Ok(())
    }

    /// Whether what is appended can be found again: its file is still where its name says. A file whose
    /// directory was removed would take entries to the end of time.
    ///
    /// # Errors
    /// [`Error::Write`] where it is not.
    pub fn is_in_place(&self) -> Result<(), Error> {
        let Some(current) = &self.current else { return Ok(()) };
        let away = |source| Error::Write { file: current.path.clone(), source };
        let (named, open) = (fs::metadata(&current.path), current.file.metadata());
        let (named, open) = (named.map_err(away)?, open.map_err(away)?);
        if (named.dev(), named.ino()) == (open.dev(), open.ino()) {
            return Ok(());
        }
        Err(away(io::Error::new(io::ErrorKind::NotFound, "another file has its name")))
    }

    /// When [`Log::sync`] should be called; `None` while nothing waits for it.
    pub fn sync_due(&self) -> Option<Instant> {
        match self.config.sync {
            Sync::Each => None,
            Sync::Interval(every) => self.unsynced_since.map(|since| since + every),
        }
    }

    /// A handle that reads this log from any thread, also while it is appended to.
    pub fn reader(&self) -> Reader {
        self.reader.clone()
    }

    /// See [`Reader::read_from`].
    ///
    /// # Errors
    /// As there.
    pub fn read_from(&self, seq: u64, max_entries: usize) -> Result<Page, Error> {
        self.reader.read_from(seq, max_entries)
    }

    /// See [`Reader::first_seq`].
    pub fn first_seq(&self) -> u64 {
        self.reader.first_seq()
    }

    /// See [`Reader::next_seq`].
    pub fn next_seq(&self) -> u64 {
        self.reader.next_seq()
    }

    /// Hash of the last entry: kept elsewhere, it proves later that nothing was cut off.
    pub fn last_hash(&self) -> Hash {
        self.last_hash
    }

    fn write(&mut self, kind: &str, uid: Option<Uuid>, fields: Map<String, Value>) -> Result<Entry, Error> {
        check_names(kind, &fields)?;
        if self.sync_due().is_some_and(|due| due <= Instant::now()) {
            self.sync()?;
        }
        let mut entry = Entry {
            seq: self.next_seq(),
            at: Timestamp::now(),
            mono_ns: boot_time_ns(),
            boot_id: self.boot_id,
            origin: self.origin.clone(),
            kind: kind.to_owned(),
            uid,
            fields,
            prev: self.last_hash,
            hash: Hash::ZERO,
        };
        let (line, hash) = seal(&entry.body());
        if line.len() > MAX_LINE_BYTES {
            return Err(Error::TooLarge { bytes: line.len(), limit: MAX_LINE_BYTES });
        }
        entry.hash = hash;
        let current = match &mut self.current {
            Some(current) => current,
            none => none.insert(create(&self.published.dir, entry.seq)?),
        };
        current.put(&line, self.config.sync)?;
        if self.config.sync != Sync::Each {
            self.unsynced_since.get_or_insert_with(Instant::now);
        }
        let seen = Segment { first_seq: current.first_seq, bytes: current.len };
        self.last_hash = hash;
        let mut state = self.published.lock();
        match state.segments.last_mut() {
            Some(last) if last.first_seq == seen.first_seq => *last = seen,
            _ => state.segments.push(seen),
        }
        state.next_seq = entry.seq + 1;
        Ok(entry)
    }

    fn note_recovered(&mut self, cut: &Cut) -> Result<(), Error> {
        tracing::warn!(file = cut.file, bytes = cut.bytes, "cut an unfinished entry off the log");
        let mut fields = Map::new();
        fields.insert("file".to_owned(), cut.file.clone().into());
        fields.insert("cut_bytes".to_owned(), cut.bytes.into());
        fields.insert("cut_sha256".to_owned(), cut.hash.to_string().into());
        self.write("log_recovered", None, fields)?;
        Ok(())
    }

    /// Removes the oldest segments that are too many or too old, after saying so in the log.
    fn trim(&mut self) -> Result<(), Error> {
        let segments = self.published.lock().segments.clone();
        let Some((_, closed)) = segments.split_last() else { return Ok(()) };
        let oldest_kept = SystemTime::now().checked_sub(self.config.keep_age);
        let mut total: u64 = segments.iter().map(|s| s.bytes).sum();
        let mut removed = 0;
        for segment in closed {
            let old = || {
                let path = segment::path(&self.published.dir, segment.first_seq);
                let changed = fs::metadata(path).and_then(|m| m.modified()).ok();
                changed.zip(oldest_kept).is_some_and(|(changed, kept)| changed < kept)
            };
            if total <= self.config.keep_bytes && !old() {
                break;
            }
            total -= segment.bytes;
            removed += 1;
        }
        if removed == 0 {
            return Ok(());
        }
        let mut fields = Map::new();
        fields.insert("first_seq".to_owned(), segments[removed].first_seq.into());
        fields.insert("removed_segments".to_owned(), removed.into());
        self.write("log_trimmed", None, fields)?;
        self.sync()?;
        for segment in &segments[..removed] {
            // Readers first: who finds the file gone must find the reason.
            self.published.lock().segments.retain(|s| s.first_seq != segment.first_seq);
            let file = segment::path(&self.published.dir, segment.first_seq);
            fs::remove_file(&file).map_err(|source| Error::Remove { file, source })?;
        }
        Ok(())
    }
}

impl Drop for Log {
    fn drop(&mut self) {
        if let Err(error) = self.sync() {
            tracing::error!(%error, "the last entries of the log may not be on disk");
        }
    }
}

impl Current {
    /// Puts a whole line at the end, or leaves the file as it was.
    fn put(&mut self, line: &[u8], sync: Sync) -> Result<(), Error> {
        let write = |source| Error::Write { file: self.path.clone(), source };
        if self.torn {
            self.file.set_len(self.len).map_err(write)?;
            self.torn = false;
        }
        let wrote = self.file.write_all_at(line, self.len).map_err(write);
        let done = wrote.and_then(|()| match sync {
            Sync::Each => {
                self.file.sync_data().map_err(|source| Error::Sync { file: self.path.clone(), source })
            }
            Sync::Interval(_) => Ok(()),
        });
        match done {
            Ok(()) => self.len += line.len() as u64,
            Err(_) => self.torn = self.file.set_len(self.len).is_err(),
        }
        done
    }
}

fn lock(dir: &Path) -> Result<File, Error> {
    let directory = |source: io::Error| Error::Directory { dir: dir.to_owned(), source };
    let mut options = OpenOptions::new();
    let file = options.create(true).truncate(false).write(true).mode(0o600).open(dir.join("lock"));
    let file = file.map_err(directory)?;
    match flock(&file, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => Ok(file),
        Err(rustix::io::Errno::WOULDBLOCK) => Err(Error::Locked { dir: dir.to_owned() }),
        Err(errno) => Err(directory(errno.into())),
    }
}

fn create(dir: &Path, first_seq: u64) -> Result<Current, Error> {
    let path = segment::path(dir, first_seq);
    let write = |source| Error::Write { file: path.clone(), source };
    let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path).map_err(write)?;
    // The name must be durable before an entry in it counts as such.
    if let Err(source) = File::open(dir).and_then(|d| d.sync_all()) {
        // The next try creates it again. If it cannot be removed now, that try says so.
        let _removed = fs::remove_file(&path);
        return Err(Error::Write { file: path, source });
    }
    Ok(Current { file, path, first_seq, len: 0, torn: false })
}

fn reopen(dir: &Path, segment: Segment) -> Result<Current, Error> {
    let path = segment::path(dir, segment.first_seq);
    let write = |source| Error::Write { file: path.clone(), source };
    let file = OpenOptions::new().write(true).open(&path).map_err(write)?;
    Ok(Current { file, path, first_seq: segment.first_seq, len: segment.bytes, torn: false })
}

/// See proc_sys_kernel(5), and random(4). Nil where /proc is not mounted.
fn boot_id() -> Uuid {
    let text = fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default();
    text.trim().parse().unwrap_or(Uuid::nil())
}

fn boot_time_ns() -> u64 {
    let now = rustix::time::clock_gettime(rustix::time::ClockId::Boottime);
    let (seconds, nanos) = (u64::try_from(now.tv_sec), u64::try_from(now.tv_nsec));
    seconds.unwrap_or(0).saturating_mul(1_000_000_000).saturating_add(nanos.unwrap_or(0))
}
