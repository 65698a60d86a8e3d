//! Every environment variable that the command line reads. The daemon's and the server's own
//! settings are listed with them.

use std::ffi::OsString;
use std::path::PathBuf;

/// The daemon's socket.
pub(crate) const SOCKET: &str = "BASTIDE_PTYD_SOCKET";
/// The same, as the earlier daemon named it.
pub(crate) const SOCKET_ALIAS: &str = "RUST_PTY_SOCKET_PATH";
/// The file with the daemon's token; beside the socket when not set.
pub(crate) const TOKEN_FILE: &str = "BASTIDE_PTYD_TOKEN_FILE";
/// The same, as the earlier daemon named it.
pub(crate) const TOKEN_FILE_ALIAS: &str = "RUST_PTY_TOKEN_PATH";
/// Where the daemon keeps recordings and its log; `new` passes it on to a daemon it starts.
pub(crate) const STATE_DIR: &str = "BASTIDE_PTYD_STATE_DIR";
/// The keys that leave a session: `ctrl-\ d` when not set.
pub(crate) const DETACH_KEY: &str = "BASTIDE_DETACH_KEY";

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

/// The first of `names` that is set and not empty.
pub(crate) fn first(names: &[&str]) -> Option<OsString> {
    names.iter().filter_map(std::env::var_os).find(|value| !value.is_empty())
}

/// As [`first`], as a path.
pub(crate) fn path(names: &[&str]) -> Option<PathBuf> {
    first(names).map(PathBuf::from)
}
