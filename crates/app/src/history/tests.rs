#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;

use super::*;

fn opened(uid: u128) -> Opened {
    Opened {
        uid: Uuid::from_u128(uid),
        node: Some(Uuid::from_u128(1000)),
        name: None,
        owner: None,
        account: None,
        command: Vec::new(),
        size: Some((80, 24)),
        created: Timestamp::now(),
        recording: RecordingState::Recording,
    }
}

#[tokio::test]
async fn a_session_made_while_the_list_is_on_its_way_is_not_lost() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(&dir.path().join("bastide.db")).await.unwrap();
    let history = History::new(
        (store.clone(), News::load(&store).await.unwrap()),
        (dir.path().join("recordings"), Own::default()),
        (Clock::system(), Config::default()),
    );
    let node = Uuid::from_u128(1000);
    store.apply_log(node, 1, &[Step::Opened(opened(1))]).await.unwrap();
    let listed = async {
        // The daemon has answered; the server makes a session and remembers it before the answer is read.
        store.remember_session(&opened(2), &BTreeMap::new()).await.unwrap();
        Ok(Vec::new())
    };
    assert!(history.reconcile(listed, (node, 1)).await.is_ok());
    // The one that was open before is in no list: it has ended unseen.
    assert_eq!(store.open_sessions().await.unwrap(), [Uuid::from_u128(2)]);
}
