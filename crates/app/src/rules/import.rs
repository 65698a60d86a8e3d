//! Rules out of lists: each is taken by itself, and replaces the one of the same id.

use std::collections::BTreeMap;

use bastide_policy::{Rule, RuleSet};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use utoipa::ToSchema;

use crate::Error;
use crate::inventory::{Skipped, csv};

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, ToSchema)]
#[schema(as = RuleFormat)]
#[serde(rename_all = "snake_case")]
pub enum Format {
    /// A rule set, or a list of rules.
    Json,
    /// One rule on each line, under a line of names.
    Csv,
}

/// What an import has done, or would do. By id.
#[derive(Debug, Default, Serialize, ToSchema)]
#[schema(as = RulesImported)]
pub struct Outcome {
    pub created: Vec<String>,
    pub changed: Vec<String>,
    /// How many are there already, as they are.
    pub unchanged: usize,
    pub skipped: Vec<Skipped>,
    pub dry_run: bool,
    /// The version that holds now.
    pub version: i64,
}

/// A rule and where it stands.
type Found = (usize, Value);

/// Columns, and where in a rule they go. Lists are separated by `|`.
const COLUMNS: [(&str, &str, Kind); 21] = [
    ("id", "/id", Kind::Text),
    ("name", "/name", Kind::Text),
    ("priority", "/priority", Kind::Number),
    ("action", "/action", Kind::Text),
    ("enabled", "/enabled", Kind::Truth),
    ("mode", "/mode", Kind::Text),
    ("users", "/scope/users", Kind::List),
    ("groups", "/scope/groups", Kind::List),
    ("roles", "/scope/roles", Kind::List),
    ("servers", "/scope/servers", Kind::List),
    ("tags", "/scope/tags", Kind::List),
    ("accounts", "/scope/accounts", Kind::List),
    ("doors", "/scope/doors", Kind::List),
    ("any", "/match/any", Kind::Truth),
    ("command_groups", "/match/groups", Kind::List),
    ("programs", "/match/programs", Kind::List),
    ("paths", "/match/paths", Kind::List),
    ("arguments", "/match/arguments", Kind::List),
    ("line", "/match/line", Kind::One),
    ("reason_en", "/reason/en", Kind::Text),
    ("reason_zh", "/reason/zh", Kind::Text),
];

#[derive(Debug, Clone, Copy)]
enum Kind {
    Text,
    Number,
    Truth,
    List,
    /// A list of one: what may hold the separator itself.
    One,
}

/// Merges what a text says into a set.
///
/// # Errors
/// `Invalid` when the text is none of that form.
pub(super) fn merge(set: &mut RuleSet, (format, text): (Format, &str)) -> Result<Outcome, Error> {
    let mut outcome = Outcome::default();
    let found = match format {
        Format::Json => from_json(set, text, &mut outcome)?,
        Format::Csv => from_csv(text, &mut outcome)?,
    };
    let mut places: BTreeMap<String, usize> =
        set.rules.iter().enumerate().map(|(index, rule)| (rule.id.clone(), index)).collect();
    for (line, value) in found {
        let name = value["id"].as_str().map(str::to_owned);
        let rule = match checked(set, &value) {
            Ok(rule) => rule,
            Err(why) => {
                outcome.skipped.push(Skipped { line, name, why });
                continue;
            }
        };
        match places.get(&rule.id) {
            Some(index) if set.rules[*index] == rule => outcome.unchanged += 1,
            Some(index) => {
                outcome.changed.push(rule.id.clone());
                set.rules[*index] = rule;
            }
            None => {
                outcome.created.push(rule.id.clone());
                places.insert(rule.id.clone(), set.rules.len());
                set.rules.push(rule);
            }
        }
    }
    Ok(outcome)
}

/// As it would be beside the groups that are there.
fn checked(set: &RuleSet, value: &Value) -> Result<Rule, String> {
    let alone = json!({ "version": 1, "command_groups": set.command_groups, "rules": [value] });
    let text = serde_json::to_vec(&alone).map_err(|error| error.to_string())?;
    let alone = RuleSet::parse(&text).map_err(|faults| faults.to_string().replace("rules[0].", ""))?;
    alone.rules.into_iter().next().ok_or_else(|| "no rule".to_owned())
}

/// A rule set brings its command groups; of its defaults nothing is taken. `line` counts the rules.
fn from_json(set: &mut RuleSet, text: &str, outcome: &mut Outcome) -> Result<Vec<Found>, Error> {
    let value: Value =
        serde_json::from_str(text).map_err(|error| Error::Invalid(format!("text: no JSON: {error}")))?;
    let rules = match value {
        Value::Array(rules) => rules,
        Value::Object(mut fields) => {
            groups(set, fields.remove("command_groups"), outcome)?;
            match fields.remove("rules") {
                Some(Value::Array(rules)) => rules,
                _ => return Err(Error::Invalid("text: a rule set has a list `rules`".to_owned())),
            }
        }
        _ => return Err(Error::Invalid("text: a rule set or a list of rules".to_owned())),
    };
    Ok(rules.into_iter().enumerate().map(|(index, rule)| (index + 1, rule)).collect())
}

fn groups(set: &mut RuleSet, given: Option<Value>, outcome: &mut Outcome) -> Result<(), Error> {
    let Some(given) = given else { return Ok(()) };
    let invalid = |error: serde_json::Error| Error::Invalid(format!("text: command_groups: {error}"));
    let given: Vec<bastide_policy::CommandGroup> = serde_json::from_value(given).map_err(invalid)?;
    for group in given {
        match set.command_groups.iter_mut().find(|known| known.id == group.id) {
            Some(known) if *known == group => {}
            Some(known) => {
                outcome.changed.push(format!("group {}", group.id));
                *known = group;
            }
            None => {
                outcome.created.push(format!("group {}", group.id));
                set.command_groups.push(group);
            }
        }
    }
    Ok(())
}

