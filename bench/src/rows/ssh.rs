//! Terminals on other machines, over a real sshd on loopback.

pub(super) mod bulk;
pub(super) mod echo;
pub(super) mod idle;
pub(super) mod open;
