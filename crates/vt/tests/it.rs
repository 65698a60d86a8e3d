//! Tests of the terminal from outside.
#![allow(clippy::unwrap_used)]

#[path = "it/grammar.rs"]
mod grammar;
#[path = "it/restore.rs"]
mod restore;
