//! The JSON form, as older front ends speak it.

use crate::socket::Socket;
use crate::world::{World, within};

/// Gathers `output` messages until they hold this.
async fn sees(socket: &mut Socket, gathered: &mut String, text: &str) {
    within(text, async {
        while !gathered.contains(text) {
            let message = socket.hear("output").await;
            assert!(message["timestamp"].as_i64().unwrap() > 1_700_000_000_000);
            gathered.push_str(message["data"].as_str().unwrap());
        }
    })
    .await;
}

#[tokio::test]
async fn an_older_client_opens_types_resizes_and_sees_the_end() {
    let world = World::start().await;
    let person = world.log_in().await;
    let uid = person.shell().await;
    let mut socket = Socket::json(&person, &uid).await;
    let mut shown = String::new();
    socket.say(r#"{"type":"input","data":"echo h''i\n"}"#).await;
    sees(&mut socket, &mut shown, "hi\r\n").await;
    socket.say(r#"{"type":"resize","rows":40,"cols":120}"#).await;
    socket.say(r#"{"type":"ping"}"#).await;
    assert!(socket.hear("pong").await["timestamp"].is_i64());
    socket.say(r#"{"type":"input","data":"stty size\n"}"#).await;
    sees(&mut socket, &mut shown, "40 120\r\n").await;
    socket.say(r#"{"type":"input","data":"exit 3\n"}"#).await;
    assert_eq!(socket.hear("close").await["data"], "the session ended with exit code 3");
    assert_eq!(socket.ends().await, Some(1000));
    world.end().await;
}

#[tokio::test]
async fn one_bad_message_is_answered_and_ends_nothing() {
    let world = World::start().await;
    let person = world.log_in().await;
    let uid = person.shell().await;
    let mut socket = Socket::json(&person, &uid).await;
    for text in
        ["{", "[]", r#"{"type":"input"}"#, r#"{"type":"resize","rows":-1,"cols":2}"#, r#"{"type":"dance"}"#]
    {
        socket.say(text).await;
        assert!(!socket.hear("error").await["data"].as_str().unwrap().is_empty(), "{text}");
    }
    let mut shown = String::new();
    socket.say(r#"{"type":"input","data":"echo sti''ll\n"}"#).await;
    sees(&mut socket, &mut shown, "still\r\n").await;
    world.end().await;
}

#[tokio::test]
async fn no_character_is_split_and_a_byte_that_is_none_is_marked() {
    let world = World::start().await;
    let person = world.log_in().await;
    let uid = person.shell().await;
    let mut socket = Socket::json(&person, &uid).await;
    let mut shown = String::new();
    // The first half of a character, then a while later the other; then a byte that is no text.
    let command = r"printf '<\\344\\270'; sleep 0.2; printf '\\255>'; printf '<\\377>'; echo do''ne";
    socket.say(&format!("{{\"type\":\"input\",\"data\":\"{command}\\n\"}}")).await;
    sees(&mut socket, &mut shown, "done\r\n").await;
    assert!(shown.contains("<中><\u{fffd}>done"), "{shown:?}");
    world.end().await;
}

#[tokio::test]
async fn a_large_paste_arrives_whole_at_a_program_that_is_slow_to_read() {
    let world = World::start().await;
    let person = world.log_in().await;
    let uid = person.shell().await;
    let mut socket = Socket::json(&person, &uid).await;
    let mut shown = String::new();
    let script = "stty raw -echo; echo re''ady; sleep 1; head -c 3000000 | cksum; stty sane";
    socket.say(&format!("{{\"type\":\"input\",\"data\":\"{script}\\n\"}}")).await;
    sees(&mut socket, &mut shown, "ready").await;
    let piece: String = ('a'..='z').cycle().take(100_000).collect();
    for _ in 0..30 {
        socket.say(&format!("{{\"type\":\"input\",\"data\":\"{piece}\"}}")).await;
    }
    // cksum(1) of thirty times that piece.
    sees(&mut socket, &mut shown, " 3000000\n").await;
    // The prompt may stand behind it already, and the typed command before it.
    let before = &shown[..shown.rfind(" 3000000\n").unwrap()];
    let sum = before.split_whitespace().next_back().unwrap();
    assert_eq!(sum, EXPECTED);
    world.end().await;
}

const EXPECTED: &str = "629347948";
