#![allow(clippy::unwrap_used)]

use jiff::SignedDuration;

use super::*;
use crate::{NewUser, Role};

async fn store() -> (Store, tempfile::TempDir) {
    let dir = tempfile::tempdir().unwrap();
    (Store::open(&dir.path().join("bastide.db")).await.unwrap(), dir)
}

fn now() -> Timestamp {
    Timestamp::from_second(1_800_000_000).unwrap()
}

fn at(seconds: i64) -> Timestamp {
    now() + SignedDuration::from_secs(seconds)
}

fn uid(n: u128) -> Uuid {
    Uuid::from_u128(n)
}

fn opened(n: u128) -> Opened {
    Opened {
        uid: uid(n),
        node: Some(uid(1000)),
        name: Some(format!("name-{n}")),
        owner: None,
        account: Some("someone".to_owned()),
        command: vec!["/bin/sh".to_owned(), "-c".to_owned(), "100%_done".to_owned()],
        size: Some((80, 24)),
        created: now(),
        recording: RecordingState::Recording,
    }
}

fn ended(n: u128, seconds: i64, reason: &str) -> Step {
    let exit = (reason != "lost").then_some(Exit { code: 137, signal: Some(9) });
    let end = End { at: at(seconds), exit, reason: reason.to_owned(), bytes: Some(10) };
    let recording = if reason == "lost" { RecordingState::Lost } else { RecordingState::Closed };
    Step::Ended { uid: uid(n), end, recording }
}

fn event(n: u128, kind: &str, seconds: i64) -> Step {
    let data = [("client".to_owned(), Value::from("a"))].into_iter().collect();
    Step::Event { session: uid(n), kind: kind.to_owned(), data, at: at(seconds) }
}

fn any() -> SessionFilter {
    SessionFilter { limit: 100, ..SessionFilter::default() }
}

async fn numbers(store: &Store, filter: SessionFilter) -> Vec<u128> {
    store.sessions(&filter).await.unwrap().iter().map(|session| session.opened.uid.as_u128()).collect()
}

#[tokio::test]
async fn what_the_log_tells_is_there_with_its_place_or_not_at_all() {
    let (store, _dir) = store().await;
    let node = uid(1000);
    assert_eq!(store.log_place(node).await.unwrap(), None);
    let steps = [Step::Opened(opened(1)), event(1, "session_created", 0), event(2, "viewer_attached", 1)];
    store.apply_log(node, 7, &steps).await.unwrap();
    assert_eq!(store.log_place(node).await.unwrap(), Some(7));
    let session = store.session(uid(1)).await.unwrap().unwrap();
    assert_eq!((session.opened, session.ended), (opened(1), None));
    assert_eq!(store.session_events(uid(2), 0, 10).await.unwrap(), [], "of a session nobody knows");
    store.apply_log(node, 9, &[ended(1, 5, "exited"), event(1, "session_ended", 5)]).await.unwrap();
    let session = store.session(uid(1)).await.unwrap().unwrap();
    let end = session.ended.unwrap();
    assert_eq!((end.at, end.exit), (at(5), Some(Exit { code: 137, signal: Some(9) })));
    assert_eq!((end.bytes, session.opened.recording), (Some(10), RecordingState::Closed));
    let events = store.session_events(uid(1), 0, 10).await.unwrap();
    assert_eq!(
        events.iter().map(|e| e.kind.as_str()).collect::<Vec<_>>(),
        ["session_created", "session_ended"]
    );
    assert_eq!(store.session_events(uid(1), events[0].id, 10).await.unwrap(), events[1..]);
}

#[tokio::test]
async fn what_the_server_knows_itself_stays_whoever_comes_first() {
    let (store, _dir) = store().await;
    let mine = Opened { owner: Some(uid(5)), ..opened(1) };
    let environment = [("LANG".to_owned(), "C".to_owned())].into();
    store.remember_session(&mine, &environment).await.unwrap();
    store.apply_log(uid(1000), 2, &[Step::Opened(opened(1))]).await.unwrap();
    let later = Opened { owner: Some(uid(6)), ..opened(2) };
    store.apply_log(uid(1000), 3, &[Step::Opened(opened(2))]).await.unwrap();
    store.remember_session(&later, &environment).await.unwrap();
    for (n, owner) in [(1, 5), (2, 6)] {
        let session = store.session(uid(n)).await.unwrap().unwrap();
        assert_eq!((session.opened.owner, &session.environment), (Some(uid(owner)), &environment));
    }
}

#[tokio::test]
async fn a_seen_end_replaces_a_guessed_one_and_no_other() {
    let (store, _dir) = store().await;
    let apply = async |step: Step| store.apply_log(uid(1000), 1, &[step]).await.unwrap();
    apply(Step::Opened(opened(1))).await;
    apply(ended(1, 5, "lost")).await;
    assert!(store.open_sessions().await.unwrap().is_empty());
    apply(ended(1, 6, "exited")).await;
    apply(ended(1, 7, "lost")).await;
    let session = store.session(uid(1)).await.unwrap().unwrap();
    assert_eq!((session.ended.unwrap().at, session.opened.recording), (at(6), RecordingState::Closed));
    apply(Step::Opened(opened(2))).await;
    apply(Step::RecordingFailed(uid(2))).await;
    apply(ended(2, 6, "recording")).await;
    assert_eq!(store.session(uid(2)).await.unwrap().unwrap().opened.recording, RecordingState::Failed);
}

