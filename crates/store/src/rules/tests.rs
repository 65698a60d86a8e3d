#![allow(clippy::unwrap_used)]

use jiff::{SignedDuration, Timestamp};
use serde_json::json;
use sqlx::{Connection, Row as _};
use uuid::Uuid;

use super::*;
use crate::{
    Alert, Decision, End, Judged, NewUser, Opened, RecordingState, Review, ReviewState, Role, Severity, Step,
    Verdict, Which,
};

async fn store() -> (Store, tempfile::TempDir) {
    let dir = tempfile::tempdir().unwrap();
    (Store::open(&dir.path().join("bastide.db")).await.unwrap(), dir)
}

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(1_800_000_000).unwrap() + SignedDuration::from_secs(seconds)
}

fn uid(n: u128) -> Uuid {
    Uuid::from_u128(n)
}

fn version(note: &str) -> RuleVersion {
    RuleVersion {
        version: 0,
        created: at(0),
        author: Some("ada".to_owned()),
        note: note.to_owned(),
        document: r#"{"version":1}"#.to_owned(),
        control: "{}".to_owned(),
        digest: "ab".to_owned(),
    }
}

fn verdict(session: Option<Uuid>, action: &str, seconds: i64) -> Step {
    Step::Verdict(Box::new(Verdict {
        id: 0,
        session,
        at: at(seconds),
        offset_ms: Some(1500),
        door: "exec".to_owned(),
        label: "enforced".to_owned(),
        action: action.to_owned(),
        rule: Some("no-reboot".to_owned()),
        command: Judged {
            program: Some("reboot".to_owned()),
            argv: vec!["reboot".to_owned(), "-f".to_owned()],
            line: None,
        },
        data: [("pid".to_owned(), json!(7))].into_iter().collect(),
    }))
}

fn opened(n: u128, owner: Option<Uuid>) -> Step {
    Step::Opened(Opened {
        uid: uid(n),
        node: Some(uid(1000)),
        name: None,
        owner,
        account: None,
        command: Vec::new(),
        size: None,
        created: at(0),
        recording: RecordingState::Off,
    })
}

fn review(n: u128, session: u128) -> Review {
    Review {
        uid: uid(n),
        session: uid(session),
        hash: "h".to_owned(),
        opened: at(1),
        expires: Some(at(300)),
        opener: None,
        data: [("argv".to_owned(), json!(["reboot"]))].into_iter().collect(),
        decision: Decision::open(),
    }
}

