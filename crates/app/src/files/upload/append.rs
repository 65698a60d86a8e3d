//! One piece of an upload.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use bastide_ssh::{Handle, Sftp, SftpError, Writing};
use bastide_wire::sftp::{Attributes, Kind, request::open};
use bytes::{Bytes, BytesMut};
use tokio::sync::{mpsc, oneshot, watch};

use super::super::FileError;
use super::super::download::BLOCKS;
use super::super::failure::Tried;
use super::super::far::{Far, Road, Told, moving};
use super::super::place::{PRIVATE, inherit, is_same};
use super::{Progress, Upload, find, is_written_by};
use crate::Error;
use crate::context::{Action, Ctx};
use crate::error::What;
use crate::streams::Transfer;

/// How many bytes are on the server, how many there will be, and whether the file is whole and in its place.
pub type Appended = (u64, u64, bool);

/// Takes the bytes of one piece.
#[derive(Debug)]
pub struct Appending {
    blocks: Option<mpsc::Sender<Bytes>>,
    ended: oneshot::Receiver<Result<Appended, Error>>,
}

impl Appending {
    /// Waits while the server is slower. False when no more is taken: [`Self::finish`] says why.
    pub async fn send(&mut self, data: Bytes) -> bool {
        match &self.blocks {
            Some(blocks) => blocks.send(data).await.is_ok(),
            None => false,
        }
    }

    /// There is no more.
    ///
    /// # Errors
    /// Why not all that was sent is there.
    pub async fn finish(mut self) -> Result<Appended, Error> {
        self.blocks = None;
        (&mut self.ended).await.unwrap_or(Err(Error::Stopping))
    }
}

/// Begins to send a piece, which must begin where the one before has ended. Whoever sends another one now is cut off.
/// When this is dropped before it is finished, what has come stays.
///
/// # Errors
/// `NotLoggedIn`, `NotFound`, `Forbidden`; `File` with `Offset`; `Limit`, `Storage`.
pub async fn append(ctx: &Ctx, (server, id): (i64, &str), offset: Option<u64>) -> Result<Appending, Error> {
    let upload = find(ctx, server, id)?;
    let offset = offset
        .ok_or_else(|| Error::Invalid("where does it begin? The header upload-offset says so".to_owned()))?;
    let road = Road::to(ctx, Action::FileUpload, upload.on).await?;
    let (blocks, coming) = mpsc::channel(BLOCKS);
    let (tell, ended) = oneshot::channel();
    let tasks = ctx.app().tasks().clone();
    drop(tasks.spawn("file upload", async move {
        let done = piece(&upload, road, (offset, coming)).await;
        let _ = tell.send(done);
    }));
    Ok(Appending { blocks: Some(blocks), ended })
}

async fn piece(
    upload: &Arc<Upload>,
    road: Road,
    (offset, coming): (u64, mpsc::Receiver<Bytes>),
) -> Result<Appended, Error> {
    let (mut turn, newest) = upload.take_over().await?;
    if offset != upload.offset() {
        return Err(FileError::Offset(upload.offset()).into());
    }
    if turn.done {
        return Ok((upload.size, upload.size, true));
    }
    let told = Told::begin(&road, (Transfer::Upload, "upload"), &upload.path).await?;
    let uploads = road.ctx().app().clone();
    let far = road.open().await;
    let done = match far {
        Ok(mut far) => send(upload, &mut far, (&mut turn, coming, newest)).await,
        Err(error) => Err(error),
    };
    // What has come is gone where it cannot be found: whoever begins again makes another.
    if turn.done || matches!(done, Err(Error::NotFound(What::Upload))) {
        uploads.uploads().forget(upload);
    }
    let there = upload.offset();
    let why = match &done {
        Ok(()) if turn.done => None,
        Ok(()) => Some(format!("{there} of {} bytes are there; it can go on", upload.size)),
        Err(error) => Some(error.to_string()),
    };
    let sha256 = turn.passed.as_ref().map(super::Passed::sha256);
    told.end(why, (there, sha256)).await;
    done.map(|()| (there, upload.size, turn.done))
}

async fn send(
    upload: &Upload,
    far: &mut Far,
    (progress, coming, newest): (&mut Progress, mpsc::Receiver<Bytes>, watch::Receiver<u64>),
) -> Result<(), Error> {
    let Far { sftp, right, account, .. } = far;
    let tried = Tried { path: &upload.part, account };
    let whole = Tried { path: &upload.path, account };
    moving(right, async {
        let handle = open_part(sftp, &tried, upload).await?;
        let writing = Writing::new(handle.clone(), upload.offset());
        let mut piece = Piece { upload, progress, writing, coming, newest, buffer: BytesMut::new() };
        let sent = piece.pass(sftp).await;
        match sent {
            Ok(()) => {}
            Err(Failed::Here(error)) => return Err(error),
            Err(Failed::There(error)) => {
                return Err(whole.writing(sftp, error, upload.size - upload.offset()).await.into());
            }
        }
        let whole_is_there = upload.offset() == upload.size;
        if whole_is_there && let Some(before) = &upload.files.before {
            inherit(sftp, &handle, before).await.map_err(|error| tried.failed(error))?;
        }
        // Some file systems tell only now that they have no room.
        if let Err(error) = sftp.close(&handle).await {
            return Err(whole.writing(sftp, error, upload.size - upload.offset()).await.into());
        }
        if whole_is_there {
            place(sftp, upload, &whole).await?;
            progress.done = true;
        }
        Ok(())
    })
    .await
}

