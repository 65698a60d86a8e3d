//! From nothing to a terminal, and to one more terminal on a connection that is there.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use bastide_rt::Tasks;
use bastide_ssh::{Config, NobodyToAsk, Pool, Shell, ShellOptions};
use bastide_wire::ssh::Ssh;
use russh::ChannelMsg;
use serde::Deserialize;

use crate::report::Row;
use crate::rows::Bench;
use crate::ssh::{Rig, Russh};
use crate::stats::{Times, ratio, show};
use crate::{machine, stats};

/// Peers take up to 0.2 s for a connection.
const ROUNDS: usize = 60;
const PEER_ROUNDS: usize = 20;
const LIBRARIES: [&str; 2] = ["asyncssh", "paramiko"];
/// What ends a shell.
const LEAVE: &[u8] = b"exit\n";
/// Live connections whose cost is measured.
const HELD: usize = 40;

/// What `ssh_peers.py connect` prints, in milliseconds.
#[derive(Debug, Deserialize)]
struct PeerTimes {
    cold: Vec<f64>,
    pooled: Vec<f64>,
}

struct Candidates<'a> {
    rig: &'a Rig,
    pool: Pool,
}

impl Candidates<'_> {
    async fn ours(&self, isolation: &str) -> Result<(Shell, Duration)> {
        let to = Ssh { isolation: isolation.to_owned(), ..self.rig.sshd.ssh() };
        let began = Instant::now();
        let shell = self.pool.shell(&to, ShellOptions::default(), Arc::new(NobodyToAsk)).await?;
        Ok((shell, began.elapsed()))
    }
}

/// What one way took, each time.
#[derive(Default)]
struct Opened {
    /// Until the server has granted the shell.
    granted: Times,
    /// Until the shell's first byte.
    first: Times,
}

impl Opened {
    fn push(&mut self, (granted, first): (Duration, Duration)) {
        self.granted.push(granted);
        self.first.push(first);
    }
}

pub(in crate::rows) fn measure(_: &Bench) -> Result<Vec<Row>> {
    let rig = Rig::start()?;
    let runtime = Arc::clone(&rig.runtime);
    let candidates = Candidates { rig: &rig, pool: Pool::new(Config::default(), Tasks::new()) };
    let (own, russh, pairs) = runtime.block_on(pooled(&candidates))?;
    let (cold, russh_cold) = runtime.block_on(cold(&candidates))?;
    runtime.block_on(candidates.pool.close());
    let peers: Vec<(&str, PeerTimes)> =
        LIBRARIES.into_iter().map(|library| Ok((library, of_peer(&rig, library)?))).collect::<Result<_>>()?;
    let listed = |of: &dyn Fn(&PeerTimes) -> String| {
        let all: Vec<String> = peers.iter().map(|(name, times)| format!("{name} {}", of(times))).collect();
        all.join(", ")
    };
    let ms = |all: &[f64]| format!("{:.2} ms", stats::median(all.iter().copied()));
    let faster = ratio(cold.p50(), own.granted.p50());
    let shown = |opened: &Opened| {
        format!("{}, its first byte after {}", show(opened.granted.p50()), show(opened.first.p50()))
    };
    let held = held(&rig)?;
    Ok(vec![
        Row::new(
            "one more terminal on an SSH connection that is there, p50, against russh's own channel",
            format!("{pairs:.2}× ({}; russh {})", shown(&own), shown(&russh)),
        )
        .target("≤ 1.1×", pairs <= 1.1)
        .peers(listed(&|times| ms(&times.pooled)))
        .why("a task for each step that must come to its end when nobody waits for it any more"),
        Row::new("the same against a new connection with its login", format!("{faster:.1}× faster"))
            .target("≥ 20×", faster >= 20.0)
            .peers(listed(&|times| {
                format!(
                    "{:.1}×",
                    stats::median(times.cold.iter().copied()) / stats::median(times.pooled.iter().copied())
                )
            }))
            .why("both end with sshd starting a shell; only what comes before it can be spared"),
        Row::new(
            "connect, log in, terminal, from nothing, p50",
            format!("{} (russh alone {})", show(cold.p50()), show(russh_cold.p50())),
        )
        .peers(listed(&|times| ms(&times.cold))),
        held,
    ])
}

