//! What the tests of the gate share: a session to work at, and what was reported of it.

use std::path::{Path, PathBuf};
use std::time::Duration;

use bastide_policy::{Bundle, Door, RuleSet, Subject};
use bastide_pty::gate::{
    Action, Confinement, Gated, Profile, Report, Rules, Setup, Supervisor, Verdict, spawn,
};
use bastide_pty::{Exit, Master, Spawn};
use futures_util::FutureExt;

use crate::terminals::{program, read_to_end, read_until, soon, write_all};

/// A session under the gate.
pub(crate) struct Desk {
    pub(crate) gated: Gated,
    pub(crate) reports: Vec<Report>,
}

pub(crate) fn supervisor() -> Supervisor {
    Supervisor::new(env!("CARGO_BIN_EXE_gate-alone"), Vec::new())
}

/// A rule set in JSON, asked at the gate about nobody in particular.
pub(crate) fn rules(set: &str) -> Rules {
    let set = RuleSet::parse(set.as_bytes()).expect("a rule set");
    Rules::new(&Bundle::new(&set).unwrap(), Subject::at(Door::Exec))
}

/// A set in which these programs get this action.
pub(crate) fn set(action: &str, programs: &[&str]) -> String {
    let programs = serde_json::to_string(programs).unwrap();
    format!(
        r#"{{"version":1,"rules":[{{"id":"the-rule","priority":10,"action":"{action}","match":{{"programs":{programs}}}}}]}}"#
    )
}

pub(crate) const NO_RULES: &str = r#"{"version":1}"#;

pub(crate) fn setup(spawn: Spawn, profile: Profile, bundle: &str) -> Setup {
    Setup {
        spawn,
        profile,
        confinement: Confinement::default(),
        rules: rules(bundle),
        review_limit: Duration::from_secs(60),
        entry_is_allowed: true,
        tells_lines: false,
        required: Vec::new(),
        attached: false,
        supervisor: supervisor(),
    }
}

impl Desk {
    pub(crate) async fn open(setup: Setup) -> Self {
        let gated = spawn(setup).await.expect("a session under the gate");
        Self { gated, reports: Vec::new() }
    }

    /// `bash -c script`.
    pub(crate) async fn bash(profile: Profile, bundle: &str, script: &str) -> Self {
        Self::open(setup(program("/bin/bash", &["-c", script]), profile, bundle)).await
    }

    pub(crate) fn master(&self) -> &Master {
        &self.gated.child.master
    }

    /// Everything it writes until its end, and how it ended.
    pub(crate) async fn finish(&mut self) -> (String, Exit) {
        let output = self.while_reporting(async |master| read_to_end(master).await).await;
        let exit = soon(self.gated.child.wait()).await.unwrap();
        self.collect_to(|report| matches!(report, Report::Exited { .. })).await;
        (String::from_utf8_lossy(&output).replace('\r', ""), exit)
    }

    /// Output until it contains `text`; reports are taken meanwhile.
    pub(crate) async fn until(&mut self, text: &str) -> String {
        self.while_reporting(async |master| read_until(master, text).await).await
    }

    /// Does `step` with the terminal; reports are taken meanwhile.
    async fn while_reporting<T>(&mut self, step: impl AsyncFn(&Master) -> T) -> T {
        let Gated { child, control, .. } = &mut self.gated;
        let mut step = std::pin::pin!(step(&child.master));
        let result = loop {
            tokio::select! {
                result = &mut step => break result,
                report = control.next() => match report.unwrap() {
                    Some(report) => self.reports.push(report),
                    None => return step.await,
                },
            }
        };
        // What led to this output was told before it.
        tokio::task::yield_now().await;
        while let Some(Ok(Some(report))) = control.next().now_or_never() {
            self.reports.push(report);
        }
        result
    }

    /// Output until `is_enough`, or all there was when `limit` is over.
    pub(crate) async fn watch(
        &mut self,
        limit: Duration,
        is_enough: impl Fn(&str, &[Report]) -> bool,
    ) -> String {
        let mut all = Vec::new();
        let mut buffer = [0; 8192];
        let ends = tokio::time::sleep(limit);
        let mut ends = std::pin::pin!(ends);
        let Self { gated: Gated { child, control, .. }, reports } = self;
        while !is_enough(&String::from_utf8_lossy(&all), reports) {
            tokio::select! {
                () = &mut ends => break,
                _ = child.master.readable() => {}
                report = control.next() => match report.unwrap() {
                    Some(report) => reports.push(report),
                    None => break,
                },
            }
            match child.master.try_read(&mut buffer) {
                Ok(0) => break,
                Ok(read) => all.extend_from_slice(&buffer[..read]),
                Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {}
                Err(error) => panic!("read: {error}"),
            }
        }
        String::from_utf8_lossy(&all).into_owned()
    }

    pub(crate) async fn type_in(&self, text: &str) {
        write_all(self.master(), text.as_bytes()).await;
    }

    /// The first report, past or to come, that is wanted.
    pub(crate) async fn report(&mut self, is_wanted: impl Fn(&Report) -> bool) -> Report {
        if let Some(report) = self.reports.iter().find(|report| is_wanted(report)) {
            return report.clone();
        }
        self.collect_to(&is_wanted).await;
        self.reports.last().filter(|report| is_wanted(report)).expect("such a report").clone()
    }

    async fn collect_to(&mut self, is_wanted: impl Fn(&Report) -> bool) {
        if self.reports.iter().any(&is_wanted) {
            return;
        }
        while let Some(report) = soon(self.gated.control.next()).await.unwrap() {
            let found = is_wanted(&report);
            self.reports.push(report);
            if found {
                return;
            }
        }
    }

    /// Of the program with this name, in their order.
    pub(crate) fn verdicts(&self, name: &str) -> Vec<&Verdict> {
        let is = |verdict: &&Verdict| {
            let called = verdict.start.argv.first().map(Path::new);
            Path::new(&verdict.start.exe).file_name().is_some_and(|file| file == name)
                || called.and_then(Path::file_name).is_some_and(|file| file == name)
        };
        let all = self.reports.iter().filter_map(|report| match report {
            Report::Verdict(verdict) => Some(verdict),
            _ => None,
        });
        all.filter(is).collect()
    }

    pub(crate) fn actions(&self, name: &str) -> Vec<(Action, bool)> {
        self.verdicts(name).iter().map(|verdict| (verdict.decision.action, verdict.loaded)).collect()
    }
}

/// bash at a prompt that is `$ ` for everybody.
pub(crate) fn at_prompt() -> Spawn {
    let mut shell = program("/bin/bash", &["--norc", "--noprofile", "-i"]);
    shell.env.push(("PS1".into(), "$ ".into()));
    shell
}

/// A file for everybody, in a directory that a session can reach.
pub(crate) fn folder() -> tempfile::TempDir {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(0o755)).unwrap();
    folder
}

/// `source` compiled with the machine's C compiler.
pub(crate) fn compiled(folder: &Path, name: &str, source: &str, flags: &[&str]) -> PathBuf {
    let (text, program) = (folder.join(format!("{name}.c")), folder.join(name));
    std::fs::write(&text, source).unwrap();
    let status = std::process::Command::new("cc")
        .arg("-O1")
        .arg("-o")
        .arg(&program)
        .arg(&text)
        .args(flags)
        .status()
        .unwrap();
    assert!(status.success(), "{name}");
    program
}
