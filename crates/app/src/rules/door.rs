//! The line door: a command that the server runs itself is judged before it leaves.

use std::fmt;

use bastide_policy as policy;
use bastide_store::{Alert, Judged, Severity, Step, Verdict};
use policy::Door;
use serde_json::{Map, json};
use uuid::Uuid;

use crate::context::{self, Action, Ctx};
use crate::error::{Conflict, Forbidden};
use crate::{Error, exec};

use super::held::{Place, subject};

/// So much of a command stands with its verdict.
const MAX_SHOWN: usize = 4096;
/// What a verdict of this door is worth.
pub(crate) const LABEL: &str = "line";

/// Why a command did not run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// None: no rule allows it.
    pub rule: Option<String>,
    pub reason: policy::Text,
}

impl Refusal {
    fn of(verdict: &policy::Verdict) -> Self {
        Self { rule: verdict.rule.clone(), reason: verdict.reason.clone().unwrap_or_default() }
    }

    fn why(&self, text: &str, by_rule: &str, by_default: &str) -> String {
        match (text.is_empty(), &self.rule) {
            (false, _) => text.to_owned(),
            (true, Some(rule)) => format!("{by_rule} {rule}"),
            (true, None) => by_default.to_owned(),
        }
    }

    /// For people who read English.
    pub fn en(&self) -> String {
        format!("the command was refused: {}", self.why(&self.reason.en, "rule", "no rule allows it"))
    }

    /// For people who read Chinese.
    pub fn zh(&self) -> String {
        let text = if self.reason.zh.is_empty() { &self.reason.en } else { &self.reason.zh };
        format!("命令被拦截: {}", self.why(text, "规则", "没有规则允许它"))
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.en())
    }
}

/// What the rules say to a command, and which rules those were.
#[derive(Debug, Clone)]
pub(crate) struct Ruling {
    pub(crate) verdict: policy::Verdict,
    /// Of the rules, in hexadecimal.
    digest: String,
}

impl Ruling {
    pub(crate) fn refusal(&self) -> Refusal {
        Refusal::of(&self.verdict)
    }

    /// For whoever asked; nothing but a denial is one.
    pub(crate) fn denied(&self) -> Option<Error> {
        let denied = self.verdict.action == policy::Action::Deny;
        denied.then(|| Forbidden::Command(Box::new(self.refusal())).into())
    }
}

/// Judges a command that is about to be run at a place. Nothing is written yet.
///
/// # Errors
/// `NotLoggedIn`; `Conflict` when the rules cannot be read.
pub(crate) fn judge(ctx: &Ctx, place: Place<'_>, command: &str) -> Result<Ruling, Error> {
    judge_at(ctx, Door::Line, (place, command))
}

