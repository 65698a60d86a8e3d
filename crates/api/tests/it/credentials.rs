//! Credentials: their secrets go in and never come out.

use std::path::Path;
use std::process::Command;

use bastide_app::vault::{self, KeyFile, KeySource};
use bastide_app::{Clock, DataDir};
use serde_json::{Value, json};

use crate::world::{Person, Request, Response, World, within};

const PATH: &str = "/api/v1/credentials";

async fn add(admin: &Person, body: &Value) -> Response {
    admin.post(PATH, &body.to_string()).send().await
}

async fn change(admin: &Person, id: &Value, body: &Value) -> Response {
    admin.request("PATCH", &format!("{PATH}/{id}")).json(&body.to_string()).send().await
}

/// A new private key: its text, and its public line.
fn key(dir: &Path, name: &str, passphrase: &str) -> (String, String) {
    let path = dir.join(name);
    let made = Command::new("ssh-keygen")
        .args(["-q", "-t", "ed25519", "-a", "1", "-C", "", "-N", passphrase, "-f"])
        .arg(&path)
        .status();
    assert!(made.expect("OpenSSH's ssh-keygen is there").success());
    let read = |path: &Path| std::fs::read_to_string(path).unwrap().trim().to_owned();
    (read(&path), read(&path.with_extension("pub")))
}

#[tokio::test]
async fn a_credential_is_made_changed_and_removed() {
    let world = World::start().await;
    let admin = world.log_in().await;
    let made =
        add(&admin, &json!({"name": "ops", "username": "root", "kind": "password", "password": "hunter2"}))
            .await;
    assert_eq!(made.status, 201, "{}", made.body);
    let one = made.json();
    assert_eq!(made.header("location"), Some(format!("{PATH}/{}", one["id"]).as_str()));
    assert_eq!(
        one["set"],
        json!({"password": true, "key": false, "passphrase": false, "certificate": false})
    );
    assert_eq!((&one["username"], &one["used_by"]), (&json!("root"), &json!([])));
    let again = add(&admin, &json!({"name": "ops", "username": "x", "kind": "ask"})).await;
    assert_eq!((again.status, again.problem().as_str()), (409, "name_taken"));
    let renamed = change(&admin, &one["id"], &json!({"name": "ops 2"})).await;
    assert_eq!((renamed.status, &renamed.json()["name"]), (200, &json!("ops 2")), "{}", renamed.body);
    // What does not fit another kind goes.
    let asked = change(&admin, &one["id"], &json!({"kind": "ask"})).await.json();
    assert_eq!((&asked["kind"], &asked["set"]["password"]), (&json!("ask"), &json!(false)));
    add(&admin, &json!({"name": "a", "username": "x", "kind": "ask"})).await;
    let list = admin.get(&format!("{PATH}?limit=1")).send().await.json();
    assert_eq!(list["credentials"][0]["name"], "a");
    let next = list["next"].as_str().unwrap();
    let rest = admin.get(&format!("{PATH}?cursor={next}")).send().await.json();
    assert_eq!((&rest["credentials"][0]["name"], &rest["next"]), (&json!("ops 2"), &Value::Null));
    let path = format!("{PATH}/{}", one["id"]);
    assert_eq!(admin.request("DELETE", &path).send().await.status, 204);
    let gone = admin.get(&path).send().await;
    assert_eq!((gone.status, gone.problem().as_str()), (404, "credential_not_found"));
    world.end().await;
}

