//! `bastide policy`: rules on commands, from files alone.

mod shown;

use std::path::{Path, PathBuf};

use anyhow::Context;
use bastide_policy::{Bundle, Door, Judge, RuleSet, Subject, cases, import};
use clap::{Args, Subcommand, ValueEnum};
use serde_json::json;

use super::exit::{DONE, Failure, Outcome, Status};
use super::output;

/// A command that would be held or refused; also how other commands say "not allowed".
const REFUSED: Status = Status(5);
/// A case that came out otherwise, a file with faults.
const FAILED: Status = Status(1);

/// Try rules on commands: check a file, test it, see what a line would do
///
/// Works from files alone, without a daemon or a server.
#[derive(Debug, Args)]
pub(crate) struct Policy {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Check(Check),
    Test(Test),
    Try(Try),
    Import(Import),
    Groups(Groups),
}

impl Policy {
    pub(crate) fn run(self) -> Outcome {
        match self.command {
            Command::Check(command) => command.run(),
            Command::Test(command) => command.run(),
            Command::Try(command) => command.run(),
            Command::Import(command) => command.run(),
            Command::Groups(command) => command.run(),
        }
    }
}

fn read(path: &Path) -> Result<Vec<u8>, Failure> {
    std::fs::read(path).with_context(|| format!("cannot read {}", path.display())).map_err(Failure::Other)
}

fn read_text(path: &Path) -> Result<String, Failure> {
    let bytes = read(path)?;
    String::from_utf8(bytes).map_err(|_| Failure::text(format!("{} is not UTF-8", path.display())))
}

fn bundle(path: &Path) -> Result<Bundle, Failure> {
    let set = RuleSet::parse(&read(path)?).and_then(|set| Bundle::new(&set));
    set.map_err(|faults| Failure::text(format!("{}: {faults}", path.display())))
}

/// Say everything that is wrong with a file of rules
#[derive(Debug, Args)]
#[command(after_help = "Exit status: 0 sound, 1 faults.\n\nExample:\n  bastide policy check rules.json")]
struct Check {
    /// Rules in JSON
    file: PathBuf,
    #[arg(long)]
    json: bool,
}

impl Check {
    fn run(&self) -> Outcome {
        let found = RuleSet::parse(&read(&self.file)?).and_then(|set| Bundle::new(&set));
        match found {
            Ok(bundle) => {
                let digest = bundle.digest_hex();
                if self.json {
                    output::json(&json!({
                        "faults": [],
                        "rules": bundle.set().rules.len(),
                        "digest": digest,
                    }))?;
                } else {
                    output::line(&format!("{} rules, digest {digest}", bundle.set().rules.len()))?;
                }
                Ok(DONE)
            }
            Err(faults) => {
                if self.json {
                    output::json(&json!({ "faults": faults }))?;
                } else {
                    for fault in &faults.0 {
                        output::line(&fault.to_string())?;
                    }
                }
                Ok(FAILED)
            }
        }
    }
}

/// Run the cases of a file against rules
///
/// Each line of the file: action, perhaps the rule, then `$` and a line of shell, `%` and a program start, or `>` and
/// a command for a network device. `as user=alice groups=ops tags=prod door=line at=mon-10:30` says for whom the
/// following lines are.
#[derive(Debug, Args)]
#[command(
    after_help = "Exit status: 0 all as expected, 1 not.\n\nExample:\n  bastide policy test cases.txt --rules rules.json"
)]
struct Test {
    /// The cases
    file: PathBuf,
    /// Rules in JSON
    #[arg(long, value_name = "FILE")]
    rules: PathBuf,
    #[arg(long)]
    json: bool,
}

impl Test {
    fn run(&self) -> Outcome {
        let bundle = bundle(&self.rules)?;
        let cases = cases::parse(&read_text(&self.file)?)
            .map_err(|faults| Failure::text(format!("{}: {faults}", self.file.display())))?;
        let outcomes = cases::run(&bundle, &cases);
        let failed = outcomes.iter().filter(|outcome| !outcome.passed).count();
        if self.json {
            output::json(&json!({ "cases": outcomes, "failed": failed }))?;
        } else {
            for outcome in outcomes.iter().filter(|outcome| !outcome.passed) {
                output::line(&format!(
                    "line {}: {}\n  expected {}, got {}",
                    outcome.line, outcome.text, outcome.expected, outcome.got
                ))?;
            }
            output::line(&format!("{} cases, {failed} not as expected", outcomes.len()))?;
        }
        Ok(if failed == 0 { DONE } else { FAILED })
    }
}

