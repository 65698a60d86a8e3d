//! Tests of a rule set, as its authors write them. Each line says what is expected of one command:
//!
//! ```text
//! # who and where, for the lines below; what is not named is empty
//! as user=alice groups=ops,dba tags=prod door=line at=mon-10:30
//! deny no-rm   $ sudo rm -rf /
//! allow        $ ls -l
//! alert -      $ $x
//! deny no-rm   % /usr/bin/rm -rf x
//! deny         > reload
//! ```
//!
//! `$` a typed line, `%` a program start (the first word is the file that is loaded), `>` a command for a network
//! device. After the action the rule that must decide; `-` for a default, nothing for any.

use serde::Serialize;

use crate::action::{Action, Door};
use crate::bundle::Bundle;
use crate::exec::ExecFacts;
use crate::facts::{self, Word};
use crate::fault::Faults;
use crate::subject::Subject;
use crate::verdict::Verdict;

/// Lines of one file.
const MAX_CASES: usize = 10_000;

/// One expectation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Case {
    /// Of the file, from 1.
    pub line: usize,
    pub subject: Subject,
    pub what: What,
    pub text: String,
    pub action: Action,
    /// None: any rule. `Some(None)`: a default.
    #[allow(clippy::option_option)]
    pub rule: Option<Option<String>>,
}

/// What a case judges.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum What {
    Line,
    Exec,
    Device,
}

/// How one case ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Outcome {
    pub line: usize,
    pub text: String,
    pub passed: bool,
    pub expected: String,
    pub got: String,
}

/// Reads a file of cases.
///
/// # Errors
/// Every line that cannot be read, by its number.
pub fn parse(text: &str) -> Result<Vec<Case>, Faults> {
    let mut faults = Faults::default();
    let mut cases = Vec::new();
    let mut subject = Subject::at(Door::Line);
    for (index, raw) in text.lines().enumerate() {
        let line = raw.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let place = format!("line {}", index + 1);
        if cases.len() == MAX_CASES {
            faults.add(place, format!("more than {MAX_CASES} cases"));
            break;
        }
        match line.strip_prefix("as ").or_else(|| (line == "as").then_some("")) {
            Some(words) => match read_subject(words) {
                Ok(read) => subject = read,
                Err(what) => faults.add(place, what),
            },
            None => match case(line, index + 1, &subject) {
                Ok(case) => cases.push(case),
                Err(what) => faults.add(place, what),
            },
        }
    }
    faults.none_or(cases)
}

/// Reads `name=value` words: `user`, `groups`, `roles`, `server`, `tags`, `account`, `door`, `at`. The time is of
/// every zone.
///
/// # Errors
/// What cannot be read.
pub fn read_subject(words: &str) -> Result<Subject, String> {
    let mut subject = Subject::at(Door::Line);
    for word in words.split_whitespace() {
        let (name, value) = word.split_once('=').ok_or_else(|| format!("`{word}` is not `name=value`"))?;
        let list = || value.split(',').filter(|part| !part.is_empty()).map(str::to_owned).collect();
        match name {
            "user" => subject.user = value.to_owned(),
            "groups" => subject.groups = list(),
            "roles" => subject.roles = list(),
            "server" => subject.server = Some(value.to_owned()),
            "tags" => subject.tags = list(),
            "account" => subject.account = value.to_owned(),
            "door" => {
                subject.door =
                    Door::parse(value).ok_or_else(|| format!("`{value}` is not exec, line or watched"))?;
            }
            "at" => {
                subject.now = read_time(value).ok_or_else(|| format!("`{value}` is not like mon-10:30"))?;
            }
            other => return Err(format!("`{other}` is not known")),
        }
    }
    Ok(subject)
}

/// `mon-10:30` as a time of the first whole week of the count of seconds.
fn read_time(text: &str) -> Option<i64> {
    const FIRST_MONDAY: i64 = 4 * 86_400;
    let (day, clock) = text.split_once('-')?;
    let day = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"].iter().position(|name| *name == day)?;
    let (hours, minutes) = clock.split_once(':')?;
    let (hours, minutes): (i64, i64) = (hours.parse().ok()?, minutes.parse().ok()?);
    ((0..24).contains(&hours) && (0..60).contains(&minutes))
        .then(|| FIRST_MONDAY + i64::try_from(day).unwrap_or(0) * 86_400 + hours * 3600 + minutes * 60)
}

fn case(line: &str, number: usize, subject: &Subject) -> Result<Case, String> {
    let form = || "a line is: action, perhaps a rule, then `$`, `%` or `>` and the command".to_owned();
    let (action, rest) = line.split_once(char::is_whitespace).ok_or_else(form)?;
    let action =
        Action::parse(action).ok_or_else(|| format!("`{action}` is not allow, alert, review or deny"))?;
    let rest = rest.trim_start();
    let (first, after) = rest.split_once(char::is_whitespace).ok_or_else(form)?;
    let what = |sign: &str| match sign {
        "$" => Some(What::Line),
        "%" => Some(What::Exec),
        ">" => Some(What::Device),
        _ => None,
    };
    let (rule, what, text) = match what(first) {
        Some(what) => (None, what, after),
        None => {
            let (sign, text) = after.trim_start().split_once(char::is_whitespace).ok_or_else(form)?;
            (Some(first), what(sign).ok_or_else(form)?, text)
        }
    };
    let rule = rule.map(|rule| (rule != "-").then(|| rule.to_owned()));
    let mut subject = subject.clone();
    if what == What::Exec {
        subject.door = Door::Exec;
    }
    Ok(Case { line: number, subject, what, text: text.trim().to_owned(), action, rule })
}

