//! Files from a server.

use bastide_ssh::{Handle, Reading};
use bastide_wire::sftp::{Kind, request};
use bytes::Bytes;
use tokio::sync::{mpsc, oneshot};

use super::failure::Tried;
use super::far::{Far, Passed, Road, Told, allowed, moving};
use super::{At, FileError, shown, split};
use crate::Error;
use crate::context::{Action, Ctx};
use crate::streams::Transfer;

/// Blocks between the server and who takes them, each at most 120 KB. Two let one travel while the other is sent.
pub(super) const BLOCKS: usize = 2;

/// A file that is open.
#[derive(Debug)]
pub struct Content {
    path: Vec<u8>,
    size: u64,
    changed: u32,
    handle: Handle,
    far: Far,
    told: Told,
}

/// What is taken of it, as fast as it is taken.
#[derive(Debug)]
pub struct Chunks {
    blocks: mpsc::Receiver<Bytes>,
    ended: oneshot::Receiver<Result<(), Error>>,
}

impl Chunks {
    pub(super) fn new() -> (mpsc::Sender<Bytes>, oneshot::Sender<Result<(), Error>>, Self) {
        let (blocks, taken) = mpsc::channel(BLOCKS);
        let (end, ended) = oneshot::channel();
        (blocks, end, Self { blocks: taken, ended })
    }

    /// `None` at the end, once all of it has passed.
    ///
    /// # Errors
    /// Why it has not: the right to it is gone, the server, or the connection to it.
    pub async fn next(&mut self) -> Result<Option<Bytes>, Error> {
        if let Some(block) = self.blocks.recv().await {
            return Ok(Some(block));
        }
        match (&mut self.ended).await {
            Ok(ended) => ended.map(|()| None),
            Err(_) => Err(Error::Stopping),
        }
    }
}

/// Opens a file to read it.
///
/// # Errors
/// `NotLoggedIn`, `NotFound`, `Forbidden`, `Limit`, `Ssh`, `File`, `Storage`.
pub async fn open(ctx: &Ctx, at: At) -> Result<Content, Error> {
    let road = Road::to(ctx, Action::FileDownload, at.on).await?;
    let told = Told::begin(&road, (Transfer::Download, "download"), &at.path).await?;
    match look(road, &at.path).await {
        Ok((far, handle, (size, changed))) => Ok(Content { path: at.path, size, changed, handle, far, told }),
        Err(error) => {
            told.end(Some(error.to_string()), (0, None)).await;
            Err(error)
        }
    }
}

async fn look(road: Road, path: &[u8]) -> Result<(Far, Handle, (u64, u32)), Error> {
    let mut far = road.open().await?;
    let Far { sftp, right, account, .. } = &mut far;
    let tried = Tried { path, account };
    let found = allowed(right, async {
        let failed = |error| Error::from(tried.failed(error));
        // Asked before it is opened: to open a pipe waits for its other end.
        let found = sftp.stat(path).await.map_err(failed)?;
        match found.kind() {
            Kind::File => {}
            Kind::Directory => return Err(FileError::IsDirectory(shown(path)).into()),
            _ => return Err(FileError::refused(path, "this is no file that has an end").into()),
        }
        let handle = sftp.open(path, request::open::READ).await.map_err(failed)?;
        let found = sftp.stat_open(&handle).await.map_err(failed)?;
        let changed = found.times.map_or(0, |(_, changed)| changed);
        Ok((handle, (found.size.unwrap_or_default(), changed)))
    })
    .await?;
    Ok((far, found.0, found.1))
}

impl Content {
    /// In bytes.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Changes with what is in it, as far as size and time of change tell.
    pub fn tag(&self) -> String {
        format!("{:x}-{:x}", self.changed, self.size)
    }

    /// Its last name, as it is.
    pub fn name(&self) -> &[u8] {
        split(&self.path).map_or(b"", |(_, name)| name)
    }

    /// Nothing of it is wanted.
    pub async fn leave(self) {
        self.told.end(None, (0, None)).await;
    }

    /// From the first byte up to before the other one.
    pub fn part(self, from: u64, end: u64) -> Chunks {
        let Self { path, handle, mut far, told, .. } = self;
        let (blocks, ended, chunks) = Chunks::new();
        let tasks = told.ctx.app().tasks().clone();
        let work = async move {
            let mut passed = Passed::default();
            let Far { sftp, right, account, .. } = &mut far;
            let tried = Tried { path: &path, account };
            let mut part = Reading::new(handle, (from, end));
            let reading = async {
                while let Some(block) = sftp.read(&mut part).await.map_err(|error| tried.failed(error))? {
                    passed.add(&block);
                    blocks.send(block).await.map_err(|_| Gone::error())?;
                }
                match passed.bytes == end - from {
                    true => Ok(()),
                    // A part must not be taken for the whole.
                    false => Err(FileError::Changed(shown(&path)).into()),
                }
            };
            let done = moving(right, reading).await;
            drop(blocks);
            let why = done.as_ref().err().map(ToString::to_string);
            // Before whoever takes it is told that it is whole.
            told.end(why, (passed.bytes, (from == 0).then(|| passed.sha256()))).await;
            let _ = ended.send(done);
        };
        drop(tasks.spawn("file download", work));
        chunks
    }
}

/// Nobody takes what comes.
pub(super) struct Gone;

impl Gone {
    pub(super) fn error() -> Error {
        Error::File(FileError::Lost("whoever asked for it has left".to_owned()))
    }
}
