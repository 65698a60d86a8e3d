use super::*;

fn subject(subject: &str) -> NewIdentity {
    NewIdentity {
        issuer: "https://id.example.org".to_owned(),
        subject: subject.to_owned(),
        name: Some("Ada".to_owned()),
        linked_by: None,
    }
}

fn user(username: &str) -> NewUser {
    NewUser { username: username.to_owned(), display_name: None, role: Role::User, account: None }
}

#[tokio::test]
async fn a_person_and_who_they_are_elsewhere_are_made_together_or_not_at_all() {
    let dir = tempfile::tempdir().unwrap();
    let store = store(&dir).await;
    let ada = store.add_user_with_identity(user("ada"), &subject("1"), now()).await.unwrap();
    let found = store.identity("https://id.example.org", "1").await.unwrap().unwrap();
    assert_eq!((found.user_id, found.linked_by, found.last_used), (ada, None, None));
    assert!(store.identity("https://other.example.org", "1").await.unwrap().is_none(), "of another issuer");

    // A subject that is somebody's already: no person is left over.
    let again = store.add_user_with_identity(user("bob"), &subject("1"), now()).await;
    assert!(matches!(again, Err(Error::Taken(name)) if name == "1"));
    let again = store.add_user_with_identity(user("ada"), &subject("2"), now()).await;
    assert!(matches!(again, Err(Error::Taken(name)) if name == "ada"));
    assert_eq!(store.users().await.unwrap().len(), 1);
    assert!(store.identity("https://id.example.org", "2").await.unwrap().is_none());

    store.identity_used(found.id, None, later(5)).await.unwrap();
    let found = &store.identities(ada).await.unwrap()[0];
    assert_eq!((found.last_used, found.name.as_deref()), (Some(later(5)), Some("Ada")));
    assert!(store.users().await.unwrap()[0].signed_on.is_some());
}

#[tokio::test]
async fn who_loses_an_identity_is_logged_out_and_nobody_elses_is_taken() {
    let dir = tempfile::tempdir().unwrap();
    let store = store(&dir).await;
    let (ada, bob) = (person(&store, "ada", Role::Admin).await, person(&store, "bob", Role::User).await);
    store.set_password(ada, "hash", None).await.unwrap();
    let id = store.add_identity(ada, &subject("1"), now()).await.unwrap();
    let login = Login {
        id: "l".to_owned(),
        user_id: ada,
        digest: "d".to_owned(),
        created: now(),
        expires: later(60),
        address: None,
        agent: None,
    };
    assert!(store.add_login(&login, None).await.unwrap());
    assert!(!store.remove_identity(bob, id).await.unwrap());
    assert!(store.login("l").await.unwrap().is_some());
    assert!(store.remove_identity(ada, id).await.unwrap());
    assert!(store.login("l").await.unwrap().is_none());
    assert!(!store.users().await.unwrap().iter().any(|user| user.signed_on.is_some()));
    // With the person goes who they are elsewhere.
    store.add_identity(bob, &subject("1"), now()).await.unwrap();
    store.remove_user(bob).await.unwrap();
    assert!(store.identity("https://id.example.org", "1").await.unwrap().is_none());
}

#[tokio::test]
async fn who_came_by_nothing_else_is_disabled_with_their_last_identity_unless_nobody_else_administers() {
    let dir = tempfile::tempdir().unwrap();
    let store = store(&dir).await;
    let (ada, bob) = (person(&store, "ada", Role::Admin).await, person(&store, "bob", Role::User).await);
    let enabled =
        async |id: i64| store.users().await.unwrap().into_iter().find(|user| user.id == id).unwrap().enabled;
    let first = store.add_identity(bob, &subject("1"), now()).await.unwrap();
    let second = store.add_identity(bob, &subject("2"), now()).await.unwrap();
    assert!(store.remove_identity(bob, first).await.unwrap());
    assert!(enabled(bob).await, "they still come by the other");
    assert!(store.remove_identity(bob, second).await.unwrap());
    assert!(!enabled(bob).await);
    let only = store.add_identity(ada, &subject("3"), now()).await.unwrap();
    assert!(matches!(store.remove_identity(ada, only).await, Err(Error::LastAdministrator)));
    assert!(enabled(ada).await);
    assert_eq!(store.identities(ada).await.unwrap().len(), 1, "nothing was done");
}

#[tokio::test]
async fn a_person_moves_between_groups_and_others_stay() {
    let dir = tempfile::tempdir().unwrap();
    let store = store(&dir).await;
    let (ada, bob) = (person(&store, "ada", Role::Admin).await, person(&store, "bob", Role::User).await);
    let one = store.add_group("one", &[ada, bob], now()).await.unwrap();
    let two = store.add_group("two", &[], now()).await.unwrap();
    store.move_between_groups(ada, &[two, 4711], &[one, 4712]).await.unwrap();
    store.move_between_groups(ada, &[two], &[]).await.unwrap();
    let members: Vec<_> = store.groups().await.unwrap().into_iter().map(|group| group.members).collect();
    assert_eq!(members, [vec![bob], vec![ada]]);
}
