#![allow(clippy::unwrap_used)]

use serde_json::Value;

use super::*;
use crate::session_settings::check::{check, kept};

fn settings(json: Value) -> Settings {
    serde_json::from_value(json).unwrap()
}

fn layers() -> Vec<(From, Settings)> {
    let global = json!({
        "environment": [{ "name": "LANG", "value": "C" }, { "name": "PROXY", "value": "http://p" }],
        "deny": ["AWS_*", "X"], "allow": ["LC_*"], "umask": "022",
        "limits": { "open_files": 1024, "group": { "processes": 100 } },
        "idle_timeout": 3600, "detach_keep": 60, "max_sessions": 5, "read_only": ["/etc"],
    });
    let server = json!({
        "environment": [{ "name": "LANG", "value": "de" }], "deny": ["X", "Y"], "private_tmp": true,
        "limits": { "group": { "memory": 1073741824 } },
    });
    let user = json!({
        "environment": [{ "name": "TOKEN", "value": "s", "secret": true }], "umask": "0077",
        "limits": { "open_files": 64 }, "max_sessions": 1, "read_only": ["/srv", "/etc"],
    });
    vec![(From::Global, settings(global)), (From::Server, settings(server)), (From::User, settings(user))]
}

fn merged() -> Merged {
    Merged::of(layers().into_iter().map(|(_, settings)| settings))
}

#[test]
fn what_a_later_scope_says_holds_and_what_is_forbidden_adds_up() {
    let merged = merged();
    let spec = merged.local(Spec { detach_keep: Some(600), ..Spec::default() });
    let limits = spec.limits.unwrap();
    assert_eq!((limits.umask, limits.open_files), (Some(0o077), Some(64)));
    assert!(limits.private_tmp && limits.read_only == ["/etc", "/srv"]);
    let group = limits.group.unwrap();
    assert_eq!((group.processes, group.memory, group.cpu_percent), (Some(100), Some(1 << 30), None));
    assert_eq!((spec.idle_timeout, spec.max_lifetime), (Some(3600), None));
    assert_eq!(spec.detach_keep, Some(60), "asking for longer does not make it longer");
    assert_eq!(merged.max_sessions(), Some(1));
    let rules = spec.environment.unwrap();
    assert_eq!(rules.deny, ["AWS_*", "X", "Y"]);
    assert_eq!(rules.allow.unwrap(), ["LC_*", "PROXY", "LANG", "TOKEN"], "our own get through");

    let asked = [("LANG", "fr"), ("EDITOR", "vi")].map(|(name, value)| (name.to_owned(), value.to_owned()));
    let environment = merged.environment(asked.into_iter().collect());
    let pairs: Vec<_> = environment.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    assert_eq!(pairs, [("EDITOR", "vi"), ("LANG", "fr"), ("PROXY", "http://p"), ("TOKEN", "s")]);
    assert_eq!(merged.shown(environment)["TOKEN"], MASK);
}

#[test]
fn nothing_is_said_of_what_nobody_has_set() {
    let nothing = Merged::default();
    assert_eq!(nothing.local(Spec::default()), Spec::default());
    let remote = merged().remote(Spec::default());
    assert!(remote.limits.is_none() && remote.idle_timeout.is_some(), "limits are of this machine");
}

#[test]
fn who_says_what_is_told_and_no_secret_is() {
    let all = holds(&layers()).unwrap();
    let of = |setting: &str| -> Vec<_> {
        let found = all.iter().filter(|one| one.setting == setting);
        found.map(|one| (one.value.clone().unwrap_or_default(), one.from)).collect()
    };
    assert_eq!(of("umask"), [(json!("0077"), From::User)]);
    assert_eq!(of("limits.group.processes"), [(json!(100), From::Global)]);
    assert_eq!(of("environment.LANG"), [(json!("de"), From::Server)]);
    assert_eq!(of("environment.TOKEN"), [(Value::Null, From::User)]);
    assert_eq!(of("read_only"), [(json!("/etc"), From::Global), (json!("/srv"), From::User)]);
    assert_eq!(of("deny").len(), 3);
    assert!(of("max_lifetime").is_empty());
}

#[test]
fn every_fault_has_its_place() {
    let bad = settings(json!({
        "environment": [
            { "name": "A B", "value": "" }, { "name": "LD_PRELOAD", "value": "x" }, { "name": "OK", "value": "a\u{0}" },
            { "name": "OK", "value": "" }, { "name": "BASTIDE_USER", "value": "root" },
        ],
        "deny": ["ok", "*x", ""], "allow": ["A*B"], "umask": "0888",
        "limits": { "open_files": 3, "memory": 5, "group": { "processes": 1 } },
        "read_only": ["etc", "/a/../b"], "idle_timeout": 0, "max_sessions": 7,
    }));
    let faults = check(&bad, Scope::Server(1)).unwrap_err();
    let places: Vec<_> = faults.0.iter().map(|fault| fault.place.as_str()).collect();
    assert_eq!(
        places,
        [
            "environment[0].name",
            "environment[1].name",
            "environment[2].value",
            "environment[3].name",
            "environment[4].name",
            "deny[1]",
            "deny[2]",
            "allow[0]",
            "umask",
            "limits.open_files",
            "limits.memory",
            "limits.group.processes",
            "idle_timeout",
            "read_only[0]",
            "read_only[1]",
            "max_sessions",
        ]
    );
    for (scope, (_, good)) in [Scope::Global, Scope::Server(1), Scope::User(1)].into_iter().zip(layers()) {
        check(&good, scope).unwrap();
    }
}

#[test]
fn a_secret_without_a_value_needs_one_from_before() {
    let secret = || settings(json!({ "environment": [{ "name": "T", "secret": true }] }));
    let plain = settings(json!({ "environment": [{ "name": "T", "value": "x" }] }));
    kept(&secret(), &secret()).unwrap();
    assert_eq!(kept(&secret(), &plain).unwrap_err().0[0].place, "environment[0].value");
    let without = settings(json!({ "environment": [{ "name": "T" }] }));
    assert!(kept(&without, &secret()).is_err(), "what was secret does not become plain and empty");
}

#[test]
fn changes_are_told_by_name() {
    let (before, now) = (layers().remove(0).1, layers().remove(2).1);
    let changed = now.changed_since(&before);
    assert_eq!(changed[..3], ["environment.LANG", "environment.PROXY", "environment.TOKEN"]);
    assert!(changed.contains(&"limits.open_files".to_owned()) && changed.contains(&"deny".to_owned()));
    assert!(now.changed_since(&now).is_empty());
}