/// What is tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Kind {
    Shell,
    Device,
}

/// Show what a line would run, which rule decides, and why
#[derive(Debug, Args)]
#[command(after_help = "Exit status: 0 it would run, 5 it would be held or refused.\n\nExamples:\n  \
    bastide policy try 'sudo rm -rf /' --rules rules.json\n  bastide policy try 'ls $(cat x)'\n  \
    bastide policy try 'rm x' --rules rules.json --as 'user=alice tags=prod'")]
struct Try {
    /// The line
    #[arg(value_name = "LINE")]
    text: String,
    /// Rules in JSON; only the facts are shown when absent
    #[arg(long, value_name = "FILE")]
    rules: Option<PathBuf>,
    /// For whom and where: `user=… groups=… roles=… server=… tags=… account=… door=… at=mon-10:30`
    #[arg(long = "as", value_name = "WORDS", default_value = "")]
    subject: String,
    /// What the line is
    #[arg(long, value_enum, default_value = "shell")]
    kind: Kind,
    #[arg(long)]
    json: bool,
}

impl Try {
    fn run(&self) -> Outcome {
        let facts = match self.kind {
            Kind::Shell => Judge::facts(&self.text),
            Kind::Device => bastide_policy::Facts::default(),
        };
        let verdict = match &self.rules {
            None => None,
            Some(rules) => {
                let bundle = bundle(rules)?;
                let judge = bundle.judge(&self.subject(&bundle)?);
                Some(match self.kind {
                    Kind::Shell => judge.on_facts(&self.text, &facts),
                    Kind::Device => judge.device_line(&self.text),
                })
            }
        };
        if self.json {
            output::json(&json!({ "facts": facts.facts, "verdict": verdict }))?;
        } else {
            shown::facts(&facts, verdict.as_ref())?;
        }
        Ok(match verdict {
            Some(verdict) if verdict.action.holds() => REFUSED,
            _ => DONE,
        })
    }

    fn subject(&self, bundle: &Bundle) -> Result<Subject, Failure> {
        let mut subject = cases::read_subject(&self.subject).map_err(Failure::text)?;
        if subject.door == Door::Exec {
            return Err(Failure::text(
                "a line is tried at the doors line and watched; `policy test` has `%`",
            ));
        }
        subject.offsets = bundle.zones().into_iter().map(|zone| (zone.to_owned(), 0)).collect();
        Ok(subject)
    }
}

/// How a file is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    Json,
    Csv,
}

/// Read rules from a JSON or CSV file: a report, and the rule set that it makes
///
/// The report goes to standard error and the rule set to standard output. Rules that are wrong are left out.
#[derive(Debug, Args)]
#[command(
    after_help = "Exit status: 0 every rule is taken, 1 some are not.\n\nExample:\n  bastide policy import old.csv > rules.json"
)]
struct Import {
    file: PathBuf,
    /// By the file's name when absent
    #[arg(long, value_enum)]
    format: Option<Format>,
    /// Report and rule set as one JSON document
    #[arg(long)]
    json: bool,
}

impl Import {
    fn run(&self) -> Outcome {
        let is_csv = self.file.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("csv"));
        let imported = match self.format.unwrap_or(if is_csv { Format::Csv } else { Format::Json }) {
            Format::Csv => import::from_csv(&read_text(&self.file)?),
            Format::Json => import::from_json(&read(&self.file)?),
        };
        let imported =
            imported.map_err(|faults| Failure::text(format!("{}: {faults}", self.file.display())))?;
        let refused = imported.entries.iter().filter(|entry| !entry.faults.is_empty());
        if self.json {
            output::json(&imported)?;
        } else {
            output::json(&imported.set)?;
            for entry in refused.clone() {
                for fault in &entry.faults {
                    output::remark(&format!("{} {}: {fault}", entry.number, entry.id));
                }
            }
            output::remark(&format!("{} of {} rules taken", imported.taken(), imported.entries.len()));
        }
        Ok(if refused.count() == 0 { DONE } else { FAILED })
    }
}

/// List the command groups that come with the program
#[derive(Debug, Args)]
struct Groups {
    #[arg(long)]
    json: bool,
}

impl Groups {
    fn run(&self) -> Outcome {
        let groups = bastide_policy::ready_made();
        if self.json {
            output::json(&groups)?;
        } else {
            for group in groups {
                output::line(&format!("{:<26} {}", group.id, group.name.en))?;
            }
        }
        Ok(DONE)
    }
}
