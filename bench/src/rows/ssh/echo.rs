//! One typed byte and its echo from another machine, as a page has it.

use anyhow::Result;

use crate::daemon::Daemon;
use crate::page::Page;
use crate::report::Row;
use crate::rows::Bench;
use crate::server::Server;
use crate::ssh::{Direct, Rig, WebConsole};
use crate::stats::{Times, median, ratio, show};
use crate::{inside, path};

const BYTES_PER_ROUND: usize = 1000;
const ROUNDS: usize = 7;

pub(in crate::rows) fn measure(bench: &Bench) -> Result<Vec<Row>> {
    let rig = Rig::start()?;
    let daemon = Daemon::start(&bench.binary)?;
    let server = Server::start(&bench.binary, &daemon)?;
    let program = inside::command(&["echo"])?;
    let (_, uid) = daemon.client()?.create_over_ssh(&rig.to(&program, "echo"))?;
    let mut ours = Page::open(&server, &uid)?;
    path::started(&mut ours)?;
    let mut console = WebConsole::start(&rig, &program)?;
    path::started(&mut console)?;
    let mut direct = Direct::start(&rig, &program)?;
    path::started(&mut direct)?;
    let (mut own, mut other, mut bare, mut pairs) =
        (Times::default(), Times::default(), Times::default(), Vec::new());
    for _ in 0..ROUNDS {
        let one = path::echoes(&mut ours, BYTES_PER_ROUND)?;
        let two = path::echoes(&mut console, BYTES_PER_ROUND)?;
        bare.extend(path::echoes(&mut direct, BYTES_PER_ROUND)?);
        pairs.push(ratio(one.p50(), two.p50()));
        own.extend(one);
        other.extend(two);
    }
    let middle = median(pairs);
    let shown = |times: &Times| format!("{} / {}", show(times.p50()), show(times.p99()));
    Ok(vec![
        Row::new(
            "one echoed byte over WebSocket and SSH, p50, against a bridge of FastAPI and asyncssh",
            format!("{middle:.2}× (p50 / p99 {}; bridge {})", shown(&own), shown(&other)),
        )
        .target("≤ 0.35×", middle <= 0.35)
        .peers(format!("russh alone, without WebSocket, screen or recording {}", shown(&bare)))
        .why("sshd, its terminal and the kernel take the same time for both"),
    ])
}
