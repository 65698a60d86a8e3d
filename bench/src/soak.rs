//! Churning sessions for a long time: made, typed into, resized, watched, left and killed, while the
//! daemon's memory, descriptors and threads stay flat.

use std::fmt;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::{Result, bail, ensure};
use bastide_wire::request::{Empty, Resize, Target};
use clap::Args;

use crate::daemon::{self, Daemon};
use crate::machine;
use crate::wire::{Came, Client, Place};

#[derive(Debug, Args)]
pub(crate) struct Soak {
    /// How long.
    #[arg(long, env = "SOAK_SECONDS", default_value_t = 3600)]
    seconds: u64,
    /// The same in minutes.
    #[arg(long, conflicts_with = "seconds")]
    minutes: Option<u64>,
    /// Sessions that are there at once.
    #[arg(long, default_value_t = 100)]
    sessions: usize,
}

/// Growth over the warm state that is still flat: allocators keep what they have had once, and the
/// log's index and the ended sessions that may still be looked at (256 of them) come to rest late.
const MEMORY_SLACK_KIB: u64 = 24 * 1024;
const DESCRIPTOR_SLACK: usize = 24;
const THREAD_SLACK: usize = 8;
/// The part of the time after which everything has been used often enough to be at rest.
const WARM_PART: u64 = 5;

/// One session of the churn and the viewer that types into it.
struct Resident {
    session: u32,
    place: Option<Place>,
}

struct Churn {
    client: Client,
    residents: Vec<Resident>,
    viewer: u32,
    round: u64,
    done: u64,
}

#[derive(Debug, Clone, Copy)]
struct Held {
    memory: u64,
    descriptors: usize,
    threads: usize,
    sessions: usize,
}

pub(crate) fn run(soak: &Soak, binary: Option<PathBuf>) -> Result<()> {
    let length =
        soak.minutes.map_or(Duration::from_secs(soak.seconds), |minutes| Duration::from_secs(minutes * 60));
    let daemon = Daemon::start(&daemon::binary(binary)?)?;
    let mut churn = Churn::new(daemon.client()?, soak.sessions)?;
    let began = Instant::now();
    let warm_at = length / u32::try_from(WARM_PART)?;
    let mut warm = None;
    let mut next_line = Duration::ZERO;
    while began.elapsed() < length {
        churn.step()?;
        if warm.is_none() && began.elapsed() >= warm_at {
            warm = Some(held(&daemon, &mut churn)?);
        }
        if began.elapsed() >= next_line {
            let now = held(&daemon, &mut churn)?;
            println!("{:>5} s: {} steps, {now}", began.elapsed().as_secs(), churn.done);
            if let Some(warm) = warm {
                check(warm, now)?;
            }
            next_line += Duration::from_secs(60).min(length / 5);
        }
    }
    let last = held(&daemon, &mut churn)?;
    check(warm.unwrap_or(last), last)?;
    churn.client.request("kill_all", Empty {})?;
    println!("soak: flat after {} steps in {} s: {last}", churn.done, length.as_secs());
    Ok(())
}

fn held(daemon: &Daemon, churn: &mut Churn) -> Result<Held> {
    let (descriptors, threads) = machine::descriptors_and_threads(daemon.pid())?;
    let sessions = churn.client.request("list", Empty {})?.sessions.map_or(0, |sessions| sessions.len());
    Ok(Held { memory: machine::pss_kib(daemon.pid())?, descriptors, threads, sessions })
}

fn check(warm: Held, now: Held) -> Result<()> {
    ensure!(now.memory <= warm.memory + MEMORY_SLACK_KIB, "memory grew: {warm} became {now}");
    ensure!(now.descriptors <= warm.descriptors + DESCRIPTOR_SLACK, "descriptors grew: {warm} became {now}");
    ensure!(now.threads <= warm.threads + THREAD_SLACK, "threads grew: {warm} became {now}");
    Ok(())
}

