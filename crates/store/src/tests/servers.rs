//! Servers, groups, grants, host keys and credentials: what the schema holds together.

use super::*;

fn settings(name: &str) -> ServerSettings {
    ServerSettings {
        name: name.to_owned(),
        host: "10.0.0.7".to_owned(),
        port: 2222,
        platform: "linux".to_owned(),
        tags: vec!["prod".to_owned(), "web".to_owned()],
        ..ServerSettings::default()
    }
}

async fn server(store: &Store, settings: &ServerSettings) -> i64 {
    store.add_server(settings, None, now()).await.unwrap()
}

fn host_key(server_id: i64, key: &str) -> HostKey {
    HostKey {
        id: 0,
        server_id,
        algorithm: "ssh-ed25519".to_owned(),
        key: key.to_owned(),
        fingerprint: format!("SHA256:{key}"),
        first_seen: now(),
        accepted_by: "ada".to_owned(),
    }
}

fn grant(to: Grantee, on: GrantTarget) -> Grant {
    Grant {
        id: 0,
        to,
        on,
        rights: Rights::usual(),
        credentials: Credentials::Default,
        terms: Terms { expires: Some(later(60)), ..Terms::default() },
        request: None,
        created: now(),
        created_by: "ada".into(),
    }
}

fn credential(name: &str) -> NewCredential {
    NewCredential {
        uid: Uuid::now_v7(),
        name: name.to_owned(),
        username: "root".to_owned(),
        kind: CredentialKind::Password,
        certificate: None,
        public_key: None,
        fingerprint: None,
    }
}

fn sealed(password: &[u8]) -> Secrets {
    Secrets { password: Some(password.to_vec()), ..Secrets::default() }
}

#[tokio::test]
async fn a_server_is_kept_as_it_was_said_and_its_number_is_never_used_again() {
    let dir = tempfile::tempdir().unwrap();
    let store = store(&dir).await;
    let gate = server(&store, &settings("gate")).await;
    let told = ServerSettings {
        group: Some("north".to_owned()),
        notes: Some("two\nlines".to_owned()),
        jump: Some(gate),
        node: NodeSettings { agent_port: Some(8888), brand_id: Some(3), accelerator_id: None },
        ssh: SshSettings { legacy_algorithms: true, agent_forwarding: true, ask_host_key: false },
        ..settings("web")
    };
    let web = server(&store, &told).await;
    let all = store.servers().await.unwrap();
    assert_eq!((all[1].id, &all[1].settings), (web, &told));
    assert_eq!((all[1].status, all[1].last_check), (ServerStatus::Unknown, None));

    assert!(store.set_server_status(web, ServerStatus::Online, later(5)).await.unwrap());
    let seen = store.servers().await.unwrap()[1].clone();
    assert_eq!((seen.status, seen.last_check), (ServerStatus::Online, Some(later(5))));
    // What was found at one address says nothing about another.
    let moved = ServerSettings { host: "10.0.0.8".to_owned(), tags: Vec::new(), ..told };
    assert!(store.change_server(web, &moved, None, now()).await.unwrap());
    let seen = store.servers().await.unwrap()[1].clone();
    assert_eq!((&seen.settings, seen.status), (&moved, ServerStatus::Unknown));

    let refused = store.add_server(&settings("WEB"), None, now()).await.unwrap_err();
    assert!(matches!(refused, Error::Taken(name) if name == "WEB"));
    assert!(store.remove_server(gate).await.is_err(), "it is the way to another one");
    assert!(store.remove_server(web).await.unwrap() && !store.remove_server(web).await.unwrap());
    assert!(server(&store, &settings("web")).await > web);
    assert!(!store.set_server_status(web, ServerStatus::Online, now()).await.unwrap());
}

#[tokio::test]
async fn several_servers_come_together_or_not_at_all() {
    let dir = tempfile::tempdir().unwrap();
    let store = store(&dir).await;
    let twice = [settings("a"), settings("b"), settings("A")];
    assert!(matches!(store.add_servers(&twice, now()).await, Err(Error::Taken(_))));
    assert!(store.servers().await.unwrap().is_empty());
    assert_eq!(store.add_servers(&twice[..2], now()).await.unwrap().len(), 2);
}

