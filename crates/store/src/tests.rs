#![allow(clippy::unwrap_used)]

use jiff::{SignedDuration, Timestamp};
use uuid::Uuid;

use super::*;

mod factors;
mod identities;
mod rights;
mod servers;

async fn store(dir: &tempfile::TempDir) -> Store {
    Store::open(&dir.path().join("bastide.db")).await.unwrap()
}

fn now() -> Timestamp {
    Timestamp::from_second(1_800_000_000).unwrap()
}

fn later(seconds: i64) -> Timestamp {
    now() + SignedDuration::from_secs(seconds)
}

async fn person(store: &Store, username: &str, role: Role) -> i64 {
    let new = NewUser { username: username.to_owned(), display_name: None, role, account: None };
    store.add_user(new, Uuid::now_v7(), now()).await.unwrap()
}

#[tokio::test]
async fn what_was_written_is_there_after_opening_again_and_private() {
    use std::os::unix::fs::PermissionsExt;
    let dir = tempfile::tempdir().unwrap();
    let first = store(&dir).await;
    let id = person(&first, "ada", Role::Admin).await;
    first.set_password(id, "$argon2id$x", None).await.unwrap();
    first.close().await;
    let again = store(&dir).await;
    let users = again.users().await.unwrap();
    assert_eq!((users[0].id, users[0].username.as_str(), users[0].password_set), (id, "ada", true));
    assert_eq!(again.password(id).await.unwrap().as_deref(), Some("$argon2id$x"));
    for file in std::fs::read_dir(dir.path()).unwrap() {
        let file = file.unwrap();
        assert_eq!(file.metadata().unwrap().permissions().mode() & 0o077, 0, "{:?}", file.path());
    }
}

#[tokio::test]
async fn two_processes_that_read_and_then_write_wait_for_each_other() {
    let dir = tempfile::tempdir().unwrap();
    let (server, command_line) = (store(&dir).await, store(&dir).await);
    let id = person(&server, "ada", Role::Admin).await;
    let rename = async |store: &Store, name: &'static str| {
        let mut work = store.begin().await.unwrap();
        sqlx::query("SELECT count(*) FROM users").fetch_one(&mut *work).await.unwrap();
        tokio::task::yield_now().await;
        let change = sqlx::query("UPDATE users SET display_name = ? WHERE id = ?").bind(name).bind(id);
        change.execute(&mut *work).await.unwrap();
        work.commit().await.unwrap();
    };
    for _ in 0..20 {
        tokio::join!(rename(&server, "one"), rename(&command_line, "two"));
    }
}

#[tokio::test]
async fn a_database_of_a_newer_version_is_left_alone() {
    let dir = tempfile::tempdir().unwrap();
    let first = store(&dir).await;
    sqlx::query("INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time) VALUES (9999, 'later', 1, x'00', 0)")
        .execute(&first.writer)
        .await
        .unwrap();
    first.close().await;
    let refused = Store::open(&dir.path().join("bastide.db")).await.unwrap_err();
    assert!(matches!(refused, Error::Newer { found: 9999, .. }), "{refused}");
    assert!(refused.to_string().contains("newer Bastide"));
}

#[tokio::test]
async fn what_is_no_database_is_refused_and_not_touched() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("bastide.db");
    std::fs::write(&path, "not a database at all, but somebody's only copy of a text".repeat(100)).unwrap();
    let before = std::fs::read(&path).unwrap();
    let refused = Store::open(&path).await.unwrap_err();
    assert!(refused.to_string().contains("bastide.db"), "{refused}");
    assert_eq!(std::fs::read(&path).unwrap(), before);
}

#[tokio::test]
async fn a_name_is_taken_once() {
    let dir = tempfile::tempdir().unwrap();
    let store = store(&dir).await;
    person(&store, "ada", Role::Admin).await;
    let new = NewUser { username: "ada".to_owned(), display_name: None, role: Role::User, account: None };
    let refused = store.add_user(new, Uuid::now_v7(), now()).await.unwrap_err();
    assert!(matches!(refused, Error::Taken(name) if name == "ada"));
}

#[tokio::test]
async fn somebody_always_administers() {
    let dir = tempfile::tempdir().unwrap();
    let store = store(&dir).await;
    let ada = person(&store, "ada", Role::Admin).await;
    let bob = person(&store, "bob", Role::User).await;
    let demote = Change { role: Some(Role::User), ..Change::default() };
    let disable = Change { enabled: Some(false), ..Change::default() };
    for refused in [
        store.change_user(ada, demote.clone()).await.unwrap_err(),
        store.change_user(ada, disable).await.unwrap_err(),
        store.remove_user(ada).await.unwrap_err(),
    ] {
        assert!(matches!(refused, Error::LastAdministrator), "{refused}");
    }
    assert_eq!(store.users().await.unwrap().len(), 2, "nothing was done");
    let promote = Change { role: Some(Role::Admin), ..Change::default() };
    assert!(store.change_user(bob, promote).await.unwrap());
    assert!(store.change_user(ada, demote).await.unwrap());
    assert!(store.remove_user(ada).await.unwrap());
    assert!(!store.remove_user(ada).await.unwrap());
    assert_ne!(person(&store, "ada", Role::User).await, ada, "a number names one person for ever");
}

