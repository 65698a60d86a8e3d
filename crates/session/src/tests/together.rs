//! Several people in one session.

use std::time::Duration;

use bastide_wire::event::Event;
use bastide_wire::session::ViewerInfo;
use bastide_wire::together::{
    About, EndSoon, EndStop, Keyboard, KeyboardAsk, KeyboardMoved, Say, Together, ViewerEnd, ViewerRole,
};
use bastide_wire::{Code, Reply};
use uuid::Uuid;

use super::live::{Client, Live, Setup, within};
use crate::{Attach, Command, Happening, Input, Leave, Requester, Viewing};

const NUMBER: u32 = 1;

/// One person's page.
pub(super) struct Page {
    client: Client,
    connection: u64,
    name: &'static str,
}

impl Page {
    pub(super) async fn open(live: &Live, connection: u64, name: &'static str, write: bool) -> Self {
        let mut page = Self { client: Client::new(connection), connection, name };
        let reply = page.attach(live, write).await;
        assert!(matches!(reply, Reply::Ok(_)), "{reply:?}");
        page
    }

    async fn attach(&mut self, live: &Live, write: bool) -> Reply {
        let requester = Requester {
            connection: self.connection,
            client: Some(self.name.to_owned()),
            outbox: self.client.outbox.clone(),
            prompts: true,
        };
        let role = if write { ViewerRole::Owner } else { ViewerRole::Guest };
        let about = About {
            user: Some(format!("uid of {}", self.name)),
            role: Some(role),
            via: Some("web".into()),
            address: Some("192.0.2.7".into()),
        };
        live.send(Command::Attach(Box::new(Attach {
            requester,
            reply: self.client.responder(1),
            viewer: Some(NUMBER),
            write,
            scrollback: 0,
            from: None,
            credit: Some(1 << 20),
            about: Some(about),
        })))
        .await;
        within("an answer", self.client.reply()).await
    }

    pub(super) async fn types(&mut self, live: &Live, text: &str) -> Reply {
        live.send(Command::Input(Input {
            connection: self.connection,
            viewer: Some(NUMBER),
            data: text.to_owned().into(),
            reply: self.client.responder(2),
            patient: false,
        }))
        .await;
        within("an answer", self.client.reply()).await
    }

    async fn asks(&mut self, live: &Live, asked: Together) -> Reply {
        live.send(Command::Together(Box::new(asked), self.client.responder(3))).await;
        within("an answer", self.client.reply()).await
    }

    /// What it is refused with.
    async fn refused(&mut self, live: &Live, asked: Together) -> String {
        match self.asks(live, asked).await {
            Reply::Error(error) => error.message,
            reply => panic!("{reply:?}"),
        }
    }

    async fn told(&mut self, kind: &'static str, text: &'static str) {
        self.client.until(text, |client| notices(client, kind).iter().any(|told| told.contains(text))).await;
    }

    async fn may_type(&mut self, expected: bool) {
        let is = |event: &Event| matches!(event, Event::KeyboardMoved(KeyboardMoved { write, .. }) if *write == expected);
        self.client.until("the keyboard", |client| client.events.iter().any(is)).await;
        self.client.events.retain(|event| !is(event));
    }
}

fn notices(client: &Client, kind: &str) -> Vec<String> {
    let of = |event: &Event| match event {
        Event::Notice(notice) if notice.kind == kind => Some(notice.text.clone()),
        _ => None,
    };
    client.events.iter().filter_map(of).collect()
}

fn is_refused(reply: &Reply, code: Code, word: &str) {
    let Reply::Error(error) = reply else { panic!("{reply:?}") };
    assert!(error.code == code.as_str() && error.message.contains(word), "{error:?}");
}

async fn viewer(live: &Live, name: &str) -> ViewerInfo {
    let viewers = live.describe().await.detail.unwrap().viewers;
    viewers.into_iter().find(|viewer| viewer.client.as_deref() == Some(name)).unwrap()
}

fn keyboard(viewer: Option<u64>) -> Together {
    Together::Keyboard(Keyboard { uid: Uuid::nil(), viewer, by: Some("alice".into()) })
}

async fn viewing(live: &mut Live, what: &str, is: impl Fn(&Viewing) -> bool) -> Viewing {
    let found = live.happens(what, |h| matches!(h, Happening::Viewer { what, .. } if is(what))).await;
    let Happening::Viewer { what, .. } = found else { unreachable!() };
    *what
}

