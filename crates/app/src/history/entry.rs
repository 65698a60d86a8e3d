//! What an entry of the session daemon's log means for what is remembered.

use bastide_ptyd_client::LogEntry;
use bastide_store::{
    Alert, Decision, End, Exit, Judged, Opened, RecordingState, Review, ReviewState, Step, Verdict,
};
use bastide_wire::control::kind;
use bastide_wire::session::SessionInfo;
use jiff::Timestamp;
use serde_json::{Map, Value};
use uuid::Uuid;

use crate::alerts;

/// Why a session has ended whose end nobody saw.
pub(crate) const LOST: &str = "lost";

/// Fields of the log that say nothing to the people who look at a session.
const INTERNAL: [&str; 3] = ["id", "spec", "recording"];

/// The steps of one entry, and nothing for one that is about no session.
pub(crate) fn steps(node: Uuid, entry: LogEntry) -> Vec<Step> {
    let (Some(uid), Ok(at)) = (entry.uid, entry.at.parse::<Timestamp>()) else { return Vec::new() };
    let mut fields = entry.fields;
    if entry.kind == kind::VERDICT {
        // There are so many that they have a list of their own.
        return vec![Step::Verdict(Box::new(verdict((uid, at), fields)))];
    }
    let mut changes = control((uid, at), (&entry.kind, &fields));
    let change = match entry.kind.as_str() {
        "session_created" => Some(Step::Opened(opened(node, (uid, at), &fields))),
        "session_ended" => {
            let reason = text(&fields, "reason").unwrap_or_default().to_owned();
            let end = End { at, exit: exit(&fields), reason, bytes: None };
            Some(Step::Ended { uid, end, recording: RecordingState::Closed })
        }
        "session_lost" => Some(lost(uid, at)),
        "recording_failed" => Some(Step::RecordingFailed(uid)),
        _ => None,
    };
    for name in INTERNAL {
        fields.remove(name);
    }
    let event = Step::Event { session: uid, kind: entry.kind, data: fields, at };
    changes.extend(change);
    changes.push(event);
    changes
}

/// What the log tells of commands that wait, and of what somebody has to know.
fn control((session, at): (Uuid, Timestamp), (kind, fields): (&str, &Map<String, Value>)) -> Vec<Step> {
    let alert = |kind: &str| {
        let severity = alerts::severity(kind);
        let (session, data) = (Some(session), fields.clone());
        Step::Alert(Alert { id: 0, at, kind: kind.to_owned(), severity, session, data })
    };
    match kind {
        kind::REVIEW_OPENED => match review((session, at), fields) {
            Some(review) => vec![Step::ReviewOpened(Box::new(review)), alert(kind)],
            None => Vec::new(),
        },
        kind::REVIEW_CLOSED => closed(at, fields).into_iter().collect(),
        kind::ALERT => vec![alert(text(fields, "what").unwrap_or("control_alert"))],
        _ => Vec::new(),
    }
}

fn verdict((session, at): (Uuid, Timestamp), mut fields: Map<String, Value>) -> Verdict {
    let mut word = |name: &str| match fields.remove(name) {
        Some(Value::String(word)) => Some(word),
        _ => None,
    };
    // What cannot be read is told as the least that is known of it.
    let (door, label) = (word("door").unwrap_or_default(), word("label").unwrap_or_default());
    let (action, rule) = (word("action").unwrap_or_default(), word("rule"));
    let (program, line) = (word("program"), word("line"));
    let argv = fields.remove("argv").and_then(|argv| serde_json::from_value(argv).ok()).unwrap_or_default();
    let offset_ms = fields.remove("at_ms").and_then(|at| at.as_i64());
    let command = Judged { program, argv, line };
    Verdict { id: 0, session: Some(session), at, offset_ms, door, label, action, rule, command, data: fields }
}

/// None for one without a name or a hash, which nobody could decide on.
fn review((session, opened): (Uuid, Timestamp), fields: &Map<String, Value>) -> Option<Review> {
    Some(Review {
        uid: text(fields, "review")?.parse().ok()?,
        session,
        hash: text(fields, "facts_hash")?.to_owned(),
        opened,
        expires: text(fields, "expires").and_then(|at| at.parse().ok()),
        opener: None,
        data: fields.clone(),
        decision: Decision::open(),
    })
}

