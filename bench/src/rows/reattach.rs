//! Coming back to a session: its screen, or everything above it too.

use std::time::{Duration, Instant};

use anyhow::{Context, Result};

use super::Bench;
use crate::corpus::END;
use crate::daemon::Daemon;
use crate::path::{self, Path, Tail};
use crate::peers::{self, Peer, Session};
use crate::report::Row;
use crate::stats::{Times, show};
use crate::wire::Ours;
use crate::{corpus, inside};

const TIMES: u32 = 50;
/// Enough lines to fill 10,000 of scrollback.
const MEGABYTES: usize = 3;

pub(super) fn measure(bench: &Bench) -> Result<Vec<Row>> {
    let lines = corpus::cached(MEGABYTES)?;
    let file = lines.path.to_str().context("temporary directory with a strange name")?;
    let program = inside::command(&["print", file])?;
    let daemon = Daemon::start(&bench.binary)?;
    let mut ours = Ours::start(&daemon, &program)?;
    path::started(&mut ours)?;
    path::drain(&mut ours, END)?;
    let (full, bytes) = attaches(&daemon, &mut ours, 10_000)?;
    let (visible, _) = attaches(&daemon, &mut ours, 0)?;
    let from_nothing = connects(&daemon, &ours)?;
    let tmux = if Peer::Tmux.is_there() {
        format!("tmux {} with its client's start", show(tmux(&program)?.p50()))
    } else {
        "tmux not installed".to_owned()
    };
    Ok(vec![
        Row::new("reattach with 10,000 lines, p50", format!("{} ({} KB)", show(full.p50()), bytes / 1000))
            .target("≤ 10 ms", full.p50() <= Duration::from_millis(10))
            .why("writing the snapshot of every line with its colours, and carrying it to the client"),
        Row::new("reattach, visible screen, p50", show(visible.p50()))
            .target("≤ 1.5 ms", visible.p50() <= Duration::from_micros(1500))
            .peers(tmux),
        Row::new("the same with connect and handshake, p50", show(from_nothing.p50())),
    ])
}

/// Attach on an open connection until the whole reply is here and read; and the snapshot's size.
fn attaches(daemon: &Daemon, ours: &mut Ours, scrollback: u32) -> Result<(Times, usize)> {
    let mut times = Times::default();
    let mut bytes = 0;
    let mut client = daemon.client()?;
    for viewer in 1..=TIMES {
        let began = Instant::now();
        let (place, reply) = client.attach(ours.place.session, viewer, scrollback)?;
        times.push(began.elapsed());
        bytes = reply.snapshot.and_then(|snapshot| snapshot.restore).map_or(0, |restore| restore.len());
        client.detach(place)?;
    }
    Ok((times, bytes))
}

fn connects(daemon: &Daemon, ours: &Ours) -> Result<Times> {
    let mut times = Times::default();
    for _ in 0..TIMES {
        let began = Instant::now();
        daemon.client()?.attach(ours.place.session, 1, 0)?;
        times.push(began.elapsed());
    }
    Ok(times)
}

/// From the start of tmux's client until it has drawn the last line.
fn tmux(program: &[String]) -> Result<Times> {
    let session = Session::new(Peer::Tmux)?;
    let (mut first, _) = peers::started(&session, program)?;
    path::drain(&mut first, END)?;
    let mut times = Times::default();
    for _ in 0..TIMES {
        let began = Instant::now();
        let mut client = session.attach()?;
        let mut tail = Tail::default();
        while !tail.has(END) {
            tail.push(client.receive()?);
        }
        times.push(began.elapsed());
    }
    Ok(times)
}
