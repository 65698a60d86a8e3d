//! Inventories in YAML: what is taken of one, line by line, and what is refused.

use super::*;

/// One line for each server and for each thing passed over.
fn told(parsed: &Parsed) -> String {
    let mut text = String::new();
    for entry in &parsed.entries {
        let word = |part: Option<&str>| part.unwrap_or("-").to_owned();
        let port = entry.port.map(|port| port.to_string());
        let password = entry.login.password.as_ref().map(|_| "password");
        let line = [
            format!("{:>2} {}", entry.line, entry.name),
            word(entry.host.as_deref()),
            word(port.as_deref()),
            word(entry.login.username.as_deref()),
            word(password),
            word(entry.platform.as_deref()),
            word(entry.group.as_deref()),
            entry.tags.join(" "),
        ];
        text.push_str(line.join(" | ").trim_end());
        text.push('\n');
    }
    for skipped in &parsed.skipped {
        let name = skipped.name.as_deref().unwrap_or("-");
        text.push_str(&format!("{:>2} {name}: {}\n", skipped.line, skipped.why));
    }
    text
}

#[test]
fn an_inventory_as_people_write_it() {
    let text = include_str!("machines.yml");
    let parsed = parse(Format::Ansible, text).unwrap();
    let golden = include_str!("machines.txt");
    let told = told(&parsed);
    assert_eq!(told, golden, "it was:\n{told}");
    assert!(!told.contains("s3cret"));
    let web = parsed.entries.iter().find(|entry| entry.name == "web02.example.com").unwrap();
    assert_eq!(web.login.password.as_ref().unwrap().expose(), "plain s3cret");
}

#[test]
fn it_is_known_by_its_first_line() {
    for text in ["all:\n  hosts:\n    a:\n", "# x\n\nweb: # y\n  hosts: a\n", "---\nweb: {hosts: {a: }}\n"] {
        assert_eq!(names(&parse(Format::Ansible, text).unwrap()), ["a"], "{text}");
    }
    for text in ["a ansible_host=192.0.2.1\n", "[web]\na\n", "a ansible_user=\"x: y\"\n"] {
        assert_eq!(names(&parse(Format::Ansible, text).unwrap()), ["a"], "{text}");
    }
}

#[test]
fn what_is_none_is_refused_with_its_line_and_without_quoting_it() {
    let deep = |by| format!("---\nall:\n  vars: {}{}\n", "[".repeat(by), "]".repeat(by));
    let many = format!("---\na: [{}]\n", "x,".repeat(600_000));
    let sealed = "$ANSIBLE_VAULT;1.1;AES256\n6231\n";
    for (bad, said) in [
        ("---\n- a\n", "a table of groups"),
        ("---\n", "a table of groups"),
        ("---\nall: [s3cret\n", "this is no YAML"),
        ("---\nall: \"s3cret\n", "this is no YAML"),
        ("---\nall:\n\thosts: s3cret\n", "this is no YAML"),
        ("---\na: {hosts: x}\n---\nb: {hosts: s3cret}\n", "line 3: a second document"),
        ("---\na: *s3cret\n", "this is no YAML"),
        ("---\na: &a [*a]\n", "line 2: an alias of what is not there yet"),
        ("---\n? {a: s3cret}\n: b\n", "line 2: a key that is a table or a list"),
        ("---\nplugin: amazon.aws.aws_ec2\n", "ansible-inventory -i FILE --list"),
        (sealed, "ansible-vault has sealed all of it"),
        (&deep(100), "line 3: tables and lists too deep"),
        (&deep(100_000), "line 3: "),
        (&many, "line 2: more than"),
    ] {
        let refused = parse(Format::Ansible, bad).unwrap_err().to_string();
        let start = &bad[..bad.len().min(60)];
        assert!(refused.contains(said) && !refused.contains("s3cret"), "{start}: {refused}");
    }
}

#[test]
fn a_few_lines_do_not_become_gigabytes() {
    let bomb: String =
        (1..30).map(|n| format!("b{n}: &b{n} [{}]\n", vec![format!("*b{}", n - 1); 9].join(", "))).collect();
    let groups: String =
        (1..40).map(|n| format!("g{n}: &g{n} {{children: {{a: *g{}, b: *g{}}}}}\n", n - 1, n - 1)).collect();
    for text in [format!("---\nb0: &b0 [x, x]\n{bomb}"), format!("---\ng0: &g0 {{hosts: x}}\n{groups}")] {
        let refused = parse(Format::Ansible, &text).unwrap_err().to_string();
        assert!(refused.contains("aliases that stand for too much"), "{refused}");
    }
    let ranges: String = (0..100).map(|n| format!("    x[1:2000]{n}:\n    y[1:2000]:\n")).collect();
    let parsed = parse(Format::Ansible, &format!("---\nall:\n  hosts:\n{ranges}")).unwrap();
    assert_eq!(parsed.entries.len(), MAX_ENTRIES);
    assert!(why(&parsed).iter().any(|(_, why)| why.contains("together with those before")));
    let deep: String = (0..34)
        .map(|n| format!("{}g{n}:\n{}children:\n", "  ".repeat(2 * n), "  ".repeat(2 * n + 1)))
        .collect();
    let parsed = parse(Format::Ansible, &format!("---\n{deep}"));
    assert!(parsed.is_ok_and(|parsed| why(&parsed)[0].1.contains("too deep")));
}
