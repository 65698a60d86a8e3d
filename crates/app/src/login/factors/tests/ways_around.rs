//! What looks like a way around the second step, or around a person's own.

use bastide_store::NewIdentity;
use serde_json::json;

use super::*;
use crate::login::link;
use crate::login::single_sign_on::Refusal;

async fn id_of(world: &World, username: &str) -> i64 {
    world.app.people().named(username).unwrap().id
}

/// Ten wrong codes, from elsewhere.
async fn guess(world: &World, username: &str) {
    for host in [10, 11] {
        let half = needed(world.app.log_in(username, password(PASSWORD), &from(host)).await);
        for _ in 0..5 {
            let answer = Answer::Code("000000".to_owned());
            let wrong = world.app.second_step(&half.token, answer, &from(host)).await;
            assert_eq!(why(wrong), LoginError::BadCode);
        }
    }
}

#[tokio::test]
async fn nobody_resets_their_own_and_a_reset_ends_login_links() {
    let world = World::start(&[]).await;
    let root = world.person("root", Role::Admin).await;
    world.set_up("root").await;
    let half = world.half("root").await;
    let totp = world.app.store().totp(root).await.unwrap().unwrap();
    let secret = world.app.opened(totp.uid, &totp.secret).await.unwrap().to_text();
    let logged_in = world.second(&half, &totp::code_at(&secret, world.now())).await.unwrap();
    let mine = world.ctx(&logged_in).await;
    let refused = own::reset(&mine, root).await;
    assert!(
        matches!(&refused, Err(Error::Forbidden(why)) if why.to_string().contains("--reset-factors")),
        "{refused:?}"
    );
    assert!(world.app.store().factors_held(root).await.unwrap().totp);
    assert!(mine.again().await.unwrap().is_some());

    world.set_up("ada").await;
    let ada = id_of(&world, "ada").await;
    let link = link::create(world.app.store(), ada, "root", world.now()).await.unwrap();
    own::reset(&mine, ada).await.unwrap();
    let used = world.app.use_link(&link.token, None, &from(1)).await;
    assert_eq!(why(used), LoginError::LinkRefused);
}

#[tokio::test]
async fn a_password_chosen_with_a_link_is_set_by_the_second_step_only() {
    const NEW: &str = "another one, for tests";
    let world = World::start(&[]).await;
    let (secret, _) = world.set_up("ada").await;
    let ada = id_of(&world, "ada").await;
    let store = world.app.store();
    let link = link::create(store, ada, "root", world.now()).await.unwrap();
    let half = needed(world.app.use_link(&link.token, Some(password(NEW)), &from(1)).await);
    assert_eq!(why(world.second(&half, "000000").await), LoginError::BadCode);
    world.half("ada").await;
    let early = world.app.log_in("ada", password(NEW), &from(1)).await;
    assert_eq!(why(early), LoginError::BadCredentials);

    let logged_in = world.second(&half, &totp::code_at(&secret, world.now())).await.unwrap();
    assert!(world.ctx(&logged_in).await.again().await.unwrap().is_some());
    assert_eq!(why(world.enter("ada").await), LoginError::BadCredentials);
    needed(world.app.log_in("ada", password(NEW), &from(1)).await);
    assert_eq!(world.entries("login_link_password"), 1);
}

#[tokio::test]
async fn what_is_half_way_ends_with_the_password_it_was_begun_under() {
    let world = World::start(&[]).await;
    let logged_in = world.enter("ada").await.unwrap();
    let (_, codes) = world.set_up("ada").await;
    let ada = logged_in.user.id;
    let link = link::create(world.app.store(), ada, "root", world.now()).await.unwrap();
    let chosen = password("chosen by who has the link");
    let half = needed(world.app.use_link(&link.token, Some(chosen), &from(1)).await);
    let ctx = world.ctx(&logged_in).await;
    let new = password("another one, for tests");
    crate::login::change_password(&ctx, password(PASSWORD), new).await.unwrap();
    assert_eq!(why(world.second(&half, &codes[0]).await), LoginError::StepOver);
    needed(world.app.log_in("ada", password("another one, for tests"), &from(1)).await);
}

#[tokio::test]
async fn who_guesses_codes_does_not_shut_the_person_out() {
    let world = World::start(&[]).await;
    let (secret, codes) = world.set_up("ada").await;
    guess(&world, "ada").await;
    let half = world.half("ada").await;
    let held = world.second(&half, &totp::code_at(&secret, world.now())).await;
    assert!(matches!(why(held), LoginError::TooManyAttempts { .. }));
    assert_eq!(why(world.second(&half, "0000-0000-0000-0000").await), LoginError::BadCode);
    assert_eq!(world.alerts().await, ["second_factor_guessed"], "once");
    world.second(&half, &codes[0]).await.unwrap();

    // Another process takes the factors away: with the new app nothing is counted.
    world.app.store().reset_factors(id_of(&world, "ada").await).await.unwrap();
    world.app.people().reload(world.app.store()).await.unwrap();
    let (secret, _) = world.set_up("ada").await;
    let half = world.half("ada").await;
    world.second(&half, &totp::code_at(&secret, world.now())).await.unwrap();
}

