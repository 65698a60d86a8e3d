//! What a session under the gate costs while nothing starts in it.

use std::fs;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use bastide_pty::gate::{Gated, Profile, Report, Supervisor};

use super::{read, setup, setup_with};
use crate::machine;
use crate::report::Row;

/// Supervisors beside each other: what they share is one daemon's, not each one's.
const SESSIONS: usize = 3;
/// A supervisor gives back what it does not need a second after the last program start.
const SETTLES: Duration = Duration::from_millis(2500);
const LOOK: Duration = Duration::from_secs(2);

/// A shell that has started programs and waits.
const WORKED: &str = "for i in 1 2 3 4 5 6 7 8; do /bin/true; done; read line";

pub(super) async fn memory(supervisor: &Supervisor) -> Result<Row> {
    let program = ["/bin/bash".to_owned(), "-c".to_owned(), WORKED.to_owned()];
    let mut sessions = Vec::new();
    for _ in 0..SESSIONS {
        let mut gated = bastide_pty::gate::spawn(setup(supervisor, &program, Profile::Workbench)?).await?;
        let mut started = 0;
        while started < 8 {
            match gated.control.next().await?.context("the session ended")? {
                Report::Verdict(verdict)
                    if verdict.start.argv.first().is_some_and(|name| name == "/bin/true") =>
                {
                    started += 1;
                }
                _ => {}
            }
        }
        sessions.push(gated);
    }
    tokio::time::sleep(SETTLES).await;
    let pid = parent(&sessions[0])?;
    let rollup = format!("/proc/{pid}/smaps_rollup");
    let rss = machine::field(&rollup, "Rss:")?;
    let private = machine::field(&rollup, "Private_Clean:")? + machine::field(&rollup, "Private_Dirty:")?;
    let before = machine::switches(pid)?;
    tokio::time::sleep(LOOK).await;
    let woken = machine::switches_between(&before, &machine::switches(pid)?);
    for gated in sessions {
        gated.control.end()?;
        gated.child.wait().await?;
    }
    Ok(Row::new(
        "a supervisor whose session waits: memory, of it private; wake-ups in 2 s",
        format!("{rss} KB, {private} KB; {woken}"),
    )
    .target("≤ 2,500 KB, ≤ 500 KB; 0", rss <= 2500 && private <= 500 && woken == 0))
}

/// A program start that waits for a person.
pub(super) async fn held(supervisor: &Supervisor) -> Result<Row> {
    const REVIEW: &[u8] = br#"{"version":1,"rules":[
        {"id":"ask","priority":1,"action":"review","match":{"programs":["id"]}}]}"#;
    let program = ["/bin/bash".to_owned(), "-c".to_owned(), "id".to_owned()];
    let setup = setup_with(supervisor, &program, Profile::Workbench, REVIEW)?;
    let mut gated = bastide_pty::gate::spawn(setup).await?;
    let held = loop {
        if let Report::Held(held) = gated.control.next().await?.context("the session ended")? {
            break held;
        }
    };
    let pids = [parent(&gated)?, gated.child.pid()];
    tokio::time::sleep(SETTLES).await;
    let before = ran(&pids)?;
    tokio::time::sleep(LOOK).await;
    let took = ran(&pids)?.saturating_sub(before);
    gated.control.answer(held.id, &held.hash, true)?;
    let text = read(&gated.child.master).await?;
    gated.child.wait().await?;
    if !text.contains("uid=") {
        bail!("what was approved did not run: {text}");
    }
    Ok(Row::new(
        "a command held for review: processor time of session and supervisor in 2 s",
        format!("{} µs", took.as_micros()),
    )
    .target("0", took.is_zero()))
}

fn parent(gated: &Gated) -> Result<i32> {
    let pid = machine::field(&format!("/proc/{}/status", gated.child.pid()), "PPid:")?;
    let pid = i32::try_from(pid)?;
    if pid <= 1 {
        bail!("the session has no supervisor");
    }
    Ok(pid)
}

/// To the nanosecond, from `/proc/PID/schedstat`.
fn ran(pids: &[i32]) -> Result<Duration> {
    let mut all = Duration::ZERO;
    for pid in pids {
        let text = fs::read_to_string(format!("/proc/{pid}/schedstat"))?;
        let nanos = text.split_whitespace().next().context("schedstat is empty")?.parse()?;
        all += Duration::from_nanos(nanos);
    }
    Ok(all)
}
