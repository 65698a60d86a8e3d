//! How large a log grows and how soon it is on the medium.

use std::time::Duration;

/// Small enough to scan at a start, large enough that there are few files.
pub const SEGMENT_BYTES: u64 = 8 * 1024 * 1024;
/// Some 700,000 entries.
pub const KEEP_BYTES: u64 = 256 * 1024 * 1024;
/// Half a year.
pub const KEEP_AGE: Duration = Duration::from_secs(180 * 24 * 3600);
/// What a power loss may take when not every entry is synced by itself.
pub const SYNC_EVERY: Duration = Duration::from_secs(1);

/// Settings of a [`Log`](crate::Log).
#[derive(Debug, Clone)]
pub struct Config {
    /// A segment of this many bytes is followed by a new one.
    pub segment_bytes: u64,
    /// Oldest segments are removed while all of them take more than this. The newest one always stays.
    pub keep_bytes: u64,
    /// Segments whose last entry is older than this are removed.
    pub keep_age: Duration,
    pub sync: Sync,
}

/// When entries are put on the medium (`fdatasync(2)`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sync {
    /// Before `append` returns.
    Each,
    /// At most this long after it: by the next `append`, or by the owner of the log, who calls
    /// [`Log::sync`](crate::Log::sync) at [`Log::sync_due`](crate::Log::sync_due).
    Interval(Duration),
}

impl Default for Config {
    fn default() -> Config {
        Config {
            segment_bytes: SEGMENT_BYTES,
            keep_bytes: KEEP_BYTES,
            keep_age: KEEP_AGE,
            sync: Sync::Interval(SYNC_EVERY),
        }
    }
}
