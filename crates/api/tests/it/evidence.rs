//! What is kept of sessions: their recordings, and what happened in them.

use std::io::Read;
use std::os::unix::fs::symlink;
use std::path::PathBuf;

use serde_json::{Value, json};

use crate::socket::Socket;
use crate::world::{Person, Response, World, within};

const NOBODY: &str = "01900000-0000-7000-8000-000000000000";

fn recordings(world: &World) -> PathBuf {
    world.data().with_file_name("ptyd").join("recordings")
}

fn file(world: &World, uid: &str) -> PathBuf {
    recordings(world).join(format!("{uid}.cast.zst"))
}

/// Runs one line in the shell and waits until its output is in the recording's text.
async fn prints(person: &Person, uid: &str, word: &str) {
    let mut page = Socket::binary(person, uid, &format!("client={word}&fresh=1")).await;
    page.hear("hello").await;
    let (first, rest) = word.split_at(1);
    page.input(1, &format!("echo {first}''{rest}\n")).await;
    page.sees(&format!("{word}\r\n")).await;
    within("the recording", async { while !cast(person, uid).await.body.contains(word) {} }).await;
}

async fn cast(person: &Person, uid: &str) -> Response {
    person.get(&format!("/api/v1/recordings/{uid}/cast")).send().await
}

async fn ends(person: &Person, uid: &str) {
    person.request("DELETE", &format!("/api/v1/sessions/{uid}")).send().await;
    let recording = format!("/api/v1/recordings/{uid}");
    within("its end", async { while person.get(&recording).send().await.json()["ended"].is_null() {} }).await;
}

/// The text in pieces of so many bytes, as a page that seeks would ask for it.
async fn in_pieces(person: &Person, uid: &str, size: usize) -> String {
    let mut text = String::new();
    loop {
        let range = format!("bytes={}-{}", text.len(), text.len() + size - 1);
        let path = format!("/api/v1/recordings/{uid}/cast");
        let piece = person.get(&path).header("range", &range).send().await;
        if piece.status == 416 {
            assert_eq!(piece.problem(), "range");
            assert_eq!(piece.header("content-range"), Some(format!("bytes */{}", text.len()).as_str()));
            return text;
        }
        assert_eq!(piece.status, 206, "{}", piece.body);
        let about = piece.header("content-range").unwrap();
        assert!(about.starts_with(&format!("bytes {}-", text.len())), "{about}");
        text.push_str(&piece.body);
    }
}

fn stored(world: &World, uid: &str) -> String {
    let mut text = String::new();
    let bytes = std::fs::read(file(world, uid)).unwrap();
    zstd::stream::read::Decoder::new(bytes.as_slice()).unwrap().read_to_string(&mut text).unwrap();
    text
}

#[tokio::test]
async fn a_recording_is_the_same_in_pieces_while_it_grows_after_its_end_and_after_a_restart() {
    let mut world = World::start().await;
    let person = world.log_in().await;
    let uid = person.shell().await;
    prints(&person, &uid, "first").await;
    let early = cast(&person, &uid).await;
    assert_eq!(early.header("content-type"), Some("application/x-asciicast"));
    assert!(early.body.starts_with("{\"version\":3"), "{}", early.body);
    let one = person.get(&format!("/api/v1/recordings/{uid}")).send().await.json();
    assert_eq!(
        (&one["state"], &one["ended"], &one["duration_ms"]),
        (&json!("recording"), &json!(null), &json!(null))
    );
    assert_eq!((&one["owner"]["username"], &one["cols"]), (&json!("admin"), &json!(80)));

    prints(&person, &uid, "second").await;
    let later = cast(&person, &uid).await;
    assert!(later.body.starts_with(&early.body), "it only grows");
    assert_ne!(early.header("etag"), later.header("etag"));
    // What grew meanwhile is sent whole: a part would not fit what the client has.
    let tag = early.header("etag").unwrap();
    let path = format!("/api/v1/recordings/{uid}/cast");
    let again = person.get(&path).header("range", "bytes=0-9").header("if-range", tag).send().await;
    assert_eq!(again.status, 200);

    ends(&person, &uid).await;
    let whole = stored(&world, &uid);
    assert_eq!(cast(&person, &uid).await.body, whole);
    assert_eq!(in_pieces(&person, &uid, 100).await, whole);
    let one = person.get(&format!("/api/v1/recordings/{uid}")).send().await.json();
    assert_eq!((&one["state"], &one["exit"]["code"]), (&json!("closed"), &json!(129)), "{one}");
    assert_eq!(one["bytes"].as_u64().unwrap(), std::fs::metadata(file(&world, &uid)).unwrap().len());
    assert!(one["duration_ms"].as_i64().unwrap() >= 0);

    world.restart_server().await;
    let person = world.log_in().await;
    assert_eq!(in_pieces(&person, &uid, 333).await, whole);
    let known = cast(&person, &uid).await.header("etag").unwrap().to_owned();
    assert_eq!(person.get(&path).header("if-none-match", &known).send().await.status, 304);
    world.end().await;
}

