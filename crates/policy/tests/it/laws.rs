//! What holds for every line and every rule set.

use bastide_policy::{Action, Bundle, Door, ExecFacts, Judge, RuleSet, Subject};
use proptest::prelude::*;
use serde_json::{Value, json};

const NAMES: [&str; 8] = ["ls", "rm", "cat", "dd", "reboot", "git", "mkfs.ext4", "tar"];
const ACTIONS: [&str; 4] = ["allow", "alert", "review", "deny"];

fn rule() -> impl Strategy<Value = Value> {
    let program = prop::sample::select(vec!["ls", "rm", "cat", "dd", "re*", "mkfs*", "*"]);
    let argument = prop::option::of(prop::sample::select(vec!["-f", "x*", "/etc/*"]));
    let parts = (1..=100_u8, 0..1000_u32, prop::sample::select(ACTIONS.to_vec()), program, argument);
    parts.prop_map(|(priority, id, action, program, argument)| {
        json!({
            "id": format!("r{id}"), "priority": priority, "action": action,
            "match": {"programs": [program], "arguments": argument.into_iter().collect::<Vec<_>>()},
        })
    })
}

fn rules() -> impl Strategy<Value = Vec<Value>> {
    prop::collection::vec(rule(), 0..20).prop_map(|mut rules| {
        rules.sort_by_key(|rule| rule["id"].to_string());
        rules.dedup_by_key(|rule| rule["id"].to_string());
        rules
    })
}

fn bundle(rules: &[Value], default: &str, unknown: &str) -> Bundle {
    let set = json!({"version": 1, "default": {"action": default, "unknown": unknown}, "rules": rules});
    Bundle::new(&RuleSet::parse(set.to_string().as_bytes()).unwrap()).unwrap()
}

fn judge(rules: &[Value], default: &str, unknown: &str) -> Judge {
    bundle(rules, default, unknown).judge(&Subject::at(Door::Line))
}

fn command() -> impl Strategy<Value = String> {
    let word = prop::sample::select(vec!["-f", "xy", "/etc/passwd", "$x", "'a b'", "$(rm q)", "*"]);
    (prop::sample::select(NAMES.to_vec()), prop::collection::vec(word, 0..4))
        .prop_map(|(name, words)| format!("{name} {}", words.join(" ")))
}

/// The same word in other clothes; `key` chooses the clothes of each letter.
fn dressed(word: &str, key: u32) -> String {
    let letters = word.chars().enumerate();
    let dress = |(at, c): (usize, char)| match (key >> (at % 16 * 2)) & 3 {
        0 => c.to_string(),
        1 => format!("'{c}'"),
        2 => format!("\"{c}\""),
        _ => format!("$'\\x{:02x}'", u32::from(c)),
    };
    letters.map(dress).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn one_more_command_never_makes_a_verdict_weaker(
        rules in rules(), first in command(), second in command(),
        glue in prop::sample::select(vec!["; ", " && ", " | ", " || ", " & ", "\n"]),
        default in prop::sample::select(ACTIONS.to_vec()), unknown in prop::sample::select(ACTIONS.to_vec()),
    ) {
        let judge = judge(&rules, default, unknown);
        let both = judge.line(&format!("{first}{glue}{second}")).action;
        prop_assert!(both >= judge.line(&first).action);
        prop_assert!(both >= judge.line(&second).action);
    }

    #[test]
    fn quoting_a_word_otherwise_never_changes_a_verdict(
        rules in rules(), name in prop::sample::select(NAMES.to_vec()),
        argument in prop::sample::select(vec!["-f", "xy", "/etc/passwd"]), key in any::<u32>(),
    ) {
        let judge = judge(&rules, "allow", "alert");
        let plain = judge.line(&format!("{name} {argument}"));
        let other = judge.line(&format!("{} {}", dressed(name, key), dressed(argument, key.rotate_left(7))));
        prop_assert_eq!(plain, other);
    }

    #[test]
    fn the_order_of_the_list_says_nothing(rules in rules(), line in command(), seed in any::<usize>()) {
        let mut turned = rules.clone();
        if !turned.is_empty() {
            let by = seed % turned.len();
            turned.rotate_left(by);
        }
        let (one, other) = (bundle(&rules, "allow", "alert"), bundle(&turned, "allow", "alert"));
        prop_assert_eq!(one.digest(), other.digest());
        let subject = Subject::at(Door::Line);
        prop_assert_eq!(one.judge(&subject).line(&line), other.judge(&subject).line(&line));
    }

    #[test]
    fn a_wrapper_hides_nothing(rules in rules(), line in command(),
        wrapper in prop::sample::select(vec!["sudo", "env A=1", "nice -n 5", "timeout 5", "nohup", "xargs"])) {
        let judge = judge(&rules, "allow", "allow");
        let wrapped = judge.line(&format!("{wrapper} {line}")).action;
        // What xargs adds is not known.
        prop_assert!(wrapped >= judge.line(&line).action || wrapper == "xargs");
    }

    #[test]
    fn any_bytes_have_a_verdict(line in "\\PC{0,200}", raw in prop::collection::vec(any::<u8>(), 0..300)) {
        let judge = judge(&[], "allow", "deny");
        judge.line(&line);
        judge.line(&String::from_utf8_lossy(&raw));
    }
}

