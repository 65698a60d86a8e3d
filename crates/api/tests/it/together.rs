//! Several people in one terminal.

use bastide_testkit::{SshServer, SshServerOptions};
use serde_json::{Value, json};

use crate::servers::{id_of, server};
use crate::socket::Socket;
use crate::ssh::session;
use crate::world::{Person, World, within};

async fn let_in(admin: &Person, guest: &Person, uid: &str, access: &str) -> Value {
    let body = json!({ "access": access }).to_string();
    let shared = admin.post(&format!("/api/v1/sessions/{uid}/shares"), &body).send().await.json();
    let token = shared["url"].as_str().unwrap().rsplit("/s/").next().unwrap().to_owned();
    let used = json!({ "token": token });
    assert_eq!(guest.post("/api/v1/shares/use", &used.to_string()).send().await.status, 200);
    used
}

/// A server that a session can be on, while the first is kept.
async fn far(admin: &Person) -> (SshServer, Value) {
    let far = SshServer::start(SshServerOptions::default().password("s3cret")).await;
    let body = json!({
        "name": "far", "host": "127.0.0.1", "port": far.port(), "username": "ann", "password": "s3cret",
    });
    let made = server(admin, &body.to_string()).await;
    let keys = format!("/api/v1/servers/{}/host-keys", made["id"]);
    admin.post(&keys, &json!({ "key": far.host_key() }).to_string()).send().await;
    (far, made)
}

/// Where the grant can be taken back.
async fn grant(admin: &Person, who: &Person, server: &Value, rights: &Value) -> String {
    let body = json!({ "user_id": id_of(who).await, "server_id": server["id"], "rights": rights });
    let made = admin.post("/api/v1/grants", &body.to_string()).send().await;
    assert_eq!(made.status, 201, "{}", made.body);
    format!("/api/v1/grants/{}", made.json()["id"])
}

async fn watch(person: &Person, uid: &str) -> Socket {
    let mut page = Socket::binary(person, uid, "client=w&watch=1").await;
    assert_eq!(page.hear("hello").await["write"], false);
    page
}

async fn viewers(person: &Person, uid: &str) -> Vec<Value> {
    let list = person.get(&format!("/api/v1/sessions/{uid}/viewers")).send().await;
    assert_eq!(list.status, 200, "{}", list.body);
    list.json()["viewers"].as_array().unwrap().clone()
}

async fn viewer(person: &Person, uid: &str, name: &str) -> Value {
    let all = viewers(person, uid).await;
    all.iter().find(|one| one["client"] == name).unwrap_or_else(|| panic!("no {name}: {all:?}")).clone()
}

async fn give(person: &Person, uid: &str, to: &Value) -> (u16, String) {
    let path = format!("/api/v1/sessions/{uid}/keyboard");
    let answer = person.request("PUT", &path).json(&json!({ "viewer": to }).to_string()).send().await;
    (answer.status, if answer.status == 204 { String::new() } else { answer.problem() })
}

async fn may_type(page: &mut Socket, expected: bool) -> Value {
    loop {
        let there = page.hear("viewers").await;
        if there["write"] == expected {
            return there;
        }
    }
}

async fn told(page: &mut Socket, kind: &str, text: &str) -> Value {
    loop {
        let notice = page.hear("notice").await;
        if notice["kind"] == kind && notice["text"].as_str().unwrap().contains(text) {
            return notice;
        }
    }
}

