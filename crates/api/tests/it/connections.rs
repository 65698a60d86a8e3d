//! The connections of both pools, as administrators see them.

use bastide_testkit::{SshServer, SshServerOptions};
use serde_json::{Value, json};

use crate::metrics::{scrape, value};
use crate::servers::server;
use crate::socket::Socket;
use crate::ssh::session;
use crate::world::{Person, World, within};

const PATH: &str = "/api/v1/connections";

async fn list(person: &Person) -> Value {
    let listed = person.get(PATH).send().await;
    assert_eq!(listed.status, 200, "{}", listed.body);
    listed.json()
}

/// A server with its key accepted.
async fn reach(admin: &Person, far: &SshServer) -> Value {
    let body = json!({
        "name": "far", "host": "127.0.0.1", "port": far.port(), "username": "ann", "password": "s3cret",
    });
    let made = server(admin, &body.to_string()).await;
    let keys = format!("/api/v1/servers/{}/host-keys", made["id"]);
    let pinned = admin.post(&keys, &json!({ "key": far.host_key() }).to_string()).send().await;
    assert_eq!(pinned.status, 201, "{}", pinned.body);
    made
}

#[tokio::test]
async fn terminals_and_commands_are_listed_counted_and_ended_apart() {
    let world = World::start().await;
    let admin = world.log_in().await;
    let far = SshServer::start(SshServerOptions::default().password("s3cret")).await;
    let made = reach(&admin, &far).await;
    assert_eq!(list(&admin).await, json!({ "connections": [], "terminals": "listed" }));
    let uid = session(&admin, &made).await;
    let mut page = Socket::binary(&admin, &uid, "client=a&fresh=1").await;
    page.sees("ready>").await;
    let checked = admin.post(&format!("/api/v1/servers/{}/execute", made["id"]), r#"{"command":"true"}"#);
    assert_eq!(checked.send().await.status, 200);

    let listed = list(&admin).await;
    let all = listed["connections"].as_array().unwrap();
    let of = |pool: &str| all.iter().find(|one| one["pool"] == pool).unwrap();
    assert_eq!(all.len(), 2, "{listed}");
    let (terminals, commands) = (of("terminals"), of("commands"));
    assert_eq!((&terminals["server"], &terminals["channels"]), (&json!("far"), &json!(1)), "{listed}");
    assert_eq!((&terminals["username"], &terminals["port"]), (&json!("ann"), &json!(far.port())));
    assert!(terminals["since"].is_string() && terminals["idle_since"].is_null(), "{listed}");
    assert!(!listed.to_string().contains(&uid) && !listed.to_string().contains("s3cret"), "{listed}");

    let text = scrape(&admin).await;
    for pool in ["terminals", "commands"] {
        let series = |name: &str| value(&text, &format!("bastide_ssh_{name}{{pool=\"{pool}\"}}"));
        assert_eq!((series("connections"), series("dials_total")), (Some(1.0), Some(1.0)), "{text}");
        assert_eq!(series("dial_failures_total"), Some(0.0));
    }
    assert_eq!(value(&text, "bastide_ssh_channels{pool=\"terminals\"}"), Some(1.0));

    // Ids of the two pools have nothing to do with each other.
    let end =
        async |pool: &str, id: &Value| admin.request("DELETE", &format!("{PATH}/{id}{pool}")).send().await;
    assert_eq!(end("", &commands["id"]).await.status, 204);
    assert_eq!(end("", &commands["id"]).await.problem(), "connection_not_found");
    assert_eq!(list(&admin).await["connections"].as_array().unwrap().len(), 1);
    assert_eq!(end("?pool=others", &terminals["id"]).await.status, 400);
    assert_eq!(end("?pool=terminals", &json!(4711)).await.problem(), "connection_not_found");
    assert_eq!(end("?pool=terminals", &terminals["id"]).await.status, 204);
    let path = format!("/api/v1/sessions/{uid}");
    let ended = async { while admin.get(&path).send().await.json()["state"] != "ended" {} };
    within("its end", ended).await;
    assert_eq!(list(&admin).await["connections"], json!([]));
    world.end().await;
}

#[tokio::test]
async fn a_dial_that_fails_is_counted_where_it_was_tried() {
    let world = World::start().await;
    let admin = world.log_in().await;
    let body = r#"{"name":"dead","host":"127.0.0.1","port":1,"username":"ann","password":"x"}"#;
    let made = server(&admin, body).await;
    let uid = session(&admin, &made).await;
    let path = format!("/api/v1/sessions/{uid}");
    let ended = async { while admin.get(&path).send().await.json()["state"] != "ended" {} };
    within("its end", ended).await;
    let text = scrape(&admin).await;
    let failures = |pool: &str| value(&text, &format!("bastide_ssh_dial_failures_total{{pool=\"{pool}\"}}"));
    assert_eq!((failures("terminals"), failures("commands")), (Some(1.0), Some(0.0)), "{text}");
    world.end().await;
}

#[tokio::test]
async fn an_older_daemon_and_one_that_is_away_are_said() {
    let mut world = World::start_older("connections").await;
    let admin = world.log_in().await;
    let far = SshServer::start(SshServerOptions::default().password("s3cret")).await;
    let made = reach(&admin, &far).await;
    // Its terminals are as always.
    let uid = session(&admin, &made).await;
    let mut page = Socket::binary(&admin, &uid, "client=a&fresh=1").await;
    page.sees("ready>").await;
    assert_eq!(list(&admin).await, json!({ "connections": [], "terminals": "not_told" }));
    let text = scrape(&admin).await;
    assert_eq!(value(&text, "bastide_ssh_connections{pool=\"commands\"}"), Some(0.0));
    assert!(!text.contains("pool=\"terminals\""), "{text}");
    let refused = admin.request("DELETE", &format!("{PATH}/1?pool=terminals")).send().await;
    assert_eq!(refused.status, 503, "{}", refused.body);
    drop(page);
    world.daemon.take().unwrap().stop().await;
    let gone = async { while list(&admin).await["terminals"] != "unreachable" {} };
    within("the daemon to be away", gone).await;
    world.end().await;
}
