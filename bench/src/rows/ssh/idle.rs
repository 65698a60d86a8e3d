//! Terminals on other machines while nothing happens in them.

use anyhow::Result;

use crate::daemon::Daemon;
use crate::machine;
use crate::report::Row;
use crate::rows::Bench;
use crate::rows::memory::{IDLE_FOR, QUIET_PROGRAM, SETTLE};
use crate::ssh::Rig;
use crate::wire::Client;

const SESSIONS: usize = 500;
const BLANK: usize = 200;

pub(in crate::rows) fn measure(bench: &Bench) -> Result<Vec<Row>> {
    let rig = Rig::start()?;
    let daemon = Daemon::start(&bench.binary)?;
    let program = QUIET_PROGRAM.map(str::to_owned);
    let mut client = daemon.client()?;
    // What all share comes with the first ones.
    client.create(&program)?;
    let quoted = ["exec sh -c 'echo ready; exec sleep infinity'".to_owned()];
    let to = rig.to(&quoted, "idle");
    over_ssh(&mut client, &to, 1)?;
    std::thread::sleep(SETTLE);
    let start = machine::pss_kib(daemon.pid())?;
    for _ in 0..BLANK {
        client.create(&program)?;
    }
    std::thread::sleep(SETTLE);
    let (before, threads) = (machine::pss_kib(daemon.pid())?, threads(&daemon)?);
    let blank = before.saturating_sub(start) as f64 / BLANK as f64;
    over_ssh(&mut client, &to, SESSIONS)?;
    std::thread::sleep(SETTLE);
    let after = machine::pss_kib(daemon.pid())?;
    let more_threads = self::threads(&daemon)?.saturating_sub(threads);
    let switches = machine::switches(daemon.pid())?;
    std::thread::sleep(IDLE_FOR);
    let switches = machine::switches_between(&switches, &machine::switches(daemon.pid())?);
    let each = after.saturating_sub(before) as f64 / SESSIONS as f64;
    let over = each - blank;
    Ok(vec![
        Row::new(
            format!("memory of an idle terminal on a shared SSH connection, over a blank local session (PSS, over {SESSIONS})"),
            format!("{over:.0} KB (whole {each:.0} KB, local {blank:.0} KB)"),
        )
        .target("≤ 60 KB", over <= 60.0),
        Row::new(format!("threads for {SESSIONS} of them"), format!("{more_threads}"))
            .target("0", more_threads == 0),
        Row::new(
            format!("{SESSIONS} of them idle for {} s, wake-ups of the daemon", IDLE_FOR.as_secs()),
            format!("{switches}"),
        )
        .target("≤ 10", switches <= 10)
        .why("one timer asks all silent connections for a sign of life every 15 s"),
    ])
}

fn threads(daemon: &Daemon) -> Result<usize> {
    Ok(machine::descriptors_and_threads(daemon.pid())?.1)
}

/// Each until it has shown its line.
fn over_ssh(client: &mut Client, to: &bastide_wire::ssh::Ssh, count: usize) -> Result<()> {
    for number in 0..count {
        let (session, _) = client.create_over_ssh(to)?;
        let viewer = u32::try_from(number)? + 1;
        let mut place = client.attach_from_start(session, viewer)?;
        while place.pos == 0 {
            let came = client.next(|came| match came {
                crate::wire::Came::Output { pos, data, .. } => Some((pos, data.len())),
                _ => None,
            })?;
            match came {
                Some(Some((pos, length))) => client.took(&mut place, pos, length)?,
                Some(None) => {}
                None => client.fill()?,
            }
        }
        client.detach(place)?;
    }
    Ok(())
}
