//! Small texts, to be looked at and changed in the browser.

use bastide_ssh::{Reading, Sftp, Writing};
use bastide_wire::sftp::{Attributes, Kind, request::open};
use bytes::Bytes;
use serde::Serialize;
use sha2::{Digest, Sha256};
use utoipa::ToSchema;
use uuid::Uuid;

use super::failure::Tried;
use super::far::{Far, Passed, Road, Told, allowed};
use super::place::{PRIVATE, inherit};
use super::{At, FileError, join, named, shown, split};
use crate::context::{Action, Ctx};
use crate::streams::Transfer;
use crate::{Error, hex};

/// A larger one is taken home and edited there.
pub const MAX_TEXT: u64 = 1024 * 1024;

/// A file as text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = FileText)]
pub struct Text {
    pub text: String,
    /// Of exactly this text: who writes another one says what they have seen.
    pub etag: String,
    /// Where it really is, absolute and without links, in the form of names.
    pub path: String,
}

fn tag(content: &[u8]) -> String {
    hex::encode(Sha256::digest(content).as_slice())
}

/// # Errors
/// `NotLoggedIn`, `NotFound`, `Forbidden`, `Limit`, `Ssh`, `File`, `Storage`.
pub async fn read_text(ctx: &Ctx, at: At) -> Result<Text, Error> {
    let road = Road::to(ctx, Action::FileDownload, at.on).await?;
    let told = Told::begin(&road, (Transfer::Download, "read"), &at.path).await?;
    let mut passed = Passed::default();
    let read = async {
        let Far { mut sftp, mut right, account, .. } = road.open().await?;
        let tried = Tried { path: &at.path, account: &account };
        let Seen { content, path, .. } = allowed(&mut right, content(&mut sftp, &tried)).await?;
        passed.add(&content);
        let etag = tag(&content);
        let text = String::from_utf8(content).ok().filter(|text| !text.contains('\0'));
        let text = text.ok_or_else(|| FileError::NotText(shown(&at.path)))?;
        Ok(Text { text, etag, path: shown(&path) })
    };
    let read: Result<Text, Error> = read.await;
    let told = told.really(read.as_ref().ok().map(|read| read.path.as_str()));
    let why = read.as_ref().err().map(ToString::to_string);
    told.end(why, (passed.bytes, Some(passed.sha256()))).await;
    read
}

/// What a small file holds.
struct Seen {
    content: Vec<u8>,
    /// Of the very file that it was read from.
    about: Attributes,
    /// Where that is, without links.
    path: Bytes,
}

/// All of a small file. Some say that they are empty and are not (those in /proc), so it is read to its end. Links are
/// followed once, to begin with: all that comes after is about the file that they lead to then.
async fn content(sftp: &mut Sftp, tried: &Tried<'_>) -> Result<Seen, Error> {
    let failed = |error| Error::from(tried.failed(error));
    let large = |size| FileError::TooLarge { path: shown(tried.path), size, most: MAX_TEXT };
    let path = sftp.real_path(tried.path).await.map_err(failed)?;
    let found = sftp.stat_link(&path).await.map_err(failed)?;
    match found.kind() {
        Kind::File => {}
        Kind::Directory => return Err(FileError::IsDirectory(shown(tried.path)).into()),
        Kind::Link => {
            let why = "the server does not tell where this link leads: open the file that it leads to";
            return Err(FileError::refused(tried.path, why).into());
        }
        _ => return Err(FileError::NotText(shown(tried.path)).into()),
    }
    if let Some(size) = found.size.filter(|size| *size > MAX_TEXT) {
        return Err(large(size).into());
    }
    let handle = sftp.open(&path, open::READ).await.map_err(failed)?;
    let about = sftp.stat_open(&handle).await.map_err(failed)?;
    let mut reading = Reading::new(handle.clone(), (0, MAX_TEXT + 1));
    let mut content = Vec::new();
    while let Some(block) = sftp.read(&mut reading).await.map_err(failed)? {
        content.extend_from_slice(&block);
    }
    sftp.close(&handle).await.map_err(failed)?;
    match content.len() as u64 {
        size if size > MAX_TEXT => Err(large(size).into()),
        _ => Ok(Seen { content, about, path }),
    }
}

