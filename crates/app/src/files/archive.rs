//! A directory with all that is in it, as one file that is made while it is sent.

mod tar;
mod zip;

use bastide_ssh::{Reading, Sftp, SftpError};
use bastide_wire::sftp::{Attributes, Kind, request::open};
use bytes::Bytes;
use serde::Deserialize;
use tokio::sync::mpsc;
use utoipa::ToSchema;

use super::download::{Chunks, Gone};
use super::failure::Tried;
use super::far::{Far, Passed, Road, Told, allowed, moving};
use super::list::{entries, weight};
use super::{At, FileError, join, shown, split};
use crate::Error;
use crate::context::{Action, Ctx};
use crate::streams::Transfer;

/// A zip's list of what is in it is kept until its end, some 200 bytes for each.
const MAX_ENTRIES: usize = 100_000;
/// Directories in each other: no deeper than paths are long.
const MAX_DEPTH: usize = 256;
/// Of names that are kept: the lists of the directories that it is in, one below the other, and a zip's own list.
const MAX_KEPT: usize = 64 * 1024 * 1024;
/// Bytes of a path in the archive. Written out as text it has at most four times as many, and a zip counts them in 16
/// bits.
const MAX_NAME: usize = u16::MAX as usize / 4 - 1;
/// A tar says how long a file is before it comes; what is missing at its end is zeros, so much of them. A file that
/// misses more, or a server that states any size, is no archive's end.
const MAX_MISSING: u64 = 1024 * 1024;
/// So much is gathered before it is sent.
const BLOCK: usize = 64 * 1024;
/// What was left out is told in the archive, so much of it.
const MAX_LEFT_OUT: usize = 1000;
const MAX_LEFT_OUT_BYTES: usize = 1024 * 1024;
const LEFT_OUT: &str = "LEFT-OUT.txt";

/// How an archive is written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, ToSchema)]
#[schema(as = ArchiveFormat)]
pub enum Format {
    /// As GNU tar writes it, through gzip. Names stay the bytes that they are.
    #[default]
    #[serde(rename = "tar.gz")]
    TarGz,
    /// With the sizes of zip64 where they are needed.
    #[serde(rename = "zip")]
    Zip,
}

impl Format {
    /// With which a file's name ends.
    pub fn suffix(self) -> &'static str {
        match self {
            Self::TarGz => "tar.gz",
            Self::Zip => "zip",
        }
    }

    pub fn media_type(self) -> &'static str {
        match self {
            Self::TarGz => "application/gzip",
            Self::Zip => "application/zip",
        }
    }
}

/// One thing in an archive.
#[derive(Debug, Clone, Copy)]
struct Entry<'a> {
    /// Relative, without a slash at its end.
    name: &'a [u8],
    what: What<'a>,
    /// Permissions.
    mode: u32,
    /// Seconds since 1970.
    changed: u32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum What<'a> {
    /// Of so many bytes.
    File(u64),
    Directory,
    Link(&'a [u8]),
}

#[derive(Debug)]
enum Pack {
    Tar(tar::Tar),
    Zip(zip::Zip),
}

impl Pack {
    fn new(format: Format) -> Self {
        match format {
            Format::TarGz => Self::Tar(tar::Tar::new()),
            Format::Zip => Self::Zip(zip::Zip::new()),
        }
    }

    fn begin(&mut self, entry: &Entry<'_>) {
        match self {
            Self::Tar(tar) => tar.begin(entry),
            Self::Zip(zip) => zip.begin(entry),
        }
    }

    /// Of the file that was begun last, no more than it has.
    fn data(&mut self, data: &[u8]) {
        match self {
            Self::Tar(tar) => tar.data(data),
            Self::Zip(zip) => zip.data(data),
        }
    }

    /// The file has no more.
    fn end(&mut self) {
        match self {
            Self::Tar(tar) => tar.end(),
            Self::Zip(zip) => zip.end(),
        }
    }

    /// What it misses of the file that was begun last is made up for with zeros.
    fn fills(&self) -> bool {
        matches!(self, Self::Tar(_))
    }

    /// What it keeps for its end, in bytes.
    fn kept(&self) -> usize {
        match self {
            Self::Tar(_) => 0,
            Self::Zip(zip) => zip.kept(),
        }
    }

    fn finish(&mut self) {
        match self {
            Self::Tar(tar) => tar.finish(),
            Self::Zip(zip) => zip.finish(),
        }
    }

    fn ready(&mut self) -> &mut Vec<u8> {
        match self {
            Self::Tar(tar) => tar.ready(),
            Self::Zip(zip) => zip.ready(),
        }
    }
}