/// What the rules say to a command that the server is about to type into a terminal: as a line of its own, for the
/// server knows all of it. What needs a second person waits in the terminal where that would hold it, too.
///
/// # Errors
/// As [`judge`]; `Forbidden` for a denied one, `Conflict` for one that nothing would hold; `Storage`.
pub(crate) async fn typed(
    ctx: &Ctx,
    session: Uuid,
    (place, command): (Place<'_>, &str),
) -> Result<(), Error> {
    let ruling = judge(ctx, place, command)?;
    let action = ruling.verdict.action;
    let refused = match ruling.denied() {
        Some(denied) => denied,
        None if action != policy::Action::Review => return Ok(()),
        None if judge_at(ctx, Door::Watched, (place, command))?.verdict.action >= action => return Ok(()),
        None => Conflict::NeedsReview { rule: ruling.verdict.rule.clone().unwrap_or_default() }.into(),
    };
    // What the terminal says to the others stands with it.
    let session = Some(session);
    let about =
        About { action: Action::SessionWrite, place, command, session, offset_ms: None, review: None };
    write_down(ctx, about, &ruling).await?;
    Err(refused)
}

fn judge_at(ctx: &Ctx, door: Door, (place, command): (Place<'_>, &str)) -> Result<Ruling, Error> {
    let (app, held) = (ctx.app(), ctx.app().rules().now());
    let loaded = match &held.loaded {
        Ok(loaded) => loaded,
        Err(why) => return Err(Conflict::RulesUnreadable(why.clone()).into()),
    };
    let user = ctx.person()?.user;
    let judge = loaded.bundle.judge(&subject(app, &user, place, (door, loaded)));
    let shell = place.server.is_none_or(|server| exec::is_unix(&server.settings.platform));
    let verdict = if shell { judge.line(command) } else { judge.device_line(command) };
    Ok(Ruling { verdict, digest: held.version.digest.clone() })
}

/// What was judged, and for what.
#[derive(Debug, Clone, Copy)]
pub(crate) struct About<'a> {
    pub(crate) action: Action,
    pub(crate) place: Place<'a>,
    pub(crate) command: &'a str,
    /// None for one that is not begun, because this is refused.
    pub(crate) session: Option<Uuid>,
    /// Milliseconds into its recording.
    pub(crate) offset_ms: Option<i64>,
    /// That decides whether it runs.
    pub(crate) review: Option<Uuid>,
}

/// Puts a verdict into the log and into the list of verdicts, which must be so before anything runs.
///
/// # Errors
/// `Storage`: what cannot be written down does not run.
pub(crate) async fn write_down(ctx: &Ctx, about: About<'_>, ruling: &Ruling) -> Result<(), Error> {
    let About { place, session, .. } = about;
    let word = ruling.verdict.action.as_str();
    let noted = session.map_or_else(context::About::nothing, context::About::session);
    let noted = noted
        .with("door", Door::Line.as_str())
        .with("server", place.server.map(|server| server.id))
        .with("verdict", word)
        .with("rule", ruling.verdict.rule.clone())
        .with("digest", ruling.digest.as_str());
    ctx.note(about.action, &noted, "verdict", None).await?;
    let (row, alert) = rows(ctx, about, ruling)?;
    let alerts = alert.is_some();
    let steps = std::iter::once(Step::Verdict(Box::new(row))).chain(alert.map(Step::Alert));
    let store = ctx.app().store();
    store.apply_own(&steps.collect::<Vec<_>>()).await?;
    ctx.app().news().judged(word);
    if alerts {
        ctx.app().news().tell(store).await;
    }
    Ok(())
}

fn rows(ctx: &Ctx, about: About<'_>, ruling: &Ruling) -> Result<(Verdict, Option<Alert>), Error> {
    let About { place, session, .. } = about;
    let (verdict, now) = (&ruling.verdict, ctx.clock().now());
    let shown: String = about.command.chars().take(MAX_SHOWN).collect();
    let mut data = Map::new();
    for (name, value) in [
        ("user", json!(ctx.person()?.user.username)),
        ("server", json!(place.server.map(|server| server.settings.name.as_str()))),
        ("account", json!(place.account)),
        ("digest", json!(ruling.digest)),
        ("request_id", json!(ctx.request_id())),
        ("reason", json!(verdict.reason)),
        ("review", json!(about.review)),
        ("dry_run", json!(verdict.dry_run)),
    ] {
        let says_something = !value.is_null() && value.as_array().is_none_or(|list| !list.is_empty());
        if says_something {
            data.insert(name.to_owned(), value);
        }
    }
    let action = verdict.action.as_str().to_owned();
    let alert = matches!(verdict.action, policy::Action::Alert | policy::Action::Deny).then(|| {
        let mut data = data.clone();
        data.insert("rule".to_owned(), json!(verdict.rule));
        data.insert("command".to_owned(), json!(shown));
        Alert { id: 0, at: now, kind: action.clone(), severity: Severity::Warning, session, data }
    });
    let row = Verdict {
        id: 0,
        session,
        at: now,
        offset_ms: about.offset_ms,
        door: Door::Line.as_str().to_owned(),
        label: LABEL.to_owned(),
        action,
        rule: verdict.rule.clone(),
        command: Judged { program: None, argv: Vec::new(), line: Some(shown) },
        data,
    };
    Ok((row, alert))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_says_why_in_both_languages() {
        let refusal = |rule: Option<&str>, en: &str, zh: &str| Refusal {
            rule: rule.map(str::to_owned),
            reason: policy::Text { en: en.to_owned(), zh: zh.to_owned() },
        };
        let told = refusal(Some("no-reboot"), "not in the daytime", "白天不行");
        assert_eq!(told.en(), "the command was refused: not in the daytime");
        assert_eq!(told.zh(), "命令被拦截: 白天不行");
        let ruled = refusal(Some("no-reboot"), "", "");
        assert_eq!(ruled.en(), "the command was refused: rule no-reboot");
        assert_eq!(ruled.zh(), "命令被拦截: 规则 no-reboot");
        let by_default = refusal(None, "", "");
        assert_eq!(by_default.en(), "the command was refused: no rule allows it");
    }
}
