//! A terminal on another machine, in the shape of a local one.

use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bastide_rt::Tasks;
use bytes::{Bytes, BytesMut};
use russh::Sig;
use tokio::sync::Notify;

use crate::channel::{Exit, Inbox};
use crate::connection::Channel;
use crate::error::Error;

/// Typed bytes that wait for the server. What does not fit stays with whoever types.
const MAX_TYPED: usize = 64 * 1024;
/// One message of typed bytes: the size that every server takes (RFC 4254 section 5.2).
const CHUNK: usize = 32 * 1024;
/// Signals that wait for the server; more than these say nothing new.
const MAX_SIGNALS: usize = 8;

/// The terminal that is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShellOptions {
    pub cols: u16,
    pub rows: u16,
    /// `TERM` there.
    pub term: String,
    /// Further variables; most servers take only `LANG` and `LC_*` (`AcceptEnv`), and refuse in silence.
    pub env: Vec<(String, String)>,
}

impl Default for ShellOptions {
    fn default() -> Self {
        Self { cols: 80, rows: 24, term: "xterm-256color".to_owned(), env: Vec::new() }
    }
}

/// A shell (or a program) with a terminal. The methods have the names and the meaning of a local terminal's master
/// and process; all take `&self` and are cancel-safe. Dropping it closes it.
#[derive(Debug)]
pub struct Shell {
    inbox: Arc<Inbox>,
    outbox: Arc<Outbox>,
    connection: u64,
}

#[derive(Debug, Default)]
struct Outbox {
    waiting: Mutex<Waiting>,
    /// For the task that sends.
    work: Notify,
    /// For whoever types.
    room: Notify,
}

#[derive(Debug, Default)]
struct Waiting {
    typed: BytesMut,
    size: Option<(u16, u16)>,
    signals: Vec<Sig>,
    closed: bool,
}

/// What is sent next; in this order when there is more than one.
enum Next {
    Size(u16, u16),
    Typed(Bytes),
    Signal(Sig),
    Close,
}

impl Outbox {
    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn close(&self) {
        self.waiting().closed = true;
        self.work.notify_one();
        self.room.notify_waiters();
    }

    async fn next(&self) -> Next {
        loop {
            if let Some(next) = self.take() {
                return next;
            }
            // One task takes: a permit that is left over costs one more look.
            self.work.notified().await;
        }
    }

    fn take(&self) -> Option<Next> {
        let mut waiting = self.waiting();
        if waiting.closed {
            // A last signal is for programs that the end of their terminal does not end.
            let last = (!waiting.signals.is_empty()).then(|| Next::Signal(waiting.signals.remove(0)));
            return Some(last.unwrap_or(Next::Close));
        }
        if let Some((cols, rows)) = waiting.size.take() {
            return Some(Next::Size(cols, rows));
        }
        if !waiting.typed.is_empty() {
            let length = waiting.typed.len().min(CHUNK);
            let chunk = waiting.typed.split_to(length).freeze();
            if waiting.typed.is_empty() {
                // Otherwise the buffer would live as long as the chunk, and grow again behind it.
                waiting.typed = BytesMut::new();
            }
            drop(waiting);
            self.room.notify_waiters();
            return Some(Next::Typed(chunk));
        }
        (!waiting.signals.is_empty()).then(|| Next::Signal(waiting.signals.remove(0)))
    }

    async fn closed(&self) {
        loop {
            let mut room = std::pin::pin!(self.room.notified());
            room.as_mut().enable();
            if self.waiting().closed {
                return;
            }
            room.await;
        }
    }
}

impl Shell {
    /// Asks for a terminal and starts the shell, or `command`, in it.
    pub(crate) async fn start(
        channel: Channel,
        how: &ShellOptions,
        command: Option<&str>,
        limit: Duration,
        tasks: &Tasks,
    ) -> Result<Self, Error> {
        let refused = |why: &str| Error::Channel { place: channel.place().to_owned(), why: why.to_owned() };
        let started = tokio::time::timeout(limit, request(&channel, how, command)).await;
        started
            .map_err(|_| refused("no answer to the request for a terminal"))?
            .map_err(|why| refused(&why))?;
        let outbox = Arc::new(Outbox::default());
        let shell = Self {
            inbox: Arc::clone(&channel.inbox),
            outbox: Arc::clone(&outbox),
            connection: channel.connection().id(),
        };
        drop(tasks.spawn("ssh shell", send(channel, outbox)));
        Ok(shell)
    }

    /// The id of the connection that it shares, as in [`crate::ConnectionInfo`].
    pub fn connection(&self) -> u64 {
        self.connection
    }

    /// Until [`Self::try_read`] has something to say.
    ///
    /// # Errors
    /// None; a local terminal has some.
    pub async fn readable(&self) -> io::Result<()> {
        self.inbox.readable().await;
        Ok(())
    }

    /// Takes output. `Ok(0)`: the end; [`Self::wait`] says which.
    ///
    /// # Errors
    /// `WouldBlock` when there is nothing yet.
    pub fn try_read(&self, buf: &mut [u8]) -> io::Result<usize> {
        self.inbox.try_read(buf)
    }

