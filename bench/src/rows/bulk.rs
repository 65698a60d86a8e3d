//! A hundred megabytes through each candidate: how long, and how much processor time.

use std::time::{Duration, Instant};

use anyhow::{Result, bail};

use super::Bench;
use crate::bare::Bare;
use crate::corpus::END;
use crate::daemon::Daemon;
use crate::path::{self, Path};
use crate::peers::{self, Peer, Session};
use crate::report::Row;
use crate::wire::Ours;
use crate::{inside, machine, stats};

/// One candidate's pass over the corpus.
#[derive(Debug, Clone, Copy)]
struct Pass {
    wall: Duration,
    /// The program that prints, its terminal included.
    printing: Duration,
    /// Everything between it and the end of the reader.
    carrying: Duration,
}

impl Pass {
    fn all(&self) -> Duration {
        self.printing + self.carrying
    }
}

fn pass(path: &mut dyn Path, program: i32, expected: Option<u64>) -> Result<Pass> {
    let between = path.processes();
    let carried = || -> Result<Duration> { Ok(machine::cpu_of(&between) + machine::own_cpu()?) };
    let printed = || machine::cpu_with_children(program);
    let (carrying, printing, began) = (carried()?, printed()?, Instant::now());
    let bytes = path::drain(path, END)?;
    let wall = began.elapsed();
    if expected.is_some_and(|expected| bytes < expected) {
        bail!("{bytes} bytes came of {expected:?}");
    }
    Ok(Pass {
        wall,
        carrying: carried()?.saturating_sub(carrying),
        printing: printed()?.saturating_sub(printing),
    })
}

struct Candidates {
    daemon: Daemon,
    program: Vec<String>,
    bytes: u64,
}

impl Candidates {
    fn raw(&self) -> Result<Pass> {
        let mut bare = Bare::start(&self.program, &[])?;
        let pid = path::started(&mut bare)?;
        pass(&mut bare, pid, Some(self.bytes))
    }

    fn ours(&self) -> Result<Pass> {
        let mut ours = Ours::start(&self.daemon, &self.program)?;
        let pid = path::started(&mut ours)?;
        let pass = pass(&mut ours, pid, Some(self.bytes))?;
        ours.kill()?;
        Ok(pass)
    }

    fn peer(&self, peer: Peer) -> Result<Pass> {
        let session = Session::new(peer)?;
        let (mut client, pid) = peers::started(&session, &self.program)?;
        // tmux draws what it thinks is worth drawing; the others pass everything on.
        let expected = (peer != Peer::Tmux).then_some(self.bytes);
        pass(&mut client, pid, expected)
    }
}

pub(super) fn measure(bench: &Bench) -> Result<Vec<Row>> {
    let candidates = Candidates {
        daemon: Daemon::start(&bench.binary)?,
        program: inside::command(&["print", bench.corpus_file()?])?,
        bytes: bench.corpus.on_terminal,
    };
    let present: Vec<Peer> = peers::ALL.into_iter().filter(|peer| peer.is_there()).collect();
    let mut raw = Vec::new();
    let mut ours = Vec::new();
    let mut others: Vec<(Peer, Vec<Pass>)> = present.into_iter().map(|peer| (peer, Vec::new())).collect();
    for round in 0..bench.rounds {
        raw.push(candidates.raw()?);
        ours.push(candidates.ours()?);
        for (peer, passes) in &mut others {
            passes.push(candidates.peer(*peer)?);
        }
        eprintln!("  round {}: raw {:?}, ours {:?}", round + 1, raw[round], ours[round]);
    }
    Ok(rows(&raw, &ours, &others))
}

fn speed(candidate: &[Pass], raw: &[Pass]) -> f64 {
    stats::median_ratio(
        raw.iter().zip(candidate).map(|(raw, own)| (raw.wall.as_secs_f64(), own.wall.as_secs_f64())),
    )
}

fn cost(candidate: &[Pass], raw: &[Pass], of: fn(&Pass) -> Duration) -> f64 {
    stats::median_ratio(
        candidate.iter().zip(raw).map(|(own, raw)| (of(own).as_secs_f64(), of(raw).as_secs_f64())),
    )
}

fn middle(passes: &[Pass], of: fn(&Pass) -> Duration) -> f64 {
    stats::median(passes.iter().map(|pass| of(pass).as_secs_f64()))
}

fn rows(raw: &[Pass], ours: &[Pass], others: &[(Peer, Vec<Pass>)]) -> Vec<Row> {
    let listed = |one: &dyn Fn(&[Pass]) -> String| {
        let mut list: Vec<String> =
            others.iter().map(|(peer, passes)| format!("{} {}", peer.name(), one(passes))).collect();
        list.extend(
            peers::ALL
                .iter()
                .filter(|peer| !peer.is_there())
                .map(|peer| format!("{} not installed", peer.name())),
        );
        list.join(", ")
    };
    let own_speed = speed(ours, raw);
    let own_cost = cost(ours, raw, Pass::all);
    let carried = |passes: &[Pass]| cost(passes, raw, |pass| pass.carrying);
    vec![
        Row::new(
            "bulk output, wall, as a part of raw's speed",
            format!("{own_speed:.2}× ({:.2} s, raw {:.2} s)", middle(ours, |p| p.wall), middle(raw, |p| p.wall)),
        )
        .target("≥ 0.8×", own_speed >= 0.8)
        .peers(listed(&|passes| format!("{:.2}×", speed(passes, raw))))
        .why("the session's thread carries, records, feeds the screen and reads the terminal in turn; raw only reads"),
        Row::new(
            "processor time of the same, program, daemon and client together",
            format!("{own_cost:.2}× ({:.2} s, raw {:.2} s)", middle(ours, Pass::all), middle(raw, Pass::all)),
        )
        .target("≤ 3×", own_cost <= 3.0)
        .peers(listed(&|passes| format!("{:.2}×", cost(passes, raw, Pass::all))))
        .why("the screen, the recording's compression and the copies to and from the client are work that raw does not do"),
        Row::new(
            "of it, daemon and client alone, against raw's reader alone",
            format!("{:.2}× ({:.2} s, raw {:.2} s)", carried(ours), middle(ours, |p| p.carrying), middle(raw, |p| p.carrying)),
        )
        .peers(listed(&|passes| format!("{:.2}×", carried(passes)))),
    ]
}
