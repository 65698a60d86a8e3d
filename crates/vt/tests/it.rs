//! Tests of the terminal from outside.
#![allow(clippy::unwrap_used)]

#[path = "it/edges.rs"]
mod edges;
#[path = "it/golden.rs"]
mod golden;
#[path = "it/grammar.rs"]
mod grammar;
#[path = "it/oracles.rs"]
mod oracles;
#[path = "it/restore.rs"]
mod restore;
#[path = "it/streams.rs"]
mod streams;
