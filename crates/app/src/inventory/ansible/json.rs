//! What `ansible-inventory --list` prints.

use serde_json::{Map, Value};

use super::{Inventory, Variables, skip_sealed};
use crate::Error;
use crate::inventory::Parsed;

pub(super) fn parse(text: &str) -> Result<Parsed, Error> {
    let wrong = |why: String| Error::Invalid(format!("text: {why}"));
    let all: Map<String, Value> = serde_json::from_str(text)
        .map_err(|e| wrong(format!("no JSON: line {}, column {}", e.line(), e.column())))?;
    let facts = all.get("_meta").and_then(|meta| meta.get("hostvars")).and_then(Value::as_object);
    let facts = facts
        .ok_or_else(|| wrong("there is no _meta.hostvars: use `ansible-inventory --list`".to_owned()))?;
    let mut parsed = Parsed::default();
    let mut inventory = Inventory::default();
    for (group, about) in all.iter().filter(|(name, _)| *name != "_meta") {
        inventory.groups.entry(group.clone()).or_default();
        for child in texts(about, "children") {
            inventory.groups.entry(child.to_owned()).or_default().parents.insert(group.clone());
        }
        for host in texts(about, "hosts").filter(|host| !host.is_empty()) {
            inventory.add(host.to_owned(), 1, group, &variables(facts.get(host)));
        }
    }
    for (host, about) in facts.iter().filter(|(host, _)| !host.is_empty()) {
        inventory.add(host.clone(), 1, "ungrouped", &variables(Some(about)));
        let all = about.as_object().into_iter().flatten();
        for (name, _) in all.filter(|(_, value)| value.get("__ansible_vault").is_some()) {
            skip_sealed(&mut parsed, (1, host), name);
        }
    }
    inventory.finish(&mut parsed);
    Ok(parsed)
}

fn texts<'a>(about: &'a Value, field: &str) -> impl Iterator<Item = &'a str> {
    about.get(field).and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str)
}

fn variables(about: Option<&Value>) -> Variables {
    let text = |value: &Value| match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    };
    let facts = about.and_then(Value::as_object).into_iter().flatten();
    facts.filter_map(|(name, value)| Some((name.clone(), text(value)?))).collect()
}
