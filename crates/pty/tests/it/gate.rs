//! A real shell under the gate.

#[path = "gate/bypass.rs"]
mod bypass;
#[path = "gate/cradle.rs"]
mod cradle;
#[path = "gate/desk.rs"]
pub(crate) mod desk;
#[path = "gate/ends.rs"]
mod ends;
#[path = "gate/held.rs"]
mod held;
#[path = "gate/jobs.rs"]
mod jobs;
#[path = "gate/lines.rs"]
mod lines;
#[path = "gate/odd.rs"]
mod odd;
#[path = "gate/plenty.rs"]
mod plenty;
#[path = "gate/races.rs"]
mod races;
#[path = "gate/shell.rs"]
mod shell;
#[path = "gate/unprivileged.rs"]
mod unprivileged;
#[path = "gate/unseen.rs"]
mod unseen;
