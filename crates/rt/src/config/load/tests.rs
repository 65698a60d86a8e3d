#![allow(clippy::unwrap_used)]

use serde::Deserialize;

use super::super::reference;
use super::*;

#[derive(Debug, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Raw {
    socket: Option<PathBuf>,
    name: Option<String>,
    hosts: Vec<String>,
    flow: Flow,
}

#[derive(Debug, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Flow {
    threshold: Option<u32>,
    disconnect: Option<bool>,
}

const VARIABLES: &[EnvVar] = &[
    EnvVar {
        name: "X_SOCKET",
        aliases: &[],
        means: Means::Setting("socket"),
        default: "",
        doc: "Where to listen.",
    },
    EnvVar {
        name: "X_NAME",
        aliases: &[],
        means: Means::Setting("name"),
        default: "",
        doc: "What to be called.",
    },
    EnvVar {
        name: "X_HOSTS",
        aliases: &[],
        means: Means::Setting("hosts"),
        default: "[]",
        doc: "Whom to know.",
    },
    EnvVar {
        name: "X_THRESHOLD",
        aliases: &["OLD_THRESHOLD", "OLDER_THRESHOLD"],
        means: Means::Setting("flow.threshold"),
        default: "4096",
        doc: "When to warn.",
    },
    EnvVar {
        name: "X_DISCONNECT",
        aliases: &[],
        means: Means::Setting("flow.disconnect"),
        default: "false",
        doc: "Whether to close.",
    },
    EnvVar { name: "X_LOG", aliases: &[], means: Means::Elsewhere, default: "info", doc: "What to log." },
    EnvVar {
        name: "X_INTERVAL",
        aliases: &[],
        means: Means::Nothing,
        default: "",
        doc: "nothing is done at intervals any more.",
    },
];

struct Given<'a> {
    file: Option<&'a str>,
    env: &'a [(&'a str, &'a str)],
    flags: &'a [Flag],
}

fn loaded(given: &Given<'_>) -> Result<Loaded<Raw>, String> {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("x.toml");
    let file = given.file.map_or(File::IfPresent(&path), |text| {
        std::fs::write(&path, text).unwrap();
        File::Required(&path)
    });
    let sources = Sources { file, variables: VARIABLES, flags: given.flags };
    let lookup = |name: &str| {
        let found = given.env.iter().find(|(given, _)| *given == name);
        found.map(|(_, value)| value.into())
    };
    load_with(&sources, lookup).map_err(|error| error.to_string().replace(dir.path().to_str().unwrap(), ""))
}

fn from_file(text: &str) -> Result<Loaded<Raw>, String> {
    loaded(&Given { file: Some(text), env: &[], flags: &[] })
}

fn from_env(env: &[(&str, &str)]) -> Result<Loaded<Raw>, String> {
    loaded(&Given { file: None, env, flags: &[] })
}

#[test]
fn nothing_given_is_the_default() {
    let loaded = from_env(&[]).unwrap();
    assert_eq!(loaded.value, Raw::default());
    assert_eq!(loaded.origin("socket"), "default (socket)");
    assert!(loaded.warnings.is_empty());
}

#[test]
fn flags_win_over_variables_and_these_over_the_file() {
    let flags = [Flag { name: "--socket", key: "socket", value: "/flag".into() }];
    let loaded = loaded(&Given {
        file: Some("socket = '/file'\nname = 'file'\n[flow]\nthreshold = 1\ndisconnect = true"),
        env: &[("X_SOCKET", "/env"), ("X_THRESHOLD", "2")],
        flags: &flags,
    })
    .unwrap();
    let Raw { socket, name, flow, .. } = &loaded.value;
    assert_eq!(socket.as_deref(), Some(Path::new("/flag")));
    assert_eq!(name.as_deref(), Some("file"));
    assert_eq!((flow.threshold, flow.disconnect), (Some(2), Some(true)));
    assert_eq!(loaded.origin("socket"), "--socket");
    assert_eq!(loaded.origin("flow.threshold"), "X_THRESHOLD");
    assert!(loaded.origin("flow.disconnect").ends_with("x.toml (flow.disconnect)"));
}

