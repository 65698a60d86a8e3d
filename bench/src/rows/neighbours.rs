//! Fifty people typing, alone and beside one flood.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use super::Bench;
use crate::bare::Bare;
use crate::daemon::Daemon;
use crate::inside;
use crate::path::{self, Path};
use crate::report::Row;
use crate::stats::{Times, ratio, show};
use crate::wire::Ours;

const SESSIONS: usize = 50;
/// Rounds of one key in every session.
const KEYS: usize = 40;
/// Between two keys: fifty people who type four keys a second each.
const PAUSE: Duration = Duration::from_millis(5);

pub(super) fn measure(bench: &Bench) -> Result<Vec<Row>> {
    let echo = inside::command(&["echo"])?;
    let flood = inside::command(&["print", "--for-ever", bench.corpus_file()?])?;
    let daemon = Daemon::start(&bench.binary)?;
    let mut ours: Vec<Box<dyn Path>> = Vec::new();
    let mut bare: Vec<Box<dyn Path>> = Vec::new();
    for _ in 0..SESSIONS {
        ours.push(Box::new(Ours::start(&daemon, &echo)?));
        bare.push(Box::new(Bare::start(&echo, &[])?));
    }
    for path in ours.iter_mut().chain(&mut bare) {
        path::started(path.as_mut())?;
    }
    let alone = typing(&mut ours)?;
    let beside = {
        let _flood = Flood::start(Box::new(Ours::start(&daemon, &flood)?))?;
        typing(&mut ours)?
    };
    let bare_alone = typing(&mut bare)?;
    let bare_beside = {
        let _flood = Flood::start(Box::new(Bare::start(&flood, &[])?))?;
        typing(&mut bare)?
    };
    let grown = ratio(beside.p99(), alone.p99());
    let times = |times: &Times| format!("{} / {}", show(times.p50()), show(times.p99()));
    Ok(vec![
        Row::new(
            "echo of 50 sessions beside one flood, p99 against without it",
            format!("{grown:.2}× (p50 / p99 {} beside, {} without)", times(&beside), times(&alone)),
        )
        .target("≤ 3×", grown <= 3.0)
        .peers(format!(
            "bare terminals {:.2}× ({} beside, {} without)",
            ratio(bare_beside.p99(), bare_alone.p99()),
            times(&bare_beside),
            times(&bare_alone)
        ))
        .why("with two cores the flood's program, kernel worker, session and reader leave none free; bare terminals show how much is the machine's"),
    ])
}

fn typing(paths: &mut [Box<dyn Path>]) -> Result<Times> {
    let mut times = Times::default();
    for _ in 0..KEYS {
        for path in &mut *paths {
            std::thread::sleep(PAUSE);
            let began = Instant::now();
            path.send(b"x")?;
            while !path.receive()?.contains(&b'x') {
                if began.elapsed() > Duration::from_secs(10) {
                    bail!("no echo within 10 s");
                }
            }
            times.push(began.elapsed());
        }
    }
    Ok(times)
}

/// Output without end, taken by a thread until dropped.
struct Flood {
    stop: Arc<AtomicBool>,
    reader: Option<std::thread::JoinHandle<Result<()>>>,
}

impl Flood {
    fn start(mut path: Box<dyn Path + Send>) -> Result<Self> {
        path::started(path.as_mut())?;
        path.send(b"\n")?;
        // It runs before anything is measured beside it.
        path.receive().context("the flood has begun")?;
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        let reader = std::thread::spawn(move || {
            while !stopped.load(Ordering::Relaxed) {
                path.receive()?;
            }
            Ok(())
        });
        Ok(Self { stop, reader: Some(reader) })
    }
}

impl Drop for Flood {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(reader) = self.reader.take()
            && !matches!(reader.join(), Ok(Ok(())))
        {
            eprintln!("  the flood's reader failed");
        }
    }
}
