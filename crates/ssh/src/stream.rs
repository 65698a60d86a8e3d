//! A command, a subsystem or a connection further on, whose bytes pass through as they come.

use bytes::Bytes;

use crate::channel::Exit;
use crate::connection::Channel;
use crate::shell;

/// What is asked of the server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Start {
    /// The account's shell reads it. The variables are those that the server takes (`AcceptEnv`); it refuses others
    /// in silence.
    Exec { command: String, env: Vec<(String, String)> },
    /// RFC 4254 section 6.5.
    Subsystem(String),
}

/// Bytes both ways. Dropping it closes the channel.
///
/// What comes waits for its reader, at most 1 MB; then the whole connection does.
pub struct Stream {
    channel: Channel,
}

impl std::fmt::Debug for Stream {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Stream").field("place", &self.channel.place()).finish_non_exhaustive()
    }
}

impl Stream {
    pub(crate) fn new(channel: Channel) -> Self {
        Self { channel }
    }

    pub(crate) fn place(&self) -> &str {
        self.channel.place()
    }

    pub(crate) async fn ask(&self, start: &Start) -> Result<(), String> {
        let lost = |_| "the connection ended".to_owned();
        let (write, inbox) = (self.channel.write(), &self.channel.inbox);
        let what = match start {
            Start::Exec { command, env } => {
                if self.channel.forwards() {
                    write.agent_forward(false).await.map_err(lost)?;
                }
                for (name, value) in env {
                    write.set_env(false, name.as_str(), value.as_str()).await.map_err(lost)?;
                }
                write.exec(true, command.as_str()).await.map_err(lost)?;
                "to run commands".to_owned()
            }
            Start::Subsystem(name) => {
                write.request_subsystem(true, name.as_str()).await.map_err(lost)?;
                format!("the subsystem {name}")
            }
        };
        match inbox.next_reply().await {
            Some(true) => Ok(()),
            Some(false) => Err(format!("the server refuses {what}")),
            None => Err(inbox.lost().unwrap_or_else(|| "the server closed the channel".to_owned())),
        }
    }

    /// What has come: output and errors. `None` when no more will. Cancel-safe.
    pub async fn next(&self) -> Option<(Bytes, Bytes)> {
        let (output, error) = self.channel.inbox.take_to_eof().await?;
        Some((output.freeze(), error.freeze()))
    }

    /// Sends; waits while the other side does not read. Not cancel-safe: a part may have been sent. False when
    /// nothing can be sent any more.
    pub async fn write(&self, bytes: Bytes) -> bool {
        tokio::select! {
            sent = self.channel.write().data_bytes(bytes) => sent.is_ok(),
            () = self.channel.inbox.ended() => false,
        }
    }

    /// No more will be sent.
    pub async fn eof(&self) {
        // Where the connection is gone there is nobody to tell.
        let _ = self.channel.write().eof().await;
    }

    /// By its name, with or without `SIG`.
    pub async fn signal(&self, name: &str) {
        let _ = self.channel.write().signal(shell::signal(name)).await;
    }

    /// How it ended; waits for it.
    pub async fn exit(&self) -> Exit {
        self.channel.inbox.exit().await
    }
}