fn exec<'a>(exe: &'a [u8], argv: &'a [&'a [u8]]) -> ExecFacts<'a> {
    ExecFacts {
        exe,
        dev: 1,
        inode: 1,
        owner: 0,
        group: 0,
        mode: 0o100_755,
        execfn: exe,
        argv,
        environment: &[],
        uid: 1000,
        cwd: b"/",
        script: None,
    }
}

#[test]
fn an_exec_is_refused_under_any_of_its_names_and_allowed_under_its_own() {
    let deny = json!([{"id": "no-rm", "priority": 1, "action": "deny", "match": {"programs": ["rm"]}}]);
    let deny = bundle(deny.as_array().unwrap(), "allow", "allow").judge(&Subject::at(Door::Exec));
    let refused = |facts: &ExecFacts<'_>| deny.exec(facts).action == Action::Deny;
    assert!(refused(&exec(b"/usr/bin/rm", &[b"rm", b"x"])));
    assert!(refused(&exec(b"/usr/bin/rm", &[b"ls", b"x"])), "argv[0] lies");
    assert!(refused(&exec(b"/tmp/harmless", &[b"/bin/rm"])));
    assert!(refused(&exec(b"/bin/busybox", &[b"busybox", b"rm"])));
    assert!(refused(&exec(b"/bin/busybox", &[b"rm"])));
    assert!(refused(&exec(b"/lib64/ld-linux-x86-64.so.2", &[b"ld.so", b"/bin/rm"])));
    assert!(refused(&ExecFacts { script: Some(b"/opt/rm"), ..exec(b"/bin/sh", &[b"sh", b"/opt/rm"]) }));
    assert!(!refused(&exec(b"/bin/ls", &[b"ls", b"rm"])));
    assert!(!refused(&exec(b"/bin/busybox", &[b"busybox", b"ls", b"rm"])));

    let allow = json!([{"id": "ls", "priority": 1, "action": "allow", "match": {"programs": ["ls"]}}]);
    let allow = bundle(allow.as_array().unwrap(), "deny", "deny").judge(&Subject::at(Door::Exec));
    let allowed = |facts: &ExecFacts<'_>| allow.exec(facts).action == Action::Allow;
    assert!(allowed(&exec(b"/bin/ls", &[b"ls"])));
    assert!(allowed(&exec(b"/bin/busybox", &[b"ls"])));
    assert!(!allowed(&exec(b"/bin/rm", &[b"ls"])), "only the true file");
    assert!(!allowed(&exec(b"/tmp/x", &[b"/bin/ls"])));
    assert!(!allowed(&ExecFacts { script: Some(b"/opt/ls"), ..exec(b"/bin/sh", &[b"sh", b"/opt/ls"]) }));
    assert!(!allowed(&exec(b"/bin/busybox", &[b"rm", b"ls"])));
}

#[test]
fn an_exec_with_ten_thousand_arguments_and_bytes_that_are_no_text() {
    let deny =
        json!([{"id": "no", "priority": 1, "action": "deny", "match": {"arguments": ["/etc/shadow"]}}]);
    let judge = bundle(deny.as_array().unwrap(), "allow", "allow").judge(&Subject::at(Door::Exec));
    let mut argv: Vec<&[u8]> = vec![b"\xff\xfe"; 10_000];
    assert_eq!(judge.exec(&exec(b"/bin/\xff", &argv)).action, Action::Allow);
    argv.push(b"/etc/shadow");
    assert_eq!(judge.exec(&exec(b"/bin/\xff", &argv)).action, Action::Deny);
    assert_eq!(judge.exec(&exec(b"/bin/x", &[])).action, Action::Allow);
}
