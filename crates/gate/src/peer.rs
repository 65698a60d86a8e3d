//! What goes to the client over one channel.

use std::sync::Arc;

use bytes::Bytes;
use russh::server::{Handle, Msg};
use russh::{ChannelId, ChannelWriteHalf, Sig};

use crate::flow::Flow;

/// RFC 4254 section 5.2: standard error.
pub(crate) const STDERR: u32 = 1;

/// The client has left.
#[derive(Debug)]
pub(crate) struct Gone;

/// The sending half of a channel. Dropping it does not close the channel: see [`Peer::end`].
pub(crate) struct Peer {
    write: ChannelWriteHalf<Msg>,
    handle: Handle,
    flow: Arc<Flow>,
}

/// How what ran there ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum End {
    Status(u32),
    /// Without `SIG`.
    Signal(String),
    /// There was no program.
    Plain,
}

/// As a shell's `exec` of what cannot be run: ssh(1) itself ends so when its connection fails.
pub(crate) const FAILED: End = End::Status(255);

impl Peer {
    pub(crate) fn new(write: ChannelWriteHalf<Msg>, handle: Handle, flow: Arc<Flow>) -> Self {
        Self { write, handle, flow }
    }

    pub(crate) fn id(&self) -> ChannelId {
        self.write.id()
    }

    /// Waits for the client's window. Not cancel-safe.
    pub(crate) async fn output(&self, bytes: Bytes) -> Result<(), Gone> {
        self.send(None, bytes).await
    }

    /// The same, to its standard error.
    pub(crate) async fn error(&self, bytes: Bytes) -> Result<(), Gone> {
        self.send(Some(STDERR), bytes).await
    }

    async fn send(&self, kind: Option<u32>, bytes: Bytes) -> Result<(), Gone> {
        if bytes.is_empty() {
            return Ok(());
        }
        // While it lives the socket is read, where the message lies that opens the window.
        let _held = (self.write.writable_packet_size().await < bytes.len()).then(|| self.flow.hold());
        let sent = match kind {
            None => self.write.data_bytes(bytes).await,
            Some(kind) => self.write.extended_data_bytes(kind, bytes).await,
        };
        sent.map_err(|_| Gone)
    }

    /// A line about what this side does, for the person: to standard error.
    pub(crate) async fn say(&self, text: &str) -> Result<(), Gone> {
        self.error(Bytes::from(format!("bastide: {}\r\n", visible(text)))).await
    }

    pub(crate) async fn eof(&self) {
        // A client that is gone needs no end.
        let _ = self.write.eof().await;
    }

    /// Says how it ended, and closes.
    pub(crate) async fn end(&self, end: End) {
        let said = match end {
            End::Status(status) => self.write.exit_status(status).await.is_ok(),
            End::Signal(name) => {
                // The name is what is sent (RFC 4254 section 6.10), of those that the library knows too.
                let (signal, none) = (Sig::Custom(name), String::new());
                self.handle.exit_signal_request(self.id(), signal, false, none.clone(), none).await.is_ok()
            }
            End::Plain => true,
        };
        if said {
            let _ = self.write.eof().await;
            let _ = self.write.close().await;
        }
    }
}

/// A signal's name without `SIG`.
pub(crate) fn signal_name(signal: &Sig) -> String {
    match signal {
        Sig::Custom(name) => name.clone(),
        known => format!("{known:?}"),
    }
}

/// Text of others in a terminal: what would steer it is replaced.
pub(crate) fn visible(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect()
}
