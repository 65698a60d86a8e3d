//! The parts of a session that can be shown without a backend.
#![allow(clippy::unwrap_used)]

mod dialling;
mod disk;
mod ends;
mod flow;
mod guarding;
mod life;
mod live;
mod together;

use std::collections::VecDeque;
use std::sync::Arc;

use bytes::Bytes;
use proptest::prelude::*;
use tokio::sync::Notify;

use crate::command::{Attach, Requester};
use crate::config::{Config, RING_BYTES};
use crate::outbox::{Item, Outbox, Responder};
use crate::ring::Ring;
use crate::viewer::{Form, Offer, Viewer};

/// A byte that tells its position apart from its neighbours'.
fn byte_at(pos: u64) -> u8 {
    u8::try_from((pos * 31 + pos / 251) % 256).unwrap()
}

fn stream(from: u64, length: usize) -> Vec<u8> {
    (from..from + length as u64).map(byte_at).collect()
}

fn viewer(outbox: &Outbox, number: Option<u32>, credit: u32, pos: u64) -> Viewer {
    let requester = Requester { connection: 1, client: None, outbox: outbox.clone(), prompts: true };
    let attach = Attach {
        requester,
        reply: Responder { outbox: outbox.clone(), seq: 1 },
        viewer: number,
        write: true,
        scrollback: 0,
        from: None,
        credit: Some(credit),
        about: None,
    };
    Viewer::new(&attach, 1, pos, Arc::new(Notify::new()))
}

/// Everything that waits, as the connection's writer takes it.
async fn take(outbox: &Outbox) -> Vec<(Option<(u32, u64)>, Bytes)> {
    let mut items = VecDeque::new();
    outbox.close_after();
    let mut out = Vec::new();
    loop {
        assert!(outbox.take(&mut items, 64).await);
        for item in items.drain(..) {
            match item {
                Item::Output(chunk) => {
                    chunk.written();
                    out.push((chunk.numbered, chunk.data.clone()));
                }
                Item::Close => return out,
                Item::Frame(_) => {}
            }
        }
    }
}

#[test]
fn a_ring_replays_what_holds_no_query_and_no_resize() {
    let mut ring = Ring::default();
    ring.push(b"before");
    ring.note_query();
    ring.push(b"after");
    assert!(ring.holds(0) && !ring.replays(0), "a query would be asked again");
    assert!(ring.replays(6));
    assert!(!ring.holds(12), "a position in the future");
    ring.cut();
    assert!(!ring.holds(6) && ring.holds(11));
    assert!(!ring.replays(11), "whoever was there before does not know the new size");
    ring.push(b"x");
    assert!(!ring.replays(11) && ring.replays(12));
}

#[test]
fn a_chunk_larger_than_the_ring_leaves_its_end() {
    let mut ring = Ring::default();
    ring.push(b"x");
    ring.push(&stream(1, RING_BYTES + 100));
    assert_eq!(ring.end(), RING_BYTES as u64 + 101);
    assert!(!ring.holds(100) && ring.holds(101));
    assert_eq!(ring.read(101, 5).as_ref(), stream(101, 5));
}

#[tokio::test]
async fn a_viewer_of_the_first_protocol_is_full_by_chunks() {
    let config = Config { flow_max_chunks: 2, ..Config::default() };
    let outbox = Outbox::new();
    let mut viewer = viewer(&outbox, None, 0, 0);
    let ring = Ring::default();
    for _ in 0..2 {
        assert!(!viewer.is_full(0, &config));
        assert_eq!(viewer.offer(7, &Bytes::from_static(b"ab"), &ring, &config), Offer::Taken);
    }
    assert!(viewer.is_full(0, &config));
    assert_eq!(viewer.offer(7, &Bytes::from_static(b"cd"), &ring, &config), Offer::Overrun);
    assert_eq!(take(&outbox).await.len(), 2);
    assert!(!viewer.is_full(0, &config), "written chunks wait no more");
}

#[tokio::test]
async fn acknowledging_what_was_not_sent_gives_no_credit() {
    let outbox = Outbox::new();
    let config = Config::default();
    let mut ring = Ring::default();
    let mut viewer = viewer(&outbox, Some(1), 10, 0);
    ring.push(&stream(0, 30));
    assert_eq!(viewer.catch_up(7, &ring, &config), Offer::Behind);
    viewer.acknowledge(Some(1000));
    assert_eq!(viewer.catch_up(7, &ring, &config), Offer::Behind);
    assert_eq!(take(&outbox).await.iter().map(|(_, data)| data.len()).sum::<usize>(), 10);
}

#[test]
fn a_shut_outbox_frees_what_waits() {
    let outbox = Outbox::new();
    let config = Config { flow_max_chunks: 1, ..Config::default() };
    let mut viewer = viewer(&outbox, None, 0, 0);
    viewer.offer(7, &Bytes::from_static(b"ab"), &Ring::default(), &config);
    assert!(viewer.is_full(0, &config));
    outbox.shut();
    assert!(!viewer.is_full(0, &config));
    viewer.offer(7, &Bytes::from_static(b"ab"), &Ring::default(), &config);
    assert!(!viewer.is_full(0, &config), "nothing waits in an outbox that is shut");
}

