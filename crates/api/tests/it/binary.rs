//! The page's own form: positions, numbered input, and what breaks the protocol.

use bastide_wire::terminal::MAX_MESSAGE;

use crate::socket::Socket;
use crate::world::{World, prompt};

#[tokio::test]
async fn a_terminal_is_greeted_shown_and_typed_into() {
    let world = World::start().await;
    let person = world.log_in().await;
    let uid = person.shell().await;
    let mut page = Socket::binary(&person, &uid, "client=a&fresh=1").await;
    let hello = page.hear("hello").await;
    assert_eq!((&hello["session"], &hello["write"], &hello["input"]), (&uid.into(), &true.into(), &0.into()));
    page.input(1, "echo 4$((1+1))\n").await;
    assert_eq!(page.hear("input_ok").await["number"], 1);
    page.sees("42\r\n").await;
    page.say(r#"{"type":"resize","cols":101,"rows":33}"#).await;
    let resized = page.hear("resized").await;
    assert_eq!((&resized["cols"], &resized["rows"]), (&101.into(), &33.into()));
    page.say(r#"{"type":"ping","t":7}"#).await;
    assert_eq!(page.hear("pong").await["t"], 7);
    page.input(2, "exit 7\n").await;
    assert_eq!(page.hear("exit").await["code"], 7);
    assert_eq!(page.ends().await, Some(1000));
    world.end().await;
}

#[tokio::test]
async fn a_page_that_comes_back_goes_on_at_the_byte_and_types_nothing_twice() {
    let world = World::start().await;
    let person = world.log_in().await;
    let uid = person.shell().await;
    let mut page = Socket::binary(&person, &uid, "client=a").await;
    page.hear("hello").await;
    page.input(1, "echo fir''st\n").await;
    page.hear("input_ok").await;
    page.sees(&format!("first\r\n{}", prompt())).await;
    let (pos, before) = (page.pos, page.output.clone());
    drop(page);

    let mut again = Socket::binary(&person, &uid, &format!("client=a&from={pos}")).await;
    let hello = again.hear("hello").await;
    assert_eq!((&hello["resumed"], &hello["pos"], &hello["input"]), (&true.into(), &pos.into(), &1.into()));
    (again.pos, again.output) = (pos, before);
    again.input(1, "echo fir''st\n").await;
    assert_eq!(again.hear("input_ok").await["number"], 1, "taken before, and said so");
    again.input(3, "echo thi''rd\n").await;
    again.input(2, "echo sec''ond\n").await;
    assert_eq!(again.hear("input_ok").await["number"], 2);
    again.sees(&format!("second\r\n{}", prompt())).await;
    assert!(!again.shown().contains("third"), "what came too early waits to be sent again");
    again.input(3, "echo thi''rd\n").await;
    again.sees(&format!("third\r\n{}", prompt())).await;
    assert_eq!(again.shown().matches("first\r\n").count(), 1);
    world.end().await;
}

#[tokio::test]
async fn the_newer_connection_of_a_page_ends_the_older() {
    let world = World::start().await;
    let person = world.log_in().await;
    let uid = person.shell().await;
    let mut old = Socket::binary(&person, &uid, "client=a").await;
    assert!(old.hear("hello").await["input"].is_null(), "a page that may have sent something is not known");
    let mut new = Socket::binary(&person, &uid, "client=a").await;
    new.hear("hello").await;
    old.input(1, "echo gho''st\n").await;
    assert_eq!(old.ends().await, Some(1008));
    new.input(1, "echo liv''ing\n").await;
    new.sees("living\r\n").await;
    assert!(!new.shown().contains("ghost"));
    world.end().await;
}

#[tokio::test]
async fn a_watcher_sees_and_cannot_type() {
    let world = World::start().await;
    let person = world.log_in().await;
    let uid = person.shell().await;
    let mut writer = Socket::binary(&person, &uid, "client=a").await;
    writer.hear("hello").await;
    let mut watcher = Socket::binary(&person, &uid, "client=b&watch=1").await;
    assert_eq!(watcher.hear("hello").await["write"], false);
    watcher.input(1, "echo ne''ver\n").await;
    let refused = watcher.hear("input_refused").await;
    assert_eq!((&refused["number"], &refused["code"]), (&1.into(), &"READ_ONLY".into()));
    writer.input(1, "echo bo''th\n").await;
    watcher.sees("both\r\n").await;
    assert!(!watcher.shown().contains("never"));
    let viewers = loop {
        let viewers = writer.hear("viewers").await;
        if viewers["viewers"].as_array().unwrap().len() == 2 {
            break viewers;
        }
    };
    let writers = viewers["viewers"].as_array().unwrap().iter().filter(|viewer| viewer["write"] == true);
    assert_eq!(writers.count(), 1);
    world.end().await;
}

#[tokio::test]
async fn input_that_is_called_off_goes_nowhere_and_holds_nothing_up() {
    let world = World::start().await;
    let person = world.log_in().await;
    let uid = person.shell().await;
    let mut page = Socket::binary(&person, &uid, "client=a").await;
    page.hear("hello").await;
    // The program does not read: after the daemon's queue is full, pieces wait.
    page.input(1, "stty raw -echo; echo dea''f; sleep 600\n").await;
    page.sees("deaf").await;
    page.hear("input_ok").await;
    let piece = "x".repeat(64 * 1024);
    let mut number = 1;
    // 2 MB fill the queue of the daemon; these are 2.5.
    for _ in 0..5 {
        for _ in 0..8 {
            number += 1;
            page.input(number, &piece).await;
        }
        if number < 26 {
            for _ in 0..8 {
                page.hear("input_ok").await;
            }
        } else {
            break;
        }
    }
    page.say(r#"{"type":"cancel_input"}"#).await;
    loop {
        if page.hear("input_ok").await["number"] == number {
            break;
        }
    }
    page.say(r#"{"type":"ping","t":1}"#).await;
    page.hear("pong").await;
    world.end().await;
}

#[tokio::test]
async fn what_breaks_the_protocol_ends_the_connection_and_not_the_session() {
    let world = World::start().await;
    let person = world.log_in().await;
    let uid = person.shell().await;
    let texts = [
        "",
        "x",
        "{}",
        "[]",
        r#"{"type":"resize","cols":"a"}"#,
        r#"{"type":"none"}"#,
        r#"{"type":"ack","pos":-1}"#,
    ];
    for text in texts {
        let mut page = Socket::binary(&person, &uid, "client=a").await;
        page.hear("hello").await;
        page.say(text).await;
        assert_eq!(page.hear("error").await["code"], "PROTOCOL_ERROR", "{text}");
        assert_eq!(page.ends().await, Some(1008), "{text}");
    }
    let too_long = [&[3, 0, 0, 0, 1][..], &vec![b'x'; 64 * 1024 + 1]].concat();
    for bytes in [vec![], vec![9], vec![3, 0, 0], too_long, vec![3; MAX_MESSAGE + 1]] {
        let mut page = Socket::binary(&person, &uid, "client=a").await;
        page.hear("hello").await;
        // It may close while the message is still on its way.
        page.send(bytes.clone()).await.ok();
        assert!(matches!(page.ends().await, Some(1008) | None), "{} bytes", bytes.len());
    }
    let mut page = Socket::binary(&person, &uid, "client=a").await;
    page.hear("hello").await;
    page.input(1, "echo ali''ve\n").await;
    page.sees("alive\r\n").await;
    world.end().await;
}

#[tokio::test]
async fn a_terminal_that_is_not_there_or_not_to_be_had_says_so() {
    let world = World::start().await;
    let person = world.log_in().await;
    let mut none = Socket::binary(&person, "01900000-0000-7000-8000-000000000000", "client=a").await;
    assert_eq!(none.hear("error").await["code"], "session_not_found");
    assert_eq!(none.ends().await, Some(4404));
    let uid = person.shell().await;
    let mut odd = Socket::binary(&person, &uid, "client=a%20b").await;
    assert_eq!(odd.hear("error").await["code"], "invalid");
    assert_eq!(odd.ends().await, Some(1008));
    for query in ["from=-1", "scrollback=x", "watch=300"] {
        let answer = person.get(&format!("/api/pty/sessions/{uid}/ws?{query}")).upgrade().send().await;
        assert_eq!(answer.status, 400, "{query}");
    }
    assert_eq!(person.get(&format!("/api/pty/sessions/{uid}/ws")).send().await.status, 400, "no upgrade");
    world.end().await;
}

#[tokio::test]
async fn an_ended_session_is_shown_with_its_exit() {
    let world = World::start().await;
    let person = world.log_in().await;
    let uid = person.shell().await;
    let mut page = Socket::binary(&person, &uid, "client=a").await;
    page.hear("hello").await;
    page.input(1, "echo la''st words; exit 5\n").await;
    page.hear("exit").await;
    let mut later = Socket::binary(&person, &uid, "client=b").await;
    later.hear("hello").await;
    assert_eq!(later.hear("exit").await["code"], 5);
    assert!(later.shown().contains("last words"));
    world.end().await;
}

#[tokio::test]
async fn a_far_page_gets_long_messages_packed_if_it_can_read_them() {
    let world = World::start().await;
    let person = world.log_in().await;
    let uid = person.shell().await;
    let mut plain = Socket::binary(&person, &uid, "client=a&fresh=1").await;
    plain.hear("hello").await;
    plain.input(1, "seq -f 'line %g of many' 2000; echo do''ne\n").await;
    plain.sees("done\r\n").await;

    let mut far = Socket::far(&person, &uid, "client=b&scrollback=3000").await;
    far.hear("hello").await;
    far.sees("done").await;
    assert!(far.shown().contains("line 1999 of many"));
    assert_eq!(far.packed, 1, "the snapshot");
    plain.input(2, "seq -f 'number %g of many' 3000; echo do''ne\n").await;
    let end = format!("number 3000 of many\r\ndone\r\n{}", prompt());
    far.sees(&end).await;
    plain.sees(&end).await;
    assert!(far.packed > 1, "output");
    assert_eq!((plain.packed, plain.pos), (0, far.pos));

    // Long snapshots come in parts, plain and packed.
    for mut page in [
        Socket::far(&person, &uid, "client=c&scrollback=6000").await,
        Socket::binary(&person, &uid, "client=d&scrollback=6000").await,
    ] {
        page.hear("hello").await;
        page.sees("number 3000 of many\r\ndone\r\n").await;
        assert!(page.output.len() > 64 * 1024, "{}", page.output.len());
        for line in ["line 1 of many", "line 2000 of many", "number 1 of many", "number 2999 of many"] {
            assert!(page.shown().contains(line), "{line}");
        }
    }

    // It goes on at a position whatever was packed before.
    let pos = far.pos;
    drop(far);
    let mut again = Socket::far(&person, &uid, &format!("client=b&from={pos}")).await;
    assert_eq!(again.hear("hello").await["resumed"], true);
    world.end().await;
}

#[tokio::test]
async fn of_both_subprotocols_the_packed_one_is_taken() {
    let world = World::start().await;
    let person = world.log_in().await;
    let uid = person.shell().await;
    let asked = person.get(&format!("/api/pty/sessions/{uid}/ws")).upgrade();
    let answer = asked.header("sec-websocket-protocol", "bastide.v1, bastide.v1.zstd").send().await;
    assert_eq!((answer.status, answer.header("sec-websocket-protocol")), (101, Some("bastide.v1.zstd")));
    world.end().await;
}
