//! Lines of shell with their facts and verdicts: `tests/cases/*.txt` is what people read to see what the
//! product says. `UPDATE=1` writes the files anew; look at the difference before it is committed.

use std::fmt::Write;
use std::path::PathBuf;

use bastide_policy::{Bundle, Door, Fact, Judge, Kind, RuleSet, Subject, Verdict, Word};

/// Fewer lines than this are no description of a language.
const AT_LEAST: usize = 300;

fn cases() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/cases")
}

fn judge() -> Judge {
    let set = RuleSet::parse(&std::fs::read(cases().join("rules.json")).unwrap()).unwrap();
    Bundle::new(&set).unwrap().judge(&Subject::at(Door::Line))
}

fn word(word: &Word) -> String {
    match word {
        Word::Known(_) => format!("[{}]", word.text().escape_debug()),
        Word::Unknown(raw) => format!("?{}?", raw.escape_debug()),
    }
}

fn fact(fact: &Fact) -> String {
    let kind = match fact.kind {
        Kind::Command => "command",
        Kind::Wrapper => "wrapper",
        Kind::Effect => "effect",
        Kind::Unknown => "unknown",
    };
    let mut out = kind.to_owned();
    if let Some(why) = fact.unknown {
        let _ = write!(out, "({})", serde_json::to_value(why).unwrap().as_str().unwrap());
    }
    if fact.kind != Kind::Effect {
        let _ = write!(out, " {}", word(&fact.program));
    }
    for argument in &fact.arguments {
        let _ = write!(out, " {}", word(argument));
    }
    for (name, value) in &fact.assignments {
        let _ = write!(out, " {name}={}", word(value));
    }
    for redirect in &fact.redirects {
        let _ = write!(out, " {}{}", if redirect.writes { '>' } else { '<' }, word(&redirect.target));
    }
    if fact.non_ascii {
        out.push_str(" non-ascii");
    }
    if !fact.via.is_empty() {
        let _ = write!(out, " via {}", fact.via.join(" "));
    }
    out
}

fn verdict(verdict: &Verdict) -> String {
    let decided = verdict.fact.map(|index| &verdict.facts[index]);
    let perhaps = decided.and_then(|judged| judged.perhaps.as_deref());
    match (&verdict.rule, perhaps) {
        (Some(rule), _) => format!("{} {rule}", verdict.action),
        (None, Some(rule)) => format!("{} perhaps {rule}", verdict.action),
        (None, None) => format!("{} default", verdict.action),
    }
}

/// The typed lines of a file: `$ ` begins one, `> ` continues it, `$j ` is one as a JSON string. What is
/// indented was written by this test.
fn rendered(text: &str, judge: &Judge) -> (String, usize) {
    let (mut out, mut count) = (String::new(), 0);
    let mut lines = text.lines().peekable();
    while let Some(line) = lines.next() {
        if line.starts_with("    ") {
            continue;
        }
        let _ = writeln!(out, "{line}");
        let mut typed = match (line.strip_prefix("$ "), line.strip_prefix("$j ")) {
            (Some(typed), _) => typed.to_owned(),
            (_, Some(json)) => serde_json::from_str(json).unwrap(),
            _ => continue,
        };
        while let Some(more) = lines.next_if(|line| line.starts_with("> ") || *line == ">") {
            let _ = writeln!(out, "{more}");
            typed.push('\n');
            typed.push_str(more.get(2..).unwrap_or_default());
        }
        count += 1;
        for found in &Judge::facts(&typed).facts {
            let _ = writeln!(out, "    {}", fact(found));
        }
        let _ = writeln!(out, "    => {}", verdict(&judge.line(&typed)));
    }
    (out, count)
}

#[test]
fn every_line_has_the_facts_and_the_verdict_that_are_written_down() {
    let judge = judge();
    let mut total = 0;
    let mut files: Vec<_> = std::fs::read_dir(cases()).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.retain(|path| path.extension().is_some_and(|extension| extension == "txt"));
    files.sort();
    for path in files {
        let written = std::fs::read_to_string(&path).unwrap();
        let (now, count) = rendered(&written, &judge);
        total += count;
        if std::env::var_os("UPDATE").is_some() {
            std::fs::write(&path, &now).unwrap();
            continue;
        }
        for (written, now) in written.lines().zip(now.lines()) {
            assert_eq!(written, now, "in {}; UPDATE=1 writes it anew", path.display());
        }
        assert_eq!(written.lines().count(), now.lines().count(), "in {}", path.display());
    }
    assert!(total >= AT_LEAST, "only {total} lines");
}
