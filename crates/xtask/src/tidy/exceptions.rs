//! The list of allowed excesses. It only shrinks: an entry that is not needed, or allows more than is there,
//! is a finding as well.
//!
//! One line each: `KIND FILE ITEM NUMBER  # REASON`, for example
//! `fields crates/wire/src/reply.rs Snapshot 14  # the wire's own shape`.

use super::{EXCEPTIONS, Finding};

struct Exception<'a> {
    line: usize,
    kind: &'a str,
    file: &'a str,
    item: &'a str,
    allowed: usize,
}

/// What of `findings` remains, and what is wrong with the list itself.
pub(super) fn apply(list: &str, mut findings: Vec<Finding>) -> Vec<Finding> {
    let mut wrong = Vec::new();
    for (index, text) in list.lines().enumerate() {
        if text.trim().is_empty() || text.starts_with('#') {
            continue;
        }
        match parse(index + 1, text) {
            Ok(exception) => wrong.extend(use_up(&exception, &mut findings)),
            Err(reason) => wrong.push(Finding::rule(EXCEPTIONS, index + 1, reason)),
        }
    }
    findings.extend(wrong);
    findings
}

fn parse(line: usize, text: &str) -> Result<Exception<'_>, &'static str> {
    let (entry, reason) = text.split_once('#').ok_or("no `# reason`")?;
    if reason.trim().is_empty() {
        return Err("an exception needs its reason");
    }
    let words: Vec<&str> = entry.split_whitespace().collect();
    let [kind, file, item, number] = words[..] else {
        return Err("expected: KIND FILE ITEM NUMBER  # REASON");
    };
    let allowed = number.parse().map_err(|_| "NUMBER is not a number")?;
    Ok(Exception { line, kind, file, item, allowed })
}

/// Remove what the exception allows; say what is wrong with the exception.
fn use_up(exception: &Exception<'_>, findings: &mut Vec<Finding>) -> Option<Finding> {
    let meant = |finding: &Finding| {
        let same = |excess: &super::Excess| excess.kind == exception.kind && excess.item == exception.item;
        finding.file == exception.file && finding.budget.as_ref().is_some_and(same)
    };
    let complain = |text: String| Some(Finding::rule(EXCEPTIONS, exception.line, text));
    let worst =
        findings.iter().filter(|finding| meant(finding)).filter_map(|finding| finding.budget.as_ref());
    match worst.map(|excess| excess.actual).max() {
        None => {
            complain(format!("no longer needed: {} {} {}", exception.kind, exception.file, exception.item))
        }
        Some(actual) if actual > exception.allowed => None, // the finding itself stays
        Some(actual) => {
            findings.retain(|finding| !meant(finding));
            let loose = || complain(format!("{} is enough for {}", actual, exception.item));
            (actual < exception.allowed).then(loose).flatten()
        }
    }
}