/// Puts a text in the place of the one that was seen; without `seen` there must be none yet. The new one is written
/// beside it first, so that there is one of the two at any moment; permissions stay, and the owner where the account may
/// give files away. A link stays one, and what it leads to is changed: editors do so, and much of /etc is links. Where
/// that is, the answer and the log say.
///
/// # Errors
/// As [`read_text`]; `File` with `Changed` where there is another text than was seen.
pub async fn write_text(ctx: &Ctx, at: At, (text, seen): (String, Option<String>)) -> Result<Text, Error> {
    let road = Road::to(ctx, Action::FileUpload, at.on).await?;
    named(&at.path)?;
    if text.len() as u64 > MAX_TEXT {
        let (path, size) = (shown(&at.path), text.len() as u64);
        return Err(FileError::TooLarge { path, size, most: MAX_TEXT }.into());
    }
    let told = Told::begin(&road, (Transfer::Upload, "write"), &at.path).await?;
    let mut passed = Passed::default();
    let tasks = ctx.app().tasks().clone();
    // In its own task: what was begun is not left half done because a browser went away.
    let writing = tasks.spawn("file write", async move {
        let write = async {
            let Far { mut sftp, mut right, account, .. } = road.open().await?;
            let tried = Tried { path: &at.path, account: &account };
            allowed(&mut right, replace(&mut sftp, &tried, (text.as_bytes(), seen.as_deref()))).await
        };
        let written: Result<String, Error> = write.await;
        if written.is_ok() {
            passed.add(text.as_bytes());
        }
        let told = told.really(written.as_ref().ok().map(String::as_str));
        let why = written.as_ref().err().map(ToString::to_string);
        told.end(why, (passed.bytes, written.is_ok().then(|| passed.sha256()))).await;
        written.map(|path| Text { etag: tag(text.as_bytes()), text, path })
    });
    writing.await.unwrap_or(Err(Error::Stopping))
}

/// Where it is now, in the form of names.
async fn replace(
    sftp: &mut Sftp,
    tried: &Tried<'_>,
    (text, seen): (&[u8], Option<&str>),
) -> Result<String, Error> {
    let failed = |error| Error::from(tried.failed(error));
    let Some(seen) = seen else {
        // Where a link is, something is.
        match sftp.create(tried.path, None).await {
            Ok(handle) => fill(sftp, tried, (Writing::new(handle, 0), text), None).await?,
            Err(error) => return Err(tried.making(sftp, error).await.into()),
        }
        return Ok(shown(&sftp.real_path(tried.path).await.map_err(failed)?));
    };
    let Seen { content, about: before, path: real } = content(sftp, tried).await?;
    if tag(&content) != seen {
        return Err(FileError::Changed(shown(tried.path)).into());
    }
    let (parent, name) = split(&real).ok_or_else(|| FileError::IsDirectory(shown(tried.path)))?;
    let beside = join(parent, &super::upload::part_name(name, &Uuid::now_v7().simple().to_string()));
    let new = Tried { path: &beside, account: tried.account };
    let put = async {
        let handle = match sftp.create(&beside, Some(PRIVATE)).await {
            Ok(handle) => handle,
            Err(error) => return Err(new.making(sftp, error).await.into()),
        };
        fill(sftp, &new, (Writing::new(handle, 0), text), Some(&before)).await?;
        sftp.rename(&beside, &real, true).await.map_err(failed)
    };
    let put: Result<(), Error> = put.await;
    if put.is_err() {
        // It may not be there.
        let _ = sftp.remove(&beside).await;
    }
    put.map(|()| shown(&real))
}

async fn fill(
    sftp: &mut Sftp,
    tried: &Tried<'_>,
    (mut writing, text): (Writing, &[u8]),
    before: Option<&Attributes>,
) -> Result<(), Error> {
    let handle = writing.handle().clone();
    let work = async {
        for block in text.chunks(sftp.block()) {
            sftp.write_next(&mut writing, Bytes::copy_from_slice(block)).await?;
        }
        sftp.write_out(&mut writing).await?;
        if let Some(before) = before {
            inherit(sftp, &handle, before).await?;
        }
        sftp.close(&handle).await
    };
    match work.await {
        Ok(()) => Ok(()),
        Err(error) => Err(tried.writing(sftp, error, text.len() as u64).await.into()),
    }
}
