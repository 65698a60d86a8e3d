//! What the server keeps of sessions when the daemon dies under them.

use bastide_testkit::within;
use reqwest::{Client, Response};
use serde_json::{Value, json};

use crate::people_live::{PASSWORD, World};
use crate::site::pid_file;

/// Programs with a token of the first administrator's.
struct Program {
    client: Client,
    address: String,
    token: String,
}

impl Program {
    async fn get(&self, path: &str, range: Option<&str>) -> Response {
        let request = self.client.get(format!("{}{path}", self.address)).bearer_auth(&self.token);
        let request = match range {
            Some(range) => request.header("range", range),
            None => request,
        };
        request.send().await.unwrap()
    }

    async fn json(&self, path: &str) -> Value {
        self.get(path, None).await.json().await.unwrap()
    }

    async fn text(&self, path: &str) -> String {
        self.get(path, None).await.text().await.unwrap()
    }
}

#[tokio::test]
async fn kill_9_of_the_daemon_leaves_a_recording_that_is_replayed_up_to_its_last_second() {
    let world = World::start().await;
    assert_eq!(world.log_in(&["-u", "admin"], PASSWORD).await.code, 0);
    let token = world.ok(&["tokens", "create", "program"]).await.trim().to_owned();
    let client = Client::builder().tls_danger_accept_invalid_certs(true).build().unwrap();
    let program = Program { client, address: world.address.clone(), token };
    world.ok(&["new", "-d", "-n", "work", "--", "sh", "-c", "echo be''fore; exec cat"]).await;
    let uid = world.json(&["sessions", "--json"]).await[0]["uid"].as_str().unwrap().to_owned();
    let (one, cast) = (format!("/api/v1/recordings/{uid}"), format!("/api/v1/recordings/{uid}/cast"));
    within("the recording", async { while !program.text(&cast).await.contains("before") {} }).await;
    let written = program.text(&cast).await;

    let pid = std::fs::read_to_string(pid_file(world.dir()).unwrap()).unwrap();
    let pid = nix::unistd::Pid::from_raw(pid.trim().parse().unwrap());
    nix::sys::signal::kill(pid, nix::sys::signal::SIGKILL).unwrap();
    // The server starts another daemon, which says what was lost.
    within("the loss to be known", async { while program.json(&one).await["state"] != "lost" {} }).await;
    let lost = program.json(&one).await;
    assert_eq!((&lost["exit"], &lost["name"]), (&Value::Null, &json!("work")), "{lost}");
    assert!(lost["bytes"].as_u64().unwrap() > 0 && !lost["ended"].is_null(), "{lost}");
    let whole = program.text(&cast).await;
    assert!(whole.starts_with(&written) && whole.ends_with("]\n"), "{whole}");
    let mut pieces = String::new();
    while pieces.len() < whole.len() {
        let range = format!("bytes={}-{}", pieces.len(), pieces.len() + 63);
        let piece = program.get(&cast, Some(&range)).await;
        assert_eq!(piece.status(), 206);
        pieces.push_str(&piece.text().await.unwrap());
    }
    assert_eq!(pieces, whole);
    let session = program.json(&format!("/api/v1/sessions/{uid}")).await;
    assert_eq!(session["state"], "ended");
    let events = program.json(&format!("/api/v1/sessions/{uid}/events")).await;
    assert_eq!(events["events"].as_array().unwrap().last().unwrap()["type"], "session_lost");
    let ended = program.json("/api/v1/sessions?state=ended").await;
    assert_eq!(ended["sessions"][0]["uid"], json!(uid));
    world.end().await;
}