impl fmt::Display for Held {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { memory, descriptors, threads, sessions } = self;
        write!(f, "{memory} KiB, {descriptors} descriptors, {threads} threads, {sessions} sessions")
    }
}

impl Churn {
    fn new(client: Client, count: usize) -> Result<Self> {
        let mut churn = Self { client, residents: Vec::new(), viewer: 0, round: 0, done: 0 };
        for _ in 0..count {
            let session = churn.open()?;
            churn.residents.push(Resident { session, place: None });
        }
        Ok(churn)
    }

    fn open(&mut self) -> Result<u32> {
        self.client.create(&["/bin/sh".to_owned()])
    }

    /// One thing happens to one session; which, goes round.
    fn step(&mut self) -> Result<()> {
        let count = self.residents.len() as u64;
        let index = usize::try_from(self.round % count)?;
        let action = (self.round / count + self.round) % 7;
        self.round += 1;
        self.done += 1;
        match action {
            0 => self.attach(index),
            1 => self.type_in(index, b"echo soak $((1 + 1)); seq 200\n"),
            2 => self.resize(index),
            3 => self.type_in(index, b"printf '\\033[31m%s\\033[0m\\n' $(seq 500)\n"),
            4 => self.detach(index),
            5 => self.replace(index, self.round.is_multiple_of(2)),
            _ => self.take_what_came(),
        }
    }

    fn attach(&mut self, index: usize) -> Result<()> {
        self.detach(index)?;
        self.viewer += 1;
        let session = self.residents[index].session;
        let (place, _) = self.client.attach(session, self.viewer, 100)?;
        self.residents[index].place = Some(place);
        Ok(())
    }

    fn detach(&mut self, index: usize) -> Result<()> {
        match self.residents[index].place.take() {
            Some(place) => self.client.detach(place),
            None => Ok(()),
        }
    }

    fn type_in(&mut self, index: usize, line: &[u8]) -> Result<()> {
        match self.residents[index].place {
            Some(place) => self.client.type_in(place, line)?,
            None => return Ok(()),
        }
        self.take_what_came()
    }

    fn resize(&mut self, index: usize) -> Result<()> {
        let Some(place) = self.residents[index].place else { return Ok(()) };
        let cols = 60 + u16::try_from(self.round % 100)?;
        let resize = Resize { session: place.session, viewer: Some(place.viewer), cols, rows: 20 + cols / 8 };
        self.client.request("resize", resize).map(drop)
    }

    /// Ends a session, by a kill or by its own exit, and opens another.
    fn replace(&mut self, index: usize, kill: bool) -> Result<()> {
        let session = self.residents[index].session;
        if kill || self.residents[index].place.is_none() {
            self.residents[index].place = None;
            self.client.request("kill", Target { session, viewer: None })?;
        } else {
            self.type_in(index, b"exit 3\n")?;
            self.residents[index].place = None;
        }
        self.residents[index].session = self.open()?;
        Ok(())
    }

    /// A request whose answer comes after whatever is on the way, and then all that came.
    fn take_what_came(&mut self) -> Result<()> {
        self.client.request("list", Empty {})?;
        loop {
            let came = self.client.next(|came| match came {
                Came::Output { viewer, pos, data } => Some((viewer, pos, data.len())),
                Came::Lagged | Came::Other => None,
            })?;
            match came {
                None => return Ok(()),
                Some(None) => {}
                Some(Some((viewer, pos, length))) => self.took(viewer, pos, length)?,
            }
        }
    }

    fn took(&mut self, viewer: u32, pos: u64, length: usize) -> Result<()> {
        let place =
            self.residents.iter_mut().filter_map(|r| r.place.as_mut()).find(|place| place.viewer == viewer);
        match place {
            // It was left while this was on the way.
            None => Ok(()),
            Some(place) if place.pos == pos => self.client.took(place, pos, length),
            Some(place) => bail!("session {}: output jumped from {} to {pos}", place.session, place.pos),
        }
    }
}
