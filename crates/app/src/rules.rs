//! Rules on commands: the set that holds, its versions, and a try.
//!
//! A version is written once and stays; the newest one holds. What was judged by which one is told by its digest.

mod control;
mod deliver;
mod diff;
mod door;
mod held;
mod import;

use std::sync::Arc;

use bastide_policy as policy;
use bastide_store::RuleVersion;
use policy::{Door, ExecFacts, Faults, Judge, RuleSet, Subject};
use serde::Serialize;
use serde_json::{Value, json};
use utoipa::ToSchema;

use crate::context::{About, Action, Ctx};
use crate::error::{Conflict, Thing, What};
use crate::page::{Piece, cut};
use crate::{App, Error};

pub use control::{Control, Gate, ScopedGate};
pub use diff::{Changed, Diff, Part};
pub use door::Refusal;
pub use held::{Held, Loaded};
pub use import::{Format, Outcome};

pub(crate) use deliver::{Gating, gated, start};
pub(crate) use door::{About as Judged, LABEL, Ruling, judge, typed, write_down};
pub(crate) use held::{Place, Rules};

/// Why somebody changed the rules.
const MAX_NOTE: usize = 500;
/// What is tried is a command, not a program.
const MAX_TRIED: usize = 16 * 1024;
const MAX_TRIED_ARGUMENTS: usize = 1_000;

/// Rules to be saved.
#[derive(Debug, Clone)]
pub struct New {
    /// A rule set as [`policy::RuleSet`] reads it.
    pub rules: Value,
    /// What holds now where it is left out.
    pub control: Option<Control>,
    pub note: Option<String>,
}

/// The set that holds.
///
/// # Errors
/// `NotLoggedIn`, `Forbidden`.
pub fn read(ctx: &Ctx) -> Result<Arc<Held>, Error> {
    ctx.authorize(Action::RulesRead, ())?;
    Ok(ctx.app().rules().now())
}

/// Saves a set, which holds from now on, for running sessions from their next command on.
///
/// # Errors
/// `NotLoggedIn`, `Forbidden`, `Invalid`, `Storage`; `Conflict` with the faults of the set, or when another
/// version holds than `known`.
pub async fn put(ctx: &Ctx, new: New, known: i64) -> Result<Arc<Held>, Error> {
    ctx.authorize(Action::RulesChange, ())?;
    let text = serde_json::to_vec(&new.rules).map_err(|error| Error::Invalid(format!("rules: {error}")))?;
    let set = RuleSet::parse(&text).map_err(Conflict::Rules)?;
    let control = match new.control {
        Some(control) => control,
        None => current_control(ctx),
    };
    let note = check_note(new.note)?;
    save(ctx, (set, control), (note, known), "save").await
}

/// That of the version that holds; one that cannot be read asks for nothing less than the usual.
fn current_control(ctx: &Ctx) -> Control {
    let held = ctx.app().rules().now();
    held.loaded.as_ref().map(|loaded| loaded.control.clone()).unwrap_or_default()
}

fn check_note(note: Option<String>) -> Result<String, Error> {
    let note = note.unwrap_or_default().trim().to_owned();
    let control = |c: char| c.is_control() && c != '\n';
    match note.chars().count() > MAX_NOTE || note.chars().any(control) {
        true => Err(Error::Invalid(format!(
            "note: at most {MAX_NOTE} characters, none of them a control character"
        ))),
        false => Ok(note),
    }
}

async fn save(
    ctx: &Ctx,
    (set, control): (RuleSet, Control),
    (note, known): (String, i64),
    does: &'static str,
) -> Result<Arc<Held>, Error> {
    let loaded = Loaded::new(set, control).map_err(Conflict::Rules)?;
    let version = RuleVersion {
        version: 0,
        created: ctx.clock().now(),
        author: Some(ctx.person()?.user.username.clone()),
        note,
        document: held::text(&loaded.set),
        control: held::text(&loaded.control),
        digest: loaded.digest(),
    };
    let before = ctx.app().rules().now();
    let about = About::nothing()
        .with("does", does)
        .with("from_version", known)
        .with("from_digest", before.version.digest.as_str())
        .with("digest", version.digest.as_str())
        .with("rules", loaded.set.rules.len())
        .with("note", version.note.as_str());
    ctx.audited(Action::RulesChange, about, async move |ctx| {
        let app = ctx.app();
        let number = app.store().add_rules(known, &version).await?;
        let version = RuleVersion { version: number, ..version };
        Ok(app.rules().hold(Held { version, loaded: Ok(loaded) }))
    })
    .await
}

