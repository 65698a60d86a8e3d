//! Which sessions of this machine are gated by the kernel, and how.

use bastide_policy as policy;
use policy::{Action, Fault, Faults, Match, Rule, RuleSet, Scope, Subject};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Each is asked for each new session; more is a sign that a group is missing.
const MAX_SCOPES: usize = 200;
const MAX_LAYERS: usize = 32;

/// What may run in a session, apart from the rules.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Gate {
    /// Nothing is judged.
    Off,
    /// Own programs may run; compilers and the like work.
    #[default]
    Workbench,
    /// Programs of the machine only.
    Closed,
}

impl Gate {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Off => "off",
            Self::Workbench => "workbench",
            Self::Closed => "closed",
        }
    }
}

/// Which sessions of this machine are gated. As long as the rule set has nothing to say, none is.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Control {
    /// Where none of `scopes` holds.
    pub gate: Gate,
    /// Layers that must be there; a session that cannot have them is refused.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub layers: Vec<String>,
    /// The first that holds replaces both.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub scopes: Vec<ScopedGate>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ScopedGate {
    /// As that of a rule, without doors and times.
    #[schema(value_type = Object)]
    pub scope: Scope,
    pub gate: Gate,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub layers: Vec<String>,
}

impl Control {
    /// # Errors
    /// What is wrong, with places under `control`.
    pub(crate) fn check(&self) -> Result<(), Faults> {
        let mut faults = Vec::new();
        let mut fault = |place: String, what: &str| faults.push(Fault { place, what: what.to_owned() });
        if self.scopes.len() > MAX_SCOPES {
            fault("control.scopes".to_owned(), "more than 200");
        }
        check_layers(&self.layers, "control.layers", &mut fault);
        for (index, scoped) in self.scopes.iter().enumerate() {
            let place = format!("control.scopes[{index}]");
            check_layers(&scoped.layers, &format!("{place}.layers"), &mut fault);
            if !scoped.scope.doors.is_empty() || !scoped.scope.times.is_empty() {
                fault(format!("{place}.scope"), "no doors and no times: a session is gated as long as it is");
            }
        }
        if faults.is_empty()
            && let Err(found) = policy::Bundle::new(&self.as_rules())
        {
            faults.extend(
                found.0.into_iter().map(|fault| Fault {
                    place: fault.place.replacen("rules[", "control.scopes[", 1),
                    ..fault
                }),
            );
        }
        if faults.is_empty() { Ok(()) } else { Err(Faults(faults)) }
    }

    /// What holds for a session of this subject: its gate, and the layers that must be there.
    pub(crate) fn of(&self, subject: &Subject) -> (Gate, &[String]) {
        match self.place(subject).and_then(|index| self.scopes.get(index)) {
            Some(scoped) => (scoped.gate, &scoped.layers),
            None => (self.gate, &self.layers),
        }
    }

    /// Which of `scopes` holds for a session of this subject.
    pub(crate) fn place(&self, subject: &Subject) -> Option<usize> {
        let first = policy::Bundle::new(&self.as_rules()).ok().and_then(|bundle| {
            let verdict = bundle.judge(subject).device_line("x");
            verdict.rule.and_then(|rule| rule.trim_start_matches("scope-").parse::<usize>().ok())
        });
        first.filter(|index| *index < self.scopes.len())
    }

    /// Scopes are matched where those of rules are: the first rule that holds names the scope.
    fn as_rules(&self) -> RuleSet {
        let rule = |(index, scoped): (usize, &ScopedGate)| Rule {
            id: format!("scope-{index:03}"),
            name: String::new(),
            priority: 1,
            action: Action::Alert,
            enabled: true,
            mode: policy::Mode::Enforce,
            scope: scoped.scope.clone(),
            matches: Match { any: true, ..Match::default() },
            reason: policy::Text::default(),
        };
        RuleSet { rules: self.scopes.iter().enumerate().map(rule).collect(), ..RuleSet::default() }
    }
}

fn check_layers(layers: &[String], place: &str, fault: &mut impl FnMut(String, &str)) {
    let fits = |layer: &String| {
        (1..=64).contains(&layer.len())
            && layer
                .bytes()
                .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"_-".contains(&byte))
    };
    if layers.len() > MAX_LAYERS || !layers.iter().all(fits) {
        fault(place.to_owned(), "at most 32 names of a-z, 0-9, _ and -");
    }
}

/// Whether a rule set says anything but that everything may run.
pub(crate) fn has_something_to_say(set: &RuleSet) -> bool {
    let allows = |action: Action| action == Action::Allow;
    set.rules.iter().any(|rule| rule.enabled)
        || !allows(set.default.action)
        || set.defaults.iter().any(|default| !allows(default.action))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use policy::Door;

    use super::*;

    fn subject(user: &str, groups: &[&str]) -> Subject {
        Subject {
            user: user.to_owned(),
            groups: groups.iter().map(|group| (*group).to_owned()).collect(),
            ..Subject::at(Door::Exec)
        }
    }

    fn control(json: serde_json::Value) -> Control {
        serde_json::from_value(json).unwrap()
    }

    #[test]
    fn the_first_scope_that_holds_says_how_a_session_is_gated() {
        let control = control(serde_json::json!({
            "gate": "workbench",
            "layers": ["seccomp"],
            "scopes": [
                { "scope": { "users": ["ada"] }, "gate": "off" },
                { "scope": { "groups": ["ops-*"] }, "gate": "closed", "layers": ["seccomp", "landlock"] },
            ],
        }));
        control.check().unwrap();
        assert_eq!(control.of(&subject("ada", &["ops-1"])).0, Gate::Off);
        let (gate, layers) = control.of(&subject("bob", &["ops-1"]));
        assert_eq!((gate, layers.len()), (Gate::Closed, 2));
        let (gate, layers) = control.of(&subject("bob", &[]));
        assert_eq!((gate, layers.len()), (Gate::Workbench, 1));
        assert_eq!(Control::default().of(&subject("bob", &[])).0, Gate::Workbench);
    }

    #[test]
    fn faults_have_the_places_that_people_wrote() {
        let bad = control(serde_json::json!({
            "layers": ["Not A Layer"],
            "scopes": [{ "scope": { "doors": ["exec"] }, "gate": "off" }],
        }));
        let places: Vec<_> = bad.check().unwrap_err().0.into_iter().map(|fault| fault.place).collect();
        assert_eq!(places, ["control.layers", "control.scopes[0].scope"]);
        let bad = control(serde_json::json!({ "scopes": [{ "scope": { "users": [""] }, "gate": "off" }] }));
        assert!(bad.check().unwrap_err().0[0].place.starts_with("control.scopes[0].scope.users"));
    }

    #[test]
    fn a_set_without_rules_says_nothing() {
        assert!(!has_something_to_say(&RuleSet::default()));
        let set = br#"{"version":1,"rules":[{"id":"a","priority":1,"action":"deny","match":{"any":true}}]}"#;
        let mut set = RuleSet::parse(set).unwrap();
        assert!(has_something_to_say(&set));
        set.rules[0].enabled = false;
        assert!(!has_something_to_say(&set));
        set.default.action = Action::Deny;
        assert!(has_something_to_say(&set));
    }
}
