//! The client's agent (`ssh -A`), as programs on a server reach it through the door.

use std::sync::Arc;
use std::time::Duration;

use bastide_app::streams::{Later, Lender, Talk};
use russh::ChannelStream;
use russh::server::{Handle, Msg};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::flow::Flow;

/// As OpenSSH's agent bounds a message.
const MAX_MESSAGE: usize = 256 * 1024;
/// For the client to open a channel to its agent.
const OPENS_WITHIN: Duration = Duration::from_secs(10);

/// One connection's client.
pub(crate) struct Client {
    handle: Handle,
    flow: Arc<Flow>,
}

impl Client {
    pub(crate) fn new(handle: Handle, flow: Arc<Flow>) -> Self {
        Self { handle, flow }
    }
}

impl std::fmt::Debug for Client {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Client")
    }
}

impl Lender for Client {
    fn open(&self) -> Later<'_, Option<Box<dyn Talk>>> {
        Box::pin(async {
            let opened = tokio::time::timeout(OPENS_WITHIN, self.handle.channel_open_agent()).await;
            let stream = opened.ok()?.ok()?.into_stream();
            Some(Box::new(Program { stream, flow: Arc::clone(&self.flow) }) as Box<dyn Talk>)
        })
    }
}

/// One program's channel.
struct Program {
    stream: ChannelStream<Msg>,
    flow: Arc<Flow>,
}

impl std::fmt::Debug for Program {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Program")
    }
}

impl Talk for Program {
    fn ask(&mut self, message: Vec<u8>) -> Later<'_, Option<Vec<u8>>> {
        Box::pin(async move {
            // The answer may lie behind input that waits for the very program that asks.
            let _held = self.flow.hold();
            let mut framed = Vec::with_capacity(message.len() + 4);
            framed.extend_from_slice(&u32::try_from(message.len()).ok()?.to_be_bytes());
            framed.extend_from_slice(&message);
            self.stream.write_all(&framed).await.ok()?;
            let length = usize::try_from(self.stream.read_u32().await.ok()?).ok()?;
            if length == 0 || length > MAX_MESSAGE {
                return None;
            }
            let mut answer = vec![0; length];
            self.stream.read_exact(&mut answer).await.ok()?;
            Some(answer)
        })
    }
}
