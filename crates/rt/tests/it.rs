//! What only a whole process shows: signals, standard error, panics.
#![allow(clippy::unwrap_used)]

#[path = "it/logs.rs"]
mod logs;
#[path = "it/signals.rs"]
mod signals;
