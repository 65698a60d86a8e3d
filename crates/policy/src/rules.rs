//! A rule set as people write it.

mod check;
mod patterns;

use serde::{Deserialize, Serialize};

use crate::action::{Action, Door, Mode};
use crate::bundle::MAX_BYTES;
use crate::fault::Faults;

pub(crate) use check::{named, own_groups};
pub use patterns::{ArgumentPattern, NamedPattern};

/// Rules and command groups of one set: what a person can still look through, with room to spare.
pub(crate) const MAX_RULES: usize = 10_000;

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

/// Everything that is said about commands: defaults, command groups, rules.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RuleSet {
    /// Of the format: 1.
    pub version: u32,
    /// What holds where no rule does.
    #[serde(default, skip_serializing_if = "is_default")]
    pub default: Defaults,
    /// The first of these whose scope holds replaces `default`.
    #[serde(default, skip_serializing_if = "is_default")]
    pub defaults: Vec<ScopedDefault>,
    /// Commands under one name, for rules.
    #[serde(default, skip_serializing_if = "is_default")]
    pub command_groups: Vec<CommandGroup>,
    #[serde(default, skip_serializing_if = "is_default")]
    pub rules: Vec<Rule>,
    /// For whom nothing is enforced yet.
    #[serde(default, skip_serializing_if = "is_default")]
    pub dry_run: DryRun,
}

impl Default for RuleSet {
    /// The set without rules: everything is allowed, and what cannot be told alerts.
    fn default() -> Self {
        Self {
            version: 1,
            default: Defaults::default(),
            defaults: Vec::new(),
            command_groups: Vec::new(),
            rules: Vec::new(),
            dry_run: DryRun::default(),
        }
    }
}

impl RuleSet {
    /// Reads and checks a set in JSON.
    ///
    /// # Errors
    /// Everything that is wrong with it, each with its place; also when it has more than 4 MB or 10,000 rules.
    pub fn parse(bytes: &[u8]) -> Result<Self, Faults> {
        if bytes.len() > MAX_BYTES {
            return Err(Faults::one("", format!("larger than {MAX_BYTES} bytes")));
        }
        let mut reader = serde_json::Deserializer::from_slice(bytes);
        let set: Self = serde_path_to_error::deserialize(&mut reader).map_err(|error| {
            let path = error.path().to_string();
            Faults::one(if path == "." { String::new() } else { path }, error.inner().to_string())
        })?;
        reader.end().map_err(|error| Faults::one("", error.to_string()))?;
        set.check()?;
        Ok(set)
    }
}

/// What holds where no rule does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Defaults {
    /// For a command that no rule matches.
    pub action: Action,
    /// For what only the shell knows when it runs: variables, substitutions, what cannot be read.
    pub unknown: Action,
}

impl Default for Defaults {
    fn default() -> Self {
        Self { action: Action::Allow, unknown: Action::Alert }
    }
}

/// Defaults of a scope.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ScopedDefault {
    pub scope: Scope,
    pub action: Action,
    pub unknown: Action,
}

/// For whom the whole set is only tried: any of these is enough.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct DryRun {
    #[serde(skip_serializing_if = "is_default")]
    pub users: Vec<String>,
    #[serde(skip_serializing_if = "is_default")]
    pub groups: Vec<String>,
    #[serde(skip_serializing_if = "is_default")]
    pub servers: Vec<String>,
    #[serde(skip_serializing_if = "is_default")]
    pub tags: Vec<String>,
}

/// One rule. The set is asked in the order of (priority, id); the list's own order says nothing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rule {
    /// `[a-z0-9-]`, 1 to 64 of them.
    pub id: String,
    #[serde(default, skip_serializing_if = "is_default")]
    pub name: String,
    /// 1 is asked first, 100 last.
    pub priority: u8,
    pub action: Action,
    #[serde(default = "yes", skip_serializing_if = "is_yes")]
    pub enabled: bool,
    #[serde(default, skip_serializing_if = "is_default")]
    pub mode: Mode,
    #[serde(default, skip_serializing_if = "is_default")]
    pub scope: Scope,
    #[serde(rename = "match")]
    pub matches: Match,
    /// What the person is told who typed it.
    #[serde(default, skip_serializing_if = "is_default")]
    pub reason: Text,
}