#[tokio::test]
async fn what_cannot_log_in_anywhere_is_refused_and_not_repeated() {
    let world = World::start().await;
    let admin = world.log_in().await;
    let dir = tempfile::tempdir().unwrap();
    let (text, public) = key(dir.path(), "plain", "");
    let (locked, _) = key(dir.path(), "locked", "open sesame");
    for (body, word) in [
        (json!({"kind": "password"}), "password"),
        (json!({"kind": "password", "password": ""}), "password"),
        (json!({"kind": "password", "password": "x\u{0}"}), "password"),
        (json!({"kind": "password", "password": "x".repeat(5000)}), "password"),
        (json!({"kind": "ask", "password": "geheim-7"}), "password"),
        (json!({"kind": "password", "password": "x", "key": text}), "key"),
        (json!({"kind": "key"}), "key"),
        (json!({"kind": "key", "key": "geheim-7"}), "key"),
        (json!({"kind": "key", "key": public}), "public"),
        (json!({"kind": "key", "key": locked, "passphrase": "geheim-7"}), "passphrase"),
        (json!({"kind": "key", "key": text, "passphrase": "geheim-7"}), "passphrase"),
        (json!({"kind": "key", "key": text, "certificate": "geheim-7"}), "certificate"),
        (json!({"kind": "ask", "username": ""}), "username"),
        (json!({"kind": "ask", "name": " x"}), "name"),
    ] {
        let mut whole = json!({"name": "bad", "username": "root"});
        whole.as_object_mut().unwrap().extend(body.as_object().unwrap().clone());
        let refused = add(&admin, &whole).await;
        assert_eq!((refused.status, refused.problem().as_str()), (422, "invalid"), "{body}");
        assert!(refused.body.contains(word) && !refused.body.contains("geheim"), "{}", refused.body);
    }
    for body in [
        r#"{"name":"a","username":"b","kind":"password","password":4711471147}"#,
        r#"{"name":"a","username":"b","kind":"password","password":["4711471147"]}"#,
        r#"{"name":"a","username":"b","kind":"password","password":"4711471147}"#,
    ] {
        let refused = admin.post(PATH, body).send().await;
        assert_eq!(refused.status, 400);
        assert!(!refused.body.contains("4711"), "{}", refused.body);
    }
    world.end().await;
}

#[tokio::test]
async fn a_private_key_tells_its_public_half_and_takes_its_passphrase_along() {
    let world = World::start().await;
    let admin = world.log_in().await;
    let dir = tempfile::tempdir().unwrap();
    let (locked, public) = key(dir.path(), "locked", "open sesame");
    let body =
        json!({"name": "k", "username": "root", "kind": "key", "key": locked, "passphrase": "open sesame"});
    let made = add(&admin, &body).await;
    assert_eq!(made.status, 201, "{}", made.body);
    let one = made.json();
    assert_eq!(one["public_key"], public.as_str());
    assert!(one["fingerprint"].as_str().unwrap().starts_with("SHA256:"));
    let wrong = change(&admin, &one["id"], &json!({"passphrase": "open barley"})).await;
    assert_eq!(wrong.status, 422, "the stored key is tried with it: {}", wrong.body);
    // Without it the person is asked.
    let asked = change(&admin, &one["id"], &json!({"passphrase": null})).await.json();
    assert_eq!((&asked["set"]["passphrase"], &asked["public_key"]), (&json!(false), &one["public_key"]));
    change(&admin, &one["id"], &json!({"passphrase": "open sesame"})).await;
    let (other, other_public) = key(dir.path(), "other", "");
    let other = change(&admin, &one["id"], &json!({"key": other})).await.json();
    assert_eq!((&other["public_key"], &other["set"]["passphrase"]), (&json!(other_public), &json!(false)));
    world.end().await;
}

#[tokio::test]
async fn only_administrators_know_of_credentials() {
    let world = World::start().await;
    let admin = world.log_in().await;
    let bob = world.user(&admin, "bob", "user").await;
    add(&admin, &json!({"name": "ops", "username": "root", "kind": "ask"})).await;
    let reader = admin.token("read").await;
    for (method, path) in
        [("GET", PATH), ("POST", PATH), ("GET", "/api/v1/credentials/1"), ("DELETE", "/api/v1/credentials/1")]
    {
        let refused =
            bob.request(method, path).json(r#"{"name":"x","username":"y","kind":"ask"}"#).send().await;
        assert_eq!((refused.status, refused.problem().as_str()), (403, "forbidden"), "{method} {path}");
        let reading = Request::new(world.address, method, path)
            .header("authorization", &reader)
            .json(r#"{"name":"x","username":"y","kind":"ask"}"#)
            .send()
            .await;
        assert_eq!(reading.status, if method == "GET" { 200 } else { 403 }, "{method} {path}");
    }
    world.end().await;
}

/// Every file below, as one.
fn files(dir: &Path) -> Vec<u8> {
    let mut all = Vec::new();
    for entry in std::fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            all.extend(files(&path));
        } else if path.is_file() {
            all.extend(std::fs::read(&path).unwrap());
        }
    }
    all
}