    /// Until [`Self::try_write`] takes something.
    ///
    /// # Errors
    /// `BrokenPipe` when nothing can be typed any more.
    pub async fn writable(&self) -> io::Result<()> {
        loop {
            let mut room = std::pin::pin!(self.outbox.room.notified());
            room.as_mut().enable();
            {
                let waiting = self.outbox.waiting();
                if waiting.closed {
                    return Err(io::ErrorKind::BrokenPipe.into());
                }
                if waiting.typed.len() < MAX_TYPED {
                    return Ok(());
                }
            }
            room.await;
        }
    }

    /// Takes as many typed bytes as there is room for, and sends them in order.
    ///
    /// # Errors
    /// `WouldBlock` when there is no room, because the program there does not read; `BrokenPipe` at the end.
    pub fn try_write(&self, bytes: &[u8]) -> io::Result<usize> {
        let mut waiting = self.outbox.waiting();
        if waiting.closed {
            return Err(io::ErrorKind::BrokenPipe.into());
        }
        let room = MAX_TYPED.saturating_sub(waiting.typed.len());
        if room == 0 && !bytes.is_empty() {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        let n = room.min(bytes.len());
        waiting.typed.extend_from_slice(&bytes[..n]);
        drop(waiting);
        self.outbox.work.notify_one();
        Ok(n)
    }

    /// Never waits; only the last of several sizes is sent.
    pub fn resize(&self, cols: u16, rows: u16) {
        self.outbox.waiting().size = Some((cols, rows));
        self.outbox.work.notify_one();
    }

    /// Sends a signal by its name, with or without `SIG`. Whether the server passes it on is its affair: OpenSSH
    /// does since 7.9, and to the shell alone. False when too many wait already.
    pub fn signal(&self, name: &str) -> bool {
        let mut waiting = self.outbox.waiting();
        if waiting.signals.len() >= MAX_SIGNALS {
            return false;
        }
        waiting.signals.push(signal(name));
        drop(waiting);
        self.outbox.work.notify_one();
        true
    }

    /// How it ended; waits for it. May be called again.
    pub async fn wait(&self) -> Exit {
        self.inbox.exit().await
    }

    /// Ends it from this side; what was not read is thrown away. The server tells the program by SIGHUP.
    pub fn close(&self) {
        self.outbox.close();
        self.inbox.close();
    }
}

impl Drop for Shell {
    fn drop(&mut self) {
        self.close();
    }
}

/// All requests go out at once and the answers are waited for together: one round trip instead of two.
async fn request(channel: &Channel, how: &ShellOptions, command: Option<&str>) -> Result<(), String> {
    let lost = |_| "the connection ended".to_owned();
    let (cols, rows) = (u32::from(how.cols), u32::from(how.rows));
    let write = channel.write();
    if channel.forwards() {
        // Refused in silence by a server that does not allow it (AllowAgentForwarding).
        write.agent_forward(false).await.map_err(lost)?;
    }
    write.request_pty(true, &how.term, cols, rows, 0, 0, &[]).await.map_err(lost)?;
    for (name, value) in &how.env {
        write.set_env(false, name.as_str(), value.as_str()).await.map_err(lost)?;
    }
    match command {
        Some(command) => write.exec(true, command).await.map_err(lost)?,
        None => write.request_shell(true).await.map_err(lost)?,
    }
    for what in ["a terminal (PermitTTY?)", if command.is_some() { "the command" } else { "a shell" }] {
        match channel.inbox.next_reply().await {
            Some(true) => {}
            Some(false) => return Err(format!("the server refuses {what}")),
            None => {
                let why = channel.inbox.lost().unwrap_or_else(|| "the server closed the channel".to_owned());
                return Err(format!("{why} before it gave {what}"));
            }
        }
    }
    Ok(())
}

/// Sends what is typed, in order, as fast as the server takes it.
async fn send(channel: Channel, outbox: Arc<Outbox>) {
    let write = channel.write();
    loop {
        let next = tokio::select! {
            // What was asked for before it was closed from this side is still said.
            biased;
            next = outbox.next() => next,
            () = channel.inbox.ended() => break,
        };
        let sent = match next {
            Next::Size(cols, rows) => write.window_change(u32::from(cols), u32::from(rows), 0, 0).await,
            Next::Signal(signal) => write.signal(signal).await,
            // It waits while the program there does not read, and must end all the same.
            Next::Typed(bytes) => tokio::select! {
                sent = write.data_bytes(bytes) => sent,
                () = outbox.closed() => break,
                () = channel.inbox.ended() => break,
            },
            Next::Close => break,
        };
        if sent.is_err() {
            // The connection is gone. What it brought before is still read; it says itself that it ended.
            channel.inbox.ended().await;
            break;
        }
    }
    outbox.close();
}

/// RFC 4254 section 6.10: names without `SIG`. The name is what is sent, of those that the library knows too.
pub(crate) fn signal(name: &str) -> Sig {
    let name = name.to_ascii_uppercase();
    Sig::Custom(name.strip_prefix("SIG").unwrap_or(&name).to_owned())
}
