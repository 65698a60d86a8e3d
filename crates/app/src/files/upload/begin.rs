//! How an upload begins, or goes on after its beginning was forgotten.

use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use bastide_ssh::{Handle, Sftp, SftpError, WRITE_AHEAD};
use bastide_wire::sftp::{Attributes, Kind};
use serde::Serialize;
use sha2::{Digest, Sha256};
use tokio::sync::{Mutex as Turn, watch};
use utoipa::ToSchema;
use uuid::Uuid;

use super::super::failure::Tried;
use super::super::far::{Far, Passed, Road, allowed};
use super::super::list::entries;
use super::super::place::PRIVATE;
use super::super::{At, FileError, join, named, shown, split};
use super::{Files, Progress, Upload, Uploads, is_part, is_written_by, part_name};
use crate::context::{Action, Ctx};
use crate::sessions::OnServer;
use crate::{Error, hex};

/// What lies about for longer was given up. Long enough for a slow line and a weekend.
const LEFT_AFTER: u32 = 7 * 24 * 60 * 60;
/// A client's own mark of what it sends.
const MAX_TAG: usize = 200;

/// What is to be sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct New {
    pub at: At,
    pub size: u64,
    /// A file that is there gives way once the new one is whole.
    pub replace: bool,
    /// Tells two contents of one size apart, such as when they were changed.
    pub tag: String,
}

/// Where it goes on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = UploadBegun)]
pub struct Begun {
    pub id: String,
    /// Bytes that are there already: the next piece begins with the one after them.
    pub offset: u64,
    pub size: u64,
    /// Where it will be, in the form of names.
    pub path: String,
}

/// Begins an upload, or goes on with the same one of the same person.
///
/// # Errors
/// `NotLoggedIn`, `NotFound`, `Forbidden`, `Invalid`, `Limit`, `Ssh`, `File`, `Storage`.
pub async fn begin(ctx: &Ctx, new: New) -> Result<Begun, Error> {
    let road = Road::to(ctx, Action::FileUpload, new.at.on).await?;
    named(&new.at.path)?;
    if new.tag.len() > MAX_TAG {
        return Err(Error::Invalid(format!("tag: at most {MAX_TAG} bytes")));
    }
    let about = road.about("upload_begin", &new.at.path).with("size", new.size);
    let ctx = road.ctx().clone();
    ctx.audited(Action::FileUpload, about, async move |ctx| {
        let (by, on) = (ctx.person()?.user.id, road.on());
        let Far { mut sftp, mut right, account, .. } = road.open().await?;
        let whose = Whose { by, on, account: &account, uploads: ctx.app().uploads() };
        let (made, there) = allowed(&mut right, make(&mut sftp, whose, &new)).await?;
        let certain = made.offset();
        let upload = ctx.app().uploads().keep(made)?;
        // One that is under way has more than lies there for certain, unless somebody has taken it away.
        let (mut turn, _) = upload.take_over().await?;
        if upload.offset() > there.max(certain) {
            upload.offset.store(certain, Ordering::Release);
            turn.passed = (certain == 0).then(Passed::default);
        }
        drop(turn);
        let Upload { id, path, size, .. } = &*upload;
        Ok(Begun { id: id.clone(), offset: upload.offset(), size: *size, path: shown(path) })
    })
    .await
}

struct Whose<'a> {
    by: i64,
    on: OnServer,
    account: &'a str,
    uploads: &'a Uploads,
}

/// Also how many bytes lie there.
async fn make(sftp: &mut Sftp, whose: Whose<'_>, new: &New) -> Result<(Upload, u64), Error> {
    let Whose { by, on, account, uploads } = whose;
    let (parent, name) = named(&new.at.path)?;
    let tried = Tried { path: parent, account };
    let real = match sftp.real_path(parent).await {
        Ok(real) => real,
        Err(error) => return Err(tried.listing(sftp, error).await.into()),
    };
    let path = join(&real, name);
    let before = room(sftp, &Tried { path: &path, account }, new.replace).await?;
    let id = id((by, on), &path, new);
    // A refusal afterwards would leave a part there each time.
    uploads.has_room(&id, by)?;
    let part = join(&real, &part_name(name, &id));
    let mode = before.map(|_| PRIVATE);
    let (there, writer) = begun(sftp, &Tried { path: &part, account }, (new.size, mode)).await?;
    // What was sent ahead may have come in any order.
    let offset = there.saturating_sub(WRITE_AHEAD as u64);
    sweep(sftp, &Tried { path: &real, account }, &part).await;
    if let Ok(Some(space)) = sftp.space(&real).await
        && space.free < new.size - offset
    {
        if offset == 0 {
            let _ = sftp.remove(&part).await;
        }
        let needed = new.size - offset;
        return Err(FileError::Full { path: shown(&path), free: space.free, needed }.into());
    }
    let upload = Upload {
        id,
        by,
        on,
        path,
        part,
        size: new.size,
        replace: new.replace,
        files: Files { before, writer },
        offset: AtomicU64::new(offset),
        newest: watch::Sender::new(0),
        progress: Turn::new(Progress { passed: (offset == 0).then(Passed::default), done: false }),
        touched: Mutex::new(Instant::now()),
    };
    Ok((upload, there))
}

