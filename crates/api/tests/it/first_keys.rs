//! Two people who are the first to see a server, and are shown different keys.

use bastide_testkit::{SshServer, SshServerOptions};
use serde_json::{Value, json};
use tokio::net::{TcpListener, TcpStream};

use crate::servers::{id_of, server};
use crate::socket::Socket;
use crate::ssh::session;
use crate::world::World;

/// One address with two machines behind it, in turn: as a name that leads to a cluster, or to an attacker.
async fn in_turn(ports: [u16; 2]) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        for to in ports.into_iter().cycle() {
            let Ok((mut near, _)) = listener.accept().await else { return };
            tokio::spawn(async move {
                let mut far = TcpStream::connect(("127.0.0.1", to)).await.unwrap();
                tokio::io::copy_bidirectional(&mut near, &mut far).await.ok();
            });
        }
    });
    port
}

#[tokio::test]
async fn of_two_first_keys_that_are_accepted_at_once_one_is_kept_and_the_other_one_connects_nobody() {
    let world = World::start().await;
    let admin = world.log_in().await;
    let bob = world.user(&admin, "bob", "user").await;
    let options = || SshServerOptions::default().password("s3cret");
    let (one, two) = (SshServer::start(options()).await, SshServer::start(options()).await);
    let port = in_turn([one.port(), two.port()]).await;
    let body = json!({
        "name": "far", "host": "127.0.0.1", "port": port, "username": "ann", "password": "s3cret",
    });
    let made = server(&admin, &body.to_string()).await;
    let grant = json!({ "user_id": id_of(&bob).await, "server_id": made["id"] }).to_string();
    assert_eq!(admin.post("/api/v1/grants", &grant).send().await.status, 201);

    let (mine, theirs) = (session(&admin, &made).await, session(&bob, &made).await);
    let mut mine = Socket::binary(&admin, &mine, "client=a&fresh=1").await;
    let mut theirs = Socket::binary(&bob, &theirs, "client=b&fresh=1").await;
    let questions = [mine.hear("prompt").await, theirs.hear("prompt").await];
    assert_ne!(questions[0]["key"]["key"], questions[1]["key"]["key"]);
    let reply = |question: &Value| {
        json!({ "type": "prompt_reply", "prompt_id": question["prompt_id"], "accept": true }).to_string()
    };
    let (first, second) = (reply(&questions[0]), reply(&questions[1]));
    tokio::join!(mine.say(&first), theirs.say(&second));

    // Which of them is the first is chance; whoever it is not is told why, and has no shell.
    let is_refusal = |message: &Value| message["type"] == "notice" && message["kind"] == "prompt";
    let (mine_refused, theirs_refused) =
        tokio::join!(mine.sees_or_hears("ready>", is_refusal), theirs.sees_or_hears("ready>", is_refusal),);
    let refusals: Vec<_> = [&mine_refused, &theirs_refused].into_iter().flatten().collect();
    assert_eq!(refusals.len(), 1, "{refusals:?}");
    assert!(refusals[0]["text"].as_str().unwrap().contains("another host key was accepted"), "{refusals:?}");
    let (kept, loser) = if theirs_refused.is_some() { (0, &mut theirs) } else { (1, &mut mine) };
    let keys = admin.get(&format!("/api/v1/servers/{}/host-keys", made["id"])).send().await.json();
    let keys: Vec<_> = keys["items"].as_array().unwrap().iter().map(|one| one["key"].clone()).collect();
    assert_eq!(keys, [questions[kept]["key"]["key"].clone()]);
    let exit = loser.hear("exit").await;
    assert_eq!(exit["code"], 255, "its dial has failed: {exit}");
    assert_eq!(one.logins() + two.logins(), 1, "nobody has logged in by the other key");
    world.end().await;
}