#[tokio::test]
async fn one_sees_who_comes_and_goes() {
    let live = Setup::new().run("cat").await;
    let mut alice = Page::open(&live, 1, "alice", true).await;
    let mut grace = Page::open(&live, 2, "grace", false).await;
    alice.told("viewers", "grace watches").await;
    let seen = viewer(&live, "grace").await;
    assert_eq!((seen.write, seen.role), (false, Some(ViewerRole::Guest)));
    assert_eq!((seen.via.as_deref(), seen.address.as_deref()), (Some("web"), Some("192.0.2.7")));
    assert!(seen.id.is_some() && seen.since.is_some());
    // A second page of hers is no news, and neither is its end.
    let second = Page::open(&live, 3, "grace", false).await;
    live.send(Command::Leave(Leave::Viewer(second.client.key(Some(NUMBER)), None))).await;
    live.send(Command::Leave(Leave::Connection(grace.connection))).await;
    alice.told("viewers", "grace has left").await;
    assert_eq!(notices(&alice.client, "viewers"), ["grace watches", "grace has left"]);
    assert!(matches!(grace.attach(&live, false).await, Reply::Ok(_)));
}

#[tokio::test]
async fn who_was_given_the_keyboard_types_and_nobody_else() {
    let mut live = Setup::new().run("cat").await;
    let mut alice = Page::open(&live, 1, "alice", true).await;
    let mut grace = Page::open(&live, 2, "grace", false).await;
    is_refused(&grace.types(&live, "no\n").await, Code::ReadOnly, "only watches");
    let id = viewer(&live, "grace").await.id.unwrap();

    let ask = KeyboardAsk { viewer: id, asks: true, ..KeyboardAsk::default() };
    grace.asks(&live, Together::KeyboardAsk(ask)).await;
    alice.told("keyboard", "grace asks for the keyboard").await;
    assert!(viewer(&live, "grace").await.asks);

    assert!(matches!(alice.asks(&live, keyboard(Some(id))).await, Reply::Ok(_)));
    grace.may_type(true).await;
    alice.may_type(false).await;
    let seen = viewer(&live, "grace").await;
    assert!(seen.write && seen.keyboard && !seen.asks);
    assert!(!viewer(&live, "alice").await.write);
    is_refused(&alice.types(&live, "no\n").await, Code::ReadOnly, "grace has the keyboard");
    // Not from outside either.
    live.send(alice.client.input(9, b"no\n".to_vec())).await;
    let outside = within("an answer", alice.client.reply()).await;
    is_refused(&outside, Code::ReadOnly, "grace has the keyboard");
    assert!(matches!(grace.types(&live, "from grace\n").await, Reply::Ok(_)));
    grace.client.until("the echo", |client| client.output.windows(10).any(|w| w == b"from grace")).await;
    assert!(!grace.client.output.windows(2).any(|w| w == b"no"), "what was refused went nowhere");

    let moved = viewing(&mut live, "the log", |what| matches!(what, Viewing::Keyboard { .. })).await;
    assert_eq!(moved, Viewing::Keyboard { client: Some("grace".into()), by: Some("alice".into()) });
    alice.asks(&live, keyboard(None)).await;
    grace.may_type(false).await;
    alice.may_type(true).await;
    is_refused(&grace.types(&live, "no\n").await, Code::ReadOnly, "only watches");
    assert!(matches!(alice.types(&live, "mine\n").await, Reply::Ok(_)));
    let types = viewing(&mut live, "who types", |what| matches!(what, Viewing::Types { .. })).await;
    assert_eq!(types, Viewing::Types { client: Some("alice".into()) });
}

#[tokio::test]
async fn the_keyboard_comes_back_when_its_holder_goes() {
    let live = Setup::new().run("cat").await;
    let mut alice = Page::open(&live, 1, "alice", true).await;
    let grace = Page::open(&live, 2, "grace", false).await;
    let id = viewer(&live, "grace").await.id;
    alice.asks(&live, keyboard(id)).await;
    alice.may_type(false).await;
    live.send(Command::Leave(Leave::Connection(grace.connection))).await;
    alice.may_type(true).await;
    assert!(matches!(alice.types(&live, "mine\n").await, Reply::Ok(_)));
    is_refused(&alice.asks(&live, keyboard(id)).await, Code::NotFound, "viewer");
}

