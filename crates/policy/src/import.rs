//! Rules from other files: JSON and CSV. Nothing is written: the result is a set and a report.

use std::collections::BTreeSet;

use serde::Serialize;
use serde_json::Value;

use crate::action::{Action, Door, Mode};
use crate::bundle::MAX_BYTES;
use crate::csv;
use crate::fault::{Fault, Faults};
use crate::rules::{ArgumentPattern, CommandGroup, Match, NamedPattern, Rule, RuleSet, Scope, Text};

/// What an import would bring.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Imported {
    /// What could be read, and is sound together.
    pub set: RuleSet,
    pub entries: Vec<Entry>,
}

/// One rule of the file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Entry {
    /// Number of the rule in the file, from 1; in CSV the row, where the head is row 1.
    pub number: usize,
    /// Empty when it could not be read.
    pub id: String,
    /// None: it is taken.
    pub faults: Vec<Fault>,
}

impl Imported {
    /// How many rules are taken.
    pub fn taken(&self) -> usize {
        self.set.rules.len()
    }
}

/// A rule set, or a list of rules.
///
/// # Errors
/// It is neither, or larger than 4 MB. A rule that is wrong is an entry of the report.
pub fn from_json(bytes: &[u8]) -> Result<Imported, Faults> {
    if bytes.len() > MAX_BYTES {
        return Err(Faults::one("", format!("larger than {MAX_BYTES} bytes")));
    }
    let value: Value = serde_json::from_slice(bytes).map_err(|error| Faults::one("", error.to_string()))?;
    let (mut set, rules) = match value {
        Value::Array(rules) => (RuleSet::default(), rules),
        Value::Object(mut members) => {
            let rules = match members.remove("rules") {
                None => Vec::new(),
                Some(Value::Array(rules)) => rules,
                Some(_) => return Err(Faults::one("rules", "not a list")),
            };
            members.entry("version").or_insert(1.into());
            let text = Value::Object(members).to_string();
            (RuleSet::parse(text.as_bytes())?, rules)
        }
        _ => return Err(Faults::one("", "neither a rule set nor a list of rules")),
    };
    let read = rules.into_iter().enumerate().map(|(index, value)| {
        let rule: Result<Rule, _> = serde_path_to_error::deserialize(value);
        let rule = rule.map_err(|error| Faults::one(error.path().to_string(), error.inner().to_string()));
        (index + 1, rule)
    });
    let entries = take(&mut set, read.collect());
    Ok(Imported { set, entries })
}

/// A table with a head. Columns: `id` (else numbered), `name`, `priority` (else 50), `action`, `mode`, `enabled`,
/// `users`, `groups`, `roles`, `servers`, `tags`, `accounts`, `doors`, `programs`, `command_groups`, `paths`,
/// `arguments`, `flags`, `line`, `device`, `ignore_case`, `reason_en`, `reason_zh`. Several values in one field
/// are separated by `;`, and `re:` begins a regular expression.
///
/// # Errors
/// It is no table, is larger than 4 MB, or has a column that is not known.
pub fn from_csv(text: &str) -> Result<Imported, Faults> {
    if text.len() > MAX_BYTES {
        return Err(Faults::one("", format!("larger than {MAX_BYTES} bytes")));
    }
    let rows = csv::rows(text).map_err(|row| Faults::one(format!("row {row}"), "a quote is not closed"))?;
    let mut rows = rows.into_iter().enumerate();
    let (_, head) = rows.next().ok_or_else(|| Faults::one("", "empty"))?;
    let head: Vec<String> = head.iter().map(|name| name.trim().to_ascii_lowercase()).collect();
    let mut faults = Faults::default();
    for name in &head {
        if !COLUMNS.contains(&name.as_str()) {
            faults.add("row 1", format!("column `{name}` is not known"));
        }
    }
    faults.none_or(())?;
    let mut read = Vec::new();
    for (index, fields) in rows {
        if fields.iter().all(|field| field.trim().is_empty()) {
            continue;
        }
        read.push((index + 1, row(&head, &fields, index)));
    }
    let mut set = RuleSet::default();
    let entries = take(&mut set, read);
    Ok(Imported { set, entries })
}

const COLUMNS: [&str; 23] = [
    "id",
    "name",
    "priority",
    "action",
    "mode",
    "enabled",
    "users",
    "groups",
    "roles",
    "servers",
    "tags",
    "accounts",
    "doors",
    "programs",
    "command_groups",
    "paths",
    "arguments",
    "flags",
    "line",
    "device",
    "ignore_case",
    "reason_en",
    "reason_zh",
];

fn row(head: &[String], fields: &[String], number: usize) -> Result<Rule, Faults> {
    if fields.len() > head.len() {
        return Err(Faults::one("", "more fields than the head has"));
    }
    let get = |name: &str| {
        let at = head.iter().position(|column| column == name);
        at.and_then(|at| fields.get(at)).map(|field| field.trim()).unwrap_or_default()
    };
    let list = |name: &str| -> Vec<String> {
        get(name).split(';').map(str::trim).filter(|part| !part.is_empty()).map(str::to_owned).collect()
    };
    let mut faults = Faults::default();
    let mut flag = |name: &str, absent: bool| match get(name) {
        "" => absent,
        "yes" | "true" | "1" => true,
        "no" | "false" | "0" => false,
        other => {
            faults.add(name, format!("`{other}` is not yes or no"));
            absent
        }
    };
    let (enabled, ignore_case) = (flag("enabled", true), flag("ignore_case", false));
    let action = Action::parse(&get("action").to_ascii_lowercase()).unwrap_or_else(|| {
        faults.add("action", format!("`{}` is not allow, alert, review or deny", get("action")));
        Action::Deny
    });
    let priority = match get("priority") {
        "" => 50,
        text => text.parse().unwrap_or_else(|_| {
            faults.add("priority", format!("`{text}` is not a number between 1 and 100"));
            50
        }),
    };
    let mode = match get("mode") {
        "" | "enforce" => Mode::Enforce,
        "dry_run" => Mode::DryRun,
        other => {
            faults.add("mode", format!("`{other}` is not enforce or dry_run"));
            Mode::Enforce
        }
    };
    let doors = doors(&list("doors"), &mut faults);
    let scope = Scope {
        users: list("users"),
        groups: list("groups"),
        roles: list("roles"),
        servers: list("servers"),
        tags: list("tags"),
        accounts: list("accounts"),
        doors,
        times: Vec::new(),
    };
    let id = if get("id").is_empty() { format!("imported-{number}") } else { get("id").to_owned() };
    let rule = Rule {
        id,
        name: get("name").to_owned(),
        priority,
        action,
        enabled,
        mode,
        scope,
        matches: row_match(&list, ignore_case),
        reason: Text { en: get("reason_en").to_owned(), zh: get("reason_zh").to_owned() },
    };
    faults.none_or(rule)
}