/// Begins to send a directory, or a file alone, as an archive, and the name that it has on the server. Links are sent as
/// links and never followed; what cannot be read is left out, and a text in the archive says so.
///
/// # Errors
/// `NotLoggedIn`, `NotFound`, `Forbidden`, `Limit`, `Ssh`, `File`, `Storage`.
pub async fn archive(ctx: &Ctx, at: At, format: Format) -> Result<(Vec<u8>, Chunks), Error> {
    let road = Road::to(ctx, Action::FileDownload, at.on).await?;
    let told = Told::begin(&road, (Transfer::Download, "archive"), &at.path).await?;
    let (mut far, path, found) = match look(road, &at.path).await {
        Ok(opened) => opened,
        Err(error) => {
            told.end(Some(error.to_string()), (0, None)).await;
            return Err(error);
        }
    };
    let name = split(&path).map_or_else(|| b"root".to_vec(), |(_, name)| name.to_vec());
    let (blocks, ended, chunks) = Chunks::new();
    let tasks = told.ctx.app().tasks().clone();
    let top = name.clone();
    drop(tasks.spawn("file archive", async move {
        let mut passed = Passed::default();
        let Far { sftp, right, account, .. } = &mut far;
        let sent = Sent { blocks: &blocks, passed: &mut passed };
        let mut walk = Walk::new(account, Pack::new(format), sent);
        let done = moving(right, walk.all(sftp, (&path, &top, &found))).await;
        drop(blocks);
        let why = done.as_ref().err().map(ToString::to_string);
        told.end(why, (passed.bytes, Some(passed.sha256()))).await;
        let _ = ended.send(done);
    }));
    Ok((name, chunks))
}

async fn look(road: Road, path: &[u8]) -> Result<(Far, Vec<u8>, Attributes), Error> {
    let mut far = road.open().await?;
    let Far { sftp, right, account, .. } = &mut far;
    let tried = Tried { path, account };
    let (path, found) = allowed(right, async {
        let real = match sftp.real_path(path).await {
            Ok(real) => real,
            Err(error) => return Err(tried.listing(sftp, error).await.into()),
        };
        let found = sftp.stat(&real).await.map_err(|error| tried.failed(error))?;
        if found.kind() == Kind::Directory {
            // Whoever may not read it is told so, and gets no archive of nothing.
            entries(sftp, &Tried { path: &real, account }).await?;
        }
        Ok((real.to_vec(), found))
    })
    .await?;
    Ok((far, path, found))
}

struct Sent<'a> {
    blocks: &'a mpsc::Sender<Bytes>,
    passed: &'a mut Passed,
}

struct Walk<'a> {
    account: &'a str,
    pack: Pack,
    sent: Sent<'a>,
    left_out: Vec<String>,
    left_out_bytes: usize,
    count: usize,
    /// Memory of the lists of directories that it is in.
    listed: usize,
}

/// Where something is, what it is called in the archive, and what is known of it.
type Found<'a> = (&'a [u8], &'a [u8], &'a Attributes);

impl<'a> Walk<'a> {
    fn new(account: &'a str, pack: Pack, sent: Sent<'a>) -> Self {
        Self { account, pack, sent, left_out: Vec::new(), left_out_bytes: 0, count: 0, listed: 0 }
    }

    async fn all(&mut self, sftp: &mut Sftp, top: Found<'_>) -> Result<(), Error> {
        self.one(sftp, top, 0).await?;
        if !self.left_out.is_empty() {
            let text = self.left_out.join("\n") + "\n";
            let what = What::File(text.len() as u64);
            let name = join(top.1, LEFT_OUT.as_bytes());
            let changed = top.2.times.map_or(0, |(_, changed)| changed);
            self.pack.begin(&Entry { name: &name, what, mode: 0o644, changed });
            self.pack.data(text.as_bytes());
            self.pack.end();
        }
        self.pack.finish();
        self.send(0).await
    }

    /// Sends what is ready, where it is as much as this.
    async fn send(&mut self, least: usize) -> Result<(), Error> {
        let ready = self.pack.ready();
        if ready.is_empty() || ready.len() < least {
            return Ok(());
        }
        let block = Bytes::from(std::mem::take(ready));
        self.sent.passed.add(&block);
        self.sent.blocks.send(block).await.map_err(|_| Gone::error())
    }

