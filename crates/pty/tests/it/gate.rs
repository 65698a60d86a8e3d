//! A real shell under the gate.

#[path = "gate/desk.rs"]
mod desk;
#[path = "gate/shell.rs"]
mod shell;