/// Opens what is there, unless somebody has taken it away or put something else in its place. A link may have come there
/// between the look and the opening, and is followed: what is open must be what was seen.
async fn open_part(sftp: &mut Sftp, tried: &Tried<'_>, upload: &Upload) -> Result<Handle, Error> {
    let failed = |error| Error::from(tried.failed(error));
    let gone = || Error::NotFound(What::Upload);
    let seen = match sftp.stat_link(tried.path).await {
        Ok(seen) => seen,
        Err(SftpError::Said { .. }) => return Err(gone()),
        Err(error) => return Err(failed(error)),
    };
    let whole = seen.kind() == Kind::File && seen.size.is_some_and(|size| size >= upload.offset());
    if !whole || !is_written_by(&seen, upload.files.writer) {
        return Err(gone());
    }
    let handle = sftp.open(tried.path, open::WRITE).await.map_err(failed)?;
    let there = sftp.stat_open(&handle).await.map_err(failed)?;
    if !is_same(&there, &seen) {
        sftp.close(&handle).await.map_err(failed)?;
        return Err(gone());
    }
    // Begun while there was nothing to replace.
    if upload.files.before.is_some() && there.permissions().is_some_and(|mode| mode & !PRIVATE != 0) {
        let private = Attributes { mode: Some(PRIVATE), ..Attributes::default() };
        sftp.set_open(&handle, &private).await.map_err(failed)?;
    }
    Ok(handle)
}

/// What has come takes its place.
async fn place(sftp: &mut Sftp, upload: &Upload, whole: &Tried<'_>) -> Result<(), Error> {
    if upload.replace && !sftp.replaces() {
        // There may be none.
        let _ = sftp.remove(&upload.path).await;
    }
    match sftp.rename(&upload.part, &upload.path, upload.replace).await {
        Ok(()) => Ok(()),
        Err(error) => Err(whole.making(sftp, error).await.into()),
    }
}

/// Which side something failed on.
enum Failed {
    Here(Error),
    There(SftpError),
}

impl From<SftpError> for Failed {
    fn from(error: SftpError) -> Self {
        Self::There(error)
    }
}

struct Piece<'a> {
    upload: &'a Upload,
    progress: &'a mut Progress,
    writing: Writing,
    coming: mpsc::Receiver<Bytes>,
    newest: watch::Receiver<u64>,
    buffer: BytesMut,
}

impl Piece<'_> {
    /// Until no more comes or somebody takes over; whatever was sent is confirmed then, or has failed.
    async fn pass(&mut self, sftp: &mut Sftp) -> Result<(), Failed> {
        let mut sent = self.upload.offset();
        loop {
            let data = tokio::select! {
                biased;
                _ = self.newest.changed() => None,
                data = self.coming.recv() => data,
            };
            let Some(data) = data else { break };
            sent += data.len() as u64;
            if sent > self.upload.size {
                self.flush(sftp).await?;
                let why = format!("more bytes come than the {} that were announced", self.upload.size);
                return Err(Failed::Here(Error::Invalid(why)));
            }
            self.buffer.extend_from_slice(&data);
            // While more is there, full blocks only.
            let least = if self.coming.is_empty() { 1 } else { sftp.block() };
            while self.buffer.len() >= least {
                let length = self.buffer.len().min(sftp.block());
                let block = self.buffer.split_to(length).freeze();
                let written = sftp.write_next(&mut self.writing, block).await;
                self.count();
                written?;
            }
        }
        self.flush(sftp).await
    }

    async fn flush(&mut self, sftp: &mut Sftp) -> Result<(), Failed> {
        while !self.buffer.is_empty() {
            let length = self.buffer.len().min(sftp.block());
            let block = self.buffer.split_to(length).freeze();
            let written = sftp.write_next(&mut self.writing, block).await;
            self.count();
            written?;
        }
        let written = sftp.write_out(&mut self.writing).await;
        self.count();
        Ok(written?)
    }

    /// What the server has confirmed is there, whatever happens next.
    fn count(&mut self) {
        for block in self.writing.take_confirmed() {
            if let Some(passed) = &mut self.progress.passed {
                passed.add(&block);
            }
        }
        self.upload.offset.store(self.writing.confirmed(), Ordering::Release);
    }
}
