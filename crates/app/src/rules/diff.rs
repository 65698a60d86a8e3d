//! What is different between two versions.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

/// From one version to another.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
#[schema(as = RulesDiff)]
pub struct Diff {
    pub from: i64,
    pub to: i64,
    pub rules: Part,
    pub command_groups: Part,
    /// The rest: defaults, who only tries, which sessions are gated.
    pub settings: Vec<Changed>,
}

/// What has an id.
#[derive(Debug, Clone, Default, PartialEq, Serialize, ToSchema)]
#[schema(as = RulesDiffPart)]
pub struct Part {
    #[schema(value_type = Vec<Object>)]
    pub added: Vec<Value>,
    #[schema(value_type = Vec<Object>)]
    pub removed: Vec<Value>,
    pub changed: Vec<Changed>,
}

#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
#[schema(as = RulesChanged)]
pub struct Changed {
    /// The id of a rule or group, or the name of a setting.
    pub id: String,
    pub before: Value,
    pub after: Value,
}

const WITH_IDS: [&str; 2] = ["rules", "command_groups"];

pub(super) fn diff((from, before): (i64, &[Value; 2]), (to, after): (i64, &[Value; 2])) -> Diff {
    let [old, old_control] = before;
    let [new, new_control] = after;
    let mut settings = Vec::new();
    let names = |value: &Value| -> Vec<String> {
        value.as_object().map(|fields| fields.keys().cloned().collect()).unwrap_or_default()
    };
    let mut all: Vec<_> = names(old).into_iter().chain(names(new)).collect();
    all.sort();
    all.dedup();
    for name in all.into_iter().filter(|name| !WITH_IDS.contains(&name.as_str())) {
        note(&mut settings, &name, &old[&name], &new[&name]);
    }
    note(&mut settings, "control", old_control, new_control);
    Diff {
        from,
        to,
        rules: part(&old["rules"], &new["rules"]),
        command_groups: part(&old["command_groups"], &new["command_groups"]),
        settings,
    }
}

fn note(settings: &mut Vec<Changed>, id: &str, before: &Value, after: &Value) {
    if before != after {
        settings.push(Changed { id: id.to_owned(), before: before.clone(), after: after.clone() });
    }
}

fn part(before: &Value, after: &Value) -> Part {
    let (before, after) = (by_id(before), by_id(after));
    let mut part = Part::default();
    for (id, item) in &after {
        match before.get(id) {
            None => part.added.push((*item).clone()),
            Some(old) => note(&mut part.changed, id, old, item),
        }
    }
    let gone = before.iter().filter(|(id, _)| !after.contains_key(*id));
    part.removed.extend(gone.map(|(_, item)| (*item).clone()));
    part
}

fn by_id(list: &Value) -> BTreeMap<&str, &Value> {
    let list = list.as_array().map(Vec::as_slice).unwrap_or_default();
    list.iter().map(|item| (item["id"].as_str().unwrap_or_default(), item)).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_came_what_went_and_what_is_otherwise() {
        let before = [
            json!({ "version": 1, "rules": [{ "id": "a", "priority": 1 }, { "id": "b", "priority": 2 }] }),
            json!({ "gate": "off" }),
        ];
        let after = [
            json!({ "version": 1, "default": { "action": "deny" },
                    "rules": [{ "id": "c" }, { "id": "a", "priority": 9 }] }),
            json!({ "gate": "closed" }),
        ];
        let diff = diff((3, &before), (4, &after));
        assert_eq!((diff.from, diff.to), (3, 4));
        assert_eq!(diff.rules.added, [json!({ "id": "c" })]);
        assert_eq!(diff.rules.removed, [json!({ "id": "b", "priority": 2 })]);
        assert_eq!(diff.rules.changed.len(), 1);
        assert_eq!(diff.rules.changed[0].after["priority"], 9);
        let settings: Vec<_> = diff.settings.iter().map(|one| one.id.as_str()).collect();
        assert_eq!(settings, ["default", "control"]);
        let same = super::diff((3, &before), (3, &before));
        assert_eq!((same.rules, same.settings), (Part::default(), Vec::new()));
    }
}
