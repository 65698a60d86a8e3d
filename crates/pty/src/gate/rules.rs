//! The rules that a supervisor judges by, in the form in which it gets them.

use std::cell::RefCell;
use std::os::unix::ffi::OsStrExt;
use std::time::{SystemTime, UNIX_EPOCH};

use bastide_policy::{Bundle, Door, ExecFacts, Judge, Subject, Verdict};
use serde::{Deserialize, Serialize};

use super::facts::{Decide, Decision, Facts};

/// A rule set and whom it is asked about. The clock of the subject is ours; its zones are not.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rules {
    /// [`Bundle::bytes`], which are text.
    pub bundle: String,
    pub subject: Subject,
}

impl Rules {
    pub fn new(bundle: &Bundle, subject: Subject) -> Self {
        Self { bundle: String::from_utf8_lossy(bundle.bytes()).into_owned(), subject }
    }

    /// Rules that cannot be read are an error: there is no session without rules.
    pub(super) fn judge(&self) -> Result<Box<dyn Decide>, String> {
        let bundle = Bundle::from_bytes(self.bundle.as_bytes()).map_err(|faults| faults.to_string())?;
        let at = |door| Subject { door, ..self.subject.clone() };
        Ok(Box::new(Bench {
            execs: RefCell::new(bundle.judge(&at(Door::Exec))),
            lines: RefCell::new(bundle.judge(&at(Door::Line))),
            digest: bundle.digest_hex(),
        }))
    }
}

struct Bench {
    /// Moved by the clock only.
    execs: RefCell<Judge>,
    lines: RefCell<Judge>,
    digest: String,
}

fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_secs()).unwrap_or(i64::MAX)
}

impl Decide for Bench {
    fn decide(&self, facts: &Facts) -> Decision {
        let argv: Vec<&[u8]> = facts.argv.iter().map(Vec::as_slice).collect();
        let environment: Vec<&[u8]> = facts.environment.iter().map(Vec::as_slice).collect();
        let asked = ExecFacts {
            exe: facts.exe.path.as_os_str().as_bytes(),
            dev: facts.exe.device,
            inode: facts.exe.inode,
            owner: facts.exe.owner,
            group: facts.exe.group,
            mode: facts.exe.mode,
            execfn: &facts.execfn,
            argv: &argv,
            environment: &environment,
            uid: facts.uid,
            cwd: facts.cwd.as_os_str().as_bytes(),
            script: facts.script.as_ref().map(|script| script.path.as_os_str().as_bytes()),
        };
        let mut judge = self.execs.borrow_mut();
        judge.set_now(now());
        judge.exec(&asked).into()
    }

    fn line(&self, line: &str) -> Decision {
        let mut judge = self.lines.borrow_mut();
        judge.set_now(now());
        judge.line(line).into()
    }

    fn digest(&self) -> String {
        self.digest.clone()
    }
}

impl From<Verdict> for Decision {
    fn from(verdict: Verdict) -> Self {
        Self { action: verdict.action, rule: verdict.rule, reason: verdict.reason, dry_run: verdict.dry_run }
    }
}
