//! Recordings of terminal sessions: written while the session runs, read and exported later.
//!
//! On disk a recording is [asciicast v3](https://docs.asciinema.org/manual/asciicast/v3/) in zstd
//! ([RFC 8878](https://www.rfc-editor.org/rfc/rfc8878)): every flush is one or more complete frames of
//! whole JSON lines, so `zstdcat` of a finished file is a valid `.cast`, and a file cut short by a crash
//! is readable up to its last whole frame.
//!
//! Writing: a [`Pool`] of shared writer threads serves all recordings. [`Pool::begin`] gives a
//! [`Recorder`], whose appends only copy into memory. Reading: [`Reader`] takes v2 and v3, plain or zstd;
//! [`export`] writes either version. A [`Shelf`] is a directory of recordings named by UUID; what it
//! looks up is a [`Cast`]: text of known length of which any part can be read.
//!
//! This crate must not know what a session, a viewer or a user is, or where recordings are kept.
#![forbid(unsafe_code)]

mod cast;
mod config;
mod disk;
mod encode;
mod error;
mod event;
mod export;
mod fuzz;
mod header;
mod pool;
mod read;
mod recorder;
mod recording;
mod shelf;
mod writer;

pub use cast::{Cast, Converted, Slice};
pub use config::{
    BUFFER_BYTES, CLOSE_WITHIN, Config, FLUSH_AFTER, FRAME_BYTES, GIVE_UP_AFTER, RESERVE_BYTES, SYNC_EVERY,
    WRITERS,
};
pub use disk::{Disk, LocalDisk, Sink};
pub use error::{Error, ReadError};
pub use event::{Event, Kind};
pub use export::{Exported, Version, export};
pub use fuzz::{fuzz_cast, fuzz_ranges};
pub use header::Header;
pub use pool::Pool;
pub use read::{End, MAX_LINE_BYTES, Reader};
pub use recorder::{Begin, Closed, Mode, Recorder, State};
pub use shelf::{Found, SUFFIX, Shelf, file_name};