#[tokio::test]
async fn a_code_that_could_not_be_looked_at_is_no_wrong_one() {
    let world = World::start(&[]).await;
    let (secret, _) = world.set_up("ada").await;
    let store = world.app.store();
    let good = store.totp(id_of(&world, "ada").await).await.unwrap().unwrap();
    store.set_totp(&Totp { secret: vec![0], ..good.clone() }).await.unwrap();
    let half = world.half("ada").await;
    for _ in 0..12 {
        let failed = world.second(&half, "000000").await;
        assert!(!matches!(failed, Ok(_) | Err(Error::Login(_))), "{failed:?}");
    }
    store.set_totp(&good).await.unwrap();
    world.second(&half, &totp::code_at(&secret, world.now())).await.unwrap();
}

#[tokio::test]
async fn a_recovery_code_is_not_lost_where_its_use_cannot_be_logged() {
    let world = World::start(&[]).await;
    let (_, codes) = world.set_up("ada").await;
    let half = world.half("ada").await;
    // No entry takes this.
    let endless = Origin { request_id: "r".repeat(2 << 20).into(), ..from(1) };
    let answer = Answer::Code(codes[0].clone());
    let failed = world.app.second_step(&half.token, answer, &endless).await;
    assert!(!matches!(failed, Ok(_) | Err(Error::Login(_))), "{failed:?}");
    assert_eq!(world.entries("recovery_code_used"), 0);
    world.second(&half, &codes[0]).await.unwrap();
    assert_eq!(world.entries("recovery_code_used"), 1);
}

#[tokio::test]
async fn a_passkey_alone_is_not_enough_for_whom_the_provider_lets_in() {
    let world = World::start(&[]).await;
    let store = world.app.store();
    let new = NewUser { username: "sam".to_owned(), display_name: None, role: Role::User, account: None };
    let sam = store.add_user(new, Uuid::nil(), world.now()).await.unwrap();
    let identity = NewIdentity {
        issuer: "https://id.example.org".to_owned(),
        subject: "1".to_owned(),
        name: None,
        linked_by: None,
    };
    store.add_identity(sam, &identity, world.now()).await.unwrap();
    world.app.people().reload(store).await.unwrap();
    let party = RelyingParty::of("http://localhost:1").unwrap();
    let enter = async || {
        let (name, _) = world.app.ask_any_passkey(&party, &from(1)).unwrap();
        let answer = json!({
            "id": "AAAA", "rawId": "AAAA", "type": "public-key", "extensions": {},
            "response": {
                "authenticatorData": "AAAA", "clientDataJSON": "AAAA", "signature": "AAAA",
                // base64url of `users.uid`
                "userHandle": "A".repeat(22),
            },
        });
        why(world.app.enter_by_passkey((&name, &party), answer, &from(1)).await)
    };
    assert_eq!(enter().await, LoginError::SingleSignOn(Refusal::AtProvider));
    assert_eq!(world.entries("login_failed"), 1);
    // With a password they are here on their own account; the answer is checked, and is no passkey's.
    let hash = world.app.hasher().hash(password(PASSWORD)).await.unwrap();
    store.set_password(sam, &hash, None).await.unwrap();
    world.app.people().reload(store).await.unwrap();
    assert_eq!(enter().await, LoginError::BadCode);
}

#[tokio::test]
async fn two_who_remove_the_last_two_at_once_leave_one() {
    let world = World::start(&[Role::Operator]).await;
    let olga = world.person("olga", Role::Operator).await;
    let half = world.half("olga").await;
    let offer = world.app.offer_enrolment(&half.token, "gate.example", &from(1)).unwrap();
    let entered = world.second(&half, &totp::code_at(&offer.secret, world.now())).await.unwrap();
    let ctx = world.ctx(&entered).await;
    let passkey = bastide_store::Passkey {
        id: Uuid::now_v7(),
        user_id: olga,
        name: "key".to_owned(),
        credential_id: "AAAA".to_owned(),
        material: "{}".to_owned(),
        created: world.now(),
        last_used: None,
    };
    world.app.store().add_passkey(&passkey).await.unwrap();
    let shown = || Some(password(PASSWORD));
    let both = tokio::join!(own::remove_totp(&ctx, shown()), own::remove_passkey(&ctx, passkey.id, shown()));
    let refused = match both {
        (Ok(()), Err(refused)) | (Err(refused), Ok(())) => refused,
        other => panic!("{other:?}"),
    };
    assert!(matches!(refused, Error::Conflict(_)), "{refused:?}");
    assert!(world.app.store().factors_held(olga).await.unwrap().any());
}
