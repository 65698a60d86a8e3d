//! Rules on commands, and what they keep from running.

use bastide_app::store::{Decision, Opened, RecordingState, Review, Step, Store};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::world::{Person, Response, World};

const NO_REBOOT: &str = r#"{"version":1,"rules":[
    {"id":"no-reboot","priority":10,"action":"deny","match":{"programs":["reboot"]},
     "reason":{"en":"not in the daytime","zh":"白天不行"}},
    {"id":"ask","priority":20,"action":"review","match":{"programs":["systemctl"]}}]}"#;

async fn put(person: &Person, rules: &str, version: i64) -> Response {
    let body = format!(r#"{{"rules":{rules},"note":"a test"}}"#);
    let request = person.request("PUT", "/api/v1/rules").json(&body);
    request.header("if-match", &format!("\"{version}\"")).send().await
}

async fn version(person: &Person) -> i64 {
    person.get("/api/v1/rules").send().await.json()["version"].as_i64().unwrap()
}

#[tokio::test]
async fn rules_are_saved_over_the_version_that_was_seen() {
    let world = World::start().await;
    let admin = world.log_in().await;
    let first = admin.get("/api/v1/rules").send().await;
    assert_eq!((first.status, first.header("etag")), (200, Some("\"1\"")));
    assert_eq!(first.json()["author"], Value::Null);
    assert!(first.json()["ready_groups"].as_array().is_some_and(|groups| !groups.is_empty()));

    let body = format!(r#"{{"rules":{NO_REBOOT}}}"#);
    let blind = admin.request("PUT", "/api/v1/rules").json(&body).send().await;
    assert_eq!((blind.status, blind.problem().as_str()), (428, "precondition_required"));
    let saved = put(&admin, NO_REBOOT, 1).await;
    assert_eq!((saved.status, saved.header("etag")), (200, Some("\"2\"")), "{}", saved.body);
    assert_eq!(saved.json()["author"], "admin");
    let late = put(&admin, NO_REBOOT, 1).await;
    assert_eq!((late.status, late.problem().as_str()), (412, "changed_meanwhile"));

    let bad = r#"{"version":1,"rules":[{"id":"A B","priority":0,"action":"deny","match":{}}]}"#;
    let refused = put(&admin, bad, 2).await;
    assert_eq!((refused.status, refused.problem().as_str()), (422, "invalid_rules"));
    let places: Vec<_> =
        refused.json()["faults"].as_array().unwrap().iter().map(|f| f["place"].clone()).collect();
    assert!(places.contains(&json!("rules[0].priority")), "{places:?}");
    assert_eq!(version(&admin).await, 2);

    let diff = admin.get("/api/v1/rules/versions/1/diff").send().await.json();
    assert_eq!(diff["rules"]["added"].as_array().map(Vec::len), Some(2));
    let again = admin.post("/api/v1/rules/versions/1/restore", "{}").send().await;
    assert_eq!((again.status, again.json()["version"].as_i64()), (200, Some(3)), "{}", again.body);
    let listed = admin.get("/api/v1/rules/versions?limit=2").send().await.json();
    assert_eq!(listed["versions"][0]["note"], "version 1 again");
    assert!(listed["next"].is_string());
    let second = admin.get("/api/v1/rules/versions/2").send().await.json();
    assert_eq!(second["rules"]["rules"][0]["id"], "no-reboot");
    assert_eq!(admin.get("/api/v1/rules/versions/9").send().await.status, 404);
    world.end().await;
}

#[tokio::test]
async fn reviewers_read_and_try_and_change_nothing() {
    let world = World::start().await;
    let admin = world.log_in().await;
    let rob = world.user(&admin, "rob", "reviewer").await;
    let bob = world.user(&admin, "bob", "user").await;
    assert_eq!(put(&admin, NO_REBOOT, 1).await.status, 200);
    assert_eq!(rob.get("/api/v1/rules").send().await.status, 200);
    assert_eq!(put(&rob, NO_REBOOT, 2).await.status, 403);
    assert_eq!(rob.get("/api/v1/alerts").send().await.status, 200);
    assert_eq!(bob.get("/api/v1/rules").send().await.status, 403);
    let rights = rob.get("/api/v1/me").send().await.json()["rights"].clone();
    assert!(rights.as_array().unwrap().contains(&json!("review_decide")), "{rights}");

    let try_it = async |body: &str| rob.post("/api/v1/rules/try", body).send().await;
    let tried = try_it(r#"{"argv":["/sbin/reboot","-f"],"subject":{"user":"bob","door":"exec"}}"#).await;
    assert_eq!(tried.json()["verdict"]["action"], "deny", "{}", tried.body);
    assert_eq!(tried.json()["verdict"]["rule"], "no-reboot");
    let other = r#"{"line":"ls","rules":{"version":1,"default":{"action":"review"}}}"#;
    assert_eq!(try_it(other).await.json()["verdict"]["action"], "review");
    let scoped = r#"{"line":"ls","subject":{"user":"bob","door":"line"},
        "rules":{"version":1,"default":{"action":"deny"},
            "defaults":[{"scope":{"users":["eve"]},"action":"deny","unknown":"deny"},
                {"scope":{"users":["b*"]},"action":"alert","unknown":"deny"}]},
        "control":{"gate":"off","scopes":[{"scope":{"users":["bob"]},"gate":"closed","layers":["landlock"]}]}}"#;
    let tried = try_it(scoped).await.json();
    assert_eq!((&tried["verdict"]["action"], &tried["scoped_default"]), (&json!("alert"), &json!(1)));
    assert_eq!(tried["gate"], json!({ "gate": "closed", "layers": ["landlock"], "scope": 0 }));
    let tried = try_it(&scoped.replace("\"user\":\"bob\"", "\"user\":\"joe\"")).await.json();
    assert_eq!((&tried["verdict"]["action"], &tried["scoped_default"]), (&json!("deny"), &Value::Null));
    assert_eq!((&tried["gate"]["gate"], &tried["gate"]["scope"]), (&json!("off"), &Value::Null));
    assert_eq!(try_it(r#"{"subject":{"door":"line"}}"#).await.status, 422);
    assert_eq!(try_it(r#"{"line":"ls","subject":{"nobody":1}}"#).await.status, 422);
    assert_eq!(version(&rob).await, 2);
    world.end().await;
}

#[tokio::test]
async fn a_list_of_rules_is_taken_one_by_one_and_only_when_it_is_meant() {
    let world = World::start().await;
    let admin = world.log_in().await;
    let import = async |dry: bool| {
        let text = "id,priority,action,programs\na,1,deny,reboot\nb,0,deny,x\n";
        let body = json!({ "format": "csv", "text": text, "dry_run": dry }).to_string();
        admin.post("/api/v1/rules/import", &body).send().await.json()
    };
    let dry = import(true).await;
    assert_eq!((&dry["created"], &dry["version"]), (&json!(["a"]), &json!(1)));
    assert_eq!(dry["skipped"][0]["line"], 3);
    let done = import(false).await;
    assert_eq!((&done["created"], &done["version"]), (&json!(["a"]), &json!(2)));
    let again = import(false).await;
    assert_eq!((&again["unchanged"], &again["version"]), (&json!(1), &json!(2)));
    world.end().await;
}

#[tokio::test]
async fn a_command_is_judged_before_it_leaves() {
    let world = World::start().await;
    let admin = world.log_in().await;
    let server = r#"{"name":"somewhere","host":"192.0.2.1","username":"root","password":"x"}"#;
    let server = admin.post("/api/v1/servers", server).send().await.json()["id"].clone();
    assert_eq!(put(&admin, NO_REBOOT, 1).await.status, 200);
    let run = async |path: &str, command: &str| {
        let mut body = json!({ "command": command });
        if path == "/api/v1/servers" {
            body["review_seconds"] = json!(0);
        }
        let body = body.to_string();
        admin.post(&format!("{path}/{server}/execute"), &body).send().await
    };
    let refused = run("/api/v1/servers", "ls; sudo reboot -f").await;
    assert_eq!((refused.status, refused.problem().as_str()), (403, "command_refused"), "{}", refused.body);
    let told = refused.json();
    assert_eq!((&told["rule"], &told["reason"]["zh"]), (&json!("no-reboot"), &json!("命令被拦截: 白天不行")));
    let older = run("/api/servers", "reboot").await;
    assert_eq!((older.status, &older.json()["detail"]), (403, &json!("命令被拦截: 白天不行")));
    let held = run("/api/v1/servers", "systemctl stop x").await;
    assert_eq!((held.status, held.problem().as_str()), (409, "needs_review"), "{}", held.body);

    let alerts = admin.get("/api/v1/alerts").send().await.json();
    let refused = alerts["alerts"].as_array().unwrap().iter().filter(|one| one["kind"] == "deny");
    let refused: Vec<_> = refused.collect();
    assert_eq!(refused.len(), 2, "what is held is no alert: {alerts}");
    let alert = refused[0];
    assert_eq!((&alert["kind"], &alert["rule"]), (&json!("deny"), &json!("no-reboot")), "{alerts}");
    assert_eq!((&alert["user"]["name"], &alert["server"]["name"]), (&json!("admin"), &json!("somewhere")));
    let log = std::fs::read_dir(world.data().join("log")).unwrap();
    let log: String =
        log.map(|file| std::fs::read_to_string(file.unwrap().path()).unwrap_or_default()).collect();
    assert!(log.contains(r#""phase":"verdict""#) && log.contains(r#""verdict":"deny""#), "in the log, too");
    world.end().await;
}

/// Waits for a fact that others make.
async fn until<T>(what: &str, mut look: impl AsyncFnMut() -> Option<T>) -> T {
    let looking = async {
        loop {
            if let Some(found) = look().await {
                return found;
            }
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(std::time::Duration::from_secs(30), looking)
        .await
        .unwrap_or_else(|_| panic!("no {what}"))
}

/// A server that nobody answers at, rules that ask for a second person, and somebody who may run commands.
async fn asks_for_approval(world: &World) -> (Person, Person, String) {
    let admin = world.log_in().await;
    let server = r#"{"name":"somewhere","host":"127.0.0.1","port":1,"username":"root","password":"x"}"#;
    let server = admin.post("/api/v1/servers", server).send().await.json()["id"].clone();
    assert_eq!(put(&admin, NO_REBOOT, 1).await.status, 200);
    let rob = world.user(&admin, "rob", "reviewer").await;
    (admin, rob, format!("/api/v1/servers/{server}/execute"))
}

async fn waiting(rob: &Person) -> String {
    until("command that waits", async || {
        let open = rob.get("/api/v1/reviews?state=open").send().await.json();
        open["reviews"][0]["id"].as_str().map(str::to_owned)
    })
    .await
}

#[tokio::test]
async fn a_command_of_the_server_waits_for_a_second_person() {
    let world = World::start().await;
    let (admin, rob, path) = asks_for_approval(&world).await;
    let command = json!({ "command": "systemctl stop x" }).to_string();
    let run = admin.post(&path, &command).send();
    let decide = async {
        let review = waiting(&rob).await;
        let seen = rob.get(&format!("/api/v1/reviews/{review}")).send().await.json();
        assert_eq!((&seen["line"], &seen["door"]), (&json!("systemctl stop x"), &json!("line")), "{seen}");
        assert_eq!(
            (&seen["server"]["name"], &seen["account"]),
            (&json!("somewhere"), &json!("root")),
            "{seen}"
        );
        assert_eq!(seen["may"], json!({ "decide": true, "cancel": false }));
        let own = admin.post(&format!("/api/v1/reviews/{review}/approve"), "{}").send().await;
        assert_eq!((own.status, own.problem().as_str()), (403, "own_review"));
        let told = rob.post(&format!("/api/v1/reviews/{review}/refuse"), r#"{"reason":"not today"}"#);
        let told = told.send().await.json();
        assert_eq!((&told["state"], &told["decided_by"]), (&json!("refused"), &json!("rob")), "{told}");
        (review, seen["session"].as_str().unwrap().to_owned())
    };
    let (refused, (review, session)) = tokio::join!(run, decide);
    assert_eq!((refused.status, refused.problem().as_str()), (403, "review_refused"), "{}", refused.body);
    assert_eq!(refused.json()["reason"]["zh"], "命令被拦截: rob 拒绝了它: not today");
    assert_eq!(refused.json()["review"], json!(review));
    let verdicts = admin.get(&format!("/api/v1/sessions/{session}/verdicts")).send().await.json();
    let verdict = &verdicts["verdicts"][0];
    assert_eq!((&verdict["action"], &verdict["review"]), (&json!("review"), &json!("refused")), "{verdicts}");
    assert_eq!((&verdict["label"], &verdict["ran"]), (&json!("line"), &json!(false)));
    let late = rob.post(&format!("/api/v1/reviews/{review}/approve"), "{}").send().await;
    assert_eq!((late.status, late.problem().as_str()), (409, "review_closed"), "{}", late.body);
    let events = admin.get(&format!("/api/v1/sessions/{session}/events")).send().await.json();
    let kinds: Vec<_> = events["events"].as_array().unwrap().iter().map(|one| one["type"].clone()).collect();
    assert_eq!(kinds, [json!("review_opened"), json!("review_closed")], "{events}");

    // An approved one goes on to where it failed: nobody answers there.
    let run = admin.post(&path, &command).send();
    let decide = async {
        let review = waiting(&rob).await;
        rob.post(&format!("/api/v1/reviews/{review}/approve"), "{}").send().await
    };
    let (ran, approved) = tokio::join!(run, decide);
    assert_eq!((ran.status, ran.problem().as_str()), (502, "ssh_failed"), "{}", ran.body);
    assert_eq!(approved.json()["state"], "approved");

    world.end().await;
}

#[tokio::test]
async fn a_command_that_waits_ends_with_its_time_its_owner_or_its_caller() {
    let world = World::start().await;
    let (admin, rob, path) = asks_for_approval(&world).await;
    let command = json!({ "command": "systemctl stop x" }).to_string();
    // Its owner gives it up; nobody decides in time; whoever asked is gone.
    let run = admin.post(&path, &command).send();
    let give_up = async {
        let review = waiting(&rob).await;
        admin.post(&format!("/api/v1/reviews/{review}/cancel"), "{}").send().await
    };
    let (given_up, cancelled) = tokio::join!(run, give_up);
    assert_eq!(
        (given_up.status, given_up.problem().as_str()),
        (403, "review_cancelled"),
        "{}",
        given_up.body
    );
    assert_eq!(cancelled.json()["state"], "cancelled");
    let short = json!({ "command": "systemctl stop x", "review_seconds": 1 }).to_string();
    let late = admin.post(&path, &short).send().await;
    assert_eq!((late.status, late.problem().as_str()), (403, "review_expired"), "{}", late.body);
    {
        let leaving = admin.post(&path, &command);
        tokio::select! {
            answer = leaving.send() => panic!("answered: {}", answer.body),
            _ = waiting(&rob) => {}
        }
    }
    until("end of it", async || {
        let open = rob.get("/api/v1/reviews?state=open").send().await.json();
        open["reviews"].as_array().unwrap().is_empty().then_some(())
    })
    .await;
    world.end().await;
}

/// As the log of a daemon would tell it.
async fn held(world: &World, owner: Uuid) -> Uuid {
    let store = Store::open(&world.data().join("bastide.db")).await.unwrap();
    let (session, uid, now) = (Uuid::now_v7(), Uuid::now_v7(), jiff::Timestamp::now());
    let opened = Opened {
        uid: session,
        node: None,
        name: None,
        owner: Some(owner),
        account: Some("root".to_owned()),
        command: Vec::new(),
        size: None,
        created: now,
        recording: RecordingState::Off,
    };
    let review = Review {
        uid,
        session,
        hash: "h".to_owned(),
        opened: now,
        expires: None,
        opener: None,
        data: json!({ "argv": ["reboot"], "cwd": "/", "rule": "ask" }).as_object().unwrap().clone(),
        decision: Decision::open(),
    };
    let steps = [Step::Opened(opened), Step::ReviewOpened(Box::new(review))];
    store.apply_log(Uuid::from_u128(5), 1, &steps).await.unwrap();
    store.close().await;
    uid
}

#[tokio::test]
async fn nobody_decides_on_their_own_command() {
    let world = World::start().await;
    let admin = world.log_in().await;
    let rob = world.user(&admin, "rob", "reviewer").await;
    let bob = world.user(&admin, "bob", "user").await;
    let uid = |me: Value| me["user"]["uid"].as_str().and_then(|uid| uid.parse::<Uuid>().ok());
    let users = admin.get("/api/v1/users").send().await.json();
    let all = users["users"].as_array().unwrap();
    let of = |name: &str| all.iter().find(|user| user["username"] == name).cloned().unwrap();
    let review = held(&world, uid(json!({ "user": of("rob") })).unwrap()).await;
    let path = format!("/api/v1/reviews/{review}");

    let own = rob.get(&path).send().await;
    assert_eq!((own.status, &own.json()["may"]), (200, &json!({ "decide": false, "cancel": true })));
    let refused = rob.post(&format!("{path}/approve"), "{}").send().await;
    assert_eq!((refused.status, refused.problem().as_str()), (403, "own_review"), "{}", refused.body);
    let seen = admin.get("/api/v1/reviews?state=open").send().await.json();
    let one = &seen["reviews"][0];
    assert_eq!((&one["state"], &one["user"]["name"]), (&json!("open"), &json!("rob")), "{seen}");
    assert_eq!((&one["may"]["decide"], &one["argv"]), (&json!(true), &json!(["reboot"])));
    assert_eq!(bob.get(&path).send().await.problem(), "review_not_found");
    let none = bob.get("/api/v1/reviews").send().await.json();
    assert_eq!(none["reviews"], json!([]));
    // Only who asked gives it up; and the daemon knows of no such session.
    assert_eq!(admin.post(&format!("{path}/cancel"), "{}").send().await.status, 403);
    let unknown = admin.post(&format!("{path}/approve"), r#"{"reason":"fine"}"#).send().await;
    assert!((400..600).contains(&unknown.status), "{}", unknown.body);
    assert_eq!(admin.get(&path).send().await.json()["state"], "open", "no word, no approval");
    world.end().await;
}
