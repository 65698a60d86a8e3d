//! Real programs on real terminals.
#![allow(clippy::unwrap_used)]

#[path = "it/accounts.rs"]
mod accounts;
#[path = "it/bytes.rs"]
mod bytes;
#[path = "it/ends.rs"]
mod ends;
#[path = "it/gate.rs"]
mod gate;
#[path = "it/limits.rs"]
mod limits;
#[path = "it/signals.rs"]
mod signals;
#[path = "it/starts.rs"]
mod starts;
#[path = "it/terminals.rs"]
mod terminals;