#[tokio::test]
async fn who_was_shown_out_does_not_come_back() {
    let mut live = Setup::new().run("cat").await;
    let mut alice = Page::open(&live, 1, "alice", true).await;
    let mut grace = Page::open(&live, 2, "grace", true).await;
    let mut second = Page::open(&live, 3, "grace", false).await;
    let id = viewer(&live, "grace").await.id.unwrap();
    let end =
        |bar| Together::ViewerEnd(ViewerEnd { uid: Uuid::nil(), viewer: id, by: Some("alice".into()), bar });
    alice.asks(&live, end(true)).await;
    for page in [&mut grace, &mut second] {
        let is_out =
            |event: &Event| matches!(event, Event::ViewerEnded(out) if out.by.as_deref() == Some("alice"));
        page.client.until("the end", |client| client.events.iter().any(is_out)).await;
    }
    is_refused(&grace.types(&live, "no\n").await, Code::NotFound, "viewer");
    is_refused(&grace.attach(&live, false).await, Code::Barred, "shown out");
    assert_eq!(live.describe().await.barred, ["uid of grace"]);
    assert_eq!(live.describe().await.detail.unwrap().viewers.len(), 1);
    let removed = viewing(&mut live, "the log", |what| matches!(what, Viewing::Removed { .. })).await;
    let (client, by) = (Some("grace".to_owned()), Some("alice".to_owned()));
    assert_eq!(removed, Viewing::Removed { client, by, barred: true });
    // One of one's own, elsewhere, may come again.
    let own = viewer(&live, "alice").await.id.unwrap();
    let end = ViewerEnd { uid: Uuid::nil(), viewer: own, by: Some("alice".into()), bar: false };
    alice.asks(&live, Together::ViewerEnd(end)).await;
    assert!(matches!(alice.attach(&live, true).await, Reply::Ok(_)));
}

#[tokio::test]
async fn words_and_an_announced_end_reach_everybody() {
    let mut live = Setup::new().run("cat").await;
    let mut alice = Page::open(&live, 1, "alice", true).await;
    let mut grace = Page::open(&live, 2, "grace", false).await;
    let said = Say { uid: Uuid::nil(), by: "alice".into(), text: "look at line 3".into() };
    alice.asks(&live, Together::Say(said)).await;
    grace.told("message", "message from alice: look at line 3").await;
    let said = viewing(&mut live, "the log", |what| matches!(what, Viewing::Said { .. })).await;
    assert_eq!(said, Viewing::Said { by: "alice".into(), characters: 14 });
    let end = EndSoon { uid: Uuid::nil(), by: "alice".into(), text: "maintenance".into(), after: 1 };
    alice.asks(&live, Together::EndSoon(end)).await;
    for page in [&mut alice, &mut grace] {
        page.told("ending", "this session ends in 1 s: maintenance (alice)").await;
        page.told("ending", "this session was ended: maintenance (alice)").await;
        page.client.until("the exit", |client| client.exits() == 1).await;
    }
    let ends = |event: &Event| matches!(event, Event::Notice(n) if n.command.as_ref().is_some_and(|c| c.ends.is_some()));
    assert!(grace.client.events.iter().any(ends), "a page can count down");
    assert!(grace.client.output.is_empty(), "nothing of it is output");
    let ended = live.happens("the end", |h| matches!(h, Happening::Ended { .. })).await;
    let Happening::Ended { reason, .. } = ended else { unreachable!() };
    assert_eq!((reason.word(), reason.words()), ("ended", Some("maintenance (alice)")));
}

fn ends(by: &str, after: u64) -> Together {
    let text = format!("words of {by}");
    Together::EndSoon(EndSoon { uid: Uuid::nil(), by: by.into(), text, after })
}

fn stop(by: &str, any: bool) -> Together {
    Together::EndStop(EndStop { uid: Uuid::nil(), by: by.into(), any })
}

#[tokio::test]
async fn a_later_announcement_does_not_put_an_end_off() {
    let live = Setup::new().run("cat").await;
    let mut alice = Page::open(&live, 1, "alice", true).await;
    alice.asks(&live, ends("alice", 1)).await;
    alice.asks(&live, ends("grace", 300)).await;
    // What is said is what holds, not what came last.
    let told = notices(&alice.client, "ending").concat();
    assert!(!told.contains("grace"), "{told}");
    let gone =
        tokio::time::timeout(Duration::from_secs(10), alice.client.until("the exit", |c| c.exits() == 1));
    assert!(gone.await.is_ok());
}

#[tokio::test]
async fn an_announced_end_is_stopped_by_who_announced_it_or_for_anybody() {
    let mut live = Setup::new().run("cat").await;
    let mut alice = Page::open(&live, 1, "alice", true).await;
    let mut grace = Page::open(&live, 2, "grace", false).await;
    let none = alice.refused(&live, stop("alice", true)).await;
    assert!(none.contains("announced end"), "{none}");
    for (by, any) in [("alice", false), ("admin", true)] {
        alice.asks(&live, ends("alice", 300)).await;
        let refused = alice.refused(&live, stop("grace", false)).await;
        assert_eq!(refused, "the end was announced by alice");
        alice.asks(&live, stop(by, any)).await;
        let goes_on = match by {
            "alice" => "this session goes on: alice has stopped its end",
            _ => "this session goes on: admin has stopped its end",
        };
        grace.told("ending", goes_on).await;
        let told = viewing(&mut live, "the log", |what| matches!(what, Viewing::EndStopped { .. })).await;
        assert_eq!(told, Viewing::EndStopped { by: by.into() });
        // It is gone, and not only put off.
        alice.refused(&live, stop(by, any)).await;
    }
}