    fn leave_out(&mut self, path: &[u8], why: &str) {
        if self.left_out.len() > MAX_LEFT_OUT || self.left_out_bytes > MAX_LEFT_OUT_BYTES {
            return;
        }
        let line = format!("{}: {why}", shown(path));
        self.left_out_bytes += line.len();
        let full = self.left_out.len() == MAX_LEFT_OUT || self.left_out_bytes > MAX_LEFT_OUT_BYTES;
        self.left_out.push(if full { "… and more".to_owned() } else { line });
    }

    /// The connection being gone is the end; anything else is left out.
    fn unless_lost(&mut self, path: &[u8], error: SftpError) -> Result<(), Error> {
        let failed = Tried { path, account: self.account }.failed(error);
        match failed {
            FileError::Lost(_) => Err(failed.into()),
            why => {
                self.leave_out(path, &why.to_string());
                Ok(())
            }
        }
    }

    async fn one(
        &mut self,
        sftp: &mut Sftp,
        (path, name, found): Found<'_>,
        depth: usize,
    ) -> Result<(), Error> {
        self.count += 1;
        if name.len() > MAX_NAME {
            self.leave_out(path, "its path is too long for an archive");
            return Ok(());
        }
        let kept = self.listed + self.pack.kept();
        if self.count > MAX_ENTRIES || depth > MAX_DEPTH || kept > MAX_KEPT {
            self.leave_out(path, "more is in it than one archive takes");
            return Ok(());
        }
        let mode = found.permissions().unwrap_or(0o644);
        let changed = found.times.map_or(0, |(_, changed)| changed);
        let entry = |what| Entry { name, what, mode, changed };
        match found.kind() {
            Kind::File => {
                self.file(sftp, path, (entry(What::File(0)), found.size.unwrap_or_default())).await?;
            }
            Kind::Link => match sftp.read_link(path).await {
                Ok(target) => self.pack.begin(&entry(What::Link(&target))),
                Err(error) => self.unless_lost(path, error)?,
            },
            Kind::Directory => {
                self.pack.begin(&entry(What::Directory));
                self.inside(sftp, (path, name), depth).await?;
            }
            Kind::Other => self.leave_out(path, "neither a file nor a directory nor a link"),
        }
        self.send(BLOCK).await
    }

    async fn inside(
        &mut self,
        sftp: &mut Sftp,
        (path, name): (&[u8], &[u8]),
        depth: usize,
    ) -> Result<(), Error> {
        let tried = Tried { path, account: self.account };
        let (mut found, truncated) = match entries(sftp, &tried).await {
            Ok(found) => found,
            Err(Error::File(error @ FileError::Lost(_))) => return Err(error.into()),
            Err(error) => {
                self.leave_out(path, &error.to_string());
                return Ok(());
            }
        };
        if truncated {
            self.leave_out(path, "more is in it than is ever listed");
        }
        let weight = weight(&found);
        if self.listed + self.pack.kept() + weight > MAX_KEPT {
            self.leave_out(path, "more is in it than one archive takes");
            return Ok(());
        }
        self.listed += weight;
        found.sort_unstable_by(|one, other| one.name.cmp(&other.name));
        for entry in &found {
            let (path, name) = (join(path, &entry.name), join(name, &entry.name));
            Box::pin(self.one(sftp, (&path, &name, &entry.attributes), depth + 1)).await?;
        }
        self.listed -= weight;
        Ok(())
    }

    async fn file(
        &mut self,
        sftp: &mut Sftp,
        path: &[u8],
        (entry, size): (Entry<'_>, u64),
    ) -> Result<(), Error> {
        let handle = match sftp.open(path, open::READ).await {
            Ok(handle) => handle,
            Err(error) => return self.unless_lost(path, error),
        };
        self.pack.begin(&Entry { what: What::File(size), ..entry });
        let mut reading = Reading::new(handle.clone(), (0, size));
        let mut left = size;
        loop {
            match sftp.read(&mut reading).await {
                Ok(None) => break,
                Ok(Some(block)) => {
                    left -= block.len() as u64;
                    self.pack.data(&block);
                    self.send(BLOCK).await?;
                }
                Err(error) => {
                    self.unless_lost(path, error)?;
                    break;
                }
            }
        }
        if left > 0 {
            let why = format!("its last {left} bytes could not be read");
            if left > MAX_MISSING && self.pack.fills() {
                return Err(FileError::refused(path, why + ", and the archive ends there").into());
            }
            self.leave_out(path, &why);
        }
        self.pack.end();
        match sftp.close(&handle).await {
            Err(error @ (SftpError::Lost(_) | SftpError::Bad)) => self.unless_lost(path, error),
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests;
