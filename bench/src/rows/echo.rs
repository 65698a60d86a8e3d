//! One typed byte and its echo.

use anyhow::Result;

use super::Bench;
use crate::bare::Bare;
use crate::daemon::Daemon;
use crate::peers::{self, Peer, Session};
use crate::report::Row;
use crate::stats::{Times, ratio, show};
use crate::wire::Ours;
use crate::{inside, path};

const BYTES_PER_ROUND: usize = 1000;
const ROUNDS: usize = 7;

pub(super) fn measure(bench: &Bench) -> Result<Vec<Row>> {
    let daemon = Daemon::start(&bench.binary)?;
    let program = inside::command(&["echo"])?;
    let mut bare = Bare::start(&program, &[])?;
    path::started(&mut bare)?;
    let mut ours = Ours::start(&daemon, &program)?;
    path::started(&mut ours)?;
    let sessions: Vec<(Peer, Session)> = peers::ALL
        .into_iter()
        .filter(|peer| peer.is_there())
        .map(|peer| Session::new(peer).map(|session| (peer, session)))
        .collect::<Result<_>>()?;
    let mut clients = Vec::new();
    for (peer, session) in &sessions {
        clients.push((*peer, peers::started(session, &program)?.0, Times::default()));
    }
    let (mut raw, mut own) = (Times::default(), Times::default());
    for _ in 0..ROUNDS {
        raw.extend(path::echoes(&mut bare, BYTES_PER_ROUND)?);
        own.extend(path::echoes(&mut ours, BYTES_PER_ROUND)?);
        for (_, client, times) in &mut clients {
            times.extend(path::echoes(client, BYTES_PER_ROUND)?);
        }
    }
    let middle = ratio(own.p50(), raw.p50());
    let listed = |of: fn(&Times) -> std::time::Duration| {
        let list: Vec<String> = clients
            .iter()
            .map(|(peer, _, times)| {
                format!("{} {:.2}× ({})", peer.name(), ratio(of(times), of(&raw)), show(of(times)))
            })
            .collect();
        list.join(", ")
    };
    Ok(vec![
        Row::new(
            "one echoed byte, p50",
            format!("{middle:.2}× ({}, raw {})", show(own.p50()), show(raw.p50())),
        )
        .target("≤ 2.5×", middle <= 2.5)
        .peers(listed(Times::p50))
        .why("two more processes are woken per byte and back: client, daemon, program, daemon, client"),
        Row::new(
            "one echoed byte, p99",
            format!("{:.2}× ({}, raw {})", ratio(own.p99(), raw.p99()), show(own.p99()), show(raw.p99())),
        )
        .peers(listed(Times::p99)),
    ])
}