#[tokio::test]
async fn heads_downloads_and_the_other_version() {
    let world = World::start().await;
    let person = world.log_in().await;
    let uid = person.shell().await;
    prints(&person, &uid, "word").await;
    ends(&person, &uid).await;
    let path = format!("/api/v1/recordings/{uid}/cast");
    let head = person.request("HEAD", &path).send().await;
    assert_eq!((head.status, head.body.as_str()), (200, ""));
    assert_eq!(head.header("content-length"), Some(stored(&world, &uid).len().to_string().as_str()));
    assert_eq!(
        (head.header("accept-ranges"), head.header("cache-control")),
        (Some("bytes"), Some("no-store"))
    );
    let kept = person.get(&format!("{path}?download=1")).send().await;
    let name = format!("attachment; filename=\"{uid}.cast\"");
    assert_eq!(kept.header("content-disposition"), Some(name.as_str()));
    let v2 = person.get(&format!("{path}?format=v2")).header("range", "bytes=0-1").send().await;
    assert_eq!((v2.status, v2.header("accept-ranges")), (200, Some("none")));
    assert!(v2.body.contains("{\"version\":2") && v2.body.contains("word"), "{}", v2.body);
    for (range, status) in
        [("bytes=99999999-", 416), ("bytes=-0", 416), ("bytes=0-1,3-4", 200), ("lines=1-2", 200)]
    {
        assert_eq!(person.get(&path).header("range", range).send().await.status, status, "{range}");
    }
    assert_eq!(person.get(&format!("{path}?format=v9")).send().await.status, 400);
    world.end().await;
}

#[tokio::test]
async fn other_peoples_recordings_are_not_there_and_no_name_leads_elsewhere() {
    let world = World::start().await;
    let admin = world.log_in().await;
    let stranger = world.user(&admin, "stranger", "user").await;
    let uid = admin.shell().await;
    prints(&admin, &uid, "secret").await;
    for what in ["recordings", "sessions"] {
        let list = stranger.get(&format!("/api/v1/{what}")).send().await.json();
        assert_eq!((&list[what], &list["next"]), (&json!([]), &json!(null)));
    }
    assert_eq!(stranger.get("/api/recordings").send().await.json(), json!([]));
    assert_eq!(stranger.get("/api/sessions").send().await.json(), json!([]));
    for path in [
        format!("/api/v1/recordings/{uid}"),
        format!("/api/v1/recordings/{uid}/cast"),
        format!("/api/recordings/{uid}"),
        format!("/api/v1/sessions/{uid}/events"),
        format!("/api/pty/sessions/{uid}/events"),
        format!("/api/pty/sessions/{uid}"),
    ] {
        let (theirs, none) =
            (stranger.get(&path).send().await, stranger.get(&path.replace(&uid, NOBODY)).send().await);
        assert_eq!((theirs.status, none.status), (404, 404), "{path}");
        assert_eq!(theirs.problem(), none.problem(), "{path}");
        assert_eq!(
            theirs.json()["detail"].as_str().unwrap().replace(&uid, NOBODY),
            none.json()["detail"],
            "{path}"
        );
    }
    for odd in [
        "..%2f..%2fetc%2fpasswd",
        "..",
        "%2e%2e",
        &format!("{uid}.cast.zst"),
        &format!("../recordings/{uid}"),
        "%00",
        "x",
    ] {
        for path in [format!("/api/v1/recordings/{odd}/cast"), format!("/api/v1/recordings/{odd}")] {
            let answer = admin.get(&path).send().await;
            assert!(
                answer.status == 404 || answer.header("content-type").unwrap().starts_with("text/html"),
                "{path}: {}",
                answer.body
            );
        }
    }
    symlink("/etc/passwd", file(&world, NOBODY)).unwrap();
    let listed = admin.get("/api/v1/recordings").send().await.json();
    assert_eq!(listed["recordings"].as_array().unwrap().len(), 1);
    assert_eq!(cast(&admin, NOBODY).await.status, 404);
    world.end().await;
}