fn doors(names: &[String], faults: &mut Faults) -> Vec<Door> {
    let mut doors = Vec::new();
    for name in names {
        match Door::parse(name) {
            Some(door) => doors.push(door),
            None => faults.add("doors", format!("`{name}` is not exec, line or watched")),
        }
    }
    doors
}

fn row_match(list: &dyn Fn(&str) -> Vec<String>, ignore_case: bool) -> Match {
    let program = |text: String| match text.strip_prefix("re:") {
        Some(regex) => NamedPattern::Regex { regex: regex.to_owned() },
        None => NamedPattern::Glob(text),
    };
    let argument = |text: String| match text.strip_prefix("re:") {
        Some(regex) => ArgumentPattern { regex: Some(regex.to_owned()), ..ArgumentPattern::default() },
        None => ArgumentPattern::from(text.as_str()),
    };
    let mut arguments: Vec<_> = list("arguments").into_iter().map(argument).collect();
    let flags = list("flags");
    if !flags.is_empty() {
        arguments.push(ArgumentPattern { flags, ..ArgumentPattern::default() });
    }
    let programs = list("programs");
    Match {
        any: programs == ["*"],
        groups: list("command_groups"),
        programs: programs.into_iter().filter(|name| name != "*").map(program).collect(),
        paths: list("paths"),
        arguments,
        line: list("line"),
        device: list("device"),
        ignore_case,
        ..Match::default()
    }
}

/// Puts the rules that are sound into the set; says what is wrong with the others.
fn take(set: &mut RuleSet, rules: Vec<(usize, Result<Rule, Faults>)>) -> Vec<Entry> {
    let mut ids = BTreeSet::new();
    let groups: Vec<CommandGroup> = set.command_groups.clone();
    let mut entries = Vec::new();
    for (number, rule) in rules {
        let entry = match rule {
            Err(faults) => Entry { number, id: String::new(), faults: faults.0 },
            Ok(rule) => {
                let id = rule.id.clone();
                let twice = !ids.insert(id.clone());
                let alone = RuleSet {
                    command_groups: groups.clone(),
                    rules: vec![rule.clone()],
                    ..RuleSet::default()
                };
                let mut faults = alone.check().err().unwrap_or_default();
                for fault in &mut faults.0 {
                    let place = fault.place.strip_prefix("rules[0]").unwrap_or(&fault.place);
                    fault.place = place.trim_start_matches('.').to_owned();
                }
                if twice {
                    faults.add("id", format!("`{id}` is there twice"));
                }
                if faults.0.is_empty() {
                    set.rules.push(rule);
                }
                Entry { number, id, faults: faults.0 }
            }
        };
        entries.push(entry);
    }
    entries
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_table_becomes_rules_and_a_report() {
        let text = "id,priority,action,programs,flags,groups,doors,line\n\
            no-rm,10,deny,rm;unlink,-r;-R,ops,,\n\
            ,,alert,re:^mkfs,,,,\n\
            bad id,0,deny,rm,,,,\n\
            text,1,deny,,,,line;watched,\"a,b\"\n\
            again,1,perhaps,rm,,,window,\n";
        let imported = from_csv(text).unwrap();
        assert_eq!(imported.taken(), 3);
        assert_eq!(imported.set.rules[1].id, "imported-2");
        assert_eq!(imported.set.rules[1].priority, 50);
        let wrong: Vec<_> = imported.entries.iter().filter(|entry| !entry.faults.is_empty()).collect();
        assert_eq!((wrong[0].number, wrong[0].faults.len()), (4, 2));
        assert_eq!(
            wrong[1].faults.iter().map(|fault| fault.place.as_str()).collect::<Vec<_>>(),
            ["action", "doors"]
        );
        imported.set.check().unwrap();
    }

    #[test]
    fn a_list_of_rules_is_taken_one_by_one() {
        let text = r#"[{"id": "a", "priority": 1, "action": "deny", "match": {"programs": ["rm"]}},
            {"id": "b", "priority": 1, "action": "deny", "match": {"program": ["rm"]}},
            {"id": "a", "priority": 1, "action": "deny", "match": {"programs": ["x"]}}]"#;
        let imported = from_json(text.as_bytes()).unwrap();
        assert_eq!(imported.taken(), 1);
        assert_eq!(imported.entries[1].faults[0].place, "match.program");
        assert_eq!(imported.entries[2].faults[0].place, "id");
        assert!(from_json(b"3").is_err());
    }

    #[test]
    fn a_column_that_nobody_knows_is_refused() {
        assert_eq!(from_csv("id,commands\n").unwrap_err().0[0].place, "row 1");
    }
}
