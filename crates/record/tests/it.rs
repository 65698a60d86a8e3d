//! Recordings from the first append to the exported file.
#![allow(clippy::unwrap_used)]

#[path = "it/disk.rs"]
mod disk;
#[path = "it/fault.rs"]
mod fault;
#[path = "it/programs.rs"]
mod programs;
#[path = "it/roundtrip.rs"]
mod roundtrip;
