//! The settings of a pool of writers.

use std::time::Duration;

/// Two threads: a slow `fdatasync` of one recording occupies one, the other goes on writing.
pub const WRITERS: usize = 2;
/// What one recording keeps in memory before the session is asked to wait: a second of heavy output.
pub const BUFFER_BYTES: usize = 1024 * 1024;
/// Text per zstd frame: large enough to compress well, small enough to lose little when cut.
pub const FRAME_BYTES: usize = 256 * 1024;
/// The oldest byte that is not yet in the file: what `kill -9` may lose.
pub const FLUSH_AFTER: Duration = Duration::from_secs(1);
/// The oldest byte that is not yet on the medium: what a power loss may lose.
pub const SYNC_EVERY: Duration = Duration::from_secs(5);
/// Free space under which a required recording is not begun.
pub const RESERVE_BYTES: u64 = 1024 * 1024 * 1024;
/// How long a required recording's writes may fail before the recording counts as failed.
pub const GIVE_UP_AFTER: Duration = Duration::from_secs(30);
/// How long `close` waits for the last write and its `fdatasync`.
pub const CLOSE_WITHIN: Duration = Duration::from_secs(10);

/// Settings of a [`Pool`](crate::Pool), the same for all its recordings.
#[derive(Debug, Clone)]
pub struct Config {
    /// Number of writer threads, at least 1.
    pub writers: usize,
    /// Bytes one recording may hold in memory before [`Recorder::has_room`](crate::Recorder::has_room)
    /// turns false.
    pub buffer_bytes: usize,
    /// Bytes of text per zstd frame; this many waiting are written at once.
    pub frame_bytes: usize,
    /// Longest time from the first unwritten byte to its write.
    pub flush_after: Duration,
    /// Longest time from a byte to its `fdatasync`.
    pub sync_every: Duration,
    /// Free bytes below which a required recording is refused.
    pub reserve_bytes: u64,
    /// How long failing writes are retried.
    pub give_up_after: Duration,
    /// How long [`Recorder::close`](crate::Recorder::close) waits.
    pub close_within: Duration,
}

impl Default for Config {
    fn default() -> Config {
        Config {
            writers: WRITERS,
            buffer_bytes: BUFFER_BYTES,
            frame_bytes: FRAME_BYTES,
            flush_after: FLUSH_AFTER,
            sync_every: SYNC_EVERY,
            reserve_bytes: RESERVE_BYTES,
            give_up_after: GIVE_UP_AFTER,
            close_within: CLOSE_WITHIN,
        }
    }
}
