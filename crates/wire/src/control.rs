//! Command control between the daemon and who uses it: rule bundles, held commands, verdicts.
//!
//! Requests stand beside the entries of the daemon's log that say what became of commands. An entry's
//! `fields` are one of the `…Entry` types here; read it with [`serde_json::from_value`].

use std::borrow::Cow;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::bytes_field;

/// Largest rule bundle in `put_rules`, in bytes.
pub const MAX_RULES: usize = 4 * 1024 * 1024;
/// Arguments of a command that an entry carries.
pub const SHOWN_ARGUMENTS: usize = 64;
/// Bytes of arguments, and of any text of a command, that an entry carries.
pub const SHOWN_BYTES: usize = 4096;
/// Longest reason of a reviewer, in bytes.
pub const MAX_REASON: usize = 1024;

/// Kinds of the log's entries whose `fields` are described here.
pub mod kind {
    /// [`super::VerdictEntry`]
    pub const VERDICT: &str = "verdict";
    /// [`super::ReviewOpenedEntry`]
    pub const REVIEW_OPENED: &str = "review_opened";
    /// [`super::ReviewClosedEntry`]
    pub const REVIEW_CLOSED: &str = "review_closed";
    /// [`super::AlertEntry`]
    pub const ALERT: &str = "control_alert";
    /// [`super::RulesEntry`]
    pub const RULES_CHANGED: &str = "rules_changed";
}

/// Labels of a session and of each verdict. Open on the wire: read an unknown one as `watched`.
pub mod label {
    /// Every program start was judged by the kernel's account of it, and the ways round are closed.
    pub const ENFORCED: &str = "enforced";
    /// Every program start was judged, but layers are missing: an aid.
    pub const GATED: &str = "gated";
    /// The line was judged before it left.
    pub const LINE: &str = "line";
    /// The line was read from the screen: an aid.
    pub const WATCHED: &str = "watched";
    /// Nothing is judged.
    pub const NONE: &str = "none";
}

/// What may run in a gated session, apart from the rules.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Profile {
    /// Programs of the machine only.
    Closed,
    /// Own programs may run.
    #[default]
    Workbench,
}

impl Profile {
    /// As on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Closed => "closed",
            Self::Workbench => "workbench",
        }
    }
}

/// What is asked about a session's commands, beside `spec.subject` and the account.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Control {
    #[serde(default)]
    pub profile: Profile,
    /// The server's name, as rules name it; none on the daemon's own machine.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub server: Option<String>,
    /// Of that server.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<String>,
    /// Seconds that a held command waits before it is refused; 600 when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub review_limit: Option<u64>,
}

/// Variables that make a program load or run something, or read its input in another way: no request sets one.
pub const WITHHELD: [&str; 28] = [
    "LD_*",
    "BASH_ENV",
    "ENV",
    "PROMPT_COMMAND",
    "IFS",
    "SHELLOPTS",
    "BASHOPTS",
    "BASH_FUNC_*",
    "PS0",
    "PS4",
    "CDPATH",
    "GLOBIGNORE",
    "GCONV_PATH",
    "GLIBC_TUNABLES",
    "LOCPATH",
    "NLSPATH",
    "HISTFILE",
    "ZDOTDIR",
    "FPATH",
    "NULLCMD",
    "READNULLCMD",
    "PERL5OPT",
    "PERL5DB",
    "PYTHONSTARTUP",
    "PYTHONINSPECT",
    "RUBYOPT",
    "NODE_OPTIONS",
    "JAVA_TOOL_OPTIONS",
];

/// Whether a variable is one of those that a pattern of [`EnvironmentRules`] means.
pub fn is_meant(name: &str, pattern: &str) -> bool {
    match pattern.strip_suffix('*') {
        Some(start) => name.starts_with(start),
        None => name == pattern,
    }
}

/// Whether a variable is one of [`WITHHELD`].
pub fn is_withheld(name: &str) -> bool {
    WITHHELD.iter().any(|pattern| is_meant(name, pattern))
}

/// Which variables of `create.env` reach the session. Names; a `*` at the end stands for any rest.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct EnvironmentRules {
    /// Where there is a list, only these.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub allow: Option<Vec<String>>,
    /// Never these, beside those that the daemon never lets through.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub deny: Vec<String>,
}

/// A bundle of rules for the daemon to keep. Putting one that it has changes nothing.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct PutRules<'a> {
    /// SHA-256 of `bytes`, in hex.
    pub digest: String,
    #[serde(borrow, with = "bytes_field")]
    pub bytes: Cow<'a, [u8]>,
}

/// From the next verdict on these rules hold.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct SetRules {
    /// Absent: every session that has rules.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uid: Option<Uuid>,
    pub digest: String,
}

/// What a second person says to a held command.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ReviewReply {
    pub uid: Uuid,
    pub review: Uuid,
    pub approve: bool,
    /// Of what was looked at; another one than that of the held command is refused.
    pub hash: String,
    /// Who decided.
    #[serde(default)]
    pub by: String,
    #[serde(default)]
    pub reason: String,
}

