//! The few calls that touch a disk, behind a trait so that a test can make them fail.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::Path;

/// Where recordings are kept.
pub trait Disk: Send + Sync + 'static {
    /// Creates a file that must not exist, readable and writable by its owner alone.
    fn create(&self, path: &Path) -> io::Result<Box<dyn Sink>>;
    /// Bytes that an unprivileged process may still write in `dir`.
    fn free_bytes(&self, dir: &Path) -> io::Result<u64>;
    /// Makes the names in `dir` durable.
    fn sync_dir(&self, dir: &Path) -> io::Result<()>;
    /// Removes a file that could not be begun.
    fn remove(&self, path: &Path) -> io::Result<()>;
}

/// One open recording file. Written by one thread at a time; `sync` may run beside a write.
pub trait Sink: Send + Sync + 'static {
    /// Writes some of `bytes` at that offset and says how many.
    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<usize>;
    /// Returns when all written bytes are on the medium (`fdatasync(2)`).
    fn sync(&self) -> io::Result<()>;
}

/// The file system of this machine.
#[derive(Debug, Default, Clone, Copy)]
pub struct LocalDisk;

impl Disk for LocalDisk {
    fn create(&self, path: &Path) -> io::Result<Box<dyn Sink>> {
        let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
        Ok(Box::new(LocalFile(file)))
    }

    fn free_bytes(&self, dir: &Path) -> io::Result<u64> {
        let vfs = rustix::fs::statvfs(dir)?;
        Ok(vfs.f_bavail.saturating_mul(vfs.f_frsize))
    }

    fn sync_dir(&self, dir: &Path) -> io::Result<()> {
        File::open(dir)?.sync_all()
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        std::fs::remove_file(path)
    }
}

struct LocalFile(File);

impl Sink for LocalFile {
    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<usize> {
        self.0.write_at(bytes, offset)
    }

    fn sync(&self) -> io::Result<()> {
        self.0.sync_data()
    }
}