/// Versions, newest first, without their documents, and where the next piece begins.
///
/// # Errors
/// `NotLoggedIn`, `Forbidden`, `Storage`.
pub async fn versions(ctx: &Ctx, piece: Piece<i64>) -> Result<(Vec<RuleVersion>, Option<i64>), Error> {
    ctx.authorize(Action::RulesRead, ())?;
    let rows = ctx.app().store().rule_versions(piece.after, piece.limit.saturating_add(1)).await?;
    Ok(cut(rows, piece.limit, |row| row.version))
}

/// One version.
///
/// # Errors
/// `NotLoggedIn`, `Forbidden`, `NotFound`, `Storage`.
pub async fn version(ctx: &Ctx, number: i64) -> Result<RuleVersion, Error> {
    ctx.authorize(Action::RulesRead, ())?;
    let found = ctx.app().store().rule_version(number).await?;
    found.ok_or(Error::NotFound(What::Thing(Thing::RuleVersion, number)))
}

/// What is different in `to`; in the version that holds where it is not said.
///
/// # Errors
/// `NotLoggedIn`, `Forbidden`, `NotFound`, `Storage`.
pub async fn compare(ctx: &Ctx, from: i64, to: Option<i64>) -> Result<Diff, Error> {
    let to = to.unwrap_or_else(|| ctx.app().rules().now().version.version);
    let (before, after) = (version(ctx, from).await?, version(ctx, to).await?);
    Ok(diff::diff((from, &documents(&before)), (to, &documents(&after))))
}

fn documents(version: &RuleVersion) -> [Value; 2] {
    [&version.document, &version.control].map(|text| serde_json::from_str(text).unwrap_or_default())
}

/// Saves an earlier version again, as a new one.
///
/// # Errors
/// `NotLoggedIn`, `Forbidden`, `NotFound`, `Conflict` when it would be refused now, `Storage`.
pub async fn restore(ctx: &Ctx, number: i64) -> Result<Arc<Held>, Error> {
    ctx.authorize(Action::RulesChange, ())?;
    let known = ctx.app().rules().now().version.version;
    let old = version(ctx, number).await?;
    let set = RuleSet::parse(old.document.as_bytes()).map_err(Conflict::Rules)?;
    let control = serde_json::from_str(&old.control)
        .map_err(|error| Error::Invalid(format!("version {number}: {error}")))?;
    save(ctx, (set, control), (format!("version {number} again"), known), "restore").await
}

/// Takes rules out of a list into the set that holds, each by itself; with `dry_run` only says what would be.
///
/// # Errors
/// `NotLoggedIn`, `Forbidden`, `Invalid` when the text is none of that form; `Conflict`, `Storage`.
pub async fn import(ctx: &Ctx, (format, text): (Format, &str), dry_run: bool) -> Result<Outcome, Error> {
    ctx.authorize(Action::RulesChange, ())?;
    let held = ctx.app().rules().now();
    let (mut set, control) = match &held.loaded {
        Ok(loaded) => (loaded.set.clone(), loaded.control.clone()),
        Err(why) => return Err(Conflict::RulesUnreadable(why.clone()).into()),
    };
    let known = held.version.version;
    let mut outcome = import::merge(&mut set, (format, text))?;
    (outcome.dry_run, outcome.version) = (dry_run, known);
    // What the rules are together, also when nothing is saved.
    Loaded::new(set.clone(), control.clone()).map_err(Conflict::Rules)?;
    if dry_run || outcome.created.len() + outcome.changed.len() == 0 {
        return Ok(outcome);
    }
    let note = format!("imported: {} new, {} changed", outcome.created.len(), outcome.changed.len());
    let saved = save(ctx, (set, control), (note, known), "import").await?;
    Ok(Outcome { version: saved.version.version, ..outcome })
}

/// What is to be tried, for whom.
#[derive(Debug, Clone)]
pub struct Trial {
    /// As it would be typed.
    pub line: Option<String>,
    /// As it would be executed; the first is the program.
    pub argv: Vec<String>,
    pub subject: Subject,
    /// Instead of those that hold.
    pub rules: Option<Value>,
    /// Likewise.
    pub control: Option<Control>,
}

/// What the rules say, and what was judged.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = RulesTried)]
pub struct Tried {
    #[schema(value_type = Object)]
    pub verdict: policy::Verdict,
    /// The commands in the line; one for a program.
    #[schema(value_type = Vec<Object>)]
    pub facts: Value,
    /// Which of the set's `defaults` decides where no rule does; none is its `default`.
    pub scoped_default: Option<usize>,
    pub gate: TriedGate,
}

/// How a session of the subject would be gated.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = RulesTriedGate)]
pub struct TriedGate {
    pub gate: Gate,
    /// That must be there.
    pub layers: Vec<String>,
    /// Which of the control's `scopes` says so; none is what holds for everybody.
    pub scope: Option<usize>,
}