#[tokio::test]
async fn an_owner_sees_their_own_also_when_they_administer_no_more() {
    let world = World::start().await;
    let admin = world.log_in().await;
    let other = world.user(&admin, "other", "admin").await;
    let users = admin.get("/api/v1/users").send().await.json();
    let find = |name: &str| {
        users["users"].as_array().unwrap().iter().find(|u| u["username"] == name).unwrap().clone()
    };
    let (id, account) = (find("other")["id"].clone(), find("admin")["account"].clone());
    let change = |body: Value| admin.request("PATCH", &format!("/api/v1/users/{id}")).json(&body.to_string());
    assert_eq!(change(json!({ "account": account })).send().await.status, 200);
    let (theirs, mine) = (other.shell().await, admin.shell().await);
    prints(&other, &theirs, "theirs").await;
    assert_eq!(change(json!({ "role": "user" })).send().await.status, 200);
    // A shell of this machine is for administrators: it ends, and what it showed stays theirs.
    within("the end of their shell", async { while cast(&other, &theirs).await.status != 200 {} }).await;
    let ended = admin.get(&format!("/api/v1/sessions/{theirs}")).send().await.json();
    assert_eq!(ended["state"], "ended", "{ended}");
    let listed = other.get("/api/v1/recordings").send().await.json();
    let ids: Vec<_> = listed["recordings"].as_array().unwrap().iter().map(|one| one["id"].clone()).collect();
    assert_eq!(ids, [json!(theirs)]);
    assert_eq!(cast(&other, &theirs).await.status, 200);
    assert_eq!(cast(&other, &mine).await.status, 404);
    let by = admin.get("/api/v1/recordings?user=other").send().await.json();
    assert_eq!(by["recordings"].as_array().unwrap().len(), 1);
    let events = other.get(&format!("/api/v1/sessions/{theirs}/events")).send().await;
    assert_eq!(events.status, 200);
    world.end().await;
}

async fn ids(person: &Person, path: &str, what: &str) -> (Vec<String>, Value) {
    let list = person.get(path).send().await;
    assert_eq!(list.status, 200, "{}", list.body);
    let list = list.json();
    let id = |one: &Value| one["uid"].as_str().or(one["id"].as_str()).unwrap().to_owned();
    (list[what].as_array().unwrap().iter().map(id).collect(), list["next"].clone())
}

#[tokio::test]
async fn pages_stay_as_they_are_while_sessions_begin_and_end() {
    let world = World::start().await;
    let person = world.log_in().await;
    let mut made = Vec::new();
    for _ in 0..5 {
        made.insert(0, person.shell().await);
    }
    ends(&person, &made[1]).await;
    for what in ["sessions", "recordings"] {
        let (first, next) = ids(&person, &format!("/api/v1/{what}?limit=2"), what).await;
        assert_eq!(first, made[..2], "{what}");
        let newer = person.shell().await;
        let cursor = next.as_str().unwrap();
        let (second, next) = ids(&person, &format!("/api/v1/{what}?limit=2&cursor={cursor}"), what).await;
        assert_eq!(second, made[2..4], "{what}");
        let cursor = next.as_str().unwrap();
        let (third, next) = ids(&person, &format!("/api/v1/{what}?limit=2&cursor={cursor}"), what).await;
        assert_eq!((third.as_slice(), next), (&made[4..], Value::Null), "{what}");
        made.insert(0, newer);
        for bad in ["limit=0", "limit=501", "cursor=zz", "cursor=", "cursor=6869"] {
            let answer = person.get(&format!("/api/v1/{what}?{bad}")).send().await;
            assert_eq!((answer.status, answer.problem().as_str()), (422, "invalid"), "{what} {bad}");
        }
    }
    let ended = made[3].clone();
    assert_eq!(
        ids(&person, "/api/v1/sessions?state=ended", "sessions").await.0,
        std::slice::from_ref(&ended)
    );
    let running = ids(&person, "/api/v1/sessions?state=running", "sessions").await.0;
    assert!(running.len() == 6 && !running.contains(&ended), "{running:?}");
    assert_eq!(person.get("/api/v1/sessions?state=odd").send().await.status, 400);
    world.end().await;
}