fn closed(at: Timestamp, fields: &Map<String, Value>) -> Option<Step> {
    let outcome = text(fields, "outcome").and_then(ReviewState::parse);
    // An outcome of another release is no approval.
    let state = outcome.filter(|state| *state != ReviewState::Open).unwrap_or(ReviewState::Cancelled);
    let said = |name: &str| text(fields, name).filter(|text| !text.is_empty()).map(str::to_owned);
    let decision = Decision { state, closed: Some(at), by: said("by"), reason: said("reason") };
    Some(Step::ReviewClosed { review: text(fields, "review")?.parse().ok()?, decision })
}

pub(crate) fn lost(uid: Uuid, at: Timestamp) -> Step {
    let end = End { at, exit: None, reason: LOST.to_owned(), bytes: None };
    Step::Ended { uid, end, recording: RecordingState::Lost }
}

/// A session whose beginning is in the log no more.
pub(crate) fn listed(node: Uuid, info: &SessionInfo) -> Option<Opened> {
    let detail = info.detail.as_ref()?;
    let created = info.created_at.parse().ok().and_then(|s| Timestamp::from_second(s).ok())?;
    let recording = match detail.recording.state.as_str() {
        "off" => RecordingState::Off,
        "failed" => RecordingState::Failed,
        _ => RecordingState::Recording,
    };
    Some(Opened {
        uid: info.uid?,
        node: Some(node),
        name: info.name.clone(),
        owner: detail.user.as_deref().and_then(|user| user.parse().ok()),
        account: Some(detail.account.clone()),
        command: detail.command.clone(),
        size: Some((detail.cols, detail.rows)),
        created,
        recording,
    })
}

fn opened(node: Uuid, (uid, created): (Uuid, Timestamp), fields: &Map<String, Value>) -> Opened {
    let words = fields.get("command").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let owner = fields.get("spec").and_then(|spec| spec.pointer("/subject/user")).and_then(Value::as_str);
    Opened {
        uid,
        node: Some(node),
        name: text(fields, "name").map(str::to_owned),
        // Another program's word for a person is nobody here.
        owner: owner.and_then(|owner| owner.parse().ok()),
        account: text(fields, "account").map(str::to_owned),
        command: words.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
        size: None,
        created,
        recording: match text(fields, "recording") {
            Some(_) => RecordingState::Recording,
            None => RecordingState::Off,
        },
    }
}

fn exit(fields: &Map<String, Value>) -> Option<Exit> {
    let number = |name: &str| fields.get(name).and_then(Value::as_i64).and_then(|n| i32::try_from(n).ok());
    Some(Exit { code: number("code")?, signal: number("signal") })
}

