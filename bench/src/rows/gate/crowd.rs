//! A hundred sessions that start programs at once.

use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use bastide_pty::gate::{Profile, Supervisor};
use futures_util::future::try_join_all;

use super::{Way, begin, run};
use crate::inside;
use crate::report::Row;
use crate::stats::{median, ratio, show};

const SESSIONS: usize = 100;
/// Programs in each.
const STARTS: usize = 40;
const ROUNDS: usize = 5;

pub(super) async fn row(supervisor: &Supervisor) -> Result<Row> {
    let many = inside::command(&["spawns", "--on-key", &STARTS.to_string(), "/bin/true"])?;
    let one = inside::command(&["spawns", &(SESSIONS * STARTS).to_string(), "/bin/true"])?;
    let gated = Way::Gated(Profile::Closed);
    let (mut crowds, mut singles, mut each) = (Vec::new(), Vec::new(), Vec::new());
    for round in 0..=ROUNDS {
        let bare = together(supervisor, &many, Way::Bare).await?;
        let crowd = together(supervisor, &many, gated).await?;
        let alone = run(supervisor, &one, Way::Bare).await?;
        let single = run(supervisor, &one, gated).await?;
        // The first turn warms up.
        if round > 0 {
            crowds.push(ratio(crowd, bare));
            singles.push(ratio(single, alone));
            each.push(crowd.as_secs_f64());
        }
    }
    let (crowd, single) = (median(crowds), median(singles));
    let each = Duration::from_secs_f64(median(each)).div_f64((SESSIONS * STARTS) as f64);
    Ok(Row::new(
        "100 sessions under the gate that start /bin/true at once, each beside the same without it",
        format!("{crowd:.2}× ({} per start, all processors together); one session {single:.2}×", show(each)),
    )
    .target("≤ 1.6×, as one session", crowd <= 1.6)
    .why("with all processors busy the supervisor's part does not overlap with the program's"))
}

/// From the key that all of them wait for to the last end.
async fn together(supervisor: &Supervisor, program: &[String], way: Way) -> Result<Duration> {
    let mut all = Vec::new();
    for _ in 0..SESSIONS {
        all.push(begin(supervisor, program, way).await?);
    }
    let begun = Instant::now();
    for session in &all {
        session.child.master.try_write(b"\n")?;
    }
    let ends = try_join_all(all.into_iter().map(super::Running::finish)).await?;
    if let Some(wrong) = ends.iter().find(|text| !text.contains(inside::TOOK)) {
        bail!("a session did not end as it should: {wrong}");
    }
    Ok(begun.elapsed())
}
