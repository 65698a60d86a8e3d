//! A real shell under the gate.

#[path = "gate/desk.rs"]
mod desk;
#[path = "gate/races.rs"]
mod races;
#[path = "gate/shell.rs"]
mod shell;