fn yes() -> bool {
    true
}

#[allow(clippy::trivially_copy_pass_by_ref)] // serde asks with a reference
fn is_yes(value: &bool) -> bool {
    *value
}

/// A sentence in both languages; an empty one is replaced by the other.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Text {
    #[serde(skip_serializing_if = "is_default")]
    pub en: String,
    #[serde(skip_serializing_if = "is_default")]
    pub zh: String,
}

/// Where a rule holds. An empty list is every one; names may be globs.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Scope {
    #[serde(skip_serializing_if = "is_default")]
    pub users: Vec<String>,
    #[serde(skip_serializing_if = "is_default")]
    pub groups: Vec<String>,
    #[serde(skip_serializing_if = "is_default")]
    pub roles: Vec<String>,
    #[serde(skip_serializing_if = "is_default")]
    pub servers: Vec<String>,
    #[serde(skip_serializing_if = "is_default")]
    pub tags: Vec<String>,
    #[serde(skip_serializing_if = "is_default")]
    pub accounts: Vec<String>,
    #[serde(skip_serializing_if = "is_default")]
    pub doors: Vec<Door>,
    #[serde(skip_serializing_if = "is_default")]
    pub times: Vec<TimeWindow>,
}

/// Part of a week.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TimeWindow {
    /// Days on which it begins; none is every day.
    #[serde(default, skip_serializing_if = "is_default")]
    pub days: Vec<Day>,
    /// `HH:MM`.
    pub from: String,
    /// `HH:MM`, not included; `24:00` is allowed. Not after `from`: the next day.
    pub to: String,
    /// An IANA name, such as `Asia/Shanghai`. What it means at a time is told by the caller.
    pub zone: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Day {
    Mon,
    Tue,
    Wed,
    Thu,
    Fri,
    Sat,
    Sun,
}

/// What a rule matches. Every field that is given must hold; of a list, one entry is enough, but of
/// `arguments` each.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Match {
    /// Every command.
    #[serde(skip_serializing_if = "is_default")]
    pub any: bool,
    /// Command groups, of this set or ready-made.
    #[serde(skip_serializing_if = "is_default")]
    pub groups: Vec<String>,
    /// By name, or by path where the pattern has a `/`.
    #[serde(skip_serializing_if = "is_default")]
    pub programs: Vec<NamedPattern>,
    /// Globs on the real file: `*` stays inside a directory, `**` does not.
    #[serde(skip_serializing_if = "is_default")]
    pub paths: Vec<String>,
    /// Each must be found.
    #[serde(skip_serializing_if = "is_default")]
    pub arguments: Vec<ArgumentPattern>,
    /// Names of variables that are set for the command.
    #[serde(skip_serializing_if = "is_default")]
    pub environment: Vec<NamedPattern>,
    /// Files that are written by a redirection. A fact of text: not for the exec door.
    #[serde(skip_serializing_if = "is_default")]
    pub redirect_to: Vec<String>,
    /// Regular expressions on the whole line. A fact of text: not for the exec door.
    #[serde(skip_serializing_if = "is_default")]
    pub line: Vec<String>,
    /// Commands of network devices, word by word; the person may abbreviate. Not for the exec door.
    #[serde(skip_serializing_if = "is_default")]
    pub device: Vec<String>,
    /// A program name with letters outside ASCII: look-alikes.
    #[serde(skip_serializing_if = "is_default")]
    pub non_ascii: bool,
    /// For every pattern here.
    #[serde(skip_serializing_if = "is_default")]
    pub ignore_case: bool,
}

/// Commands under one name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CommandGroup {
    /// `[a-z0-9-]`, 1 to 64 of them.
    pub id: String,
    #[serde(default, skip_serializing_if = "is_default")]
    pub name: Text,
    /// One of these is enough.
    pub commands: Vec<Match>,
}
