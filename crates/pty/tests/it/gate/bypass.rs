//! Runs the attempts of `tests/bypass` against real shells on terminals, in both profiles. What gets
//! through and what does not must be what the files say.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::Duration;

use bastide_pty::gate::{Action, Label, Profile, Report};
use bastide_pty::{Account, Size, Spawn, environment};
use futures_util::StreamExt;
use regex::Regex;
use serde::Deserialize;

use super::desk::{Desk, set, setup};
use super::unprivileged::as_somebody;
use crate::terminals::program;

/// Sessions at once.
const AT_ONCE: usize = 4;
/// An attempt that is still running then has got nowhere: it waits for input that never comes.
const LIMIT: Duration = Duration::from_secs(6);
/// What a control may take.
const CONTROL_LIMIT: Duration = Duration::from_secs(30);
/// Typed after an attempt. What is typed never looks like what comes out.
const MARK: &str = "printf '\\075ended\\075\\n'\r";
const MARKED: &str = "=ended=";

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    attempt: Vec<Attempt>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Attempt {
    name: String,
    run: Option<String>,
    keys: Option<Keys>,
    #[serde(default = "bash")]
    shell: String,
    #[serde(default)]
    files: BTreeMap<String, String>,
    #[serde(default = "readable")]
    mode: String,
    #[serde(default = "identity")]
    evidence: String,
    /// The terminal gets another size after the first packet.
    #[serde(default)]
    resized: bool,
    #[serde(default = "blocked")]
    closed: String,
    #[serde(default = "blocked")]
    workbench: String,
    /// Its outcome is another where the daemon is not root.
    #[serde(default)]
    needs_privilege: bool,
    /// For the reader.
    #[serde(rename = "layer")]
    _layer: Option<String>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(untagged)]
enum Keys {
    Packet(String),
    Packets(Vec<String>),
}

fn bash() -> String {
    "bash".to_owned()
}
fn readable() -> String {
    "0644".to_owned()
}
fn identity() -> String {
    "uid=[0-9]+".to_owned()
}
fn blocked() -> String {
    "blocked".to_owned()
}

impl Attempt {
    fn expected(&self, profile: Profile) -> &str {
        match profile {
            Profile::Closed => &self.closed,
            Profile::Workbench => &self.workbench,
        }
    }

    fn is_control(&self) -> bool {
        [&self.closed, &self.workbench].iter().any(|outcome| *outcome == "runs")
    }
}

fn attempts(name: &str) -> Vec<Attempt> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/bypass").join(name);
    let text = fs::read_to_string(&path).unwrap();
    toml::from_str::<File>(&text).unwrap_or_else(|error| panic!("{name}: {error}")).attempt
}

/// An account that nobody else uses where we may choose, else our own. One that has a name: ssh and sudo ask.
fn account(home: &Path) -> Account {
    let own = Account::current().unwrap();
    if own.uid != 0 {
        return Account { home: home.to_owned(), ..own };
    }
    if let Ok(unused) = Account::named("games") {
        return Account { home: home.to_owned(), shell: "/bin/bash".into(), ..unused };
    }
    Account {
        uid: 61_234,
        gid: 61_234,
        name: "somebody".to_owned(),
        home: home.to_owned(),
        shell: "/bin/bash".into(),
        groups: vec![61_234],
    }
}

/// The shell, and what its prompt ends with.
fn shell(attempt: &Attempt, account: &Account) -> (Spawn, &'static str) {
    let (path, args, prompt): (_, &[&str], _) = match attempt.shell.as_str() {
        "zsh" => ("/usr/bin/zsh", &["-f"], "$ "),
        "fish" => ("/usr/bin/fish", &["--no-config"], "> "),
        "sh" => ("/bin/sh", &["-i"], "$ "),
        _ => ("/bin/bash", &["--norc", "--noprofile", "-i"], "$ "),
    };
    let wanted = [("PS1", "$ "), ("PYTHONDONTWRITEBYTECODE", "1")];
    let wanted = wanted.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    let mut spawn = program(path, args);
    spawn.env = environment(account, &wanted).unwrap();
    spawn.account = account.clone();
    spawn.cwd.clone_from(&account.home);
    (spawn, prompt)
}

fn furnish(home: &Path, attempt: &Attempt, account: &Account) {
    fs::set_permissions(home, fs::Permissions::from_mode(0o755)).unwrap();
    let mode = u32::from_str_radix(&attempt.mode, 8).unwrap();
    for (name, text) in &attempt.files {
        let path = home.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        std::os::unix::fs::chown(&path, Some(account.uid), Some(account.gid)).unwrap();
    }
    std::os::unix::fs::chown(home, Some(account.uid), Some(account.gid)).unwrap();
}

