//! The SFTP subsystem: packets pass as they are, and are looked at on the way. A request that the person may not make
//! is answered here and never reaches the server.

mod fuzz;
mod watch;

use std::sync::{Mutex, MutexGuard, PoisonError};

use bastide_app::sessions::OnServer;
use bastide_app::streams::{self, Chunk, Reader, StreamExit, Writer};
use bastide_app::{Ctx, Error};
use bastide_wire::sftp::{Bad, Packets, refusal};
use bytes::Bytes;
use tokio::sync::mpsc;

use crate::channel::{Failed, Visit};
use crate::inbox::{Event, Urgent};
use crate::peer::{End, FAILED};
pub use fuzz::fuzz_sftp;

use watch::{Entry, Watch};

/// Refusals on their way to a client that has not taken the earlier ones.
const REFUSALS: usize = 16;

/// One client and its server.
struct Pair<'a> {
    ctx: &'a Ctx,
    on: OnServer,
    watch: Mutex<Watch>,
}

/// Who asks, as they are now.
struct Now {
    ctx: Ctx,
    changes: tokio::sync::watch::Receiver<u64>,
}

impl Now {
    async fn of(ctx: &Ctx) -> Result<Self, Error> {
        let changes = ctx.changes();
        Ok(Self { ctx: ctx.again().await?.ok_or(Error::NotLoggedIn)?, changes })
    }

    async fn look(&mut self) -> Result<&Ctx, Error> {
        if self.changes.has_changed().unwrap_or(true) {
            self.changes.mark_unchanged();
            self.ctx = self.ctx.again().await?.ok_or(Error::NotLoggedIn)?;
        }
        Ok(&self.ctx)
    }
}

/// Why it is over before the server says so.
enum Over {
    Failed(Failed),
    /// Somebody speaks something else.
    Bad(&'static str),
}

impl From<Failed> for Over {
    fn from(failed: Failed) -> Self {
        Self::Failed(failed)
    }
}

impl From<Error> for Over {
    fn from(error: Error) -> Self {
        Self::Failed(error.into())
    }
}

pub(crate) async fn serve(visit: &Visit, on: OnServer) -> Result<End, Failed> {
    let (mut reader, writer) = streams::sftp(&visit.ctx, on).await?;
    let on = reader.on();
    let pair = Pair { ctx: &visit.ctx, on, watch: Mutex::default() };
    let (refused, refusals) = mpsc::channel(REFUSALS);
    let mut right = reader.right();
    let over = tokio::select! {
        // Also while the client takes nothing and goes on sending.
        why = right.lost() => Err(Over::from(why)),
        over = pair.back(visit, &mut reader, refusals) => over,
        over = pair.forth(visit, &writer, refused) => over.map(|never| match never {}),
        () = closed(visit) => Err(Over::Failed(Failed::Gone)),
    };
    let left = pair.watch().left();
    for entry in left {
        pair.note(entry).await?;
    }
    match over {
        Ok(StreamExit::Status(status)) => Ok(End::Status(status)),
        Ok(StreamExit::Signal(name)) => Ok(End::Signal(name)),
        Ok(StreamExit::Unsaid) => Ok(End::Status(0)),
        Ok(StreamExit::Lost(why)) => {
            visit.peer.say(&why).await?;
            Ok(FAILED)
        }
        Err(Over::Failed(failed)) => Err(failed),
        Err(Over::Bad(who)) => {
            visit.peer.say(&format!("the {who} does not speak SFTP")).await?;
            Ok(FAILED)
        }
    }
}

async fn closed(visit: &Visit) {
    while visit.inbox.urgent().await != Urgent::Closed {}
}

enum Never {}

impl Pair<'_> {
    fn watch(&self) -> MutexGuard<'_, Watch> {
        self.watch.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn note(&self, entry: Entry) -> Result<(), Error> {
        streams::moved(self.ctx, self.on, entry).await
    }

    /// From the client to the server.
    async fn forth(
        &self,
        visit: &Visit,
        writer: &Writer,
        refused: mpsc::Sender<Bytes>,
    ) -> Result<Never, Over> {
        let bad = |Bad| Over::Bad("client");
        let (mut packets, mut now) = (Packets::default(), Now::of(self.ctx).await?);
        while let Some(event) = visit.inbox.next().await {
            match event {
                Event::Data(bytes) => packets.add(&bytes),
                Event::Eof => {
                    writer.eof().await;
                    continue;
                }
                _ => continue,
            }
            while let Some(packet) = packets.next().map_err(bad)? {
                if let Some((id, why)) = self.refuses(now.look().await?, &packet).await? {
                    // The other half is there as long as this one.
                    let _ = refused.send(refusal(id, &why)).await;
                    continue;
                }
                let entry = self.watch().sent(&packet).map_err(bad)?;
                if let Some(entry) = entry {
                    self.note(entry).await?;
                }
                if !writer.write(packet).await {
                    return std::future::pending().await;
                }
            }
        }
        std::future::pending().await
    }

    /// The request's number and why, where the person may not make it. It is in the log then.
    async fn refuses(&self, ctx: &Ctx, packet: &Bytes) -> Result<Option<(u32, String)>, Over> {
        let bad = |Bad| Over::Bad("client");
        // What was opened is not read or written for longer than the right lasts.
        if let Some((id, transfer, handle)) = Watch::goes_on(packet).map_err(bad)?
            && let Err(error) = streams::may(ctx, self.on, transfer)
        {
            let why = error.to_string();
            self.watch().refused(&handle, &why);
            return Ok(Some((id, why)));
        }
        let Some(needs) = Watch::needs(packet).map_err(bad)? else { return Ok(None) };
        for transfer in needs.rights {
            if let Err(error) = streams::may(ctx, self.on, transfer) {
                let why = error.to_string();
                let mut moved = needs.moved;
                moved.why = Some(why.clone());
                self.note((transfer, moved)).await?;
                return Ok(Some((needs.id, why)));
            }
        }
        Ok(None)
    }

    /// From the server to the client, and the refusals between its answers.
    async fn back(
        &self,
        visit: &Visit,
        reader: &mut Reader,
        mut refusals: mpsc::Receiver<Bytes>,
    ) -> Result<StreamExit, Over> {
        let mut packets = Packets::default();
        loop {
            let chunk = tokio::select! {
                // Nothing of it is recorded, so nothing is lost when it is given up for a refusal.
                chunk = reader.next() => chunk,
                Some(refusal) = refusals.recv() => {
                    visit.peer.output(refusal).await.map_err(Failed::from)?;
                    continue;
                }
            };
            let (output, errors) = match chunk {
                Chunk::Bytes(output, errors) => (output, errors),
                Chunk::End => return Ok(reader.exit().await?),
                Chunk::Lost(error) => return Err(error.into()),
            };
            visit.peer.error(errors).await.map_err(Failed::from)?;
            packets.add(&output);
            while let Some(packet) = packets.next().map_err(|Bad| Over::Bad("server"))? {
                let entry = self.watch().came(&packet).map_err(|Bad| Over::Bad("server"))?;
                if let Some(entry) = entry {
                    self.note(entry).await?;
                }
                visit.peer.output(packet).await.map_err(Failed::from)?;
            }
        }
    }
}
