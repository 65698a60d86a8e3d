use super::*;

fn totp(user_id: i64) -> Totp {
    Totp {
        user_id,
        uid: Uuid::now_v7(),
        secret: vec![1],
        created: now(),
        last_step: 0,
        last_used: None,
        locked: None,
    }
}

fn passkey(user_id: i64) -> Passkey {
    let id = Uuid::now_v7();
    Passkey {
        id,
        user_id,
        name: "key".to_owned(),
        credential_id: id.to_string(),
        material: "{}".to_owned(),
        created: now(),
        last_used: None,
    }
}

#[tokio::test]
async fn the_last_factor_stays_where_one_has_to() {
    let dir = tempfile::tempdir().unwrap();
    let store = store(&dir).await;
    let ada = person(&store, "ada", Role::Admin).await;
    let key = passkey(ada);
    store.set_totp(&totp(ada)).await.unwrap();
    store.add_passkey(&key).await.unwrap();
    store.set_recovery_codes(ada, &["1".to_owned()]).await.unwrap();
    let both = tokio::join!(store.remove_totp(ada, true), store.remove_passkey(ada, key.id, true));
    let mut both = [both.0.unwrap(), both.1.unwrap()];
    both.sort_by_key(|removed| *removed == Removed::Last);
    assert_eq!(both, [Removed::Done, Removed::Last]);
    let held = store.factors_held(ada).await.unwrap();
    assert_eq!((usize::from(held.totp) + held.passkeys, held.recovery_codes), (1, 1));

    store.set_totp(&totp(ada)).await.unwrap();
    store.remove_passkey(ada, key.id, true).await.unwrap();
    assert_eq!(store.remove_totp(ada, true).await.unwrap(), Removed::Last);
    assert_eq!(store.remove_totp(ada, false).await.unwrap(), Removed::Done);
    assert_eq!(store.remove_totp(ada, true).await.unwrap(), Removed::Missing);
    assert_eq!(store.factors_held(ada).await.unwrap(), FactorsHeld::default());
}

#[tokio::test]
async fn who_is_reset_has_no_login_and_no_link_either() {
    let dir = tempfile::tempdir().unwrap();
    let store = store(&dir).await;
    let (ada, bob) = (person(&store, "ada", Role::User).await, person(&store, "bob", Role::User).await);
    for (user, digest) in [(ada, "1"), (bob, "2")] {
        let link = Link { user_id: user, created: now(), expires: later(900), created_by: "root".to_owned() };
        store.add_link(digest, &link).await.unwrap();
        store.set_totp(&totp(user)).await.unwrap();
    }
    assert!(store.reset_factors(ada).await.unwrap());
    assert_eq!(store.link("1").await.unwrap(), None);
    assert!(store.link("2").await.unwrap().is_some());
    assert!(!store.reset_factors(ada).await.unwrap());
}