fn holds(haystack: &[u8], needle: &str) -> bool {
    haystack.windows(needle.len()).any(|part| part == needle.as_bytes())
}

#[tokio::test]
async fn a_secret_is_in_no_answer_no_log_and_no_file() {
    let world = World::start().await;
    let admin = world.log_in().await;
    let dir = tempfile::tempdir().unwrap();
    let (text, _) = key(dir.path(), "k", "pass-phrase-4711");
    // From the middle of the key: what is common to all keys is no secret.
    let key_part = text.lines().rev().nth(2).unwrap().to_owned();
    let secrets = ["pass-word-4711", "pass-phrase-4711", "other-word-4711", key_part.as_str()];
    let mut answers = Vec::new();
    for body in [
        json!({"name": "p", "username": "root", "kind": "password", "password": secrets[0]}),
        json!({"name": "k", "username": "root", "kind": "key", "key": text, "passphrase": secrets[1]}),
        json!({"name": "i", "username": "root", "kind": "keyboard_interactive", "password": secrets[2]}),
        json!({"name": "p", "username": "root", "kind": "password", "password": secrets[0]}),
        json!({"name": "bad", "username": "root", "kind": "key", "key": text, "passphrase": secrets[0]}),
    ] {
        answers.push(add(&admin, &body).await);
    }
    assert_eq!(answers.iter().map(|answer| answer.status).collect::<Vec<_>>(), [201, 201, 201, 409, 422]);
    let id = answers[0].json()["id"].clone();
    answers.push(change(&admin, &id, &json!({"password": secrets[2]})).await);
    for path in [PATH.to_owned(), format!("{PATH}/{id}"), "/metrics".to_owned(), "/api/v1/me".to_owned()] {
        answers.push(admin.get(&path).send().await);
    }
    let sealed = |world: &World| {
        let kept = files(&world.data());
        for secret in secrets {
            assert!(!holds(&kept, secret), "{secret} lies in the data directory");
        }
        assert!(holds(&kept, "credential_create"), "the log is there");
    };
    sealed(&world);
    world.stop_server().await;
    sealed(&world);
    for secret in secrets {
        for answer in &answers {
            assert!(!answer.body.contains(secret), "{secret} is in {}", answer.body);
        }
    }
    world.end().await;
}

#[tokio::test]
async fn the_master_key_changes_while_the_server_runs_and_the_next_one_finds_it() {
    let mut world = World::start().await;
    let admin = world.log_in().await;
    let dir = tempfile::tempdir().unwrap();
    let (locked, _) = key(dir.path(), "locked", "open sesame");
    let body =
        json!({"name": "k", "username": "root", "kind": "key", "key": locked, "passphrase": "open sesame"});
    let id = add(&admin, &body).await.json()["id"].clone();
    // Reads every secret of it, and fails where one does not open.
    let opens = async |admin: &Person, name: &str| change(admin, &id, &json!({"name": name})).await.status;

    let file = KeyFile::new(world.data().join(vault::KEY_FILE));
    let before = file.read().unwrap().id();
    let data = DataDir::open(world.data()).unwrap();
    let now = Clock::system().now();
    let source = KeySource::File(file.clone());
    let rotated = vault::rotate_from_elsewhere(&data, source.clone(), None, now);
    let rotated = within("the other key", rotated).await.unwrap();
    assert_eq!((rotated.secrets, rotated.version), (2, 2));
    assert_eq!(file.read().unwrap().id().to_string(), rotated.to);
    assert_eq!(KeyFile::new(rotated.kept.unwrap()).read().unwrap().id(), before);
    assert_eq!(opens(&admin, "k2").await, 200);
    let known = vault::status(&data, &source).await.unwrap().unwrap();
    assert_eq!((known.fault, known.key_id), (None, rotated.to));

    world.restart_server().await;
    let admin = Person { cookie: admin.cookie, address: world.address };
    assert_eq!(opens(&admin, "k3").await, 200);
    world.end().await;
}
