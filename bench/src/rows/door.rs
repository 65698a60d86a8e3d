//! OpenSSH's client through the SSH door, and straight to the same server.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use serde_json::json;

use super::Bench;
use crate::daemon::Daemon;
use crate::path::{self, Path};
use crate::report::Row;
use crate::server::Server;
use crate::ssh::Rig;
use crate::stats::{self, Times, ratio, show};

const BULK_ROUNDS: usize = 5;
const SESSIONS: usize = 40;
const ECHO_ROUNDS: usize = 7;
const BYTES_PER_ROUND: usize = 1000;
/// As the other rows read.
const PIECE: usize = 64 * 1024;

/// A server with a door, an sshd behind it, and one key that both let in.
pub(super) struct Ways {
    pub(super) rig: Rig,
    door: u16,
    pub(super) server: Server,
    /// Of the sshd, in the server.
    pub(super) id: i64,
    _daemon: Daemon,
}

/// The two that are measured in turns.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Way {
    Door,
    Direct,
}

impl Ways {
    pub(super) fn start(bench: &Bench) -> Result<Self> {
        let rig = Rig::start()?;
        let daemon = Daemon::start(&bench.binary)?;
        // Free a moment ago; nothing else here takes ports that it names.
        let door = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        let server = Server::start_with(&bench.binary, &daemon, &format!("127.0.0.1:{door}"))?;
        let public = std::fs::read_to_string(rig.sshd.dir().join("user.pub"))?;
        server.make("/api/v1/me/ssh-keys", &json!({ "key": public, "name": "bench" }))?;
        let key =
            json!({ "name": "bench", "username": rig.sshd.user(), "kind": "key", "key": rig.sshd.key() });
        let credential = server.make("/api/v1/credentials", &key)?;
        let there = json!({
            "name": "there", "host": "127.0.0.1", "port": rig.sshd.port(), "default_credential_id": credential,
        });
        let id = server.make("/api/v1/servers", &there)?;
        let pin = json!({ "key": rig.sshd.host_key() });
        server.make(&format!("/api/v1/servers/{id}/host-keys"), &pin)?;
        let ways = Self { rig, door, server, id, _daemon: daemon };
        // What is made once: the connection behind the door.
        for way in [Way::Door, Way::Direct] {
            let mut ssh = ways.ssh(way);
            if !ssh.args(["127.0.0.1", "true"]).stdin(Stdio::null()).status()?.success() {
                bail!("ssh did not get in");
            }
        }
        Ok(ways)
    }

    /// `ssh` up to the name of the host; nothing of whoever runs this is read.
    fn ssh(&self, way: Way) -> Command {
        let (port, user) = match way {
            Way::Door => (self.door, "admin+there".to_owned()),
            Way::Direct => (self.rig.sshd.port(), self.rig.sshd.user().to_owned()),
        };
        let mut command = Command::new("ssh");
        command.args([
            "-F",
            "none",
            "-o",
            "IdentitiesOnly=yes",
            "-o",
            "IdentityAgent=none",
            "-o",
            "BatchMode=yes",
        ]);
        command.args([
            "-o",
            "StrictHostKeyChecking=no",
            "-o",
            "UserKnownHostsFile=/dev/null",
            "-o",
            "LogLevel=ERROR",
        ]);
        command.arg("-i").arg(self.rig.sshd.dir().join("user")).args(["-p", &port.to_string()]);
        command.arg("-l").arg(user);
        command
    }

    /// A program in a terminal there.
    fn terminal(&self, way: Way, program: &[String]) -> Result<Client> {
        let mut command = self.ssh(way);
        Client::start(command.args(["-tt", "127.0.0.1", &program.join(" ")]))
    }

    /// A command without one; how long it took until all its output was here.
    fn command(&self, way: Way, line: &str, expected: u64) -> Result<Duration> {
        let mut command = self.ssh(way);
        let began = Instant::now();
        let mut client = Client::start(command.args(["127.0.0.1", line]))?;
        let mut bytes = 0;
        loop {
            match client.output.read(&mut client.buffer)? {
                0 => break,
                read => bytes += read as u64,
            }
        }
        let took = began.elapsed();
        if bytes != expected {
            bail!("{bytes} bytes came of {expected}");
        }
        Ok(took)
    }
}

/// A running `ssh`.
struct Client {
    child: Child,
    input: ChildStdin,
    output: ChildStdout,
    buffer: Vec<u8>,
}

