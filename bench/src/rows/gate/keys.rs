//! One typed byte and its echo, with rules and without.

use std::path::Path;

use anyhow::Result;

use super::bundle;
use crate::daemon::Daemon;
use crate::report::Row;
use crate::ssh::Rig;
use crate::stats::{Times, median, ratio, show};
use crate::wire::{Ours, Rules};
use crate::{inside, path};

const BYTES_PER_ROUND: usize = 1000;
const ROUNDS: usize = 9;
const RULES: &[u8] = br#"{"version":1,"rules":[
    {"id":"no-id","priority":1,"action":"deny","match":{"programs":["id"]}}]}"#;

pub(super) fn rows(binary: &Path) -> Result<Vec<Row>> {
    let daemon = Daemon::start(binary)?;
    let program = inside::command(&["echo"])?;
    let bundle = bundle(RULES)?;
    let rules = Rules { digest: bundle.digest_hex(), bytes: bundle.bytes().to_vec() };
    let free = Ours::start(&daemon, &program)?;
    let gated = Ours::with_rules(&daemon, &program, &rules)?;
    let local = row("in a session under the gate", free, gated)?;

    let rig = Rig::start()?;
    let free = Ours::over_ssh(&daemon, &rig.to(&program, "keys"))?;
    let watched = Ours::over_ssh_with_rules(&daemon, &rig.to(&program, "keys"), &rules)?;
    Ok(vec![local, row("over SSH with its screen read", free, watched)?])
}

/// In turns.
fn row(whose: &str, mut free: Ours, mut ruled: Ours) -> Result<Row> {
    path::started(&mut free)?;
    path::started(&mut ruled)?;
    let (mut without, mut with, mut pairs) = (Times::default(), Times::default(), Vec::new());
    for round in 0..ROUNDS {
        // The second of a pair finds the machine as the first left it: each is the second every other time.
        let (one, two) = if round % 2 == 0 {
            let one = path::echoes(&mut free, BYTES_PER_ROUND)?;
            (one, path::echoes(&mut ruled, BYTES_PER_ROUND)?)
        } else {
            let two = path::echoes(&mut ruled, BYTES_PER_ROUND)?;
            (path::echoes(&mut free, BYTES_PER_ROUND)?, two)
        };
        pairs.push(ratio(two.p50(), one.p50()));
        without.extend(one);
        with.extend(two);
    }
    let middle = median(pairs);
    Ok(Row::new(
        format!("one echoed byte {whose}, p50, beside the same without rules"),
        format!("{middle:.2}× ({}, without {})", show(with.p50()), show(without.p50())),
    )
    .target("≤ 1.05×", middle <= 1.05))
}
