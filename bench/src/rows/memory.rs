//! What a session costs while nothing happens in it.

use std::time::Duration;

use anyhow::Result;

use super::Bench;
use crate::daemon::Daemon;
use crate::machine;
use crate::peers::{self, Peer, Session};
use crate::report::Row;

const BLANK: u32 = 200;
const IDLE: u32 = 100;
/// Fewer than of ours: a peer that has a process for each starts slowly.
const PEER_SESSIONS: usize = 50;
pub(super) const IDLE_FOR: Duration = Duration::from_secs(10);
/// A program that has shown something, as a shell its prompt, and waits for ever.
pub(super) const QUIET_PROGRAM: [&str; 3] = ["sh", "-c", "echo ready; exec sleep infinity"];
/// Recordings are synced 5 s after their first byte, threads for blocking calls end 10 s after their
/// last one; after this all is still.
pub(super) const SETTLE: Duration = Duration::from_secs(12);

pub(super) fn measure(bench: &Bench) -> Result<Vec<Row>> {
    let daemon = Daemon::start(&bench.binary)?;
    let program = QUIET_PROGRAM.map(str::to_owned);
    let mut client = daemon.client()?;
    // The first session brings what all share.
    client.create(&program)?;
    std::thread::sleep(SETTLE);
    let before = machine::pss_kib(daemon.pid())?;
    for _ in 1..IDLE {
        client.create(&program)?;
    }
    std::thread::sleep(SETTLE);
    let (switches, cpu) = (machine::switches(daemon.pid())?, machine::cpu(daemon.pid())?);
    std::thread::sleep(IDLE_FOR);
    let switches = machine::switches_between(&switches, &machine::switches(daemon.pid())?);
    let cpu = machine::cpu(daemon.pid())?.own.saturating_sub(cpu.own);
    for _ in IDLE..=BLANK {
        client.create(&program)?;
    }
    std::thread::sleep(SETTLE);
    let each = (machine::pss_kib(daemon.pid())?.saturating_sub(before)) as f64 / f64::from(BLANK);
    let peers: Vec<String> = peers::ALL
        .into_iter()
        .filter(|peer| peer.is_there())
        .map(|peer| Ok(format!("{} {:.0} KB", peer.name(), of_peer(peer)?)))
        .collect::<Result<_>>()?;
    Ok(vec![
        Row::new(format!("memory of a blank session (PSS, over {BLANK})"), format!("{each:.0} KB"))
            .target("≤ 160 KB", each <= 160.0)
            .peers(peers.join(", ")),
        Row::new(
            format!("{IDLE} idle sessions for {} s", IDLE_FOR.as_secs()),
            format!("{switches} wake-ups, {} ms of processor time", cpu.as_millis()),
        )
        .target("0 wake-ups", switches == 0),
    ])
}

/// KiB per session: growth of tmux's server, or whole processes where every session has its own.
fn of_peer(peer: Peer) -> Result<f64> {
    let session = Session::new(peer)?;
    let sum = |pids: Vec<i32>| -> Result<u64> { pids.into_iter().map(machine::pss_kib).sum() };
    let first = sum(session.fill(0..1, &QUIET_PROGRAM)?)?;
    let more = session.fill(1..PEER_SESSIONS + 1, &QUIET_PROGRAM)?;
    Ok(sum(more)?.saturating_sub(first) as f64 / PEER_SESSIONS as f64)
}
