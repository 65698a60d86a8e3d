//! A flood from another machine.

use std::time::{Duration, Instant};

use anyhow::{Result, bail};

use crate::corpus::END;
use crate::daemon::Daemon;
use crate::path::{self, Path};
use crate::report::Row;
use crate::rows::Bench;
use crate::ssh::{Direct, Rig};
use crate::stats;
use crate::wire::Ours;

const ROUNDS: usize = 5;

pub(in crate::rows) fn measure(bench: &Bench) -> Result<Vec<Row>> {
    let rig = Rig::start()?;
    let daemon = Daemon::start(&bench.binary)?;
    let program = crate::inside::command(&["print", bench.corpus_file()?])?;
    let bytes = bench.corpus.on_terminal;
    let (mut own, mut bare) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        let mut direct = Direct::start(&rig, &program)?;
        bare.push(pass(&mut direct, bytes)?);
        let mut ours = Ours::over_ssh(&daemon, &rig.to(&program, "bulk"))?;
        own.push(pass(&mut ours, bytes)?);
        ours.kill()?;
    }
    let seconds = |time: &Duration| time.as_secs_f64();
    let speed = stats::median_ratio(bare.iter().zip(&own).map(|(bare, own)| (seconds(bare), seconds(own))));
    let rate = |times: &[Duration]| bytes as f64 / 1e6 / stats::median(times.iter().map(seconds));
    Ok(vec![
        Row::new(
            "bulk output over SSH, screen and recording included, as a part of russh's own speed",
            format!("{speed:.2}× ({:.0} MB/s, russh {:.0} MB/s)", rate(&own), rate(&bare)),
        )
        .target("≥ 0.9×", speed >= 0.9)
        .why("screen, recording and the way to the client share two cores with sshd and the program"),
    ])
}

fn pass(path: &mut dyn Path, expected: u64) -> Result<Duration> {
    path::started(path)?;
    let began = Instant::now();
    let bytes = path::drain(path, END)?;
    if bytes < expected {
        bail!("{bytes} bytes came of {expected}");
    }
    Ok(began.elapsed())
}