/// All that the terminal showed.
async fn play(attempt: &Attempt, profile: Profile) -> String {
    let home = tempfile::tempdir().unwrap();
    let account = account(home.path());
    furnish(home.path(), attempt, &account);
    let (spawn, prompt) = shell(attempt, &account);
    let mut desk = Desk::open(setup(spawn, profile, &set("deny", &["id"]))).await;
    let mut seen = desk.until(prompt).await;
    let limit = if attempt.is_control() { CONTROL_LIMIT } else { LIMIT };
    let evidence = Regex::new(&attempt.evidence).unwrap();
    if let Some(line) = &attempt.run {
        desk.type_in(&format!("{line}\r{MARK}")).await;
        seen += &desk.watch(limit, |text, _| text.contains(MARKED)).await;
    } else {
        let packets = match &attempt.keys {
            Some(Keys::Packet(packet)) => std::slice::from_ref(packet),
            Some(Keys::Packets(packets)) => packets.as_slice(),
            None => &[],
        };
        for (index, packet) in packets.iter().enumerate() {
            let (before, shell) = (desk.reports.len(), desk.gated.child.pid());
            desk.type_in(packet).await;
            if attempt.resized && index == 0 {
                desk.master().resize(Size { cols: 20, rows: 5 }).unwrap();
            } else if index + 1 < packets.len() {
                let starts =
                    |reports: &[Report]| reports[before..].iter().any(|report| is_start(report, shell));
                seen += &desk.watch(limit, |_, reports| starts(reports)).await;
            }
        }
        // A refusal, or what should not be; some end in neither.
        let wait = if attempt.is_control() { limit } else { LIMIT / 4 };
        let control = attempt.is_control();
        seen += &desk
            .watch(wait, |text, reports| {
                evidence.is_match(&plain(text)) || (!control && reports.iter().any(is_refusal))
            })
            .await;
        // Whatever state the shell is in, its next prompt is after the attempt.
        desk.type_in(&format!("\u{3}\r{MARK}")).await;
        seen += &desk.watch(LIMIT / 4, |text, _| text.contains(MARKED)).await;
    }
    let _ = desk.gated.control.end();
    plain(&seen)
}

/// Without carriage returns and the sequences by which line editors switch modes and colours.
fn plain(text: &str) -> String {
    let sequences = Regex::new(r"\x1b(\[[0-9;?>=]*[A-Za-z]|[=>])|\r").unwrap();
    sequences.replace_all(text, "").into_owned()
}

/// Of another program than the shell itself.
fn is_start(report: &Report, shell: i32) -> bool {
    matches!(report, Report::Verdict(verdict)
        if verdict.decision.action == Action::Allow && verdict.start.pid != shell)
}

fn is_refusal(report: &Report) -> bool {
    matches!(report, Report::Verdict(verdict) if verdict.decision.action == Action::Deny)
}

async fn every_attempt(file: &str, profile: Profile) {
    every_one_of(attempts(file), profile).await;
}

async fn every_one_of(all: Vec<Attempt>, profile: Profile) {
    let count = all.len();
    let played = futures_util::stream::iter(all).map(async |attempt| {
        let seen = play(&attempt, profile).await;
        (attempt, seen)
    });
    let played: Vec<_> = played.buffer_unordered(AT_ONCE).collect().await;
    let mut wrong = Vec::new();
    for (attempt, seen) in played {
        let through = Regex::new(&attempt.evidence).unwrap().is_match(&seen);
        let expected = attempt.expected(profile);
        if through != matches!(expected, "open" | "runs") {
            wrong.push(format!("{} ({profile:?}) was to be {expected}:\n{seen}\n", attempt.name));
        }
    }
    assert!(wrong.is_empty(), "{} of {count} attempts:\n{}", wrong.len(), wrong.join("\n"));
}

/// By a daemon that is not root. Where it cannot have namespaces of its own either, only what needs none of the
/// layers that come with them is tried.
async fn every_attempt_of_an_ordinary_account(file: &str) {
    for profile in [Profile::Closed, Profile::Workbench] {
        let home = tempfile::tempdir().unwrap();
        let (spawn, _) = shell(&attempts(file)[0], &account(home.path()));
        let desk = Desk::open(setup(spawn, profile, &set("deny", &["id"]))).await;
        let is_enforced = desk.gated.label == Label::Enforced;
        let _ = desk.gated.control.end();
        if is_enforced || WITHOUT_LAYERS.contains(&file) {
            let all = attempts(file).into_iter().filter(|attempt| !attempt.needs_privilege);
            every_one_of(all.collect(), profile).await;
        }
    }
}

/// Lists whose attempts the second check alone stops.
const WITHOUT_LAYERS: [&str; 3] = ["typed.toml", "language.toml", "programs.toml"];

macro_rules! lists {
    ($($name:ident: $file:literal),*) => {$(
        mod $name {
            use super::*;

            #[tokio::test]
            async fn closed() {
                every_attempt($file, Profile::Closed).await;
            }

            #[tokio::test]
            async fn workbench() {
                every_attempt($file, Profile::Workbench).await;
            }

            #[tokio::test]
            async fn without_privilege() {
                let name = concat!("gate::bypass::", stringify!($name), "::without_privilege");
                if as_somebody(name) {
                    every_attempt_of_an_ordinary_account($file).await;
                }
            }
        }
    )*};
}

lists! {
    typed: "typed.toml",
    language: "language.toml",
    programs: "programs.toml",
    names: "names.toml",
    kernel: "kernel.toml",
    delegated: "delegated.toml",
    controls: "controls.toml"
}

/// What gets through is told to those who rely on it.
#[test]
fn what_is_open_stands_in_the_guide() {
    let guide = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/guide/command-control.md");
    let guide = fs::read_to_string(guide).unwrap();
    for file in FILES {
        for attempt in attempts(&format!("{file}.toml")) {
            let is_open = [&attempt.closed, &attempt.workbench].contains(&&"open".to_owned());
            assert!(!is_open || guide.contains(&format!("`{}`", attempt.name)), "{}", attempt.name);
        }
    }
}

const FILES: [&str; 7] = ["typed", "language", "programs", "names", "kernel", "delegated", "controls"];

#[test]
fn there_are_enough_and_each_has_a_name_of_its_own() {
    let mut names: Vec<_> =
        FILES.iter().flat_map(|file| attempts(&format!("{file}.toml"))).map(|attempt| attempt.name).collect();
    assert!(names.len() >= 140, "{}", names.len());
    names.sort();
    let all = names.len();
    names.dedup();
    assert_eq!(names.len(), all);
}