#[tokio::test]
async fn of_two_first_host_keys_one_is_kept() {
    let dir = tempfile::tempdir().unwrap();
    let one = store(&dir).await;
    let web = server(&one, &settings("web")).await;
    let (a, b) = (host_key(web, "ssh-ed25519 AAAA"), host_key(web, "ssh-ed25519 BBBB"));
    let (first, second) = tokio::join!(one.add_host_key(&a, true), one.add_host_key(&b, true));
    let came = [first.unwrap(), second.unwrap()];
    assert_eq!(came.iter().filter(|came| matches!(came, Pinned::New(_))).count(), 1, "{came:?}");
    assert_eq!(came.iter().filter(|came| **came == Pinned::Other).count(), 1, "{came:?}");
    let kept = one.host_keys(web).await.unwrap();
    assert_eq!(kept.len(), 1);
    // The same again is known; an administrator may add the other one.
    assert_eq!(one.add_host_key(&kept[0], true).await.unwrap(), Pinned::Known(kept[0].id));
    let other = if kept[0].key == a.key { b } else { a };
    let Pinned::New(id) = one.add_host_key(&other, false).await.unwrap() else { panic!("it is new") };
    assert!(one.remove_host_key(id).await.unwrap() && !one.remove_host_key(id).await.unwrap());
    assert_eq!(one.add_host_key(&host_key(4711, "x"), true).await.unwrap(), Pinned::NoServer);
    assert!(one.remove_server(web).await.unwrap());
    assert!(one.host_key(kept[0].id).await.unwrap().is_none(), "its keys go with it");
}

#[tokio::test]
async fn groups_and_grants_go_with_what_they_are_about() {
    let dir = tempfile::tempdir().unwrap();
    let store = store(&dir).await;
    person(&store, "ada", Role::Admin).await;
    let bob = person(&store, "bob", Role::User).await;
    let web = server(&store, &settings("web")).await;
    let ops = store.add_group("ops", &[bob], now()).await.unwrap();
    assert!(matches!(store.add_group("OPS", &[], now()).await, Err(Error::Taken(_))));
    assert_eq!(store.groups().await.unwrap()[0].members, [bob]);

    let on = || GrantTarget::Server(web);
    let mut added = Vec::new();
    for grant in [
        grant(Grantee::User(bob), on()),
        grant(Grantee::Group(ops), on()),
        grant(Grantee::User(bob), GrantTarget::Tag("prod".to_owned())),
    ] {
        let id = store.add_grant(&grant).await.unwrap().unwrap();
        added.push(Grant { id, ..grant });
    }
    assert_eq!(store.grants().await.unwrap(), added);
    for gone in [
        grant(Grantee::User(4711), on()),
        grant(Grantee::Group(4711), on()),
        grant(Grantee::User(bob), GrantTarget::Server(4711)),
    ] {
        assert_eq!(store.add_grant(&gone).await.unwrap(), None, "{gone:?}");
    }
    assert!(store.remove_group(ops).await.unwrap());
    assert_eq!(store.grants().await.unwrap(), [added[0].clone(), added[2].clone()]);
    assert!(store.remove_server(web).await.unwrap());
    assert_eq!(store.grants().await.unwrap(), [added[2].clone()]);
    assert!(store.remove_grant(added[2].id).await.unwrap());
    assert!(store.grants().await.unwrap().is_empty());
}

