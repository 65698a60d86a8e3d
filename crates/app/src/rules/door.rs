//! The line door: a command that the server runs itself is judged before it leaves.

use std::fmt;

use bastide_policy as policy;
use bastide_store::{Alert, Judged, Severity, Verdict};
use policy::Door;
use serde_json::{Map, Value, json};

use crate::context::{About, Action, Ctx};
use crate::error::{Conflict, Forbidden};
use crate::{Error, exec};

use super::held::{Held, Place, subject};

/// So much of a command stands with its verdict.
const MAX_SHOWN: usize = 4096;
/// What a verdict of this door is worth.
const LABEL: &str = "line";

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

/// Judges a command that is about to be run at a place. The verdict is in the log and in the list of verdicts
/// before anything runs.
///
/// # Errors
/// `Forbidden` where it is denied; `Conflict` where a second person would have to approve it, and when the
/// rules cannot be read; `Storage`: what cannot be written down does not run.
pub(crate) async fn pass(
    ctx: &Ctx,
    action: Action,
    (place, command): (Place<'_>, &str),
) -> Result<(), Error> {
    let (app, held) = (ctx.app(), ctx.app().rules().now());
    let loaded = match &held.loaded {
        Ok(loaded) => loaded,
        Err(why) => return Err(Conflict::RulesUnreadable(why.clone()).into()),
    };
    let user = ctx.person()?.user;
    let judge = loaded.bundle.judge(&subject(app, &user, place, (Door::Line, loaded)));
    let shell = place.server.is_none_or(|server| exec::is_unix(&server.settings.platform));
    let verdict = if shell { judge.line(command) } else { judge.device_line(command) };
    write_down(ctx, action, (place, command), (&held, &verdict)).await?;
    match verdict.action {
        policy::Action::Allow | policy::Action::Alert => Ok(()),
        policy::Action::Deny => Err(Forbidden::Command(Box::new(Refusal::of(&verdict))).into()),
        policy::Action::Review => {
            Err(Conflict::NeedsReview { rule: verdict.rule.unwrap_or_default() }.into())
        }
    }
}

async fn write_down(
    ctx: &Ctx,
    action: Action,
    (place, command): (Place<'_>, &str),
    (held, verdict): (&Held, &policy::Verdict),
) -> Result<(), Error> {
    let shown: String = command.chars().take(MAX_SHOWN).collect();
    let word = verdict.action.as_str();
    let server = place.server.map(|server| server.settings.name.as_str());
    let about = About::nothing()
        .with("door", Door::Line.as_str())
        .with("server", place.server.map(|server| server.id))
        .with("verdict", word)
        .with("rule", verdict.rule.clone())
        .with("digest", held.version.digest.as_str());
    ctx.note(action, &about, "verdict", None).await?;
    let user = &ctx.person()?.user;
    let now = ctx.clock().now();
    let mut data = Map::new();
    for (name, value) in [
        ("user", json!(user.username)),
        ("server", json!(server)),
        ("account", json!(place.account)),
        ("digest", json!(held.version.digest)),
        ("request_id", json!(ctx.request_id())),
        ("reason", json!(verdict.reason)),
        ("dry_run", json!(verdict.dry_run)),
    ] {
        let says_something = !value.is_null() && value.as_array().is_none_or(|list| !list.is_empty());
        if says_something {
            data.insert(name.to_owned(), value);
        }
    }
    let row = Verdict {
        id: 0,
        session: None,
        at: now,
        offset_ms: None,
        door: Door::Line.as_str().to_owned(),
        label: LABEL.to_owned(),
        action: word.to_owned(),
        rule: verdict.rule.clone(),
        command: Judged { program: None, argv: Vec::new(), line: Some(shown.clone()) },
        data: data.clone(),
    };
    let store = ctx.app().store();
    store.add_verdict(&row).await?;
    ctx.app().news().judged(word);
    if matches!(verdict.action, policy::Action::Alert | policy::Action::Deny) {
        data.insert("rule".to_owned(), json!(verdict.rule));
        data.insert("command".to_owned(), Value::String(shown));
        let severity = Severity::Warning;
        store
            .add_alert(&Alert { id: 0, at: now, kind: word.to_owned(), severity, session: None, data })
            .await?;
        ctx.app().news().tell(store).await;
    }
    Ok(())
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
