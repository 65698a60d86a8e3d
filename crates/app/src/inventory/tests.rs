#![allow(clippy::unwrap_used)]

use super::*;

mod yaml;

fn names(parsed: &Parsed) -> Vec<&str> {
    parsed.entries.iter().map(|entry| entry.name.as_str()).collect()
}

fn why(parsed: &Parsed) -> Vec<(usize, &str)> {
    parsed.skipped.iter().map(|skipped| (skipped.line, skipped.why.as_str())).collect()
}

#[test]
fn an_ssh_configuration_gives_what_ssh_would_use() {
    let text = "User everybody\n\
        Host bastion\n  HostName 192.0.2.1\n  Port 2222\n  User=jump\n\
        Host web? !web9 db\n  ProxyJump admin@bastion:2222\n  User second\n\
        Host web1 web9 db\n  HostName %h.example.com\n\
        Include /etc/passwd\n\
        Match host x\n  User nobody\n\
        Host \"bad port\"\n  Port many\n\
        Host far\n  ProxyJump a,b\n\
        Host *\n  Port 22\n";
    let parsed = parse(Format::SshConfig, text).unwrap();
    assert_eq!(names(&parsed), ["bastion", "db", "web1", "web9"]);
    let of = |name: &str| parsed.entries.iter().find(|entry| entry.name == name).unwrap();
    assert_eq!((of("bastion").host.as_deref(), of("bastion").port), (Some("192.0.2.1"), Some(2222)));
    // What stands first wins, as ssh_config(5) says.
    assert_eq!(of("bastion").login.username.as_deref(), Some("everybody"));
    assert_eq!(of("web1").host.as_deref(), Some("web1.example.com"));
    assert_eq!((of("web1").jump.as_deref(), of("web9").jump.as_deref()), (Some("bastion"), None));
    let said = why(&parsed);
    for (line, word) in [(11, "Include"), (12, "Match"), (14, "Port"), (16, "ProxyJump")] {
        assert!(said.iter().any(|(at, why)| *at == line && why.contains(word)), "{line} {word} {said:?}");
    }
}

#[test]
fn csv_as_spreadsheets_write_it() {
    let text = "\u{feff}Name;IP;Port;User;Password;Tags;Colour\r\n\
        web1;192.0.2.1;2222;root;\" p;\"\"w \";\"prod, web\";red\r\n\
        \r\n\
        ;192.0.2.2;;;;;\r\n\
        bad;192.0.2.3;70000;;;;\r\n\
        ;;;x;;;\r\n\
        much;1;2;3;4;5;6;7\r\n\
        open;\"192.0.2.4\r\n";
    let parsed = parse(Format::Csv, text).unwrap();
    assert_eq!(names(&parsed), ["web1", "192.0.2.2"]);
    let web = &parsed.entries[0];
    assert_eq!((web.line, web.host.as_deref(), web.port), (2, Some("192.0.2.1"), Some(2222)));
    assert_eq!(web.login.password.as_ref().unwrap().expose(), " p;\"w ");
    assert_eq!(web.tags, ["prod", "web"]);
    let lines: Vec<_> = parsed.skipped.iter().map(|skipped| skipped.line).collect();
    assert_eq!(lines, [1, 5, 6, 7, 8], "{:?}", parsed.skipped);
    assert!(!format!("{parsed:?}").contains("w \""));
    for bad in ["", "colour,shape\n1,2\n"] {
        assert!(parse(Format::Csv, bad).is_err(), "{bad:?}");
    }
}

#[test]
fn an_inventory_with_ranges_and_groups_in_groups() {
    let text = "mail.example.com ansible_user=root # a remark\n\
        [web]\nweb[01:03].example.com ansible_port=2222\nweb01.example.com ansible_host=192.0.2.1\n\
        db-[a:c] ansible_user='two words'\n\
        bad[1:\nother[5:1]\nwin ansible_connection=winrm\n\
        [prod:children]\nweb\n[all:children]\nprod\n\
        [web:vars]\nansible_user=deploy\nansible_ssh_pass=\"s3cret\"\n[prod:vars]\nansible_port=22\n";
    let parsed = parse(Format::Ansible, text).unwrap();
    assert_eq!(
        names(&parsed),
        [
            "mail.example.com",
            "web01.example.com",
            "web02.example.com",
            "web03.example.com",
            "db-a",
            "db-b",
            "db-c"
        ]
    );
    let web = &parsed.entries[1];
    assert_eq!((web.host.as_deref(), web.port), (Some("192.0.2.1"), Some(2222)));
    assert_eq!(
        (web.group.as_deref(), &web.tags[..]),
        (Some("web"), &["web".to_owned(), "prod".to_owned()][..])
    );
    assert_eq!(web.login.username.as_deref(), Some("deploy"));
    assert_eq!(web.login.password.as_ref().unwrap().expose(), "s3cret");
    assert_eq!(parsed.entries[0].login, Login { username: Some("root".to_owned()), password: None });
    assert_eq!(parsed.entries[0].tags, Vec::<String>::new());
    assert_eq!(parsed.entries[4].login.username.as_deref(), Some("two words"));
    let lines: Vec<_> = why(&parsed).iter().map(|(line, _)| *line).collect();
    assert_eq!(lines, [6, 7, 8]);
}

