//! Facts and verdicts for people.

use std::fmt::Write;

use bastide_policy::{Fact, Facts, Judged, Kind, Verdict, Word};

use crate::cli::exit::Failure;
use crate::cli::output;

/// What the line would run, each with what is said to it, then the verdict.
pub(super) fn facts(facts: &Facts, verdict: Option<&Verdict>) -> Result<(), Failure> {
    for (index, found) in facts.facts.iter().enumerate() {
        let judged = verdict.and_then(|verdict| verdict.facts.get(index));
        output::line(&format!("{}{}", fact(found), judged.map(said).unwrap_or_default()))?;
    }
    if facts.facts.is_empty() && verdict.is_none() {
        output::line("nothing runs")?;
    }
    let Some(verdict) = verdict else { return Ok(()) };
    let why = match (&verdict.rule, decided(verdict).and_then(|judged| judged.perhaps.as_ref())) {
        (Some(rule), _) => format!("by rule {rule}"),
        (None, Some(rule)) => format!("because rule {rule} may match when it runs"),
        (None, None) => "by default: no rule matches".to_owned(),
    };
    output::line(&format!("=> {} {why}", verdict.action))?;
    if let Some(reason) = &verdict.reason {
        let text = if reason.en.is_empty() { &reason.zh } else { &reason.en };
        output::line(&format!("   {text}"))?;
    }
    for would in &verdict.dry_run {
        let rule = would.rule.as_deref().unwrap_or("the default");
        output::line(&format!("   dry run: {rule} would {}", would.action))?;
    }
    Ok(())
}

fn decided(verdict: &Verdict) -> Option<&Judged> {
    verdict.fact.and_then(|index| verdict.facts.get(index))
}

fn said(judged: &Judged) -> String {
    match (&judged.rule, &judged.perhaps) {
        (Some(rule), _) => format!("   [{} {rule}]", judged.action),
        (None, Some(rule)) => format!("   [{} perhaps {rule}]", judged.action),
        (None, None) => format!("   [{}]", judged.action),
    }
}

fn fact(fact: &Fact) -> String {
    let kind = match fact.kind {
        Kind::Command => "runs",
        Kind::Wrapper => "runs, as a wrapper,",
        Kind::Effect => "sets or opens",
        Kind::Unknown => "unknown:",
    };
    let mut text = kind.to_owned();
    let words = [&fact.program].into_iter().chain(&fact.arguments).filter(|word| !word.text().is_empty());
    for word in words {
        let _ = write!(text, " {}", shown(word));
    }
    for (name, value) in &fact.assignments {
        let _ = write!(text, " {name}={}", shown(value));
    }
    for redirect in &fact.redirects {
        let _ = write!(text, " {} {}", if redirect.writes { '>' } else { '<' }, shown(&redirect.target));
    }
    if let Some(why) = fact.unknown {
        let why = serde_json::to_value(why).unwrap_or_default();
        let _ = write!(text, " ({})", why.as_str().unwrap_or_default().replace('_', " "));
    }
    if fact.non_ascii {
        text.push_str(" (letters outside ASCII)");
    }
    if !fact.via.is_empty() {
        let _ = write!(text, " through {}", fact.via.join(", "));
    }
    text
}

/// A word without what a terminal would obey.
fn shown(word: &Word) -> String {
    let text = word.text();
    let plain = |c: char| c.is_alphanumeric() || "_-./=:,+@%{}".contains(c);
    match word {
        Word::Known(_) if !text.is_empty() && text.chars().all(plain) => text,
        Word::Known(_) => format!("{text:?}"),
        Word::Unknown(_) => format!("<{}>", text.escape_debug()),
    }
}
