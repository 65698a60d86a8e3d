//! Scopes on top of each other: what holds, and who says so.

use std::collections::BTreeMap;

use bastide_wire::Spec;
use bastide_wire::control::EnvironmentRules;
use bastide_wire::spec;
use serde::Serialize;
use serde_json::{Value, json};
use utoipa::ToSchema;

use super::check::mask;
use super::document::{GroupLimits, Limits, Settings};
use super::{Scope, Variable};
use crate::Error;
use crate::history::MASK;

/// Which scope says something.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = SessionSettingsScope)]
#[serde(rename_all = "snake_case")]
pub enum From {
    Global,
    Server,
    User,
}

impl From {
    pub(super) fn of(scope: Scope) -> Self {
        match scope {
            Scope::Global => Self::Global,
            Scope::Server(_) => Self::Server,
            Scope::User(_) => Self::User,
        }
    }

    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Global => "global",
            Self::Server => "server",
            Self::User => "user",
        }
    }
}

/// One thing that holds for a session.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
#[schema(as = SessionSettingHolds)]
pub struct Holds {
    /// Its place in the settings: `umask`, `limits.memory`, `environment.LANG`. Of `deny` and `read_only` each entry
    /// is one of these.
    pub setting: String,
    /// Left out for a secret.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Value>)]
    pub value: Option<Value>,
    /// There is a value, which is not given out.
    pub secret: bool,
    /// The last scope that says it; of an entry of a list the first.
    pub from: From,
}

/// Everything that holds, of layers in their order.
pub(super) fn holds(layers: &[(From, Settings)]) -> Result<Vec<Holds>, Error> {
    let mut all = Vec::new();
    let mut variables = BTreeMap::new();
    for (from, settings) in layers {
        variables.extend(settings.environment.iter().map(|one| (one.name.as_str(), (one, *from))));
    }
    all.extend(variables.into_iter().map(|(name, (variable, from))| Holds {
        setting: format!("environment.{name}"),
        value: variable.value.as_ref().filter(|_| !variable.secret).map(|value| json!(value)),
        secret: variable.secret,
        from,
    }));
    for (place, list) in [("deny", denied as fn(&Settings) -> &[String]), ("read_only", read_only)] {
        let mut seen: Vec<&str> = Vec::new();
        for (from, entry) in layers.iter().flat_map(|(from, of)| list(of).iter().map(move |one| (*from, one)))
        {
            if !seen.contains(&entry.as_str()) {
                seen.push(entry);
                all.push(Holds { setting: place.to_owned(), value: Some(json!(entry)), secret: false, from });
            }
        }
    }
    let mut single: Vec<Option<Holds>> = Vec::new();
    for (from, settings) in layers {
        let said = settings.single();
        single.resize(said.len(), None);
        for (slot, (place, value)) in single.iter_mut().zip(said) {
            if let Some(value) = value {
                let (setting, value) = (place.to_owned(), Some(value));
                *slot = Some(Holds { setting, value, secret: false, from: *from });
            }
        }
    }
    all.extend(single.into_iter().flatten());
    Ok(all)
}

fn denied(settings: &Settings) -> &[String] {
    &settings.deny
}

fn read_only(settings: &Settings) -> &[String] {
    &settings.read_only
}

/// What holds for one session. Its variables are in clear.
#[derive(Debug, Default)]
pub(crate) struct Merged(Settings);

impl Merged {
    pub(super) fn of(layers: impl Iterator<Item = Settings>) -> Self {
        Self(layers.fold(Settings::default(), over))
    }

    /// How many sessions the person may have open at a time.
    pub(crate) fn max_sessions(&self) -> Option<u32> {
        self.0.max_sessions
    }

    /// The variables with those that were asked for, which replace them.
    pub(crate) fn environment(&self, asked: BTreeMap<String, String>) -> BTreeMap<String, String> {
        let own = self.0.environment.iter();
        let own = own.filter_map(|one| Some((one.name.clone(), one.value.clone()?)));
        own.chain(asked).collect()
    }

