//! What a terminal in a browser costs while nothing happens in it.

use std::time::Duration;

use anyhow::Result;

use super::Bench;
use super::memory::{IDLE_FOR, QUIET_PROGRAM, SETTLE};
use crate::daemon::Daemon;
use crate::machine;
use crate::page::Page;
use crate::report::Row;
use crate::server::Server;

const TERMINALS: usize = 250;

/// Memory, threads and switches of daemon and server together.
struct Both {
    pids: [i32; 2],
}

impl Both {
    fn pss_kib(&self) -> Result<[u64; 2]> {
        Ok([machine::pss_kib(self.pids[0])?, machine::pss_kib(self.pids[1])?])
    }

    fn threads(&self) -> Result<usize> {
        let count = |pid: i32| Ok(machine::descriptors_and_threads(pid)?.1);
        self.pids.iter().map(|pid| count(*pid)).sum()
    }

    /// Switches of all threads, and processor time, while nothing is done.
    fn idle(&self, time: Duration) -> Result<(u64, Duration)> {
        let before: Vec<_> = self.pids.iter().map(|pid| machine::switches(*pid)).collect::<Result<_>>()?;
        let cpu = machine::cpu_of(&self.pids);
        std::thread::sleep(time);
        let mut switches = 0;
        for (pid, before) in self.pids.iter().zip(&before) {
            switches += machine::switches_between(before, &machine::switches(*pid)?);
        }
        Ok((switches, machine::cpu_of(&self.pids).saturating_sub(cpu)))
    }
}

pub(super) fn measure(bench: &Bench) -> Result<Vec<Row>> {
    let daemon = Daemon::start(&bench.binary)?;
    let server = Server::start(&bench.binary, &daemon)?;
    let both = Both { pids: [daemon.pid(), server.pid()] };
    let program = QUIET_PROGRAM.map(str::to_owned);
    let mut client = daemon.client()?;
    let uids: Vec<String> =
        (0..=TERMINALS).map(|_| client.create_lasting(&program)).collect::<Result<_>>()?;
    // The first terminal brings what all share.
    let mut pages = vec![open(&server, &uids[0])?];
    std::thread::sleep(SETTLE);
    let (before, threads) = (both.pss_kib()?, both.threads()?);
    for uid in &uids[1..] {
        pages.push(open(&server, uid)?);
    }
    std::thread::sleep(SETTLE);
    let (switches, cpu) = both.idle(IDLE_FOR)?;
    let after = both.pss_kib()?;
    let more_threads = both.threads()?.saturating_sub(threads);
    let each: Vec<f64> = after
        .iter()
        .zip(before)
        .map(|(after, before)| after.saturating_sub(before) as f64 / TERMINALS as f64)
        .collect();
    let sum = each[0] + each[1];
    Ok(vec![
        Row::new(
            format!("memory of an idle terminal in server and daemon, over its blank session (PSS, over {TERMINALS})"),
            format!("{sum:.0} KB (server {:.0} KB, daemon {:.0} KB)", each[1], each[0]),
        )
        .target("≤ 40 KB", sum <= 40.0),
        Row::new(format!("threads for {TERMINALS} terminals"), format!("{more_threads}"))
            .target("0", more_threads == 0),
        Row::new(
            format!("{TERMINALS} idle terminals for {} s, wake-ups of server and daemon", IDLE_FOR.as_secs()),
            format!("{switches} ({} ms of processor time)", cpu.as_millis()),
        )
        .target("0 each", switches < TERMINALS as u64 / 10)
        .why("the server pings all its terminals together every 30 s"),
    ])
}

/// As a page opens it, up to its first picture.
fn open(server: &Server, uid: &str) -> Result<Page> {
    let mut page = Page::connect(server, uid, "fresh=1&scrollback=5000")?;
    page.output()?;
    Ok(page)
}
