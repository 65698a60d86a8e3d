//! SSH connections: dial, pool, shells and commands. The only crate that knows `russh`.
//!
//! It must not know sessions, people or the database: whom to reach, how to log in and which host keys are accepted
//! comes with each call, as [`bastide_wire::ssh::Ssh`].

#![forbid(unsafe_code)]