    /// The same without what is secret.
    pub(crate) fn shown(&self, mut environment: BTreeMap<String, String>) -> BTreeMap<String, String> {
        for secret in self.0.environment.iter().filter(|one| one.secret) {
            if let Some(value) = environment.get_mut(&secret.name) {
                MASK.clone_into(value);
            }
        }
        environment
    }

    /// The spec with what holds for any session, also for one on another machine. What it says already of how long
    /// the session is kept may only become shorter.
    pub(crate) fn remote(&self, spec: Spec) -> Spec {
        let Settings { max_lifetime, idle_timeout, detach_keep, .. } = self.0;
        let detach_keep = match (spec.detach_keep, detach_keep) {
            (Some(asked), Some(most)) => Some(asked.min(most)),
            (asked, most) => asked.or(most),
        };
        Spec { max_lifetime, idle_timeout, detach_keep, environment: self.rules(), ..spec }
    }

    /// And with what holds on this machine only.
    pub(crate) fn local(&self, spec: Spec) -> Spec {
        let spec = self.remote(spec);
        let limits = self.limits();
        Spec { limits: (limits != spec::Limits::default()).then_some(limits), ..spec }
    }

    fn rules(&self) -> Option<EnvironmentRules> {
        let own = self.0.environment.iter().map(|one| one.name.clone());
        let allow = self.0.allow.as_ref().map(|allow| allow.iter().cloned().chain(own).collect());
        let rules = EnvironmentRules { allow, deny: self.0.deny.clone() };
        (rules != EnvironmentRules::default()).then_some(rules)
    }

    fn limits(&self) -> spec::Limits {
        let Limits { open_files, processes, memory, file_size, cpu_seconds, group } = self.0.limits;
        let GroupLimits { processes: together, memory: memory_together, cpu_percent } = group;
        let group = spec::GroupLimits { processes: together, memory: memory_together, cpu_percent };
        spec::Limits {
            open_files,
            processes,
            memory,
            file_size,
            cpu_seconds,
            umask: self.0.umask.as_deref().and_then(mask),
            group: (group != spec::GroupLimits::default()).then_some(group),
            private_tmp: self.0.private_tmp.unwrap_or(false),
            read_only: self.0.read_only.clone(),
        }
    }
}

fn over(before: Settings, later: Settings) -> Settings {
    let mut environment = before.environment;
    environment.retain(|one: &Variable| later.variable(&one.name).is_none());
    environment.extend(later.environment);
    Settings {
        environment,
        deny: union(before.deny, later.deny),
        allow: later.allow.or(before.allow),
        umask: later.umask.or(before.umask),
        limits: limits_over(before.limits, later.limits),
        private_tmp: later.private_tmp.or(before.private_tmp),
        read_only: union(before.read_only, later.read_only),
        max_lifetime: later.max_lifetime.or(before.max_lifetime),
        idle_timeout: later.idle_timeout.or(before.idle_timeout),
        detach_keep: later.detach_keep.or(before.detach_keep),
        max_sessions: later.max_sessions.or(before.max_sessions),
    }
}

fn limits_over(before: Limits, later: Limits) -> Limits {
    let (group, later_group) = (before.group, later.group);
    Limits {
        open_files: later.open_files.or(before.open_files),
        processes: later.processes.or(before.processes),
        memory: later.memory.or(before.memory),
        file_size: later.file_size.or(before.file_size),
        cpu_seconds: later.cpu_seconds.or(before.cpu_seconds),
        group: GroupLimits {
            processes: later_group.processes.or(group.processes),
            memory: later_group.memory.or(group.memory),
            cpu_percent: later_group.cpu_percent.or(group.cpu_percent),
        },
    }
}

fn union(mut one: Vec<String>, other: Vec<String>) -> Vec<String> {
    one.extend(other);
    let mut seen = std::collections::BTreeSet::new();
    one.retain(|entry| seen.insert(entry.clone()));
    one
}

#[cfg(test)]
mod tests;
