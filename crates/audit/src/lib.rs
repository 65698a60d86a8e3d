//! An append-only, hash-chained log, and its verifier.
//!
//! A log is a directory of segments `NNNNNNNNNN.jsonl`, each named by the sequence number of its first
//! entry. Every line is one entry and has exactly this form, without spaces outside of strings:
//!
//! ```text
//! {"body":{"seq":7,"at":"…","mono_ns":…,"boot_id":"…","origin":"…","kind":"…", … ,"prev":"…"},"hash":"…"}
//! ```
//!
//! `hash` is the SHA-256 (lower-case hex) of the bytes of the body as they stand in the line, from its
//! `{` to its `}`; `prev`, the last member of the body, is the hash of the entry before, 64 zeros in the
//! first one. So any third party can check an entry with standard tools:
//!
//! ```text
//! sed -n 7p 0000000001.jsonl | sed -E 's/^\{"body":(.*),"hash":"[0-9a-f]{64}"\}$/\1/' | tr -d '\n' | sha256sum
//! ```
//!
//! A change, removal, insertion or reordering breaks the chain, and [`verify`] names the first entry
//! that does not fit. What a chain alone cannot show: entries cut off at its end, or a tail rewritten
//! from some entry on by someone who computes new hashes. Keep [`Verified::last_hash`] elsewhere to see
//! that too.
//!
//! Old segments are removed by size and age; an entry `log_trimmed` says so before they go, and the chain
//! is verifiable from the first kept entry, whose `prev` is the anchor.
//!
//! This crate must not know what is logged: kinds and fields are the caller's. Secrets and terminal
//! bytes do not belong into them.
#![forbid(unsafe_code)]

mod config;
mod entry;
mod error;
mod hash;
mod line;
mod log;
mod reader;
mod recover;
mod segment;
mod verify;

pub use config::{Config, KEEP_AGE, KEEP_BYTES, SEGMENT_BYTES, SYNC_EVERY, Sync};
pub use entry::Entry;
pub use error::{Error, Fault, Why};
pub use hash::Hash;
pub use line::{MAX_LINE_BYTES, fuzz_log_line};
pub use log::Log;
pub use reader::{Page, Reader};
pub use verify::{Verified, verify};
