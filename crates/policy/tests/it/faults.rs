//! Rules that are refused, each with the exact place.

use bastide_policy::{Action, Bundle, Door, RuleSet, Subject};

fn place(rule: &str) -> String {
    let text = format!(r#"{{"version": 1, "rules": [{rule}]}}"#);
    let faults = RuleSet::parse(text.as_bytes()).unwrap_err();
    assert_eq!(faults.0.len(), 1, "{faults}");
    faults.0[0].place.clone()
}

#[test]
fn each_fault_is_told_with_its_place() {
    for (rule, expected) in [
        (r#"{"id": "A b", "priority": 1, "action": "deny", "match": {"any": true}}"#, "rules[0].id"),
        (r#"{"id": "a", "priority": 0, "action": "deny", "match": {"any": true}}"#, "rules[0].priority"),
        (r#"{"id": "a", "priority": 101, "action": "deny", "match": {"any": true}}"#, "rules[0].priority"),
        (r#"{"id": "a", "priority": 1, "action": "block", "match": {"any": true}}"#, "rules[0].action"),
        (r#"{"id": "a", "priority": 1, "action": "deny", "match": {}}"#, "rules[0].match"),
        (
            r#"{"id": "a", "priority": 1, "action": "deny", "match": {"any": true, "non_ascii": true}}"#,
            "rules[0].match.any",
        ),
        (
            r#"{"id": "a", "priority": 1, "action": "deny", "match": {"programs": ["ok", {"regex": "("}]}}"#,
            "rules[0].match.programs[1]",
        ),
        (
            r#"{"id": "a", "priority": 1, "action": "deny", "match": {"programs": ["a[b"]}}"#,
            "rules[0].match.programs[0]",
        ),
        (
            r#"{"id": "a", "priority": 1, "action": "deny", "match": {"programs": [{"regx": "a"}]}}"#,
            "rules[0].match.programs[0].regx",
        ),
        (
            r#"{"id": "a", "priority": 1, "action": "deny", "match": {"programs": ["rm"], "argments": []}}"#,
            "rules[0].match.argments",
        ),
        (
            r#"{"id": "a", "priority": 1, "action": "deny", "match": {"paths": ["bin/rm"]}}"#,
            "rules[0].match.paths[0]",
        ),
        (
            r#"{"id": "a", "priority": 1, "action": "deny", "match": {"arguments": [{"at": 1}]}}"#,
            "rules[0].match.arguments[0]",
        ),
        (
            r#"{"id": "a", "priority": 1, "action": "deny", "match": {"arguments": [{"flags": ["r"]}]}}"#,
            "rules[0].match.arguments[0].flags[0]",
        ),
        (
            r#"{"id": "a", "priority": 1, "action": "deny", "match": {"groups": ["nowhere"]}}"#,
            "rules[0].match.groups[0]",
        ),
        (r#"{"id": "a", "priority": 1, "action": "deny", "match": {"line": ["x"]}}"#, "rules[0].match.line"),
        (
            r#"{"id": "a", "priority": 1, "action": "deny", "scope": {"doors": ["exec"]}, "match": {"redirect_to": ["/etc/*"]}}"#,
            "rules[0].match.redirect_to",
        ),
        (
            r#"{"id": "a", "priority": 1, "action": "deny", "scope": {"times": [{"from": "9:00", "to": "17:00", "zone": "UTC"}]}, "match": {"any": true}}"#,
            "rules[0].scope.times[0].from",
        ),
        (
            r#"{"id": "a", "priority": 1, "action": "deny", "scope": {"times": [{"from": "09:00", "to": "17:00", "zone": "not a zone"}]}, "match": {"any": true}}"#,
            "rules[0].scope.times[0].zone",
        ),
        (
            r#"{"id": "a", "priority": 1, "action": "deny", "scope": {"users": [""]}, "match": {"any": true}}"#,
            "rules[0].scope.users[0]",
        ),
    ] {
        assert_eq!(place(rule), expected, "{rule}");
    }
}

#[test]
fn all_faults_are_told_at_once_and_not_without_end() {
    let rule = r#"{"id": "same", "priority": 0, "action": "deny", "match": {}}"#;
    let many = vec![rule; 300].join(",");
    let faults = RuleSet::parse(format!(r#"{{"version": 2, "rules": [{many}]}}"#).as_bytes()).unwrap_err();
    assert_eq!(faults.0.len(), 100);
    assert!(RuleSet::parse(&vec![b' '; 5 << 20]).is_err());
    assert!(RuleSet::parse(b"{\"version\": 1} x").is_err());
}

#[test]
fn bytes_that_are_not_canonical_are_no_bundle() {
    let set = RuleSet::parse(br#"{"version": 1, "rules": []}"#).unwrap();
    let bundle = Bundle::new(&set).unwrap();
    assert!(Bundle::from_bytes(bundle.bytes()).is_ok());
    assert!(Bundle::from_bytes(b"{ \"version\": 1}").is_err());
}

#[test]
fn scopes_times_dry_runs_and_defaults() {
    let text = br#"{"version": 1, "default": {"action": "allow", "unknown": "deny"},
        "defaults": [{"scope": {"roles": ["guest"]}, "action": "deny", "unknown": "deny"}],
        "dry_run": {"tags": ["lab"]},
        "rules": [
          {"id": "first", "priority": 1, "action": "deny", "mode": "dry_run", "match": {"programs": ["rm"]}},
          {"id": "ops", "priority": 5, "action": "review", "scope": {"groups": ["ops*"]}, "match": {"programs": ["rm"]}},
          {"id": "off", "priority": 2, "action": "deny", "enabled": false, "match": {"programs": ["rm"]}},
          {"id": "night", "priority": 3, "action": "deny", "match": {"programs": ["dd"]},
           "scope": {"times": [{"days": ["mon"], "from": "22:00", "to": "06:00", "zone": "Asia/Shanghai"}]}}]}"#;
    let bundle = Bundle::new(&RuleSet::parse(text).unwrap()).unwrap();
    let ops = Subject { groups: vec!["ops-eu".into()], ..Subject::at(Door::Line) };
    let verdict = bundle.judge(&ops).line("rm x");
    assert_eq!((verdict.action, verdict.rule.as_deref()), (Action::Review, Some("ops")));
    assert_eq!(verdict.dry_run.len(), 1);
    assert_eq!(bundle.judge(&Subject::at(Door::Line)).line("rm x").action, Action::Allow);
    let lab = Subject { tags: vec!["lab".into()], ..ops.clone() };
    let verdict = bundle.judge(&lab).line("rm x");
    assert_eq!((verdict.action, verdict.dry_run.last().unwrap().action), (Action::Allow, Action::Review));
    let guest = Subject { roles: vec!["guest".into()], ..Subject::at(Door::Line) };
    assert_eq!(bundle.judge(&guest).line("ls").action, Action::Deny);
    assert_eq!(bundle.judge(&ops).line("$x").action, Action::Deny, "the unknown has an action of its own");

    // Monday 2026-03-02 23:00 in Shanghai; then Tuesday noon.
    let mut night = Subject { now: 1_772_463_600, ..Subject::at(Door::Line) };
    assert_eq!(bundle.zones().into_iter().collect::<Vec<_>>(), ["Asia/Shanghai"]);
    assert_eq!(bundle.judge(&night).line("dd").action, Action::Deny, "nobody told the zone: it holds");
    night.offsets.insert("Asia/Shanghai".into(), 8 * 3600);
    let mut judge = bundle.judge(&night);
    assert_eq!(judge.line("dd").action, Action::Deny);
    judge.set_now(night.now + 13 * 3600);
    assert_eq!(judge.line("dd").action, Action::Allow);
}

#[test]
fn a_rule_on_the_line_counts_for_each_of_its_facts() {
    let text = br#"{"version": 1, "rules": [
        {"id": "a", "priority": 1, "action": "deny", "scope": {"doors": ["line"]}, "match": {"line": ["x+y"], "programs": ["cat"]}}]}"#;
    let judge = Bundle::new(&RuleSet::parse(text).unwrap()).unwrap().judge(&Subject::at(Door::Line));
    for line in ["cat xxy", "ls; cat a; echo xy", "cat a && ls xy"] {
        assert_eq!(judge.line(line).action, Action::Deny, "{line}");
    }
    for line in ["cat a", "ls xy", "ls; cat a", "ls; echo xy"] {
        assert_eq!(judge.line(line).action, Action::Allow, "{line}");
    }
}