#[tokio::test]
async fn the_keyboard_is_asked_for_given_and_taken_back() {
    let world = World::start().await;
    let admin = world.log_in().await;
    let bob = world.user(&admin, "bob", "user").await;
    let uid = admin.shell().await;
    let mut mine = Socket::binary(&admin, &uid, "client=a&fresh=1").await;
    mine.hear("hello").await;
    let_in(&admin, &bob, &uid, "watch").await;
    let mut bobs = watch(&bob, &uid).await;
    told(&mut mine, "viewers", "bob watches").await;
    let seen = viewer(&admin, &uid, "bob").await;
    assert_eq!(
        (&seen["role"], &seen["via"], &seen["write"]),
        (&json!("guest"), &json!("web"), &json!(false))
    );
    assert!(seen["address"] == "127.0.0.1" && seen["since"].is_string(), "{seen}");
    assert!(
        viewer(&bob, &uid, "admin").await["address"].is_null(),
        "where others are is the owner's to know"
    );
    let id = &seen["id"];

    let ask = format!("/api/v1/sessions/{uid}/viewers/{id}/ask");
    let not_his = admin.request("PUT", &ask).send().await;
    assert_eq!((not_his.status, not_his.problem().as_str()), (403, "forbidden"));
    assert_eq!(bob.request("PUT", &ask).send().await.status, 204);
    told(&mut mine, "keyboard", "bob asks for the keyboard").await;
    assert_eq!(admin.request("DELETE", &ask).send().await.status, 204);
    told(&mut bobs, "keyboard", "does not give you the keyboard").await;
    assert_eq!(give(&bob, &uid, id).await, (403, "forbidden".to_owned()), "nobody gives it to themselves");

    assert_eq!(give(&admin, &uid, id).await.0, 204);
    let there = may_type(&mut bobs, true).await;
    assert_eq!(&there["you"], id);
    may_type(&mut mine, false).await;
    bobs.input(1, "echo fr''om bob\n").await;
    mine.sees("from bob\r\n").await;
    mine.input(1, "echo ne''ver\n").await;
    let refused = mine.hear("input_refused").await;
    assert_eq!(
        (&refused["code"], &refused["message"]),
        (&json!("READ_ONLY"), &json!("bob has the keyboard"))
    );
    // He may give it back himself.
    assert_eq!(give(&bob, &uid, &Value::Null).await.0, 204);
    may_type(&mut bobs, false).await;
    may_type(&mut mine, true).await;
    bobs.input(2, "echo ne''ver\n").await;
    assert_eq!(bobs.hear("input_refused").await["code"], "READ_ONLY");
    // The page's next piece stands under the number of the one that was refused.
    mine.input(1, "echo mi''ne\n").await;
    bobs.sees("mine\r\n").await;
    assert!(!bobs.shown().contains("never"));

    let path = format!("/api/v1/sessions/{uid}/events");
    let kept = async {
        loop {
            let events = admin.get(&path).send().await.body;
            if events.matches("keyboard_moved").count() == 2 && events.contains("viewer_types") {
                return;
            }
        }
    };
    within("who had the keyboard when", kept).await;
    world.end().await;
}