/// In turns, on connections that are there; and the middle of the pairs' ratios. Each begins when the shell before
/// it has ended: what a server does for a shell that starts or ends would else be counted for who comes next.
async fn pooled(candidates: &Candidates<'_>) -> Result<(Opened, Opened, f64)> {
    let (_first, _) = candidates.ours("pooled").await?;
    let direct = Russh::connect(&candidates.rig.sshd).await?;
    let _other = direct.terminal(None).await?;
    let (mut own, mut bare, mut pairs) = (Opened::default(), Opened::default(), Vec::new());
    for round in 0..=ROUNDS {
        let (one, two) = if round % 2 == 0 {
            let one = candidates.shell().await?;
            (one, russh_shell(&direct).await?)
        } else {
            let two = russh_shell(&direct).await?;
            (candidates.shell().await?, two)
        };
        // The first brings what the server reads once.
        if round > 0 {
            own.push(one);
            bare.push(two);
            pairs.push(ratio(one.0, two.0));
        }
    }
    Ok((own, bare, stats::median(pairs)))
}

impl Candidates<'_> {
    /// Opens a shell on the shared connection, sees its first byte, and lets it end.
    async fn shell(&self) -> Result<(Duration, Duration)> {
        let began = Instant::now();
        let (shell, granted) = self.ours("pooled").await?;
        let mut buffer = [0; 1024];
        while shell.try_read(&mut buffer).is_err() {
            shell.readable().await?;
        }
        let first = began.elapsed();
        shell.try_write(LEAVE)?;
        shell.wait().await;
        Ok((granted, first))
    }
}

/// The same by `russh` alone.
async fn russh_shell(connection: &Russh) -> Result<(Duration, Duration)> {
    let began = Instant::now();
    let mut channel = connection.terminal(None).await?;
    let granted = began.elapsed();
    while !matches!(channel.wait().await.context("the channel ended")?, ChannelMsg::Data { .. }) {}
    let first = began.elapsed();
    channel.data_bytes(LEAVE.to_vec()).await?;
    while channel.wait().await.is_some() {}
    Ok((granted, first))
}

async fn cold(candidates: &Candidates<'_>) -> Result<(Times, Times)> {
    let (mut own, mut bare) = (Times::default(), Times::default());
    for round in 0..PEER_ROUNDS {
        let (shell, took) = candidates.ours(&format!("cold {round}")).await?;
        own.push(took);
        drop(shell);
        let began = Instant::now();
        let connection = Russh::connect(&candidates.rig.sshd).await?;
        let _channel = connection.terminal(None).await?;
        bare.push(began.elapsed());
    }
    Ok((own, bare))
}

fn of_peer(rig: &Rig, library: &str) -> Result<PeerTimes> {
    let mut peer = rig.peer(&["connect", library], &[PEER_ROUNDS.to_string()])?;
    serde_json::from_str(&peer.line()?).context("what the peer measured")
}

/// Memory and processor time of connections that live, each with a terminal.
fn held(rig: &Rig) -> Result<Row> {
    let own = crate::inside::command(&["hold", &HELD.to_string()])?;
    let ours = crate::ssh::Peer::of(std::process::Command::new(&own[0]).args(&own[1..]).args(rig.target()))?;
    let ours = cost(ours)?;
    let mut peers = Vec::new();
    for library in LIBRARIES {
        let cost = cost(rig.peer(&["hold", library], &[HELD.to_string()])?)?;
        peers.push(format!("{library} {cost}"));
    }
    let what = format!("a live connection with a terminal (PSS), and processor time to make it, over {HELD}");
    Ok(Row::new(what, ours).peers(peers.join(", ")))
}

fn cost(mut peer: crate::ssh::Peer) -> Result<String> {
    peer.ready()?;
    let (memory, time) = (machine::pss_kib(peer.pid())?, machine::cpu(peer.pid())?.own);
    peer.go_on()?;
    peer.ready()?;
    let memory = machine::pss_kib(peer.pid())?.saturating_sub(memory);
    let time = machine::cpu(peer.pid())?.own.saturating_sub(time);
    Ok(format!("{} KB, {:.1} ms", memory / HELD as u64, time.as_secs_f64() * 1000.0 / HELD as f64))
}
