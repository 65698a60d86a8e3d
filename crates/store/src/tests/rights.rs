//! What grants give, and requests for it.

use sqlx::{Connection, Row};

use super::*;

fn grant(to: Grantee, on: GrantTarget) -> Grant {
    Grant {
        id: 0,
        to,
        on,
        rights: [Right::Observe, Right::Upload].into_iter().collect(),
        credentials: Credentials::Any,
        terms: Terms::default(),
        request: None,
        created: now(),
        created_by: "ada".into(),
    }
}

#[tokio::test]
async fn a_grant_is_read_as_it_was_written() {
    let dir = tempfile::tempdir().unwrap();
    let store = store(&dir).await;
    let bob = person(&store, "bob", Role::Operator).await;
    let terms = Terms {
        times: r#"[{"from":"09:00","to":"17:00","zone":"UTC"}]"#.to_owned(),
        networks: r#"["10.0.0.0/8"]"#.to_owned(),
        expires: Some(later(9)),
    };
    let to = Grantee::User(bob);
    let mut written = vec![
        Grant { credentials: Credentials::Listed(vec![3, 7]), ..grant(to, GrantTarget::Everywhere) },
        Grant { terms, request: Some(4), ..grant(to, GrantTarget::Group("east".to_owned())) },
        Grant { credentials: Credentials::Default, ..grant(to, GrantTarget::Tag("prod".to_owned())) },
    ];
    for grant in &mut written {
        grant.id = store.add_grant(grant).await.unwrap().unwrap();
    }
    assert_eq!(store.grants().await.unwrap(), written);
    let uses = store.credential_uses().await.unwrap();
    assert_eq!(uses, [(3, format!("grant {}", written[0].id)), (7, format!("grant {}", written[0].id))]);
    assert!(matches!(store.remove_credential(7).await, Err(Error::InUse(_))));
    assert!(store.remove_grant(written[0].id).await.unwrap());
    assert!(store.credential_uses().await.unwrap().is_empty(), "what it lists goes with it");
}

/// What was granted by an earlier release keeps its meaning, its number, and the numbers of those that are gone.
#[tokio::test]
async fn grants_of_an_earlier_release_give_terminals_and_commands() {
    let mut database = sqlx::SqliteConnection::connect("sqlite::memory:").await.unwrap();
    let steps = [
        include_str!("../../migrations/0001_people.sql"),
        include_str!("../../migrations/0002_sessions.sql"),
        include_str!("../../migrations/0003_credentials.sql"),
        include_str!("../../migrations/0004_servers.sql"),
        include_str!("../../migrations/0005_rules.sql"),
        "INSERT INTO users (uid, username, role, created) VALUES ('1', 'ada', 'reviewer', 1);
         INSERT INTO servers (name, host, port, platform, created) VALUES ('web', 'h', 22, 'linux', 1);
         INSERT INTO grants (id, user_id, server_id, credential_id, created, created_by)
             VALUES (3, 1, 1, 8, 1, 'x'), (5, 1, 1, NULL, 1, 'x'), (9, 1, 1, NULL, 1, 'x');
         DELETE FROM grants WHERE id = 9;",
        include_str!("../../migrations/0009_rights.sql"),
        "INSERT INTO grants (user_id, everywhere, rights, credentials, created, created_by)
             VALUES (1, 1, 'observe', 'any', 1, 'x');",
    ];
    for sql in steps {
        sqlx::raw_sql(sql).execute(&mut database).await.unwrap();
    }
    let rows = sqlx::query("SELECT id, rights, credentials FROM grants ORDER BY id");
    let rows = rows.fetch_all(&mut database).await.unwrap();
    let rows: Vec<(i64, String, String)> =
        rows.iter().map(|row| (row.get(0), row.get(1), row.get(2))).collect();
    let usual = || "connect write execute".to_owned();
    assert_eq!(
        rows,
        [(3, usual(), "listed".into()), (5, usual(), "default".into()), (10, "observe".into(), "any".into())]
    );
    let listed = sqlx::query("SELECT grant_id, credential_id FROM grant_credentials");
    let listed = listed.fetch_all(&mut database).await.unwrap();
    assert_eq!(listed.iter().map(|row| (row.get(0), row.get(1))).collect::<Vec<(i64, i64)>>(), [(3, 8)]);
    let role = sqlx::query("SELECT role FROM users").fetch_one(&mut database).await.unwrap();
    assert_eq!(role.get::<String, _>(0), "reviewer");
}

#[tokio::test]
async fn a_request_is_answered_once_and_its_grant_comes_with_the_answer() {
    let dir = tempfile::tempdir().unwrap();
    let store = store(&dir).await;
    let bob = person(&store, "bob", Role::User).await;
    let wanted = Wanted {
        server_name: "web".to_owned(),
        server_id: None,
        rights: Rights::usual(),
        reason: "to look".to_owned(),
        until: later(60),
    };
    let times = (now(), later(30));
    let first = store.add_request(bob, &wanted, times).await.unwrap().unwrap();
    let second = store.add_request(bob, &wanted, times).await.unwrap().unwrap();
    assert_eq!(store.add_request(4711, &wanted, times).await.unwrap(), None);
    let answer =
        |state| Answer { state, at: Some(later(1)), by: Some("ada".to_owned()), why: None, grant: None };
    let yes = answer(RequestState::Approved);
    let gone = grant(Grantee::User(bob), GrantTarget::Server(4711));
    assert_eq!(store.answer_request(first, &yes, Some(&gone)).await.unwrap(), None);
    let granted = grant(Grantee::User(bob), GrantTarget::Everywhere);
    let made = store.answer_request(first, &yes, Some(&granted)).await.unwrap().unwrap().unwrap();
    let no = answer(RequestState::Refused);
    assert_eq!(store.answer_request(first, &no, None).await.unwrap(), None, "it is answered");
    assert_eq!(store.answer_request(first, &yes, Some(&granted)).await.unwrap(), None);
    assert_eq!(store.grants().await.unwrap().len(), 1, "a late answer grants nothing");
    let kept = store.request(first).await.unwrap().unwrap();
    assert_eq!(kept.wanted, wanted);
    assert_eq!((kept.answer.state, kept.answer.grant), (RequestState::Approved, Some(made)));

    let open = store.requests((Some(bob), true), (None, 9)).await.unwrap();
    assert_eq!(open.iter().map(|one| one.id).collect::<Vec<_>>(), [second]);
    assert_eq!(store.expire_requests(later(29)).await.unwrap(), 0);
    assert_eq!(store.expire_requests(later(30)).await.unwrap(), 1);
    let all = store.requests((None, false), (None, 1)).await.unwrap();
    assert_eq!((all[0].id, all[0].answer.state), (second, RequestState::Expired));
    assert_eq!(store.requests((None, false), (Some(second), 9)).await.unwrap()[0].id, first);
}
