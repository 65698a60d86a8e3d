#![allow(clippy::unwrap_used)]

use super::*;
use crate::vault::{SESSION_SECRETS, Vault};
use crate::{NewUser, Role};

async fn store() -> (Store, tempfile::TempDir) {
    let dir = tempfile::tempdir().unwrap();
    (Store::open(&dir.path().join("bastide.db")).await.unwrap(), dir)
}

fn now() -> Timestamp {
    Timestamp::from_second(1_800_000_000).unwrap()
}

async fn ada(store: &Store) -> i64 {
    let new = NewUser { username: "ada".to_owned(), display_name: None, role: Role::User, account: None };
    store.add_user(new, Uuid::from_u128(1), now()).await.unwrap()
}

fn version(scope: SettingsScope, document: &str) -> SessionSettings {
    let (author, document) = (Some("root".to_owned()), document.to_owned());
    SessionSettings { scope, version: 0, created: now(), author, document }
}

fn secret(scope: SettingsScope, n: u128, name: &str) -> SealedVariable {
    SealedVariable { scope, uid: Uuid::from_u128(n), name: name.to_owned(), value: vec![7, 8] }
}

#[tokio::test]
async fn versions_count_in_their_scope_and_nobody_overwrites_what_was_not_seen() {
    let (store, _dir) = store().await;
    let user = SettingsScope::User(ada(&store).await);
    assert_eq!(store.session_settings(user).await.unwrap(), None);
    let put = async |known, scope, document| {
        store.put_session_settings(known, &version(scope, document), (&[], &[])).await
    };
    assert_eq!(put(0, user, "{}").await.unwrap(), 1);
    assert_eq!(put(1, user, r#"{"umask":"077"}"#).await.unwrap(), 2);
    assert_eq!(put(0, SettingsScope::Global, "[]").await.unwrap(), 1);
    assert!(matches!(put(1, user, "{}").await, Err(Error::ChangedMeanwhile)));
    assert!(matches!(put(0, SettingsScope::Global, "{}").await, Err(Error::ChangedMeanwhile)));
    let newest = store.session_settings(user).await.unwrap().unwrap();
    assert_eq!((newest.version, newest.document.as_str()), (2, r#"{"umask":"077"}"#));
    assert_eq!((newest.created, newest.author.as_deref()), (now(), Some("root")));
    assert!(put(0, SettingsScope::Server(99), "{}").await.is_err(), "there is no such server");
}

#[tokio::test]
async fn a_session_gets_its_own_scopes_in_their_order_and_no_others() {
    let (store, _dir) = store().await;
    let id = ada(&store).await;
    let user = SettingsScope::User(id);
    for (scope, document) in [(user, "u"), (SettingsScope::Global, "g")] {
        let fresh = [secret(scope, document.len() as u128 + u128::from(scope == user), "TOKEN")];
        store.put_session_settings(0, &version(scope, document), (&[], &fresh)).await.unwrap();
    }
    let (settings, secrets) = store.settings_of_session(None, Some(id)).await.unwrap();
    let documents: Vec<_> = settings.iter().map(|one| one.document.as_str()).collect();
    assert_eq!((documents, secrets.len()), (vec!["g", "u"], 2));
    let (settings, secrets) = store.settings_of_session(Some(5), Some(id + 1)).await.unwrap();
    assert_eq!((settings.len(), secrets.len(), settings[0].scope), (1, 1, SettingsScope::Global));

    let new = NewUser { username: "root".to_owned(), display_name: None, role: Role::Admin, account: None };
    store.add_user(new, Uuid::from_u128(2), now()).await.unwrap();
    assert!(store.remove_user(id).await.unwrap());
    let (settings, secrets) = store.settings_of_session(None, Some(id)).await.unwrap();
    assert_eq!((settings.len(), secrets.len()), (1, 1), "they go with the person");
}

#[tokio::test]
async fn secrets_stay_while_they_are_named_and_are_sealed_again_with_the_others() {
    let (store, _dir) = store().await;
    let scope = SettingsScope::Global;
    let put = async |known, kept: &[&str], fresh: &[SealedVariable]| {
        let kept: Vec<String> = kept.iter().map(|name| (*name).to_owned()).collect();
        store.put_session_settings(known, &version(scope, "{}"), (&kept, fresh)).await.unwrap()
    };
    let names = async || {
        let (_, mut secrets) = store.settings_of_session(None, None).await.unwrap();
        secrets.sort_by(|one, other| one.name.cmp(&other.name));
        secrets.into_iter().map(|one| (one.name, one.uid.as_u128())).collect::<Vec<_>>()
    };
    put(0, &[], &[secret(scope, 1, "A"), secret(scope, 2, "B")]).await;
    put(1, &["A"], &[secret(scope, 3, "C")]).await;
    assert_eq!(names().await, [("A".to_owned(), 1), ("C".to_owned(), 3)]);
    put(2, &["C"], &[secret(scope, 4, "A")]).await;
    assert_eq!(names().await, [("A".to_owned(), 4), ("C".to_owned(), 3)]);

    let key = |id: &str| Vault { key_id: id.to_owned(), version: 1, proof: vec![1], since: now() };
    store.begin_vault(&key("one")).await.unwrap();
    let mut sealed = store.sealed().await.unwrap();
    assert!(sealed.len() == 2 && sealed.iter().all(|one| one.table == SESSION_SECRETS));
    sealed.iter_mut().for_each(|one| one.bytes = vec![9]);
    assert!(store.rotate_vault("one", &key("two"), &sealed).await.unwrap());
    let (_, secrets) = store.settings_of_session(None, None).await.unwrap();
    assert!(secrets.iter().all(|one| one.value == [9]));
}