#[tokio::test]
async fn a_version_follows_the_one_that_its_writer_has_seen() {
    let (store, _dir) = store().await;
    assert_eq!(store.rules().await.unwrap(), None);
    assert_eq!(store.add_rules(0, &version("first")).await.unwrap(), 1);
    assert_eq!(store.add_rules(1, &version("second")).await.unwrap(), 2);
    for stale in [0, 1, 3] {
        let refused = store.add_rules(stale, &version("late")).await;
        assert!(matches!(refused, Err(Error::ChangedMeanwhile)), "{stale}: {refused:?}");
    }
    let now = store.rules().await.unwrap().unwrap();
    assert_eq!((now.version, now.note.as_str()), (2, "second"));
    let first = store.rule_version(1).await.unwrap().unwrap();
    assert_eq!((first.note.as_str(), first.document.as_str()), ("first", r#"{"version":1}"#));
    let listed = store.rule_versions(None, 10).await.unwrap();
    assert_eq!(listed.iter().map(|one| one.version).collect::<Vec<_>>(), [2, 1]);
    assert!(listed.iter().all(|one| one.document.is_empty()));
    assert_eq!(store.rule_versions(Some(2), 10).await.unwrap().len(), 1);
    assert_eq!(store.rule_version(3).await.unwrap(), None);
}

#[tokio::test]
async fn verdicts_are_those_of_a_session_that_is_known_and_go_with_it() {
    let (store, _dir) = store().await;
    let steps = [
        opened(1, None),
        verdict(Some(uid(1)), "allow", 1),
        verdict(Some(uid(1)), "deny", 2),
        verdict(Some(uid(9)), "deny", 2),
        verdict(None, "deny", 3),
    ];
    store.apply_log(uid(1000), 5, &steps).await.unwrap();
    let all = store.verdicts(uid(1), (0, 10), true).await.unwrap();
    assert_eq!(all.len(), 2);
    assert_eq!((all[1].action.as_str(), all[1].offset_ms), ("deny", Some(1500)));
    assert_eq!(
        (&all[1].command.argv[..], &all[1].data["pid"]),
        (&["reboot".into(), "-f".into()][..], &json!(7))
    );
    assert_eq!(store.verdicts(uid(1), (0, 10), false).await.unwrap().len(), 1);
    assert_eq!(store.verdicts(uid(1), (all[0].id, 10), true).await.unwrap(), all[1..]);
    assert!(store.verdicts(uid(9), (0, 10), true).await.unwrap().is_empty(), "nobody knows that session");
    assert_eq!(store.forget_verdicts(at(2), 1000).await.unwrap(), 1);
    store.forget_session(uid(1)).await.unwrap();
    assert!(store.verdicts(uid(1), (0, 10), true).await.unwrap().is_empty());
}

#[tokio::test]
async fn of_a_session_that_runs_the_newest_verdicts_are_kept() {
    let (store, _dir) = store().await;
    let mut steps = vec![opened(1, None)];
    steps.extend((0..10).map(|second| verdict(Some(uid(1)), "allow", second)));
    store.apply_log(uid(1000), 5, &steps).await.unwrap();
    assert_eq!(store.forget_verdicts(at(0), 3).await.unwrap(), 7);
    let left = store.verdicts(uid(1), (0, 10), true).await.unwrap();
    assert_eq!(left.iter().map(|one| one.at).collect::<Vec<_>>(), [at(7), at(8), at(9)]);
}

#[tokio::test]
async fn the_first_decision_on_a_review_stays() {
    let (store, _dir) = store().await;
    let owner = uid(77);
    let decision = |state, by: &str| Decision {
        state,
        closed: Some(at(9)),
        by: Some(by.to_owned()),
        reason: Some("why".to_owned()),
    };
    let steps = [
        opened(1, Some(owner)),
        Step::ReviewOpened(Box::new(review(10, 1))),
        Step::ReviewOpened(Box::new(review(10, 1))),
        Step::ReviewOpened(Box::new(review(11, 1))),
        Step::ReviewClosed { review: uid(10), decision: decision(ReviewState::Approved, "bob") },
        Step::ReviewClosed { review: uid(10), decision: decision(ReviewState::Refused, "eve") },
    ];
    store.apply_log(uid(1000), 5, &steps).await.unwrap();
    let decided = store.review(uid(10)).await.unwrap().unwrap();
    assert_eq!(decided.opener, Some(owner), "whose session it is");
    assert_eq!(
        (decided.decision.state, decided.decision.by.as_deref()),
        (ReviewState::Approved, Some("bob"))
    );
    let open = store.reviews(Which::Open, None, (None, 10)).await.unwrap();
    assert_eq!(open, [Review { opener: Some(owner), ..review(11, 1) }]);
    assert_eq!(store.reviews(Which::Any, Some(owner), (None, 10)).await.unwrap().len(), 2);
    assert!(store.reviews(Which::Any, Some(uid(78)), (None, 10)).await.unwrap().is_empty());
    assert_eq!(store.reviews(Which::Any, None, (Some(uid(11)), 10)).await.unwrap()[0].uid, uid(10));

    let end = End { at: at(20), exit: None, reason: "exited".to_owned(), bytes: None };
    let ended = Step::Ended { uid: uid(1), end, recording: RecordingState::Off };
    store.apply_log(uid(1000), 6, &[ended]).await.unwrap();
    let left = store.review(uid(11)).await.unwrap().unwrap().decision;
    assert_eq!((left.state, left.closed), (ReviewState::Cancelled, Some(at(20))));
    assert_eq!(store.reviews(Which::Closed, None, (None, 10)).await.unwrap().len(), 2);
    assert_eq!(store.forget_reviews(at(10)).await.unwrap(), 1);
}

#[tokio::test]
async fn alerts_are_numbered_and_the_place_up_to_which_they_were_sent_is_kept() {
    let (store, _dir) = store().await;
    assert_eq!(store.last_alert().await.unwrap(), 0);
    let alert = |kind: &str, second| Alert {
        id: 0,
        at: at(second),
        kind: kind.to_owned(),
        severity: Severity::Critical,
        session: Some(uid(1)),
        data: serde_json::Map::new(),
    };
    store.apply_log(uid(1000), 5, &[Step::Alert(alert("deny", 1))]).await.unwrap();
    let second = store.add_alert(&alert("guard_failed", 2)).await.unwrap();
    assert_eq!(store.last_alert().await.unwrap(), second);
    let newest = store.alerts(None, 10).await.unwrap();
    assert_eq!(newest.iter().map(|one| one.kind.as_str()).collect::<Vec<_>>(), ["guard_failed", "deny"]);
    assert_eq!(newest[0].severity, Severity::Critical);
    assert_eq!(store.alerts(Some(second), 10).await.unwrap().len(), 1);
    assert_eq!(store.alerts_after(second - 1, 10).await.unwrap()[0].id, second);
    assert_eq!(store.alert_place("webhook").await.unwrap(), None);
    store.set_alert_place("webhook", 4).await.unwrap();
    store.set_alert_place("webhook", 5).await.unwrap();
    assert_eq!(store.alert_place("webhook").await.unwrap(), Some(5));
    assert_eq!(store.forget_alerts(at(0), 1).await.unwrap(), 1, "more than the most");
    assert_eq!(store.forget_alerts(at(3), 10).await.unwrap(), 1, "too old");
}

#[tokio::test]
async fn a_reviewer_is_one_after_opening_again() {
    let (store, dir) = store().await;
    let new =
        |name: &str, role| NewUser { username: name.to_owned(), display_name: None, role, account: None };
    store.add_user(new("ada", Role::Admin), uid(1), at(0)).await.unwrap();
    store.add_user(new("rob", Role::Reviewer), uid(2), at(0)).await.unwrap();
    store.close().await;
    let store = Store::open(&dir.path().join("bastide.db")).await.unwrap();
    let roles: Vec<_> = store.users().await.unwrap().into_iter().map(|user| user.role).collect();
    assert_eq!(roles, [Role::Admin, Role::Reviewer]);
}

/// People of an earlier release keep their roles, and with them everything that refers to them.
#[tokio::test]
async fn the_new_role_takes_nothing_away() {
    let mut database = sqlx::SqliteConnection::connect("sqlite::memory:").await.unwrap();
    let before = [
        include_str!("../../migrations/0001_people.sql"),
        include_str!("../../migrations/0002_sessions.sql"),
        include_str!("../../migrations/0003_credentials.sql"),
        include_str!("../../migrations/0004_servers.sql"),
        "INSERT INTO users (uid, username, role, created) VALUES ('1', 'ada', 'admin', 1), ('2', 'bob', 'user', 1);
         INSERT INTO logins (id, user_id, digest, created, expires) VALUES ('l', 2, 'd', 1, 2);",
    ];
    for sql in before.into_iter().chain([include_str!("../../migrations/0005_rules.sql")]) {
        sqlx::raw_sql(sql).execute(&mut database).await.unwrap();
    }
    let rows = sqlx::query("SELECT username, role FROM users ORDER BY id").fetch_all(&mut database).await;
    let roles: Vec<(String, String)> = rows.unwrap().iter().map(|row| (row.get(0), row.get(1))).collect();
    assert_eq!(roles, [("ada".into(), "admin".into()), ("bob".into(), "user".into())]);
    let logins = sqlx::query("SELECT id FROM logins").fetch_all(&mut database).await.unwrap();
    assert_eq!(logins.len(), 1);
    let nobody = "UPDATE users SET role = 'king'";
    assert!(sqlx::raw_sql(nobody).execute(&mut database).await.is_err());
}