#[test]
fn a_wrong_file_is_named_with_its_line() {
    let error = from_file("\nsocket = '/a'\nsokket = 1\n").unwrap_err();
    assert!(error.starts_with("/x.toml:3: unknown field `sokket`"), "{error}");
    let error = from_file("[flow]\n\nthreshold = 'many'\n").unwrap_err();
    assert!(error.starts_with("/x.toml:3: invalid type: string"), "{error}");
    let error = from_file("socket = \n").unwrap_err();
    assert!(error.starts_with("/x.toml:1: "), "{error}");
}

#[test]
fn a_file_asked_for_by_name_must_be_there() {
    let sources = Sources { file: File::Required(Path::new("/no/such/file")), variables: &[], flags: &[] };
    let error = load_with::<Raw>(&sources, |_| None).unwrap_err().to_string();
    assert!(error.starts_with("cannot read /no/such/file: No such"), "{error}");
}

#[test]
fn a_wrong_variable_or_flag_is_named() {
    for wrong in ["many", "-1", "4294967296", "1.5", "true", "[1]"] {
        let error = from_env(&[("OLD_THRESHOLD", wrong)]).unwrap_err();
        assert!(error.starts_with("OLD_THRESHOLD: invalid"), "{error}");
    }
    let flags = [Flag { name: "--threshold", key: "flow.threshold", value: "x".into() }];
    let given = Given { file: None, env: &[], flags: &flags };
    let error = loaded(&given).unwrap_err();
    assert!(error.starts_with("--threshold: invalid type"), "{error}");
}

#[test]
fn text_that_looks_like_a_number_stays_text_where_text_is_wanted() {
    let value = from_env(&[("X_NAME", "8080"), ("X_SOCKET", "true")]).unwrap().value;
    assert_eq!(value.name.as_deref(), Some("8080"));
    assert_eq!(value.socket.as_deref(), Some(Path::new("true")));
    let value = from_env(&[("X_NAME", "'a'\nflow = 1")]).unwrap().value;
    assert_eq!(value.name.as_deref(), Some("'a'\nflow = 1"));
    let value = from_env(&[("X_NAME", "\"a\"")]).unwrap().value;
    assert_eq!(value.name.as_deref(), Some("\"a\""));
}

#[test]
fn lists_and_truth_values_are_written_as_in_the_file() {
    let value = from_env(&[("X_HOSTS", "['a', 'b']"), ("X_DISCONNECT", "true")]).unwrap().value;
    assert_eq!(value.hosts, ["a", "b"]);
    assert_eq!(value.flow.disconnect, Some(true));
}

#[test]
fn empty_variables_are_unset_and_old_names_yield_with_a_warning() {
    let loaded = from_env(&[
        ("X_THRESHOLD", ""),
        ("OLD_THRESHOLD", "1"),
        ("OLDER_THRESHOLD", "2"),
        ("X_INTERVAL", "5"),
        ("X_LOG", "debug"),
    ])
    .unwrap();
    assert_eq!(loaded.value.flow.threshold, Some(1));
    assert_eq!(
        loaded.warnings,
        [
            "OLDER_THRESHOLD is ignored because OLD_THRESHOLD is set",
            "X_INTERVAL has no effect: nothing is done at intervals any more.",
        ]
    );
}

#[test]
fn the_reference_lists_every_variable() {
    let page = reference(VARIABLES);
    let row = "| `X_THRESHOLD` | `flow.threshold` | `4096` | When to warn. \
               Also read as `OLD_THRESHOLD`, `OLDER_THRESHOLD`. |";
    assert!(page.lines().any(|line| line == row), "{page}");
    assert_eq!(page.lines().count(), 2 + VARIABLES.len());
}
