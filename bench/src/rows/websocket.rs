//! One typed byte and its echo, as a page has it.

use anyhow::Result;

use super::Bench;
use crate::daemon::Daemon;
use crate::page::{Bridge, Page};
use crate::report::Row;
use crate::server::Server;
use crate::stats::{Times, ratio, show};
use crate::{inside, path};

const BYTES_PER_ROUND: usize = 1000;
const ROUNDS: usize = 9;

pub(super) fn measure(bench: &Bench) -> Result<Vec<Row>> {
    let daemon = Daemon::start(&bench.binary)?;
    let server = Server::start(&bench.binary, &daemon)?;
    let program = inside::command(&["echo"])?;
    let mut ours = Page::open(&server, &daemon.client()?.create_lasting(&program)?)?;
    path::started(&mut ours)?;
    let mut bridge = Bridge::start(&program)?;
    path::started(&mut bridge)?;
    let (mut own, mut bare) = (Times::default(), Times::default());
    let mut pairs = Vec::new();
    for _ in 0..ROUNDS {
        let one = path::echoes(&mut ours, BYTES_PER_ROUND)?;
        let other = path::echoes(&mut bridge, BYTES_PER_ROUND)?;
        pairs.push(ratio(one.p50(), other.p50()));
        own.extend(one);
        bare.extend(other);
    }
    let middle = crate::stats::median(pairs);
    Ok(vec![
        Row::new(
            "one echoed byte over a WebSocket, p50, against a bare bridge of terminal and WebSocket",
            format!("{middle:.2}× ({}, bridge {})", show(own.p50()), show(bare.p50())),
        )
        .target("≤ 1.2×", middle <= 1.2)
        .why(
            "the session is in the daemon, so that it outlives the server: two processes on the way instead of one. \
             Counted, a key and its echo put server and daemon on a processor ten times, the bridge three times",
        ),
        Row::new(
            "the same, p99",
            format!("{:.2}× ({}, bridge {})", ratio(own.p99(), bare.p99()), show(own.p99()), show(bare.p99())),
        ),
    ])
}
