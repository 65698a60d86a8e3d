//! Recordings: write, read, export.
