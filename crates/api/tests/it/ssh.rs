//! A terminal on a server, from the page's side: its questions, and who may answer them.

use bastide_testkit::{SshServer, SshServerOptions};
use serde_json::{Value, json};

use crate::servers::{id_of, server};
use crate::socket::Socket;
use crate::world::{Person, World, within};

pub(crate) async fn session(person: &Person, server: &Value) -> String {
    let body = json!({ "server_id": server["id"], "cols": 80, "rows": 24 }).to_string();
    let made = person.post("/api/v1/sessions", &body).send().await;
    assert_eq!(made.status, 201, "{}", made.body);
    made.json()["uid"].as_str().unwrap().to_owned()
}

async fn keys(person: &Person, server: &Value) -> usize {
    let listed = person.get(&format!("/api/v1/servers/{}/host-keys", server["id"])).send().await.json();
    listed.as_object().unwrap().values().find_map(Value::as_array).unwrap().len()
}

#[tokio::test]
async fn a_host_key_is_shown_kept_when_it_is_accepted_and_not_asked_about_again() {
    let world = World::start().await;
    let admin = world.log_in().await;
    let far = SshServer::start(SshServerOptions::default().password("s3cret")).await;
    let body = json!({
        "name": "far", "host": "127.0.0.1", "port": far.port(), "username": "ann", "password": "s3cret",
    });
    let made = server(&admin, &body.to_string()).await;
    let uid = session(&admin, &made).await;
    let mut page = Socket::binary(&admin, &uid, "client=a&fresh=1").await;
    let question = page.hear("prompt").await;
    assert_eq!((&question["kind"], &question["server"]), (&json!("host_key"), &json!("far")));
    assert_eq!(question["key"]["key"], far.host_key());
    let shown = admin.get(&format!("/api/v1/sessions/{uid}")).send().await.json();
    assert_eq!(shown["state"], "connecting", "{shown}");
    assert_eq!(keys(&admin, &made).await, 0);

    // Who only looks on is not asked, and cannot answer.
    let mut watcher = Socket::binary(&admin, &uid, "client=b&watch=1").await;
    watcher.hear("hello").await;
    let reply =
        json!({ "type": "prompt_reply", "prompt_id": question["prompt_id"], "accept": true }).to_string();
    watcher.say(&reply).await;
    while watcher.hear("notice").await["kind"] != "prompt" {}
    assert_eq!(keys(&admin, &made).await, 0);

    page.input(1, "typed early\r").await;
    page.say(&reply).await;
    assert_eq!(page.hear("prompt_closed").await["prompt_id"], question["prompt_id"]);
    page.sees("typed early").await;
    assert_eq!(keys(&admin, &made).await, 1);
    // What the server knows of it comes from the daemon's log, a moment later.
    let path = format!("/api/v1/sessions/{uid}/events");
    let events = within("its events", async {
        loop {
            let events = admin.get(&path).send().await.body;
            if events.contains("session_created") {
                return events;
            }
        }
    })
    .await;
    assert!(!events.contains("s3cret"), "{events}");

    let uid = session(&admin, &made).await;
    let mut page = Socket::binary(&admin, &uid, "client=c&fresh=1").await;
    page.sees("ready>").await;
    world.end().await;
}

#[tokio::test]
async fn the_key_that_a_server_shows_is_told_and_not_kept() {
    let world = World::start().await;
    let admin = world.log_in().await;
    let bob = world.user(&admin, "bob", "user").await;
    let far = SshServer::start(SshServerOptions::default().password("s3cret")).await;
    // Without a credential: nobody is logged in there.
    let body = json!({ "name": "far", "host": "127.0.0.1", "port": far.port() });
    let made = server(&admin, &body.to_string()).await;
    let path = format!("/api/v1/servers/{}/host-keys", made["id"]);
    let scan = format!("{path}/scan");
    let shown = admin.post(&scan, "{}").send().await;
    assert_eq!(shown.status, 200, "{}", shown.body);
    let shown = shown.json();
    assert_eq!((&shown["key"], &shown["accepted"]), (&json!(far.host_key()), &json!(false)));
    assert!(shown["fingerprint"].as_str().unwrap().starts_with("SHA256:"));
    assert_eq!((keys(&admin, &made).await, far.logins()), (0, 0));
    let pinned = admin.post(&path, &json!({ "key": shown["key"] }).to_string()).send().await;
    assert_eq!(pinned.status, 201, "{}", pinned.body);
    assert_eq!(admin.post(&scan, "{}").send().await.json()["accepted"], true);
    assert_eq!(bob.post(&scan, "{}").send().await.problem(), "server_not_found");
    let dead = server(&admin, r#"{"name":"dead","host":"127.0.0.1","port":1}"#).await;
    let dead = admin.post(&format!("/api/v1/servers/{}/host-keys/scan", dead["id"]), "{}").send().await;
    assert_eq!((dead.status, dead.problem().as_str()), (502, "ssh_failed"));
    world.end().await;
}

#[tokio::test]
async fn whoever_loses_the_right_to_a_server_is_out_at_once_and_the_terminal_ends() {
    let world = World::start().await;
    let admin = world.log_in().await;
    let user = world.user(&admin, "bob", "user").await;
    let far = SshServer::start(SshServerOptions::default().password("s3cret")).await;
    let body = json!({
        "name": "far", "host": "127.0.0.1", "port": far.port(), "username": "ann", "password": "s3cret",
    });
    let made = server(&admin, &body.to_string()).await;
    let keys = format!("/api/v1/servers/{}/host-keys", made["id"]);
    let pinned = admin.post(&keys, &json!({ "key": far.host_key() }).to_string()).send().await;
    assert_eq!(pinned.status, 201, "{}", pinned.body);
    let grant = json!({ "user_id": id_of(&user).await, "server_id": made["id"] }).to_string();
    let grant = admin.post("/api/v1/grants", &grant).send().await.json();
    let uid = session(&user, &made).await;
    let mut page = Socket::binary(&user, &uid, "client=a&fresh=1").await;
    page.sees("ready>").await;

    let path = format!("/api/v1/grants/{}", grant["id"]);
    assert_eq!(admin.request("DELETE", &path).send().await.status, 204);
    let path = format!("/api/v1/sessions/{uid}");
    // Not there while it still ends; after that it is what they once had.
    let seen = user.get(&path).send().await;
    assert!(seen.status == 404 || seen.json()["state"] == "ended", "{}", seen.body);
    assert_eq!(page.hear("notice").await["kind"], "ending", "they are told why");
    let closed = page.ends().await;
    assert!(matches!(closed, Some(4404 | 1000)), "{closed:?}");
    let ended = async { while admin.get(&path).send().await.json()["state"] != "ended" {} };
    within("its end", ended).await;
    // It is written down once the daemon has answered.
    let entry = async {
        while world.logged("session_right_ended").is_empty() {
            tokio::task::yield_now().await;
        }
    };
    within("its entry", entry).await;
    let ended = world.logged("session_right_ended");
    assert_eq!(
        (ended.len(), &ended[0]["uid"], &ended[0]["owner"]),
        (1, &json!(uid), &json!("bob")),
        "{ended:?}"
    );
    world.end().await;
}