fn from_csv(text: &str, outcome: &mut Outcome) -> Result<Vec<Found>, Error> {
    let (head, records) = csv::table(text);
    let columns: Vec<_> = head
        .iter()
        .map(|field| {
            let field = field.trim().to_lowercase().replace([' ', '-'], "_");
            COLUMNS.iter().find(|(name, ..)| *name == field)
        })
        .collect();
    if !columns.iter().flatten().any(|(name, ..)| *name == "id") {
        let known: Vec<_> = COLUMNS.iter().map(|(name, ..)| *name).collect();
        let why =
            format!("text: the first line names the columns, `id` among them; they are {}", known.join(", "));
        return Err(Error::Invalid(why));
    }
    for (field, _) in
        head.iter().zip(&columns).filter(|(field, column)| column.is_none() && !field.trim().is_empty())
    {
        let why = format!("the column {} is passed over", field.trim());
        outcome.skipped.push(Skipped { line: 1, name: None, why });
    }
    let mut found = Vec::new();
    for record in records {
        let (line, fields) = match record {
            Ok(record) => record,
            Err(line) => {
                let why = "a quote is never closed; what follows is not read".to_owned();
                outcome.skipped.push(Skipped { line, name: None, why });
                break;
            }
        };
        if fields.iter().all(|field| field.trim().is_empty()) {
            continue;
        }
        let mut rule = json!({ "match": {} });
        for (column, field) in columns.iter().zip(&fields) {
            if let Some((_, place, kind)) = column
                && !field.trim().is_empty()
            {
                put(&mut rule, place, cell(field.trim(), *kind));
            }
        }
        found.push((line, rule));
    }
    Ok(found)
}

/// What cannot be read goes on as text: the check says what is wrong with it.
fn cell(field: &str, kind: Kind) -> Value {
    match kind {
        Kind::Text => json!(field),
        Kind::Number => field.parse::<u64>().map_or_else(|_| json!(field), |number| json!(number)),
        Kind::Truth => match field.to_lowercase().as_str() {
            "true" | "yes" | "1" => json!(true),
            "false" | "no" | "0" => json!(false),
            _ => json!(field),
        },
        Kind::List => field.split('|').map(str::trim).filter(|part| !part.is_empty()).collect(),
        Kind::One => json!([field]),
    }
}

fn put(rule: &mut Value, place: &str, value: Value) {
    let mut here = rule;
    let mut parts = place.trim_start_matches('/').split('/').peekable();
    while let Some(part) = parts.next() {
        if parts.peek().is_none() {
            here[part] = value;
            return;
        }
        if here[part].is_null() {
            here[part] = Value::Object(Map::new());
        }
        here = &mut here[part];
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn csv(set: &mut RuleSet, text: &str) -> Outcome {
        merge(set, (Format::Csv, text)).unwrap()
    }

    #[test]
    fn each_line_is_a_rule_and_what_is_wrong_with_one_holds_up_no_other() {
        let mut set = RuleSet::default();
        let text = "id,priority,action,programs,users,reason_en,colour\n\
                    no-reboot,10,deny,reboot|halt,,not here,red\n\
                    bad,0,deny,x,,,\n\
                    odd,5,forbid,x,,,\n\
                    \n\
                    ask,20,review,systemctl,bob|eve,,\n";
        let outcome = csv(&mut set, text);
        assert_eq!(outcome.created, ["no-reboot", "ask"]);
        let skipped: Vec<_> = outcome.skipped.iter().map(|one| (one.line, one.name.as_deref())).collect();
        assert_eq!(skipped, [(1, None), (3, Some("bad")), (4, Some("odd"))]);
        assert!(outcome.skipped[1].why.contains("priority"), "{}", outcome.skipped[1].why);
        assert_eq!(set.rules[0].matches.programs.len(), 2);
        assert_eq!(set.rules[0].reason.en, "not here");
        assert_eq!(set.rules[1].scope.users, ["bob", "eve"]);
        set.check_again();

        let again = csv(&mut set, text);
        assert_eq!((again.created.len(), again.changed.len(), again.unchanged), (0, 0, 2));
        let outcome = csv(&mut set, "id;priority;action;programs\nask;20;deny;systemctl\n");
        assert_eq!(outcome.changed, ["ask"]);
    }

    #[test]
    fn a_set_brings_its_groups() {
        let mut set = RuleSet::default();
        let text = r#"{"version":1,"command_groups":[{"id":"mine","commands":[{"programs":["x"]}]}],
            "rules":[{"id":"a","priority":1,"action":"deny","match":{"groups":["mine"]}},
                     {"id":"b","priority":1,"action":"deny","match":{"groups":["nobodys"]}}]}"#;
        let outcome = merge(&mut set, (Format::Json, text)).unwrap();
        assert_eq!(outcome.created, ["group mine", "a"]);
        assert_eq!((outcome.skipped.len(), outcome.skipped[0].line), (1, 2));
        assert!(merge(&mut set, (Format::Json, "7")).is_err());
        assert!(merge(&mut set, (Format::Csv, "name,action\n")).is_err());
    }

    trait CheckAgain {
        fn check_again(&self);
    }

    impl CheckAgain for RuleSet {
        fn check_again(&self) {
            bastide_policy::Bundle::new(self).unwrap();
        }
    }
}
