//! Fuzz bodies: what must hold for any bytes.

use crate::{Action, Bundle, Door, Judge, RuleSet, Subject, import};

/// A rule set that asks for something of every kind.
const RULES: &str = r#"{"version": 1, "default": {"action": "allow", "unknown": "alert"}, "rules": [
    {"id": "a", "priority": 1, "action": "deny", "match": {"programs": ["rm", {"regex": "^mkfs"}]}},
    {"id": "b", "priority": 2, "action": "review", "match": {"programs": ["ls"], "arguments": [{"flags": ["-l"]}, {"glob": "/e*", "at": 1}]}},
    {"id": "c", "priority": 3, "action": "deny", "scope": {"doors": ["line"]}, "match": {"redirect_to": ["/etc/**"]}},
    {"id": "d", "priority": 4, "action": "alert", "match": {"environment": ["LD_*"]}},
    {"id": "e", "priority": 5, "action": "deny", "scope": {"doors": ["line"]}, "match": {"device": ["reset saved"], "ignore_case": true}}]}"#;

/// A line of any text has facts and a verdict, and what it holds is bounded.
///
/// # Panics
/// When it does not hold.
pub fn fuzz_line(data: &[u8]) {
    let line = String::from_utf8_lossy(data);
    let facts = Judge::facts(&line);
    assert!(facts.facts.len() <= 2003, "facts are bounded");
    let set = RuleSet::parse(RULES.as_bytes()).expect("written here");
    let judge = Bundle::new(&set).expect("written here").judge(&Subject::at(Door::Line));
    let verdict = judge.on_facts(&line, &facts);
    assert_eq!(verdict.facts.len(), facts.facts.len());
    let strictest = verdict.facts.iter().map(|judged| judged.action).max();
    assert_eq!(verdict.action, strictest.unwrap_or(Action::Allow), "the strictest of all facts");
    assert_eq!(verdict, judge.line(&line), "twice the same");
    judge.device_line(&line);
}

/// Rules that are taken make a bundle, and the bundle survives its bytes.
///
/// # Panics
/// When it does not hold.
pub fn fuzz_rules(data: &[u8]) {
    let Ok(set) = RuleSet::parse(data) else { return };
    let Ok(bundle) = Bundle::new(&set) else { return };
    let again = Bundle::from_bytes(bundle.bytes()).expect("what was written can be read");
    assert_eq!(again.digest(), bundle.digest());
    for door in [Door::Exec, Door::Line, Door::Watched] {
        let judge = bundle.judge(&Subject::at(door));
        judge.line("sudo rm -rf / > /etc/x");
    }
}

/// Bytes from outside are a bundle in canonical form, or nothing.
///
/// # Panics
/// When it does not hold.
pub fn fuzz_bundle(data: &[u8]) {
    if let Ok(bundle) = Bundle::from_bytes(data) {
        assert_eq!(bundle.bytes(), data);
        bundle.judge(&Subject::at(Door::Line)).line("rm -rf /");
    }
}

/// What an import takes is a sound rule set.
///
/// # Panics
/// When it does not hold.
pub fn fuzz_import(data: &[u8]) {
    let tables = std::str::from_utf8(data).ok().and_then(|text| import::from_csv(text).ok());
    for imported in tables.into_iter().chain(import::from_json(data).ok()) {
        assert!(imported.set.check().is_ok(), "only sound rules are taken");
        let refused = imported.entries.iter().filter(|entry| !entry.faults.is_empty()).count();
        assert_eq!(imported.taken() + refused, imported.entries.len());
    }
}
