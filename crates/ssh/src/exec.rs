//! One command on another machine, from start to end.

use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};
use sha2::{Digest, Sha256};
use tokio_util::sync::CancellationToken;

use crate::channel::Exit;
use crate::connection::Channel;
use crate::error::Error;

/// More output than this is counted and digested, and not kept.
const MAX_KEPT: usize = 16 * 1024 * 1024;

/// A connection that takes nothing does not hold up who stops a command.
const SIGNALLED_WITHIN: Duration = Duration::from_millis(250);

pub(crate) const STOPPED: &str = "it was stopped";
const UNANSWERED: &str = "no answer to the request for a command";

/// What to run and how much of it to keep.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exec {
    /// The account's shell reads it.
    pub command: String,
    /// Then the end of the input.
    pub stdin: Bytes,
    /// From the start of the command; the channel is closed when it is over.
    pub timeout: Duration,
    /// Bytes kept of standard output and of standard error, each; at most 16 MB.
    pub keep: usize,
}

impl Exec {
    /// Without input, for at most a minute, keeping all that may be kept.
    pub fn new(command: impl Into<String>) -> Self {
        Self {
            command: command.into(),
            stdin: Bytes::new(),
            timeout: Duration::from_secs(60),
            keep: MAX_KEPT,
        }
    }
}

/// What a command did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Output {
    pub stdout: Vec<u8>,
    pub stderr: Vec<u8>,
    pub exit: Exit,
    /// It had not ended in time; `exit` is [`Exit::Lost`] then.
    pub timed_out: bool,
    /// More came than was kept.
    pub truncated: bool,
    /// All that came, kept or not.
    pub stdout_bytes: u64,
    pub stderr_bytes: u64,
    /// SHA-256 over all that came.
    pub stdout_sha256: [u8; 32],
    pub stderr_sha256: [u8; 32],
    pub duration: Duration,
}

/// One of the two streams while it comes.
struct Kept {
    bytes: Vec<u8>,
    keep: usize,
    total: u64,
    digest: Sha256,
}

impl Kept {
    fn new(keep: usize) -> Self {
        Self { bytes: Vec::new(), keep: keep.min(MAX_KEPT), total: 0, digest: Sha256::new() }
    }

    fn add(&mut self, bytes: &[u8]) {
        self.total += bytes.len() as u64;
        self.digest.update(bytes);
        let room = self.keep - self.bytes.len();
        self.bytes.extend_from_slice(&bytes[..room.min(bytes.len())]);
    }

    fn truncated(&self) -> bool {
        self.total > self.bytes.len() as u64
    }
}

/// Runs it in `channel`, which is closed at the end, also when this future is dropped. Once it is to `stop`, it is
/// killed, and what it has written so far comes back.
pub(crate) async fn run(
    channel: Channel,
    exec: Exec,
    (start, stop): (Duration, &CancellationToken),
) -> Result<Output, Error> {
    let refused = |why: String| Error::Channel { place: channel.place().to_owned(), why };
    let started = Instant::now();
    let asked = tokio::select! {
        asked = tokio::time::timeout(start, request(&channel, &exec.command)) => asked,
        () = stop.cancelled() => {
            kill(&channel).await;
            return Err(refused(STOPPED.to_owned()));
        }
    };
    asked.map_err(|_| refused(UNANSWERED.to_owned()))?.map_err(refused)?;
    let (mut stdout, mut stderr) = (Kept::new(exec.keep), Kept::new(exec.keep));
    let work = async {
        let feed = async {
            // A program that does not read its input ends all the same, and then the sending is over too.
            if channel.write().data_bytes(exec.stdin.clone()).await.is_ok() {
                let _ = channel.write().eof().await;
            }
            std::future::pending::<()>().await;
        };
        let drain = async {
            while let Some((output, error)) = channel.inbox.take().await {
                stdout.add(&output);
                stderr.add(&error);
            }
        };
        tokio::select! {
            () = drain => {}
            () = feed => {}
        }
        channel.inbox.exit().await
    };
    let ended = tokio::select! {
        ended = tokio::time::timeout(exec.timeout, work) => Some(ended),
        () = stop.cancelled() => None,
    };
    let timed_out = matches!(ended, Some(Err(_)));
    let exit = match ended {
        Some(Ok(exit)) => exit,
        Some(Err(_)) => Exit::Lost(format!("it had not ended after {} s", exec.timeout.as_secs_f32())),
        None => {
            kill(&channel).await;
            Exit::Lost(STOPPED.to_owned())
        }
    };
    Ok(Output {
        exit,
        timed_out,
        truncated: stdout.truncated() || stderr.truncated(),
        stdout_bytes: stdout.total,
        stderr_bytes: stderr.total,
        stdout_sha256: stdout.digest.finalize().into(),
        stderr_sha256: stderr.digest.finalize().into(),
        stdout: stdout.bytes,
        stderr: stderr.bytes,
        duration: started.elapsed(),
    })
}

/// Many programs do not notice that their channel is closed.
async fn kill(channel: &Channel) {
    let kill = channel.write().signal(crate::shell::signal("KILL"));
    // A connection that is gone has ended it already, as far as anybody can.
    let _ = tokio::time::timeout(SIGNALLED_WITHIN, kill).await;
}

/// A command that runs, read as it goes. Dropping it closes the channel, which many programs do not notice:
/// [`Running::signal`] first.
pub struct Running {
    channel: Channel,
}

impl std::fmt::Debug for Running {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Running").field("place", &self.channel.place()).finish_non_exhaustive()
    }
}

impl Running {
    /// Begins a command without input in `channel`.
    pub(crate) async fn begin(channel: Channel, command: &str, start: Duration) -> Result<Self, Error> {
        let refused = |why: String| Error::Channel { place: channel.place().to_owned(), why };
        let asked = tokio::time::timeout(start, request(&channel, command)).await;
        asked.map_err(|_| refused(UNANSWERED.to_owned()))?.map_err(refused)?;
        // Where it cannot be said any more that nothing comes, the end follows.
        drop(channel.write().eof().await);
        Ok(Self { channel })
    }

    /// What waits of its output and of its errors; `None` at their end. While nobody asks, the program waits once
    /// what is in between is full. Cancel-safe.
    pub async fn next(&mut self) -> Option<(BytesMut, BytesMut)> {
        self.channel.inbox.take().await
    }

    /// How it ended. Cancel-safe.
    pub async fn exit(&mut self) -> Exit {
        self.channel.inbox.exit().await
    }

    /// Sends a signal by its name, with or without `SIG`, to the command and what it has started (RFC 4254, section
    /// 6.9). OpenSSH passes it on from version 7.9 on, for root not all versions (9.2); others may ignore it.
    pub async fn signal(&self, name: &str) {
        // A connection that is gone has ended it already, as far as anybody can.
        drop(self.channel.write().signal(crate::shell::signal(name)).await);
    }
}

async fn request(channel: &Channel, command: &str) -> Result<(), String> {
    channel.write().exec(true, command).await.map_err(|_| "the connection ended".to_owned())?;
    match channel.inbox.next_reply().await {
        Some(true) => Ok(()),
        Some(false) => Err("the server refuses to run commands".to_owned()),
        None => Err(channel.inbox.lost().unwrap_or_else(|| "the server closed the channel".to_owned())),
    }
}