/// Whoever typed a held command gives it up.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ReviewCancel {
    pub uid: Uuid,
    pub review: Uuid,
    /// A viewer of this connection; it must be one that may type. Absent: the caller answers for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub viewer: Option<u32>,
    #[serde(default)]
    pub by: String,
}

/// A sentence in both languages.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Text {
    #[serde(default)]
    pub en: String,
    #[serde(default)]
    pub zh: String,
}

/// How command control stands in a session.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ControlInfo {
    /// One of [`label`].
    pub label: String,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub layers: Vec<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub missing: Vec<MissingLayer>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub profile: Option<Profile>,
    /// Digest of the rules that hold.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rules: Option<String>,
    /// Why no command runs any more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<String>,
    /// Commands that wait for a second person.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub reviews: Vec<Uuid>,
}

/// What command control a daemon's machine can give.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct GateInfo {
    /// Label of a session of each profile; `none` where there cannot be one.
    pub closed: String,
    pub workbench: String,
    pub layers: Vec<String>,
    pub missing: Vec<MissingLayer>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MissingLayer {
    pub layer: String,
    pub cause: String,
}

/// What a notice of kind `command`, `ending`, `limits`, `message`, `viewers` or `keyboard` says beside its text.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CommandNotice {
    /// `error` (refused), `warning` (waits, or control has failed) or `info`.
    pub level: String,
    /// The text in Chinese; `text` of the notice is English.
    pub zh: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub review: Option<ReviewNotice>,
    /// RFC 3339, UTC: when the session ends, in a notice that says so before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ends: Option<String>,
}

/// A held command, as its own terminal is told.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReviewNotice {
    pub review: Uuid,
    /// `open`, `approved`, `refused`, `expired` or `cancelled`.
    pub state: String,
    /// As people read it.
    pub command: String,
    /// RFC 3339, UTC.
    pub expires: String,
    /// Who decided.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<String>,
}

/// What ran, or was to run. Texts are lossy UTF-8 and cut at [`SHOWN_BYTES`].
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CommandFacts {
    /// Its name.
    pub program: String,
    /// At most [`SHOWN_ARGUMENTS`].
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub argv: Vec<String>,
    /// The file that was loaded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exe: Option<String>,
    /// The `#!` script that it interprets.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub script: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cwd: Option<String>,
    /// What was typed: claimed by the shell, or read from the screen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub line: Option<String>,
}

/// What was decided, by what.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Decided {
    /// `allow`, `alert`, `review` or `deny`.
    pub action: String,
    /// None: a default, or the gate itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rule: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<Text>,
    /// Of the rules, in hex.
    #[serde(default)]
    pub digest: String,
    /// What rules would have done that are only tried.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub dry_run: Vec<WouldBe>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WouldBe {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rule: Option<String>,
    pub action: String,
}

/// The process of a program start. `uid` is its user's number.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProcessFacts {
    pub pid: i32,
    pub ppid: i32,
    /// The same for all stages of a pipeline.
    pub pgid: i32,
    pub uid: u32,
}

/// `fields` of a `verdict`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct VerdictEntry {
    /// Milliseconds since the session's start, as its recording counts.
    pub at_ms: u64,
    /// `exec`, `line` or `watched`.
    pub door: String,
    /// One of [`label`].
    pub label: String,
    #[serde(flatten)]
    pub decided: Decided,
    #[serde(flatten)]
    pub command: CommandFacts,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub process: Option<ProcessFacts>,
    /// From the question to the answer, without the time that it was held.
    #[serde(default)]
    pub took_us: u64,
    /// Whether the new program was looked at after it was loaded, before its first instruction.
    #[serde(default)]
    pub loaded: bool,
    /// Verdicts before this one that were not told: nobody read.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub untold: u64,
    /// The review that decided.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub review: Option<Uuid>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks with a reference")]
fn is_zero(value: &u64) -> bool {
    *value == 0
}

/// `fields` of a `review_opened`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReviewOpenedEntry {
    pub review: Uuid,
    /// SHA-256 of exactly what would run, in hex. The log has a `hash` of its own.
    #[serde(rename = "facts_hash")]
    pub hash: String,
    pub at_ms: u64,
    pub door: String,
    pub label: String,
    #[serde(flatten)]
    pub decided: Decided,
    #[serde(flatten)]
    pub command: CommandFacts,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub process: Option<ProcessFacts>,
    /// RFC 3339, UTC: refused then.
    pub expires: String,
}

/// `fields` of a `review_closed`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReviewClosedEntry {
    pub review: Uuid,
    /// `approved`, `refused`, `expired` or `cancelled`.
    pub outcome: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    pub at_ms: u64,
}

/// `fields` of a `control_alert`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct AlertEntry {
    /// `deny`, `alert` (of a verdict), `supervisor_died`, `report_lost`, `rules_unreadable`,
    /// `guard_failed`, `review_failed`, `log_failed`, `hook_off`. More may come.
    pub what: String,
    /// More about it, for people.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub message: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rule: Option<String>,
    /// The command, as people read it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub command: Option<String>,
    pub at_ms: u64,
}

/// `fields` of a `rules_changed`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RulesEntry {
    pub digest: String,
    pub at_ms: u64,
}
