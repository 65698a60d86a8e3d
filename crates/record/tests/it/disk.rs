//! A disk in memory that fails when told to.

use std::collections::HashMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex};

use bastide_record::{Disk, Sink};

/// What the calls do from now on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mood {
    Well,
    /// Writes take at most this many bytes in all, then fail as a full disk does.
    Room(usize),
    /// `fdatasync` fails as a broken disk does.
    NoSync,
    /// Writes do not return.
    Hang,
}

struct Inside {
    mood: Mood,
    files: HashMap<PathBuf, Vec<u8>>,
    syncs: u64,
    hanging: usize,
    free: u64,
}

pub(crate) struct TestDisk {
    inside: Mutex<Inside>,
    changed: Condvar,
}

impl TestDisk {
    pub(crate) fn new() -> Arc<TestDisk> {
        let inside = Inside { mood: Mood::Well, files: HashMap::new(), syncs: 0, hanging: 0, free: u64::MAX };
        Arc::new(TestDisk { inside: Mutex::new(inside), changed: Condvar::new() })
    }

    pub(crate) fn set(&self, mood: Mood) {
        self.inside.lock().unwrap().mood = mood;
        self.changed.notify_all();
    }

    pub(crate) fn set_free(&self, free: u64) {
        self.inside.lock().unwrap().free = free;
    }

    pub(crate) fn file(&self, path: &str) -> Option<Vec<u8>> {
        self.inside.lock().unwrap().files.get(Path::new(path)).cloned()
    }

    pub(crate) fn syncs(&self) -> u64 {
        self.inside.lock().unwrap().syncs
    }

    /// Blocks until a write hangs.
    pub(crate) fn wait_hanging(&self) {
        let inside = self.inside.lock().unwrap();
        drop(self.changed.wait_while(inside, |i| i.hanging == 0).unwrap());
    }

    /// Blocks until the file is longer than that.
    pub(crate) fn wait_longer(&self, path: &str, len: usize) {
        let inside = self.inside.lock().unwrap();
        drop(self.changed.wait_while(inside, |i| i.files[Path::new(path)].len() <= len).unwrap());
    }
}

/// The disk as a pool takes it.
pub(crate) struct Shared(pub(crate) Arc<TestDisk>);

impl Disk for Shared {
    fn create(&self, path: &Path) -> io::Result<Box<dyn Sink>> {
        let mut inside = self.0.inside.lock().unwrap();
        if inside.files.contains_key(path) {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        inside.files.insert(path.to_owned(), Vec::new());
        Ok(Box::new(TestFile { disk: Arc::clone(&self.0), path: path.to_owned() }))
    }

    fn free_bytes(&self, _dir: &Path) -> io::Result<u64> {
        Ok(self.0.inside.lock().unwrap().free)
    }

    fn sync_dir(&self, _dir: &Path) -> io::Result<()> {
        Ok(())
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        self.0.inside.lock().unwrap().files.remove(path);
        Ok(())
    }
}

struct TestFile {
    disk: Arc<TestDisk>,
    path: PathBuf,
}

impl Sink for TestFile {
    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<usize> {
        let mut inside = self.disk.inside.lock().unwrap();
        inside.hanging += 1;
        self.disk.changed.notify_all();
        let mut inside = self.disk.changed.wait_while(inside, |i| i.mood == Mood::Hang).unwrap();
        inside.hanging -= 1;
        let mut n = bytes.len();
        if let Mood::Room(room) = &mut inside.mood {
            if *room == 0 {
                return Err(io::Error::from_raw_os_error(28));
            }
            n = n.min(*room);
            *room -= n;
        }
        let offset = usize::try_from(offset).unwrap();
        let file = inside.files.get_mut(&self.path).unwrap();
        file.resize(file.len().max(offset + n), 0);
        file[offset..offset + n].copy_from_slice(&bytes[..n]);
        drop(inside);
        self.disk.changed.notify_all();
        Ok(n)
    }

    fn sync(&self) -> io::Result<()> {
        let mut inside = self.disk.inside.lock().unwrap();
        if inside.mood == Mood::NoSync {
            return Err(io::Error::from_raw_os_error(5));
        }
        inside.syncs += 1;
        Ok(())
    }
}
