//! Settings of the daemon: file, environment, flags; checked once.

use std::path::PathBuf;
use std::time::Duration;

use bastide_rt::config::{EnvVar, File, Flag, Loaded, Means, Sources, load};
use bastide_wire::spec::{Flow, RecordingMode};
use serde::Deserialize;

use crate::Error;

/// The socket's name in the runtime directory.
pub const DEFAULT_SOCKET_NAME: &str = "ptyd.sock";

/// Every environment variable the daemon reads. The `RUST_PTY_` names are those of the earlier
/// rust-pty daemon and keep working.
pub const ENVIRONMENT: &[EnvVar] = &[
    setting(
        "BASTIDE_PTYD_SOCKET",
        &["RUST_PTY_SOCKET_PATH"],
        "socket",
        "runtime directory/ptyd.sock",
        "Unix socket to listen on.",
    ),
    setting(
        "BASTIDE_PTYD_TOKEN_FILE",
        &["RUST_PTY_TOKEN_PATH"],
        "token_file",
        "ptyd.token beside the socket",
        "File with the token clients show. Made when it is missing.",
    ),
    setting(
        "BASTIDE_PTYD_STATE_DIR",
        &[],
        "state_dir",
        "state directory/ptyd",
        "Where recordings, the log and the node's identity are kept.",
    ),
    setting(
        "BASTIDE_PTYD_MAX_CONNECTIONS",
        &["RUST_PTY_MAX_CONNECTIONS"],
        "max_connections",
        "128",
        "Connections at once; more are accepted and dropped.",
    ),
    setting(
        "BASTIDE_PTYD_MAX_SESSIONS",
        &["RUST_PTY_MAX_SESSIONS"],
        "max_sessions",
        "1000",
        "Running sessions at once; more are refused with LIMIT_REACHED.",
    ),
    setting(
        "BASTIDE_PTYD_SCROLLBACK_LINES",
        &["RUST_PTY_SCROLLBACK_LINES"],
        "scrollback_lines",
        "10000",
        "Lines kept above each screen.",
    ),
    setting(
        "BASTIDE_PTYD_SCROLLBACK_MEMORY",
        &[],
        "scrollback_memory",
        "2147483648",
        "Bytes the scrollback of all sessions may take together; the oldest idle ones give back first.",
    ),
    setting(
        "BASTIDE_PTYD_FLOW_THRESHOLD",
        &["RUST_PTY_FLOW_THRESHOLD", "RUST_PTY_FLOW_RED_THRESHOLD"],
        "flow_threshold",
        "4096",
        "Chunks waiting for a viewer from which on it is warned.",
    ),
    setting(
        "BASTIDE_PTYD_FLOW_MAX_QUEUE_SIZE",
        &["RUST_PTY_FLOW_MAX_QUEUE_SIZE"],
        "flow_max_queue_size",
        "16384",
        "Chunks that may wait for a viewer.",
    ),
    setting(
        "BASTIDE_PTYD_FLOW_AUTO_DISCONNECT",
        &["RUST_PTY_FLOW_AUTO_DISCONNECT"],
        "flow_auto_disconnect",
        "false",
        "Disconnect a viewer whose queue is full instead of waiting for it.",
    ),
    setting(
        "BASTIDE_PTYD_COALESCE_DELAY_MS",
        &["RUST_PTY_COALESCE_DELAY_MS"],
        "coalesce_delay_ms",
        "3",
        "Longest time output may wait to be merged. Output is merged under load and never waits, so any value is kept to.",
    ),
    setting(
        "BASTIDE_PTYD_INPUT_QUEUE_MAX_BYTES",
        &["RUST_PTY_INPUT_QUEUE_MAX_BYTES"],
        "input_queue_max_bytes",
        "2000000",
        "Typed bytes that may wait for a program to read them.",
    ),
    setting(
        "BASTIDE_PTYD_CLIENT_MAX_WRITE_QUEUE_BYTES",
        &["RUST_PTY_CLIENT_MAX_WRITE_QUEUE_BYTES"],
        "client_max_write_queue_bytes",
        "2000000",
        "Output bytes that may wait for a viewer.",
    ),
    setting(
        "BASTIDE_PTYD_SESSION_EVENT_QUEUE_CAPACITY",
        &["RUST_PTY_SESSION_EVENT_QUEUE_CAPACITY"],
        "session_event_queue_capacity",
        "1024",
        "Events that may wait to be written to the log.",
    ),
    setting(
        "BASTIDE_PTYD_RECORDING",
        &[],
        "recording",
        "best_effort",
        "Recording where a client does not say: required, best_effort or off.",
    ),
    setting(
        "BASTIDE_PTYD_RECORDING_RESERVE",
        &[],
        "recording_reserve",
        "1073741824",
        "Free bytes below which a session that must be recorded is refused.",
    ),
    gone("RUST_PTY_FLOW_YELLOW_THRESHOLD"),
    gone("RUST_PTY_FLOW_YELLOW_INTERVAL_MS"),
    gone("RUST_PTY_FLOW_RED_INTERVAL_MS"),
];

