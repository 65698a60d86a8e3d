//! The immutable description a session is created with.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::control::{Control, EnvironmentRules};
use crate::ssh::Ssh;

/// Everything about a session that is decided before it starts and never changes after.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Spec {
    /// For whom the session is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subject: Option<Subject>,
    /// The OS user it runs as; the daemon's own when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recording: Option<RecordingSpec>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub flow: Option<Flow>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<Timestamp>,
    /// Seconds without a key typed, output or somebody coming, after which the session ends.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub idle_timeout: Option<u64>,
    /// Seconds from the start after which it ends.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_lifetime: Option<u64>,
    /// Seconds a session is kept after its last viewer left; for ever when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detach_keep: Option<u64>,
    /// What it is opened for, in the words of the caller; kept in the log.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target: Option<String>,
    /// The backend is a shell on another machine (capability `backend_ssh`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ssh: Option<Box<Ssh>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limits: Option<Limits>,
    /// Layers of command control that must be there; where one is not, the session is refused.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub layers: Vec<String>,
    /// Digest of a rule bundle. Unknown ones refuse the session.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rules: Option<String>,
    /// What the rules need to know beside `subject` and `account`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub control: Option<Control>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub environment: Option<EnvironmentRules>,
}

/// Paths in [`Limits::read_only`]. Each is a mount of its own in the session.
pub const MAX_READ_ONLY: usize = 64;
/// Names of limits as [`crate::session::LimitsInfo`] has them, beside the fields of [`Limits`].
pub mod limit {
    pub const GROUP_PROCESSES: &str = "group.processes";
    pub const GROUP_MEMORY: &str = "group.memory";
    pub const GROUP_CPU: &str = "group.cpu_percent";
    pub const PRIVATE_TMP: &str = "private_tmp";
    pub const READ_ONLY: &str = "read_only";
}

/// The layer that a session requires which must not go without the limits of its group.
pub const LAYER_CGROUP: &str = "cgroup";

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Subject {
    pub user: String,
    #[serde(default)]
    pub name: String,
    #[serde(default)]
    pub groups: Vec<String>,
    #[serde(default)]
    pub roles: Vec<String>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecordingSpec {
    pub mode: RecordingMode,
    /// Record what is typed too. Pauses while the terminal does not echo.
    #[serde(default)]
    pub input: bool,
    /// Where the file goes instead of the daemon's own directory; absolute, and there already.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub directory: Option<String>,
}

/// What the session's processes may use and change: setrlimit(2) of each, `group` together, and of the machine's
/// files. An unknown limit refuses the
/// session.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Limits {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub open_files: Option<u64>,
    /// Of the whole account.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub processes: Option<u64>,
    /// Address space of each process, in bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub memory: Option<u64>,
    /// Largest file, in bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file_size: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cpu_seconds: Option<u64>,
    /// File mode creation mask, umask(2); 0o022 when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub umask: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group: Option<GroupLimits>,
    /// `/tmp` and `/var/tmp` are the session's own, empty at its start and gone with it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub private_tmp: bool,
    /// Files and directories that it cannot change, with all below; absolute, at most [`MAX_READ_ONLY`].
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub read_only: Vec<String>,
}

/// What all processes of the session may use together (cgroup v2); those that are left when it ends are killed.
/// Where the daemon has no cgroup of its own to divide, the session is told so and goes on without, unless it
/// requires the layer [`LAYER_CGROUP`].
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GroupLimits {
    /// At least 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub processes: Option<u64>,
    /// Bytes, swap included; at least [`MIN_GROUP_MEMORY`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub memory: Option<u64>,
    /// In percent of one processor; 1 to [`MAX_CPU_PERCENT`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cpu_percent: Option<u64>,
}

/// With less no shell starts.
pub const MIN_GROUP_MEMORY: u64 = 1 << 20;
/// A thousand processors.
pub const MAX_CPU_PERCENT: u64 = 100_000;
/// Bits of a file's mode that a umask has.
pub const MAX_UMASK: u32 = 0o777;

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RecordingMode {
    /// No session where the recording cannot be written.
    Required,
    #[default]
    BestEffort,
    Off,
}

/// What happens when a viewer does not keep up.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Flow {
    /// The backend waits for the slowest live writer.
    #[default]
    Pace,
    /// Nobody paces; who is slow lags and re-syncs.
    Lag,
    /// Who is slow is told so and disconnected.
    Disconnect,
}
