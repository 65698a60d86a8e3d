//! What SFTP goes over: a channel, or bytes that were stored.

use bytes::Bytes;

use crate::channel::Exit;
use crate::stream::Stream;

/// Bytes both ways.
pub trait Link: Send {
    /// False when nothing can be sent any more.
    fn write(&self, bytes: Bytes) -> impl Future<Output = bool> + Send;

    /// What has come; `None` when no more will.
    fn next(&self) -> impl Future<Output = Option<Bytes>> + Send;

    /// Why no more will come.
    fn ended(&self) -> impl Future<Output = String> + Send;
}

impl Link for Stream {
    async fn write(&self, bytes: Bytes) -> bool {
        Self::write(self, bytes).await
    }

    async fn next(&self) -> Option<Bytes> {
        // What a server says beside it is for its own log.
        Self::next(self).await.map(|(output, _errors)| output)
    }

    async fn ended(&self) -> String {
        match self.exit().await {
            Exit::Lost(why) => why,
            _ => "the server ended SFTP".to_owned(),
        }
    }
}
