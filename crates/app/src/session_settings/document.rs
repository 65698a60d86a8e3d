//! The settings of one scope, as they are written and stored.

use std::collections::BTreeSet;

use bastide_store as store;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use utoipa::ToSchema;

use crate::Error;
use crate::error::Storage;

/// What holds for sessions of one scope. What is left out is inherited, or is as it always is.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = SessionSettingsFields)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// Variables of every session, beside those that a login sets. A server takes those that its settings accept
    /// (`AcceptEnv`), and at most 64.
    #[schema(max_items = 256)]
    pub environment: Vec<Variable>,
    /// Names of variables that no session gets, with a `*` at the end for any rest. The lists of all scopes hold
    /// together.
    #[schema(max_items = 200)]
    pub deny: Vec<String>,
    /// Names, likewise, of the only variables that whoever opens a session may set. Those under `environment` are let
    /// through.
    #[schema(max_items = 200)]
    pub allow: Option<Vec<String>>,
    /// File mode creation mask in octal digits (umask(2)): `022`.
    pub umask: Option<String>,
    pub limits: Limits,
    /// A `/tmp` of its own. Where the session daemon cannot give one, the session is refused.
    pub private_tmp: Option<bool>,
    /// Absolute paths that a session cannot change. The lists of all scopes hold together; where the session daemon
    /// cannot do it, the session is refused.
    #[schema(max_items = 64)]
    pub read_only: Vec<String>,
    /// Seconds from its start after which a session ends.
    #[schema(minimum = 1)]
    pub max_lifetime: Option<u64>,
    /// Seconds without a key, output or attachment after which it ends.
    #[schema(minimum = 1)]
    pub idle_timeout: Option<u64>,
    /// Seconds that it is kept after its last viewer left.
    #[schema(minimum = 1)]
    pub detach_keep: Option<u64>,
    /// How many sessions a person may have open at a time. Not for a server.
    pub max_sessions: Option<u32>,
}

/// A variable of sessions.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = SessionVariable)]
#[serde(deny_unknown_fields)]
pub struct Variable {
    #[schema(max_length = 128)]
    pub name: String,
    /// Of a secret one it is never given out; left out in a change, it stays.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(max_length = 31744)]
    pub value: Option<String>,
    /// Sealed, and never shown again.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub secret: bool,
}

/// No value gets into a log by accident.
impl std::fmt::Debug for Variable {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Variable")
            .field("name", &self.name)
            .field("secret", &self.secret)
            .finish_non_exhaustive()
    }
}

/// What each process of a session may use (setrlimit(2)), on this machine.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = SessionLimits)]
#[serde(deny_unknown_fields, default)]
pub struct Limits {
    #[schema(minimum = 16)]
    pub open_files: Option<u64>,
    /// Of the whole account.
    #[schema(minimum = 1)]
    pub processes: Option<u64>,
    /// Address space, in bytes.
    #[schema(minimum = 16777216)]
    pub memory: Option<u64>,
    /// Largest file, in bytes.
    pub file_size: Option<u64>,
    #[schema(minimum = 1)]
    pub cpu_seconds: Option<u64>,
    /// What all processes of the session may use together.
    pub group: GroupLimits,
}

/// What all processes of a session may use together (cgroup v2). Where the session daemon has no cgroup to divide,
/// a session goes on without.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = SessionGroupLimits)]
#[serde(deny_unknown_fields, default)]
pub struct GroupLimits {
    #[schema(minimum = 2)]
    pub processes: Option<u64>,
    /// Bytes.
    #[schema(minimum = 16777216)]
    pub memory: Option<u64>,
    /// In percent of one processor.
    #[schema(minimum = 1)]
    pub cpu_percent: Option<u64>,
}

impl Settings {
    /// # Errors
    /// `Storage` where a later release has written what this one cannot read: a limit is not left out in silence.
    pub(super) fn stored(row: &store::SessionSettings) -> Result<Self, Error> {
        serde_json::from_str(&row.document).map_err(|error| {
            Error::Storage(Storage::Settings { version: row.version, why: error.to_string() })
        })
    }

    /// As it is stored.
    pub(super) fn text(&self) -> String {
        serde_json::to_string(self).expect("settings are JSON")
    }

    /// Everything that is one value or none, by the place where it stands.
    pub(super) fn single(&self) -> [(&'static str, Option<Value>); 15] {
        let (limits, group) = (&self.limits, &self.limits.group);
        let number = |value: Option<u64>| value.map(|value| json!(value));
        [
            ("allow", self.allow.as_ref().map(|allow| json!(allow))),
            ("umask", self.umask.as_ref().map(|umask| json!(umask))),
            ("limits.open_files", number(limits.open_files)),
            ("limits.processes", number(limits.processes)),
            ("limits.memory", number(limits.memory)),
            ("limits.file_size", number(limits.file_size)),
            ("limits.cpu_seconds", number(limits.cpu_seconds)),
            ("limits.group.processes", number(group.processes)),
            ("limits.group.memory", number(group.memory)),
            ("limits.group.cpu_percent", number(group.cpu_percent)),
            ("private_tmp", self.private_tmp.map(|on| json!(on))),
            ("max_lifetime", number(self.max_lifetime)),
            ("idle_timeout", number(self.idle_timeout)),
            ("detach_keep", number(self.detach_keep)),
            ("max_sessions", number(self.max_sessions.map(u64::from))),
        ]
    }

    pub(super) fn variable(&self, name: &str) -> Option<&Variable> {
        self.environment.iter().find(|one| one.name == name)
    }

    /// The places of what is different, without values: for the log.
    pub(super) fn changed_since(&self, before: &Self) -> Vec<String> {
        let names: BTreeSet<_> = [self, before]
            .into_iter()
            .flat_map(|settings| &settings.environment)
            .map(|variable| variable.name.as_str())
            .collect();
        // A secret that is written again has a value here, and none there.
        let differs = |name: &&str| self.variable(name) != before.variable(name);
        let variables = names.into_iter().filter(differs).map(|name| format!("environment.{name}"));
        let lists = [("deny", self.deny != before.deny), ("read_only", self.read_only != before.read_only)];
        let lists = lists.into_iter().filter(|(_, differs)| *differs).map(|(place, _)| place.to_owned());
        let single = self.single().into_iter().zip(before.single());
        let single = single.filter(|(now, then)| now != then).map(|((place, _), _)| place.to_owned());
        variables.chain(lists).chain(single).collect()
    }
}
