//! Settings by their names, and their values as people write them.

use serde_json::{Map, Value, json};

use crate::cli::duration;
use crate::cli::list::printable;

pub(super) const SECRET: &str = "(secret)";

/// A variable stands under this, and under the server's own longer word.
const VARIABLE: [&str; 2] = ["env.", "environment."];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Text,
    Yes,
    List,
    Number,
    Size,
    Time,
}

const KNOWN: [(&str, Kind); 17] = [
    ("umask", Kind::Text),
    ("private_tmp", Kind::Yes),
    ("read_only", Kind::List),
    ("deny", Kind::List),
    ("allow", Kind::List),
    ("max_sessions", Kind::Number),
    ("idle_timeout", Kind::Time),
    ("max_lifetime", Kind::Time),
    ("detach_keep", Kind::Time),
    ("limits.open_files", Kind::Number),
    ("limits.processes", Kind::Number),
    ("limits.memory", Kind::Size),
    ("limits.file_size", Kind::Size),
    ("limits.cpu_seconds", Kind::Time),
    ("limits.group.processes", Kind::Number),
    ("limits.group.memory", Kind::Size),
    ("limits.group.cpu_percent", Kind::Number),
];

fn kind(name: &str) -> Result<Kind, String> {
    let found = KNOWN.iter().find(|(known, _)| *known == name);
    found.map(|(_, kind)| *kind).ok_or_else(|| format!("no setting {name:?}; --help names them"))
}

fn variable(name: &str) -> Option<&str> {
    VARIABLE.iter().find_map(|start| name.strip_prefix(start))
}

/// What somebody wrote for a setting.
pub(super) fn read(name: &str, text: &str) -> Result<Value, String> {
    if variable(name).is_some() {
        return Ok(json!(text));
    }
    let wrong = |how: &str| format!("{name}: {how}");
    Ok(match kind(name)? {
        Kind::Text => json!(text),
        Kind::List => json!(text.split(',').map(str::trim).filter(|one| !one.is_empty()).collect::<Vec<_>>()),
        Kind::Yes => match text {
            "yes" | "true" => json!(true),
            "no" | "false" => json!(false),
            _ => return Err(wrong("yes or no")),
        },
        Kind::Number => json!(text.parse::<u64>().map_err(|_| wrong("a number"))?),
        Kind::Size => json!(size(text).ok_or_else(|| wrong("bytes, or like 512M or 2G"))?),
        Kind::Time => json!(duration::parse(text).map_err(|how| wrong(&how))?.as_secs()),
    })
}

const SIZES: [(char, u64); 4] = [('T', 1 << 40), ('G', 1 << 30), ('M', 1 << 20), ('K', 1 << 10)];

fn size(text: &str) -> Option<u64> {
    let unit = SIZES.iter().find(|(letter, _)| text.ends_with([*letter, letter.to_ascii_lowercase()]));
    match unit {
        Some((_, times)) => text[..text.len() - 1].parse::<u64>().ok()?.checked_mul(*times),
        None => text.parse().ok(),
    }
}

/// A value as [`read`] reads it.
pub(super) fn text(name: &str, value: &Value) -> String {
    match (kind(name), value) {
        (_, Value::Bool(yes)) => if *yes { "yes" } else { "no" }.to_owned(),
        (_, Value::Array(list)) => {
            let words: Vec<_> = list.iter().filter_map(Value::as_str).collect();
            if words.is_empty() { "(none)".to_owned() } else { printable(&words.join(",")) }
        }
        (_, Value::String(text)) => printable(text),
        (Ok(Kind::Time), Value::Number(number)) => duration::exact(number.as_u64().unwrap_or_default()),
        (Ok(Kind::Size), Value::Number(number)) => {
            let bytes = number.as_u64().unwrap_or_default();
            let fits = SIZES.iter().find(|(_, times)| bytes > 0 && bytes % times == 0);
            fits.map_or_else(|| bytes.to_string(), |(letter, times)| format!("{}{letter}", bytes / times))
        }
        (_, other) => other.to_string(),
    }
}

pub(super) fn shown_name(name: &str) -> String {
    printable(&variable(name).map_or_else(|| name.to_owned(), |variable| format!("env.{variable}")))
}