const fn setting(
    name: &'static str,
    aliases: &'static [&'static str],
    key: &'static str,
    default: &'static str,
    doc: &'static str,
) -> EnvVar {
    EnvVar { name, aliases, means: Means::Setting(key), default, doc }
}

const fn gone(name: &'static str) -> EnvVar {
    EnvVar {
        name,
        aliases: &[],
        means: Means::Nothing,
        default: "",
        doc: "Had a meaning in the earlier rust-pty daemon only.",
    }
}

/// Settings as they are written; everything may be absent.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Raw {
    socket: Option<PathBuf>,
    token_file: Option<PathBuf>,
    state_dir: Option<PathBuf>,
    max_connections: Option<usize>,
    max_sessions: Option<usize>,
    scrollback_lines: Option<usize>,
    scrollback_memory: Option<usize>,
    flow_threshold: Option<usize>,
    flow_max_queue_size: Option<usize>,
    flow_auto_disconnect: Option<bool>,
    coalesce_delay_ms: Option<u64>,
    input_queue_max_bytes: Option<usize>,
    client_max_write_queue_bytes: Option<usize>,
    session_event_queue_capacity: Option<usize>,
    recording: Option<RecordingMode>,
    recording_reserve: Option<u64>,
}

/// Flags of the command line, by the setting they stand for (`--max-sessions` → `max_sessions`).
pub type Flags = Vec<Flag>;

/// Checked settings.
#[derive(Debug, Clone)]
pub struct Config {
    pub socket: PathBuf,
    pub token_file: PathBuf,
    pub state_dir: PathBuf,
    pub max_connections: usize,
    pub max_sessions: usize,
    pub scrollback_memory: usize,
    pub sessions: bastide_session::Config,
    pub flow: Flow,
    pub event_queue: usize,
    pub recording: RecordingMode,
    pub recording_reserve: u64,
    /// To be logged when logging is set up.
    pub warnings: Vec<String>,
}

/// How long a connection may take to shake hands.
pub(crate) const HANDSHAKE_WITHIN: Duration = Duration::from_secs(30);
/// Wrong tokens on one connection before it is closed: a person mistypes, a program guesses.
pub(crate) const TOKEN_TRIES: u32 = 10;
/// Requests of one connection that may be in work at once; more wait in its socket.
pub(crate) const REQUESTS_AT_ONCE: usize = 64;
/// Subscriptions of one connection; each is a task that reads the log.
pub(crate) const SUBSCRIPTIONS: usize = 4;
/// Longest name a client may give itself. It stands in every entry about its viewers.
pub(crate) const CLIENT_ID_MAX: usize = 256;
/// Longest reason for an end; what is beyond is cut. It stands in the log and at terminals.
pub(crate) const REASON_MAX: usize = 1024;
/// Bytes of a command line that the log keeps.
pub(crate) const COMMAND_MAX: usize = 4096;
/// How long a connection that is to be closed may take to read what waits for it.
pub(crate) const LINGER: Duration = Duration::from_secs(5);
/// Ended sessions that can still be looked at; the oldest goes first.
pub(crate) const ENDED_SESSIONS: usize = 256;
pub(crate) use bastide_vt::{MAX_COLS, MAX_ROWS};