#[tokio::test]
async fn the_list_is_filtered_and_pages_stay_as_they_are() {
    let (store, _dir) = store().await;
    let new = |username: &str, role| NewUser {
        username: username.to_owned(),
        display_name: None,
        role,
        account: None,
    };
    store.add_user(new("root", Role::Admin), uid(4), now()).await.unwrap();
    let id = store.add_user(new("ada", Role::User), uid(5), now()).await.unwrap();
    let off = Opened { recording: RecordingState::Off, ..opened(4) };
    let hers = Opened { owner: Some(uid(5)), name: Some("Hers".to_owned()), ..opened(2) };
    let steps = [opened(1), hers, opened(3), off].map(Step::Opened);
    store.apply_log(uid(1000), 1, &steps).await.unwrap();
    store.apply_log(uid(1000), 1, &[ended(3, 1, "exited")]).await.unwrap();
    assert_eq!(numbers(&store, any()).await, [4, 3, 2, 1]);
    assert_eq!(numbers(&store, SessionFilter { recorded: true, ..any() }).await, [3, 2, 1]);
    assert_eq!(numbers(&store, SessionFilter { ended: true, ..any() }).await, [3]);
    assert_eq!(numbers(&store, SessionFilter { owner: Some(uid(5)), ..any() }).await, [2]);
    assert_eq!(numbers(&store, SessionFilter { username: Some("ada".to_owned()), ..any() }).await, [2]);
    for (text, found) in [("hers", vec![2]), ("0%_d", vec![4, 3, 2, 1]), ("0__d", vec![]), ("'", vec![])] {
        assert_eq!(
            numbers(&store, SessionFilter { text: Some(text.to_owned()), ..any() }).await,
            found,
            "{text}"
        );
    }
    assert_eq!(
        store.session(uid(2)).await.unwrap().unwrap().owner.unwrap(),
        Owner { id, username: "ada".to_owned() }
    );
    let page = |before| SessionFilter { limit: 2, before, ..SessionFilter::default() };
    assert_eq!(numbers(&store, page(None)).await, [4, 3]);
    store.apply_log(uid(1000), 1, &[Step::Opened(opened(9))]).await.unwrap();
    assert_eq!(numbers(&store, page(Some(uid(3)))).await, [2, 1], "whatever came meanwhile");
    assert!(store.remove_user(id).await.unwrap());
    assert_eq!(store.session(uid(2)).await.unwrap().unwrap().owner, None);
    assert_eq!(numbers(&store, SessionFilter { owner: Some(uid(5)), ..any() }).await, [2]);
}

#[tokio::test]
async fn what_is_old_or_too_much_is_forgotten() {
    let (store, _dir) = store().await;
    let mut steps = vec![Step::Opened(opened(1)), Step::Opened(opened(2)), ended(1, 10, "exited")];
    steps.extend((0..10).flat_map(|n| [event(1, "a", n), event(2, "b", n)]));
    store.apply_log(uid(1000), 1, &steps).await.unwrap();
    assert_eq!(store.forget_events(at(5), 8).await.unwrap(), 5 + 2);
    let kept = store.session_events(uid(2), 0, 100).await.unwrap();
    assert_eq!((kept.len(), kept[0].at), (8, at(2)), "of one that runs the newest stay");
    assert!(store.sessions_ended_before(at(10), None, 9).await.unwrap().is_empty());
    assert_eq!(store.sessions_ended_before(at(11), None, 9).await.unwrap(), [uid(1)]);
    assert!(store.sessions_ended_before(at(11), Some(uid(1)), 9).await.unwrap().is_empty());
    assert_eq!(store.session_uids().await.unwrap(), [uid(1), uid(2)].into());
    store.forget_session(uid(1)).await.unwrap();
    assert_eq!(store.session_events(uid(1), 0, 100).await.unwrap(), []);
    assert!(store.session(uid(1)).await.unwrap().is_none());
}

#[tokio::test]
async fn one_known_by_its_file_alone_is_no_longer_over_when_the_log_tells_of_it() {
    let (store, _dir) = store().await;
    let Step::Ended { end, .. } = ended(1, 5, "") else { panic!() };
    let file = Opened { node: None, recording: RecordingState::Closed, ..opened(1) };
    let found = [(file.clone(), end.clone()), (file, end.clone())];
    store.adopt_sessions(&found).await.unwrap();
    let session = store.session(uid(1)).await.unwrap().unwrap();
    assert_eq!(
        (session.opened.recording, session.ended),
        (RecordingState::Closed, Some(End { ..end.clone() }))
    );
    store.apply_log(uid(1000), 1, &[Step::Opened(opened(1))]).await.unwrap();
    let session = store.session(uid(1)).await.unwrap().unwrap();
    assert_eq!((session.opened.recording, session.ended), (RecordingState::Recording, None));
    store.apply_log(uid(1000), 1, &[ended(1, 9, "exited"), Step::Opened(opened(1))]).await.unwrap();
    store.adopt_sessions(&found).await.unwrap();
    assert_eq!(store.session(uid(1)).await.unwrap().unwrap().ended.unwrap().at, at(9));
}