#[test]
fn what_ansible_inventory_prints() {
    let text = r#"{"_meta": {"hostvars": {"a": {"ansible_host": "192.0.2.1", "ansible_port": 2222}, "b": {}}},
        "all": {"children": ["ungrouped", "web"]}, "web": {"hosts": ["a"]}, "ungrouped": {"hosts": ["b"]}}"#;
    let parsed = parse(Format::Ansible, text).unwrap();
    assert_eq!(names(&parsed), ["a", "b"]);
    let a = &parsed.entries[0];
    assert_eq!((a.host.as_deref(), a.port, a.group.as_deref()), (Some("192.0.2.1"), Some(2222), Some("web")));
    for bad in ["{", "{}"] {
        assert!(parse(Format::Ansible, bad).is_err(), "{bad}");
    }
    let text = r#"{"_meta": {"hostvars": {"a": {"ansible_password": {"__ansible_vault": "$ANSIBLE_VAULT;1.1;AES256"}}}}}"#;
    let parsed = parse(Format::Ansible, text).unwrap();
    assert_eq!(names(&parsed), ["a"]);
    assert_eq!(why(&parsed), [(1, "ansible_password is sealed by ansible-vault; it is passed over")]);
}

#[test]
fn groups_in_a_circle_and_huge_ranges_end() {
    let text = "[a]\nx\n[a:children]\nb\n[b:children]\na\n";
    assert_eq!(parse(Format::Ansible, text).unwrap().entries[0].tags, ["a", "b"]);
    for huge in ["x[1:99999999]", "x[1:1000][1:1000]", "x[0:4294967295]", "[1:2", "x[00000000000000000001:2]"]
    {
        assert_eq!(parse(Format::Ansible, &format!("[g]\n{huge}\n")).unwrap().entries.len(), 0, "{huge}");
    }
    let many: String = (0..=MAX_ENTRIES + 5).map(|number| format!("Host h{number}\n")).collect();
    let parsed = parse(Format::SshConfig, &many).unwrap();
    assert_eq!((parsed.entries.len(), parsed.skipped.len()), (MAX_ENTRIES, 1));
    // A pattern that would take for ever if it were tried every way.
    let stars = format!("Host {}\n  Port 1\nHost {}\n", "*a".repeat(200), "a".repeat(5000));
    assert_eq!(parse(Format::SshConfig, &stars).unwrap().entries.len(), 1);
}

#[test]
fn what_is_written_is_read_again() {
    let row = Row {
        name: "web1".to_owned(),
        host: "192.0.2.1".to_owned(),
        port: 2222,
        platform: "linux".to_owned(),
        tags: vec!["prod".to_owned(), "web".to_owned()],
        group: Some("prod".to_owned()),
        notes: Some("one \"line\",\nand another".to_owned()),
        jump: Some("bastion".to_owned()),
        username: Some("root".to_owned()),
    };
    let bastion = Row { name: "bastion".to_owned(), host: "::1".to_owned(), port: 22, ..Row::default() };
    let rows = [row, bastion];
    let csv = parse(Format::Csv, &write(Format::Csv, &rows)).unwrap();
    assert_eq!(
        (csv.entries[0].notes.as_deref(), csv.entries[0].jump.as_deref()),
        (rows[0].notes.as_deref(), Some("bastion"))
    );
    assert_eq!((&csv.entries[0].tags, csv.entries[1].host.as_deref()), (&rows[0].tags, Some("::1")));
    let ssh = parse(Format::SshConfig, &write(Format::SshConfig, &rows)).unwrap();
    assert_eq!((ssh.entries[0].jump.as_deref(), ssh.entries[0].port), (Some("bastion"), Some(2222)));
    let ansible = parse(Format::Ansible, &write(Format::Ansible, &rows)).unwrap();
    assert_eq!(names(&ansible), ["web1", "bastion"]);
    assert_eq!(ansible.entries[0].tags, ["prod", "web"]);
    for parsed in [csv, ssh, ansible] {
        assert_eq!(parsed.skipped, []);
        assert_eq!(parsed.entries[0].login.username.as_deref(), Some("root"));
    }
}

#[test]
fn known_hosts_names_also_hashed() {
    let text = "# words\n\
        |1|M8gbYfpfJ4qPYwbvVTGr8OuvApU=|evalWVis+GT8A9a6/rvLz7snc3Q= ssh-ed25519 AAAA one\n\
        |1|2HigEUDIL/LkiFTaFKSlRXIi+t0=|MRviNM/tQIF8YZAHpkDrHxN0oCM= ssh-ed25519 AAAA\n\
        *.example.com,!db.example.com,192.0.2.1 ssh-rsa BBBB\n\
        @cert-authority * ssh-ed25519 CCCC\n\
        @revoked * ssh-ed25519 DDDD\n\
        half\n";
    let lines = known_hosts::parse(text);
    assert_eq!(lines.len(), 5);
    assert_eq!(lines[0].key, "ssh-ed25519 AAAA one");
    assert!(lines[0].is_of("Web1.example.com", 22) && !lines[0].is_of("web2.example.com", 22));
    assert!(!lines[0].is_of("web1.example.com", 2222));
    assert!(lines[1].is_of("db.example.com", 2222) && !lines[1].is_of("db.example.com", 22));
    assert!(lines[2].is_of("web.example.com", 22) && !lines[2].is_of("db.example.com", 22));
    assert!(lines[2].is_of("192.0.2.1", 22) && !lines[2].is_of("192.0.2.1", 23));
    assert_eq!((lines[3].mark, lines[4].mark), (known_hosts::Mark::Authority, known_hosts::Mark::Revoked));
}

#[test]
fn addresses_and_their_parts() {
    for (text, parts) in [
        ("host", (None, "host", None)),
        ("me@host:22", (Some("me"), "host", Some(22))),
        ("a@b@[::1]:23", (Some("a@b"), "::1", Some(23))),
        ("fe80::1", (None, "fe80::1", None)),
        ("host:x", (None, "host:x", None)),
    ] {
        assert_eq!(split_address(text), parts);
    }
}
