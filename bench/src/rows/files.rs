//! A file through the server's API, and by OpenSSH's `sftp` straight from and to the same sshd.

use std::fs::File;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};

use super::Bench;
use super::door::Ways;
use crate::report::Row;
use crate::stats::{self, ratio};

const ROUNDS: usize = 3;
const GIB: u64 = 1 << 30;
/// How large, in GB.
const SIZE: &str = "BASTIDE_BENCH_FILE_GB";
const PIECE: usize = 256 * 1024;
const MIB: u64 = 1024;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Direction {
    Down,
    Up,
}

pub(super) fn download(bench: &Bench) -> Result<Vec<Row>> {
    measure(bench, Direction::Down)
}

pub(super) fn upload(bench: &Bench) -> Result<Vec<Row>> {
    measure(bench, Direction::Up)
}

fn measure(bench: &Bench, direction: Direction) -> Result<Vec<Row>> {
    let ways = Ways::start(bench)?;
    let gigabytes = std::env::var(SIZE).ok().map_or(Ok(1), |text| text.parse::<u64>()).context(SIZE)?;
    let size = gigabytes * GIB;
    let source = ways.rig.sshd.dir().join("source");
    File::create(&source)?.set_len(size)?;
    let moved = Moved { ways: &ways, source, target: ways.rig.sshd.dir().join("target"), size };
    // What is made once: the server's connection.
    moved.ours(Direction::Down, PIECE as u64)?;
    let before = moved.memory("VmRSS")?;
    moved.forget_peak()?;
    let (mut ratios, mut ours, mut theirs) = (Vec::new(), Duration::MAX, Duration::MAX);
    for round in 0..ROUNDS {
        let (own, peer) = if round % 2 == 0 {
            let own = moved.ours(direction, size)?;
            (own, moved.sftp(direction)?)
        } else {
            let peer = moved.sftp(direction)?;
            (moved.ours(direction, size)?, peer)
        };
        ratios.push(ratio(peer, own));
        (ours, theirs) = (ours.min(own), theirs.min(peer));
    }
    let speed = stats::median(ratios);
    let rose = moved.memory("VmHWM")?.saturating_sub(before);
    let rate = |took: Duration| size as f64 / 1e6 / took.as_secs_f64().max(1e-9);
    let word = if direction == Direction::Down { "download" } else { "upload" };
    Ok(vec![
        Row::new(
            format!("{word} of a file of {gigabytes} GB over the API, as a part of OpenSSH's sftp"),
            format!("{speed:.2}× ({:.0} MB/s, sftp {:.0} MB/s)", rate(ours), rate(theirs)),
        )
        .target("≥ 0.8×", speed >= 0.8)
        .why("each byte is also digested for the log and passes one more socket, on the cores that sshd shares"),
        Row::new(format!("how far the server's memory rose at most in that {word}"), format!("{rose} MB"))
            .target("< 64 MB", rose < 64),
    ])
}

struct Moved<'a> {
    ways: &'a Ways,
    source: PathBuf,
    target: PathBuf,
    size: u64,
}

