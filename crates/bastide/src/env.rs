//! Every environment variable that the command line reads. The daemon's and the server's own
//! settings are listed with them.

use std::ffi::OsString;
use std::path::PathBuf;

use bastide_rt::config::{EnvVar, Means};

pub(crate) const SOCKET: EnvVar = EnvVar {
    name: "BASTIDE_PTYD_SOCKET",
    aliases: &["RUST_PTY_SOCKET_PATH"],
    means: Means::Elsewhere,
    default: "runtime directory/ptyd.sock",
    doc: "Socket of the sessions daemon; `new` starts one there.",
};

pub(crate) const TOKEN_FILE: EnvVar = EnvVar {
    name: "BASTIDE_PTYD_TOKEN_FILE",
    aliases: &["RUST_PTY_TOKEN_PATH"],
    means: Means::Elsewhere,
    default: "ptyd.token beside the socket",
    doc: "File with the daemon's token.",
};

pub(crate) const STATE_DIR: EnvVar = EnvVar {
    name: "BASTIDE_PTYD_STATE_DIR",
    aliases: &[],
    means: Means::Elsewhere,
    default: "state directory/ptyd",
    doc: "Where `play` and `export` look for recordings. A daemon that was started in the background writes what it says to `ptyd.log` there; by default, to the state directory.",
};

pub(crate) const SERVER: EnvVar = EnvVar {
    name: "BASTIDE_SERVER",
    aliases: &[],
    means: Means::Elsewhere,
    default: "the one logged in to last",
    doc: "Address of the server that `sessions`, `recordings`, `users` and the like ask.",
};

pub(crate) const DETACH_KEY: EnvVar = EnvVar {
    name: "BASTIDE_DETACH_KEY",
    aliases: &[],
    means: Means::Elsewhere,
    default: r"ctrl-\ d",
    doc: "Keys that leave a session: one or two, or `none`.",
};

/// What a program in a new session takes over from the shell that asked for it, beside what a login
/// sets: where programs are, which language and time, where windows and keys are.
pub(crate) const PASSED_ON: [&str; 10] = [
    "PATH",
    "LANG",
    "LANGUAGE",
    "TZ",
    "DISPLAY",
    "WAYLAND_DISPLAY",
    "XAUTHORITY",
    "SSH_AUTH_SOCK",
    "EDITOR",
    "VISUAL",
];
/// And every variable that begins so.
pub(crate) const PASSED_ON_PREFIX: &str = "LC_";

/// The variable's value, if it is set and not empty; its own name wins over the older ones.
pub(crate) fn value(variable: &EnvVar) -> Option<OsString> {
    let names = std::iter::once(&variable.name).chain(variable.aliases);
    names.filter_map(std::env::var_os).find(|value| !value.is_empty())
}

/// As [`value`], as a path.
pub(crate) fn path(variable: &EnvVar) -> Option<PathBuf> {
    value(variable).map(PathBuf::from)
}
