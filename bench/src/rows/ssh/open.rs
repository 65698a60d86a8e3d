//! From nothing to a terminal, and to one more terminal on a connection that is there.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use bastide_rt::Tasks;
use bastide_ssh::{Config, NobodyToAsk, Pool, Shell, ShellOptions};
use bastide_wire::ssh::Ssh;
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

pub(in crate::rows) fn measure(_: &Bench) -> Result<Vec<Row>> {
    let rig = Rig::start()?;
    let runtime = Arc::clone(&rig.runtime);
    let candidates = Candidates { rig: &rig, pool: Pool::new(Config::default(), Tasks::new()) };
    let (pooled, russh, pairs) = runtime.block_on(pooled(&candidates))?;
    let (cold, russh_cold) = runtime.block_on(cold(&candidates))?;
    runtime.block_on(candidates.pool.close());
    let peers: Vec<(&str, PeerTimes)> =
        LIBRARIES.into_iter().map(|library| Ok((library, of_peer(&rig, library)?))).collect::<Result<_>>()?;
    let listed = |of: &dyn Fn(&PeerTimes) -> String| {
        let all: Vec<String> = peers.iter().map(|(name, times)| format!("{name} {}", of(times))).collect();
        all.join(", ")
    };
    let ms = |all: &[f64]| format!("{:.2} ms", stats::median(all.iter().copied()));
    let faster = ratio(cold.p50(), pooled.p50());
    let held = held(&rig)?;
    Ok(vec![
        Row::new(
            "one more terminal on an SSH connection that is there, p50, against russh's own channel",
            format!("{pairs:.2}× ({}, russh {})", show(pooled.p50()), show(russh.p50())),
        )
        .target("≤ 1.1×", pairs <= 1.1)
        .peers(listed(&|times| ms(&times.pooled)))
        .why("not looked into yet"),
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

/// In turns, on connections that are there; and the middle of the pairs' ratios.
async fn pooled(candidates: &Candidates<'_>) -> Result<(Times, Times, f64)> {
    let (_first, _) = candidates.ours("pooled").await?;
    let direct = Russh::connect(&candidates.rig.sshd).await?;
    let _other = direct.terminal(None).await?;
    let (mut own, mut bare, mut pairs) = (Times::default(), Times::default(), Vec::new());
    for _ in 0..ROUNDS {
        let (shell, took) = candidates.ours("pooled").await?;
        drop(shell);
        let began = Instant::now();
        let channel = direct.terminal(None).await?;
        let took_bare = began.elapsed();
        channel.close().await?;
        own.push(took);
        bare.push(took_bare);
        pairs.push(ratio(took, took_bare));
    }
    Ok((own, bare, stats::median(pairs)))
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
