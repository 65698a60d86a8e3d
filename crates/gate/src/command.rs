//! A command, a file transfer, a connection further on: bytes both ways, and how it ended.

use std::pin::pin;
use std::time::Duration;

use bastide_app::Error;
use bastide_app::sessions::OnServer;
use bastide_app::streams::{self, Chunk, Reader, Run, StreamExit, Writer};
use tokio::sync::oneshot;

use crate::channel::{Failed, Visit};
use crate::held;
use crate::inbox::{Event, Urgent};
use crate::peer::{End, Gone};

/// What a client sent before it left is passed on in this time, if the other side reads at all.
const LAST_WORDS: Duration = Duration::from_secs(2);

/// Runs a command; its input, output and errors are the channel's.
pub(crate) async fn run(visit: &Visit, on: OnServer, run: Run) -> Result<End, Failed> {
    let (mut reader, writer) = begin(visit, on, run).await?;
    let mut right = reader.right();
    let drained = tokio::select! {
        drained = drain(visit, &mut reader) => drained,
        // Also while the client takes nothing and goes on typing.
        why = right.lost() => Err(why.into()),
        () = feed(visit, &writer) => Err(Failed::Gone),
        () = urgent(visit, &writer) => Err(Failed::Gone),
    };
    match &drained {
        // What has no terminal would go on at the other side when its channel is closed: as a terminal that is gone.
        Err(Failed::Gone) => writer.signal("HUP").await,
        // Nobody may any more.
        Err(Failed::Why(_)) => writer.signal("KILL").await,
        Ok(_) => {}
    }
    // The recording is whole before the client is told that it is over.
    reader.finish().await;
    let end = match drained? {
        StreamExit::Status(status) => End::Status(status),
        StreamExit::Signal(name) => End::Signal(name),
        // Devices say nothing and mean nothing by it.
        StreamExit::Unsaid => End::Status(0),
        StreamExit::Lost(why) => {
            visit.peer.say(&why).await?;
            crate::peer::FAILED
        }
    };
    Ok(end)
}

/// Starts it. While a second person has to look at it the client is told so, and may give it up.
async fn begin(visit: &Visit, on: OnServer, run: Run) -> Result<(Reader, Writer), Failed> {
    let (waits, held) = oneshot::channel();
    let mut starting = pin!(streams::run(&visit.ctx, on, run, waits));
    let held = tokio::select! {
        started = starting.as_mut() => return Ok(started?),
        failed = held::given_up(visit) => return Err(failed),
        // Without one there is nothing to say; it starts, or does not.
        Ok(held) = held => held,
    };
    visit.peer.say(&held::waiting(&held)).await?;
    let started = tokio::select! {
        started = starting.as_mut() => started?,
        failed = held::given_up(visit) => return Err(failed),
    };
    if let Some(approval) = started.0.approval() {
        visit.peer.say(&held::approved(approval)).await?;
    }
    Ok(started)
}

/// To the end of what comes, and how it ended.
async fn drain(visit: &Visit, reader: &mut Reader) -> Result<StreamExit, Failed> {
    loop {
        match reader.next().await {
            Chunk::Bytes(output, errors) => {
                visit.peer.output(output).await?;
                visit.peer.error(errors).await?;
            }
            Chunk::End => return Ok(reader.exit().await?),
            Chunk::Lost(error) => return Err(error.into()),
        }
    }
}

/// What the client sends; goes on for ever, so that the end is the other side's.
async fn feed(visit: &Visit, writer: &Writer) {
    while pass_on(visit, writer).await {}
    std::future::pending::<()>().await;
}

/// Up to the end of the input; false when there is nothing more to pass on, ever.
async fn pass_on(visit: &Visit, writer: &Writer) -> bool {
    while let Some(event) = visit.inbox.next().await {
        match event {
            Event::Data(bytes) => {
                let sent = writer.write(bytes).await;
                if !sent {
                    return false;
                }
            }
            Event::Eof => {
                writer.eof().await;
                return true;
            }
            _ => {}
        }
    }
    false
}

/// Signals; ends when the client closes the channel.
async fn urgent(visit: &Visit, writer: &Writer) {
    loop {
        match visit.inbox.urgent().await {
            Urgent::Signal(name) => writer.signal(&name).await,
            Urgent::Size(_) => {}
            Urgent::Closed => return,
        }
    }
}

/// A connection: each direction ends by itself, RFC 4254 section 5.3.
pub(crate) async fn pass(visit: &Visit, (mut reader, writer): (Reader, Writer)) {
    let mut right = reader.right();
    let back = async {
        loop {
            match reader.next().await {
                Chunk::Bytes(output, _) => visit.peer.output(output).await?,
                Chunk::End => {
                    visit.peer.eof().await;
                    return Ok::<_, Gone>(());
                }
                Chunk::Lost(error) => {
                    tracing::info!(%error, "a connection through the ssh door was ended");
                    return Err(Gone);
                }
            }
        }
    };
    let forth = async {
        pass_on(visit, &writer).await;
        Ok(())
    };
    let closed = async { while visit.inbox.urgent().await != Urgent::Closed {} };
    let mut both = std::pin::pin!(async { tokio::try_join!(back, forth) });
    tokio::select! {
        _ = both.as_mut() => {}
        error = right.lost() => tracing::info!(%error, "a connection through the ssh door was ended"),
        () = closed => {
            let _ = tokio::time::timeout(LAST_WORDS, both).await;
        }
    }
}

impl From<Error> for Gone {
    fn from(_: Error) -> Self {
        Self
    }
}