#[tokio::test]
async fn a_credential_shows_which_secrets_it_has_and_changes_only_as_it_was_seen() {
    let dir = tempfile::tempdir().unwrap();
    let store = store(&dir).await;
    let about = credential("ops");
    let id = store.add_credential(&about, &sealed(b"sealed"), now()).await.unwrap();
    let shown = store.credential(id).await.unwrap().unwrap();
    assert_eq!((&shown.about, shown.version), (&about, 1));
    assert_eq!(shown.set, Set { password: true, ..Set::default() });
    let (_, secrets) = store.credential_with_secrets(id).await.unwrap().unwrap();
    assert_eq!(secrets, sealed(b"sealed"));
    assert!(matches!(
        store.add_credential(&credential("ops"), &sealed(b"x"), now()).await,
        Err(Error::Taken(_))
    ));

    let renamed = NewCredential { name: "deploy".to_owned(), ..about };
    assert!(store.change_credential((id, 1), &renamed, &Secrets::default(), later(1)).await.unwrap());
    let late = store.change_credential((id, 1), &credential("lost"), &sealed(b"x"), later(2)).await.unwrap();
    assert!(!late, "somebody has changed it meanwhile");
    let shown = store.credential(id).await.unwrap().unwrap();
    assert_eq!((&shown.about, shown.version, shown.set), (&renamed, 2, Set::default()));
    assert_eq!((shown.created, shown.changed), (now(), later(1)));
    assert!(store.remove_credential(id).await.unwrap());
    assert!(store.credential(id).await.unwrap().is_none());
}

#[tokio::test]
async fn a_server_and_its_own_credential_are_written_together_or_not_at_all() {
    let dir = tempfile::tempdir().unwrap();
    let store = store(&dir).await;
    let (about, secrets) = (credential("web"), sealed(b"sealed"));
    let own = OwnCredential { replaces: None, new: &about, secrets: &secrets };
    let web = store.add_server(&settings("web"), Some(own), now()).await.unwrap();
    let credential_id = store.servers().await.unwrap()[0].settings.default_credential.unwrap();
    assert_eq!(store.credential(credential_id).await.unwrap().unwrap().about.name, "web");
    let uses = store.credential_uses().await.unwrap();
    assert_eq!(uses, [(credential_id, "server web".to_owned())]);

    let used = store.remove_credential(credential_id).await.unwrap_err();
    assert!(matches!(used, Error::InUse(by) if by == "server web"));

    let other = credential("left over");
    let own = OwnCredential { replaces: None, new: &other, secrets: &secrets };
    assert!(store.add_server(&settings("web"), Some(own), now()).await.is_err());
    assert_eq!(store.credentials().await.unwrap().len(), 1, "nothing is left behind");
    assert!(store.remove_server(web).await.unwrap());
    assert!(store.remove_credential(credential_id).await.unwrap(), "nothing uses it now");
}

#[tokio::test]
async fn an_authority_certifies_hosts_or_people_and_not_the_other() {
    let dir = tempfile::tempdir().unwrap();
    let store = store(&dir).await;
    let authority = |name: &str, fingerprint: &str| Authority {
        id: 0,
        name: name.to_owned(),
        key: format!("ssh-ed25519 {fingerprint}"),
        fingerprint: fingerprint.to_owned(),
        created: now(),
        created_by: "ada".to_owned(),
    };
    let (first, again) = (authority("company", "SHA256:a"), authority("company", "SHA256:b"));
    for (of, other) in [(Certifies::Hosts, Certifies::People), (Certifies::People, Certifies::Hosts)] {
        let id = store.add_authority(of, &first).await.unwrap();
        assert_eq!(store.authorities(of).await.unwrap(), [Authority { id, ..first.clone() }]);
        assert_eq!(store.authorities(other).await.unwrap(), [], "{of:?}");
        let twice = store.add_authority(of, &first).await.unwrap_err();
        let same_name = store.add_authority(of, &again).await;
        match of {
            Certifies::Hosts => {
                assert!(matches!(twice, Error::Taken(what) if what == "SHA256:a"));
                assert!(store.remove_authority(of, same_name.unwrap()).await.unwrap());
            }
            Certifies::People => {
                assert!(matches!(twice, Error::Taken(what) if what == "company"));
                assert!(matches!(same_name, Err(Error::Taken(what)) if what == "company"));
            }
        }
        assert!(!store.remove_authority(other, id).await.unwrap());
        assert!(store.remove_authority(of, id).await.unwrap());
        assert!(!store.remove_authority(of, id).await.unwrap());
    }
}
