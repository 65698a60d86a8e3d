//! What people are told, in English and Chinese, and how commands are written for them.

use bastide_policy as policy;
use bastide_pty::gate::{Decision, Start};
use bastide_wire::control::{
    CommandFacts, Decided, ProcessFacts, SHOWN_ARGUMENTS, SHOWN_BYTES, Text, WouldBe,
};

/// Longest command in a sentence, in characters.
const IN_A_SENTENCE: usize = 200;

/// One line without control characters and tricks with the direction of writing.
pub(crate) fn plain(text: &str) -> String {
    let is_trick =
        |c: char| matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{200e}' | '\u{200f}');
    let shown = |c: char| if c.is_control() || is_trick(c) { '\u{fffd}' } else { c };
    let mut short: String = text.chars().take(IN_A_SENTENCE).map(shown).collect();
    if text.chars().nth(IN_A_SENTENCE).is_some() {
        short.push('…');
    }
    short
}

/// A command as people read it.
pub(crate) fn command(argv: &[String]) -> String {
    plain(&argv.join(" "))
}

fn cut(text: &str) -> String {
    text[..text.floor_char_boundary(SHOWN_BYTES)].to_owned()
}

fn name(path: &str) -> String {
    cut(path.rsplit('/').next().unwrap_or(path))
}

/// What the log keeps of a program start.
pub(crate) fn facts(start: &Start, line: Option<&str>) -> CommandFacts {
    let mut left = SHOWN_BYTES;
    let mut argv = Vec::new();
    for word in start.argv.iter().take(SHOWN_ARGUMENTS) {
        let end = word.floor_char_boundary(left);
        argv.push(word[..end].to_owned());
        left = left.saturating_sub(end + 1);
        if left == 0 {
            break;
        }
    }
    CommandFacts {
        program: name(start.script.as_deref().unwrap_or(&start.exe)),
        argv,
        exe: Some(cut(&start.exe)),
        script: start.script.as_deref().map(cut),
        cwd: Some(cut(&start.cwd)),
        line: line.map(cut),
    }
}

pub(crate) fn process(start: &Start) -> ProcessFacts {
    ProcessFacts { pid: start.pid, ppid: start.ppid, pgid: start.pgid, uid: start.uid }
}

/// What the log keeps of a line.
pub(crate) fn line_facts(line: &str) -> CommandFacts {
    let program = line.split_whitespace().next().unwrap_or_default();
    CommandFacts { program: name(program), line: Some(cut(line)), ..CommandFacts::default() }
}

pub(crate) fn decided(decision: &Decision, digest: &str) -> Decided {
    Decided {
        action: decision.action.as_str().to_owned(),
        rule: decision.rule.clone(),
        reason: decision.reason.as_ref().map(text),
        digest: digest.to_owned(),
        dry_run: decision.dry_run.iter().map(would_be).collect(),
    }
}

/// The same of a line's verdict.
pub(crate) fn decision(verdict: &policy::Verdict) -> Decision {
    Decision {
        action: verdict.action,
        rule: verdict.rule.clone(),
        reason: verdict.reason.clone(),
        dry_run: verdict.dry_run.clone(),
    }
}

fn would_be(would: &policy::Would) -> WouldBe {
    WouldBe { rule: would.rule.clone(), action: would.action.as_str().to_owned() }
}

fn text(text: &policy::Text) -> Text {
    Text { en: text.en.clone(), zh: text.zh.clone() }
}

/// `(rule: reason)`, in whichever language there is one.
fn because(rule: Option<&str>, reason: Option<&Text>, chinese: bool) -> String {
    let said = reason.map(|reason| match (chinese, reason.en.is_empty(), reason.zh.is_empty()) {
        (true, _, false) | (false, true, _) => reason.zh.as_str(),
        _ => reason.en.as_str(),
    });
    let said = said.filter(|said| !said.is_empty()).map(plain);
    let (open, close) = if chinese { ("（", "）") } else { (" (", ")") };
    match (rule, said) {
        (Some(rule), Some(said)) => format!("{open}{rule}: {said}{close}"),
        (Some(only), None) => format!("{open}{only}{close}"),
        (None, Some(only)) => format!("{open}{only}{close}"),
        (None, None) => String::new(),
    }
}