#[tokio::test]
async fn what_has_ended_is_remembered_over_restarts_of_both_sides() {
    let mut world = World::start().await;
    let person = world.log_in().await;
    let body = r#"{"name":"kept","shell":"/bin/sh","env":{"MY_TOKEN":"hunter2","LANG":"C"}}"#;
    let uid = person.post("/api/v1/sessions", body).send().await.json()["uid"].as_str().unwrap().to_owned();
    prints(&person, &uid, "something").await;
    let seed = person.get(&format!("/api/pty/sessions/{uid}")).send().await.json();
    assert_eq!(seed["environment"], json!({ "LANG": "C", "MY_TOKEN": "********" }));
    ends(&person, &uid).await;
    world.restart_daemon().await;
    world.restart_server().await;
    let person = world.log_in().await;
    let session = person.get(&format!("/api/v1/sessions/{uid}")).send().await.json();
    assert_eq!(
        (&session["state"], &session["name"], &session["pid"]),
        (&json!("ended"), &json!("kept"), &json!(null))
    );
    assert_eq!((&session["owner"]["username"], &session["access"]), (&json!("admin"), &json!("own")));
    assert_eq!(ids(&person, "/api/v1/sessions?state=ended", "sessions").await.0, std::slice::from_ref(&uid));
    assert_eq!(ids(&person, "/api/v1/recordings?q=KEPT", "recordings").await.0, std::slice::from_ref(&uid));
    assert!(ids(&person, "/api/v1/recordings?q=%25", "recordings").await.0.is_empty());

    let path = format!("/api/v1/sessions/{uid}/events");
    let all = person.get(&path).send().await.json();
    let kinds: Vec<_> =
        all["events"].as_array().unwrap().iter().map(|e| e["type"].as_str().unwrap()).collect();
    assert_eq!(
        (kinds.first(), kinds.last()),
        (Some(&"session_created"), Some(&"session_ended")),
        "{kinds:?}"
    );
    assert_eq!(kinds.iter().filter(|kind| **kind == "session_created").count(), 1, "read once and not again");
    let mut pages = Vec::new();
    let mut next = String::new();
    loop {
        let page = person.get(&format!("{path}?limit=1{next}")).send().await.json();
        pages.extend(page["events"].as_array().unwrap().clone());
        match page["next"].as_str() {
            Some(cursor) => next = format!("&cursor={cursor}"),
            None => break,
        }
    }
    assert_eq!(json!(pages), all["events"]);
    let compat = person.get(&format!("/api/pty/sessions/{uid}/events?limit=1")).send().await.json();
    assert_eq!(
        (&compat["events"][0]["event_type"], &compat["events"][0]["session_id"]),
        (&json!("create"), &json!(uid))
    );
    let array = person.get("/api/recordings").send().await.json();
    assert_eq!(array[0]["cast_url"], format!("/api/v1/recordings/{uid}/cast"));
    world.end().await;
}

#[tokio::test]
async fn a_log_that_is_gone_or_anothers_loses_no_session_and_is_read_from_its_beginning() {
    let mut world = World::start().await;
    for what in [&["log"][..], &["log", "node"]] {
        let person = world.log_in().await;
        let uid = person.shell().await;
        prints(&person, &uid, "before").await;
        world
            .restart_both(|state| {
                for name in what {
                    let path = state.join(name);
                    if path.is_dir() { std::fs::remove_dir_all(path) } else { std::fs::remove_file(path) }
                        .unwrap();
                }
            })
            .await;
        let person = world.log_in().await;
        let one = format!("/api/v1/recordings/{uid}");
        within("its end", async { while person.get(&one).send().await.json()["ended"].is_null() {} }).await;
        let one = person.get(&one).send().await.json();
        assert_eq!((&one["state"], &one["exit"]), (&json!("lost"), &json!(null)), "{what:?}");
        assert!(cast(&person, &uid).await.body.contains("before"));
        // The new log's first entries have numbers that the old one had too.
        let new = person.shell().await;
        prints(&person, &new, "after").await;
        ends(&person, &new).await;
        let events = person.get(&format!("/api/v1/sessions/{new}/events")).send().await.json();
        assert_eq!(events["events"][0]["type"], "session_created", "{what:?}");
        assert_eq!(person.get(&format!("/api/v1/recordings/{new}")).send().await.json()["exit"]["code"], 129);
    }
    world.end().await;
}