impl Config {
    /// Reads file, environment and flags.
    ///
    /// # Errors
    /// `Settings` naming the file and line, variable or flag at fault.
    pub fn load(file: File<'_>, flags: &[Flag]) -> Result<Self, Error> {
        let loaded: Loaded<Raw> = load(&Sources { file, variables: ENVIRONMENT, flags })
            .map_err(|e| Error::Settings(e.to_string()))?;
        check_not_zero(&loaded)?;
        let raw = &loaded.value;
        let defaults = bastide_session::Config::default();
        let sessions = bastide_session::Config {
            scrollback_lines: raw.scrollback_lines.unwrap_or(defaults.scrollback_lines),
            flow_max_chunks: raw.flow_max_queue_size.unwrap_or(defaults.flow_max_chunks),
            flow_threshold: raw.flow_threshold.unwrap_or(defaults.flow_threshold),
            viewer_queue_bytes: raw.client_max_write_queue_bytes.unwrap_or(defaults.viewer_queue_bytes),
            input_queue_bytes: raw.input_queue_max_bytes.unwrap_or(defaults.input_queue_bytes),
            answer_within: defaults.answer_within,
            ending_notice: defaults.ending_notice,
            clock: defaults.clock,
            supervisor: defaults.supervisor,
        };
        if sessions.flow_threshold >= sessions.flow_max_chunks {
            return Err(Error::Settings(format!(
                "{} ({}) must be below {} ({})",
                loaded.origin("flow_threshold"),
                sessions.flow_threshold,
                loaded.origin("flow_max_queue_size"),
                sessions.flow_max_chunks
            )));
        }
        let socket = match &raw.socket {
            Some(path) => path.clone(),
            None => bastide_rt::paths::runtime_dir().map_err(Error::Directory)?.join(DEFAULT_SOCKET_NAME),
        };
        let token_file = raw.token_file.clone().unwrap_or_else(|| socket.with_extension("token"));
        let state_dir = match &raw.state_dir {
            Some(path) => path.clone(),
            None => bastide_rt::paths::state_dir().map_err(Error::Directory)?.join("ptyd"),
        };
        Ok(Self {
            socket,
            token_file,
            state_dir,
            max_connections: raw.max_connections.unwrap_or(128),
            max_sessions: raw.max_sessions.unwrap_or(1000),
            scrollback_memory: raw.scrollback_memory.unwrap_or(2 << 30),
            sessions,
            flow: if raw.flow_auto_disconnect.unwrap_or(false) { Flow::Disconnect } else { Flow::Pace },
            event_queue: raw.session_event_queue_capacity.unwrap_or(1024),
            recording: raw.recording.unwrap_or(RecordingMode::BestEffort),
            recording_reserve: raw
                .recording_reserve
                .unwrap_or(bastide_record::Config::default().reserve_bytes),
            warnings: loaded.warnings,
        })
    }
}

/// Zero is no limit but a mistake.
fn check_not_zero(loaded: &Loaded<Raw>) -> Result<(), Error> {
    let raw = &loaded.value;
    let positive = [
        ("max_connections", raw.max_connections),
        ("max_sessions", raw.max_sessions),
        ("scrollback_lines", raw.scrollback_lines),
        ("scrollback_memory", raw.scrollback_memory),
        ("flow_threshold", raw.flow_threshold),
        ("flow_max_queue_size", raw.flow_max_queue_size),
        ("input_queue_max_bytes", raw.input_queue_max_bytes),
        ("client_max_write_queue_bytes", raw.client_max_write_queue_bytes),
        ("session_event_queue_capacity", raw.session_event_queue_capacity),
    ];
    match positive.into_iter().find(|(_, value)| *value == Some(0)) {
        Some((key, _)) => Err(Error::Settings(format!("{} must be greater than 0", loaded.origin(key)))),
        None => Ok(()),
    }
}