impl Moved<'_> {
    fn ours(&self, direction: Direction, bytes: u64) -> Result<Duration> {
        let began = Instant::now();
        match direction {
            Direction::Down => self.get(bytes)?,
            Direction::Up => self.put()?,
        }
        Ok(began.elapsed())
    }

    /// The first so many bytes.
    fn get(&self, bytes: u64) -> Result<()> {
        let path = format!("/content?path={}", self.source.display());
        let range = format!("range: bytes=0-{}\r\n", bytes - 1);
        let mut stream = self.ask("GET", &path, &range)?;
        let mut came = answer(&mut stream)?.len() as u64;
        let mut piece = vec![0; PIECE];
        while came < bytes {
            match stream.read(&mut piece)? {
                0 => bail!("{came} bytes came of {bytes}"),
                read => came += read as u64,
            }
        }
        Ok(())
    }

    fn put(&self) -> Result<()> {
        let begin = json!({ "path": self.target, "size": self.size, "replace": true }).to_string();
        let head = format!("content-type: application/json\r\ncontent-length: {}\r\n", begin.len());
        let mut stream = self.ask("POST", "/uploads", &head)?;
        stream.write_all(begin.as_bytes())?;
        let begun: Value = serde_json::from_slice(&whole(&mut stream)?)?;
        let id = begun["id"].as_str().with_context(|| format!("no upload: {begun}"))?;
        let head = format!("upload-offset: 0\r\ncontent-length: {}\r\n", self.size);
        let mut stream = self.ask("PATCH", &format!("/uploads/{id}"), &head)?;
        std::io::copy(&mut File::open(&self.source)?, &mut stream)?;
        let ended: Value = serde_json::from_slice(&whole(&mut stream)?)?;
        if ended["done"] != true {
            bail!("not uploaded: {ended}");
        }
        std::fs::remove_file(&self.target)?;
        Ok(())
    }

    fn ask(&self, method: &str, path: &str, more: &str) -> Result<TcpStream> {
        let server = &self.ways.server;
        let mut stream = TcpStream::connect(server.address)?;
        write!(
            stream,
            "{method} /api/v1/servers/{}/files{path} HTTP/1.1\r\nhost: {}\r\ncookie: {}\r\nconnection: close\r\n{more}\r\n",
            self.ways.id, server.address, server.cookie
        )?;
        Ok(stream)
    }

    fn sftp(&self, direction: Direction) -> Result<Duration> {
        let (source, target) = (self.source.display(), self.target.display());
        let batch = match direction {
            Direction::Down => format!("get {source} /dev/null\n"),
            Direction::Up => format!("put {source} {target}\n"),
        };
        let sshd = &self.ways.rig.sshd;
        let file = sshd.dir().join("batch");
        std::fs::write(&file, batch)?;
        let began = Instant::now();
        let mut command = Command::new("sftp");
        command.args(["-q", "-F", "none", "-o", "IdentitiesOnly=yes", "-o", "IdentityAgent=none"]);
        command.args(["-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null"]);
        command.args(["-o", "LogLevel=ERROR", "-i"]).arg(sshd.dir().join("user")).arg("-b").arg(&file);
        command.args(["-P", &sshd.port().to_string(), &format!("{}@127.0.0.1", sshd.user())]);
        if !command.stdin(Stdio::null()).stdout(Stdio::null()).status()?.success() {
            bail!("sftp failed");
        }
        let took = began.elapsed();
        if direction == Direction::Up {
            std::fs::remove_file(&self.target)?;
        }
        Ok(took)
    }

    fn process(&self) -> PathBuf {
        Path::new("/proc").join(self.ways.server.pid().to_string())
    }

    /// In MB, by its name in proc(5).
    fn memory(&self, name: &str) -> Result<u64> {
        let status = std::fs::read_to_string(self.process().join("status"))?;
        let line = status.lines().find(|line| line.starts_with(name)).context("no such line")?;
        let kilobytes: u64 = line.split_whitespace().nth(1).context("no number")?.parse()?;
        Ok(kilobytes / MIB)
    }

    /// The highest point counts from now on.
    fn forget_peak(&self) -> Result<()> {
        Ok(std::fs::write(self.process().join("clear_refs"), "5")?)
    }
}

/// Reads up to the body of a good answer; what has come of that.
fn answer(stream: &mut TcpStream) -> Result<Vec<u8>> {
    const END: &[u8] = b"\r\n\r\n";
    let (mut bytes, mut piece) = (Vec::new(), vec![0; PIECE]);
    loop {
        if let Some(at) = bytes.windows(END.len()).position(|window| window == END) {
            let body = bytes.split_off(at + END.len());
            let head = String::from_utf8_lossy(&bytes);
            return match head.split(' ').nth(1) {
                Some("200" | "201" | "206") => Ok(body),
                _ => bail!("{head}{}", String::from_utf8_lossy(&body)),
            };
        }
        match stream.read(&mut piece)? {
            0 => bail!("no answer"),
            read => bytes.extend_from_slice(&piece[..read]),
        }
    }
}

fn whole(stream: &mut TcpStream) -> Result<Vec<u8>> {
    let mut body = answer(stream)?;
    stream.read_to_end(&mut body)?;
    Ok(body)
}
