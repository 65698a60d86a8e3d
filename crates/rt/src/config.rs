//! Settings from a TOML file, the environment and flags; later ones win.
//!
//! The target is a plain struct of what may be set ("raw"), every field of which may be absent
//! (`#[serde(default, deny_unknown_fields)]`). Each source is checked against it alone, so that an
//! error names the file and line, the variable or the flag at fault. Whether the values make sense
//! together is the process's to check, once; [`Loaded::origin`] says whom to blame.
//!
//! Secrets are not settings: a setting names the file that holds one. Error messages quote values.

mod environment;
mod load;

pub use environment::{EnvVar, Means, reference};
pub use load::{Error, File, Flag, Loaded, Sources, load, load_with};