#[tokio::test]
async fn a_link_is_used_by_one_of_many_even_from_two_processes() {
    let dir = tempfile::tempdir().unwrap();
    let (one, other) = (store(&dir).await, store(&dir).await);
    let ada = person(&one, "ada", Role::Admin).await;
    let link = Link { user_id: ada, created: now(), expires: later(900), created_by: "uid 0".to_owned() };
    other.add_link("digest", &link).await.unwrap();
    assert_eq!(one.link("digest").await.unwrap(), Some(link.clone()), "looking changes nothing");
    let tries = (0..20).map(|i| {
        let store = if i % 2 == 0 { one.clone() } else { other.clone() };
        tokio::spawn(async move { store.use_link("digest").await.unwrap().is_some() })
    });
    let mut used = 0;
    for attempt in tries.collect::<Vec<_>>() {
        used += usize::from(attempt.await.unwrap());
    }
    assert_eq!(used, 1);
    other.add_link("old", &link).await.unwrap();
    let newer = Link { created: later(900), expires: later(1800), ..link };
    one.add_link("new", &newer).await.unwrap();
    assert_eq!(one.link("old").await.unwrap(), None, "expired links are forgotten");
}

#[tokio::test]
async fn a_new_password_ends_every_other_login() {
    let dir = tempfile::tempdir().unwrap();
    let store = store(&dir).await;
    let ada = person(&store, "ada", Role::Admin).await;
    for id in ["a", "b", "c"] {
        assert!(store.add_login(&login(id, ada), None).await.unwrap());
    }
    let link = Link { user_id: ada, created: now(), expires: later(900), created_by: "uid 0".to_owned() };
    store.add_link("link", &link).await.unwrap();
    store.set_password(ada, "hash", Some("b")).await.unwrap();
    assert_eq!(store.link("link").await.unwrap(), None, "nor is a login link of before good");
    let left = store.logins_of(ada, now()).await.unwrap();
    assert_eq!(left.iter().map(|login| login.id.as_str()).collect::<Vec<_>>(), ["b"]);
    assert!(store.logins_of(ada, later(60)).await.unwrap().is_empty());
    assert!(!store.end_login(ada + 1, "b").await.unwrap(), "somebody else's");
    assert!(store.end_login(ada, "b").await.unwrap());
}

fn login(id: &str, user_id: i64) -> Login {
    Login {
        id: id.to_owned(),
        user_id,
        digest: String::new(),
        created: now(),
        expires: later(60),
        address: None,
        agent: None,
    }
}

#[tokio::test]
async fn a_login_begins_only_if_what_was_shown_is_still_good() {
    let dir = tempfile::tempdir().unwrap();
    let store = store(&dir).await;
    person(&store, "ada", Role::Admin).await;
    let bob = person(&store, "bob", Role::User).await;
    store.set_password(bob, "old", None).await.unwrap();
    assert!(store.add_login(&login("a", bob), Some("old")).await.unwrap());
    // Comparing takes its time; meanwhile the password is changed, or the person is disabled.
    store.set_password(bob, "new", None).await.unwrap();
    assert!(!store.add_login(&login("b", bob), Some("old")).await.unwrap());
    assert!(store.add_login(&login("c", bob), Some("new")).await.unwrap());
    let link = Link { user_id: bob, created: now(), expires: later(900), created_by: "ada".to_owned() };
    store.add_link("link", &link).await.unwrap();
    let disable = Change { enabled: Some(false), ..Change::default() };
    assert!(store.change_user(bob, disable).await.unwrap());
    assert!(!store.add_login(&login("d", bob), None).await.unwrap());
    assert!(store.logins_of(bob, now()).await.unwrap().is_empty());
    assert_eq!(store.link("link").await.unwrap(), None);
}

#[tokio::test]
async fn what_belongs_to_a_person_goes_with_them() {
    let dir = tempfile::tempdir().unwrap();
    let store = store(&dir).await;
    person(&store, "ada", Role::Admin).await;
    let bob = person(&store, "bob", Role::User).await;
    let token = Token {
        id: Uuid::now_v7(),
        user_id: bob,
        name: "laptop".to_owned(),
        scope: Scope::Read,
        hint: "bst_abcd".to_owned(),
        created: now(),
        expires: None,
        last_used: None,
    };
    store.add_token(&token, "digest").await.unwrap();
    assert_eq!(store.token("digest").await.unwrap(), Some(token.clone()));
    let share = Share {
        id: Uuid::now_v7(),
        session: Uuid::now_v7(),
        access: Access::Watch,
        created: now(),
        expires: later(60),
        created_by: bob,
    };
    store.add_share(&share, "secret").await.unwrap();
    assert!(store.add_guest(share.id, bob, now()).await.unwrap());
    assert!(!store.add_guest(share.id, bob, now()).await.unwrap(), "twice is once");
    assert!(!store.add_guest(Uuid::now_v7(), bob, now()).await.unwrap(), "a share that is gone");
    assert_eq!(store.guests(now()).await.unwrap().len(), 1);
    assert!(store.guests(later(60)).await.unwrap().is_empty());
    assert!(store.remove_user(bob).await.unwrap());
    assert_eq!(store.token("digest").await.unwrap(), None);
    assert_eq!(store.share("secret").await.unwrap(), None);
    assert!(store.guests(now()).await.unwrap().is_empty());
}
