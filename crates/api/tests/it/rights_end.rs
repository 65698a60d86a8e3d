//! Commands of the API end with the right to run them, as everything else does.

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use crate::files::Site;
use crate::servers::id_of;
use crate::world::{Person, Response, within};

/// Writes its number, and would go on for an hour without a look at its channel.
fn command(site: &Site) -> String {
    format!("echo before; echo $$ > {0}; mv {0} {1}; exec sleep 3600", site.path("new"), site.path("pid"))
}

async fn run(site: &Site, who: &Person) -> Response {
    let body = json!({ "command": command(site), "timeout_seconds": 3600 }).to_string();
    who.post(&format!("/api/v1/servers/{}/execute", site.server["id"]), &body).send().await
}

async fn started(site: &Site) -> String {
    within("the command", async {
        loop {
            if let Ok(number) = std::fs::read_to_string(site.path("pid")) {
                return number.trim().to_owned();
            }
            tokio::task::yield_now().await;
        }
    })
    .await
}

/// Its process is gone, or nobody has taken its last word yet.
async fn gone(number: &str) {
    within("the end of its process", async {
        loop {
            match std::fs::read_to_string(format!("/proc/{number}/stat")) {
                Ok(stat) if !stat.contains(") Z ") => tokio::task::yield_now().await,
                _ => return,
            }
        }
    })
    .await;
}

fn phase<'a>(log: &'a [Value], phase: &str) -> &'a Value {
    log.iter().find(|entry| entry["phase"] == phase).unwrap_or_else(|| panic!("no {phase} in {log:?}"))
}

#[tokio::test]
async fn a_command_ends_when_the_right_to_it_is_taken_away() {
    let site = Site::start().await;
    let (bob, grant) = site.user(&["execute", "observe"]).await;
    let (answer, number) = tokio::join!(within("its answer", run(&site, &bob)), async {
        let number = started(&site).await;
        // They keep another right, so they are told what they lack.
        let keeps =
            json!({ "user_id": id_of(&bob).await, "server_id": site.server["id"], "rights": ["observe"] });
        assert_eq!(site.admin.post("/api/v1/grants", &keeps.to_string()).send().await.status, 201);
        let path = format!("/api/v1/grants/{grant}");
        assert_eq!(site.admin.request("DELETE", &path).send().await.status, 204);
        number
    });
    assert_eq!((answer.status, answer.problem().as_str()), (403, "forbidden"), "{}", answer.body);
    gone(&number).await;
    let log = site.logged("server_execute");
    assert!(phase(&log, "failed")["why"].as_str().unwrap().contains("execute"), "{log:?}");
    let output = phase(&log, "output");
    assert_eq!(
        (&output["lost"], &output["stdout_bytes"]),
        (&json!("it was stopped"), &json!(7)),
        "nothing is lost"
    );
    let recording = site.admin.get(&format!("/api/v1/recordings/{}", output["recording"].as_str().unwrap()));
    assert_eq!(recording.send().await.status, 200);
    site.end().await;
}

#[tokio::test]
async fn a_command_ends_when_its_grant_expires() {
    let site = Site::start().await;
    let bob = site.bob().await;
    let ends = Timestamp::now() + SignedDuration::from_secs(4);
    let (id, server) = (id_of(&bob).await, &site.server["id"]);
    let grant =
        json!({ "user_id": id, "server_id": server, "rights": ["execute"], "expires": ends.to_string() });
    assert_eq!(site.admin.post("/api/v1/grants", &grant.to_string()).send().await.status, 201);
    let (answer, number) = tokio::join!(within("its answer", run(&site, &bob)), started(&site));
    assert_eq!((answer.status, answer.problem().as_str()), (404, "server_not_found"), "{}", answer.body);
    gone(&number).await;
    let log = site.logged("server_execute");
    let at: Timestamp = phase(&log, "failed")["at"].as_str().unwrap().parse().unwrap();
    assert!(at >= ends, "not before its time: {at} {ends}");
    site.end().await;
}

#[tokio::test]
async fn a_command_ends_when_the_token_that_began_it_expires() {
    let site = Site::start().await;
    let token = site.admin.token("full").await;
    // A few seconds before its end.
    let days = 24 * 3600 * i64::from(bastide_app::tokens::DEFAULT_DAYS);
    site.world.ahead.store(days - 4, std::sync::atomic::Ordering::SeqCst);
    let body = json!({ "command": command(&site), "timeout_seconds": 3600 }).to_string();
    let path = format!("/api/v1/servers/{}/execute", site.server["id"]);
    let request = site.world.post(&path, &body).header("authorization", &token);
    let (answer, number) = tokio::join!(within("its answer", request.send()), started(&site));
    assert_eq!((answer.status, answer.problem().as_str()), (401, "not_logged_in"), "{}", answer.body);
    gone(&number).await;
    site.end().await;
}