impl Client {
    fn start(command: &mut Command) -> Result<Self> {
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
        let input = child.stdin.take().context("piped above")?;
        let output = child.stdout.take().context("piped above")?;
        Ok(Self { child, input, output, buffer: vec![0; PIECE] })
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Path for Client {
    fn send(&mut self, bytes: &[u8]) -> Result<()> {
        Ok(self.input.write_all(bytes)?)
    }

    fn receive(&mut self) -> Result<&[u8]> {
        match self.output.read(&mut self.buffer)? {
            0 => bail!("ssh ended"),
            read => Ok(&self.buffer[..read]),
        }
    }

    fn processes(&self) -> Vec<i32> {
        Vec::new()
    }
}

/// Measures both in turns, each first in every second round; the middle of the pairs' ratios, door over direct.
fn pairs(rounds: usize, mut one: impl FnMut(Way) -> Result<Duration>) -> Result<(Times, Times, f64)> {
    let (mut door, mut direct, mut ratios) = (Times::default(), Times::default(), Vec::new());
    for round in 0..rounds {
        let (through, straight) = if round % 2 == 0 {
            let through = one(Way::Door)?;
            (through, one(Way::Direct)?)
        } else {
            let straight = one(Way::Direct)?;
            (one(Way::Door)?, straight)
        };
        ratios.push(ratio(through, straight));
        door.push(through);
        direct.push(straight);
    }
    Ok((door, direct, stats::median(ratios)))
}

pub(super) fn bulk(bench: &Bench) -> Result<Vec<Row>> {
    let ways = Ways::start(bench)?;
    let file = bench.corpus_file()?;
    let bytes = std::fs::metadata(file)?.len();
    let commands = pairs(BULK_ROUNDS, |way| ways.command(way, &format!("cat {file}"), bytes))?;
    let program = crate::inside::command(&["print", file])?;
    let terminals = pairs(BULK_ROUNDS, |way| {
        let mut client = ways.terminal(way, &program)?;
        path::started(&mut client)?;
        let began = Instant::now();
        let came = path::drain(&mut client, crate::corpus::END)?;
        if came < bench.corpus.on_terminal {
            bail!("{came} bytes came of {}", bench.corpus.on_terminal);
        }
        Ok(began.elapsed())
    })?;
    let row = |what: &str, bytes: u64, (door, direct, slower): (Times, Times, f64)| {
        let rate = |times: &Times| bytes as f64 / 1e6 / times.p50().as_secs_f64().max(1e-9);
        let speed = 1.0 / slower.max(1e-9);
        let said = format!("{speed:.2}× ({:.0} MB/s, direct {:.0} MB/s)", rate(&door), rate(&direct));
        Row::new(what, said).target("≥ 0.7×", speed >= 0.7)
    };
    Ok(vec![
        row("a command's bulk output through the SSH door, recorded, as a part of OpenSSH direct", bytes, commands)
            .why("each byte is decrypted and encrypted once more, on the cores that ssh and sshd share"),
        row(
            "the same in a terminal, with its screen",
            bench.corpus.on_terminal,
            terminals,
        )
        .why("decrypted, recorded, drawn and encrypted once more by two processes, on the cores that ssh and sshd share"),
    ])
}

pub(super) fn session(bench: &Bench) -> Result<Vec<Row>> {
    let ways = Ways::start(bench)?;
    let (door, direct, slower) = pairs(SESSIONS, |way| ways.command(way, "echo there", 6))?;
    let prompt = pairs(SESSIONS, |way| {
        let began = Instant::now();
        let mut client = ways.terminal(way, &["sh".to_owned()])?;
        client.receive()?;
        Ok(began.elapsed())
    })?;
    let shown =
        |(door, direct): (&Times, &Times)| format!("{}, direct {}", show(door.p50()), show(direct.p50()));
    Ok(vec![
        Row::new(
            "ssh's start to the end of a command through the door, p50, against OpenSSH direct",
            format!("{slower:.2}× ({})", shown((&door, &direct))),
        )
        .target("≤ 1.5×", slower <= 1.5)
        .why("a key exchange and login at the door take as long as at the server; then the verdict, the log and the recording"),
        Row::new(
            "ssh's start to the first byte of a terminal, likewise",
            format!("{:.2}× ({})", prompt.2, shown((&prompt.0, &prompt.1))),
        )
        .target("≤ 1.5×", prompt.2 <= 1.5)
        .why("a key exchange and login at the door take as long as at the server; then a session of the daemon is made"),
    ])
}

pub(super) fn echo(bench: &Bench) -> Result<Vec<Row>> {
    let ways = Ways::start(bench)?;
    let program = crate::inside::command(&["echo"])?;
    let mut door = ways.terminal(Way::Door, &program)?;
    path::started(&mut door)?;
    let mut direct = ways.terminal(Way::Direct, &program)?;
    path::started(&mut direct)?;
    let (mut own, mut bare, mut ratios) = (Times::default(), Times::default(), Vec::new());
    for _ in 0..ECHO_ROUNDS {
        let one = path::echoes(&mut door, BYTES_PER_ROUND)?;
        let two = path::echoes(&mut direct, BYTES_PER_ROUND)?;
        ratios.push(ratio(one.p50(), two.p50()));
        own.extend(one);
        bare.extend(two);
    }
    let middle = stats::median(ratios);
    let shown = |times: &Times| format!("{} / {}", show(times.p50()), show(times.p99()));
    Ok(vec![
        Row::new(
            "one echoed byte through the SSH door, p50, against OpenSSH direct",
            format!("{middle:.2}× (p50 / p99 {}; direct {})", shown(&own), shown(&bare)),
        )
        .target("≤ 2×", middle <= 2.0)
        .why("two more processes are woken per byte and back: server and daemon"),
    ])
}
