//! Connections: how fast they are there, what they cost, and many of them at once.

use std::io::{Read, Write};
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use rustix::event::{PollFd, PollFlags, poll};
use tempfile::TempDir;

use super::Bench;
use crate::daemon::Daemon;
use crate::path::{self, Path};
use crate::report::Row;
use crate::stats::{Times, ratio, show};
use crate::wire::{Came, Client, Ours, Place};
use crate::{inside, machine};

const CONNECTS: usize = 500;
const CREATES: usize = 60;
const TICKS: u32 = 2000;
const SESSIONS: usize = 10;
const CLIENTS: usize = 120;
const KEYS: usize = 1000;

/// A socket that sends back what it gets, in a process of its own.
struct EchoSocket {
    child: Child,
    directory: TempDir,
}

impl EchoSocket {
    fn start() -> Result<Self> {
        let directory = tempfile::Builder::new().prefix("bastide-bench").tempdir()?;
        let words = inside::command(&["socket", &directory.path().join("echo.sock").to_string_lossy()])?;
        let mut child = Command::new(&words[0]).args(&words[1..]).stdout(Stdio::piped()).spawn()?;
        let mut ready = [0];
        child.stdout.as_mut().context("piped above")?.read_exact(&mut ready)?;
        Ok(Self { child, directory })
    }

    fn round(&self, stream: Option<&mut UnixStream>) -> Result<()> {
        let mut own;
        let stream = match stream {
            Some(stream) => stream,
            None => {
                own = UnixStream::connect(self.directory.path().join("echo.sock"))?;
                &mut own
            }
        };
        let mut byte = *b"x";
        stream.write_all(&byte)?;
        Ok(stream.read_exact(&mut byte)?)
    }
}