/// Names and values of what is set.
pub(super) fn rows(settings: &Value) -> Vec<(String, String)> {
    let mut rows: Vec<_> = variables(settings)
        .iter()
        .map(|one| {
            let value = match one["secret"].as_bool() {
                Some(true) => SECRET.to_owned(),
                _ => printable(one["value"].as_str().unwrap_or_default()),
            };
            (format!("env.{}", printable(one["name"].as_str().unwrap_or_default())), value)
        })
        .collect();
    for (name, kind) in KNOWN {
        let value = settings.pointer(&pointer(name)).unwrap_or(&Value::Null);
        let says_nothing = value.is_null() || (kind == Kind::List && name != "allow" && *value == json!([]));
        if !says_nothing {
            rows.push((name.to_owned(), text(name, value)));
        }
    }
    rows
}

fn pointer(name: &str) -> String {
    format!("/{}", name.replace('.', "/"))
}

fn variables(settings: &Value) -> &[Value] {
    settings["environment"].as_array().map(Vec::as_slice).unwrap_or_default()
}

/// Sets one, or takes it away.
pub(super) fn put(settings: &mut Value, name: &str, value: Option<Value>) -> Result<(), String> {
    if let Some(variable) = variable(name) {
        match value {
            Some(value) => {
                let one = json!({ "name": variable, "value": value });
                put_variable(settings, one.as_object().cloned().unwrap_or_default());
            }
            None => drop_variable(settings, variable),
        }
        return Ok(());
    }
    // A list that forbids is empty where it says nothing; `allow` would then allow nothing.
    let nothing = if kind(name)? == Kind::List && name != "allow" { json!([]) } else { Value::Null };
    let mut place = settings;
    for part in name.split('.') {
        place = &mut place[part];
    }
    *place = value.unwrap_or(nothing);
    Ok(())
}

pub(super) fn put_variable(settings: &mut Value, variable: Map<String, Value>) {
    drop_variable(settings, variable["name"].as_str().unwrap_or_default());
    match &mut settings["environment"] {
        Value::Array(all) => all.push(Value::Object(variable)),
        missing => *missing = json!([variable]),
    }
}

fn drop_variable(settings: &mut Value, name: &str) {
    if let Some(all) = settings["environment"].as_array_mut() {
        all.retain(|one| one["name"].as_str() != Some(name));
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn what_is_written_comes_back_as_it_was_written() {
        let mut settings = json!({ "environment": [], "limits": { "group": {} } });
        let written = [
            ("env.A", "b=c"),
            ("umask", "027"),
            ("private_tmp", "yes"),
            ("read_only", "/etc,/srv"),
            ("idle_timeout", "1h30m"),
            ("limits.memory", "2G"),
            ("limits.group.memory", "512M"),
            ("limits.group.processes", "100"),
        ];
        for (name, text) in written {
            put(&mut settings, name, Some(read(name, text).unwrap())).unwrap();
        }
        let back: Vec<_> = rows(&settings);
        let mut back: Vec<_> = back.iter().map(|(name, text)| (name.as_str(), text.as_str())).collect();
        let mut written = written.to_vec();
        back.sort_unstable();
        written.sort_unstable();
        assert_eq!(back, written);
        for (name, _) in written {
            put(&mut settings, name, None).unwrap();
        }
        assert_eq!(rows(&settings), []);
    }

    #[test]
    fn an_empty_allow_list_is_said_and_an_empty_deny_list_is_not() {
        let mut settings = json!({});
        put(&mut settings, "allow", Some(read("allow", "").unwrap())).unwrap();
        put(&mut settings, "deny", Some(read("deny", "").unwrap())).unwrap();
        assert_eq!(rows(&settings), [("allow".to_owned(), "(none)".to_owned())]);
    }

    #[test]
    fn what_cannot_be_read_is_refused_with_its_name() {
        for (name, text) in [
            ("limits.memory", "much"),
            ("idle_timeout", "soon"),
            ("private_tmp", "maybe"),
            ("max_sessions", "-1"),
        ] {
            assert!(read(name, text).unwrap_err().contains(name), "{name}={text}");
        }
        assert!(read("colour", "red").unwrap_err().contains("no setting"));
    }
}
