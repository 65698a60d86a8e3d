//! Lines that are written to be misread.

use bastide_policy::{Action, Bundle, Door, RuleSet, Subject};

const RULES: &str = r#"{"version":1,"default":{"action":"allow","unknown":"review"},"rules":[
    {"id":"down","priority":1,"action":"deny","match":{"programs":["reboot"]}},
    {"id":"rm","priority":2,"action":"deny","match":{"programs":["rm"]}},
    {"id":"evil","priority":3,"action":"deny","match":{"arguments":["EVIL"]}},
    {"id":"foreign","priority":4,"action":"alert","match":{"non_ascii":true}}]}"#;

fn action(line: &str) -> Action {
    let set = RuleSet::parse(RULES.as_bytes()).unwrap();
    Bundle::new(&set).unwrap().judge(&Subject::at(Door::Line)).line(line).action
}

#[test]
fn a_word_is_found_wherever_it_stands() {
    for line in [
        "ls; rm -rf x",
        "ls;rm x",
        "/sbin/reboot",
        "/usr/sbin/../sbin/reboot",
        "ls&&reboot",
        "ls||reboot",
        "ls|reboot",
        "ls&reboot",
        "(reboot)",
        "{ reboot; }",
        "! reboot",
        "> x reboot",
        "A=1 reboot",
        "\treboot",
        "ls\nreboot",
        "ls\r\nreboot\r\n",
        "re''boot",
        "r\\eboot",
        "time reboot",
        "if true; then reboot; fi",
        "f() { reboot; }; f",
    ] {
        assert_eq!(action(line), Action::Deny, "{line:?}");
    }
}

/// No shell runs them, so no rule says what they are: what is said of the unknown counts.
#[test]
fn what_is_no_line_is_unknown() {
    for line in [";reboot", "|reboot", "&& reboot", "reboot )", "if reboot", "\"reboot", "for do"] {
        assert!(action(line) >= Action::Review, "{line:?}: {:?}", action(line));
    }
}

#[test]
fn letters_that_only_look_alike_are_another_word_and_told() {
    // Cyrillic о, a zero-width space, full-width letters, text written from right to left.
    for line in ["rеboot", "reb\u{200b}oot", "ｒｍ x", "\u{202e}toober"] {
        assert_eq!(action(line), Action::Alert, "{line:?}");
    }
    assert_eq!(action("echo rеboot"), Action::Allow, "in an argument they are common");
}

#[test]
fn length_hides_nothing() {
    let many = |word: &str| format!("echo {}{word}", "1 ".repeat(10_000));
    assert!(action(&many("EVIL")) >= Action::Review, "longer than what is read");
    let some = |word: &str| format!("echo {}{word}", "1 ".repeat(7_000));
    assert_eq!(action(&some("EVIL")), Action::Deny);
    assert_eq!(action(&some("GOOD")), Action::Allow);
    let long = format!("ls {}; reboot", "x".repeat(1024 * 1024));
    assert!(action(&long) >= Action::Review);
    let spaces = format!("ls{}; reboot", " ".repeat(1024 * 1024));
    assert!(action(&spaces) >= Action::Review);
}

#[test]
fn depth_hides_nothing() {
    for depth in [10, 50, 200, 5000] {
        for (open, close) in [("(", ")"), ("{ ", "; }"), ("$(", ")"), ("if true; then ", "; fi")] {
            let line = format!("{}reboot{}", open.repeat(depth), close.repeat(depth));
            assert!(action(&line) >= Action::Review, "{open} {depth}: {:?}", action(&line));
        }
    }
}