impl Drop for EchoSocket {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn repeat(count: usize, mut what: impl FnMut() -> Result<()>) -> Result<Times> {
    let mut times = Times::default();
    for _ in 0..count {
        let began = Instant::now();
        what()?;
        times.push(began.elapsed());
    }
    Ok(times)
}

pub(super) fn measure(bench: &Bench) -> Result<Vec<Row>> {
    let daemon = Daemon::start(&bench.binary)?;
    let bare = EchoSocket::start()?;
    let connect_bare = repeat(CONNECTS, || bare.round(None))?;
    let connect = repeat(CONNECTS, || daemon.client().map(drop))?;
    let mut stream = UnixStream::connect(bare.directory.path().join("echo.sock"))?;
    let echo_bare = repeat(KEYS, || bare.round(Some(&mut stream)))?;
    let mut client = daemon.client()?;
    let program = ["sleep", "infinity"].map(str::to_owned);
    let create = repeat(CREATES, || client.create(&program).map(drop))?;
    client.request("kill_all", bastide_wire::request::Empty {})?;
    let output = ticks(&daemon)?;
    let per_client = memory_of_clients(bench)?;
    let many = many_clients(bench)?;
    Ok(vec![
        Row::new(
            "connect and handshake, p50",
            format!(
                "{} ({:.2}× of a bare socket's connect and echo, {})",
                show(connect.p50()),
                ratio(connect.p50(), connect_bare.p50()),
                show(connect_bare.p50())
            ),
        ),
        Row::new(
            "output, from the program's write to the client, p50",
            format!("{} (a bare socket's echo: {})", show(output.p50()), show(echo_bare.p50())),
        )
        .peers("expected of an earlier daemon, never measured: < 1 ms"),
        Row::new("a terminal created, p50", show(create.p50()))
            .target("≤ 10 ms", create.p50() <= Duration::from_millis(10))
            .why("a process is started and a log entry is made durable"),
        Row::new("memory of a connected client (PSS of the daemon)", format!("{per_client:.0} KB")),
        Row::new(
            format!("{CLIENTS} clients on {SESSIONS} sessions: a key to its echo at all twelve, p50 / p99"),
            format!(
                "{} / {} ({:.1}× of a bare socket's echo)",
                show(many.p50()),
                show(many.p99()),
                ratio(many.p50(), echo_bare.p50())
            ),
        ),
    ])
}

/// The program prints the time; the client looks how long ago that was.
fn ticks(daemon: &Daemon) -> Result<Times> {
    let program = inside::command(&["tick", "1000", &TICKS.to_string()])?;
    let mut ours = Ours::start(daemon, &program)?;
    path::started(&mut ours)?;
    ours.send(b"\n")?;
    let mut times = Times::default();
    let mut text = String::new();
    for _ in 0..TICKS {
        while !text.contains('\n') {
            text.push_str(std::str::from_utf8(ours.receive()?)?);
        }
        let now = inside::now_ns();
        let (line, rest) = text.split_once('\n').context("waited for above")?;
        if let Ok(at) = line.trim().parse::<u64>() {
            times.push(Duration::from_nanos(now.saturating_sub(at)));
        }
        text = rest.to_owned();
    }
    Ok(times)
}

fn memory_of_clients(bench: &Bench) -> Result<f64> {
    let daemon = Daemon::start(&bench.binary)?;
    let program = inside::command(&["echo"])?;
    let ours = Ours::start(&daemon, &program)?;
    let before = machine::pss_kib(daemon.pid())?;
    let mut clients = Vec::new();
    for _ in 0..100 {
        let mut client = daemon.client()?;
        client.attach(ours.place.session, 1, 0)?;
        clients.push(client);
    }
    let after = machine::pss_kib(daemon.pid())?;
    Ok(after.saturating_sub(before) as f64 / clients.len() as f64)
}

/// Twelve clients on each session; one types, and all twelve see it.
fn many_clients(bench: &Bench) -> Result<Times> {
    let daemon = Daemon::start(&bench.binary)?;
    let program = inside::command(&["echo"])?;
    let mut groups: Vec<Vec<(Client, Place)>> = Vec::new();
    for _ in 0..SESSIONS {
        let mut first = Ours::start(&daemon, &program)?;
        path::started(&mut first)?;
        let session = first.place.session;
        // Anew, so that nothing of the start is left to be taken.
        first.client.detach(first.place)?;
        let others = (1..CLIENTS / SESSIONS).map(|_| daemon.client());
        let group = std::iter::once(Ok(first.client))
            .chain(others)
            .map(|client| {
                let mut client = client?;
                let (place, _) = client.attach(session, 2, 0)?;
                Ok((client, place))
            })
            .collect::<Result<_>>()?;
        groups.push(group);
    }
    let mut times = Times::default();
    for key in 0..KEYS {
        seen_by_all(&mut groups[key % SESSIONS], &mut times)?;
    }
    Ok(times)
}

fn seen_by_all(group: &mut [(Client, Place)], times: &mut Times) -> Result<()> {
    let began = Instant::now();
    let place = group[0].1;
    group[0].0.type_in(place, b"x")?;
    let wanted = place.pos + 1;
    while group.iter().any(|(_, place)| place.pos < wanted) {
        let waiting: Vec<usize> = (0..group.len()).filter(|i| group[*i].1.pos < wanted).collect();
        let mut polled: Vec<PollFd<'_>> = waiting
            .iter()
            .map(|i| PollFd::from_borrowed_fd(group[*i].0.stream.as_fd(), PollFlags::IN))
            .collect();
        poll(&mut polled, None)?;
        let ready: Vec<usize> =
            waiting.iter().zip(&polled).filter(|(_, fd)| !fd.revents().is_empty()).map(|(i, _)| *i).collect();
        for index in ready {
            let (client, place) = &mut group[index];
            client.fill()?;
            take(client, place)?;
            if place.pos >= wanted {
                times.push(began.elapsed());
            }
        }
    }
    Ok(())
}

fn take(client: &mut Client, place: &mut Place) -> Result<()> {
    loop {
        let came = client.next(|came| match came {
            Came::Output { pos, data, .. } => Ok(Some((pos, data.len()))),
            Came::Lagged => bail!("a viewer lagged"),
            Came::Other => Ok(None),
        })?;
        match came.transpose()? {
            None => return Ok(()),
            Some(None) => {}
            Some(Some((pos, length))) => client.took(place, pos, length)?,
        }
    }
}
