#![allow(clippy::unwrap_used)]

use super::*;

/// Both sides of a log in `directory`, written by a task.
fn log(directory: &Path) -> (Journal, Happenings, tokio::task::JoinHandle<()>) {
    let state = State::open(directory).unwrap();
    let at = state.log.clone();
    let (journal, writer, happenings) = open(&at, (state, Registry::new(1)), 16).unwrap();
    (journal, happenings, tokio::spawn(writer.run()))
}

async fn soon<T>(step: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(20), step).await.unwrap()
}

async fn until(happenings: &mut Happenings, takes: bool) {
    soon(async {
        while happenings.takes() != takes {
            happenings.changed().await;
        }
    })
    .await;
}

#[tokio::test]
async fn who_waits_for_a_log_that_is_away_is_told_and_so_are_all_others_until_it_is_back() {
    let directory = tempfile::tempdir().unwrap();
    let (journal, mut happenings, writer) = log(directory.path());
    journal.record("one", None, json!({})).await.unwrap();
    assert!(happenings.takes());
    let (there, away) = (directory.path().join("log"), directory.path().join("away"));
    std::fs::rename(&there, &away).unwrap();
    journal.record("two", None, json!({})).await.unwrap_err();
    // Although nothing is left to be tried again.
    until(&mut happenings, false).await;
    journal.note("three", None, json!({})).await;
    journal.record("four", None, json!({})).await.unwrap_err();
    std::fs::rename(&away, &there).unwrap();
    // Without anything that happens.
    until(&mut happenings, true).await;
    let Page::Entries(entries) = journal.read(0).await.unwrap() else { panic!("they are there") };
    let kinds: Vec<_> = entries.into_iter().map(|entry| entry.kind).collect();
    assert_eq!(kinds, ["one", "log_resumed", "three"]);
    drop((journal, happenings));
    soon(writer).await.unwrap();
}

#[test]
fn what_was_decided_is_dropped_last() {
    let entry = |kind| Entry { kind, uid: None, fields: Map::new(), done: None };
    let mut pending: VecDeque<Entry> = [kind::VERDICT, "resized", kind::VERDICT].map(entry).into();
    assert_eq!(shorten(&mut pending, 1), 2);
    assert_eq!(pending.iter().map(|entry| entry.kind).collect::<Vec<_>>(), [kind::VERDICT]);
    assert_eq!(shorten(&mut pending, 1), 0);
}