pub(crate) fn refused(command: &str, decided: &Decided) -> Text {
    let why = |chinese| because(decided.rule.as_deref(), decided.reason.as_ref(), chinese);
    Text {
        en: format!("command refused: {command}{}", why(false)),
        zh: format!("命令被拦截: {command}{}", why(true)),
    }
}

pub(crate) fn waits(command: &str, decided: &Decided, expires: &str) -> Text {
    let why = |chinese| because(decided.rule.as_deref(), decided.reason.as_ref(), chinese);
    Text {
        en: format!(
            "waits for a second person: {command}{}; refused unless approved by {expires}; Ctrl-C gives it up",
            why(false)
        ),
        zh: format!("等待复核: {command}{}；{expires} 前未获批准即拦截，按 Ctrl-C 放弃", why(true)),
    }
}

pub(crate) fn closed(command: &str, outcome: &str, by: Option<&str>, reason: Option<&str>) -> Text {
    let by_en = by.map(|by| format!(" by {}", plain(by))).unwrap_or_default();
    let by_zh = by.map(|by| format!("（{}）", plain(by))).unwrap_or_default();
    let reason = reason.filter(|reason| !reason.is_empty()).map(|reason| format!(": {}", plain(reason)));
    let reason = reason.unwrap_or_default();
    match outcome {
        "approved" => Text {
            en: format!("approved{by_en}: {command}{reason}"),
            zh: format!("已批准{by_zh}: {command}{reason}"),
        },
        "expired" => Text {
            en: format!("command refused: {command}: nobody approved it in time"),
            zh: format!("命令被拦截: {command}: 逾期未获批准"),
        },
        "cancelled" => Text { en: format!("given up: {command}"), zh: format!("已放弃: {command}") },
        _ => Text {
            en: format!("command refused{by_en}: {command}{reason}"),
            zh: format!("命令被拦截{by_zh}: {command}{reason}"),
        },
    }
}

pub(crate) fn unrecorded() -> Text {
    Text {
        en: "the log cannot be written: no program starts until it can".to_owned(),
        zh: "日志无法写入，恢复之前不允许启动程序".to_owned(),
    }
}

pub(crate) fn recorded_again() -> Text {
    Text {
        en: "the log is written again: programs start again".to_owned(),
        zh: "日志已恢复写入，可以重新启动程序".to_owned(),
    }
}

pub(crate) fn failed(why: &str) -> Text {
    Text {
        en: format!("command control has failed ({why}); no program starts any more"),
        zh: format!("命令管控失效（{why}），不再允许启动程序"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refusals_name_rule_and_reason_in_both_languages() {
        let reason = Some(Text { en: "ask first".into(), zh: "请先申请".into() });
        let decided = Decided { rule: Some("no-rm".into()), reason, ..Decided::default() };
        let told = refused("rm -rf /", &decided);
        assert_eq!(told.en, "command refused: rm -rf / (no-rm: ask first)");
        assert_eq!(told.zh, "命令被拦截: rm -rf /（no-rm: 请先申请）");
        let bare = refused("rm", &Decided::default());
        assert_eq!((bare.en.as_str(), bare.zh.as_str()), ("command refused: rm", "命令被拦截: rm"));
    }

    #[test]
    fn a_reason_in_one_language_is_told_in_both() {
        let reason = Some(Text { en: String::new(), zh: "请先申请".into() });
        let told = refused("rm", &Decided { reason, ..Decided::default() });
        assert_eq!(told.en, "command refused: rm (请先申请)");
    }

    #[test]
    fn what_a_command_contains_changes_no_screen() {
        assert_eq!(plain("a\x1b[2Jb\u{202e}c"), "a\u{fffd}[2Jb\u{fffd}c");
        assert_eq!(plain(&"x".repeat(300)).chars().count(), IN_A_SENTENCE + 1);
    }
}