/// Judges every case.
pub fn run(bundle: &Bundle, cases: &[Case]) -> Vec<Outcome> {
    cases.iter().map(|case| outcome(bundle, case)).collect()
}

fn outcome(bundle: &Bundle, case: &Case) -> Outcome {
    let mut subject = case.subject.clone();
    subject.offsets = bundle.zones().into_iter().map(|zone| (zone.to_owned(), 0)).collect();
    let judge = bundle.judge(&subject);
    let verdict = match case.what {
        What::Line => Ok(judge.line(&case.text)),
        What::Device => Ok(judge.device_line(&case.text)),
        What::Exec => exec(&case.text).map(|words| judge.exec(&words.facts(&words.argv()))),
    };
    let expected = described(case.action, case.rule.as_ref().map(Option::as_deref));
    let (passed, got) = match verdict {
        Ok(verdict) => {
            let same_rule = case.rule.as_ref().is_none_or(|rule| *rule == verdict.rule);
            (verdict.action == case.action && same_rule, got(&verdict))
        }
        Err(what) => (false, what),
    };
    Outcome { line: case.line, text: case.text.clone(), passed, expected, got }
}

fn got(verdict: &Verdict) -> String {
    described(verdict.action, Some(verdict.rule.as_deref()))
}

#[allow(clippy::option_option)]
fn described(action: Action, rule: Option<Option<&str>>) -> String {
    match rule {
        None => action.to_string(),
        Some(None) => format!("{action} -"),
        Some(Some(rule)) => format!("{action} {rule}"),
    }
}

struct Exec {
    words: Vec<Vec<u8>>,
    exe: Vec<u8>,
}

/// Words of a program start; quotes as in a shell.
fn exec(text: &str) -> Result<Exec, String> {
    let facts = facts::of_line(text).facts;
    let Some(fact) = facts.first() else { return Err("no command".to_owned()) };
    let known = [&fact.program].into_iter().chain(&fact.arguments).map(Word::known);
    let words: Option<Vec<Vec<u8>>> = known.map(|word| word.map(<[u8]>::to_vec)).collect();
    let words = words.ok_or("the words of a program start must be known")?;
    let exe = match words[0].contains(&b'/') {
        true => words[0].clone(),
        false => [b"/usr/bin/", words[0].as_slice()].concat(),
    };
    Ok(Exec { words, exe })
}

impl Exec {
    fn argv(&self) -> Vec<&[u8]> {
        self.words.iter().map(Vec::as_slice).collect()
    }

    fn facts<'a>(&'a self, argv: &'a [&'a [u8]]) -> ExecFacts<'a> {
        ExecFacts {
            exe: &self.exe,
            dev: 0,
            inode: 0,
            owner: 0,
            group: 0,
            mode: 0o100_755,
            execfn: &self.exe,
            argv,
            environment: &[],
            uid: 0,
            cwd: b"/",
            script: None,
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::RuleSet;

    const RULES: &str = r#"{"version": 1, "default": {"action": "allow", "unknown": "alert"}, "rules": [
        {"id": "no-rm", "priority": 1, "action": "deny", "match": {"programs": ["rm"]}},
        {"id": "nights", "priority": 2, "action": "deny", "match": {"programs": ["ls"]},
         "scope": {"tags": ["prod"], "times": [{"from": "22:00", "to": "06:00", "zone": "UTC"}]}}]}"#;

    #[test]
    fn cases_say_what_did_not_come_out() {
        let bundle = Bundle::new(&RuleSet::parse(RULES.as_bytes()).unwrap()).unwrap();
        let text = "# first\nas user=a\ndeny no-rm $ rm x\nallow - $ ls\nalert - $ $x\n\
            deny no-rm % /bin/rm x\ndeny no-rm % rm x\nallow % /bin/ls rm\n\
            as tags=prod at=tue-23:10\ndeny nights $ ls\nas tags=prod at=tue-12:00\ndeny $ ls\ndeny other $ rm x\n";
        let outcomes = run(&bundle, &parse(text).unwrap());
        let failed: Vec<_> = outcomes.iter().filter(|outcome| !outcome.passed).collect();
        assert_eq!(failed.len(), 2, "{failed:?}");
        assert_eq!((failed[0].line, failed[0].got.as_str()), (12, "allow -"));
        assert_eq!((failed[1].expected.as_str(), failed[1].got.as_str()), ("deny other", "deny no-rm"));
    }

    #[test]
    fn lines_that_cannot_be_read_are_told_by_number() {
        let faults =
            parse("deny\nmaybe $ x\nas door=window\nas nonsense\nas at=monday\ndeny a b $ x\n").unwrap_err();
        let places: Vec<_> = faults.0.iter().map(|fault| fault.place.as_str()).collect();
        assert_eq!(places, ["line 1", "line 2", "line 3", "line 4", "line 5", "line 6"]);
    }
}