fn text<'a>(fields: &'a Map<String, Value>, name: &str) -> Option<&'a str> {
    fields.get(name).and_then(Value::as_str)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use serde_json::json;

    use super::*;

    fn entry(kind: &str, uid: Option<Uuid>, fields: &Value) -> LogEntry {
        let fields = fields.as_object().unwrap().clone();
        LogEntry { seq: 1, at: "2026-01-01T00:00:00.5Z".to_owned(), kind: kind.to_owned(), uid, fields }
    }

    #[test]
    fn a_beginning_says_whose_it_is_and_no_more_than_people_need() {
        let (node, uid, owner) = (Uuid::from_u128(1), Uuid::from_u128(2), Uuid::from_u128(3));
        let fields = json!({
            "id": 1, "name": "n", "command": ["sh", "-c", "x"], "pid": 7, "account": "a",
            "recording": "/var/x", "spec": { "subject": { "user": owner } },
        });
        let steps = steps(node, entry("session_created", Some(uid), &fields));
        let [Step::Opened(opened), Step::Event { session, kind, data, .. }] = steps.as_slice() else {
            panic!("{steps:?}")
        };
        assert_eq!(
            (opened.uid, opened.owner, opened.recording),
            (uid, Some(owner), RecordingState::Recording)
        );
        assert_eq!((opened.command.len(), opened.account.as_deref()), (3, Some("a")));
        assert_eq!((*session, kind.as_str()), (uid, "session_created"));
        assert_eq!(
            Value::from(data.clone()),
            json!({ "name": "n", "command": ["sh", "-c", "x"], "pid": 7, "account": "a" })
        );
    }

    #[test]
    fn what_the_log_tells_of_commands_has_lists_of_its_own() {
        let (node, uid, review) = (Uuid::from_u128(1), Uuid::from_u128(2), Uuid::from_u128(3));
        let fields = json!({ "at_ms": 1500, "door": "exec", "label": "enforced", "action": "deny", "rule": "r",
            "program": "reboot", "argv": ["reboot", "-f"], "cwd": "/", "digest": "d" });
        let told = steps(node, entry("verdict", Some(uid), &fields));
        let [Step::Verdict(verdict)] = told.as_slice() else { panic!("{told:?}") };
        assert_eq!((verdict.session, verdict.offset_ms), (Some(uid), Some(1500)));
        assert_eq!((verdict.action.as_str(), verdict.command.argv.len()), ("deny", 2));
        assert_eq!(Value::from(verdict.data.clone()), json!({ "cwd": "/", "digest": "d" }));

        let fields =
            json!({ "review": review, "facts_hash": "h", "expires": "2026-01-01T00:10:00Z", "argv": ["x"] });
        let told = steps(node, entry("review_opened", Some(uid), &fields));
        let [Step::ReviewOpened(opened), Step::Alert(alert), Step::Event { .. }] = told.as_slice() else {
            panic!("{told:?}")
        };
        assert_eq!((opened.uid, opened.hash.as_str(), alert.kind.as_str()), (review, "h", "review_opened"));
        assert!(opened.expires.is_some());

        let fields = json!({ "review": review, "outcome": "approved", "by": "bob", "reason": "" });
        let told = steps(node, entry("review_closed", Some(uid), &fields));
        let Step::ReviewClosed { decision, .. } = &told[0] else { panic!("{told:?}") };
        assert_eq!((decision.state, decision.by.as_deref()), (ReviewState::Approved, Some("bob")));
        assert_eq!(decision.reason, None);
        for outcome in ["open", "of another release"] {
            let fields = json!({ "review": review, "outcome": outcome });
            let told = steps(node, entry("review_closed", Some(uid), &fields));
            let Step::ReviewClosed { decision, .. } = &told[0] else { panic!("{told:?}") };
            assert_eq!(decision.state, ReviewState::Cancelled, "{outcome}");
        }

        let told = steps(node, entry("control_alert", Some(uid), &json!({ "what": "supervisor_died" })));
        let Step::Alert(alert) = &told[0] else { panic!("{told:?}") };
        assert_eq!(alert.severity, bastide_store::Severity::Critical);
        assert!(!steps(node, entry("review_opened", Some(uid), &json!({}))).is_empty());
    }

    #[test]
    fn ends_are_ends_and_odd_entries_are_harmless() {
        let (node, uid) = (Uuid::from_u128(1), Some(Uuid::from_u128(2)));
        let fields = json!({ "reason": "exited", "code": 130, "signal": 2, "bytes": 9 });
        let ended = steps(node, entry("session_ended", uid, &fields));
        let Step::Ended { end, .. } = &ended[0] else { panic!("{ended:?}") };
        assert_eq!((end.exit, end.reason.as_str()), (Some(Exit { code: 130, signal: Some(2) }), "exited"));
        assert!(steps(node, entry("daemon_started", None, &json!({}))).is_empty());
        for kind in
            ["session_created", "session_ended", "session_lost", "session_resized", "of another release"]
        {
            let odd = json!({ "name": 3, "command": "x", "spec": [], "code": "many", "recording": null });
            assert!(!steps(node, entry(kind, uid, &odd)).is_empty());
        }
        let unread = LogEntry { at: "yesterday".to_owned(), ..entry("session_lost", uid, &json!({})) };
        assert!(steps(node, unread).is_empty());
    }
}