/// Follows from who sends what where, so that nobody has to keep it.
fn id((by, on): (i64, OnServer), path: &[u8], new: &New) -> String {
    let OnServer { server, credential } = on;
    let facts = (by, server, credential, path, new.size, new.replace, &new.tag);
    hex::encode(&Sha256::digest(format!("{facts:?}"))[..16])
}

/// What is known of the file that is there and may be replaced.
async fn room(sftp: &mut Sftp, tried: &Tried<'_>, replace: bool) -> Result<Option<Attributes>, Error> {
    let Ok(found) = sftp.stat_link(tried.path).await else { return Ok(None) };
    match found.kind() {
        Kind::Directory => Err(FileError::IsDirectory(shown(tried.path)).into()),
        _ if !replace => Err(FileError::Exists(shown(tried.path)).into()),
        Kind::File => Ok(Some(found)),
        // The link gives way, and what it leads to stays.
        _ => Ok(None),
    }
}

/// Makes the part, or finds it; how many bytes are in it, and the user who writes it.
async fn begun(
    sftp: &mut Sftp,
    tried: &Tried<'_>,
    (size, mode): (u64, Option<u32>),
) -> Result<(u64, Option<u32>), Error> {
    if let Ok(found) = sftp.stat_link(tried.path).await {
        let writer = writer(sftp, tried).await?;
        let there = found.size.filter(|there| *there <= size && is_written_by(&found, writer));
        if let Some(there) = there {
            return Ok((there, writer));
        }
        // Whoever has put it there could change it at any time.
        sftp.remove(tried.path).await.map_err(|error| tried.failed(error))?;
    }
    // Exclusive: a link that somebody has put there is not followed.
    match sftp.create(tried.path, mode).await {
        Ok(handle) => Ok((0, user(sftp, &handle).await.map_err(|error| tried.failed(error))?)),
        Err(error) => Err(tried.making(sftp, error).await.into()),
    }
}

/// As whom the server writes there, which only a file that was just made tells.
async fn writer(sftp: &mut Sftp, tried: &Tried<'_>) -> Result<Option<u32>, Error> {
    let (parent, name) = split(tried.path).unwrap_or((tried.path, b"part"));
    let path = join(parent, &part_name(name, &Uuid::now_v7().simple().to_string()));
    let probe = Tried { path: &path, account: tried.account };
    let handle = match sftp.create(&path, Some(PRIVATE)).await {
        Ok(handle) => handle,
        Err(error) => return Err(probe.making(sftp, error).await.into()),
    };
    let user = user(sftp, &handle).await;
    let removed = sftp.remove(&path).await;
    let user = user.map_err(|error| probe.failed(error))?;
    removed.map_err(|error| probe.failed(error))?;
    Ok(user)
}

/// Whose file is open; it is closed.
async fn user(sftp: &mut Sftp, handle: &Handle) -> Result<Option<u32>, SftpError> {
    let found = sftp.stat_open(handle).await;
    sftp.close(handle).await?;
    Ok(found?.owner.map(|(user, _)| user))
}

/// Removes parts that were left in a directory. What cannot be removed is somebody else's.
async fn sweep(sftp: &mut Sftp, tried: &Tried<'_>, own: &[u8]) {
    let Ok(Some(now)) = sftp.stat_link(own).await.map(|own| own.times.map(|(_, changed)| changed)) else {
        return;
    };
    let Ok((found, _)) = entries(sftp, tried).await else { return };
    let old = |changed: u32| now.saturating_sub(changed) > LEFT_AFTER;
    let left = found.iter().filter(|entry| {
        is_part(&entry.name)
            && entry.attributes.kind() == Kind::File
            && entry.attributes.times.is_some_and(|(_, changed)| old(changed))
    });
    let left: Vec<_> = left.map(|entry| join(tried.path, &entry.name)).filter(|path| path != own).collect();
    if !left.is_empty() {
        let removed = sftp.remove_all(&left).await.is_ok();
        tracing::info!(count = left.len(), removed, "parts of uploads that were given up");
    }
}
