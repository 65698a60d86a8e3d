//! The client's agent (`ssh -A`), as programs on a server reach it through the door.

use std::sync::Arc;
use std::time::Duration;

use bastide_app::streams::{Later, Lender, Talk, ask_agent};
use russh::server::Handle;
use tokio::io::{AsyncRead, AsyncWrite};

use crate::flow::Flow;

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
struct Program<S> {
    stream: S,
    flow: Arc<Flow>,
}

impl<S> std::fmt::Debug for Program<S> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Program")
    }
}

impl<S: AsyncRead + AsyncWrite + Send + Unpin> Talk for Program<S> {
    fn ask(&mut self, message: Vec<u8>) -> Later<'_, Option<Vec<u8>>> {
        Box::pin(async move {
            // The answer may lie behind input that waits for the very program that asks.
            let _held = self.flow.hold();
            tokio::select! {
                biased;
                answer = ask_agent(&mut self.stream, &message) => answer,
                // The person may be asked first, for minutes (`ssh-add -c`): this talk ends, and not the connection.
                () = self.flow.crowded() => None,
            }
        })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;

    #[tokio::test]
    async fn an_agent_that_takes_its_time_while_much_comes_ends_the_talk_and_not_the_connection() {
        const MEGABYTE: usize = 1024 * 1024;
        let (stream, mut agent) = tokio::io::duplex(64);
        let flow = Arc::new(Flow::default());
        let mut program = Program { stream, flow: Arc::clone(&flow) };
        let (answer, question) = tokio::join!(program.ask(vec![11]), async {
            let mut question = [0; 5];
            agent.read_exact(&mut question).await.unwrap();
            agent.write_all(&[0, 0, 0, 1, 12]).await.unwrap();
            question
        });
        assert_eq!((answer, question), (Some(vec![12]), [0, 0, 0, 1, 11]));
        let mut question = [0; 5];
        let mut asking = program.ask(vec![11]);
        tokio::select! {
            biased;
            _ = &mut asking => panic!("nobody has answered"),
            read = agent.read_exact(&mut question) => assert_eq!(read.unwrap(), 5),
        }
        assert!((0..16).all(|_| flow.came(MEGABYTE)));
        tokio::select! {
            biased;
            answer = asking => assert_eq!(answer, None),
            () = std::future::ready(()) => panic!("it still waits"),
        }
    }
}