#[tokio::test]
async fn an_auditor_watches_and_is_never_given_the_keyboard() {
    let world = World::start().await;
    let admin = world.log_in().await;
    let ann = world.user(&admin, "ann", "auditor").await;
    let uid = admin.shell().await;
    let mut mine = Socket::binary(&admin, &uid, "client=a&fresh=1").await;
    mine.hear("hello").await;
    let mut anns = watch(&ann, &uid).await;
    told(&mut mine, "viewers", "ann watches").await;
    anns.input(1, "echo ne''ver\n").await;
    assert_eq!(anns.hear("input_refused").await["code"], "READ_ONLY");
    let seen = viewer(&admin, &uid, "ann").await;
    assert_eq!(seen["role"], "observer");
    let path = format!("/api/v1/sessions/{uid}");
    let ask = format!("{path}/viewers/{}/ask", seen["id"]);
    assert_eq!(ann.request("PUT", &ask).send().await.status, 403);
    assert_eq!(give(&admin, &uid, &seen["id"]).await, (403, "forbidden".to_owned()));
    // Not by a link either.
    let_in(&admin, &ann, &uid, "write").await;
    assert_eq!(give(&admin, &uid, &seen["id"]).await.0, 403);
    for (path, body) in [("message", r#"{"text":"x"}"#), ("end", "{}")] {
        assert_eq!(ann.post(&format!("/api/v1/sessions/{uid}/{path}"), body).send().await.status, 403);
    }
    let own = format!("{path}/viewers/{}", viewer(&admin, &uid, "admin").await["id"]);
    assert_eq!(ann.request("DELETE", &own).send().await.status, 403);
    mine.input(1, "echo st''ill\n").await;
    anns.sees("still\r\n").await;
    world.end().await;
}

#[tokio::test]
async fn who_is_shown_out_is_gone_and_does_not_come_back_by_the_link() {
    let world = World::start().await;
    let admin = world.log_in().await;
    let (bob, eve) = (world.user(&admin, "bob", "user").await, world.user(&admin, "eve", "user").await);
    let uid = admin.shell().await;
    let link = let_in(&admin, &bob, &uid, "write").await;
    let mut bobs = Socket::binary(&bob, &uid, "client=b").await;
    bobs.hear("hello").await;
    let path = format!("/api/v1/sessions/{uid}");
    let out = format!("{path}/viewers/{}", viewer(&admin, &uid, "bob").await["id"]);
    assert_eq!(bob.request("DELETE", &out).send().await.status, 403);
    assert_eq!(eve.request("DELETE", &out).send().await.status, 404);
    assert_eq!(admin.request("DELETE", &out).send().await.status, 204);
    assert_eq!(bobs.ends().await, Some(4403));
    assert_eq!(bob.get(&path).send().await.status, 404, "and knows nothing of it any more");
    for _ in 0..2 {
        let again = bob.post("/api/v1/shares/use", &link.to_string()).send().await;
        assert_eq!((again.status, again.problem().as_str()), (403, "shown_out"));
    }
    let other = json!({ "access": "watch" }).to_string();
    let other = admin.post(&format!("{path}/shares"), &other).send().await.json();
    let token = other["url"].as_str().unwrap().rsplit("/s/").next().unwrap().to_owned();
    let again = bob.post("/api/v1/shares/use", &json!({ "token": token }).to_string()).send().await;
    assert_eq!(again.problem(), "shown_out");
    // Somebody else may still come by it.
    assert_eq!(eve.post("/api/v1/shares/use", &link.to_string()).send().await.status, 200);
    let gone = admin.request("DELETE", &out).send().await;
    assert_eq!((gone.status, gone.problem().as_str()), (404, "viewer_not_found"));
    world.end().await;
}

#[tokio::test]
async fn words_and_an_announced_end_reach_everybody() {
    let world = World::start().await;
    let admin = world.log_in().await;
    let bob = world.user(&admin, "bob", "user").await;
    let uid = admin.shell().await;
    let_in(&admin, &bob, &uid, "watch").await;
    let mut mine = Socket::binary(&admin, &uid, "client=a&fresh=1").await;
    mine.hear("hello").await;
    let mut bobs = watch(&bob, &uid).await;
    let path = format!("/api/v1/sessions/{uid}");
    let say = |text: &str| json!({ "text": text }).to_string();
    assert_eq!(bob.post(&format!("{path}/message"), &say("line 3?")).send().await.status, 204);
    let message = told(&mut mine, "message", "message from bob: line 3?").await;
    assert_eq!(message["zh"], "bob 的消息：line 3?");
    for bad in [" ", "a\nb", "\u{1b}[2J", &"x".repeat(501)] {
        let answer = admin.post(&format!("{path}/message"), &say(bad)).send().await;
        assert_eq!((answer.status, answer.problem().as_str()), (422, "invalid"), "{bad:?}");
    }
    let end = format!("{path}/end");
    assert_eq!(bob.post(&end, "{}").send().await.status, 403);
    for bad in [r#"{"after":301}"#, r#"{"notice":"a\u0007"}"#] {
        assert_eq!(admin.post(&end, bad).send().await.status, 422, "{bad}");
    }
    // One that is announced can be stopped, by who announced it and by administrators.
    let stop = async |who: &Person| who.request("DELETE", &end).send().await;
    assert_eq!(stop(&admin).await.status, 409, "none is announced");
    assert_eq!(admin.post(&end, r#"{"after":300}"#).send().await.status, 202);
    assert_eq!(stop(&bob).await.status, 403);
    assert_eq!(stop(&admin).await.status, 204);
    for page in [&mut mine, &mut bobs] {
        told(page, "ending", "this session goes on: admin has stopped its end").await;
    }
    assert_eq!(stop(&admin).await.status, 409);
    let ended = admin.post(&end, r#"{"notice":"maintenance","after":1}"#).send().await;
    assert_eq!(ended.status, 202, "{}", ended.body);
    for page in [&mut mine, &mut bobs] {
        let soon = told(page, "ending", "this session ends in 1 s: maintenance (admin)").await;
        assert!(soon["ends"].is_string(), "{soon}");
        page.hear("exit").await;
        assert!(!page.shown().contains("maintenance"), "it is no output");
        assert_eq!(page.ends().await, Some(1000));
    }
    world.end().await;
}

/// An owner announces an earlier one and stops that: the administrator's is still there.
#[tokio::test]
async fn an_owner_does_not_stop_the_end_that_an_administrator_has_announced() {
    let world = World::start().await;
    let admin = world.log_in().await;
    let bob = world.user(&admin, "bob", "user").await;
    let (_far, made) = far(&admin).await;
    grant(&admin, &bob, &made, &json!(["connect", "write"])).await;
    let uid = session(&bob, &made).await;
    let mut bobs = Socket::binary(&bob, &uid, "client=a&fresh=1").await;
    bobs.hear("hello").await;
    let end = format!("/api/v1/sessions/{uid}/end");
    let stop = async |who: &Person| who.request("DELETE", &end).send().await.status;
    assert_eq!(admin.post(&end, r#"{"notice":"maintenance","after":300}"#).send().await.status, 202);
    told(&mut bobs, "ending", "this session ends in 300 s: maintenance (admin)").await;
    assert_eq!(bob.post(&end, r#"{"notice":"lunch","after":60}"#).send().await.status, 202);
    told(&mut bobs, "ending", "this session ends in 60 s: lunch (bob)").await;
    assert_eq!(stop(&bob).await, 204);
    assert_eq!(stop(&bob).await, 403, "what is left is the administrator's");
    assert_eq!(stop(&admin).await, 204);
    told(&mut bobs, "ending", "this session goes on: admin has stopped its end").await;
    assert_eq!(stop(&bob).await, 409, "none is left");
    world.end().await;
}

/// Who watches by a right is given the keyboard by their own right to type there, and loses it with that.
#[tokio::test]
async fn the_keyboard_goes_with_the_right_to_type() {
    let world = World::start().await;
    let admin = world.log_in().await;
    let (bob, eve) = (world.user(&admin, "bob", "user").await, world.user(&admin, "eve", "user").await);
    let (_far, made) = far(&admin).await;
    let grant = async |who, rights| grant(&admin, who, &made, &rights).await;
    grant(&bob, json!(["connect", "write"])).await;
    let observes = grant(&eve, json!(["observe"])).await;
    let uid = session(&bob, &made).await;
    let mut bobs = Socket::binary(&bob, &uid, "client=a&fresh=1").await;
    bobs.sees("ready>").await;
    let seen = eve.get("/api/v1/sessions").send().await.json();
    assert_eq!((&seen["sessions"][0]["uid"], &seen["sessions"][0]["access"]), (&json!(uid), &json!("watch")));
    let mut eves = watch(&eve, &uid).await;
    told(&mut bobs, "viewers", "eve watches").await;
    let id = viewer(&bob, &uid, "eve").await["id"].clone();
    assert_eq!(give(&bob, &uid, &id).await, (403, "forbidden".to_owned()), "she may only observe");
    // She was not let in by him, and he cannot show her out.
    let out = format!("/api/v1/sessions/{uid}/viewers/{id}");
    assert_eq!(bob.request("DELETE", &out).send().await.status, 403);
    // Nor an auditor, who came by a link of his and needed none.
    let auditor = world.user(&admin, "aud", "auditor").await;
    let_in(&bob, &auditor, &uid, "watch").await;
    let mut auds = watch(&auditor, &uid).await;
    told(&mut bobs, "viewers", "aud watches").await;
    let seen = viewer(&bob, &uid, "aud").await;
    assert_eq!(seen["role"], "observer");
    let out = format!("/api/v1/sessions/{uid}/viewers/{}", seen["id"]);
    assert_eq!(bob.request("DELETE", &out).send().await.status, 403);
    assert_eq!(admin.request("DELETE", &out).send().await.status, 204);
    auds.ends().await;

    let types = grant(&eve, json!(["connect", "write"])).await;
    assert_eq!(give(&bob, &uid, &id).await.0, 204);
    may_type(&mut eves, true).await;
    may_type(&mut bobs, false).await;
    assert_eq!(admin.request("DELETE", &types).send().await.status, 204);
    may_type(&mut eves, false).await;
    may_type(&mut bobs, true).await;
    assert_eq!(admin.request("DELETE", &observes).send().await.status, 204);
    assert_eq!(eves.ends().await, Some(4404));
    told(&mut bobs, "viewers", "eve has left").await;
    world.end().await;
}