#[tokio::test]
async fn a_recording_that_no_log_told_of_is_for_administrators() {
    let world = World::start().await;
    let admin = world.log_in().await;
    let stranger = world.user(&admin, "stranger", "user").await;
    let text = "{\"version\":3,\"term\":{\"cols\":90,\"rows\":20},\"timestamp\":1700000000,\"command\":\"vim\"}\n[1.0,\"o\",\"x\"]\n";
    std::fs::create_dir_all(recordings(&world)).unwrap();
    std::fs::write(file(&world, NOBODY), zstd::bulk::compress(text.as_bytes(), 1).unwrap()).unwrap();
    let seen = async {
        while ids(&admin, "/api/v1/recordings", "recordings").await.0.is_empty() {
            tokio::task::yield_now().await;
        }
    };
    within("the file", seen).await;
    let one = admin.get(&format!("/api/v1/recordings/{NOBODY}")).send().await.json();
    assert_eq!((&one["cols"], &one["command"], &one["owner"]), (&json!(90), &json!(["vim"]), &json!(null)));
    assert_eq!((&one["state"], &one["started"]), (&json!("closed"), &json!("2023-11-14T22:13:20Z")));
    assert_eq!(cast(&admin, NOBODY).await.body, text);
    assert_eq!(cast(&stranger, NOBODY).await.status, 404);
    assert!(ids(&stranger, "/api/v1/recordings", "recordings").await.0.is_empty());
    world.end().await;
}

#[tokio::test]
async fn a_damaged_recording_ends_early_and_disturbs_nobody() {
    let world = World::start().await;
    let person = world.log_in().await;
    let (uid, other) = (person.shell().await, person.shell().await);
    prints(&person, &uid, "before").await;
    prints(&person, &uid, "after").await;
    ends(&person, &uid).await;
    let whole = stored(&world, &uid);
    let mut bytes = std::fs::read(file(&world, &uid)).unwrap();
    let last = bytes.len() - 1;
    bytes[last] ^= 1;
    std::fs::write(file(&world, &uid), bytes).unwrap();
    let broken = cast(&person, &uid).await;
    assert_eq!(
        (broken.status, broken.header("content-length")),
        (200, Some(whole.len().to_string().as_str()))
    );
    assert!(broken.body.len() < whole.len() && whole.starts_with(&broken.body), "{}", broken.body);
    let path = format!("/api/v1/recordings/{uid}/cast");
    let part = person.get(&path).header("range", "bytes=0-20").send().await;
    assert_eq!((part.status, part.body.as_str()), (206, &whole[..21]));
    std::fs::remove_file(file(&world, &uid)).unwrap();
    let gone = cast(&person, &uid).await;
    assert_eq!((gone.status, gone.problem().as_str()), (404, "recording_not_found"));
    assert_eq!(person.get(&format!("/api/v1/recordings/{uid}")).send().await.status, 404);
    assert_eq!(ids(&person, "/api/v1/recordings", "recordings").await.0, std::slice::from_ref(&other));
    assert_eq!(
        person.get(&format!("/api/v1/sessions/{uid}")).send().await.status,
        200,
        "it ran all the same"
    );
    prints(&person, &other, "well").await;
    world.end().await;
}

#[tokio::test]
async fn nothing_is_shown_of_a_recording_that_cannot_be_written_down() {
    let world = World::start().await;
    let person = world.log_in().await;
    let uid = person.shell().await;
    prints(&person, &uid, "word").await;
    ends(&person, &uid).await;
    let kind = tokio::signal::unix::SignalKind::from_raw(rustix::process::Signal::XFSZ.as_raw());
    let _survive = tokio::signal::unix::signal(kind).unwrap();
    let limits = rustix::process::getrlimit(rustix::process::Resource::Fsize);
    let none = rustix::process::Rlimit { current: Some(0), ..limits };
    rustix::process::setrlimit(rustix::process::Resource::Fsize, none).unwrap();
    let refused = cast(&person, &uid).await;
    let listed = ids(&person, "/api/v1/recordings", "recordings").await.0;
    rustix::process::setrlimit(rustix::process::Resource::Fsize, limits).unwrap();
    assert_eq!((refused.status, refused.problem().as_str()), (503, "log_not_writable"));
    assert_eq!(listed, std::slice::from_ref(&uid));
    assert_eq!(cast(&person, &uid).await.status, 200);
    world.end().await;
}