/// Judges a command without running it, by the rules that hold or by others. What the subject leaves out and a
/// person or server of that name has is filled in.
///
/// # Errors
/// `NotLoggedIn`, `Forbidden`, `Invalid`, `Conflict` with the faults of the rules.
pub fn try_it(ctx: &Ctx, trial: Trial) -> Result<Tried, Error> {
    ctx.authorize(Action::RulesTry, ())?;
    let held = ctx.app().rules().now();
    let others;
    let loaded = match (&trial.rules, &held.loaded) {
        (Some(rules), _) => {
            let text =
                serde_json::to_vec(rules).map_err(|error| Error::Invalid(format!("rules: {error}")))?;
            let set = RuleSet::parse(&text).map_err(Conflict::Rules)?;
            let control = trial.control.unwrap_or_else(|| current_control(ctx));
            others = Loaded::new(set, control).map_err(Conflict::Rules)?;
            &others
        }
        (None, Ok(loaded)) => match trial.control {
            Some(control) => {
                others = Loaded::new(loaded.set.clone(), control).map_err(Conflict::Rules)?;
                &others
            }
            None => loaded,
        },
        (None, Err(why)) => return Err(Conflict::RulesUnreadable(why.clone()).into()),
    };
    let subject = filled(ctx.app(), trial.subject, loaded);
    let judge = loaded.bundle.judge(&subject);
    let (verdict, facts) = match (&trial.line, trial.argv.as_slice()) {
        (Some(line), []) if line.len() <= MAX_TRIED => on_line(ctx.app(), &judge, (line, &subject)),
        (None, [program, ..]) if trial.argv.len() <= MAX_TRIED_ARGUMENTS => {
            on_exec(&judge, (program, &trial.argv))
        }
        _ => {
            return Err(Error::Invalid(format!(
                "line or argv: one of them, at most {MAX_TRIED} bytes or {MAX_TRIED_ARGUMENTS} words"
            )));
        }
    };
    let (gate, layers) = loaded.control.of(&subject);
    let gate = TriedGate { gate, layers: layers.to_vec(), scope: loaded.control.place(&subject) };
    Ok(Tried { verdict, facts, scoped_default: judge.scoped_default(), gate })
}

fn filled(app: &App, mut subject: Subject, loaded: &Loaded) -> Subject {
    if let Some(user) = app.people().named(&subject.user) {
        if subject.groups.is_empty() {
            subject.groups = app.servers().now().groups_of(user.id);
        }
        if subject.roles.is_empty() {
            subject.roles = vec![user.role.as_str().to_owned()];
        }
    }
    if let Some(server) = subject.server.as_deref().and_then(|name| app.servers().now().named(name).cloned())
        && subject.tags.is_empty()
    {
        subject.tags = server.settings.tags.clone();
    }
    let now = app.clock().now();
    if subject.now == 0 {
        subject.now = now.as_second();
    }
    let at = jiff::Timestamp::from_second(subject.now).unwrap_or(now);
    subject.offsets = loaded.offsets(at);
    subject
}

fn on_line(app: &App, judge: &Judge, (line, subject): (&str, &Subject)) -> (policy::Verdict, Value) {
    let server = subject.server.as_deref().and_then(|name| app.servers().now().named(name).cloned());
    if server.is_some_and(|server| !crate::exec::is_unix(&server.settings.platform)) {
        let words: Vec<_> = line.split_whitespace().collect();
        let facts = json!([{ "kind": "command", "program": words.first(), "arguments": words.get(1..) }]);
        return (judge.device_line(line), facts);
    }
    let facts = Judge::facts(line);
    let verdict = judge.on_facts(line, &facts);
    (verdict, serde_json::to_value(facts.facts).unwrap_or_default())
}

/// As the kernel would tell it of a program that the machine has installed.
fn on_exec(judge: &Judge, (program, argv): (&str, &[String])) -> (policy::Verdict, Value) {
    let words: Vec<&[u8]> = argv.iter().map(|word| word.as_bytes()).collect();
    let facts = ExecFacts {
        exe: program.as_bytes(),
        dev: 0,
        inode: 0,
        owner: 0,
        group: 0,
        mode: 0o100_755,
        execfn: program.as_bytes(),
        argv: &words,
        environment: &[],
        uid: 0,
        cwd: b"/",
        script: None,
    };
    let facts_shown = json!([{ "kind": "command", "program": program, "arguments": &argv[1..] }]);
    (judge.exec(&facts), facts_shown)
}

/// At which door a subject stands that says nothing of it.
pub const DEFAULT_DOOR: Door = Door::Line;

/// Shown with a problem: what is wrong, and where.
pub fn faults(error: &Error) -> Option<&Faults> {
    match error {
        Error::Conflict(Conflict::Rules(faults) | Conflict::Settings(faults)) => Some(faults),
        _ => None,
    }
}