#[tokio::test]
async fn all_who_wait_for_room_are_woken() {
    let outbox = Outbox::new();
    let responder = || Responder { outbox: outbox.clone(), seq: 1 };
    responder().error(bastide_wire::Code::IoError, "x".repeat(9 << 20));
    let waiting: Vec<_> = (0..2)
        .map(|_| {
            let outbox = outbox.clone();
            tokio::spawn(async move { outbox.has_room().await })
        })
        .collect();
    tokio::task::yield_now().await;
    assert!(outbox.take(&mut VecDeque::new(), 64).await);
    for waiter in waiting {
        live::within("room", waiter).await.unwrap();
    }
}

#[tokio::test]
async fn an_outbox_that_nobody_reads_is_given_up() {
    let outbox = Outbox::new();
    let frame = "x".repeat(1 << 20);
    for _ in 0..200 {
        Responder { outbox: outbox.clone(), seq: 1 }.error(bastide_wire::Code::IoError, frame.clone());
    }
    assert!(outbox.is_shut(), "200 MB wait for a peer that does not read");
    live::within("the end", outbox.gone()).await;
}

#[tokio::test]
async fn a_reply_that_is_held_back_goes_with_the_next_item_or_when_told() {
    let outbox = Outbox::new();
    let responder = |seq| Responder { outbox: outbox.clone(), seq };
    let writer = tokio::spawn({
        let outbox = outbox.clone();
        async move {
            let mut takes = Vec::new();
            for _ in 0..2 {
                let mut items = VecDeque::new();
                assert!(outbox.take(&mut items, 64).await);
                takes.push(items.len());
            }
            takes
        }
    });
    tokio::task::yield_now().await;
    let held = responder(1).session_soon(7);
    tokio::task::yield_now().await;
    assert!(held.holds_back(), "nobody was woken for it");
    responder(2).session(7);
    assert!(!held.holds_back());
    tokio::task::yield_now().await;
    responder(3).session_soon(7).go_on();
    assert_eq!(live::within("both", writer).await.unwrap(), [2, 1]);
}

#[tokio::test]
async fn a_budget_wakes_its_keeper_for_growth_too() {
    let budget = crate::ScrollbackBudget::new(1 << 20);
    let mut share = crate::budget::Share::new(budget.clone());
    share.report(2 << 20);
    live::within("the excess", budget.exceeded()).await;
    // The keeper found nothing to take; then the session grows on.
    let keeper = tokio::spawn({
        let budget = budget.clone();
        async move { budget.relieved().await }
    });
    tokio::task::yield_now().await;
    share.report(4 << 20);
    live::within("another look", keeper).await.unwrap();
}

#[derive(Debug, Clone)]
enum Step {
    Output(usize),
    Ack(usize),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    prop::collection::vec(
        prop_oneof![(0..5000_usize).prop_map(Step::Output), (0..20_000_usize).prop_map(Step::Ack)],
        1..60,
    )
}

proptest! {
    /// Whatever comes and is acknowledged in whatever order: a numbered viewer gets every byte
    /// once, in order, and never more than its credit without acknowledging.
    #[test]
    fn numbered_viewers_get_every_byte_once_within_their_credit(steps in steps(), credit in 1_u32..9000) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let outbox = Outbox::new();
        let config = Config::default();
        let mut ring = Ring::default();
        let mut viewer = viewer(&outbox, Some(3), credit, 0);
        let mut acked = 0;
        for step in steps {
            match step {
                Step::Output(length) => {
                    let data = Bytes::from(stream(ring.end(), length));
                    ring.push(&data);
                    prop_assert_ne!(viewer.offer(7, &data, &ring, &config), Offer::Overrun);
                }
                Step::Ack(length) => {
                    let Form::Numbered { next, .. } = viewer.form else { unreachable!() };
                    acked = (acked + length as u64).min(next);
                    viewer.acknowledge(Some(acked));
                    viewer.catch_up(7, &ring, &config);
                }
            }
            let Form::Numbered { next, acked, .. } = viewer.form else { unreachable!() };
            prop_assert!(next - acked <= u64::from(credit));
        }
        let mut expected = 0;
        for (numbered, data) in runtime.block_on(take(&outbox)) {
            prop_assert_eq!(numbered, Some((3, expected)));
            prop_assert_eq!(data.as_ref(), stream(expected, data.len()));
            expected += data.len() as u64;
        }
        let Form::Numbered { next, .. } = viewer.form else { unreachable!() };
        prop_assert_eq!(expected, next);
    }

    #[test]
    fn a_ring_holds_the_last_bytes(chunks in prop::collection::vec(0..90_000_usize, 1..8), back in 0..300_000_u64) {
        let mut ring = Ring::default();
        for length in chunks {
            let data = stream(ring.end(), length);
            ring.push(&data);
        }
        let pos = ring.end().saturating_sub(back);
        if back <= RING_BYTES as u64 {
            prop_assert!(ring.holds(pos));
        }
        if ring.holds(pos) {
            let length = usize::try_from(ring.end() - pos).unwrap();
            let held = ring.read(pos, usize::MAX);
            prop_assert_eq!(held.as_ref(), stream(pos, length));
        }
    }
}
