//! Ten viewers of one flood: on ten connections, and on one.

use std::os::fd::AsFd;
use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use rustix::event::{PollFd, PollFlags, poll};
use rustix::time::Timespec;

use super::Bench;
use crate::bare::Bare;
use crate::daemon::Daemon;
use crate::path::{self, Path};
use crate::peers::{self, Peer, Session};
use crate::report::Row;
use crate::wire::{Came, Client, Ours, Place};
use crate::{inside, machine, stats};

const VIEWERS: u32 = 10;
/// A peer's client that has got nothing for so long will get nothing more.
const QUIET: Timespec = Timespec { tv_sec: 1, tv_nsec: 0 };

#[derive(Debug, Clone, Copy)]
struct Pass {
    wall: Duration,
    daemon: Duration,
    all: Duration,
}

/// One connection and its viewers.
struct Watcher {
    client: Client,
    places: Vec<Place>,
}

impl Watcher {
    /// Takes every frame that is there.
    fn take(&mut self) -> Result<()> {
        loop {
            let came = self.client.next(|came| match came {
                Came::Output { viewer, pos, data } => Ok(Some((viewer, pos, data.len()))),
                Came::Lagged => bail!("a viewer lagged"),
                Came::Other => Ok(None),
            })?;
            match came.transpose()? {
                None => return Ok(()),
                Some(None) => {}
                Some(Some((viewer, pos, length))) => {
                    let Some(place) = self.places.iter_mut().find(|place| place.viewer == viewer) else {
                        bail!("output for viewer {viewer}, who is none")
                    };
                    self.client.took(place, pos, length)?;
                }
            }
        }
    }

    fn is_at(&self, end: u64) -> bool {
        self.places.iter().all(|place| place.pos >= end)
    }
}

/// Waits until one can be read; `None` when none can for the given time.
fn readable<'a>(fds: impl Iterator<Item = &'a dyn AsFd>, wait: Option<&Timespec>) -> Result<Vec<bool>> {
    let mut polled: Vec<PollFd<'_>> =
        fds.map(|fd| PollFd::from_borrowed_fd(fd.as_fd(), PollFlags::IN)).collect();
    poll(&mut polled, wait)?;
    Ok(polled.iter().map(|fd| !fd.revents().is_empty()).collect())
}

/// The flood through `connections` with `each` viewers on every one.
fn pass(bench: &Bench, daemon: &Daemon, connections: u32, each: u32) -> Result<Pass> {
    let program = inside::command(&["print", bench.corpus_file()?])?;
    let mut ours = Ours::start(daemon, &program)?;
    let pid = path::started(&mut ours)?;
    let session = ours.place.session;
    // The end: what it has printed until now, and the corpus.
    let end = ours.place.pos + bench.corpus.on_terminal;
    let mut watchers = Vec::new();
    for _ in 0..connections {
        let mut client = daemon.client()?;
        let places = (1..=each)
            .map(|viewer| client.attach(session, viewer, 0).map(|(place, _)| place))
            .collect::<Result<_>>()?;
        watchers.push(Watcher { client, places });
    }
    ours.client.detach(ours.place)?;
    let printed = || machine::cpu_with_children(pid);
    let before = (machine::cpu_of(&ours.processes()), machine::own_cpu()?, printed()?);
    let began = Instant::now();
    let writer = watchers[0].places[0];
    watchers[0].client.type_in(writer, b"\n")?;
    while !watchers.iter().all(|watcher| watcher.is_at(end)) {
        let ready = readable(watchers.iter().map(|watcher| &watcher.client.stream as &dyn AsFd), None)?;
        for (watcher, _) in watchers.iter_mut().zip(ready).filter(|(_, ready)| *ready) {
            watcher.client.fill()?;
            watcher.take()?;
        }
    }
    let wall = began.elapsed();
    let daemon_time = machine::cpu_of(&ours.processes()) - before.0;
    let all = daemon_time + (machine::own_cpu()? - before.1) + (printed()? - before.2);
    drop(watchers);
    ours.kill()?;
    Ok(Pass { wall, daemon: daemon_time, all })
}

pub(super) fn measure(bench: &Bench) -> Result<Vec<Row>> {
    let daemon = Daemon::start(&bench.binary)?;
    let (mut single, mut ten, mut one) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..bench.rounds.div_ceil(2) {
        single.push(pass(bench, &daemon, 1, 1)?);
        ten.push(pass(bench, &daemon, VIEWERS, 1)?);
        one.push(pass(bench, &daemon, 1, VIEWERS)?);
    }
    let dtach = if Peer::Dtach.is_there() {
        format!("dtach loses {:.0} %", dtach_loss(bench)? * 100.0)
    } else {
        "dtach not installed".to_owned()
    };
    Ok([("ten connections", ten), ("ten viewers on one connection", one)]
        .into_iter()
        .flat_map(|(name, many)| rows(name, &single, &many))
        .map(|row| if row.what.ends_with("bytes lost") { row.peers(dtach.clone()) } else { row })
        .collect())
}

fn rows(name: &str, single: &[Pass], many: &[Pass]) -> Vec<Row> {
    let pairs = |of: fn(&Pass) -> Duration| {
        single.iter().zip(many).map(move |(one, many)| (of(many).as_secs_f64(), of(one).as_secs_f64()))
    };
    let speed = stats::median_ratio(pairs(|pass| pass.wall).map(|(many, one)| (one, many)));
    let daemon = stats::median_ratio(pairs(|pass| pass.daemon));
    let all = stats::median_ratio(pairs(|pass| pass.all));
    vec![
        // A gap or a lag would have stopped the measurement.
        Row::new(format!("flood to {name}: bytes lost"), "0").target("0", true),
        Row::new(format!("flood to {name}: speed against one viewer"), format!("{speed:.2}×"))
            .target("≥ 0.5×", speed >= 0.5)
            .why("ten times the bytes cross the sockets, and one thread of the measuring client takes them all"),
        Row::new(
            format!("flood to {name}: processor time against one viewer"),
            format!("{all:.2}× (daemon alone {daemon:.2}×)"),
        )
        .target("≤ 3×", all <= 3.0)
        .why("a gigabyte is copied into and out of sockets instead of a hundred megabytes"),
    ]
}

/// The part of the output that dtach's clients did not get.
fn dtach_loss(bench: &Bench) -> Result<f64> {
    let session = Session::new(Peer::Dtach)?;
    let program = inside::command(&["print", bench.corpus_file()?])?;
    let (first, _) = peers::started(&session, &program)?;
    let mut clients: Vec<Bare> = vec![first];
    for _ in 1..VIEWERS {
        clients.push(session.attach()?);
    }
    settle(&mut clients)?;
    clients[0].send(b"\n")?;
    let got = settle(&mut clients)?;
    let wanted = bench.corpus.on_terminal as f64 * f64::from(VIEWERS);
    Ok((1.0 - got as f64 / wanted).max(0.0))
}

/// Takes output until none comes any more.
fn settle(clients: &mut [Bare]) -> Result<u64> {
    let mut total = 0;
    loop {
        let ready = readable(clients.iter().map(|client| &client.master as &dyn AsFd), Some(&QUIET))?;
        if ready.iter().all(|ready| !ready) {
            return Ok(total);
        }
        for (client, _) in clients.iter_mut().zip(ready).filter(|(_, ready)| *ready) {
            total += client.receive()?.len() as u64;
        }
    }
}