/// The last thing that was said of the end.
async fn last_told(page: &mut Page, text: &'static str) {
    let is = |client: &Client| notices(client, "ending").last().is_some_and(|told| told.contains(text));
    page.client.until(text, is).await;
}

#[tokio::test]
async fn nobody_stops_what_somebody_else_has_announced_by_announcing_and_stopping_their_own() {
    // Whichever is earlier, and whoever was first.
    for announced in [
        [("admin", 300), ("bob", 60)],
        [("admin", 60), ("bob", 300)],
        [("bob", 60), ("admin", 300)],
        [("bob", 300), ("admin", 60)],
    ] {
        let live = Setup::new().run("cat").await;
        let mut bob = Page::open(&live, 1, "bob", true).await;
        for (by, after) in announced {
            bob.asks(&live, ends(by, after)).await;
        }
        bob.asks(&live, stop("bob", false)).await;
        last_told(&mut bob, "s: words of admin (admin)").await;
        let told = notices(&bob.client, "ending").concat();
        assert!(!told.contains("goes on"), "{announced:?}: {told}");
        let refused = bob.refused(&live, stop("bob", false)).await;
        assert_eq!(refused, "the end was announced by admin", "{announced:?}");
        let stopped = bob.asks(&live, stop("admin", true)).await;
        assert!(matches!(stopped, Reply::Ok(_)), "{announced:?}: {stopped:?}");
        last_told(&mut bob, "this session goes on: admin has stopped its end").await;
    }
}

#[tokio::test]
async fn what_is_left_when_an_earlier_end_is_stopped_still_comes() {
    let setup = Setup::new();
    let clock = setup.config.clock.clone();
    let mut live = setup.run("cat").await;
    let mut bob = Page::open(&live, 1, "bob", true).await;
    bob.asks(&live, ends("admin", 300)).await;
    bob.asks(&live, ends("bob", 60)).await;
    bob.asks(&live, stop("bob", false)).await;
    clock.set_forward(Duration::from_secs(301));
    // A session sees the time with its next command.
    live.describe().await;
    let ended = live.happens("the end", |h| matches!(h, Happening::Ended { .. })).await;
    let Happening::Ended { reason, .. } = ended else { unreachable!() };
    assert_eq!(reason.words(), Some("words of admin (admin)"));
}

#[tokio::test]
async fn administrators_stop_all_that_was_announced() {
    let live = Setup::new().run("cat").await;
    let mut bob = Page::open(&live, 1, "bob", true).await;
    for (by, after) in [("bob", 60), ("admin", 300), ("root", 120)] {
        bob.asks(&live, ends(by, after)).await;
    }
    bob.asks(&live, stop("admin", true)).await;
    last_told(&mut bob, "this session goes on: admin has stopped its end").await;
    for (by, any) in [("bob", false), ("root", true)] {
        let none = bob.refused(&live, stop(by, any)).await;
        assert!(none.contains("Not found: announced end"), "{none}");
    }
}

#[tokio::test]
async fn a_second_announcement_takes_the_place_of_ones_own_first() {
    let live = Setup::new().run("cat").await;
    let mut bob = Page::open(&live, 1, "bob", true).await;
    for (after, told) in [(300, "ends in 300 s"), (60, "ends in 60 s"), (200, "ends in 200 s")] {
        bob.asks(&live, ends("bob", after)).await;
        last_told(&mut bob, told).await;
    }
    bob.asks(&live, ends("admin", 100)).await;
    last_told(&mut bob, "words of admin").await;
    bob.asks(&live, ends("bob", 60)).await;
    last_told(&mut bob, "words of bob").await;
    bob.asks(&live, ends("bob", 200)).await;
    last_told(&mut bob, "words of admin").await;
    // One stop takes away all of one's own.
    bob.asks(&live, stop("bob", false)).await;
    assert_eq!(bob.refused(&live, stop("bob", false)).await, "the end was announced by admin");
}

#[tokio::test]
async fn so_many_people_announce_an_end_and_no_more() {
    let live = Setup::new().run("cat").await;
    let mut bob = Page::open(&live, 1, "bob", true).await;
    for number in 0..16 {
        bob.asks(&live, ends(&format!("admin{number}"), 300)).await;
    }
    is_refused(&bob.asks(&live, ends("bob", 60)).await, Code::LimitReached, "16 people");
    let again = bob.asks(&live, ends("admin3", 60)).await;
    assert!(matches!(again, Reply::Ok(_)), "{again:?}");
}
